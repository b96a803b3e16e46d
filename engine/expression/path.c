/* Evaluation over slices; nothing is copied but what is put together. */
#include "expression/path.h"

#include <string.h>

#include "json/index.h"
#include "json/order.h"

static const char *type_name(struct json v)
{
	switch (json_type(v)) {
	case JSON_NONE:
	case JSON_NULL: return "null";
	case JSON_FALSE:
	case JSON_TRUE: return "boolean";
	case JSON_NUMBER: return "number";
	case JSON_STRING: return "string";
	case JSON_ARRAY: return "array";
	case JSON_OBJECT: return "object";
	}
	return "";
}

static struct json member_of(struct json v, const char *name, struct json_index *index)
{
	return index ? json_index_get(index, v, name) : json_get(v, name);
}

static struct json element_of(struct json v, long at, struct json_index *index)
{
	if (index)
		return json_index_at(index, v, at);
	if (at < 0)
		at += (long)json_count(v);
	struct json none = {0};
	return at < 0 ? none : json_at(v, (size_t)at);
}

static bool follow(const struct plain_step *step, struct json *v,
	struct json_index *index, struct error *err)
{
	enum json_type type = json_type(*v);
	if (type == JSON_NULL)
		return true;
	if (step->name && type != JSON_OBJECT)
		return error_set(err, ERROR_INPUT, "Cannot index %s with \"%s\"",
			type_name(*v), step->name);
	if (!step->name && type != JSON_ARRAY)
		return error_set(
			err, ERROR_INPUT, "Cannot index %s with number", type_name(*v));
	struct json found = step->name ? member_of(*v, step->name, index)
				       : element_of(*v, step->index, index);
	*v = found.s ? found : JSON_LITERAL("null");
	return true;
}

bool path_undefined(const char *name, struct error *err)
{
	return error_set(err, ERROR_INPUT, "$%s is not defined here", name);
}

bool path_find(const struct path *path, const struct scope *scope, struct json *ret,
	struct error *err)
{
	struct json v = scope->dot;
	/* What a name stands for may be made anew for each that asks. */
	struct json_index *index = path->root ? NULL : scope->index;
	if (path->root && (!scope->lookup || !scope->lookup(scope->ctx, path->root, &v)))
		return path_undefined(path->root, err);
	if (!v.s)
		v = JSON_LITERAL("null");
	for (size_t i = 0; i < path->nsteps; i++) {
		if (!follow(&path->steps[i], &v, index, err))
			return false;
	}
	*ret = v;
	return true;
}

static bool eval(const struct path *p, const struct scope *scope, struct buf *out,
	struct error *err);

static bool eval_items(const struct path *p, const struct scope *scope, struct buf *out,
	struct error *err)
{
	bool array = p->kind == PLAIN_ARRAY;
	size_t from = out->len;
	buf_putc(out, array ? '[' : '{');
	for (size_t i = 0; i < p->nitems; i++) {
		if (i)
			buf_putc(out, ',');
		if (!array) {
			json_put_text(out, p->items[i].name);
			buf_putc(out, ':');
		}
		if (!eval(&p->items[i], scope, out, err))
			return false;
		if (out->len - from > JSON_BYTES_DEFAULT)
			return error_set(err, ERROR_INPUT,
				"the result has more than %u bytes", JSON_BYTES_DEFAULT);
	}
	buf_putc(out, array ? ']' : '}');
	return true;
}

/* An operand's value: a slice, or made in *made. */
static bool find_operand(const struct path *p, const struct scope *scope,
	struct buf *made, struct json *ret, struct error *err)
{
	if (p->kind == PLAIN_PATH)
		return path_find(p, scope, ret, err);
	*ret = p->json;
	if (p->kind == PLAIN_LITERAL)
		return true;
	bool ok = eval(p, scope, made, err);
	*ret = (struct json){buf_text(made), made->len};
	return ok;
}

