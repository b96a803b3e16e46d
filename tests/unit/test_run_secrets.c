/*
 * Secrets: which names there are, what a file or a variable becomes, what is refused, and
 * what stands in for a value.
 */
#include "run/secrets.h"
#include "suite.h"
#include "json/names.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

static char folder[64];

static void setup(void)
{
	snprintf(folder, sizeof folder, "/tmp/secrets.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
}

static char *path_of(const char *name)
{
	return xasprintf("%s/%s", folder, name);
}

static void teardown(void)
{
	static const char *const names[] = {"s", "t", "fifo", "folder"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = path_of(names[i]);
		if (unlink(path) != 0)
			rmdir(path);
		free(path);
	}
	rmdir(folder);
}

static void write_secret(const char *name, const char *bytes, size_t n)
{
	char *path = path_of(name);
	FILE *f = fopen(path, "wbe");
	ck_assert_ptr_nonnull(f);
	ck_assert_uint_eq(fwrite(bytes, 1, n, f), n);
	fclose(f);
	free(path);
}

static void expect_value(const struct secrets *s, const char *name, const char *json)
{
	struct buf out = {0};
	struct error err = {0};
	ck_assert_msg(secrets_read(s, name, &out, &err), "%s", err.text);
	ck_assert_str_eq(buf_text(&out), json);
	buf_finish(&out);
}

static void expect_refusal(
	const struct secrets *s, const char *name, enum error_kind kind, const char *says)
{
	struct buf out = {0};
	struct error err = {0};
	ck_assert(!secrets_read(s, name, &out, &err));
	ck_assert_int_eq(err.kind, kind);
	ck_assert_msg(strstr(err.text, says) != NULL, "%s", err.text);
	ck_assert_uint_eq(out.len, 0);
}

START_TEST(names_are_never_paths)
{
	static const char *const good[] = {"a", "A9", "api.key", "my-db_2", "0"};
	static const char *const bad[] = {
		"", ".", "..", ".a", "a/b", "../a", "-a", "_a", "a b", "a\n", "\xC3\xA4"};
	char longest[130];
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(secret_name_is(good[i], strlen(good[i])), "%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!secret_name_is(bad[i], strlen(bad[i])), "%s", bad[i]);
	memset(longest, 'a', sizeof longest);
	ck_assert(secret_name_is(longest, 128));
	ck_assert(!secret_name_is(longest, 129));
	ck_assert(!secret_name_is("a\0b", 3));
	ck_assert(secret_prefix_is("_S1_"));
	ck_assert(!secret_prefix_is(""));
	ck_assert(!secret_prefix_is("1A"));
	ck_assert(!secret_prefix_is("A="));
}
END_TEST

START_TEST(a_text_is_a_string_unless_it_is_an_object_or_array)
{
	static const struct {
		const char *text, *json;
	} cases[] = {{"plain", "\"plain\""}, {"line\n", "\"line\""},
		{"line\r\n", "\"line\""}, {"two\n\n", "\"two\\n\""}, {"", "\"\""},
		{"\n", "\"\""}, {" 12 ", "\" 12 \""}, {"12", "\"12\""},
		{"true", "\"true\""}, {"\"q\"", "\"\\\"q\\\"\""},
		{" {\"a\": [1, null]}\n", "{\"a\": [1, null]}"}, {"[1]", "[1]"},
		{"{not JSON}", "\"{not JSON}\""},
		{"{\"a\":1,\"a\":2}", "\"{\\\"a\\\":1,\\\"a\\\":2}\""}};
	struct secrets *s = secrets_create(folder, NULL);
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		write_secret("s", cases[i].text, strlen(cases[i].text));
		expect_value(s, "s", cases[i].json);
	}
	secrets_destroy(s);
}
END_TEST

START_TEST(a_replaced_file_counts)
{
	struct secrets *s = secrets_create(folder, NULL);
	expect_refusal(s, "s", ERROR_NOT_FOUND, "no such file in the --secrets folder");
	write_secret("s", "one", 3);
	expect_value(s, "s", "\"one\"");
	write_secret("t", "two", 3);
	char *from = path_of("t"), *to = path_of("s");
	ck_assert_int_eq(rename(from, to), 0);
	expect_value(s, "s", "\"two\"");
	ck_assert_int_eq(symlink("s", from), 0); /* as Kubernetes mounts them */
	expect_value(s, "t", "\"two\"");
	free(from);
	free(to);
	secrets_destroy(s);
}
END_TEST

START_TEST(what_is_of_no_use_is_refused)
{
	char *big = xcalloc(1, SECRET_BYTES + 1);
	struct secrets *s = secrets_create(folder, NULL);
	memset(big, 'x', SECRET_BYTES + 1);
	write_secret("s", big, SECRET_BYTES + 1);
	expect_refusal(s, "s", ERROR_INPUT, "larger than 64 KiB");
	write_secret("s", "\xFF\xFE", 2);
	expect_refusal(s, "s", ERROR_INPUT, "not UTF-8");
	expect_refusal(s, "../s", ERROR_NOT_FOUND, "no secret");
	char *fifo = path_of("fifo"), *inner = path_of("folder");
	ck_assert_int_eq(mkfifo(fifo, 0600), 0); /* it does not block */
	expect_refusal(s, "fifo", ERROR_DENIED, "not a file");
	ck_assert_int_eq(mkdir(inner, 0700), 0);
	expect_refusal(s, "folder", ERROR_DENIED, "not a file");
	expect_refusal(NULL, "s", ERROR_NOT_FOUND, "without --secrets and --secret-env");
	free(fifo);
	free(inner);
	free(big);
	secrets_destroy(s);
}
END_TEST

START_TEST(variables_leave_the_environment)
{
	setenv("CANARY_api", "key\n", 1);
	setenv("CANARY_s", "from the environment", 1);
	setenv("CANARX", "stays", 1);
	write_secret("s", "from the file", 13);
	struct secrets *s = secrets_create(folder, "CANARY_");
	ck_assert_ptr_null(getenv("CANARY_api"));
	ck_assert_ptr_null(getenv("CANARY_s"));
	ck_assert_str_eq(getenv("CANARX"), "stays");
	ck_assert_int_eq(prctl(PR_GET_DUMPABLE), 0);
	expect_value(s, "api", "\"key\"");
	expect_value(s, "s", "\"from the file\"");
	expect_refusal(s, "none", ERROR_NOT_FOUND, "no variable CANARY_none");
	secrets_destroy(s);
	s = secrets_create(NULL, "OTHER_");
	expect_refusal(s, "api", ERROR_NOT_FOUND, "no variable OTHER_api");
	secrets_destroy(s);
}
END_TEST

START_TEST(a_reference_has_the_shape_and_nothing_else)
{
	static const char *const cases[][2] = {{"\"canary\"", "\"secret.n\""},
		{"{\"a\":\"canary\",\"b\":[12345,true,null,{\"c\":\"canary\"}]}",
			"{\"a\":\"secret.n\",\"b\":[1,false,null,{\"c\":\"secret.n\"}]}"},
		{"[]", "[]"}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct buf out = {0};
		struct json v;
		ck_assert(json_check(
			cases[i][0], strlen(cases[i][0]), NULL, &v, NULL, NULL));
		secret_put_reference("n", v, &out);
		ck_assert_str_eq(buf_text(&out), cases[i][1]);
		buf_finish(&out);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("secrets");
	TCase *tests = tcase_create("secrets");
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, names_are_never_paths);
	tcase_add_test(tests, a_text_is_a_string_unless_it_is_an_object_or_array);
	tcase_add_test(tests, a_replaced_file_counts);
	tcase_add_test(tests, what_is_of_no_use_is_refused);
	tcase_add_test(tests, variables_leave_the_environment);
	tcase_add_test(tests, a_reference_has_the_shape_and_nothing_else);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
