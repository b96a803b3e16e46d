/* Our own cases of JSON Schema; those of the draft are test_json_schema_suite.c's. */
#include "json_schema/json_schema.h"
#include "json_schema/meta.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* What checking an instance comes to. */
struct outcome {
	bool compiled, ok;
	struct error err;
};

static struct json parse(const char *text)
{
	struct json v;
	struct error err;
	ck_assert_msg(json_check(text, strlen(text), NULL, &v, NULL, &err), "%s: %s",
		err.text, text);
	return v;
}

static struct outcome check_with(const char *schema,
	const struct json_schema_options *options, const char *instance)
{
	struct outcome o = {0};
	struct json_schema *s;
	o.compiled = json_schema_compile(parse(schema), options, &s, &o.err);
	if (!o.compiled)
		return o;
	o.ok = json_schema_check(s, parse(instance), &o.err);
	json_schema_destroy(s);
	return o;
}

static void accepts(const char *schema, const char *instance)
{
	struct outcome o = check_with(schema, NULL, instance);
	ck_assert_msg(o.ok, "%s refuses %s: %s", schema, instance, o.err.text);
}

/* Refuses with exactly this text. */
static void refuses(const char *schema, const char *instance, const char *text)
{
	struct outcome o = check_with(schema, NULL, instance);
	ck_assert_msg(o.compiled, "%s: %s", schema, o.err.text);
	ck_assert_msg(!o.ok, "%s accepts %s", schema, instance);
	ck_assert_int_eq(o.err.kind, ERROR_INPUT);
	ck_assert_str_eq(o.err.text, text);
}

static void does_not_compile(const char *schema, const char *text)
{
	struct outcome o = check_with(schema, NULL, "null");
	ck_assert_msg(!o.compiled, "%s compiles", schema);
	ck_assert_int_eq(o.err.kind, ERROR_INPUT);
	ck_assert_str_eq(o.err.text, text);
}

static void gives_no_answer(const char *schema, const char *instance, const char *text)
{
	struct outcome o = check_with(schema, NULL, instance);
	ck_assert_msg(o.compiled, "%s", o.err.text);
	ck_assert(!o.ok);
	ck_assert_int_eq(o.err.kind, ERROR_PERMANENT);
	ck_assert_str_eq(o.err.text, text);
}

START_TEST(numbers_are_compared_as_decimals)
{
	accepts("{\"const\": 1}", "1.0");
	accepts("{\"const\": 1}", "10e-1");
	accepts("{\"const\": 0}", "-0.00e7");
	accepts("{\"const\": {\"a\": [100]}}", "{\"a\": [1E2]}");
	refuses("{\"const\": 9007199254740993}", "9007199254740992",
		"(root): const: 9007199254740992 is not 9007199254740993");
	refuses("{\"uniqueItems\": true}", "[1, 2, 1.0]",
		"(root): uniqueItems: elements 0 and 2 are equal");
	accepts("{\"uniqueItems\": true}", "[9007199254740993, 9007199254740992]");
	refuses("{\"maximum\": 0.1}", "0.10000000000000000000001",
		"(root): maximum: 0.10000000000000000000001 is above 0.1");
	accepts("{\"exclusiveMaximum\": 0.1}", "0.09999999999999999999999");
	accepts("{\"minimum\": -1e400}", "-9e399");
	refuses("{\"minimum\": 1e400}", "9e399", "(root): minimum: 9e399 is below 1e400");
	refuses("{\"exclusiveMinimum\": -0}", "0e5",
		"(root): exclusiveMinimum: 0e5 is not above -0");
	accepts("{\"maximum\": -2}", "-10");
}
END_TEST

