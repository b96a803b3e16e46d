/* Expressions for tests: compiled and evaluated with the same arguments. */
#ifndef STEPWELL_EXPRESSION_FIXTURE_H
#define STEPWELL_EXPRESSION_FIXTURE_H

#include "expression/expression.h"

#include <check.h>
#include <string.h>

/* The arguments of every test: $context, $steps and $item; `asked` counts the lookups. */
static unsigned asked;

static bool lookup(void *ctx, const char *name, struct json *ret)
{
	(void)ctx;
	asked++;
	if (strcmp(name, "context") == 0)
		*ret = JSON_LITERAL("{\"y\":1.50,\"list\":[{\"id\":1}]}");
	else if (strcmp(name, "steps") == 0)
		*ret = JSON_LITERAL("{\"charge\":{\"id\":7}}");
	else if (strcmp(name, "item") == 0)
		*ret = JSON_LITERAL("\"it\"");
	else
		return false;
	return true;
}

static struct scope scope_of(const char *dot)
{
	struct json v = {dot, strlen(dot)};
	return (struct scope){dot ? v : (struct json){0}, 1700000000500000, lookup, NULL};
}

static struct expression *add(
	struct program *p, const char *node, enum expression_form form)
{
	struct expression *e = NULL;
	struct error err = {0};
	ck_assert_msg(program_add(p, (struct json){node, strlen(node)}, form, &e, &err),
		"%s: %s", node, err.text);
	return e;
}

/* The result, or "!" and the error; caller frees. */
static char *eval_with(
	struct program *p, const char *node, enum expression_form form, const char *dot)
{
	struct expression *e;
	struct error err = {0};
	struct buf out = {0};
	struct scope scope = scope_of(dot);
	if (!program_add(p, (struct json){node, strlen(node)}, form, &e, &err) ||
		!expression_eval(e, &scope, &out, &err)) {
		ck_assert_int_eq(err.kind, ERROR_INPUT);
		ck_assert_uint_eq(out.len, 0);
		buf_finish(&out);
		return xasprintf("!%s", err.text);
	}
	return buf_take(&out);
}

#endif
