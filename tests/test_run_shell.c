/*
 * `run: shell` with real processes. The engine's side (compiler, effect) is played by the
 * few functions at the top.
 */
#include "run_shell.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define STEP_ID "01890000-0000-8000-8000-000000000001"

struct compiler {
	struct program *program;
	char need[32];
};

/* One step, from its definition to its outcome. */
struct step {
	struct compiler compiler;
	struct task task;
	struct settings settings;
	struct host host;
	uv_loop_t loop;
	struct request *request;
	struct effect effect;
	struct fault fault; /* of render */
	int done;
};

bool compiler_expression(struct compiler *c, struct json node, enum expression_form form,
	struct expression **ret, struct error *err)
{
	*ret = NULL;
	return json_type(node) == JSON_NONE ||
	       program_add(c->program, node, form, ret, err);
}

void compiler_need(struct compiler *c, const char *need)
{
	snprintf(c->need, sizeof c->need, "%s", need);
}

void effect_succeed(struct effect *e)
{
	e->succeeded = true;
	e->on_done(e);
}

void effect_fail(struct effect *e)
{
	e->succeeded = false;
	e->on_done(e);
}

static void on_done(struct effect *e)
{
	struct step *s = e->owner;
	s->done++;
}

/* node: the task's text. dot: the transformed input. */
static bool step_render(struct step *s, const char *node, const char *dot)
{
	struct error err = {0};
	struct scope scope = {.dot = {dot, strlen(dot)}};
	s->task.kind = &task_run_shell;
	ck_assert_msg(json_check(node, strlen(node), NULL, &s->task.node, NULL, &err),
		"%s", err.text);
	s->compiler.program = program_create(NULL);
	ck_assert(task_run_shell.compile(&s->compiler, &s->task, &err));
	s->host = (struct host){.loop = &s->loop, .settings = &s->settings};
	struct render in = {&s->task, &scope, STEP_ID, &s->host};
	return task_run_shell.effect->render(&in, &s->request, &s->fault);
}

static void step_init(struct step *s)
{
	*s = (struct step){.settings.allow_run = true};
	ck_assert_int_eq(uv_loop_init(&s->loop), 0);
}

static void step_start(struct step *s)
{
	s->effect = (struct effect){
		.task = &s->task,
		.request = s->request,
		.step_id = STEP_ID,
		.attempt = 7,
		.host = &s->host,
		.on_done = on_done,
		.owner = s,
	};
	task_run_shell.effect->start(&s->effect);
	ck_assert_int_eq(s->done, 0);
}

static void step_finish(struct step *s)
{
	uv_run(&s->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&s->loop), 0);
	if (s->request)
		s->request->destroy(s->request);
	buf_finish(&s->effect.output);
	free(s->task.spec);
	program_destroy(s->compiler.program);
}

static void step_run(struct step *s, const char *node, const char *dot)
{
	ck_assert_msg(step_render(s, node, dot), "%s", s->fault.detail);
	step_start(s);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(s->done, 1);
}

static void expect_output(const char *node, const char *dot, const char *output)
{
	struct step s;
	step_init(&s);
	step_run(&s, node, dot);
	ck_assert_msg(s.effect.succeeded, "%s", s.effect.fault.detail);
	ck_assert(s.effect.sent);
	ck_assert_str_eq(buf_text(&s.effect.output), output);
	struct json ignored;
	ck_assert(json_check(output, strlen(output), NULL, &ignored, NULL, NULL));
	step_finish(&s);
}

static void expect_fault(const char *node, enum problem_type type, const char *detail)
{
	struct step s;
	step_init(&s);
	bool rendered = step_render(&s, node, "{}");
	if (rendered) {
		step_start(&s);
		uv_run(&s.loop, UV_RUN_DEFAULT);
		ck_assert(!s.effect.succeeded);
	}
	const struct fault *f = rendered ? &s.effect.fault : &s.fault;
	ck_assert_int_eq(f->type, type);
	ck_assert(!f->uncertain);
	ck_assert_msg(strstr(f->detail, detail) != NULL, "%s", f->detail);
	step_finish(&s);
}

/* A file that a shell may write to; removed by the caller. */
static char *new_file(void)
{
	char *name = xstrdup("/tmp/test_run_shell.XXXXXX");
	int fd = mkstemp(name);
	ck_assert_int_ge(fd, 0);
	close(fd);
	return name;
}

static void sleep_ms(int ms)
{
	usleep((useconds_t)ms * 1000);
}

