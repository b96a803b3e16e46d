/*
 * Strings and integers against their shape: formats, words, names of entries in `use`,
 * ranges, and the strings that have rules of their own.
 */
#include "validate/shape_walk.h"

#include "definition/catalog.h"
#include "definition/duration.h"
#include "definition/sql_text.h"
#include "jq/scan.h"
#include "json/names.h"

#include <ctype.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* 5s and 90m are durations elsewhere. */
static void put_duration(struct json v, struct buf *out)
{
	static const struct {
		const char *name, *before, *after;
	} units[] = {{"ms", "{\"milliseconds\": ", "}"}, {"s", "\"PT", "S\""},
		{"sec", "\"PT", "S\""}, {"m", "\"PT", "M\""}, {"min", "\"PT", "M\""},
		{"h", "\"PT", "H\""}, {"d", "\"P", "D\""}};
	char *text = json_strdup(v);
	size_t digits = strspn(text, "0123456789");
	for (size_t i = 0; digits && i < sizeof units / sizeof *units; i++) {
		if (strcmp(text + digits, units[i].name) == 0)
			buf_printf(out, "; did you mean %s%.*s%s?", units[i].before,
				(int)digits, text, units[i].after);
	}
	free(text);
}

/* Of an expression's source what stands between its blanks. */
static struct json trimmed(const char *s, size_t n)
{
	while (n && isspace((unsigned char)*s)) {
		s++;
		n--;
	}
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	return (struct json){s, n};
}

/* The name of a URI template for a path, the dot before it left out. False: it is none.
 */
static bool put_variable(struct json source, struct buf *out)
{
	size_t dot = source.n && *source.s == '.', n = dot;
	while (n < source.n && (isalnum((unsigned char)source.s[n]) ||
				       source.s[n] == '_' || source.s[n] == '.'))
		n++;
	buf_printf(out, "{%.*s}", (int)(n - dot), source.s + dot);
	return n == source.n && n > dot;
}

/* What is put together from parts. */
struct sum {
	struct buf text, template;
	bool is_template; /* the template says it too */
};

static void add_text(struct sum *sum, const char *s, size_t n)
{
	buf_add(&sum->template, s, n);
	if (!n)
		return;
	buf_puts(&sum->text, sum->text.len ? " + " : "");
	json_put_string(&sum->text, s, n);
}

static void add_expression(struct sum *sum, struct json source)
{
	bool begins = sum->template.len == 0; /* what a template gives would be escaped */
	sum->is_template &= put_variable(source, &sum->template) && !begins;
	buf_puts(&sum->text, sum->text.len ? " + " : "");
	buf_printf(&sum->text, memchr(source.s, ' ', source.n) ? "(%.*s)" : "%.*s",
		(int)source.n, source.s);
}

/* A URI with expressions in it, as a template and as one expression. */
static void put_uri(struct json v, struct buf *out)
{
	struct buf b = {0};
	struct sum sum = {.is_template = true};
	size_t at = 0, n, from = 0;
	json_string(v, &b);
	while (b.len < 256 && jqscan_find(b.data, b.len, &at, &n) && n != SIZE_MAX) {
		add_text(&sum, b.data + from, at - 2 - from);
		add_expression(&sum, trimmed(b.data + at, n));
		from = at += n + 1;
	}
	if (from) {
		add_text(&sum, b.data + from, b.len - from);
		buf_printf(out, "; write %s%s%s as one expression, ${ %s }",
			sum.is_template ? "a URI template, " : "all of it",
			sum.is_template ? buf_text(&sum.template) : "",
			sum.is_template ? ", or all of it" : "", buf_text(&sum.text));
	} else if (b.len && strchr(b.data, '{')) {
		buf_puts(out, "; what stands in { } is a name alone, as in {id}");
	}
	buf_finish(&b);
	buf_finish(&sum.text);
	buf_finish(&sum.template);
}

/* "must be ..., not VALUE", and what follows. */
static void report_value(struct inspection *in, enum finding_class class,
	const struct shape *shape, struct json v, const struct spot *place)
{
	char quoted[QUOTE_SIZE];
	struct buf what = {0}, remedy = {0};
	shape_put_what(shape, &what);
	if (shape->formats & FORMAT_DURATION)
		put_duration(v, &remedy);
	if (shape->formats & FORMAT_URI && shape->formats & FORMAT_EXPRESSION)
		put_uri(v, &remedy);
	inspection_report(in, class, place, v, "must be %s, not %s%s", buf_text(&what),
		quote_json(v, quoted, sizeof quoted), buf_text(&remedy));
	buf_finish(&what);
	buf_finish(&remedy);
}

static bool has_format(const struct shape *shape, struct json v)
{
	struct buf b = {0};
	json_string(v, &b);
	bool ok = text_has_format(buf_text(&b), b.len, shape->formats);
	buf_finish(&b);
	return ok;
}

