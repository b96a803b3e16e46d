/* Runtime expressions: what they see, what they give byte for byte, and what stops them.
 */
#include "expression_fixture.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define DOT                                                                             \
	"{\"a\": {\"b\": [1, 2.50, 9007199254740993]}, \"s\": \"x\\u0000y\", \"a b\": " \
	"\"q\\\"\"}"

struct row {
	const char *node; /* JSON */
	const char *want; /* "!..." is found in the error */
};

static void check_row(struct program *p, const struct row *row, enum expression_form form)
{
	char *got = eval_with(p, row->node, form, DOT);
	bool same = *row->want == '!' ? *got == '!' && strstr(got, row->want + 1)
				      : strcmp(got, row->want) == 0;
	ck_assert_msg(same, "%s gave %s instead of %s", row->node, got, row->want);
	free(got);
}

#define CHECK_ROWS(rows, form, options)                                       \
	do {                                                                  \
		struct program *p_ = program_create(options);                 \
		for (size_t i_ = 0; i_ < sizeof(rows) / sizeof *(rows); i_++) \
			check_row(p_, &(rows)[i_], form);                     \
		program_destroy(p_);                                          \
	} while (0)

START_TEST(plain_paths_cut_their_slice)
{
	static const struct row rows[] = {
		{"\".\"", DOT},
		{"\" .a.b \"", "[1, 2.50, 9007199254740993]"},
		{"\".a.b[1]\"", "2.50"},
		{"\".a.b[-1]\"", "9007199254740993"},
		{"\".a.b[3]\"", "null"},
		{"\".a.b[-4]\"", "null"},
		{"\".[\\\"a b\\\"]\"", "\"q\\\"\""},
		{"\".\\\"a b\\\"\"", "\"q\\\"\""},
		{"\".[\\\"a\\\"][\\\"b\\\"][0]\"", "1"},
		{"\".s\"", "\"x\\u0000y\""},
		{"\"$context.y\"", "1.50"},
		{"\"$context.list[0].id\"", "1"},
		{"\"$item\"", "\"it\""},
		{"\"$nobody.x\"", "!$nobody is not defined here"},
		{"\".x.y[0].z\"", "null"},
		{"\"${ .a.b[0] }\"", "1"},
		{"\".a.b.c\"", "!.a.b.c: Cannot index array with \"c\""},
		{"\".a.b[0].c\"", "!Cannot index number with \"c\""},
		{"\".s[0]\"", "!Cannot index string with number"},
		{"\".a[0]\"", "!Cannot index object with number"},
	};
	CHECK_ROWS(rows, EXPRESSION_BARE, NULL);
}
END_TEST

START_TEST(plain_paths_agree_with_libjq)
{
	static const char *const paths[] = {".", ".a", ".a.b[0]", ".a.b[1]", ".a.b[-2]",
		".a.b[7]", ".a.b.c", ".s", ".s.x", ".s[0]", ".a[1]", ".x.y", ".x[0]",
		"$context.list[0]", "$context.y.z", "$nobody", "[.a.b[0], $item]",
		"{a: .s, \\\"b\\\": $context.list}", "[]", "{}", ".a .b [0]", "{if: 1}",
		"[-1, \\\"x\\\"]"};
	struct program *p = program_create(NULL);
	for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
		char *plain = xasprintf("\"%s\"", paths[i]);
		char *jq = xasprintf("\"(%s) | .\"", paths[i]);
		char *got = eval_with(
			p, plain, EXPRESSION_BARE, "{\"a\":{\"b\":[1,2]},\"s\":\"t\"}");
		char *want = eval_with(
			p, jq, EXPRESSION_BARE, "{\"a\":{\"b\":[1,2]},\"s\":\"t\"}");
		ck_assert_msg(*got == '!'
				      ? *want == '!'
				      : strcmp(got, want) == 0 ||
						strcmp(paths[i], "$context.y.z") == 0 ||
						strstr(paths[i], "$context.y"),
			"%s: %s but jq %s", paths[i], got, want);
		free(plain);
		free(jq);
		free(got);
		free(want);
	}
	program_destroy(p);
}
END_TEST

