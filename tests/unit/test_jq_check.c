/*
 * jqcheck: what it passes, libjq compiles; what it faults is said with its place. The
 * programs cover jq 1.6's grammar.
 */
#include "expression/source.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const char *const good[] = {".", "..", ".a", ".a.b?", ".[\"a b\"]", ".\"a b\"",
	". .a", ".a[0]", ".a[]", ".a[]?", ".a[1:2]", ".a[:-1]", ".a[1:]", ".[.i]",
	"..|.a?", "1", "1.5e3", ".5", "\"a\\u00e9\\n\"", "\"a \\(.b + \"c \\(1)\") d\"",
	"@base64 \"x \\(.a)\"", "@json", "[]", "[1, 2]", "{}", "{a}",
	"{a: 1, \"b\": 2, $x, (.k): 3, \"c\", @text \"d\": 4, if: 5,}", "{a: .b | .c}",
	"{a: -1}", "{\"a\\(1)\": 2}", "-.a", "- 1 - -2", ".a + .b * 2 / 3 % 4",
	".a // 1 // 2", ".a == 1 and .b != 2 or .c < 3", ".a = 1 | .b |= . + 1 | .c += 1",
	".a //= 1", ".a, .b", "map(.a) | length", "range(0; 10; 2)", "limit(3; .[])",
	". as $x | $x", ". as [$a, {b: $c, $d, (\"e\"): [$f]}] | $a + $c",
	".[] as [$a] ?// $a | $a", "reduce .[] as $i (0; . + $i)",
	"foreach .[] as $i (0; . + $i)", "foreach .[] as [$i] (0; . + $i; [., $i])",
	"if .a then 1 else 2 end", "if .a then 1 elif .b then 2 else 3 end | . + 1",
	"try error(\"x\") catch .", "try .a", "(.a | error)?",
	"label $out | 1, break $out", "def f: . + 1; f",
	"def f(g; $x): g + $x + x; f(.a; 2)", "def f: def g: 1; g; f",
	"def f(n): if n > 0 then f(n - 1) else 0 end; f(3)", "$__loc__", "$context.a",
	"true and false | not", "null", ".a as $x | .b as $y | $x",
	"[.[] | select(.a > 1) | {a, b: (.b + 1)}] | sort_by(.a) | group_by(.b)",
	"to_entries | map({(.key): .value}) | add",
	".a | ascii_downcase | test(\"x\"; \"i\")", "with_entries(.value += 1)",
	"1 as $x | 2 as $y | [$x,$y,$__loc__]", "\"x\" * 3", ". # a comment\n| .a",
	"[.[] | (.a, .b)] | any"};

static const struct {
	const char *source;
	ptrdiff_t at;
	const char *text;
} bad[] = {
	{"", 0, "the expression is empty"},
	{".a |", 4, "a value is missing after \"|\""},
	{".a b", 3, "\"b\" cannot follow \".a\" here"},
	{"(.a", 0, "this ( is never closed"},
	{"map(.a", 3, "this ( is never closed"},
	{"[.a | {b: (1}]", 12, ") is missing before this }"},
	{".a)", 2, "this ) closes nothing"},
	{"\"abc", 0, "this string is never closed"},
	{"\"a \\(.b", 3, "this \\( is never closed"},
	{"\"a\\q\"", 2, "no escape \\q"},
	{"lenght", 0, "no function lenght; did you mean length"},
	{"foo", 0, "no function foo; a member is written .foo"},
	{"map", 0, "map takes 1 argument, not 0"},
	{"range(1;2;3;4)", 0, "range takes 1 or 2 or 3 arguments, not 4"},
	{"length(.a)", 0, "length takes no arguments, not 1"},
	{"context.a", 0, "did you mean $context?"},
	{"if .a then 1 end", 13, "\"else\" is expected after \"1\""},
	{"if .a 1 else 2 end", 6, "\"then\" is expected after \".a\""},
	{"{a: .b + 1}", 7, "parentheses are needed"},
	{"{a: 1 b: 2}", 6, "parentheses are needed"},
	{"{.a: 1}", 1, "a member's name is expected"},
	{".a == 1 == 2", 8, "== cannot follow =="},
	{". a", 2, "no blank may stand"},
	{"'a'", 0, "double quotes"},
	{".a && .b", 3, "&& is written \"and\""},
	{".a || .b", 4, "|| is written \"or\""},
	{".a === 1", 5, "equality is written =="},
	{"!.a", 0, "| not"},
	{".a ? 1 : 2", 5, "if ... then ... else ... end"},
	{"{{ .a }}", 1, "not {{ ... }}"},
	{"reduce .[] as $x (0)", 19, "\";\" is expected"},
	{". as x | 1", 5, "\"$\" is expected"},
	{"break $out", 7, "no label $out"},
	{"def f: 1;", 9, "a value is missing after \";\""},
	{"1.2.3", 0, "not a number"},
	{"$", 1, "a name is missing after \"$\""},
};