static void check_sql(struct inspection *in, struct json v, const struct spot *place)
{
	struct buf b = {0};
	struct error err;
	json_string(v, &b);
	if (strlen(buf_text(&b)) != b.len)
		inspection_report(
			in, in->invalid, place, v, "a statement cannot contain \\u0000");
	else if (!sql_text_check(buf_text(&b), &err))
		inspection_report(in, in->invalid, place, v, "%s", err.text);
	buf_finish(&b);
}

void shape_check_sql(struct inspection *in, struct json v, const struct spot *place)
{
	struct spot at = {.up = place, .key = JSON_LITERAL("\"statement\"")};
	struct json statement = json_get(v, "statement"),
		    parameters = json_get(v, "parameters"), parameter;
	if (parameters.s && json_type(parameters) != JSON_ARRAY)
		return;
	char *text = json_strdup(statement);
	struct sql_named named = sql_text_named(text);
	size_t count = parameters.s ? json_count(parameters) : 0;
	free(text);
	if (named.highest > 0 && (size_t)named.highest > count)
		inspection_report(in, in->invalid, &at, statement,
			"the statement names $%ld, and \"parameters\" has %zu of them",
			named.highest, count);
	if (!count)
		return;
	struct json_iter it = json_iter(parameters);
	struct spot list = {.up = place, .key = JSON_LITERAL("\"parameters\"")};
	for (at = (struct spot){.up = &list}; json_next_element(&it, &parameter);
		at.index++) {
		if (at.index < 64 && !(named.first >> at.index & 1))
			inspection_report(in, in->invalid, &at, parameter,
				"the statement names no $%zu: leave this parameter out, "
				"or "
				"use it",
				at.index + 1);
	}
}

static void check_words(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	if (word_is_one(shape->words, v))
		return;
	enum finding_class class = shape->soft ? FINDING_UNSUPPORTED : in->invalid;
	char quoted[QUOTE_SIZE];
	quote_json(v, quoted, sizeof quoted);
	const char *near = word_nearest(shape->words, v);
	struct buf list = {0};
	word_put_all(shape->words, &list);
	const char *what = shape->what ? shape->what : buf_text(&list);
	if (near)
		inspection_report(in, class, place, v,
			"must be %s, not %s; did you mean \"%s\"?", what, quoted, near);
	else
		inspection_report(
			in, class, place, v, "must be %s, not %s", what, quoted);
	buf_finish(&list);
}

static bool is_duration(struct json v)
{
	char *text = json_strdup(v);
	int64_t usec;
	bool is = duration_parse(text, &usec);
	free(text);
	return is;
}

/* What no pattern can say: how long it may be. */
void shape_check_duration(struct inspection *in, struct json v, const struct spot *place)
{
	struct error why;
	int64_t usec;
	if (!memmem(v.s, v.n, "${", 2) && !duration_read(v, &usec, &why))
		inspection_report(
			in, FINDING_UNSUPPORTED, place, v, "no duration: %s", why.text);
}

/* What a text that names no entry of a catalog was probably meant to be: where only a
 * name may stand, an expression or a duration gives nothing. */
static void guess_entry(struct inspection *in, enum use_section catalog, struct json v,
	const char *quoted, char guess[static GUESS_SIZE])
{
	static const char *const instead[CATALOGS] = {
		[USE_ERRORS] = "; to raise a caught error again: {\"type\": "
			       "\"${ $error.type }\", \"status\": 500, \"title\": "
			       "\"${ $error.title }\"}",
	};
	guess_name(in, &in->catalogs[catalog], v, guess);
	bool expression = memmem(v.s, v.n, "${", 2);
	if (catalog == USE_TIMEOUTS && !*guess && (expression || is_duration(v)))
		snprintf(guess, GUESS_SIZE, "; a duration is written {\"after\": %s}",
			quoted);
	else if (expression)
		snprintf(guess, GUESS_SIZE, "; a name stands here, no expression%s",
			instead[catalog] ? instead[catalog] : "");
}

static void check_catalog(struct inspection *in, enum use_section catalog, struct json v,
	const struct spot *place)
{
	static const char *const titles[CATALOGS] = {
		[USE_AUTHENTICATIONS] = "use.authentications",
		[USE_ERRORS] = "use.errors",
		[USE_RETRIES] = "use.retries",
		[USE_SECRETS] = "use.secrets",
		[USE_TIMEOUTS] = "use.timeouts",
	};
	if (names_find(&in->catalogs[catalog], v) ||
		(catalog == USE_SECRETS && in->alone))
		return;
	char quoted[QUOTE_SIZE], guess[GUESS_SIZE];
	quote_json(v, quoted, sizeof quoted);
	guess_entry(in, catalog, v, quoted, guess);
	inspection_report(in, FINDING_UNSUPPORTED, place, v, "no entry %s in %s%s",
		quoted, titles[catalog], guess);
}

/* NAME:VERSION@CATALOG, or a URL: whether it can be looked for. */
static void check_reference(
	struct inspection *in, struct json v, const struct spot *place)
{
	struct error err = {0};
	char *url = NULL;
	if (!catalog_locate(in->use, v, &url, &err))
		inspection_report(in, FINDING_UNSUPPORTED, place, v, "%s", err.text);
	free(url);
}

