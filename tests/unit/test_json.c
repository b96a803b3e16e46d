/* The strict scanner, slices, canonical form; times and durations, ids. */
#include "base/uuid.h"
#include "definition/duration.h"
#include "suite.h"
#include "json/index.h"
#include "json/json.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static bool accepts(const char *text, size_t n)
{
	struct json v;
	return json_check(text, n, NULL, &v, NULL, NULL);
}

static struct json parsed(const char *text)
{
	struct json v;
	struct error err = {0};
	if (!json_check(text, strlen(text), NULL, &v, NULL, &err))
		ck_abort_msg("%s: %s", text, err.text);
	return v;
}

START_TEST(accepts_what_rfc_8259_accepts)
{
	static const char *const good[] = {"0", "-0", "1e400", "0.1000",
		"9007199254740993", "\"\"", "\"a\\u0000b\"", "\"\\ud83d\\ude00\"",
		"\"\xf0\x9f\x98\x80\"", "[]", "{}", " [1 , 2 ] ",
		"{\"a\":{\"b\":[null,true,false]}}", "\"\x7f\"",
		"{\"a\":1,\"A\":2,\"\":3}"};
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(accepts(good[i], strlen(good[i])), "%s", good[i]);
}
END_TEST

START_TEST(refuses_what_it_refuses_and_more)
{
	static const char *const bad[] = {"", " ", "nul", "01", "1.", ".5", "+1", "1e",
		"NaN", "Infinity", "'a'", "\"a", "\"\\x\"", "\"\\u12g4\"", "\"\\ud800\"",
		"\"\\udc00\"", "\"\\ud800\\u0041\"", "\"\x01\"", "\"\xff\"",
		"\"\xc0\xaf\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "[1,]",
		"[,1]", "[1 2]", "{\"a\":1,}", "{a:1}", "{\"a\" 1}", "{\"a\":1,\"a\":2}",
		"{\"a\":1,\"\\u0061\":2}", "[1]]", "1 2", "\xef\xbb\xbf{}", "[1",
		"{\"a\":", "/*c*/1", "\"\t\""};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!accepts(bad[i], strlen(bad[i])), "%s", bad[i]);
	ck_assert(!accepts("\"a\0b\"", 5));
}
END_TEST

START_TEST(many_members_with_one_duplicate_are_refused)
{
	struct buf b = {0};
	buf_putc(&b, '{');
	for (int i = 0; i < 1000; i++)
		buf_printf(&b, "\"k%d\":%d,", i, i);
	size_t n = b.len;
	buf_puts(&b, "\"k1000\":1}");
	ck_assert(accepts(b.data, b.len));
	b.len = n;
	buf_puts(&b, "\"k7\":1}");
	ck_assert(!accepts(b.data, b.len));
	buf_finish(&b);
}
END_TEST

START_TEST(depth_and_size_are_limited)
{
	struct json_limits limits = {.bytes = 10, .depth = 3};
	struct json v;
	struct error err = {0};
	size_t offset;
	ck_assert(json_check("[[[1]]]", 7, &limits, &v, NULL, NULL));
	ck_assert(!json_check("[[[[1]]]]", 9, &limits, &v, &offset, &err));
	ck_assert_uint_eq(offset, 3);
	ck_assert(!json_check("\"123456789\"", 11, &limits, &v, NULL, NULL));
	char *deep = xmalloc(200001);
	memset(deep, '[', 100000);
	memset(deep + 100000, ']', 100000);
	ck_assert(!accepts(deep, 200000));
	free(deep);
}
END_TEST

