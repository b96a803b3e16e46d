/*
 * Strings and integers against their shape: formats, words, names of entries in `use`,
 * ranges, and the strings that have rules of their own.
 */
#include "shape_walk.h"

#include "catalog.h"
#include "secrets.h"
#include "sql_text.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

static const char *shape_what(const struct shape *shape)
{
	if (shape->what)
		return shape->what;
	switch (shape->type) {
	case SHAPE_STRING: return "a string";
	case SHAPE_INTEGER: return "an integer";
	case SHAPE_BOOLEAN: return "true or false";
	case SHAPE_ARRAY: return "an array";
	case SHAPE_ANY:
	case SHAPE_FREE:
	case SHAPE_CHOICE:
	case SHAPE_OBJECT: break;
	}
	return "an object";
}

void shape_report_type(struct inspection *in, const struct shape *shape, struct json v,
	const struct place *place)
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
	inspection_report(in, in->invalid, place, v, "must be %s, not %s",
		shape_what(shape), found[json_type(v)]);
}

static bool has_format(const struct shape *shape, struct json v)
{
	struct buf b = {0};
	json_string(v, &b);
	bool ok = text_has_format(buf_text(&b), b.len, shape->formats);
	buf_finish(&b);
	return ok;
}

static void check_sql(struct inspection *in, struct json v, const struct place *place)
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

/* "a", "b" or "c" */
static void list_words(const char *const *words, struct buf *out)
{
	for (size_t i = 0; words[i]; i++) {
		const char *divider = i == 0 ? "" : words[i + 1] ? ", " : " or ";
		buf_printf(out, "%s\"%s\"", divider, words[i]);
	}
}

static void check_words(struct inspection *in, const struct shape *shape, struct json v,
	const struct place *place)
{
	for (const char *const *word = shape->words; *word; word++) {
		if (json_string_is(v, *word))
			return;
	}
	enum finding_class class = shape->soft ? FINDING_UNSUPPORTED : in->invalid;
	char quoted[QUOTE_SIZE];
	quote_json(v, quoted, sizeof quoted);
	const char *near = word_nearest(shape->words, v);
	struct buf list = {0};
	list_words(shape->words, &list);
	const char *what = shape->what ? shape->what : buf_text(&list);
	if (near)
		inspection_report(in, class, place, v,
			"must be %s, not %s; did you mean \"%s\"?", what, quoted, near);
	else
		inspection_report(
			in, class, place, v, "must be %s, not %s", what, quoted);
	buf_finish(&list);
}

static void check_catalog(struct inspection *in, enum catalog catalog, struct json v,
	const struct place *place)
{
	static const char *const titles[CATALOGS] = {
		[CATALOG_AUTHENTICATIONS] = "use.authentications",
		[CATALOG_ERRORS] = "use.errors",
		[CATALOG_RETRIES] = "use.retries",
		[CATALOG_SECRETS] = "use.secrets",
		[CATALOG_TIMEOUTS] = "use.timeouts",
	};
	if (names_find(&in->catalogs[catalog], v) ||
		(catalog == CATALOG_SECRETS && in->alone))
		return;
	char quoted[QUOTE_SIZE], guess[GUESS_SIZE];
	quote_json(v, quoted, sizeof quoted);
	guess_name(in, &in->catalogs[catalog], v, guess);
	inspection_report(in, FINDING_UNSUPPORTED, place, v, "no entry %s in %s%s",
		quoted, titles[catalog], guess);
}

/* NAME:VERSION@CATALOG, or a URL: whether it can be looked for. */
static void check_reference(
	struct inspection *in, struct json v, const struct place *place)
{
	struct error err = {0};
	char *url = NULL;
	if (!catalog_locate(in->use, v, &url, &err))
		inspection_report(in, FINDING_UNSUPPORTED, place, v, "%s", err.text);
	free(url);
}

/* A function of the document, of a catalog, or a URL. */
static void check_function(
	struct inspection *in, struct json v, const struct place *place)
{
	char quoted[QUOTE_SIZE], guess[GUESS_SIZE];
	if (names_find(&in->catalogs[CATALOG_FUNCTIONS], v))
		return;
	if (memchr(v.s, '@', v.n) || memmem(v.s, v.n, "://", 3)) {
		check_reference(in, v, place);
		return;
	}
	const char *near = word_nearest(schema_functions, v);
	guess_name(in, &in->catalogs[CATALOG_FUNCTIONS], v, guess);
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

static void check_secret(struct inspection *in, struct json v, const struct place *place)
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

static void check_dsl(struct inspection *in, struct json v, const struct place *place)
{
	char *text = json_strdup(v), quoted[QUOTE_SIZE];
	if (strncmp(text, "1.0.", 4) != 0)
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"version %s of the DSL is not supported by this runtime: "
			"\"1.0.x\" is",
			quote_json(v, quoted, sizeof quoted));
	free(text);
}

void shape_string(struct inspection *in, const struct shape *shape, struct json v,
	const struct place *place)
{
	char quoted[QUOTE_SIZE];
	if (json_type(v) != JSON_STRING) {
		shape_report_type(in, shape, v, place);
		return;
	}
	if (shape->formats && !has_format(shape, v)) {
		inspection_report(in, in->invalid, place, v, "must be %s, not %s",
			shape_what(shape), quote_json(v, quoted, sizeof quoted));
		return;
	}
	if (shape->formats & FORMAT_SQL)
		check_sql(in, v, place);
	if (shape->words)
		check_words(in, shape, v, place);
	if (shape->catalog != CATALOG_NONE)
		check_catalog(in, shape->catalog, v, place);
	if (shape->rule == RULE_DSL)
		check_dsl(in, v, place);
	if (shape->rule == RULE_SECRET)
		check_secret(in, v, place);
	if (shape->rule == RULE_FUNCTION)
		check_function(in, v, place);
	if (!shape->literal && !shape->words)
		mention_check(in, v, place, shape->expression);
}

/* JSON Schema takes 1.0 and 1e3 for integers too. */
void shape_integer(struct inspection *in, const struct shape *shape, struct json v,
	const struct place *place)
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
	bool ranged = shape->min != 0 || shape->max != 0;
	if (!isfinite(number) || floor(number) < number ||
		(ranged && (number < (double)shape->min || number > (double)shape->max)))
		inspection_report(in, in->invalid, place, v, "must be %s, not %s",
			shape_what(shape), quoted);
	else if (!json_int(v, &exact))
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"%s is not supported: write integers as plain digits, of 64 bits "
			"at most",
			quoted);
}
