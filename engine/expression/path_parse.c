/* A recursive descent over jq's tokens that gives up at the first thing it does not know.
 */
#include "expression/path.h"

#include <stdlib.h>
#include <string.h>

#include "jq/scan.h"

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

static struct plain_step *add_step(struct path *path)
{
	size_t size = (path->nsteps + 1) * sizeof *path->steps;
	path->steps = xrealloc(path->steps, size);
	path->steps[path->nsteps] = (struct plain_step){0};
	return &path->steps[path->nsteps++];
}

static bool add_field(struct path *path, struct jqtoken t)
{
	add_step(path)->name = xstrndup(t.s + 1, t.n - 1);
	return true;
}

static bool add_string(struct path *path, struct parser *p)
{
	char *name = take_string(p);
	if (name)
		add_step(path)->name = name;
	return name;
}

static bool add_index(struct path *path, struct parser *p)
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
static bool parse_suffixes(struct parser *p, struct path *path)
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

static bool parse_path(struct parser *p, struct path *path)
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

static bool parse_literal(struct parser *p, struct path *ret)
{
	const char *from = p->token.s;
	if (take_mark(p, '-') && p->token.kind != JQTOKEN_NUMBER)
		return false;
	struct jqtoken t = take(p);
	ret->kind = PLAIN_LITERAL;
	return json_check(from, (size_t)(t.s + t.n - from), NULL, &ret->json, NULL, NULL);
}

static bool parse_value(struct parser *p, struct path *ret);
static bool parse_choice(struct parser *p, struct path *ret);
static bool parse_whole(struct parser *p, struct path *ret, bool piped);

static struct path *add_item(struct path *p)
{
	if ((p->nitems & (p->nitems - 1)) == 0) {
		size_t room = p->nitems ? 2 * p->nitems : 1;
		p->items = xrealloc(p->items, room * sizeof *p->items);
	}
	p->items[p->nitems] = (struct path){0};
	return &p->items[p->nitems++];
}

static bool parse_key(struct parser *p, struct path *object, struct path *item)
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

static bool parse_items(struct parser *p, struct path *ret, char closer)
{
	ret->kind = closer == ']' ? PLAIN_ARRAY : PLAIN_OBJECT;
	if (take_mark(p, closer))
		return true;
	do {
		struct path *item = add_item(ret);
		if (closer == '}' && !parse_key(p, ret, item))
			return false;
		if (!(closer == ']' ? parse_choice(p, item) : parse_value(p, item)))
			return false;
	} while (take_mark(p, ','));
	return take_mark(p, closer);
}

/* What would go on with what is in parentheses. */
static bool begins_suffix(struct jqtoken t)
{
	return t.kind == JQTOKEN_FIELD || jqtoken_is(t, '.') || jqtoken_is(t, '[');
}

static bool parse_value(struct parser *p, struct path *ret)
{
	if (take_mark(p, '['))
		return parse_items(p, ret, ']');
	if (take_mark(p, '{'))
		return parse_items(p, ret, '}');
	if (take_mark(p, '('))
		return parse_whole(p, ret, true) && take_mark(p, ')') &&
		       !begins_suffix(p->token);
	if (p->token.kind == JQTOKEN_FIELD || jqtoken_is(p->token, '.') ||
		jqtoken_is(p->token, '$'))
		return parse_path(p, ret);
	return parse_literal(p, ret);
}

/* ---- Comparisons, and, or, not ---- */

static bool is_word(struct jqtoken t, const char *word)
{
	return t.kind == JQTOKEN_NAME && t.n == strlen(word) && !memcmp(t.s, word, t.n);
}

/* What was parsed becomes the first item of something that contains it. */
static void wrap(struct path *p, enum plain_kind kind)
{
	struct path inner = *p;
	*p = (struct path){.kind = kind, .name = inner.name};
	inner.name = NULL;
	*add_item(p) = inner;
}

/* The two marks of an operator stand side by side. */
static bool take_second(struct parser *p, struct jqtoken first, char mark)
{
	return p->token.s == first.s + 1 && take_mark(p, mark);
}

static bool take_order(struct parser *p, enum plain_order *ret)
{
	struct jqtoken t = take(p);
	bool second = take_second(p, t, '=');
	switch (*t.s) {
	case '=': *ret = PLAIN_EQUAL; return second;
	case '!': *ret = PLAIN_UNEQUAL; return second;
	case '<': *ret = second ? PLAIN_LESS_EQUAL : PLAIN_LESS; return true;
	case '>': *ret = second ? PLAIN_GREATER_EQUAL : PLAIN_GREATER; return true;
	}
	return false;
}

static bool parse_comparison(struct parser *p, struct path *ret)
{
	enum plain_order order;
	if (!parse_value(p, ret))
		return false;
	if (!jqtoken_is(p->token, '=') && !jqtoken_is(p->token, '!') &&
		!jqtoken_is(p->token, '<') && !jqtoken_is(p->token, '>'))
		return true;
	if (!take_order(p, &order))
		return false;
	wrap(ret, PLAIN_COMPARISON);
	ret->order = order;
	return parse_value(p, add_item(ret));
}

/* Operands of `and`, or of `or`, which binds them less. */
static bool parse_operands(struct parser *p, struct path *ret, bool any)
{
	if (!(any ? parse_operands(p, ret, false) : parse_comparison(p, ret)))
		return false;
	if (!is_word(p->token, any ? "or" : "and"))
		return true;
	wrap(ret, any ? PLAIN_ANY : PLAIN_ALL);
	while (is_word(p->token, any ? "or" : "and")) {
		take(p);
		struct path *item = add_item(ret);
		if (!(any ? parse_operands(p, item, false) : parse_comparison(p, item)))
			return false;
	}
	return true;
}

static bool parse_choice(struct parser *p, struct path *ret)
{
	return parse_operands(p, ret, true);
}

/* An expression as a whole, and how often it is negated. */
static bool parse_whole(struct parser *p, struct path *ret, bool piped)
{
	if (!parse_choice(p, ret))
		return false;
	while (piped && take_mark(p, '|')) {
		if (!is_word(take(p), "not"))
			return false;
		if (ret->kind != PLAIN_TRUTH)
			wrap(ret, PLAIN_TRUTH);
		ret->negated = !ret->negated;
	}
	return true;
}

static bool chooses(const struct path *p)
{
	bool any = p->kind == PLAIN_COMPARISON || p->kind == PLAIN_ALL ||
		   p->kind == PLAIN_ANY;
	for (size_t i = 0; !any && i < p->nitems; i++)
		any = chooses(&p->items[i]);
	return any;
}

bool path_parse(char *source, size_t n, struct path *ret)
{
	struct parser p;
	struct path plain = {0};
	jqlexer_init(&p.lexer, source, n);
	p.token = jqlexer_next(&p.lexer);
	if (parse_whole(&p, &plain, true) && p.token.kind == JQTOKEN_END) {
		plain.chooses = chooses(&plain);
		*ret = plain;
		return true;
	}
	path_finish(&plain);
	return false;
}

void path_finish(struct path *p)
{
	for (size_t i = 0; i < p->nsteps; i++)
		free(p->steps[i].name);
	for (size_t i = 0; i < p->nitems; i++)
		path_finish(&p->items[i]);
	free(p->steps);
	free(p->items);
	free(p->name);
	free(p->root);
	*p = (struct path){0};
}