START_TEST(errors_say_what_json_has_not)
{
	static const char *const cases[][2] = {
		{"{\"a\": 1,}",
			"a comma too many before this bracket at line 1, column 9"},
		{"[1] // one", "JSON has no comments at line 1, column 5"},
		{"# one\n[1]", "JSON has no comments at line 1, column 1"},
		{"\xEF\xBB\xBF[1]", "byte order mark"},
		{"{'a': 1}", "double quotes at line 1, column 2"},
		{"[NaN]", "no NaN"},
		{"[True]", "true, false and null"},
		{"[01]", "no leading zero"},
		{"[.5]", "begins with a digit"},
		{"[\"a\n\"]", "written \\n at line 1, column 4"},
		{"[1", "the text ends here at line 1, column 3"},
		{"", "the text ends here at line 1, column 1"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json v;
		struct error err = {0};
		ck_assert(!json_check(
			cases[i][0], strlen(cases[i][0]), NULL, &v, NULL, &err));
		ck_assert_msg(
			strstr(err.text, cases[i][1]), "%s: %s", cases[i][0], err.text);
	}
}
END_TEST

START_TEST(places_in_a_string_are_those_of_its_text)
{
	struct json v = JSON_LITERAL("\"a\\n\\u00e9b\\ud83d\\ude00c\"");
	static const struct {
		size_t at, place;
	} cases[] = {
		{0, 1}, {1, 2}, {2, 4}, {4, 10}, {5, 11}, {9, 23}, {10, 24}, {99, 24}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		ck_assert_uint_eq(
			json_string_place(v, cases[i].at) - v.s, cases[i].place);
}
END_TEST

START_TEST(errors_name_line_and_column)
{
	struct json v;
	struct error err = {0};
	ck_assert(!json_check("{\n  \"\xc3\xa4\": tru\n}", 14, NULL, &v, NULL, &err));
	ck_assert_str_eq(err.text, "a value is expected: a text stands in double quotes "
				   "at line 2, column 8");
}
END_TEST

START_TEST(slices_are_the_very_text)
{
	struct json v =
		parsed("{\"a\": [1.00, {\"b/c\": \"x\\ny\"}], \"\\u0061b\": null}");
	ck_assert(json_is(json_at(json_get(v, "a"), 0), "1.00"));
	ck_assert(json_string_is(json_pointer(v, "/a/1/b~1c"), "x\ny"));
	ck_assert_int_eq(json_type(json_get(v, "ab")), JSON_NULL);
	ck_assert_int_eq(json_type(json_get(v, "none")), JSON_NONE);
	ck_assert_uint_eq(json_count(v), 2);
	ck_assert_uint_eq(json_count(json_get(v, "a")), 2);
	ck_assert(!json_pointer(v, "/a/2").s);
}
END_TEST

static void same(struct json_index *x, struct json v, char *pointer)
{
	ck_assert_ptr_eq(json_index_pointer(x, v, pointer).s, json_pointer(v, pointer).s);
	free(pointer);
}

START_TEST(an_index_finds_what_reading_finds)
{
	struct json_index x = {0};
	struct buf text = {0};
	struct json v;
	buf_puts(&text, "{\"a/b~\":[");
	for (int i = 0; i < 300; i++)
		buf_printf(&text, "%d,", i);
	buf_puts(&text, "{}],\"\\u0061\":1,\"\":2,\"\\u0000\":3");
	for (int i = 0; i < 300; i++)
		buf_printf(&text, ",\"m%d\":{\"n\":%d}", i, i);
	buf_putc(&text, '}');
	ck_assert(json_check(text.data, text.len, NULL, &v, NULL, NULL));
	for (int i = 0; i < 301; i++) {
		same(&x, v, xasprintf("/m%d/n", i));
		same(&x, v, xasprintf("/a~1b~0/%d", i));
		same(&x, v, xasprintf("/m%d", i));
	}
	ck_assert(json_index_get(&x, v, "a").s && json_index_get(&x, v, "").s);
	ck_assert(!json_index_get(&x, v, "b").s && !json_index_get(&x, v, "m").s);
	ck_assert(!json_index_get(&x, json_get(v, "a/b~"), "a").s);
	ck_assert(!json_index_pointer(&x, v, "/a~1b~0/301").s);
	ck_assert(!json_index_pointer(&x, v, "/a~1b~0/x").s);
	json_index_finish(&x);
	buf_finish(&text);
}
END_TEST

START_TEST(members_and_elements_are_of_their_own_kind)
{
	static const char *const texts[] = {
		"[\"a\",1]", "[{\"i[f\":\"\"}]", "{\"a\":1}", "{}", "[]", "1", "\"a\""};
	struct json k, v;
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char *exact = strdup(texts[i]); /* so that ASan sees one byte too far */
		struct json document = {exact, strlen(exact)};
		struct json_iter members = json_iter(document), elements = members;
		ck_assert(json_next_member(&members, &k, &v) ==
			  (*exact == '{' && exact[1] != '}'));
		ck_assert(json_next_element(&elements, &v) ==
			  (*exact == '[' && exact[1] != ']'));
		free(exact);
	}
}
END_TEST

START_TEST(integers_are_exact_or_none)
{
	int64_t n;
	ck_assert(json_int(parsed("-9223372036854775808"), &n) && n == INT64_MIN);
	ck_assert(!json_int(parsed("9223372036854775808"), &n));
	ck_assert(!json_int(parsed("1.0"), &n));
	ck_assert(!json_int(parsed("1e3"), &n));
}
END_TEST

START_TEST(equal_documents_have_equal_canonical_forms)
{
	struct buf a = {0}, b = {0};
	json_canonical(
		parsed("{\"b\":[1.0,\"\\u00e9\\/\"],\"a\":{\"z\":1,\"y\":2}}"), &a);
	json_canonical(
		parsed(" { \"a\" : {\"y\":2, \"z\":1}, \"b\":[ 1.0 , \"\xc3\xa9/\" ] }"),
		&b);
	ck_assert_str_eq(a.data, b.data);
	ck_assert_str_eq(a.data, "{\"a\":{\"y\":2,\"z\":1},\"b\":[1.0,\"\xc3\xa9/\"]}");
	buf_finish(&a);
	buf_finish(&b);
}
END_TEST

START_TEST(durations_are_read_in_both_forms)
{
	int64_t usec;
	ck_assert(duration_parse("P1DT2H3M4.5S", &usec) && usec == 93784500000LL);
	ck_assert(duration_parse("PT0.001S", &usec) && usec == 1000);
	ck_assert(duration_parse("500ms", &usec) && usec == 500000);
	ck_assert(duration_parse("7d", &usec) && usec == 7 * 86400000000LL);
	static const char *const bad[] = {"P", "PT", "P1", "1S", "PT1H1H", "PT1S1M",
		"-PT1S", "PT1e3S", "P1000Y", "36601d", "P99YT87600H", "5", "5x", "s", ""};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!duration_parse(bad[i], &usec), "%s", bad[i]);
}
END_TEST

