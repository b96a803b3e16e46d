/*
 * The process for suspects: of which deaths it is to blame, what is said of them, and
 * what it leaves behind wherever it is ended.
 */
#include "suite.h"
#include "worker/suspect.h"

#include "base/buf.h"
#include "json/json.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

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
	{"SIGKILL in a full group", {.signal = SIGKILL, .starved = true}, true},
	{"SIGTERM in a full group", {.signal = SIGTERM, .starved = true}, false},
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

/* ---- Control groups: files below a folder that stands for the machine ---- */

static char *machine; /* the folder */

static void put(const char *path, const char *text)
{
	char *file = xasprintf("%s/%s", machine, path);
	for (char *p = file + strlen(machine) + 1; (p = strchr(p, '/')); p++) {
		*p = '\0';
		mkdir(file, 0700);
		*p = '/';
	}
	FILE *f = fopen(file, "w");
	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
	free(file);
}

static void begin_machine(void)
{
	static char folder[] = "/tmp/suspect.XXXXXX";
	memcpy(folder + sizeof folder - 7, "XXXXXX", 6);
	machine = mkdtemp(folder);
	ck_assert_ptr_nonnull(machine);
}

static void end_machine(void)
{
	char *command = xasprintf("rm -r %s", machine);
	ck_assert_int_eq(system(command), 0);
	free(command);
}

/* The group next to the root of version 2 has a limit, ours has none. */
START_TEST(the_narrowest_group_counts)
{
	struct group_memory m;
	put("proc/self/cgroup", "0::/pod/job\n");
	put("sys/fs/cgroup/pod/job/memory.max", "max\n");
	put("sys/fs/cgroup/pod/job/memory.current", "50\n");
	ck_assert(!group_memory(machine, &m));
	put("sys/fs/cgroup/pod/memory.max", "1000\n");
	put("sys/fs/cgroup/pod/memory.current", "400\n");
	ck_assert(group_memory(machine, &m));
	ck_assert_uint_eq(m.limit, 1000);
	ck_assert_uint_eq(m.used, 400);
	put("sys/fs/cgroup/pod/job/memory.max", "500\n");
	ck_assert(group_memory(machine, &m));
	ck_assert_uint_eq(m.limit, 500);
	put("sys/fs/cgroup/pod/memory.current", "1100\n");
	ck_assert(group_memory(machine, &m));
	ck_assert_uint_eq(m.limit - m.used, 0);
}
END_TEST

START_TEST(version_1_has_a_number_for_no_limit)
{
	struct group_memory m;
	put("proc/self/cgroup", "9:cpu:/x\n4:memory:/a\n0::/\n");
	put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "9223372036854771712\n");
	put("sys/fs/cgroup/memory/a/memory.usage_in_bytes", "5\n");
	ck_assert(!group_memory(machine, &m));
	put("sys/fs/cgroup/memory/a/memory.limit_in_bytes", "100\n");
	ck_assert(group_memory(machine, &m));
	ck_assert_uint_eq(m.limit, 100);
}
END_TEST

/* One is used where kills can be counted in it, and only those of its own making count.
 */
static void check_kills(
	const char *dir, const char *limit, const char *kills, const char *hits)
{
	char path[CONTROL_GROUP_PATH], *file = xasprintf("%s/%s", dir, limit);
	ck_assert(!group_make(machine, "own.1", 77, path)); /* no file is there */
	put(file, "max\n");
	free(file);
	file = xasprintf("%s/%s", dir, kills);
	put(file, "oom_kill_disable 0\nlow 0\noom 0\noom_kill 2\n");
	char *hit = xasprintf("%s/%s", dir, hits);
	if (strcmp(kills, hits) != 0)
		put(hit, "0\n");
	ck_assert(group_make(machine, "own.1", 77, path));
	ck_assert(strncmp(path, machine, strlen(machine)) == 0);
	ck_assert_uint_eq(group_kills(path), 0); /* others took the memory */
	if (strcmp(kills, hits) != 0)
		put(hit, "9\n");
	else
		put(file, "low 0\noom 1\noom_kill 3\noom_group_kill 0\n");
	ck_assert_uint_eq(group_kills(path), strcmp(kills, hits) != 0 ? 2 : 3);
	free(hit);
	free(file);
}

START_TEST(kills_count_in_a_group_that_was_full)
{
	put("proc/self/cgroup", "0::/job\n");
	put("sys/fs/cgroup/job/cgroup.procs", "");
	char *left = xasprintf("%s/sys/fs/cgroup/job/own.0", machine);
	ck_assert_int_eq(mkdir(left, 0700), 0); /* of a worker that was killed */
	check_kills("sys/fs/cgroup/job/own.1", "memory.max", "memory.events",
		"memory.events");
	ck_assert_int_ne(rmdir(left), 0);
	free(left);
	put("proc/self/cgroup", "4:memory:/job\n0::/\n");
	put("sys/fs/cgroup/memory/job/cgroup.procs", "");
	check_kills("sys/fs/cgroup/memory/job/own.1", "memory.limit_in_bytes",
		"memory.oom_control", "memory.failcnt");
	ck_assert_uint_eq(group_kills(""), 0);
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
	TCase *g = tcase_create("groups");
	tcase_add_checked_fixture(g, begin_machine, end_machine);
	tcase_add_test(g, the_narrowest_group_counts);
	tcase_add_test(g, version_1_has_a_number_for_no_limit);
	tcase_add_test(g, kills_count_in_a_group_that_was_full);
	suite_add_tcase(s, g);
	return suite_exit(s);
}