START_TEST(literals_pass_byte_for_byte)
{
	static const struct row values[] = {
		{"9007199254740993", "9007199254740993"},
		{"0.1000", "0.1000"},
		{"1e400", "1e400"},
		{"\"a\\u0000b\\/\"", "\"a\\u0000b\\/\""},
		{"\"costs $5 {ok}\"", "\"costs $5 {ok}\""},
		{"\"\"", "\"\""},
		{"{ \"${ .a }\" : [ 1.0 , null ] }", "{ \"${ .a }\" : [ 1.0 , null ] }"},
	};
	static const struct row bare[] = {
		{"true", "true"},
		{"\"9007199254740993\"", "9007199254740993"},
		{"\" -0.10 \"", "-0.10"},
		{"\"null\"", "null"},
		{"\"\\\"x\\\\u0000\\\"\"", "\"x\\u0000\""},
		{"[1.0, \".a\"]", "[1.0, \".a\"]"},
	};
	CHECK_ROWS(values, EXPRESSION_VALUE, NULL);
	CHECK_ROWS(bare, EXPRESSION_BARE, NULL);
}
END_TEST

START_TEST(templates_evaluate_only_what_is_marked)
{
	static const struct row rows[] = {
		{"\".a\"", "\".a\""},
		{"\" ${ .a.b[0] }\\n\"", "1"},
		{"\"${.a.b}\"", "[1, 2.50, 9007199254740993]"},
		{"{\"x\": \"${ .s }\", \"y\": [1.0, \"${ $context.y }\", \"z\"], \"${ .a "
		 "}\": 1e2}",
			"{\"x\":\"x\\u0000y\",\"y\":[1.0,1.50,\"z\"],\"${ .a }\":1e2}"},
		{"\"Hello ${ $item }!\"", "\"Hello it!\""},
		{"\"<${ .s }> ${ .a.b } ${ .none }\"",
			"\"<x\\u0000y> [1,2.50,9007199254740993] null\""},
		{"\"${ . [\\\"a b\\\"] }-${ 1 + 1 }\"", "\"q\\\"-2\""},
		{"\"\\u00e9\\u0000${ {a: \\\"}\\\"} }\\\\\"",
			"\"\u00e9\\u0000{\\\"a\\\":\\\"}\\\"}\\\\\""},
		{"\"${ \\\"a\\\\({b: 1} | .b)}\\\" }\"", "\"a1}\""},
		{"\"${ .a # it's a } comment\\n | length }\"", "1"},
		{"\"${ .a\"", "!${ .a: this ${ is never closed"},
		{"{\"x\": [\"${ 1 } ${ ( }\"]}", "!) is missing before this }"},
		{"\"${ }\"", "!empty expression"},
	};
	CHECK_ROWS(rows, EXPRESSION_VALUE, NULL);
}
END_TEST

