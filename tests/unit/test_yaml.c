/* YAML as JSON: what each piece of it becomes, what is refused, and where things stand.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "yaml/yaml.h"
#include "json/json.h"

struct yaml_case {
	const char *yaml, *expected; /* the JSON, or a part of the error's text */
};

static bool convert(const char *yaml, size_t n, struct buf *out, struct yaml_map *map,
	struct error *err)
{
	char *exact = xmalloc(n); /* so that a byte too many is seen */
	memcpy(exact, yaml, n);
	bool ok = yaml_to_json(exact, n, out, map, err);
	free(exact);
	return ok;
}

static void becomes(const struct yaml_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf out = {0};
		struct yaml_map map;
		struct error err = {0};
		bool ok = convert(cases[i].yaml, strlen(cases[i].yaml), &out, &map, &err);
		ck_assert_msg(ok, "%s: %s", cases[i].yaml, err.text);
		ck_assert_str_eq(buf_text(&out), cases[i].expected);
		yaml_map_finish(&map);
		buf_finish(&out);
	}
}

static void is_refused(const struct yaml_case *cases, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct buf out = {0};
		struct yaml_map map;
		struct error err = {0};
		buf_puts(&out, "as it was");
		bool ok = convert(cases[i].yaml, strlen(cases[i].yaml), &out, &map, &err);
		ck_assert_msg(!ok, "%s: %s", cases[i].yaml, buf_text(&out));
		ck_assert_int_eq(err.kind, ERROR_INPUT);
		ck_assert_msg(strstr(err.text, cases[i].expected), "%s: %s, not %s",
			cases[i].yaml, err.text, cases[i].expected);
		ck_assert_str_eq(buf_text(&out), "as it was");
		char at[64];
		unsigned line, column;
		yaml_map_position(&map, 0, &line, &column);
		snprintf(at, sizeof at, " at line %u, column %u", line, column);
		ck_assert_msg(strstr(err.text, at), "%s: no%s", err.text, at);
		yaml_map_finish(&map);
		buf_finish(&out);
	}
}

#define BECOMES(...)                                        \
	do {                                                \
		const struct yaml_case c[] = {__VA_ARGS__}; \
		becomes(c, sizeof c / sizeof *c);           \
	} while (0)
#define REFUSED(...)                                        \
	do {                                                \
		const struct yaml_case c[] = {__VA_ARGS__}; \
		is_refused(c, sizeof c / sizeof *c);        \
	} while (0)

START_TEST(plain_scalars_follow_the_core_schema)
{
	BECOMES({"[null, Null, NULL, ~, ]", "[null,null,null,null]"},
		{"a:\nb: ~", "{\"a\":null,\"b\":null}"},
		{"[true, True, TRUE, false]", "[true,true,true,false]"},
		{"[yes, no, on, off, y]", "[\"yes\",\"no\",\"on\",\"off\",\"y\"]"},
		{"[tRUE, nULL, 1_000, 0b1, 1:30, 2024-01-31, 1.2.3]",
			"[\"tRUE\",\"nULL\",\"1_000\",\"0b1\",\"1:30\",\"2024-01-31\","
			"\"1.2.3\"]"},
		{"[1e, e1, ., +, '-', 0x, 0xg, 0o8, -0x1, .e1, inf]",
			"[\"1e\",\"e1\",\".\",\"+\",\"-\",\"0x\",\"0xg\",\"0o8\","
			"\"-0x1\",\".e1\",\"inf\"]"});
}
END_TEST

START_TEST(numbers_keep_their_text_where_json_has_it)
{
	BECOMES({"[0, -0, 12, -3.50, 1e3, 1E-3, 0.1e+09]",
			"[0,-0,12,-3.50,1e3,1E-3,0.1e+09]"},
		{"123456789012345678901234567890", "123456789012345678901234567890"},
		{"[+1, .5, -.5e1, 1., +1.e2]", "[1,0.5,-0.5e1,1.0,1.0e2]"},
		{"[0x1F, 0xffFFffFFffFFffFF, 0x0, 0o17, 0o01]",
			"[31,18446744073709551615,0,15,1]"});
	REFUSED({"[.inf]", ".inf is no number in JSON"}, {"-.Inf", "no number"},
		{".NaN", ".NaN is no number in JSON"}, {"007", "leading zero"},
		{"-01", "leading zero"}, {"00.5", "leading zero"},
		{"0x10000000000000000", "larger than 64 bits"},
		{"0o2000000000000000000000", "larger than 64 bits"},
		{"0o1000000000000000000000000", "larger than 64 bits"});
}
END_TEST

