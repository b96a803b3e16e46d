/*
 * For tests of a kind of task by itself: a compiler that knows only its program and a
 * `use` section, and effect_succeed and effect_fail without an engine. Include it in one
 * .c file.
 */
#ifndef STEPWELL_FAKE_COMPILER_H
#define STEPWELL_FAKE_COMPILER_H

#include "definition/task.h"

#include <stdarg.h>
#include <stdio.h>

struct compiler {
	struct program *program;
	struct json use; /* what stands under `use`, or absent */
};

bool compiler_expression(struct compiler *c, struct json node, enum expression_form form,
	struct expression **ret, struct error *err)
{
	if (node.s)
		return program_add(c->program, node, form, ret, err);
	*ret = NULL;
	return true;
}

struct json compiler_use(struct compiler *c, const char *section, const char *name)
{
	return json_get(json_get(c->use, section), name);
}

bool compiler_refuse(
	struct compiler *c, struct json node, struct error *err, const char *format, ...)
{
	char text[512];
	va_list args;
	(void)c, (void)node;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	return error_set(err, ERROR_INPUT, "%s", text);
}

bool compiler_secret(
	struct compiler *c, struct json node, const char *name, struct error *err)
{
	(void)c, (void)node, (void)name, (void)err;
	return true;
}

#endif