START_TEST(an_integer_is_one_by_value)
{
	accepts("{\"type\": \"integer\"}", "1.0");
	accepts("{\"type\": \"integer\"}", "1.50e1");
	accepts("{\"type\": \"integer\"}", "1e400");
	accepts("{\"type\": \"integer\"}", "0e-5");
	refuses("{\"type\": \"integer\"}", "15e-1", "(root): type: 15e-1 is not integer");
	refuses("{\"type\": [\"integer\", \"null\"]}", "\"1\"",
		"(root): type: \"1\" is not integer or null");
	accepts("{\"maxLength\": 2.0}", "\"ab\"");
	accepts("{\"maxLength\": 1e400}", "\"ab\"");
}
END_TEST

START_TEST(division_is_exact)
{
	accepts("{\"multipleOf\": 0.01}", "19.99");
	accepts("{\"multipleOf\": 0.0001}", "1e300");
	accepts("{\"multipleOf\": 3}", "6e4000000000000000000002");
	accepts("{\"multipleOf\": 1024}", "1e10");
	accepts("{\"multipleOf\": 1e-400}", "3e-399");
	accepts("{\"multipleOf\": 123456789012345678901234567890}",
		"-15241578753238836750495351562536198787501905199875019052100");
	accepts("{\"multipleOf\": 7}", "0");
}
END_TEST

START_TEST(what_does_not_divide_is_refused)
{
	refuses("{\"multipleOf\": 0.01}", "19.999",
		"(root): multipleOf: 19.999 is not a multiple of 0.01");
	refuses("{\"multipleOf\": 1024}", "1e9",
		"(root): multipleOf: 1e9 is not a multiple of 1024");
	refuses("{\"multipleOf\": 2}", "9007199254740993",
		"(root): multipleOf: 9007199254740993 is not a multiple of 2");
	refuses("{\"multipleOf\": 123456789012345678901234567890}",
		"-15241578753238836750495351562536198787501905199875019052101",
		"(root): multipleOf: -15241578753238836750495351562536198787501905199875"
		"019052101 is not a multiple of 123456789012345678901234567890");
	does_not_compile(
		"{\"multipleOf\": 0.0}", "the schema at #: multipleOf: must be above 0");
}
END_TEST

START_TEST(strings_are_counted_in_code_points)
{
	accepts("{\"maxLength\": 1}", "\"\\ud83d\\udca9\"");
	accepts("{\"maxLength\": 1, \"minLength\": 1}", "\"\xf0\x9f\x92\xa9\"");
	accepts("{\"minLength\": 3}", "\"a\\u0000b\"");
	refuses("{\"maxLength\": 1}", "\"a\\n\"",
		"(root): maxLength: 2 characters are more than 1");
	accepts("{\"const\": \"a/b\"}", "\"\\u0061\\/b\"");
	accepts("{\"properties\": {\"\\u0061\": false}}", "{\"A\": 1}");
	refuses("{\"properties\": {\"\\u0061\": false}}", "{\"a\": 1}",
		"/a: properties: nothing is allowed here");
	refuses("{\"additionalProperties\": false}", "{\"a\\u0000\\n~/\": 1}",
		"/a\\u0000\\u000a~0~1: additionalProperties: nothing is allowed here");
}
END_TEST

START_TEST(patterns_are_those_of_ecma_262)
{
	accepts("{\"pattern\": \"^\\\\p{Letter}+$\"}", "\"\xc3\xa9t\xc3\xa9\"");
	accepts("{\"pattern\": \"^\\\\p{Script=Greek}$\"}", "\"\xcf\x80\"");
	accepts("{\"pattern\": \"^.$\"}", "\"\xf0\x9f\x92\xa9\"");
	accepts("{\"pattern\": \"^\\\\ud83d\\\\udca9$\"}", "\"\xf0\x9f\x92\xa9\"");
	accepts("{\"pattern\": \"^[\\\\s-a]$\"}", "\"-\"");
	accepts("{\"pattern\": \"^[\\\\w-.]+$\"}", "\"a-.\"");
	accepts("{\"pattern\": \"^\\\\s[^\\\\S]\\\\S$\"}", "\" \\u2028-\"");
	accepts("{\"pattern\": \"^[^]$\"}", "\"\\n\"");
	accepts("{\"pattern\": \"^[[:a]+$\"}", "\"[:a\"");
	accepts("{\"pattern\": \"^(a)?\\\\1b$\"}", "\"b\"");
	accepts("{\"pattern\": \"^{a}$\"}", "\"{a}\"");
	refuses("{\"pattern\": \"^a$\"}", "\"a\\n\"",
		"(root): pattern: \"a\\n\" does not match \"^a$\"");
	refuses("{\"pattern\": \"^\\\\w$\"}", "\"\xc3\xa9\"",
		"(root): pattern: \"\xc3\xa9\" does not match \"^\\\\w$\"");
	refuses("{\"pattern\": \"[]\"}", "\"\"",
		"(root): pattern: \"\" does not match \"[]\"");
}
END_TEST

