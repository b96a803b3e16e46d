/*
 * `run: script` with real interpreters: what is not seen from outside. Cases in
 * JavaScript are left out where node is not installed.
 */
#include "run_script.h"

#include "process/task.h"
#include "process_fixture.h"
#include "suite.h"

#include <dirent.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[64]; /* $TMPDIR of the test */

static int folder_count(void)
{
	int n = 0;
	DIR *dir = opendir(folder);
	ck_assert_ptr_nonnull(dir);
	for (struct dirent *e; (e = readdir(dir));)
		n += e->d_name[0] != '.';
	closedir(dir);
	return n;
}

static void make_folder(void)
{
	snprintf(folder, sizeof folder, "/tmp/test_run_script.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	setenv("TMPDIR", folder, 1);
}

/* Waits until the folder has that many entries. */
static void expect_count(int count)
{
	for (int i = 0; i < 500 && folder_count() != count; i++)
		usleep(10 * 1000);
	ck_assert_int_eq(folder_count(), count);
}

static void remove_folder(void)
{
	expect_count(0);
	ck_assert_int_eq(rmdir(folder), 0);
}

START_TEST(js_is_an_es_module_and_its_arguments_begin_at_2)
{
	expect_output("{\"run\":{\"script\":{\"language\":\"js\",\"code\":\""
		      "import { basename } from 'node:path'; await 0;"
		      "process.stdout.write(basename(process.argv[1]) + "
		      "process.argv.slice(2))\",\"arguments\":[\"a\",\"--b\"]}}}",
		"{}", "\"script.mjsa,--b\"");
}
END_TEST

START_TEST(python_has_its_arguments_from_1_and_no_module_of_others)
{
	expect_output("{\"run\":{\"script\":{\"language\":\"python\",\"code\":\""
		      "import os, sys\\n"
		      "print(sys.argv[1:], os.listdir(sys.path[0]), "
		      "oct(os.stat(sys.path[0]).st_mode))\",\"arguments\":[\"-c\"]}}}",
		"{}", "\"['-c'] ['script.py'] 0o40700\\n\"");
}
END_TEST

#define NAMED                                                                     \
	"{\"run\":{\"script\":{\"language\":\"python\",\"code\":\"import time\\n" \
	"time.sleep(n)\",\"arguments\":{\"n\":0.3}},\"await\":false}}"

START_TEST(names_go_with_the_script)
{
	make_folder();
	expect_output(NAMED, "{\"a\":1}", "{\"a\":1}");
	ck_assert_int_eq(folder_count(), 1);
	remove_folder();
}
END_TEST

START_TEST(a_fault_says_script)
{
	expect_fault("{\"run\":{\"script\":{\"language\":\"python\",\"code\":\""
		     "import os\\nos.kill(os.getpid(), 9)\"}}}",
		PROBLEM_RUNTIME, "the script was killed by signal 9");
	expect_fault("{\"run\":{\"script\":{\"language\":\"python\",\"code\":\"a\\u0000\""
		     "}}}",
		PROBLEM_VALIDATION, "run.script.code contains a NUL");
}
END_TEST

START_TEST(off_unless_allowed)
{
	struct step s;
	step_init(&s);
	s.settings.allow_run = false;
	ck_assert(!step_render(&s,
		"{\"run\":{\"script\":{\"language\":\"python\",\"code\":\"1\"}}}", "{}"));
	ck_assert_str_eq(s.compiler.need, "shell");
	ck_assert_int_eq(s.fault.type, PROBLEM_CONFIGURATION);
	ck_assert_ptr_nonnull(strstr(s.fault.detail, "run: script is off"));
	step_finish(&s);
}
END_TEST

START_TEST(no_place_for_the_file_is_a_certain_fault)
{
	setenv("TMPDIR", "/nonexistent", 1);
	expect_fault("{\"run\":{\"script\":{\"language\":\"python\",\"code\":\"1\"}}}",
		PROBLEM_RUNTIME, "cannot be written below /nonexistent: No such file");
}
END_TEST

#define SLEEPER                                                     \
	"{\"run\":{\"script\":{\"language\":\"python\",\"code\":\"" \
	"import time\\ntime.sleep(300)\"}}}"

START_TEST(stop_leaves_neither_process_nor_file)
{
	struct step s;
	make_folder();
	step_init(&s);
	ck_assert(step_render(&s, SLEEPER, "{}"));
	step_start(&s);
	ck_assert_int_eq(folder_count(), 1);
	tested->effect->stop(&s.effect);
	ck_assert_ptr_null(s.effect.state);
	step_finish(&s);
	ck_assert_int_eq(s.done, 0);
	remove_folder();
}
END_TEST

START_TEST(file_goes_with_a_worker_that_is_killed)
{
	make_folder();
	char *ready = xasprintf("%s/ready", folder);
	char *node = xasprintf("{\"run\":{\"script\":{\"language\":\"python\","
			       "\"code\":\"import sys, time\\nopen(sys.argv[1], 'w')\\n"
			       "time.sleep(300)\",\"arguments\":[\"%s\"]}}}",
		ready);
	pid_t worker = fork();
	if (worker == 0) {
		struct step s;
		step_init(&s);
		step_run(&s, node, "{}");
		_exit(0);
	}
	expect_count(2);
	ck_assert_int_eq(kill(worker, SIGKILL), 0);
	ck_assert_int_eq(waitpid(worker, NULL, 0), worker);
	expect_count(1);
	ck_assert_int_eq(unlink(ready), 0);
	remove_folder();
	free(node);
	free(ready);
}
END_TEST

START_TEST(file_goes_after_a_process_that_is_not_awaited)
{
	make_folder();
	expect_output("{\"run\":{\"script\":{\"language\":\"python\",\"code\":\""
		      "import time\\ntime.sleep(0.3)\"},\"await\":false}}",
		"{\"a\":1}", "{\"a\":1}");
	ck_assert_int_eq(folder_count(), 1);
	remove_folder();
}
END_TEST

#define SCRIPT(language, rest) \
	"{\"run\":{\"script\":{\"language\":\"" language "\",\"code\":\"" rest "}}}"

START_TEST(digest_tells_requests_apart)
{
	static const char *const nodes[] = {
		SCRIPT("python", "a\""),
		SCRIPT("python", "b\""),
		SCRIPT("python", "a\",\"stdin\":\"\""),
		SCRIPT("python", "a\",\"arguments\":[\"a\"]"),
		SCRIPT("python", "a\",\"arguments\":{\"a\":1}"),
		SCRIPT("python", "a\",\"arguments\":{\"a\":2}"),
		SCRIPT("python", "a\",\"environment\":{\"a\":\"a\"}"),
		"{\"run\":{\"script\":{\"language\":\"python\",\"code\":\"a\"},"
		"\"await\":false}}",
	};
	expect_different_digests(nodes, sizeof nodes / sizeof *nodes);
}
END_TEST

int main(void)
{
	tested = &task_run_script;
	char *node = process_task_find("node");
	Suite *suite = suite_create("run_script");
	TCase *t = tcase_create("run_script");
	tcase_set_timeout(t, 30);
	if (node)
		tcase_add_test(t, js_is_an_es_module_and_its_arguments_begin_at_2);
	free(node);
	tcase_add_test(t, python_has_its_arguments_from_1_and_no_module_of_others);
	tcase_add_test(t, names_go_with_the_script);
	tcase_add_test(t, a_fault_says_script);
	tcase_add_test(t, off_unless_allowed);
	tcase_add_test(t, no_place_for_the_file_is_a_certain_fault);
	tcase_add_test(t, stop_leaves_neither_process_nor_file);
	tcase_add_test(t, file_goes_with_a_worker_that_is_killed);
	tcase_add_test(t, file_goes_after_a_process_that_is_not_awaited);
	tcase_add_test(t, digest_tells_requests_apart);
	suite_add_tcase(suite, t);
	return suite_exit(suite);
}
