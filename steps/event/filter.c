/* Filters of events: compiled, described for the index, and applied. */
#include "event/filter.h"

#include "json_schema/pattern.h"

#include <stdlib.h>
#include <string.h>

enum pattern_kind {
	PATTERN_EQUAL,      /* the same text, or the same value */
	PATTERN_REGEX,      /* a string that the expression covers, or the same text */
	PATTERN_EXPRESSION, /* its result decides */
	PATTERN_MEMBERS,    /* of an object, each by itself */
};

struct pattern {
	enum pattern_kind kind;
	struct json key, value; /* of the definition; key absent for the whole */
	struct json_schema_pattern *regex;
	struct expression *expression;
	struct pattern *members, *next;
};

static void pattern_destroy(struct pattern *p)
{
	while (p) {
		struct pattern *next = p->next;
		pattern_destroy(p->members);
		json_schema_pattern_destroy(p->regex);
		free(p);
		p = next;
	}
}

static bool has_expression(struct json v)
{
	return memmem(v.s, v.n, "${", 2) != NULL;
}

static bool compile_regex(
	struct compiler *c, struct pattern *p, struct json value, struct error *err)
{
	struct buf text = {0};
	struct error why = {0};
	bool ok = true;
	json_string(value, &text);
	if (text.len && strpbrk(buf_text(&text), "\\^$*+?()[]{}|")) {
		p->kind = PATTERN_REGEX;
		ok = json_schema_pattern_compile_whole(
			text.data, text.len, &p->regex, &why);
	}
	buf_finish(&text);
	return ok || compiler_refuse(c, value, err,
			     "this regular expression is not valid: %s", why.text);
}

static bool pattern_compile(struct compiler *c, struct json key, struct json value,
	struct pattern **ret, struct error *err)
{
	struct pattern *p = xcalloc(1, sizeof *p);
	struct json_iter it = json_iter(value);
	struct json name, member;
	*ret = p;
	p->key = key;
	p->value = value;
	if (json_type(value) == JSON_OBJECT) {
		struct pattern **last = &p->members;
		p->kind = PATTERN_MEMBERS;
		while (json_next_member(&it, &name, &member)) {
			if (!pattern_compile(c, name, member, last, err))
				return false;
			last = &(*last)->next;
		}
		return true;
	}
	if (has_expression(value)) {
		p->kind = PATTERN_EXPRESSION;
		return compiler_expression(
			c, value, EXPRESSION_VALUE, &p->expression, err);
	}
	return json_type(value) != JSON_STRING || compile_regex(c, p, value, err);
}

static bool correlation_compile(struct compiler *c, struct json name, struct json node,
	struct correlation *ret, struct error *err)
{
	ret->name = json_strdup(name);
	ret->from_node = json_get(node, "from");
	return compiler_expression(c, ret->from_node, EXPRESSION_BARE, &ret->from, err) &&
	       compiler_expression(
		       c, json_get(node, "expect"), EXPRESSION_VALUE, &ret->expect, err);
}

bool event_filter_compile(
	struct compiler *c, struct json node, struct event_filter *ret, struct error *err)
{
	struct json correlate = json_get(node, "correlate"), name, value;
	struct json_iter it = json_iter(correlate);
	if (!pattern_compile(
		    c, (struct json){0}, json_get(node, "with"), &ret->with, err))
		return false;
	if (!correlate.s)
		return true;
	ret->correlations = xcalloc(json_count(correlate), sizeof *ret->correlations);
	while (json_next_member(&it, &name, &value)) {
		if (!correlation_compile(c, name, value,
			    &ret->correlations[ret->correlation_count++], err))
			return false;
	}
	return true;
}

void event_filter_finish(struct event_filter *f)
{
	pattern_destroy(f->with);
	for (size_t i = 0; i < f->correlation_count; i++)
		free(f->correlations[i].name);
	free(f->correlations);
}

/* ---- What can be looked up ---- */