static bool read_duration(const char *text, int64_t *ret, struct error *err)
{
	return duration_read((struct json){text, strlen(text)}, ret, err);
}

/* A century is the bound on the sum, however it is spelled, and nothing is left out. */
START_TEST(durations_of_the_dsl_have_one_reader)
{
	static const struct {
		const char *text;
		int64_t usec; /* -1: refused */
		const char *why;
	} cases[] = {
		{"{\"days\":1,\"hours\":2,\"minutes\":3,\"seconds\":4,\"milliseconds\":"
		 "5}",
			93784005000LL, ""},
		{"{\"milliseconds\":86400000}", 86400000000LL, ""},
		{"{\"days\":36600}", DURATION_MAX, ""},
		{"{\"seconds\":3162240000}", DURATION_MAX, ""},
		{"{\"milliseconds\":3162240000000}", DURATION_MAX, ""},
		{"\"P36600D\"", DURATION_MAX, ""},
		{"\"P36600DT0.001S\"", -1, "century"},
		{"\"P1000000D\"", -1, "century"},
		{"{\"days\":36600,\"milliseconds\":1}", -1, "century"},
		{"{\"days\":106751991}", -1, "century"},
		{"{\"hours\":3000000000}", -1, "century"},
		{"{\"days\":3162240000}", -1, "century"},
		{"{\"days\":9223372036854775807}", -1, "century"},
		{"{\"days\":99999999999999999999}", -1, "century"},
		{"{\"weeks\":2}", -1, "unknown member \"weeks\"; a member is \"days\""},
		{"{\"second\":5}", -1, "did you mean \"seconds\""},
		{"{\"Days\":1}", -1, "did you mean \"days\""},
		{"{\"seconds\":-1}", -1, "whole number"},
		{"{\"seconds\":0.5}", -1, "whole number"},
		{"{\"seconds\":\"5\"}", -1, "whole number"},
		{"{}", -1, "is expected"},
		{"5", -1, "is expected"},
		{"\"5s\"", -1, "is expected"},
		{"\"-P1D\"", -1, "is expected"},
		{"\"PT1S\\u0000garbage\"", -1, "is expected"},
		{"\"PT1S\\u0000\"", -1, "is expected"},
		{"null", -1, "is expected"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		int64_t usec = -1;
		struct error err = {0};
		(void)!read_duration(cases[i].text, &usec, &err);
		ck_assert_msg(usec == cases[i].usec && strstr(err.text, cases[i].why),
			"%s: %lld, %s", cases[i].text, (long long)usec, err.text);
	}
}
END_TEST

START_TEST(a_text_is_not_cut_at_nul)
{
	static const char *const rows[][2] = {{"\"\"", ""}, {"\"a\"", "a"},
		{"\"a\\u0000b\"", "a\xEF\xBF\xBD"
				  "b"},
		{"\"\\u0000\\u0000\"", "\xEF\xBF\xBD\xEF\xBF\xBD"}};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *text = json_strdup(parsed(rows[i][0]));
		ck_assert_str_eq(text, rows[i][1]);
		free(text);
	}
	ck_assert_ptr_null(json_strdup(parsed("1")));
}
END_TEST

