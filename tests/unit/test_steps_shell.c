/* Shell processes and their keepers: real ones, killed in every way. */
#include "process/shell.h"
#include "suite.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* What a shell's end was. */
struct outcome {
	int count;
	bool forked;
	struct shell_result result;
	char out[256];
};

static uv_loop_t loop;

static void on_end(void *ctx, const struct shell_result *result)
{
	struct outcome *o = ctx;
	o->count++;
	o->result = *result;
	snprintf(o->out, sizeof o->out, "%s", buf_text(&result->out));
}

static struct shell *start(char *script, bool detached, size_t limit, struct outcome *o)
{
	char sh[] = "sh", option[] = "-c", path[] = "PATH=/usr/bin:/bin";
	char *argv[] = {sh, option, script, sh, NULL}, *envp[] = {path, NULL};
	struct shell_command command = {
		.argv = argv, .envp = envp, .detached = detached, .limit = limit};
	*o = (struct outcome){0};
	struct shell *s = shell_start(&loop, &command, on_end, o, &o->forked);
	ck_assert_int_eq(o->count, 0);
	return s;
}

static void run_to_end(struct outcome *o, int count)
{
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(o->count, count);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* all are reaped */
	ck_assert_int_eq(errno, ECHILD);
}

static char file[] = "/tmp/test_shell.XXXXXX";

static void setup(void)
{
	ck_assert_int_eq(uv_loop_init(&loop), 0);
	int fd = mkstemp(file);
	ck_assert_int_ge(fd, 0);
	close(fd);
}

static void teardown(void)
{
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	unlink(file);
}

/* A shell with a child in its group, one in a session of its own, and an orphaned daemon;
 * each writes its process id to the file. */
#define FAMILY_SIZE 4
#define FAMILY                                                            \
	"sleep 300 & echo $! >>$f; setsid sleep 300 & echo $! >>$f; "     \
	"(setsid sh -c 'echo $$ >>$f; exec sleep 300' &); echo $$ >>$f; " \
	"while [ $(wc -l <$f) -lt 4 ]; do sleep 0.01; done; "

static char *family(const char *then)
{
	return xasprintf("export f=%s; " FAMILY "%s", file, then);
}

/* Waits until the file holds this many process ids. */
static void read_pids(pid_t *pids, int count)
{
	for (int round = 0; round < 500; round++, usleep(10 * 1000)) {
		FILE *f = fopen(file, "r");
		ck_assert_ptr_nonnull(f);
		int n = 0;
		while (n < count && fscanf(f, "%d", &pids[n]) == 1)
			n++;
		fclose(f);
		if (n == count)
			return;
	}
	ck_abort_msg("the shell did not write its process ids");
}

static bool is_running(pid_t pid)
{
	char path[64], state = 'X';
	snprintf(path, sizeof path, "/proc/%d/stat", pid);
	FILE *f = fopen(path, "r");
	if (!f)
		return false;
	int n = fscanf(f, "%*d %*s %c", &state);
	fclose(f);
	return n == 1 && state != 'Z' && state != 'X';
}

/* Milliseconds until none of them runs, -1 after two seconds. */
static int wait_for_death(const pid_t *pids, int count)
{
	for (int ms = 0; ms < 2000; ms += 2, usleep(2000)) {
		int alive = 0;
		for (int i = 0; i < count; i++)
			alive += is_running(pids[i]);
		if (!alive)
			return ms;
	}
	return -1;
}

static void expect_output(const char *script, const char *output)
{
	struct outcome o;
	char *copy = xstrdup(script);
	start(copy, false, 1000, &o);
	run_to_end(&o, 1);
	ck_assert_int_eq(o.result.end, SHELL_EXITED);
	ck_assert_int_eq(o.result.status, 0);
	ck_assert_str_eq(o.out, output);
	free(copy);
}

START_TEST(no_descriptor_is_inherited)
{
	int leaky = dup(2); /* without CLOEXEC */
	expect_output("ls /proc/$$/fd; true", "0\n1\n2\n");
	expect_output("readlink /proc/$$/fd/0", "/dev/null\n");
	close(leaky);
}
END_TEST

START_TEST(signals_are_as_a_process_expects)
{
	signal(SIGPIPE, SIG_IGN);
	expect_output(
		"grep -E 'Sig(Blk|Ign)|NoNewPrivs' /proc/$$/status | tr -s '\\t' ' '",
		"SigBlk: 0000000000000000\nSigIgn: 0000000000000000\nNoNewPrivs: 1\n");
}
END_TEST

START_TEST(output_over_the_limit_kills_all)
{
	struct outcome o;
	pid_t pids[FAMILY_SIZE];
	char *script = family("yes >&2");
	start(script, false, 100000, &o);
	run_to_end(&o, 1);
	ck_assert_int_eq(o.result.end, SHELL_OVER_LIMIT);
	read_pids(pids, FAMILY_SIZE);
	ck_assert_int_eq(wait_for_death(pids, FAMILY_SIZE), 0);
	free(script);
}
END_TEST

START_TEST(what_the_shell_left_running_is_killed)
{
	struct outcome o;
	pid_t pids[FAMILY_SIZE];
	char *script = family("echo last");
	start(script, false, 1000, &o);
	run_to_end(&o, 1);
	ck_assert_int_eq(o.result.end, SHELL_EXITED);
	ck_assert_str_eq(o.out, "last\n");
	read_pids(pids, FAMILY_SIZE);
	ck_assert_int_eq(wait_for_death(pids, FAMILY_SIZE), 0);
	free(script);
}
END_TEST