START_TEST(patterns_of_other_dialects_are_refused)
{
	static const char *const bad[] = {"\\\\Aa", "a\\\\Z", "(?i)a", "(?>a)", "a++",
		"(*UCP)a", "\\\\Qa", "(?P<n>a)", "a**", "(", "[a", "\\\\", "\\\\u12",
		"\\\\p{Nope}", "\\\\p{L", "\\\\cé", "\\\\ud83d", "(?#x)", "\\\\1(",
		"(?<=a+)b", "\\\\2(a)", "\\\\C", "\\\\x{61}", "a{2}+"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		char *schema = xasprintf("{\"pattern\": \"%s\"}", bad[i]);
		struct outcome o = check_with(schema, NULL, "1");
		ck_assert_msg(!o.compiled, "%s compiles", schema);
		ck_assert_int_eq(o.err.kind, ERROR_INPUT);
		free(schema);
	}
	does_not_compile("{\"properties\": {\"a\": {\"pattern\": \"a\\\\Z\"}}}",
		"the schema at #/properties/a: pattern: an unknown escape at byte 3 of "
		"the regular expression");
}
END_TEST

START_TEST(backtracking_ends)
{
	struct buf digits = {0};
	gives_no_answer("{\"pattern\": \"^(a|a)*$\"}",
		"\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\"",
		"a regular expression takes too long, at (root)");
	buf_puts(&digits, "\"");
	for (int i = 0; i < 50000; i++)
		buf_putc(&digits, '1');
	buf_puts(&digits, "!\"");
	gives_no_answer("{\"pattern\": \"\\\\d+\\\\w+$\"}", buf_text(&digits),
		"a regular expression takes too long, at (root)");
	buf_finish(&digits);
	gives_no_answer("{\"not\": {\"patternProperties\": {\"^(a|a)*$\": true}}}",
		"{\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab\": 1}",
		"a regular expression takes too long, at (root)");
}
END_TEST

START_TEST(recursion_without_end_is_no_crash)
{
	static const char *const text = "the schema refers to itself without end, at "
					"(root)";
	gives_no_answer("{\"$ref\": \"#\"}", "1", text);
	gives_no_answer("{\"not\": {\"$ref\": \"#\"}}", "1", text);
	gives_no_answer("{\"anyOf\": [{\"$ref\": \"#/$defs/a\"}], \"$defs\": {"
			"\"a\": {\"allOf\": [{\"$ref\": \"#/$defs/b\"}]},"
			"\"b\": {\"if\": {\"$ref\": \"#/$defs/a\"}}}}",
		"1", text);
	gives_no_answer(
		"{\"$dynamicAnchor\": \"a\", \"$dynamicRef\": \"#a\"}", "{}", text);
	accepts("{\"additionalProperties\": {\"$ref\": \"#\"}, \"type\": \"object\"}",
		"{\"a\": {\"a\": {\"a\": {}}}}");
}
END_TEST

/* {"$defs": {"0": {"allOf": [{"$ref": "#/$defs/1"}, ...]}, ..., "n": true}} */
static char *chain(unsigned n, unsigned width)
{
	struct buf b = {0};
	buf_puts(&b, "{\"$ref\": \"#/$defs/0\", \"$defs\": {");
	for (unsigned i = 0; i < n; i++) {
		buf_printf(&b, "\"%u\": {\"allOf\": [", i);
		for (unsigned j = 0; j < width; j++)
			buf_printf(
				&b, "%s{\"$ref\": \"#/$defs/%u\"}", j ? ", " : "", i + 1);
		buf_puts(&b, "]}, ");
	}
	buf_printf(&b, "\"%u\": true}}", n);
	return buf_take(&b);
}