START_TEST(jq_evaluates_the_rest)
{
	static const struct row rows[] = {
		{"\".a.b | length\"", "3"},
		{"\". as {a: {$b}} | $b[0]\"", "1"},
		{"\"def f: 3; f\"", "3"},
		{"\"1 + 1 # comment\"", "2"},
		{"\"1 + 1 # comment \\\\\"", "2"},
		{"\"1 +\\r\\n1\"", "2"},
		{"\"$item + \\\"s\\\"\"", "\"its\""},
		{"\"$context.y + 1\"", "2.5"},
		{"\". as [$x] ?// {a: {b: $x}} | $x[0]\"", "1"},
		{"\". as {(\\\"a\\\"): $q} | $q.b[0]\"", "1"},
		{"\"reduce .a.b[] as $n (0; . + 1)\"", "3"},
		{"\"[foreach ([1, 2], [3, 4]) as [$n, $m] (0; . + 1)] | length\"", "2"},
		{"\"def f($p; $q): $p + $q; f(1; 2)\"", "3"},
		{"\"label $out | 1, break $out\"", "1"},
		{"\"$item as $item | $item + \\\"\\\"\"", "\"it\""},
		{"\"[.a.b[] | . * 2] | .[:2]\"", "[2,5]"},
		{"\".s + \\\"\\\"\"", "\"x\\u0000y\""},
		{"\"empty\"", "null"},
		{"\"1, 2\"", "1"},
		{"\"now\"", "1700000000.5"},
		{"\"now | todate\"", "\"2023-11-14T22:13:20Z\""},
		{"\"{env: 1, input: (1 + 1)}\"", "{\"env\":1,\"input\":2}"},
		{"\"{\\\"b\\\": 1, \\\"a\\\": (1 + 1)}\"", "{\"b\":1,\"a\":2}"},
		{"\"[nan, infinite]\"", "[null,1.7976931348623157e+308]"},
		{"\"1/3\"", "0.3333333333333333"},
		{"\".a.b[0] += 1 | .a.b[0]\"", "2"},
		{"\"@base64 \\\"\\\\(.a.b[0])\\\"\"", "\"MQ==\""},
		{"\"first(paths)\"", "[\"a\"]"},
		{"\"$__loc__ | type\"", "\"object\""},
		{"\"$__loc__\"", "{\"file\":\"<top-level>\",\"line\":1}"},
		{"\"[1,\\n{a: $__loc__.line}, \\\"\\\\($ __loc__ | .line)\\\"]\"",
			"[1,{\"a\":2},\"2\"]"},
	};
	CHECK_ROWS(rows, EXPRESSION_BARE, NULL);
}
END_TEST

START_TEST(errors_name_the_expression)
{
	static const struct row rows[] = {
		{"\"error(\\\"boom\\\")\"", "!error(\"boom\"): boom"},
		{"\"error({a: 1})\"", "!{\"a\":1}"},
		{"\".a + 1\"", "!.a + 1: object ({\"b\":[1,2.5...) and number (1) cannot "
			       "be added"},
		{"\"nosuch(1)\"", "!nosuch/1 is not defined"},
		{"\"$none\"", "!$none: $none is not defined here"},
		{"\"$none.a\"", "!$none is not defined here"},
		{"\"$none == null\"", "!$none is not defined here"},
		{"\"{as: 1} | $none\"", "!$none is not defined here"},
		{"\". as $x | $y\"", "!$y is not defined here"},
		{"\". as {a: $x} | $x | . + $y\"", "!$y is not defined here"},
		{"\"def f($p): $p; f($q)\"", "!$q is not defined here"},
		{"\"1 +\"", "!syntax error"},
		{"\"\"", "!empty expression"},
		{"\"1 + \\u0000 1\"", "!NUL in an expression"},
	};
	CHECK_ROWS(rows, EXPRESSION_BARE, NULL);
}
END_TEST

START_TEST(the_process_is_out_of_reach)
{
	static const struct row rows[] = {
		{"\"env\"", "!env: env is not available here"},
		{"\"$ENV.HOME\"", "!$ENV is not available"},
		{"\"$ # x\\n ENV\"", "!$ENV is not available"},
		{"\"$__prog_args\"", "!$__prog_args is not available"},
		{"\"[.a, (input)]\"", "!input is not available"},
		{"\"[inputs]\"", "!inputs is not available"},
		{"\". | debug\"", "!debug is not available"},
		{"\"stderr\"", "!stderr is not available"},
		{"\"halt\"", "!halt is not available"},
		{"\"\\\"\\\\(halt_error)\\\"\"", "!halt_error is not available"},
		{"\"include \\\"a\\\"; 1\"", "!include is not available"},
		{"\"import \\\"a\\\" as a; 1\"", "!import is not available"},
		{"\"get_search_list\"", "!get_search_list is not available"},
		{"\"input_filename\"", "!input_filename is not available"},
		{"\"input_line_number\"", "!input_line_number is not available"},
		{"\"modulemeta\"", "!modulemeta is not available"},
		{"\"_input\"", "!_input is not available"},
	};
	CHECK_ROWS(rows, EXPRESSION_BARE, NULL);
}
END_TEST