static bool holds(enum plain_order order, int compared)
{
	switch (order) {
	case PLAIN_EQUAL: return compared == 0;
	case PLAIN_UNEQUAL: return compared != 0;
	case PLAIN_LESS: return compared < 0;
	case PLAIN_LESS_EQUAL: return compared <= 0;
	case PLAIN_GREATER: return compared > 0;
	case PLAIN_GREATER_EQUAL: return compared >= 0;
	}
	return false;
}

/* jq evaluates the right side first. */
static bool compare(
	const struct path *p, const struct scope *scope, bool *ret, struct error *err)
{
	struct buf made[2] = {{0}, {0}};
	struct json a, b;
	bool ok = find_operand(&p->items[1], scope, &made[1], &b, err) &&
		  find_operand(&p->items[0], scope, &made[0], &a, err);
	if (ok)
		*ret = holds(p->order, json_order(a, b));
	buf_finish(&made[0]);
	buf_finish(&made[1]);
	return ok;
}

static bool test(
	const struct path *p, const struct scope *scope, bool *ret, struct error *err);

/* The first item that decides is the last one that is looked at. */
static bool combine(
	const struct path *p, const struct scope *scope, bool *ret, struct error *err)
{
	bool any = p->kind == PLAIN_ANY;
	*ret = !any;
	for (size_t i = 0; i < p->nitems && *ret != any; i++) {
		if (!test(&p->items[i], scope, ret, err))
			return false;
	}
	return true;
}

static bool test(
	const struct path *p, const struct scope *scope, bool *ret, struct error *err)
{
	struct json v;
	struct buf made = {0};
	switch (p->kind) {
	case PLAIN_COMPARISON: return compare(p, scope, ret, err);
	case PLAIN_ALL:
	case PLAIN_ANY: return combine(p, scope, ret, err);
	case PLAIN_TRUTH:
		if (!test(&p->items[0], scope, ret, err))
			return false;
		*ret ^= p->negated;
		return true;
	case PLAIN_LITERAL:
	case PLAIN_PATH:
	case PLAIN_ARRAY:
	case PLAIN_OBJECT: break;
	}
	bool ok = find_operand(p, scope, &made, &v, err);
	if (ok)
		*ret = json_truth(v);
	buf_finish(&made);
	return ok;
}

static bool eval(const struct path *p, const struct scope *scope, struct buf *out,
	struct error *err)
{
	struct json v;
	bool truth;
	switch (p->kind) {
	case PLAIN_LITERAL: json_put(out, p->json); return true;
	case PLAIN_PATH:
		if (!path_find(p, scope, &v, err))
			return false;
		json_put(out, v);
		return true;
	case PLAIN_ARRAY:
	case PLAIN_OBJECT: return eval_items(p, scope, out, err);
	case PLAIN_COMPARISON:
	case PLAIN_ALL:
	case PLAIN_ANY:
	case PLAIN_TRUTH:
		if (!test(p, scope, &truth, err))
			return false;
		buf_puts(out, truth ? "true" : "false");
		return true;
	}
	return false;
}

/* A name that is not there fails the whole, as in jq, wherever it stands. */
static bool names_are_defined(
	const struct path *p, const struct scope *scope, struct error *err)
{
	struct json ignored;
	if (p->root && (!scope->lookup || !scope->lookup(scope->ctx, p->root, &ignored)))
		return path_undefined(p->root, err);
	for (size_t i = 0; i < p->nitems; i++) {
		if (!names_are_defined(&p->items[i], scope, err))
			return false;
	}
	return true;
}

bool path_test(
	const struct path *p, const struct scope *scope, bool *ret, struct error *err)
{
	return (!p->chooses || names_are_defined(p, scope, err)) &&
	       test(p, scope, ret, err);
}

bool path_eval(const struct path *p, const struct scope *scope, struct buf *out,
	struct error *err)
{
	return (!p->chooses || names_are_defined(p, scope, err)) &&
	       eval(p, scope, out, err);
}
