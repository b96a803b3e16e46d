/*
 * The way in and out of a frame, and the limits that every application of a schema
 * passes: work, depth, and no schema twice at the same place.
 */
#include "json_schema/frame.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

struct json_schema_shown json_schema_frame_show(struct json v)
{
	struct json_schema_shown shown = {0};
	enum json_type type = json_type(v);
	if (type == JSON_ARRAY || type == JSON_OBJECT) {
		snprintf(shown.text, sizeof shown.text, "%s",
			type == JSON_ARRAY ? "an array" : "an object");
		return shown;
	}
	size_t room = sizeof shown.text - 4, n = v.n < room ? v.n : room;
	while (n < v.n && n > 0 && ((unsigned char)v.s[n] & 0xC0) == 0x80)
		n--;
	snprintf(shown.text, sizeof shown.text, "%.*s%s", (int)n, v.s,
		n < v.n ? "..." : "");
	return shown;
}

bool json_schema_frame_is_stopped(const struct json_schema_frame *f)
{
	return f->run->stopped.kind != ERROR_NONE;
}

bool json_schema_frame_goes_on(const struct json_schema_frame *f)
{
	return f->run->quiet == 0 && f->run->nfailures < JSON_SCHEMA_FAILURES &&
	       !json_schema_frame_is_stopped(f);
}

bool json_schema_frame_fail(struct json_schema_frame *f, const char *format, ...)
{
	struct json_schema_run *run = f->run;
	if (!json_schema_frame_goes_on(f))
		return false;
	char what[320];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	if (run->nfailures++ > 0)
		buf_puts(&run->failures, "; ");
	json_schema_instance_pointer(f->instance, &run->failures);
	if (f->rule)
		buf_printf(&run->failures, ": %s", f->rule->keyword->name);
	buf_printf(&run->failures, ": %s", what);
	return false;
}

bool json_schema_frame_stop(struct json_schema_frame *f, const char *why)
{
	if (json_schema_frame_is_stopped(f))
		return false;
	struct buf pointer = {0};
	json_schema_instance_pointer(f->instance, &pointer);
	error_set(
		&f->run->stopped, ERROR_PERMANENT, "%s, at %s", why, buf_text(&pointer));
	buf_finish(&pointer);
	return false;
}

bool json_schema_frame_spend(struct json_schema_frame *f, size_t work)
{
	if (json_schema_frame_is_stopped(f))
		return false;
	if (work > f->run->work)
		return json_schema_frame_stop(
			f, "checking the value against its schema takes too much work");
	f->run->work -= work;
	return true;
}

static bool is_at_same_place(const struct json_schema_frame *f)
{
	return f->parent && f->parent->instance == f->instance;
}

static bool is_collecting(const struct json_schema_frame *f)
{
	enum json_type type = f->instance->type;
	return (type == JSON_ARRAY || type == JSON_OBJECT) &&
	       (f->node->is_collecting || (is_at_same_place(f) && f->parent->evaluated));
}

/* A place is scanned when it is listed; keywords count members, or read a string. */
static size_t work_of(const struct json_schema_frame *f)
{
	enum json_type type = f->instance->type;
	bool is_listed = type == JSON_ARRAY || type == JSON_OBJECT;
	size_t n = f->instance->text.n;
	return (1 + f->node->nrules) * (1 + n / (is_listed ? 256 : 64)) +
	       (is_at_same_place(f) ? 0 : n / 16);
}

/* Whether the schema is being applied to this very place already. */
static bool is_endless(const struct json_schema_frame *f, size_t *ret_frames)
{
	size_t n = 0;
	for (const struct json_schema_frame *p = f; is_at_same_place(p); n++) {
		p = p->parent;
		if (p->node == f->node)
			return true;
	}
	*ret_frames = n;
	return false;
}