START_TEST(stop_kills_all)
{
	struct outcome o;
	pid_t pids[FAMILY_SIZE];
	char *script = family("trap '' TERM INT HUP; sleep 300");
	struct shell *s = start(script, false, 1000, &o);
	read_pids(pids, FAMILY_SIZE);
	shell_stop(s);
	ck_assert_int_ge(wait_for_death(pids, FAMILY_SIZE), 0);
	run_to_end(&o, 0);
	free(script);
}
END_TEST

START_TEST(stop_at_once)
{
	struct outcome o;
	char script[] = "sleep 300";
	shell_stop(start(script, false, 1000, &o));
	run_to_end(&o, 0);
}
END_TEST

START_TEST(nothing_survives_a_killed_worker)
{
	struct outcome o;
	char *script = family("trap '' TERM INT HUP; sleep 300; sleep 300");
	pid_t pids[FAMILY_SIZE], worker = fork();
	if (worker == 0) {
		uv_loop_fork(&loop);
		start(script, false, 1000, &o);
		uv_run(&loop, UV_RUN_DEFAULT);
		_exit(1);
	}
	read_pids(pids, FAMILY_SIZE);
	kill(worker, SIGKILL);
	int ms = wait_for_death(pids, FAMILY_SIZE);
	waitpid(worker, NULL, 0);
	printf("# all gone %d ms after the kill -9 of the worker\n", ms);
	fflush(stdout);
	ck_assert_msg(ms >= 0 && ms < 1000, "%d ms", ms);
	free(script);
}
END_TEST

START_TEST(killed_keeper_takes_its_shell_along)
{
	struct outcome o;
	pid_t pids[3];
	char *script = xasprintf("sleep 300 & echo $PPID $$ $! >%s; wait", file);
	start(script, false, 1000, &o);
	read_pids(pids, 3);
	kill(pids[0], SIGKILL);
	run_to_end(&o, 1);
	ck_assert_int_eq(o.result.end, SHELL_LOST);
	ck_assert_int_ge(wait_for_death(pids, 3), 0);
	free(script);
}
END_TEST

START_TEST(detached_shell_outlives_its_worker)
{
	struct outcome o;
	char *script = xasprintf("echo $$ >%s; exec sleep 300", file);
	pid_t pid, worker = fork();
	if (worker == 0) {
		uv_loop_fork(&loop);
		start(script, true, 1000, &o);
		uv_run(&loop, UV_RUN_DEFAULT);
		_exit(o.count == 1 && o.result.end == SHELL_STARTED ? 0 : 1);
	}
	int status;
	waitpid(worker, &status, 0);
	ck_assert_int_eq(status, 0);
	read_pids(&pid, 1);
	usleep(50 * 1000);
	ck_assert(is_running(pid));
	kill(pid, SIGKILL);
	free(script);
}
END_TEST

START_TEST(no_descriptors_left)
{
	struct outcome o;
	char script[] = "true";
	int fds[64], n = 0;
	struct rlimit limit, small;
	getrlimit(RLIMIT_NOFILE, &limit);
	small = (struct rlimit){64, limit.rlim_max};
	setrlimit(RLIMIT_NOFILE, &small);
	while ((fds[n] = dup(2)) >= 0)
		n++;
	close(fds[--n]);
	close(fds[--n]);
	start(script, false, 1000, &o);
	uv_run(&loop, UV_RUN_DEFAULT);
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &limit);
	run_to_end(&o, 1);
	ck_assert_int_eq(o.result.end, SHELL_NOT_STARTED);
	ck_assert_int_eq(o.result.errnum, EMFILE);
	ck_assert(!o.forked);
}
END_TEST

START_TEST(many_at_once)
{
	enum { COUNT = 50 };
	static struct outcome o[COUNT];
	char script[] = "sleep 0.1; echo $$";
	uint64_t begin = uv_hrtime();
	for (int i = 0; i < COUNT; i++)
		start(script, false, 1000, &o[i]);
	uint64_t started = uv_hrtime();
	run_to_end(&o[0], 1);
	printf("# a start takes the loop %.2f ms\n",
		(double)(started - begin) / 1e6 / COUNT);
	fflush(stdout);
	for (int i = 0; i < COUNT; i++) {
		ck_assert_int_eq(o[i].count, 1);
		ck_assert_int_eq(o[i].result.end, SHELL_EXITED);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("shell");
	TCase *t = tcase_create("shell");
	tcase_set_timeout(t, 30);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, no_descriptor_is_inherited);
	tcase_add_test(t, signals_are_as_a_process_expects);
	tcase_add_test(t, output_over_the_limit_kills_all);
	tcase_add_test(t, what_the_shell_left_running_is_killed);
	tcase_add_test(t, stop_kills_all);
	tcase_add_test(t, stop_at_once);
	tcase_add_test(t, nothing_survives_a_killed_worker);
	tcase_add_test(t, killed_keeper_takes_its_shell_along);
	tcase_add_test(t, detached_shell_outlives_its_worker);
	tcase_add_test(t, no_descriptors_left);
	tcase_add_test(t, many_at_once);
	suite_add_tcase(suite, t);
	return suite_exit(suite);
}