/* Waits until the file holds this many numbers (process ids). */
static void read_pids(const char *name, pid_t *pids, int count)
{
	for (int round = 0; round < 500; round++, sleep_ms(10)) {
		FILE *f = fopen(name, "r");
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
	for (int ms = 0; ms < 2000; ms += 2, sleep_ms(2)) {
		int alive = 0;
		for (int i = 0; i < count; i++)
			alive += is_running(pids[i]);
		if (!alive)
			return ms;
	}
	return -1;
}

/* A shell with a child in its group, one in a session of its own, and an orphaned daemon.
 */
#define FAMILY_SIZE 4
#define FAMILY                                                        \
	"sleep 300 & echo $! >>$f; setsid sleep 300 & echo $! >>$f; " \
	"(setsid sh -c 'echo $$ >>$f; exec sleep 300' &); echo $$ >>$f; "

static char *family_node(const char *file, const char *then)
{
	return xasprintf("{\"run\":{\"shell\":{\"command\":\"export f=%s; " FAMILY
			 "%s\"}}}",
		file, then);
}

START_TEST(stdout_is_passed_untrimmed_and_unparsed)
{
	expect_output("{\"run\":{\"shell\":{\"command\":\"echo 1; echo\"}}}", "{}",
		"\"1\\n\\n\"");
	expect_output("{\"run\":{\"shell\":{\"command\":\"printf '\\\\000'\"}}}", "{}",
		"\"\\u0000\"");
}
END_TEST

START_TEST(stdin_and_arguments_of_the_specification)
{
	expect_output(
		"{\"run\":{\"shell\":{\"stdin\":\"${ .message }\",\"command\":"
		"\"input=$(cat)\\necho \\\"STDIN was: $input\\\"\\n"
		"echo \\\"ARGS are $1 $2\\\"\\n\",\"arguments\":[\"Foo\",\"Bar\"]}}}",
		"{\"message\":\"Hello World\"}",
		"\"STDIN was: Hello World\\nARGS are Foo Bar\\n\"");
}
END_TEST

START_TEST(arguments_are_data_and_not_shell)
{
	expect_output("{\"run\":{\"shell\":{\"command\":\"printf '<%s>' \\\"$@\\\"\","
		      "\"arguments\":[\"$(id); a  b\",\"\",\"${ .x }\",\"-n\"]}}}",
		"{\"x\":\"`id`\\n*\"}", "\"<$(id); a  b><><`id`\\n*><-n>\"");
}
END_TEST

START_TEST(other_values_are_passed_as_json)
{
	expect_output(
		"{\"run\":{\"shell\":{\"command\":\"printf '%s|' \\\"$@\\\" $V; cat\","
		"\"arguments\":[\"${ .o }\",\"${ .n }\",\"${ .z }\"],"
		"\"environment\":{\"V\":\"${ .b }\"},\"stdin\":\"${ .o }\"}}}",
		"{\"o\":{\"a\" : [1, 2]},\"n\":1.50,\"z\":null,\"b\":true}",
		"\"{\\\"a\\\":[1,2]}|1.50|null|true|{\\\"a\\\":[1,2]}\"");
}
END_TEST

START_TEST(environment_holds_nothing_else)
{
	setenv("CANARY", "secret", 1);
	setenv("PATH", "/usr/bin:/bin", 1);
	expect_output("{\"run\":{\"shell\":{\"command\":\"/usr/bin/env | grep -v ^PWD= | "
		      "grep -v "
		      "^SHLVL= | grep -v ^_= | sort\",\"environment\":{\"A\":\"1\"}}}}",
		"{}", "\"A=1\\nPATH=/usr/bin:/bin\\nSTEPWELL_STEP_ID=" STEP_ID "\\n\"");
}
END_TEST

START_TEST(environment_takes_the_names_that_are_allowed)
{
	struct step s;
	char one[] = "CHOSEN", two[] = "PATH", three[] = "ABSENT";
	char *names[] = {one, two, three, NULL};
	setenv("CHOSEN", "yes", 1);
	step_init(&s);
	s.settings.shell_environment = names;
	step_run(&s,
		"{\"run\":{\"shell\":{\"command\":\"echo $CHOSEN $PATH ${ABSENT-none}\","
		"\"environment\":{\"PATH\":\"/mine\"}}}}",
		"{}");
	ck_assert_str_eq(buf_text(&s.effect.output), "\"yes /mine none\\n\"");
	step_finish(&s);
}
END_TEST

START_TEST(step_id_cannot_be_replaced)
{
	expect_output("{\"run\":{\"shell\":{\"command\":\"echo $STEPWELL_STEP_ID\","
		      "\"environment\":{\"STEPWELL_STEP_ID\":\"x\"}}}}",
		"{}", "\"" STEP_ID "\\n\"");
}
END_TEST

START_TEST(values_that_cannot_be_passed_are_refused)
{
	static const char *const parts[] = {
		"\"command\":\"a\\u0000b\"",
		"\"command\":\"cat\",\"stdin\":\"a\\u0000b\"",
		"\"command\":\"cat\",\"arguments\":[\"a\\u0000b\"]",
		"\"command\":\"cat\",\"environment\":{\"A\":\"a\\u0000b\"}",
		"\"command\":\"cat\",\"environment\":{\"1A\":\"a\"}",
		"\"command\":\"cat\",\"environment\":{\"A=B\":\"a\"}",
		"\"command\":\"cat\",\"environment\":{\"\":\"a\"}",
		"\"command\":\"cat\",\"environment\":{\"A\\u0000\":\"a\"}",
		"\"command\":\"${ .absent }\"",
	};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		char *node = xasprintf("{\"run\":{\"shell\":{%s}}}", parts[i]);
		expect_fault(node, PROBLEM_VALIDATION, "run.shell.");
		free(node);
	}
}
END_TEST