static bool enter(struct json_schema_frame *f)
{
	size_t frames;
	if (f->depth > JSON_SCHEMA_DEPTH)
		return json_schema_frame_stop(
			f, "too many schemas are applied inside one another");
	if (is_endless(f, &frames))
		return json_schema_frame_stop(
			f, "the schema refers to itself without end");
	if (!json_schema_frame_spend(f, work_of(f) + frames / 16))
		return false;
	if (is_collecting(f)) {
		json_schema_instance_list(f->instance);
		f->evaluated = xcalloc(f->instance->count + 1, sizeof *f->evaluated);
	}
	return true;
}

static void leave(struct json_schema_frame *f, bool ok)
{
	bool *to = is_at_same_place(f) ? f->parent->evaluated : NULL;
	for (size_t i = 0; ok && to && f->evaluated && i < f->instance->count; i++)
		to[i] = to[i] || f->evaluated[i];
	free(f->evaluated);
	f->evaluated = NULL;
}

static bool check_rules(struct json_schema_frame *f)
{
	const struct json_schema_node *n = f->node;
	bool ok = true;
	for (size_t i = 0; i < n->nrules && (ok || json_schema_frame_goes_on(f)); i++) {
		const struct json_schema_rule *rule = &n->rules[i];
		const struct json_schema_keyword *k = rule->keyword;
		if (!k->check || !(k->types & JSON_SCHEMA_TYPE(f->instance->type)))
			continue;
		/* After a failure, what was not evaluated says nothing. */
		if (!ok && (k->vocabularies & VOCABULARY_UNEVALUATED))
			continue;
		f->rule = rule;
		ok = k->check(f, rule) && ok;
	}
	return ok && !json_schema_frame_is_stopped(f);
}

static bool apply(struct json_schema_frame *f)
{
	enum json_type type = json_type(f->node->text);
	if (type == JSON_FALSE) {
		f->rule = f->parent ? f->parent->rule : NULL;
		return json_schema_frame_fail(f, "nothing is allowed here");
	}
	if (!enter(f))
		return false;
	bool ok = type == JSON_TRUE || check_rules(f);
	leave(f, ok);
	return ok;
}

bool json_schema_frame_root(struct json_schema_run *run,
	const struct json_schema_node *node, struct json_schema_instance *instance)
{
	struct json_schema_frame f = {.run = run, .node = node, .instance = instance};
	return apply(&f);
}

static bool apply_inside(struct json_schema_frame *parent,
	const struct json_schema_node *node, struct json_schema_instance *instance)
{
	struct json_schema_frame f = {.run = parent->run,
		.parent = parent,
		.depth = parent->depth + 1,
		.node = node,
		.instance = instance};
	return apply(&f);
}

bool json_schema_frame_apply(
	struct json_schema_frame *f, const struct json_schema_node *node)
{
	return apply_inside(f, node, f->instance);
}

static bool apply_child(struct json_schema_frame *f, const struct json_schema_node *node,
	size_t index, bool is_name)
{
	struct json_schema_instance child;
	json_schema_instance_init_child(&child, f->instance, index, is_name);
	bool ok = apply_inside(f, node, &child);
	json_schema_instance_finish(&child);
	return ok;
}

bool json_schema_frame_apply_child(
	struct json_schema_frame *f, const struct json_schema_node *node, size_t index)
{
	if (f->evaluated)
		f->evaluated[index] = true;
	return apply_child(f, node, index, false);
}

bool json_schema_frame_apply_name(
	struct json_schema_frame *f, const struct json_schema_node *node, size_t index)
{
	return apply_child(f, node, index, true);
}

bool json_schema_frame_try(
	struct json_schema_frame *f, const struct json_schema_node *node)
{
	f->run->quiet++;
	bool ok = json_schema_frame_apply(f, node);
	f->run->quiet--;
	return ok;
}

bool json_schema_frame_try_child(
	struct json_schema_frame *f, const struct json_schema_node *node, size_t index)
{
	f->run->quiet++;
	bool ok = apply_child(f, node, index, false);
	f->run->quiet--;
	if (ok && f->evaluated)
		f->evaluated[index] = true;
	return ok;
}