static void put_literal(const struct event_filter *f, const char *name, struct buf *out)
{
	for (const struct pattern *p = f->with->members; p; p = p->next) {
		if (p->kind != PATTERN_EQUAL || !json_string_is(p->key, name) ||
			json_type(p->value) != JSON_STRING)
			continue;
		json_put_key(out, name);
		json_put(out, p->value);
	}
}

/* Of correlations whose `from` can be evaluated by who sees nothing of the run. */
static void put_shape(const struct event_filter *f, struct json expect, struct buf *out)
{
	struct buf shape = {0}, expected = {0};
	for (size_t i = 0; i < f->correlation_count; i++) {
		const struct correlation *c = &f->correlations[i];
		struct json v = json_get(expect, c->name);
		if (!v.s || !expression_is_of_dot(c->from))
			continue;
		buf_putc(&shape, shape.len ? ',' : '[');
		json_put(&shape, c->from_node);
		buf_putc(&expected, expected.len ? ',' : '[');
		json_canonical(v, &expected);
	}
	if (shape.len) {
		buf_putc(&shape, ']');
		buf_putc(&expected, ']');
		json_put_key(out, "shape");
		json_put_string(out, shape.data, shape.len);
		json_put_key(out, "expected");
		json_put_string(out, expected.data, expected.len);
	}
	buf_finish(&shape);
	buf_finish(&expected);
}

static bool put_expectations(const struct event_filter *f, struct run_scope *s,
	struct buf *out, struct fault *fault)
{
	buf_putc(out, '{');
	for (size_t i = 0; i < f->correlation_count; i++) {
		const struct correlation *c = &f->correlations[i];
		struct value *v;
		if (!c->expect)
			continue;
		if (!run_scope_eval(s, c->expect, &v, fault))
			return false;
		json_put_key(out, c->name);
		json_put(out, value_json(v));
		value_unref(v);
	}
	buf_putc(out, '}');
	return true;
}

bool event_filter_describe(const struct event_filter *f, int64_t number,
	struct run_scope *s, struct buf *out, struct fault *fault)
{
	struct buf expect = {0};
	if (!put_expectations(f, s, &expect, fault)) {
		buf_finish(&expect);
		return false;
	}
	struct json expected = {expect.data, expect.len};
	buf_printf(out, "{\"filter\":%lld", (long long)number);
	put_literal(f, "type", out);
	put_literal(f, "source", out);
	put_literal(f, "subject", out);
	put_shape(f, expected, out);
	if (expect.len > 2) {
		json_put_key(out, "expect");
		json_put(out, expected);
	}
	buf_putc(out, '}');
	buf_finish(&expect);
	return true;
}

/* ---- What its expressions see ---- */

static void see_name(const struct expression *e, const char *name, struct run_scope *s,
	struct buf *out)
{
	struct json v;
	if (!name || !expression_mentions(e, name) ||
		!s->scope.lookup(s->scope.ctx, name, &v))
		return;
	buf_printf(out, "$%s=", name);
	json_put(out, v);
}