START_TEST(off_unless_allowed)
{
	struct step s;
	step_init(&s);
	s.settings.allow_run = false;
	ck_assert(!step_render(&s, "{\"run\":{\"shell\":{\"command\":\"true\"}}}", "{}"));
	ck_assert_str_eq(s.compiler.need, "shell");
	ck_assert_int_eq(s.fault.type, PROBLEM_CONFIGURATION);
	ck_assert_ptr_nonnull(strstr(s.fault.detail, "--allow-run"));
	step_finish(&s);
}
END_TEST

START_TEST(each_kind_of_return)
{
	static const struct {
		const char *ret, *output;
	} cases[] = {
		{"stdout", "\"o\""},
		{"stderr", "\"e\""},
		{"code", "0"},
		{"all", "{\"code\":0,\"stdout\":\"o\",\"stderr\":\"e\"}"},
		{"none", "null"},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *node =
			xasprintf("{\"run\":{\"shell\":{\"command\":\"printf o; printf e "
				  ">&2\"},\"return\":\"%s\"}}",
				cases[i].ret);
		expect_output(node, "{}", cases[i].output);
		free(node);
	}
}
END_TEST

START_TEST(exit_code_is_a_fault_unless_asked_for)
{
	expect_fault("{\"run\":{\"shell\":{\"command\":\"echo why >&2; exit 3\"}}}",
		PROBLEM_RUNTIME, "exit code 3: why");
	expect_fault("{\"run\":{\"shell\":{\"command\":\"no-such-program\"},"
		     "\"return\":\"none\"}}",
		PROBLEM_RUNTIME, "exit code 127");
	expect_fault("{\"run\":{\"shell\":{\"command\":\"kill -KILL $$\"}}}",
		PROBLEM_RUNTIME, "signal 9 (Killed)");
	expect_output(
		"{\"run\":{\"shell\":{\"command\":\"exit 3\"},\"return\":\"code\"}}",
		"{}", "3");
	expect_output("{\"run\":{\"shell\":{\"command\":\"kill -KILL $$\"},"
		      "\"return\":\"all\"}}",
		"{}", "{\"code\":137,\"stdout\":\"\",\"stderr\":\"\"}");
}
END_TEST

START_TEST(fault_quotes_the_end_of_stderr)
{
	struct step s;
	step_init(&s);
	step_run(&s,
		"{\"run\":{\"shell\":{\"command\":\"for i in $(seq 999); do echo line$i "
		">&2; "
		"done; exit 1\"}}}",
		"{}");
	ck_assert_ptr_nonnull(strstr(s.effect.fault.detail, "line999"));
	ck_assert_uint_le(strlen(s.effect.fault.detail), 340);
	step_finish(&s);
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_replaced)
{
	expect_output("{\"run\":{\"shell\":{\"command\":\"printf "
		      "'a\\\\303\\\\251\\\\377\\\\355\\\\240\\\\200\\\\300\\\\257z\\\\342"
		      "\\\\202'\""
		      "}}}",
		"{}",
		"\"a\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"
		"\xEF\xBF\xBDz\xEF\xBF\xBD\xEF\xBF\xBD\"");
}
END_TEST

