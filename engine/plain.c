/* A recursive descent over jq's tokens that gives up at the first thing it does not know.
 */
#include "plain.h"

#include <stdlib.h>
#include <string.h>

#include "jqscan.h"

#define INDEX_DIGITS 9

struct parser {
	struct jqlexer lexer;
	struct jqtoken token; /* the next one */
};

static struct jqtoken take(struct parser *p)
{
	struct jqtoken t = p->token;
	p->token = jqlexer_next(&p->lexer);
	return t;
}

static bool take_mark(struct parser *p, char mark)
{
	if (!jqtoken_is(p->token, mark))
		return false;
	take(p);
	return true;
}

/* A string literal of jq that is one of JSON too; names with NUL are left to jq. */
static char *take_string(struct parser *p)
{
	struct json v;
	struct buf b = {0};
	struct jqtoken t = take(p);
	if (!json_check(t.s, t.n, NULL, &v, NULL, NULL))
		return NULL;
	json_string(v, &b);
	char *s = memchr(buf_text(&b), '\0', b.len) ? NULL : xstrdup(buf_text(&b));
	buf_finish(&b);
	return s;
}

static struct plain_step *add_step(struct plain *path)
{
	size_t size = (path->nsteps + 1) * sizeof *path->steps;
	path->steps = xrealloc(path->steps, size);
	path->steps[path->nsteps] = (struct plain_step){0};
	return &path->steps[path->nsteps++];
}

static bool add_field(struct plain *path, struct jqtoken t)
{
	add_step(path)->name = xstrndup(t.s + 1, t.n - 1);
	return true;
}

static bool add_string(struct plain *path, struct parser *p)
{
	char *name = take_string(p);
	if (name)
		add_step(path)->name = name;
	return name;
}

static bool add_index(struct plain *path, struct parser *p)
{
	char digits[INDEX_DIGITS + 1] = "", *end;
	long sign = take_mark(p, '-') ? -1 : 1;
	struct jqtoken t = take(p);
	if (t.kind != JQTOKEN_NUMBER || t.n > INDEX_DIGITS)
		return false;
	memcpy(digits, t.s, t.n);
	long index = sign * strtol(digits, &end, 10);
	if (*end)
		return false;
	add_step(path)->index = index;
	return true;
}

/* What may follow a path: .name, ."name", ["name"], [0]. */
static bool parse_suffixes(struct parser *p, struct plain *path)
{
	for (;;) {
		if (p->token.kind == JQTOKEN_FIELD) {
			add_field(path, take(p));
		} else if (take_mark(p, '.')) {
			if (p->token.kind != JQTOKEN_STRING || !add_string(path, p))
				return false;
		} else if (take_mark(p, '[')) {
			bool named = p->token.kind == JQTOKEN_STRING;
			if (!(named ? add_string(path, p) : add_index(path, p)) ||
				!take_mark(p, ']'))
				return false;
		} else {
			return true;
		}
	}
}

static bool parse_path(struct parser *p, struct plain *path)
{
	path->kind = PLAIN_PATH;
	if (p->token.kind == JQTOKEN_FIELD)
		return add_field(path, take(p)) && parse_suffixes(p, path);
	if (take_mark(p, '$')) {
		struct jqtoken t = take(p);
		if (t.kind != JQTOKEN_NAME || (t.n == 7 && !memcmp(t.s, "__loc__", 7)))
			return false;
		path->root = xstrndup(t.s, t.n);
		return parse_suffixes(p, path);
	}
	if (!take_mark(p, '.'))
		return false;
	if (p->token.kind == JQTOKEN_STRING && !add_string(path, p))
		return false;
	return parse_suffixes(p, path);
}

static bool parse_literal(struct parser *p, struct plain *ret)
{
	const char *from = p->token.s;
	if (take_mark(p, '-') && p->token.kind != JQTOKEN_NUMBER)
		return false;
	struct jqtoken t = take(p);
	ret->kind = PLAIN_LITERAL;
	return json_check(from, (size_t)(t.s + t.n - from), NULL, &ret->json, NULL, NULL);
}

static bool parse_value(struct parser *p, struct plain *ret);

static struct plain *add_item(struct plain *p)
{
	p->items = xrealloc(p->items, (p->nitems + 1) * sizeof *p->items);
	p->items[p->nitems] = (struct plain){0};
	return &p->items[p->nitems++];
}