START_TEST(strings_of_every_style)
{
	BECOMES({"'it''s'", "\"it's\""}, {"\"a\\tb\\x41\\u00e9\\n\"", "\"a\\tbAé\\n\""},
		{"\"\\ud83d\\ude00 \\0\"", "\"😀 \\u0000\""},
		{"a: |\n  x\n   y\nb: >-\n  x\n  y\n",
			"{\"a\":\"x\\n y\\n\",\"b\":\"x y\"}"},
		{"a: |+\n  x\n\nb: |\nc: 1\n", "{\"a\":\"x\\n\\n\",\"b\":\"\",\"c\":1}"},
		{"a: one\n  two\n", "{\"a\":\"one two\"}"},
		{"a: C:\\x # no\n", "{\"a\":\"C:\\\\x\"}"},
		{"{\"a\":[\"\\/\",{}],\"b\":[]}", "{\"a\":[\"/\",{}],\"b\":[]}"},
		{"\xEF\xBB\xBF"
		 "a: b\r\nc: d\r\n",
			"{\"a\":\"b\",\"c\":\"d\"}"});
	/* libfyaml gives uninitialised memory for it. */
	REFUSED({"a: >\n", "without content"}, {"\"\\ud83d\"", "at line 1"});
}
END_TEST

START_TEST(core_tags_and_no_others)
{
	BECOMES({"[!!str 5, !!str , ! 5, !!int \"5\", !!float 5, !!bool 'true', !!null "
		 "'']",
			"[\"5\",\"\",\"5\",5,5,true,null]"},
		{"!!map {a: !!seq [1]}", "{\"a\":[1]}"},
		{"%TAG !y! tag:yaml.org,2002:\n---\n!y!str 1", "\"1\""});
	REFUSED({"a: !x 5", "unknown tag !x at line 1, column 4"},
		{"!!binary x", "unknown tag tag:yaml.org,2002:binary"},
		{"!!set {a}", "unknown tag"}, {"!!seq {a: 1}", "the tag"},
		{"!!int 5.0", "5.0 is not an !!int"}, {"!!bool yes", "!!bool"},
		{"!!float x", "!!float"}, {"!!null x", "!!null"},
		{"!!map x", "not a mapping"});
}
END_TEST

START_TEST(keys_are_strings_and_stand_once)
{
	BECOMES({"on: 1\n'2': 3\n!!str 4: 5", "{\"on\":1,\"2\":3,\"4\":5}"},
		{"8080: 80\n-1: {443: 0x10}", "{\"8080\":80,\"-1\":{\"443\":16}}"});
	REFUSED({"a:\n  1.5: x", "key must be a string: quote it at line 2, column 3"},
		{"&a 1: x", "quote it"}, {"b: &a 1\n*a : x", "quote it"},
		{"8080: 1\n\"8080\": 2", "duplicate key \"8080\" at line 2, column 1"},
		{"true: x", "quote it"}, {"~: x", "quote it"}, {": x", "quote it"},
		{"? [a]\n: b", "a key must be a string at line 1"},
		{"&a [1]: x", "a key must be a string"},
		{"b: &a {}\n*a : x", "a key must be a string"},
		{"a: 1\nb: 2\n'a': 3", "duplicate key \"a\" at line 3, column 1"},
		{"{x: {\"\\x61\": 1, a: 2}}", "duplicate key \"a\" at line 1, column 17"},
		{"a: &a {x: 1}\nb: {<<: *a, <<: *a}",
			"merged as a list, <<: [*one, *two] at line 2, column 13"});
}
END_TEST

START_TEST(aliases_and_merge_keys_are_expanded)
{
	BECOMES({"a: &x [1, {b: 2}]\nc: *x", "{\"a\":[1,{\"b\":2}],\"c\":[1,{\"b\":2}]}"},
		{"- &x 1\n- *x\n- &x 2\n- *x", "[1,1,2,2]"},
		{"x: &k key\n*k : 1", "{\"x\":\"key\",\"key\":1}"},
		{"a: &a {x: 1, y: 2}\nb:\n  <<: *a\n  x: 3",
			"{\"a\":{\"x\":1,\"y\":2},\"b\":{\"x\":3,\"y\":2}}"},
		{"a: &a {x: 1}\nb: &b {x: 2, z: 3, <<: *a}\nc: {<<: [*a, *b, {q: 4}]}",
			"{\"a\":{\"x\":1},\"b\":{\"x\":2,\"z\":3},"
			"\"c\":{\"x\":1,\"z\":3,\"q\":4}}"},
		{"'<<': 1", "{\"<<\":1}"});
	REFUSED({"a: *x", "an alias of an anchor that is not there"},
		{"&x [1, *x]", "an alias inside of what it stands for"},
		{"a: &x {b: {<<: *x}}", "an alias inside"},
		{"<<: 1", "<< merges mappings only"},
		{"<<: [{a: 1}, 2]", "mappings only at line 1, column 14"});
}
END_TEST