START_TEST(no_descriptor_is_inherited)
{
	int leaky = dup(2); /* without CLOEXEC */
	expect_output(
		"{\"run\":{\"shell\":{\"command\":\"for f in /proc/$$/fd/*; do echo "
		"${f##*/}; done\"}}}",
		"{}", "\"0\\n1\\n2\\n\"");
	expect_output("{\"run\":{\"shell\":{\"command\":\"readlink /proc/$$/fd/0\"}}}",
		"{}", "\"/dev/null\\n\"");
	close(leaky);
}
END_TEST

START_TEST(signals_are_as_a_process_expects)
{
	signal(SIGPIPE, SIG_IGN);
	expect_output(
		"{\"run\":{\"shell\":{\"command\":\"grep -E 'Sig(Blk|Ign)|NoNewPrivs' "
		"/proc/$$/status | tr -s '\\\\t' ' '\"}}}",
		"{}",
		"\"NoNewPrivs: 1\\nSigBlk: 0000000000000000\\nSigIgn: "
		"0000000000000000\\n\"");
	signal(SIGPIPE, SIG_DFL);
}
END_TEST

START_TEST(large_stdin_and_output_pass)
{
	struct buf node = {0};
	struct step s;
	buf_puts(&node, "{\"run\":{\"shell\":{\"command\":\"cat; cat /dev/null "
			">&2\",\"stdin\":\"");
	for (int i = 0; i < 1000 * 1000; i++)
		buf_putc(&node, 'x');
	buf_puts(&node, "\"}}}");
	step_init(&s);
	step_run(&s, node.data, "{}");
	ck_assert(s.effect.succeeded);
	ck_assert_uint_eq(s.effect.output.len, 1000 * 1000 + 2);
	step_finish(&s);
	buf_finish(&node);
}
END_TEST

START_TEST(output_over_the_limit_kills_the_group)
{
	struct step s;
	char *file = new_file();
	char *node = family_node(file, "yes $f >&2");
	pid_t pids[FAMILY_SIZE];
	step_init(&s);
	s.settings.body_limit = 100000;
	step_run(&s, node, "{}");
	ck_assert(!s.effect.succeeded);
	ck_assert_int_eq(s.effect.fault.type, PROBLEM_RUNTIME);
	ck_assert_ptr_nonnull(strstr(s.effect.fault.detail, "limit"));
	read_pids(file, pids, FAMILY_SIZE);
	ck_assert_int_eq(wait_for_death(pids, FAMILY_SIZE), 0);
	step_finish(&s);
	unlink(file);
	free(node);
	free(file);
}
END_TEST

START_TEST(output_at_the_limit_passes)
{
	struct step s;
	step_init(&s);
	s.settings.body_limit = 100000;
	step_run(&s, "{\"run\":{\"shell\":{\"command\":\"head -c 100000 /dev/zero\"}}}",
		"{}");
	ck_assert_msg(s.effect.succeeded, "%s", s.effect.fault.detail);
	step_finish(&s);
	expect_fault("{\"run\":{\"shell\":{\"command\":\"head -c 1048577 /dev/zero\"}}}",
		PROBLEM_RUNTIME, "limit");
}
END_TEST

START_TEST(what_the_shell_left_running_is_killed)
{
	char *file = new_file();
	char *node =
		family_node(file, "while [ $(wc -l <$f) -lt 4 ]; do sleep 0.01; done");
	pid_t pids[FAMILY_SIZE];
	expect_output(node, "{}", "\"\"");
	read_pids(file, pids, FAMILY_SIZE);
	ck_assert_int_eq(wait_for_death(pids, FAMILY_SIZE), 0);
	unlink(file);
	free(node);
	free(file);
}
END_TEST

START_TEST(stop_kills_all_and_leaves_the_effect_alone)
{
	struct step s;
	char *file = new_file();
	char *node = family_node(file, "sleep 300");
	pid_t pids[FAMILY_SIZE];
	step_init(&s);
	ck_assert(step_render(&s, node, "{}"));
	step_start(&s);
	read_pids(file, pids, FAMILY_SIZE);
	task_run_shell.effect->stop(&s.effect);
	memset(&s.effect, 0, sizeof s.effect);
	ck_assert_int_ge(wait_for_death(pids, FAMILY_SIZE), 0);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(s.done, 0);
	ck_assert_int_eq(waitpid(-1, NULL, WNOHANG), -1); /* all are reaped */
	step_finish(&s);
	unlink(file);
	free(node);
	free(file);
}
END_TEST

