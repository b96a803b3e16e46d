/*
 * The process for suspects: of which deaths it is to blame, what is said of them, and
 * what it leaves behind wherever it is ended.
 */
#include "suite.h"
#include "suspect.h"

#include "buf.h"
#include "json.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define MIB (UINT64_C(1) << 20)

static const struct {
	const char *what;
	struct death death;
	bool evidence;
} deaths[] = {
	{"an end", {.code = 0}, false},
	{"no connection", {.code = SUSPECT_CANNOT_CONNECT}, false},
	{"an exit code", {.code = 1}, true},
	{"a sanitizer's", {.code = 99}, true},
	{"SIGSEGV", {.signal = SIGSEGV}, true},
	{"SIGBUS", {.signal = SIGBUS}, true},
	{"SIGILL", {.signal = SIGILL}, true},
	{"SIGFPE", {.signal = SIGFPE}, true},
	{"SIGABRT", {.signal = SIGABRT}, true},
	{"SIGSYS", {.signal = SIGSYS}, true},
	{"SIGTERM", {.signal = SIGTERM}, false},
	{"SIGINT", {.signal = SIGINT}, false},
	{"SIGHUP", {.signal = SIGHUP}, false},
	{"SIGKILL by somebody", {.signal = SIGKILL, .rss = 20 * MIB}, false},
	{"SIGKILL near its bound", {.signal = SIGKILL, .rss = 79 * MIB}, false},
	{"SIGKILL at its bound", {.signal = SIGKILL, .rss = 85 * MIB}, true},
	{"SIGKILL of what hung", {.signal = SIGKILL, .hung = true}, true},
};

START_TEST(deaths_of_its_own_doing_count)
{
	struct black_box box = {.memory = 100 * MIB};
	ck_assert_msg(death_is_evidence(&deaths[_i].death, &box) == deaths[_i].evidence,
		"%s", deaths[_i].what);
}
END_TEST

START_TEST(without_a_bound_no_memory_is_too_much)
{
	struct black_box box = {0};
	struct death d = {.signal = SIGKILL, .rss = 4096 * MIB};
	ck_assert(!death_is_evidence(&d, &box));
}
END_TEST

static void check_object(const struct death *d, const struct black_box *box,
	const char *object, const char *text)
{
	struct json v;
	char *got = death_object(d, box), *said = death_text(d, box);
	ck_assert(json_check(got, strlen(got), NULL, &v, NULL, NULL));
	ck_assert_str_eq(got, object);
	ck_assert_str_eq(said, text);
	free(got);
	free(said);
}

START_TEST(a_death_is_told)
{
	struct black_box box = {.memory = 100 * MIB};
	struct death d = {.signal = SIGSEGV, .rss = 12 * MIB};
	suspect_note(&box, "/do/0/x\"y}");
	check_object(&d, &box,
		"{\"signal\":\"SIGSEGV\",\"code\":null,\"step\":\"/do/0/"
		"x\\\"y}\",\"rss\":"
		"12582912}",
		"was ended by SIGSEGV in /do/0/x\\\"y}, with 12 MiB");
	d = (struct death){.code = 3, .rss = 90 * MIB};
	suspect_note(&box, "");
	check_object(&d, &box,
		"{\"signal\":null,\"code\":3,\"step\":null,\"rss\":94371840}",
		"ended with exit code 3, with 90 MiB of 100");
}
END_TEST

/* A path may be long, and be cut within a character, by us or by the death. */
START_TEST(a_step_is_whole_characters)
{
	struct black_box box = {0};
	struct death d = {.signal = SIGKILL, .hung = true};
	char step[SUSPECT_STEP * 2];
	for (size_t i = 0; i + 2 < sizeof step; i += 2)
		memcpy(step + i, "\xc3\xa4", 3);
	step[0] = '/';
	step[1] = 'x';
	memmove(step + 1, step + 2, strlen(step + 2) + 1);
	suspect_note(&box, step);
	ck_assert_uint_eq(strlen(box.step) % 2, 1);
	char *whole = death_object(&d, &box);
	ck_assert_ptr_nonnull(strstr(whole, "\"step\":\"/\xc3\xa4"));
	ck_assert_ptr_nonnull(strstr(whole, "\"hung\":true"));
	free(whole);
	memset(box.step, 0xc3, sizeof box.step);
	check_object(&d, &box,
		"{\"signal\":\"SIGKILL\",\"code\":null,\"step\":null,\"rss\":0,\"hung\":"
		"true}",
		"hung, with 0 MiB");
}
END_TEST

START_TEST(nobody_else_begins_one)
{
	struct suspect s;
	struct error err;
	unsetenv("STEPWELL_SUSPECT");
	ck_assert(!suspect_begin(&s, &err));
	ck_assert_int_eq(err.kind, ERROR_INPUT);
	setenv("STEPWELL_SUSPECT", "not an id", 1);
	ck_assert(!suspect_begin(&s, &err));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("suspect");
	TCase *c = tcase_create("deaths");
	tcase_add_loop_test(c, deaths_of_its_own_doing_count, 0,
		(int)(sizeof deaths / sizeof *deaths));
	tcase_add_test(c, without_a_bound_no_memory_is_too_much);
	tcase_add_test(c, a_death_is_told);
	tcase_add_test(c, a_step_is_whole_characters);
	tcase_add_test(c, nobody_else_begins_one);
	suite_add_tcase(s, c);
	return suite_exit(s);
}