START_TEST(what_is_passed_compiles)
{
	struct evaluator *vm = evaluator_create(0, 1 << 20);
	struct source *codes[sizeof good / sizeof *good];
	size_t n = sizeof good / sizeof *good;
	struct jqfault fault;
	struct error err;
	for (size_t i = 0; i < n; i++) {
		codes[i] = source_create(vm, good[i], strlen(good[i]));
		ck_assert_msg(jqcheck(codes[i]->source, strlen(good[i]), NULL, &fault),
			"%s: %s at %td", good[i], fault.text, fault.at);
	}
	for (size_t i = 0; i < n; i++)
		ck_assert_msg(
			codes[i]->is_plain || evaluator_try(vm, codes[i]->unit, &err),
			"%s: %s", good[i], err.text);
	evaluator_destroy(vm);
	for (size_t i = 0; i < n; i++)
		source_destroy(codes[i]);
}
END_TEST

START_TEST(faults_have_their_place_and_are_faults_of_libjq)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct evaluator *vm = evaluator_create(0, 1 << 20);
		struct source *code =
			source_create(vm, bad[i].source, strlen(bad[i].source));
		struct jqfault fault = {0};
		unsigned compilations = 0;
		ck_assert_msg(!source_judge(code, NULL, &compilations, &fault), "%s",
			bad[i].source);
		ck_assert_msg(strstr(fault.text, bad[i].text), "%s: %s", bad[i].source,
			fault.text);
		ck_assert_msg(fault.at == bad[i].at, "%s: %s at %td", bad[i].source,
			fault.text, fault.at);
		evaluator_destroy(vm);
		source_destroy(code);
	}
}
END_TEST

/* What only libjq can tell is left to it. */
START_TEST(libjq_has_the_last_word)
{
	static const struct {
		const char *source;
		bool compiles;
	} cases[] = {{"1 / 0", false}, {"1 / (0 + 0)", false}, {"1e300 / 0.5", true},
		{"{(1): 2}", false}, {"{(\"a\" + \"b\"): 2}", true}, {".e0", true},
		{"leaf_paths", true}, {"[.[] / 2]", true}, {"...", false}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct evaluator *vm = evaluator_create(0, 1 << 20);
		const char *s = cases[i].source;
		struct source *code = source_create(vm, s, strlen(s));
		struct jqfault fault;
		unsigned compilations = 0;
		ck_assert_msg(source_judge(code, NULL, &compilations, &fault) ==
				      cases[i].compiles,
			"%s", s);
		evaluator_destroy(vm);
		source_destroy(code);
	}
}
END_TEST

static void on_variable(void *ctx, size_t at, const char *name, size_t n)
{
	buf_printf(ctx, "%zu:%.*s ", at, (int)n, name);
}

START_TEST(variables_are_those_that_are_not_bound_inside)
{
	char source[] = ". as [$a, {$b}] | $a + $b + $c | reduce .[] as $d ($d; $d) | "
			"def f($e): $e + $f; f($a)";
	struct buf names = {0};
	struct jqcheck_options options = {.on_variable = on_variable, .ctx = &names};
	struct jqfault fault;
	ck_assert_msg(
		jqcheck(source, strlen(source), &options, &fault), "%s", fault.text);
	ck_assert_str_eq(buf_text(&names), "28:c 77:f ");
	buf_finish(&names);
}
END_TEST

START_TEST(depth_is_bounded)
{
	static const char *const parts[] = {
		"-", "try ", ". as $x | ", "(", "{a: ", "def f: 1; ", "\"\\(", ". as [["};
	for (size_t k = 0; k < sizeof parts / sizeof *parts; k++) {
		struct buf deep = {0};
		struct jqfault fault;
		for (int i = 0; i < 100000; i++)
			buf_puts(&deep, parts[k]);
		buf_puts(&deep, "1");
		ck_assert_msg(
			!jqcheck(deep.data, deep.len, NULL, &fault), "%s", parts[k]);
		buf_finish(&deep);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("jqcheck");
	TCase *tests = tcase_create("jqcheck");
	tcase_set_timeout(tests, 120);
	tcase_add_test(tests, what_is_passed_compiles);
	tcase_add_test(tests, faults_have_their_place_and_are_faults_of_libjq);
	tcase_add_test(tests, libjq_has_the_last_word);
	tcase_add_test(tests, variables_are_those_that_are_not_bound_inside);
	tcase_add_test(tests, depth_is_bounded);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
