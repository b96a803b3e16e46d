/*
 * What is said where a document does not fit its shape: what would be right, as far as
 * the tables tell it.
 */
#include "validate/shape_walk.h"

#include "base/clock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Members ---- */

const struct member *shape_member(
	const struct shape *shape, struct json key, uint64_t *ret_bit)
{
	const struct member *tables[] = {shape->members, shape->more};
	uint64_t bit = 1;
	for (size_t t = 0; t < 2; t++) {
		for (const struct member *m = tables[t]; m && m->name; m++, bit <<= 1) {
			if (!json_string_is(key, m->name))
				continue;
			if (ret_bit)
				*ret_bit = bit;
			return m;
		}
	}
	return NULL;
}

/* The names of a shape's members, ended by NULL. */
static void member_names(const struct shape *shape, const char *ret[SHAPE_MEMBERS + 1])
{
	const struct member *tables[] = {shape->members, shape->more};
	size_t n = 0;
	for (size_t t = 0; t < 2; t++) {
		for (const struct member *m = tables[t]; m && m->name; m++)
			ret[n++] = m->name;
	}
	ret[n] = NULL;
}

/* Appends the ways, "event.with", to the objects that many levels down to which the key
 * belongs. */
static void find_below(const struct shape *shape, struct json key, unsigned levels,
	const char *way, struct buf *out)
{
	if (shape->type == SHAPE_CHOICE) {
		for (const struct choice *c = shape->choices; c->type != JSON_NONE; c++) {
			if (c->type == JSON_OBJECT)
				find_below(c->shape, key, levels, way, out);
		}
		return;
	}
	if (shape->type != SHAPE_OBJECT)
		return;
	if (levels == 0) {
		if (shape_member(shape, key, NULL) && out->len < 80)
			buf_printf(out, "%s\"%s\"", out->len ? " or " : "", way);
		return;
	}
	const struct member *tables[] = {shape->members, shape->more};
	for (size_t t = 0; t < 2; t++) {
		for (const struct member *m = tables[t]; m && m->name; m++) {
			char *below = xasprintf("%s%s%s", way, *way ? "." : "", m->name);
			find_below(m->shape, key, levels - 1, below, out);
			free(below);
		}
	}
}

/* The nearest of them, three levels down at most. */
static void find_ways(const struct shape *shape, struct json key, struct buf *out)
{
	for (unsigned levels = 1; levels <= 3 && !out->len; levels++)
		find_below(shape, key, levels, "", out);
}

/* What people write for a member that has another name, here or further in. */
static void put_synonym(const struct shape *shape, struct json key, struct buf *out)
{
	static const char *const synonyms[][2] = {{"args", "arguments"}, {"body", "data"},
		{"cmd", "command"}, {"code", "status"}, {"condition", "if"},
		{"condition", "when"}, {"data", "body"}, {"duration", "after"},
		{"env", "environment"}, {"eventType", "type"}, {"from", "in"},
		{"function", "call"}, {"goto", "then"}, {"if", "when"},
		{"interval", "delay"}, {"items", "in"}, {"maxAttempts", "count"},
		{"maxRetries", "count"}, {"message", "detail"}, {"next", "then"},
		{"onError", "catch"}, {"params", "parameters"}, {"payload", "body"},
		{"query", "statement"}, {"request", "with"}, {"script", "code"},
		{"sleep", "wait"}, {"sql", "statement"}, {"states", "do"},
		{"steps", "do"}, {"tasks", "do"}, {"transition", "then"},
		{"uri", "endpoint"}, {"url", "endpoint"}, {"var", "each"},
		{"when", "if"}};
	for (size_t i = 0; i < sizeof synonyms / sizeof *synonyms && !out->len; i++) {
		const char *right = synonyms[i][1];
		if (!json_string_is(key, synonyms[i][0]))
			continue;
		struct buf name = {0}, ways = {0};
		json_put_text(&name, right);
		struct json string = {name.data, name.len};
		if (shape_member(shape, string, NULL))
			buf_printf(out, "; did you mean \"%s\"?", right);
		else
			find_ways(shape, string, &ways);
		if (ways.len)
			buf_printf(out, "; did you mean \"%s\" in %s?", right,
				buf_text(&ways));
		buf_finish(&name);
		buf_finish(&ways);
	}
}