static _Noreturn void be_worker(const char *node)
{
	struct step s;
	step_init(&s);
	ck_assert(step_render(&s, node, "{}"));
	step_start(&s);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	_exit(0);
}

START_TEST(nothing_survives_a_killed_worker)
{
	char *file = new_file();
	char *node = family_node(file, "trap '' TERM INT HUP; sleep 300; sleep 300");
	pid_t pids[FAMILY_SIZE], worker = fork();
	if (worker == 0)
		be_worker(node);
	read_pids(file, pids, FAMILY_SIZE);
	kill(worker, SIGKILL);
	waitpid(worker, NULL, 0);
	int ms = wait_for_death(pids, FAMILY_SIZE);
	ck_assert_msg(ms >= 0 && ms < 1000, "%d ms", ms);
	unlink(file);
	free(node);
	free(file);
}
END_TEST

START_TEST(killed_keeper_takes_its_shell_along)
{
	struct step s;
	char *file = new_file();
	char *node =
		xasprintf("{\"run\":{\"shell\":{\"command\":\"echo $PPID $$ >%s; exec "
			  "sleep 300\"}}}",
			file);
	pid_t pids[2];
	step_init(&s);
	ck_assert(step_render(&s, node, "{}"));
	step_start(&s);
	read_pids(file, pids, 2);
	kill(pids[0], SIGKILL);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(s.done, 1);
	ck_assert(!s.effect.succeeded && s.effect.fault.uncertain);
	ck_assert_int_ge(wait_for_death(pids, 2), 0);
	step_finish(&s);
	unlink(file);
	free(node);
	free(file);
}
END_TEST

START_TEST(process_that_is_not_awaited_outlives_step_and_worker)
{
	char *file = new_file();
	char *node = xasprintf(
		"{\"run\":{\"await\":false,\"shell\":{\"command\":\"echo $$ >%s; "
		"exec sleep 300\"}}}",
		file);
	pid_t pid, worker = fork();
	if (worker == 0)
		be_worker(node);
	waitpid(worker, NULL, 0);
	read_pids(file, &pid, 1);
	sleep_ms(50);
	ck_assert(is_running(pid));
	kill(pid, SIGKILL);
	unlink(file);
	free(node);
	free(file);
	expect_output("{\"run\":{\"await\":false,\"shell\":{\"command\":\"exit 1\"}}}",
		"{\"a\": 1e2}", "{\"a\": 1e2}");
}
END_TEST

START_TEST(failing_start_is_a_certain_fault)
{
	for (int await = 0; await < 2; await++) {
		struct buf node = {0};
		struct step s;
		buf_printf(&node,
			"{\"run\":{\"await\":%s,\"shell\":{\"command\":\"true\",",
			await ? "true" : "false");
		buf_puts(&node, "\"arguments\":[\"");
		for (int i = 0; i < 200 * 1000; i++)
			buf_putc(&node, 'x');
		buf_puts(&node, "\"]}}}");
		step_init(&s);
		step_run(&s, node.data, "{}");
		ck_assert(!s.effect.succeeded && !s.effect.sent &&
			  !s.effect.fault.uncertain);
		ck_assert_ptr_nonnull(strstr(s.effect.fault.detail, "stdin"));
		step_finish(&s);
		buf_finish(&node);
	}
}
END_TEST

START_TEST(no_descriptors_left_is_a_certain_fault)
{
	struct step s;
	int fds[1024], n = 0;
	step_init(&s);
	ck_assert(step_render(&s, "{\"run\":{\"shell\":{\"command\":\"true\"}}}", "{}"));
	struct rlimit limit, small;
	getrlimit(RLIMIT_NOFILE, &limit);
	small = (struct rlimit){64, limit.rlim_max};
	setrlimit(RLIMIT_NOFILE, &small);
	while ((fds[n] = dup(2)) >= 0)
		n++;
	close(fds[--n]);
	close(fds[--n]);
	step_start(&s);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	while (n)
		close(fds[--n]);
	setrlimit(RLIMIT_NOFILE, &limit);
	ck_assert_int_eq(s.done, 1);
	ck_assert(!s.effect.succeeded && !s.effect.sent);
	step_finish(&s);
}
END_TEST

static void digest_of(const char *node, const char *dot, uint8_t out[16])
{
	struct step s;
	step_init(&s);
	ck_assert(step_render(&s, node, dot));
	memcpy(out, s.request->digest, 16);
	step_finish(&s);
}