START_TEST(depth_and_work_are_bounded)
{
	char *schema = chain(500, 1);
	accepts(schema, "1");
	free(schema);
	schema = chain(1000, 1);
	gives_no_answer(schema, "1",
		"too many schemas are applied inside one another, at (root)");
	free(schema);
	schema = chain(60, 2);
	gives_no_answer(schema, "1",
		"checking the value against its schema takes too much work, at (root)");
	free(schema);
}
END_TEST

START_TEST(failures_say_where_and_what)
{
	refuses("{\"properties\": {\"a\": {\"items\": {\"properties\":"
		" {\"b~/\": {\"maximum\": 3}}}}}}",
		"{\"a\": [{}, {\"b~/\": 4}]}", "/a/1/b~0~1: maximum: 4 is above 3");
	refuses("{\"required\": [\"a\", \"b\"], \"minProperties\": 1}", "{}",
		"(root): minProperties: 0 members are fewer than 1; "
		"(root): required: \"a\" is missing; "
		"(root): required: \"b\" is missing; maybe more");
	refuses("{\"anyOf\": [{\"type\": \"string\"}, {\"minimum\": 2}]}", "1",
		"(root): anyOf: 1 satisfies none of the 2 schemas");
	refuses("{\"oneOf\": [{\"minimum\": 1}, false, {\"minimum\": 2}]}", "3",
		"(root): oneOf: 3 satisfies schemas 0 and 2, not just one");
	refuses("{\"propertyNames\": {\"maxLength\": 1}}", "{\"ab\": 1}",
		"/ab (the name): maxLength: 2 characters are more than 1");
	refuses("{\"if\": true, \"then\": false}", "1",
		"(root): then: nothing is allowed here");
	refuses("{\"properties\": {\"a\": {\"minimum\": 1}},"
		" \"unevaluatedProperties\": false}",
		"{\"a\": 1, \"b\": 1}",
		"/b: unevaluatedProperties: nothing is allowed here");
}
END_TEST

START_TEST(a_failure_is_not_told_again_as_unevaluated)
{
	refuses("{\"properties\": {\"a\": {\"minimum\": 1}},"
		" \"unevaluatedProperties\": false}",
		"{\"a\": 0}", "/a: minimum: 0 is below 1");
}
END_TEST

START_TEST(long_values_are_cut_between_characters)
{
	struct buf instance = {0};
	buf_puts(&instance, "\"");
	for (int i = 0; i < 200; i++)
		buf_puts(&instance, "\xc3\xa9");
	buf_puts(&instance, "\"");
	struct outcome o = check_with("{\"const\": 1}", NULL, buf_text(&instance));
	struct buf quoted = {0};
	json_put_string(&quoted, o.err.text, strlen(o.err.text));
	parse(buf_text(&quoted)); /* valid UTF-8 */
	ck_assert_uint_lt(strlen(o.err.text), 120);
	buf_clear(&quoted);
	o = check_with("{\"$ref\": \"#/%ff\"}", NULL, "1");
	json_put_string(&quoted, o.err.text, strlen(o.err.text));
	parse(buf_text(&quoted));
	buf_finish(&instance);
	buf_finish(&quoted);
}
END_TEST