static bool parse_key(struct parser *p, struct plain *object, struct plain *item)
{
	bool string = p->token.kind == JQTOKEN_STRING;
	if (!string && p->token.kind != JQTOKEN_NAME)
		return false;
	if (string) {
		item->name = take_string(p);
	} else {
		struct jqtoken t = take(p);
		item->name = xstrndup(t.s, t.n);
	}
	for (size_t i = 0; item->name && i + 1 < object->nitems; i++) {
		if (strcmp(object->items[i].name, item->name) == 0)
			return false;
	}
	return item->name && take_mark(p, ':');
}

static bool parse_items(struct parser *p, struct plain *ret, char closer)
{
	ret->kind = closer == ']' ? PLAIN_ARRAY : PLAIN_OBJECT;
	if (take_mark(p, closer))
		return true;
	do {
		struct plain *item = add_item(ret);
		if (closer == '}' && !parse_key(p, ret, item))
			return false;
		if (!parse_value(p, item))
			return false;
	} while (take_mark(p, ','));
	return take_mark(p, closer);
}

static bool parse_value(struct parser *p, struct plain *ret)
{
	if (take_mark(p, '['))
		return parse_items(p, ret, ']');
	if (take_mark(p, '{'))
		return parse_items(p, ret, '}');
	if (p->token.kind == JQTOKEN_FIELD || jqtoken_is(p->token, '.') ||
		jqtoken_is(p->token, '$'))
		return parse_path(p, ret);
	return parse_literal(p, ret);
}

bool plain_parse(char *source, size_t n, struct plain *ret)
{
	struct parser p;
	struct plain plain = {0};
	jqlexer_init(&p.lexer, source, n);
	p.token = jqlexer_next(&p.lexer);
	if (parse_value(&p, &plain) && p.token.kind == JQTOKEN_END) {
		*ret = plain;
		return true;
	}
	plain_finish(&plain);
	return false;
}

void plain_finish(struct plain *p)
{
	for (size_t i = 0; i < p->nsteps; i++)
		free(p->steps[i].name);
	for (size_t i = 0; i < p->nitems; i++)
		plain_finish(&p->items[i]);
	free(p->steps);
	free(p->items);
	free(p->name);
	free(p->root);
	*p = (struct plain){0};
}

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

static bool follow(const struct plain_step *step, struct json *v, struct error *err)
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
	struct json found = {0};
	long index = step->index;
	if (!step->name && index < 0)
		index += (long)json_count(*v);
	if (step->name)
		found = json_get(*v, step->name);
	else if (index >= 0)
		found = json_at(*v, (size_t)index);
	*v = found.s ? found : JSON_LITERAL("null");
	return true;
}

bool plain_undefined(const char *name, struct error *err)
{
	return error_set(err, ERROR_INPUT, "$%s is not defined here", name);
}

bool plain_find(const struct plain *path, const struct scope *scope, struct json *ret,
	struct error *err)
{
	struct json v = scope->dot;
	if (path->root && (!scope->lookup || !scope->lookup(scope->ctx, path->root, &v)))
		return plain_undefined(path->root, err);
	if (!v.s)
		v = JSON_LITERAL("null");
	for (size_t i = 0; i < path->nsteps; i++) {
		if (!follow(&path->steps[i], &v, err))
			return false;
	}
	*ret = v;
	return true;
}

static bool eval_items(const struct plain *p, const struct scope *scope, struct buf *out,
	struct error *err)
{
	bool array = p->kind == PLAIN_ARRAY;
	buf_putc(out, array ? '[' : '{');
	for (size_t i = 0; i < p->nitems; i++) {
		if (i)
			buf_putc(out, ',');
		if (!array) {
			json_put_text(out, p->items[i].name);
			buf_putc(out, ':');
		}
		if (!plain_eval(&p->items[i], scope, out, err))
			return false;
	}
	buf_putc(out, array ? ']' : '}');
	return true;
}

bool plain_eval(const struct plain *p, const struct scope *scope, struct buf *out,
	struct error *err)
{
	struct json v;
	switch (p->kind) {
	case PLAIN_LITERAL: json_put(out, p->json); return true;
	case PLAIN_PATH:
		if (!plain_find(p, scope, &v, err))
			return false;
		json_put(out, v);
		return true;
	case PLAIN_ARRAY:
	case PLAIN_OBJECT: return eval_items(p, scope, out, err);
	}
	return false;
}