START_TEST(digest_tells_requests_apart)
{
	static const char *const nodes[] = {
		"{\"run\":{\"shell\":{\"command\":\"a\"}}}",
		"{\"run\":{\"shell\":{\"command\":\"b\"}}}",
		"{\"run\":{\"shell\":{\"command\":\"a\",\"stdin\":\"\"}}}",
		"{\"run\":{\"shell\":{\"command\":\"a\",\"stdin\":\"x\"}}}",
		"{\"run\":{\"shell\":{\"command\":\"a\",\"arguments\":[\"x\"]}}}",
		"{\"run\":{\"shell\":{\"command\":\"a\",\"arguments\":[\"x\",\"y\"]}}}",
		"{\"run\":{\"shell\":{\"command\":\"a\",\"arguments\":[\"xy\"]}}}",
		"{\"run\":{\"shell\":{\"command\":\"a\",\"arguments\":[\"x=1\"]}}}",
		"{\"run\":{\"shell\":{\"command\":\"a\",\"environment\":{\"x\":\"1\"}}}}",
		"{\"run\":{\"shell\":{\"command\":\"a\"},\"return\":\"none\"}}",
		"{\"run\":{\"shell\":{\"command\":\"a\"},\"await\":false}}",
	};
	enum { COUNT = sizeof nodes / sizeof *nodes };
	uint8_t digests[COUNT][16], again[16];
	for (int i = 0; i < COUNT; i++) {
		digest_of(nodes[i], "{}", digests[i]);
		digest_of(nodes[i], "{}", again);
		ck_assert_mem_eq(digests[i], again, 16);
		for (int j = 0; j < i; j++)
			ck_assert_mem_ne(digests[i], digests[j], 16);
	}
}
END_TEST

START_TEST(many_at_once)
{
	enum { COUNT = 50 };
	static struct step steps[COUNT];
	uv_loop_t loop;
	uv_loop_init(&loop);
	for (int i = 0; i < COUNT; i++) {
		step_init(&steps[i]);
		ck_assert(step_render(&steps[i],
			"{\"run\":{\"shell\":{\"command\":\"sleep 0.1; echo $1\","
			"\"arguments\":[\"${ .i }\"]}}}",
			"{\"i\":1}"));
		steps[i].host.loop = &loop;
		step_start(&steps[i]);
	}
	uv_run(&loop, UV_RUN_DEFAULT);
	uv_loop_close(&loop);
	for (int i = 0; i < COUNT; i++) {
		ck_assert(steps[i].done == 1 && steps[i].effect.succeeded);
		step_finish(&steps[i]);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("run_shell");
	TCase *t = tcase_create("run_shell");
	tcase_set_timeout(t, 30);
	tcase_add_test(t, stdout_is_passed_untrimmed_and_unparsed);
	tcase_add_test(t, stdin_and_arguments_of_the_specification);
	tcase_add_test(t, arguments_are_data_and_not_shell);
	tcase_add_test(t, other_values_are_passed_as_json);
	tcase_add_test(t, environment_holds_nothing_else);
	tcase_add_test(t, environment_takes_the_names_that_are_allowed);
	tcase_add_test(t, step_id_cannot_be_replaced);
	tcase_add_test(t, values_that_cannot_be_passed_are_refused);
	tcase_add_test(t, off_unless_allowed);
	tcase_add_test(t, each_kind_of_return);
	tcase_add_test(t, exit_code_is_a_fault_unless_asked_for);
	tcase_add_test(t, fault_quotes_the_end_of_stderr);
	tcase_add_test(t, bytes_that_are_not_utf8_are_replaced);
	tcase_add_test(t, no_descriptor_is_inherited);
	tcase_add_test(t, signals_are_as_a_process_expects);
	tcase_add_test(t, large_stdin_and_output_pass);
	tcase_add_test(t, output_over_the_limit_kills_the_group);
	tcase_add_test(t, output_at_the_limit_passes);
	tcase_add_test(t, what_the_shell_left_running_is_killed);
	tcase_add_test(t, stop_kills_all_and_leaves_the_effect_alone);
	tcase_add_test(t, nothing_survives_a_killed_worker);
	tcase_add_test(t, killed_keeper_takes_its_shell_along);
	tcase_add_test(t, process_that_is_not_awaited_outlives_step_and_worker);
	tcase_add_test(t, failing_start_is_a_certain_fault);
	tcase_add_test(t, no_descriptors_left_is_a_certain_fault);
	tcase_add_test(t, digest_tells_requests_apart);
	tcase_add_test(t, many_at_once);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