START_TEST(a_wrong_schema_is_told_where)
{
	does_not_compile(
		"1", "the schema at #: a schema must be an object, true or false");
	does_not_compile("{\"items\": {\"anyOf\": [true, {\"type\": \"strin\"}]}}",
		"the schema at #/items/anyOf/1: type: must be array, boolean, integer, "
		"null, number, object, string, or an array of these");
	does_not_compile("{\"anyOf\": []}",
		"the schema at #: anyOf: must be an array of schemas, not empty");
	does_not_compile("{\"$defs\": {\"a\": {\"maxItems\": -1}}}",
		"the schema at #/$defs/a: maxItems: must be an integer, not negative");
	does_not_compile("{\"required\": \"a\"}",
		"the schema at #: required: must be an array of strings");
	does_not_compile("{\"$schema\": \"http://json-schema.org/draft-07/schema#\"}",
		"the schema at #: $schema: only draft 2020-12 is known, not "
		"http://json-schema.org/draft-07/schema#");
	does_not_compile("{\"$id\": \"http://a/b#c\"}",
		"the schema at #: $id: must not have a fragment");
	does_not_compile("{\"$defs\": {\"a\": {\"$id\": \"http://a\"},"
			 " \"b\": {\"$id\": \"http://a\"}}}",
		"the schema at #/$defs/b: $id: is that of another schema, too");
}
END_TEST

START_TEST(references_that_lead_nowhere_are_named)
{
	does_not_compile("{\"items\": {\"$ref\": \"http://nowhere/x.json#/a\"}}",
		"the schema at #/items: $ref: there is no schema http://nowhere/x.json");
	does_not_compile("{\"$id\": \"http://a/b/\", \"$ref\": \"../c\\n\"}",
		"the schema at #: $ref: there is no schema http://a/c ");
	does_not_compile("{\"$ref\": \"#/$defs/a\"}",
		"the schema at #: $ref: there is nothing at \"#/$defs/a\"");
	does_not_compile("{\"$dynamicRef\": \"#a\"}",
		"the schema at #: $dynamicRef: there is no anchor \"#a\"");
	does_not_compile("{\"$ref\": \"#/maximum\", \"maximum\": 1}",
		"the schema at #/maximum: a schema must be an object, true or false");
}
END_TEST

START_TEST(documents_may_be_referred_to)
{
	const struct json_schema_document documents[] = {
		{"http://a/b/one.json", JSON_LITERAL("{\"$ref\": \"two.json#there\"}")},
		{"http://a/b/two.json",
			JSON_LITERAL("{\"$defs\": {\"x\": {\"$anchor\": \"there\","
				     " \"maximum\": 2}}}")},
		{"http://a/wrong", JSON_LITERAL("{\"items\": 3}")},
	};
	const struct json_schema_options options = {
		.uri = "http://a/main", .documents = documents, .ndocuments = 3};
	struct outcome o = check_with("{\"$ref\": \"b/one.json\"}", &options, "3");
	ck_assert_str_eq(o.err.text, "(root): maximum: 3 is above 2");
	o = check_with("{\"$ref\": \"/wrong\"}", &options, "3");
	ck_assert(!o.compiled);
	ck_assert_str_eq(o.err.text, "the schema at http://a/wrong#/items: a schema must "
				     "be an object, true or false");
	o = check_with("{\"$ref\": \"main#/$defs/a\", \"$defs\": {\"a\": false}}",
		&options, "3");
	ck_assert_str_eq(o.err.text, "(root): $ref: nothing is allowed here");
}
END_TEST

/* Wants what is at http://a/, and counts it. */
static bool on_missing(void *ctx, const char *uri, struct json place)
{
	unsigned *count = ctx;
	ck_assert_int_eq(*place.s, '"');
	if (strncmp(uri, "http://a/", 9) != 0)
		return false;
	++*count;
	return true;
}