static void see_expression(
	const struct expression *e, struct run_scope *s, struct buf *out)
{
	static const char *const names[] = {"context", "input", "output", "task", "steps",
		"runtime", "authorization"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		see_name(e, names[i], s, out);
	for (const struct frame *f = s->frame; f; f = f->parent) {
		see_name(e, f->task->item_name, s, out);
		see_name(e, f->task->index_name, s, out);
		see_name(e, f->task->error_name, s, out);
	}
}

static void see_pattern(const struct pattern *p, struct run_scope *s, struct buf *out)
{
	if (p->expression)
		see_expression(p->expression, s, out);
	for (p = p->members; p; p = p->next)
		see_pattern(p, s, out);
}

void event_filter_see(const struct event_filter *f, struct run_scope *s, struct buf *out)
{
	see_pattern(f->with, s, out);
	for (size_t i = 0; i < f->correlation_count; i++)
		see_expression(f->correlations[i].from, s, out);
}

/* ---- Matching ---- */

static bool equal(struct json a, struct json b)
{
	struct buf x = {0}, y = {0};
	json_canonical(a, &x);
	json_canonical(b, &y);
	bool same = x.len == y.len && memcmp(x.data, y.data, x.len) == 0;
	buf_finish(&x);
	buf_finish(&y);
	return same;
}

/* One event and one frame's filters. */
struct matching {
	struct run_scope *scope;
	struct event_budget *budget;
};

static bool regex_takes(const struct pattern *p, struct matching *m, struct json v)
{
	struct buf text = {0};
	if (json_type(v) != JSON_STRING)
		return false;
	json_string(v, &text);
	enum json_schema_match match = json_schema_pattern_match(
		p->regex, buf_text(&text), text.len, &m->budget->work);
	buf_finish(&text);
	m->budget->met |= match == JSON_SCHEMA_MATCH_STOPPED;
	return match == JSON_SCHEMA_MATCH_YES || equal(p->value, v);
}

static bool expression_takes(const struct pattern *p, struct matching *m, struct json v)
{
	struct run_scope *s = m->scope;
	struct value *result;
	struct fault fault;
	s->scope.dot = v;
	if (!run_scope_eval(s, p->expression, &result, &fault))
		return false;
	enum json_type type = json_type(value_json(result));
	bool takes = type == JSON_TRUE || (type != JSON_FALSE && type != JSON_NULL &&
						  equal(value_json(result), v));
	value_unref(result);
	return takes;
}

static bool pattern_takes(const struct pattern *p, struct matching *m, struct json v);

static bool members_take(const struct pattern *p, struct matching *m, struct json v)
{
	for (p = p->members; p; p = p->next) {
		char *key = json_strdup(p->key);
		struct json member = json_get(v, key);
		free(key);
		if (!member.s || !pattern_takes(p, m, member))
			return false;
	}
	return true;
}

static bool pattern_takes(const struct pattern *p, struct matching *m, struct json v)
{
	switch (p->kind) {
	case PATTERN_EQUAL: return equal(p->value, v);
	case PATTERN_REGEX: return regex_takes(p, m, v);
	case PATTERN_EXPRESSION: return expression_takes(p, m, v);
	case PATTERN_MEMBERS: return json_type(v) == JSON_OBJECT && members_take(p, m, v);
	}
	return false;
}

static void bind_value(struct value **correlated, const char *name, struct json v)
{
	struct buf b = {0};
	if (*correlated) {
		struct json known = value_json(*correlated);
		buf_add(&b, known.s, known.n - 1);
	} else {
		buf_putc(&b, '{');
	}
	json_put_key(&b, name);
	json_put(&b, v);
	buf_putc(&b, '}');
	value_set(correlated, value_create((struct json){b.data, b.len}));
	buf_finish(&b);
}

static bool correlates(const struct correlation *c, struct run_scope *s, struct json wait,
	struct json event, struct value **correlated)
{
	struct value *v;
	struct fault fault;
	s->scope.dot = event;
	if (!run_scope_eval(s, c->from, &v, &fault))
		return false;
	struct json expected = json_get(json_get(wait, "expect"), c->name);
	if (!c->expect && *correlated)
		expected = json_get(value_json(*correlated), c->name);
	bool takes = expected.s ? equal(expected, value_json(v))
				: json_type(value_json(v)) != JSON_NULL;
	if (takes && !expected.s)
		bind_value(correlated, c->name, value_json(v));
	value_unref(v);
	return takes;
}

bool event_filter_takes(const struct event_filter *f, struct run_scope *s,
	struct json wait, struct json event, struct event_budget *budget,
	struct value **correlated)
{
	struct matching m = {s, budget};
	struct json dot = s->scope.dot;
	struct value *bound = value_ref(*correlated);
	bool takes = pattern_takes(f->with, &m, event);
	for (size_t i = 0; takes && i < f->correlation_count; i++)
		takes = correlates(&f->correlations[i], s, wait, event, &bound);
	s->scope.dot = dot;
	if (takes)
		value_set(correlated, bound);
	else
		value_unref(bound);
	return takes;
}