/* Each line stands for ten times the one before it. */
static void bomb(const char *first, const char *open, const char *close, const char *says)
{
	struct buf text = {0};
	buf_puts(&text, first);
	for (int i = 1; i < 20; i++) {
		buf_printf(&text, "a%d: &a%d %s", i, i, open);
		for (int k = 0; k < 10; k++)
			buf_printf(&text, "%s*a%d", k ? ", " : "", i - 1);
		buf_printf(&text, "%s\n", close);
	}
	REFUSED({buf_text(&text), says});
	buf_finish(&text);
}

START_TEST(expansion_is_limited)
{
	bomb("a0: &a0 [x, y]\n", "[", "]", "too large");
	bomb("a0: &a0 {x: 1}\n", "{<<: [", "]}", "too large");
	struct buf text = {0};
	buf_puts(&text, "a0: &a0 {x: 1}\n");
	for (int i = 1; i < 70; i++)
		buf_printf(&text, "a%d: &a%d {<<: *a%d}\n", i, i, i - 1);
	REFUSED({buf_text(&text), "nested too deeply"});
	buf_clear(&text);
	buf_puts(&text, "a0: &a0 [1]\n");
	for (int i = 1; i < 70; i++)
		buf_printf(&text, "a%d: &a%d [*a%d]\n", i, i, i - 1);
	REFUSED({buf_text(&text), "nested too deeply"});
	buf_finish(&text);
}
END_TEST

static char *repeated(const char *part, size_t times)
{
	struct buf b = {0};
	for (size_t i = 0; i < times; i++)
		buf_puts(&b, part);
	return buf_take(&b);
}

START_TEST(depth_is_that_of_json)
{
	char *open = repeated("[", 64), *close = repeated("]", 64);
	char *deep = xasprintf("%s%s", open, close);
	char *deeper = xasprintf("[%s]", deep);
	char *map = repeated("{a: ", 64), *end = repeated("}", 64);
	char *mappings = xasprintf("%s1%s", map, end);
	char *expected = repeated("{\"a\":", 64);
	char *json = xasprintf("%s1%s", expected, end);
	BECOMES({deep, deep}, {mappings, json});
	REFUSED({deeper, "nested too deeply at line 1, column 65"});
	char *all[] = {open, close, deep, deeper, map, end, mappings, expected, json};
	for (size_t i = 0; i < sizeof all / sizeof *all; i++)
		free(all[i]);
}
END_TEST

START_TEST(what_is_not_yaml_is_refused_with_its_place)
{
	char *blank = repeated("\n", 5000), *directive = repeated("a", 100000);
	char *long_directive = xasprintf("%%%s", directive);
	char *large = repeated("0123456789abcdef", (YAML_BYTES_MAX >> 4) + 1);
	REFUSED({"", "no document"}, {"# nothing\n", "no document"},
		{"a: 1\n---\nb: 2", "second document: only one is read at line 2"},
		{"%YAML 1.1\n---\na: 1", "only YAML 1.2"}, {"a: [1, 2", "at line 1"},
		{"a:\n\t- b", "at line 2, column 1"},
		{"é: \"ü\": x", "at line 1, column 7"}, {"a: @b", "column 4"},
		{"a: 'x", "at line 1"}, {"a\nb: c: d", "at line"},
		{"é: \xC3(", "invalid UTF-8 at line 1, column 4"},
		{"\xFF\xFE"
		 "a",
			"invalid UTF-8"},
		{"%\"\xA6", "invalid UTF-8"},
		{"a: \x01", "a control character at line 1, column 4"},
		{blank, "too many blank lines"},
		{long_directive, "a directive that is too long"}, {large, "up to 4 MiB"});
	free(blank);
	free(directive);
	free(long_directive);
	free(large);
	struct buf out = {0};
	struct yaml_map map;
	ck_assert(!yaml_to_json("a\0b", 3, &out, &map, NULL));
	yaml_map_finish(&map);
}
END_TEST

/* The first place of the part in the JSON is at this line and column of the YAML. */
struct position {
	const char *part;
	unsigned line, column;
};

START_TEST(expressions_without_their_quotes_are_pointed_out)
{
	REFUSED({"a: ${ { b: .c } }", "needs quotes: '${ ... }'"},
		{"a: { b: ${ .c } }", "needs quotes: '${ ... }'"},
		{"a: [ 1, ${ .c, 3 ]", "needs quotes: '${ ... }'"},
		{"a: {{ .b }}", "written '${ ... }', not {{ ... }}"});
	BECOMES({"a: ${ .b }", "{\"a\":\"${ .b }\"}"});
}
END_TEST