START_TEST(times_are_written_and_read_back)
{
	int64_t usec;
	char text[CLOCK_TEXT];
	ck_assert(clock_parse("2026-11-22T21:15:40.123456Z", &usec));
	clock_format(usec, text);
	ck_assert_str_eq(text, "2026-11-22T21:15:40.123456Z");
	int64_t same;
	ck_assert(clock_parse("2026-11-22T23:15:40.123456+02:00", &same) && same == usec);
	ck_assert(!clock_parse("2026-02-29T00:00:00Z", &usec));
	ck_assert(!clock_parse("2026-11-22T21:15:40", &usec));
	ck_assert(clock_parse_http("Sun, 06 Nov 1994 08:49:37 GMT", &usec));
	ck_assert_int_eq(usec, 784111777000000LL);
	ck_assert(!clock_parse_http("tomorrow", &usec));
}
END_TEST

START_TEST(a_step_id_is_derived_and_lies_in_its_run_s_time)
{
	struct uuid run, a, b;
	char text[UUID_TEXT];
	ck_assert(uuid_parse("019a0000-0000-7000-8000-000000000000", &run));
	a = uuid_step(run, "/do/0/x", 0);
	uuid_format(a, text); /* the same as stepwell.step_id in SQL */
	ck_assert_str_eq(text, "019a0000-0000-8103-8547-3c2633616d0b");
	b = uuid_step(run, "/do/0/x", 1);
	ck_assert(!uuid_equal(a, b));
	ck_assert(!uuid_parse("019a0000-0000-7000-8000-00000000000", &run));
	ck_assert(!uuid_parse("019a0000_0000-7000-8000-000000000000", &run));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("json");
	TCase *tc = tcase_create("json");
	tcase_add_test(tc, accepts_what_rfc_8259_accepts);
	tcase_add_test(tc, refuses_what_it_refuses_and_more);
	tcase_add_test(tc, many_members_with_one_duplicate_are_refused);
	tcase_add_test(tc, depth_and_size_are_limited);
	tcase_add_test(tc, errors_name_line_and_column);
	tcase_add_test(tc, errors_say_what_json_has_not);
	tcase_add_test(tc, places_in_a_string_are_those_of_its_text);
	tcase_add_test(tc, slices_are_the_very_text);
	tcase_add_test(tc, an_index_finds_what_reading_finds);
	tcase_add_test(tc, members_and_elements_are_of_their_own_kind);
	tcase_add_test(tc, integers_are_exact_or_none);
	tcase_add_test(tc, equal_documents_have_equal_canonical_forms);
	tcase_add_test(tc, durations_are_read_in_both_forms);
	tcase_add_test(tc, durations_of_the_dsl_have_one_reader);
	tcase_add_test(tc, a_text_is_not_cut_at_nul);
	tcase_add_test(tc, times_are_written_and_read_back);
	tcase_add_test(tc, a_step_id_is_derived_and_lies_in_its_run_s_time);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
