/* Expressions that the worker evaluates itself give what libjq gives. */
#include "expression_fixture.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

/* Comparisons and truths, made of these operands by the operators below, on each of the
 * documents: what they give, and why they fail, is libjq's. */
static const char *const operands[] = {".", ".a", ".b", ".a[0]", ".a.x", ".[\"b\"]",
	"$context.y", "$item", "$nobody", "null", "true", "false", "0", "-0", "1", "1.0",
	"-1.5", "1e1000", "-1e400", "9007199254740993", "9007199254740992", "\"\"",
	"\"b\"", "\"b\\u0000\"", "\"\\u00e9\"", "\"\xc3\xa9\"", "\"\\ud83d\\ude00\"",
	"[]", "[1,\"b\"]", "[1,[]]", "{}", "{a: 1}", "{\"b\": 1, \"a\": 2}", "[.a == 1]",
	"(.a != .b)", "(.a or .b)"};
static const char *const operators[] = {
	" == ", "!=", " < ", "<=", " > ", ">=", " and ", " or "};
static const char *const documents[] = {"null", "1", "\"b\"", "[1,\"b\"]",
	"{\"a\":1,\"b\":null}", "{\"a\":[1.0,2],\"b\":\"\\u0062\"}",
	"{\"b\":9007199254740993,\"a\":9007199254740992}",
	"{\"a\":{\"x\":false},\"b\":{\"x\": false }}",
	"{\"a\":{\"\\u00e9\":1,\"z\":[2]},\"b\":{\"z\":[2],\"\xc3\xa9\":1.0}}",
	"{\"a\":-0,\"b\":0}", "{\"a\":1e1000,\"b\":1e999}",
	"{\"a\":\"\xf0\x9f\x98\x80\",\"b\":\"\xef\xbf\xbf\"}"};

#define COUNT(list) (sizeof(list) / sizeof *(list))
#define DRAW(seed, list) ((list)[draw(seed) % COUNT(list)])

static uint32_t draw(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed >> 8;
}

static void put_choice(uint32_t *seed, struct buf *out)
{
	static const char *const ends[] = {
		"", "", " | not", "|not|not", " | not | not | not"};
	buf_puts(out, DRAW(seed, operands));
	for (uint32_t n = 1 + draw(seed) % 3; n > 0; n--) {
		buf_puts(out, DRAW(seed, operators));
		buf_puts(out, DRAW(seed, operands));
	}
	buf_puts(out, DRAW(seed, ends));
}

/* The node of a source, and whether the worker evaluates it without libjq. */
static char *quoted(struct program *p, const char *source, bool *ret_plain)
{
	struct buf b = {0};
	json_put_text(&b, source);
	unsigned before = program_jq_count(p);
	add(p, buf_text(&b), EXPRESSION_BARE);
	*ret_plain = program_jq_count(p) == before;
	return buf_take(&b);
}

/* The reason behind the source; libjq says "with string" inside of path() alone. */
static char *reason_of(char *got)
{
	char *why = got;
	for (char *next = got; *got == '!' && next; next = strstr(next + 1, ": "))
		why = next;
	char *extra = strstr(why, " with string ");
	if (extra)
		memmove(extra + 5, extra + 12, strlen(extra + 12) + 1);
	return why;
}

static void compare_on(struct program *p, const char *plain, const char *jq)
{
	for (size_t i = 0; i < COUNT(documents); i++) {
		char *got = eval_with(p, plain, EXPRESSION_BARE, documents[i]);
		char *want = eval_with(p, jq, EXPRESSION_BARE, documents[i]);
		char *why = reason_of(got), *wanted = reason_of(want);
		ck_assert_msg(why && wanted && strcmp(why, wanted) == 0,
			"%s on %s gave %s, by libjq %s", plain, documents[i], got, want);
		free(got);
		free(want);
	}
}

START_TEST(comparisons_agree_with_libjq)
{
	uint32_t seed = 11;
	unsigned plain_ones = 0;
	for (int round = 0; round < 3; round++) {
		struct program *p = program_create(NULL);
		char *nodes[64], *by_jq[64];
		bool is_plain[64], ignored;
		for (int i = 0; i < 64; i++) {
			struct buf source = {0};
			put_choice(&seed, &source);
			char *jq = xasprintf("[(%s)] | .[0]", buf_text(&source));
			nodes[i] = quoted(p, buf_text(&source), &is_plain[i]);
			by_jq[i] = quoted(p, jq, &ignored);
			ck_assert(!ignored);
			free(jq);
			buf_finish(&source);
		}
		for (int i = 0; i < 64; i++) {
			if (is_plain[i])
				compare_on(p, nodes[i], by_jq[i]);
			plain_ones += is_plain[i];
		}
		program_destroy(p);
		for (int i = 0; i < 64; i++) {
			free(nodes[i]);
			free(by_jq[i]);
		}
	}
	ck_assert_uint_gt(plain_ones, 90);
}
END_TEST

START_TEST(comparisons_need_no_libjq)
{
	static const char *const plain[] = {".status == 200", ".a > 3 and .b != null",
		"$context.x | not", "(.a or .b) | not", "[.a == 1, .b]", "{a: (.b <= 2)}",
		"-1 < .a", "true", "(((.a)))"};
	static const char *const jq[] = {".a = 1", ".a | not and .b", "[.a | not, 1]",
		"(.a).b", ".a == 1 == true", ".a < = 1", "1 - 1 == 0", ".a // 1 == 1",
		"not", "[.a == 1 | not]", ".a == empty", "def not: 1; .a | not"};
	struct program *p = program_create(NULL);
	bool is_plain;
	char *nodes[COUNT(plain) + COUNT(jq)];
	for (size_t i = 0; i < COUNT(nodes); i++) {
		bool want = i < COUNT(plain);
		const char *source = want ? plain[i] : jq[i - COUNT(plain)];
		nodes[i] = quoted(p, source, &is_plain);
		ck_assert_msg(is_plain == want, "%s", source);
	}
	program_destroy(p);
	for (size_t i = 0; i < COUNT(nodes); i++)
		free(nodes[i]);
}
END_TEST

START_TEST(long_chains_of_operands_are_flat)
{
	struct buf b = {0};
	struct program *p = program_create(NULL);
	for (int i = 0; i < 20000; i++)
		buf_puts(&b, i % 2 ? ". and " : "1 and ");
	buf_puts(&b, "1");
	for (int i = 0; i < 20001; i++)
		buf_puts(&b, "|not");
	bool is_plain;
	char *node = quoted(p, buf_text(&b), &is_plain);
	ck_assert(is_plain);
	char *got = eval_with(p, node, EXPRESSION_BARE, "1");
	ck_assert_str_eq(got, "false");
	free(got);
	program_destroy(p);
	free(node);
	buf_finish(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("plain");
	TCase *tc = tcase_create("plain");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, comparisons_agree_with_libjq);
	tcase_add_test(tc, comparisons_need_no_libjq);
	tcase_add_test(tc, long_chains_of_operands_are_flat);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