START_TEST(documents_that_are_not_here_are_told)
{
	unsigned count = 0;
	const struct json_schema_options options = {
		.uri = "http://a/main", .on_missing = on_missing, .ctx = &count};
	struct outcome o = check_with("{\"allOf\": [{\"$ref\": \"b#/x\"}, {\"$ref\": "
				      "\"/c\"}, {\"$ref\": \"#\"}]}",
		&options, "3");
	ck_assert(!o.compiled);
	ck_assert_int_eq(o.err.kind, ERROR_NOT_FOUND);
	ck_assert_uint_eq(count, 2);
	o = check_with("{\"allOf\": [{\"$ref\": \"b\"}, {\"$ref\": \"#/none\"}]}",
		&options, "3");
	ck_assert(!o.compiled);
	ck_assert_int_eq(o.err.kind, ERROR_INPUT);
	o = check_with("{\"allOf\": [{\"$ref\": \"b\"}, {\"$ref\": \"http://b\"}]}",
		&options, "3");
	ck_assert_int_eq(o.err.kind, ERROR_INPUT);
	ck_assert_str_eq(o.err.text, "the schema at http://a/main#/allOf/1: $ref: there "
				     "is no schema http://b");
}
END_TEST

START_TEST(formats_are_asserted_on_demand)
{
	static const char *const schema = "{\"format\": \"uuid\"}";
	const struct json_schema_options options = {.assert_format = true};
	accepts(schema, "\"x\"");
	struct outcome o = check_with(schema, &options, "\"x\"");
	ck_assert_str_eq(
		o.err.text, "(root): format: \"x\" is not of the format \"uuid\"");
	ck_assert(check_with(schema, &options, "1").ok);
	ck_assert(check_with("{\"format\": \"of our own\"}", &options, "\"x\"").ok);
	ck_assert(check_with("{\"format\": \"date\"}", &options, "\"2024-02-29\"").ok);
	ck_assert(!check_with("{\"format\": \"date\"}", &options, "\"2023-02-29\"").ok);
	ck_assert(!check_with("{\"format\": \"ipv4\"}", &options, "\"127.0.0.1\\u0000\"")
			   .ok);
}
END_TEST

START_TEST(the_meta_schema_is_json_and_describes_itself)
{
	struct json meta = json_schema_meta_text(), v;
	struct error err;
	ck_assert(json_check(meta.s, meta.n, NULL, &v, NULL, &err));
	char *text = xstrndup(meta.s, meta.n);
	accepts("{\"$ref\": \"" JSON_SCHEMA_META_URI "\"}", text);
	accepts(text, text);
	free(text);
	refuses("{\"$ref\": \"" JSON_SCHEMA_META_URI "\"}",
		"{\"properties\": {\"a\": {\"minLength\": -1}}}",
		"/properties/a/minLength: minimum: -1 is below 0");
	refuses("{\"$ref\": \"https://json-schema.org/draft/2020-12/meta/validation\"}",
		"{\"type\": \"strin\"}",
		"/type: enum: \"strin\" is none of the 7 values");
}
END_TEST

static void add_tests(TCase *tests)
{
	tcase_add_test(tests, numbers_are_compared_as_decimals);
	tcase_add_test(tests, an_integer_is_one_by_value);
	tcase_add_test(tests, division_is_exact);
	tcase_add_test(tests, what_does_not_divide_is_refused);
	tcase_add_test(tests, strings_are_counted_in_code_points);
	tcase_add_test(tests, patterns_are_those_of_ecma_262);
	tcase_add_test(tests, patterns_of_other_dialects_are_refused);
	tcase_add_test(tests, backtracking_ends);
	tcase_add_test(tests, recursion_without_end_is_no_crash);
	tcase_add_test(tests, depth_and_work_are_bounded);
	tcase_add_test(tests, failures_say_where_and_what);
	tcase_add_test(tests, a_failure_is_not_told_again_as_unevaluated);
	tcase_add_test(tests, long_values_are_cut_between_characters);
	tcase_add_test(tests, a_wrong_schema_is_told_where);
	tcase_add_test(tests, references_that_lead_nowhere_are_named);
	tcase_add_test(tests, documents_may_be_referred_to);
	tcase_add_test(tests, documents_that_are_not_here_are_told);
	tcase_add_test(tests, formats_are_asserted_on_demand);
	tcase_add_test(tests, the_meta_schema_is_json_and_describes_itself);
}

int main(void)
{
	Suite *suite = suite_create("json_schema");
	TCase *tests = tcase_create("json_schema");
	tcase_set_timeout(tests, 120);
	add_tests(tests);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