/* An object of tasks or of named entries has no members of its own to offer. */
static const struct around *find_above(const struct around *around, struct json key)
{
	for (unsigned i = 0; around && i < 3; around = around->up, i++) {
		if (around->shape->rule == RULE_NONE && around->shape->of)
			return NULL;
		if (shape_member(around->shape, key, NULL))
			return around;
	}
	return NULL;
}

/* Appends where a key would be right, if its name is not only misspelt. */
static void put_right_place(struct inspection *in, const struct shape *shape,
	struct json key, const struct spot *place, struct buf *out)
{
	struct buf ways = {0};
	find_ways(shape, key, &ways);
	const struct around *above = ways.len ? NULL : find_above(in->around->up, key);
	if (ways.len)
		buf_printf(out, "; it belongs into %s", buf_text(&ways));
	else if (above && place->up && place->up->key.s && above == in->around->up)
		buf_printf(out, "; it belongs beside %.*s", (int)place->up->key.n,
			place->up->key.s);
	else if (above)
		buf_puts(out, "; it belongs further out");
	buf_finish(&ways);
}

/* What to do about an unknown member: the first of these that has something to say. */
static void put_advice(struct inspection *in, const struct shape *shape, struct json key,
	const struct spot *place, struct buf *out)
{
	const char *names[SHAPE_MEMBERS + 1];
	member_names(shape, names);
	const char *near = word_nearest(names, key);
	if (near)
		buf_printf(out, "; did you mean \"%s\"?", near);
	if (!out->len)
		put_synonym(shape, key, out);
	if (!out->len && shape->rule == RULE_TASK && json_string_is(key, "name"))
		buf_puts(out, "; the name of a task is the key before it");
	if (!out->len && shape->rule == RULE_TASK && json_string_is(key, "retry"))
		buf_puts(out, "; a policy of use.retries is named by "
			      "metadata.retryPolicy, or stands in the catch of a try");
	if (!out->len)
		put_right_place(in, shape, key, place, out);
	for (size_t i = 0, n = out->len; names[i] && n == 0; i++)
		buf_printf(out, "%s%s", i ? ", " : "; known here: ", names[i]);
}

static void report_unknown(struct inspection *in, enum finding_class class,
	const struct shape *shape, struct json key, const struct spot *place)
{
	char quoted[QUOTE_SIZE];
	struct buf advice = {0};
	quote_json(key, quoted, sizeof quoted);
	if (shape->rule == RULE_TASK && word_is_one(schema_task_keywords, key)) {
		inspection_report(in, class, place, key,
			"a task has one keyword: %s cannot stand beside \"%s\"", quoted,
			shape->members->name);
		return;
	}
	if (in->count < INSPECTION_MAX)
		put_advice(in, shape, key, place, &advice);
	inspection_report(in, class, place, key, "unknown member %s%s%s", quoted,
		class == FINDING_WARNING ? " has no effect" : "", buf_text(&advice));
	buf_finish(&advice);
}

void shape_report_unknown(struct inspection *in, const struct shape *shape,
	struct json key, const struct spot *place)
{
	const char *names[SHAPE_MEMBERS + 1];
	member_names(shape, names);
	const char *near = word_nearest(names, key);
	switch (shape->unknown) {
	case UNKNOWN_ERROR: report_unknown(in, in->invalid, shape, key, place); break;
	case UNKNOWN_WARNING:
		report_unknown(in, FINDING_WARNING, shape, key, place);
		break;
	case UNKNOWN_UNSUPPORTED:
		report_unknown(in, FINDING_UNSUPPORTED, shape, key, place);
		break;
	case UNKNOWN_FREE:
		/* Short names look alike too easily to speak up. */
		if (shape->ours && near && strlen(near) >= 8)
			report_unknown(in, FINDING_WARNING, shape, key, place);
		break;
	}
}