START_TEST(positions_are_those_of_the_yaml)
{
	static const char yaml[] = "# comment\n"
				   "document: &d\n"
				   "  \"dsl\": '1.0.3'\n"
				   "  é: \"ü\" \n"
				   "list:\n"
				   "  - 0x1F\n"
				   "  - {k: [v, w]}\n"
				   "  - !!str 7\n"
				   "text: |\n"
				   "  line\n"
				   "again: *d\n"
				   "pair: [p: q]\n"
				   "empty:\n";
	static const struct position positions[] = {{"{\"document", 2, 1},
		{"\"document", 2, 1}, {"{\"dsl", 3, 3}, {"\"dsl", 3, 3},
		{"\"1.0.3", 3, 10}, {"\"é", 4, 3}, {"\"ü", 4, 6}, {"\"list", 5, 1},
		{"[31", 6, 3}, {"31", 6, 5}, {"{\"k", 7, 5}, {"\"k", 7, 6},
		{"[\"v", 7, 9}, {"\"w", 7, 13}, {"w", 7, 13}, {"\"7", 8, 11},
		{"\"line", 10, 3}, {"\"again", 11, 1}, {"{\"p", 12, 8}, {"\"p\"", 12, 8},
		{"\"q", 12, 11}, {"\"empty", 13, 1}};
	struct buf out = {0};
	struct yaml_map map;
	struct error err = {0};
	unsigned line, column;
	buf_puts(&out, "before");
	ck_assert_msg(convert(yaml, strlen(yaml), &out, &map, &err), "%s", err.text);
	const char *json = out.data + strlen("before");
	for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
		const struct position *p = &positions[i];
		const char *at = strstr(json, p->part);
		ck_assert_msg(at, "no %s in %s", p->part, json);
		yaml_map_position(&map, (size_t)(at - json), &line, &column);
		ck_assert_msg(line == p->line && column == p->column,
			"%s at %u:%u, not %u:%u", p->part, line, column, p->line,
			p->column);
	}
	/* Of an alias: the value itself where the alias stands, its parts at the anchor.
	 */
	const char *again = strstr(json, "\"again\":") + strlen("\"again\":");
	yaml_map_position(&map, (size_t)(again - json), &line, &column);
	ck_assert(line == 11 && column == 8);
	yaml_map_position(&map, (size_t)(again + 1 - json), &line, &column);
	ck_assert(line == 3 && column == 3);
	yaml_map_finish(&map);
	buf_finish(&out);
}
END_TEST

START_TEST(places_inside_a_string_are_those_of_its_style)
{
	const char *yaml = "plain: a ${ x1 }\n"
			   "\"double \\\"key\\\"\": \"\\u00e9\\tb \\x41 ${ \\nx2\\n }\"\n"
			   "single: 'it''s ${ x3 }'\n"
			   "folded: >- # note\n"
			   "  a b\n"
			   "\n"
			   "  ${ c\n"
			   "  | x4 }\n"
			   "literal: |2\n"
			   "    \xC3\xA9 # d\n"
			   "  ${ x5 }\n"
			   "lines: a\n"
			   "  b ${ x6 }\n"
			   "list: [ \"x7\" ]\n";
	static const struct position positions[] = {{"x1", 1, 13}, {"x2", 2, 40},
		{"x3", 3, 19}, {"x4", 8, 5}, {"x5", 11, 6}, {"x6", 13, 8},
		{"x7", 14, 10}};
	struct buf out = {0};
	struct yaml_map map;
	struct error err = {0};
	ck_assert_msg(convert(yaml, strlen(yaml), &out, &map, &err), "%s", err.text);
	struct yaml_source source = {yaml, strlen(yaml), out.data};
	for (size_t i = 0; i < sizeof positions / sizeof *positions; i++) {
		const struct position *p = &positions[i];
		const char *at = strstr(out.data, p->part);
		unsigned line, column;
		yaml_find(&source, &map, (size_t)(at - out.data), &line, &column);
		ck_assert_msg(line == p->line && column == p->column,
			"%s at %u:%u, not %u:%u", p->part, line, column, p->line,
			p->column);
	}
	yaml_map_finish(&map);
	buf_finish(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("yaml");
	TCase *t = tcase_create("yaml");
	tcase_add_test(t, plain_scalars_follow_the_core_schema);
	tcase_add_test(t, numbers_keep_their_text_where_json_has_it);
	tcase_add_test(t, strings_of_every_style);
	tcase_add_test(t, core_tags_and_no_others);
	tcase_add_test(t, keys_are_strings_and_stand_once);
	tcase_add_test(t, aliases_and_merge_keys_are_expanded);
	tcase_add_test(t, expansion_is_limited);
	tcase_add_test(t, depth_is_that_of_json);
	tcase_add_test(t, what_is_not_yaml_is_refused_with_its_place);
	tcase_add_test(t, expressions_without_their_quotes_are_pointed_out);
	tcase_add_test(t, positions_are_those_of_the_yaml);
	tcase_add_test(t, places_inside_a_string_are_those_of_its_style);
	suite_add_tcase(s, t);
	return suite_exit(s);
}