START_TEST(an_invalid_neighbour_breaks_nothing)
{
	static const char *const bad[] = {"\") + (\"", "\"1 + \"", "\"nosuch\"",
		"\"end\"", "\"1; 2\"", "\"\\\"abc\"", "\"def f: 1;\"", "\"} , {\"",
		"\"[1\""};
	struct program *p = program_create(NULL);
	struct expression *good[70];
	struct scope scope = scope_of(DOT);
	for (unsigned i = 0; i < 70; i++) {
		char *node = xasprintf("\"1 + %u\"", i);
		good[i] = add(p, node, EXPRESSION_BARE);
		free(node);
	}
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		check_row(p, &(struct row){bad[i], "!"}, EXPRESSION_BARE);
	for (unsigned i = 0; i < 70; i++) {
		struct buf out = {0};
		struct error err = {0};
		ck_assert_msg(
			expression_eval(good[i], &scope, &out, &err), "%s", err.text);
		ck_assert_int_eq((int)strtol(buf_text(&out), NULL, 10), (int)i + 1);
		buf_finish(&out);
	}
	program_destroy(p);
}
END_TEST

START_TEST(loose_mode_takes_what_does_not_compile_literally)
{
	static const struct row rows[] = {
		{"\"hello world\"", "\"hello world\""},
		{"\"debug\"", "\"debug\""},
		{"\") + (\"", "\") + (\""},
		{"\"${ .a\"", "\"${ .a\""},
		{"\"x ${ nosuch } ${ .a.b[0] }\"", "\"x ${ nosuch } ${ .a.b[0] }\""},
		{"\".a.b | length\"", "3"},
		{"\".a.b.c\"", "!Cannot index array"},
		{"\"error(1)\"", "!"},
	};
	/* Where text may stand, so is what fails. */
	static const struct row values[] = {
		{"\".a.b.c\"", "\".a.b.c\""},
		{"\"1 + {}\"", "\"1 + {}\""},
		{"\"${ .a.b.c }\"", "\"${ .a.b.c }\""},
		{"{\"x\": \"<${ error }>\", \"y\": \".a.b[0]\", \"z\": "
		 "[\"$nobody\"]}",
			"{\"x\":\"<${ error }>\",\"y\":1,\"z\":[\"$nobody\"]}"},
	};
	struct program_options options = {.loose = true};
	CHECK_ROWS(rows, EXPRESSION_BARE, &options);
	CHECK_ROWS(values, EXPRESSION_VALUE, &options);
}
END_TEST

START_TEST(runaways_are_halted_and_leave_the_program_usable)
{
	static const struct row rows[] = {
		{"\"last(range(1e9))\"", "!took longer than 100 ms"},
		{"\"def f: f; f\"", "!took longer"},
		{"\"[limit(1e9; repeat(1))] | length\"", "!took "},
		{"\"def f: 1 + f; f\"", "!took "},
		{"\"reduce range(1e9) as $i (\\\"x\\\"; . + .)\"", "!took "},
		{"\"\\\"x\\\" * 1e9\"", "!Repeated string is too long"},
		{"\"[range(1e9)]\"", "!took "},
		{"\"paths | last(range(1e9))\"", "!took longer"},
		{"\".a.b[] |= last(range(1e9))\"", "!took longer"},
		{"\"try last(range(1e9)) catch 1\"", "!took longer"},
		{"\"gsub(\\\"\\\"; \\\"x\\\")\"", "!"},
		{"\".s | gsub(\\\"^\\\"; \\\"x\\\")\"", "!took "},
		{"\"1 + 1\"", "2"},
	};
	struct program_options options = {.timeout_ms = 100};
	CHECK_ROWS(rows, EXPRESSION_BARE, &options);
}
END_TEST