/* ---- Types ---- */

/* Appends the names of the members that are required, or of those that are not. */
static unsigned put_members(const struct shape *shape, bool required, const char *before,
	const char *between, struct buf *out)
{
	const struct member *tables[] = {shape->members, shape->more};
	unsigned n = 0;
	for (size_t t = 0; t < 2; t++) {
		for (const struct member *m = tables[t]; m && m->name && n < 4; m++) {
			if (m->required == required)
				buf_printf(
					out, "%s\"%s\"", n++ ? between : before, m->name);
		}
	}
	return n;
}

/* "an object with \"uri\"", by what it must have, or else may have. */
static void put_object(const struct shape *shape, struct buf *out)
{
	buf_puts(out, "an object");
	if (put_members(shape, true, " with ", " and ", out) > 0)
		return;
	if (shape->one_of) {
		buf_puts(out, " with ");
		word_put_all(shape->one_of, out);
	} else {
		put_members(shape, false, " that may have ", ", ", out);
	}
}

void shape_put_what(const struct shape *shape, struct buf *out)
{
	if (shape->what) {
		buf_puts(out, shape->what);
		return;
	}
	switch (shape->type) {
	case SHAPE_STRING: buf_puts(out, "a string"); break;
	case SHAPE_INTEGER: buf_puts(out, "an integer"); break;
	case SHAPE_BOOLEAN: buf_puts(out, "true or false"); break;
	case SHAPE_ARRAY: buf_puts(out, "an array"); break;
	case SHAPE_ANY:
	case SHAPE_FREE:
	case SHAPE_CHOICE: buf_puts(out, "an object"); break;
	case SHAPE_OBJECT: put_object(shape, out); break;
	}
}

/* The value in quotes, where that is enough; of a version with the parts that it lacks.
 */
static void put_quoted(const struct shape *shape, struct json v, struct buf *out)
{
	static const char *const tails[] = {"", ".0", ".0.0"};
	for (size_t i = 0; i < sizeof tails / sizeof *tails; i++) {
		struct buf text = {0};
		buf_add(&text, v.s, v.n);
		buf_puts(&text, tails[i]);
		bool fits = !shape->formats ||
			    text_has_format(buf_text(&text), text.len, shape->formats);
		if (fits)
			buf_printf(
				out, "; in quotes it is one: \"%.40s\"", buf_text(&text));
		buf_finish(&text);
		if (fits || !(shape->formats & FORMAT_SEMVER))
			return;
	}
}

/* How a value of the wrong type would be written right, where that can be guessed. */
static void put_remedy(const struct shape *shape, struct json v, struct buf *out)
{
	enum json_type type = json_type(v);
	bool number = shape->type == SHAPE_INTEGER || shape->type == SHAPE_BOOLEAN;
	struct json inner = {v.s + 1, v.n - 2}, checked;
	if (shape->type == SHAPE_STRING &&
		(type == JSON_NUMBER || type == JSON_TRUE || type == JSON_FALSE))
		put_quoted(shape, v, out);
	else if (number && type == JSON_STRING && v.n < 40 &&
		 json_check(inner.s, inner.n, NULL, &checked, NULL, NULL) &&
		 json_type(checked) != JSON_STRING)
		buf_printf(
			out, "; without quotes it is one: %.*s", (int)inner.n, inner.s);
}

void shape_report_type(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	static const char *const found[] = {
		[JSON_NONE] = "nothing",
		[JSON_NULL] = "null",
		[JSON_FALSE] = "false",
		[JSON_TRUE] = "true",
		[JSON_NUMBER] = "a number",
		[JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",
		[JSON_OBJECT] = "an object",
	};
	struct buf what = {0}, remedy = {0};
	shape_put_what(shape, &what);
	put_remedy(shape, v, &remedy);
	inspection_report(in, in->invalid, place, v, "must be %s, not %s%s",
		buf_text(&what), found[json_type(v)], buf_text(&remedy));
	buf_finish(&what);
	buf_finish(&remedy);
}