/* A function of the document, of a catalog, or a URL. */
static void check_function(struct inspection *in, struct json v, const struct spot *place)
{
	char quoted[QUOTE_SIZE], guess[GUESS_SIZE];
	if (names_find(&in->catalogs[USE_FUNCTIONS], v))
		return;
	if (memchr(v.s, '@', v.n) || memmem(v.s, v.n, "://", 3)) {
		check_reference(in, v, place);
		return;
	}
	const char *near = word_nearest(schema_functions, v);
	guess_name(in, &in->catalogs[USE_FUNCTIONS], v, guess);
	quote_json(v, quoted, sizeof quoted);
	if (near && !*guess)
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"no function %s is built in or in use.functions; did you mean "
			"\"%s\"?",
			quoted, near);
	else
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"no function %s is built in or in use.functions%s", quoted,
			guess);
}

/* A text that sets the output as it is. */
static void check_text(struct inspection *in, struct json v, const struct spot *place)
{
	if (!in->loose && !memmem(v.s, v.n, "${", 2) && !memmem(v.s, v.n, "{{", 2))
		inspection_report(in, FINDING_WARNING, place, v,
			"this is plain text, not an expression: that is written "
			"\"${ ... }\"");
}

static void check_secret(struct inspection *in, struct json v, const struct spot *place)
{
	struct buf b = {0};
	char quoted[QUOTE_SIZE];
	json_string(v, &b);
	if (!secret_name_is(buf_text(&b), b.len))
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"the name of a secret is 1 to 128 letters, digits, \".\", \"_\" "
			"and "
			"\"-\", the first of them a letter or digit, not %s",
			quote_json(v, quoted, sizeof quoted));
	buf_finish(&b);
}

static void check_dsl(struct inspection *in, struct json v, const struct spot *place)
{
	char *text = json_strdup(v), quoted[QUOTE_SIZE];
	if (strncmp(text, "1.0.", 4) != 0)
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"version %s of the DSL is not supported by this runtime: "
			"\"1.0.x\" is",
			quote_json(v, quoted, sizeof quoted));
	free(text);
}

static bool is_marked(struct json v)
{
	struct buf b = {0};
	json_string(v, &b);
	const char *s = buf_text(&b);
	bool marked = strncmp(s + strspn(s, " \t\r\n"), "${", 2) == 0;
	buf_finish(&b);
	return marked;
}

void shape_string(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	if (json_type(v) != JSON_STRING) {
		shape_report_type(in, shape, v, place);
		return;
	}
	if (shape->formats && !has_format(shape, v)) {
		report_value(in, in->invalid, shape, v, place);
		return;
	}
	if (shape->formats & FORMAT_DURATION)
		shape_check_duration(in, v, place);
	if (shape->formats & FORMAT_SQL)
		check_sql(in, v, place);
	if (shape->words)
		check_words(in, shape, v, place);
	if (shape->catalog != USE_NONE)
		check_catalog(in, shape->catalog, v, place);
	if (shape->rule == RULE_TEXT)
		check_text(in, v, place);
	if (shape->rule == RULE_DSL)
		check_dsl(in, v, place);
	if (shape->rule == RULE_CONDITION)
		habit_check_condition(in, v, place);
	if ((shape->rule == RULE_URL || shape->rule == RULE_SOURCE) && !is_marked(v))
		habit_check_url(in, v, place, shape->rule == RULE_SOURCE);
	if (shape->rule == RULE_METHOD)
		futile_check_method(in, v, place);
	if (shape->rule == RULE_ITEMS)
		futile_check_items(in, v, place);
	if (shape->rule == RULE_SECRET)
		check_secret(in, v, place);
	if (shape->rule == RULE_FUNCTION)
		check_function(in, v, place);
	if (shape->rule == RULE_ERROR)
		habit_check_error(in, v, place);
	if (!shape->literal && !shape->words && !(shape->foreign && !is_marked(v)))
		mention_check(in, v, place, shape->expression);
}

/* JSON Schema takes 1.0 and 1e3 for integers too. */
void shape_integer(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place)
{
	if (json_type(v) != JSON_NUMBER) {
		shape_report_type(in, shape, v, place);
		return;
	}
	char quoted[QUOTE_SIZE];
	quote_json(v, quoted, sizeof quoted);
	char *text = xstrndup(v.s, v.n);
	double number = strtod(text, NULL);
	free(text);
	int64_t exact;
	bool integer = isfinite(number) && floor(number) >= number;
	bool inside = (shape->min == 0 && shape->max == 0) ||
		      (number >= (double)shape->min && number <= (double)shape->max);
	if (!integer || !inside)
		report_value(in,
			integer && shape->soft ? FINDING_UNSUPPORTED : in->invalid, shape,
			v, place);
	else if (!json_int(v, &exact))
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"%s is not supported: write integers as plain digits, of 64 bits "
			"at most",
			quoted);
}