START_TEST(what_crashes_libjq_is_an_error)
{
	static const struct row rows[] = {
		{"\"null | .[1000000000] = 1\"", "!Array index out of range"},
		{"\"null | setpath([1e9]; 1)\"", "!Array index out of range"},
		{"\"del(.a.b[nan])\"", "!Array index out of range"},
		{"\".a.b | .[(\\\"nan\\\" | tonumber):]\"", "!NaN is not a JSON number"},
		{"\"\\\"[nan]\\\" | fromjson\"", "!NaN is not a JSON number"},
		{"\"-9223372036854775808 % -1\"", "-0"},
		{"\"\\\"abc\\\" | index(\\\"\\\")\"", "null"},
		{"\"1e300 | todate\"", "!converting"},
		{"\"\\\"\u00e9\\\" | [scan(\\\"[0-9]*\\\")]\"",
			"!a pattern that matches nothing"},
		{"\"\\\"\u00e9a\\\" | [match(\\\"(?=a)\\\"; \\\"g\\\")]\"", "[]"},
		{"\"\\\"\u00e9a1\\\" | [scan(\\\"[a-z0-9]\\\")]\"", "[\"a\",\"1\"]"},
		{"\"\\\"ab\\\" | [match(\\\"\\\"; \\\"g\\\").offset]\"", "[0,1]"},
		{"\"\\\"a, \u00e9,c\\\" | split(\\\", *\\\"; null)\"",
			"[\"a\",\"\u00e9\",\"c\"]"},
		{"\"\\\"xay\\\" | capture(\\\"(?<k>a)(?<n>b)?\\\")\"",
			"{\"k\":\"a\",\"n\":null}"},
		{"\"0 | strftime(1)\"", "!strftime/1 requires a string format"},
		{"\"0 | strflocaltime(1)\"", "!strftime/1 requires a string format"},
		{"\"reduce range(100000) as $i (0; [.]) | 1\"", "1"},
	};
	struct program_options options = {.timeout_ms = 20000};
	CHECK_ROWS(rows, EXPRESSION_BARE, &options);
}
END_TEST

START_TEST(results_are_bounded)
{
	static const struct row rows[] = {
		{"\"\\\"x\\\" * 98\"", "!the result has more than the limit of 99 bytes"},
		{"\"reduce range(60) as $i (1; [., .])\"", "!the result "},
		{"\"reduce range(65) as $i (1; [.])\"", "!nested too deeply"},
		{"\"{a: ., b: .}\"", "!"},
		{"\".s\"", "\"x\\u0000y\""},
	};
	struct program_options options = {.result_bytes = 99};
	CHECK_ROWS(rows, EXPRESSION_BARE, &options);
	struct buf deep = {0};
	for (int i = 0; i < 64; i++)
		buf_puts(&deep, "[");
	for (int i = 0; i < 64; i++)
		buf_puts(&deep, "]");
	struct program *p = program_create(NULL);
	char *got = eval_with(p, "[\"${ . }\"]", EXPRESSION_VALUE, buf_text(&deep));
	ck_assert_ptr_nonnull(strstr(got, "nested too deeply"));
	free(got);
	got = eval_with(p, "\". | .\"", EXPRESSION_BARE, buf_text(&deep));
	ck_assert_str_eq(got, buf_text(&deep));
	free(got);
	program_destroy(p);
	buf_finish(&deep);
}
END_TEST

START_TEST(arguments_are_asked_for_when_mentioned)
{
	struct program *p = program_create(NULL);
	asked = 0;
	free(eval_with(p, "\".a | length\"", EXPRESSION_BARE, DOT));
	ck_assert_uint_eq(asked, 0);
	free(eval_with(p, "\"\\\"$item\\\" | length\"", EXPRESSION_BARE, DOT));
	ck_assert_uint_eq(asked, 0);
	free(eval_with(
		p, "\"\\\"\\\\($item)\\\" + \\\"\\\" + $item\"", EXPRESSION_BARE, DOT));
	ck_assert_uint_eq(asked, 1);
	program_destroy(p);
}
END_TEST

static bool mentions_step(const struct program *p, const char *name)
{
	const char **names = NULL;
	size_t n = 0;
	bool found = !program_steps(p, &names, &n);
	for (size_t i = 0; i < n && !found; i++)
		found = strcmp(names[i], name) == 0;
	free(names);
	return found;
}

START_TEST(mentions_are_read_off)
{
	struct program *p = program_create(NULL);
	struct expression *e =
		add(p, "{\"x\": \"a ${ $context.y } $input\"}", EXPRESSION_VALUE);
	ck_assert(expression_mentions(e, "context"));
	ck_assert(!expression_mentions(e, "input"));
	ck_assert(!expression_is_of_dot(e));
	add(p, "\"$steps.charge.id\"", EXPRESSION_BARE);
	add(p, "\"$steps[\\\"ship it\\\"] | .x + $steps . \\\"b\\\" \"", EXPRESSION_BARE);
	ck_assert(program_mentions(p, "steps"));
	ck_assert(!program_mentions(p, "task"));
	ck_assert(mentions_step(p, "charge"));
	ck_assert(mentions_step(p, "ship it"));
	ck_assert(mentions_step(p, "b"));
	ck_assert(!mentions_step(p, "id"));
	add(p, "\"$steps[.x]\"", EXPRESSION_BARE);
	ck_assert(mentions_step(p, "id"));
	program_destroy(p);
}
END_TEST

/* Mentions of $secrets, as NAME,NAME; * where one cannot be read off. */
START_TEST(secrets_are_read_off)
{
	static const char *const cases[][2] = {{"\"${ $secrets.a }\"", "a,"},
		{"{\"x\":\"${ $secrets[\\\"b c\\\"] }\",\"y\":[\"- ${ $secrets.\\\"d\\\" "
		 "| "
		 "@base64 }\"]}",
			"b c,d,"},
		{"\"${ [$ secrets .a, $secrets.a.b.c] }\"", "a,"},
		{"\"${ $secrets }\"", "*"}, {"\"${ $secrets | .a }\"", "*"},
		{"\"${ $secrets[.a] }\"", "*"}, {"\"${ {$secrets} }\"", "*"},
		{"\"${ $secrets?.a }\"", "*"},
		{"\"${ $secrets[\\\"a\\\", \\\"b\\\"] }\"", "*"},
		{"\"${ $secrets[\\\"a\\\\(.x)\\\"] }\"", "*"},
		{"\"$secrets.a ${ \\\"$secrets.b\\\" } ${ .secrets.c }\"", ""}};
	struct program *p = program_create(NULL);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct words names = {0};
		struct buf got = {0};
		struct expression *e = add(p, cases[i][0], EXPRESSION_VALUE);
		bool all_named = expression_secrets(e, &names);
		for (size_t n = 0; all_named && n < names.n; n++)
			buf_printf(&got, "%s,", names.items[n]);
		buf_puts(&got, all_named ? "" : "*");
		ck_assert_str_eq(buf_text(&got), cases[i][1]);
		buf_finish(&got);
		words_finish(&names);
	}
	program_destroy(p);
}
END_TEST

START_TEST(errors_about_secrets_repeat_no_value)
{
	static const char *const nodes[] = {"\"${ .s | tonumber }\"", "\"${ .s.x }\"",
		"\"${ error(.s) }\"", "\"a ${ .s | fromjson } b\""};
	struct program *p = program_create(NULL);
	struct scope scope = scope_of("{\"s\":\"canary\"}");
	scope.discreet = true;
	for (size_t i = 0; i < sizeof nodes / sizeof *nodes; i++) {
		struct error err = {0};
		struct buf out = {0};
		struct expression *e = add(p, nodes[i], EXPRESSION_VALUE);
		ck_assert(!expression_eval(e, &scope, &out, &err));
		ck_assert_msg(
			strstr(err.text, "why is not shown") != NULL, "%s", err.text);
		ck_assert_msg(!strstr(err.text, "canary"), "%s", err.text);
		buf_finish(&out);
	}
	check_row(p,
		&(struct row){"\"${ $secrets.a | error(\\\"canary\\\") }\"",
			"!$secrets.a | error(\"canary\"): it failed; why is not"},
		EXPRESSION_VALUE);
	program_destroy(p);
}
END_TEST

START_TEST(conditions_follow_jqs_truth)
{
	static const struct {
		const char *node;
		bool want;
	} rows[] = {{"\".none\"", false}, {"\".a\"", true}, {"\".a.b[0] == 1\"", true},
		{"\"${ 1 > 2 }\"", false}, {"true", true}, {"null", false},
		{"\"0\"", true}, {"\"empty\"", false}};
	struct program *p = program_create(NULL);
	struct scope scope = scope_of(DOT);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool got;
		ck_assert(expression_test(
			add(p, rows[i].node, EXPRESSION_BARE), &scope, &got, NULL));
		ck_assert_msg(got == rows[i].want, "%s", rows[i].node);
	}
	bool got = true;
	struct error err = {0};
	ck_assert(!expression_test(
		add(p, "\".s.x\"", EXPRESSION_BARE), &scope, &got, &err));
	ck_assert_str_eq(err.text, ".s.x: Cannot index string with \"x\"");
	program_destroy(p);
}
END_TEST

static void on_fault(void *ctx, struct json node, size_t at, const char *message)
{
	struct buf *all = ctx;
	buf_printf(all, "%.*s %zu: %s\n", (int)node.n, node.s, at, message);
}

START_TEST(check_reports_each_fault)
{
	struct program *p = program_create(NULL);
	struct buf all = {0};
	struct expression *e;
	struct error err = {0};
	add(p, "\".a\"", EXPRESSION_BARE);
	add(p, "{\"x\": [\"v ${ lenght }\", \"${ 1 + 1 }\"]}", EXPRESSION_VALUE);
	add(p, "\"  env\"", EXPRESSION_BARE);
	add(p, "\"1/0\"", EXPRESSION_BARE);
	ck_assert(!program_add(
		p, JSON_LITERAL("[\"${ .a\", 1]"), EXPRESSION_VALUE, &e, &err));
	ck_assert_str_eq(err.text, "${ .a: this ${ is never closed");
	ck_assert_uint_eq(program_check(p, on_fault, &all), 4);
	ck_assert_str_eq(buf_text(&all),
		"\"v ${ lenght }\" 5: no function lenght; did you mean length, or a "
		"member: .lenght?\n"
		"\"  env\" 2: env is not available here\n"
		"\"1/0\" 1: Division by zero?\n"
		"\"${ .a\" 0: this ${ is never closed\n");
	buf_finish(&all);
	program_destroy(p);
	program_destroy(NULL);
}
END_TEST

START_TEST(the_size_of_an_expression_is_bounded)
{
	struct program *p = program_create(NULL);
	struct buf all = {0};
	char *large = xasprintf("\"1+%070000d\"", 1),
	     *plain = xasprintf("\"[%070000d]\"", 0);
	memset(strchr(plain, '0'), ' ', 69999);
	add(p, large, EXPRESSION_BARE);
	add(p, plain, EXPRESSION_BARE);
	ck_assert_uint_eq(program_check(p, on_fault, &all), 1);
	ck_assert_ptr_nonnull(strstr(buf_text(&all), " 0: longer than 64 KiB"));
	buf_finish(&all);
	program_destroy(p);
	free(large);
	free(plain);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("expression");
	TCase *tc = tcase_create("expression");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, plain_paths_cut_their_slice);
	tcase_add_test(tc, plain_paths_agree_with_libjq);
	tcase_add_test(tc, literals_pass_byte_for_byte);
	tcase_add_test(tc, templates_evaluate_only_what_is_marked);
	tcase_add_test(tc, jq_evaluates_the_rest);
	tcase_add_test(tc, errors_name_the_expression);
	tcase_add_test(tc, the_process_is_out_of_reach);
	tcase_add_test(tc, an_invalid_neighbour_breaks_nothing);
	tcase_add_test(tc, loose_mode_takes_what_does_not_compile_literally);
	tcase_add_test(tc, runaways_are_halted_and_leave_the_program_usable);
	tcase_add_test(tc, what_crashes_libjq_is_an_error);
	tcase_add_test(tc, results_are_bounded);
	tcase_add_test(tc, arguments_are_asked_for_when_mentioned);
	tcase_add_test(tc, mentions_are_read_off);
	tcase_add_test(tc, secrets_are_read_off);
	tcase_add_test(tc, errors_about_secrets_repeat_no_value);
	tcase_add_test(tc, conditions_follow_jqs_truth);
	tcase_add_test(tc, check_reports_each_fault);
	tcase_add_test(tc, the_size_of_an_expression_is_bounded);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
