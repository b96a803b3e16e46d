/* `run: shell` with real processes. */
#include "run_shell.h"

#include "process_fixture.h"
#include "suite.h"

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
		"{\"run\":{\"shell\":{\"command\":\"echo $CHOSEN $PATH $ABSENT.\","
		"\"environment\":{\"PATH\":\"/mine\"}}}}",
		"{}");
	ck_assert_str_eq(buf_text(&s.effect.output), "\"yes /mine .\\n\"");
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
	ck_assert_ptr_nonnull(strstr(effect_fault(&s.effect)->detail, "line999"));
	ck_assert_uint_le(strlen(effect_fault(&s.effect)->detail), 340);
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

START_TEST(output_at_the_limit_passes)
{
	struct step s;
	step_init(&s);
	s.settings.body_limit = 100000;
	step_run(&s, "{\"run\":{\"shell\":{\"command\":\"head -c 100000 /dev/zero\"}}}",
		"{}");
	ck_assert_msg(s.effect.succeeded, "%s", effect_fault(&s.effect)->detail);
	step_finish(&s);
}
END_TEST

/* What it did before it was killed is not known. */
START_TEST(output_over_the_limit_is_uncertain)
{
	struct step s;
	step_init(&s);
	step_run(&s, "{\"run\":{\"shell\":{\"command\":\"head -c 1048577 /dev/zero\"}}}",
		"{}");
	ck_assert(!s.effect.succeeded);
	ck_assert_int_eq(effect_fault(&s.effect)->type, PROBLEM_RUNTIME);
	ck_assert_ptr_nonnull(strstr(effect_fault(&s.effect)->detail, "limit"));
	ck_assert(effect_fault(&s.effect)->uncertain);
	step_finish(&s);
}
END_TEST

START_TEST(stop_leaves_the_effect_alone)
{
	struct step s;
	step_init(&s);
	ck_assert(step_render(
		&s, "{\"run\":{\"shell\":{\"command\":\"sleep 300\"}}}", "{}"));
	step_start(&s);
	tested->effect->stop(&s.effect);
	memset(&s.effect, 0, sizeof s.effect);
	uv_run(&s.loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(s.done, 0);
	step_finish(&s);
}
END_TEST

START_TEST(lost_keeper_is_an_uncertain_fault)
{
	struct step s;
	step_init(&s);
	step_run(&s,
		"{\"run\":{\"shell\":{\"command\":\"kill -KILL $PPID; sleep 300\"}}}",
		"{}");
	ck_assert(!s.effect.succeeded && s.effect.sent &&
		  effect_fault(&s.effect)->uncertain);
	step_finish(&s);
}
END_TEST

START_TEST(process_that_is_not_awaited_gives_the_input)
{
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
			  !effect_fault(&s.effect)->uncertain);
		ck_assert_ptr_nonnull(strstr(effect_fault(&s.effect)->detail, "stdin"));
		step_finish(&s);
		buf_finish(&node);
	}
}
END_TEST

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
	expect_different_digests(nodes, sizeof nodes / sizeof *nodes);
}
END_TEST

int main(void)
{
	tested = &task_run_shell;
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
	tcase_add_test(t, large_stdin_and_output_pass);
	tcase_add_test(t, output_at_the_limit_passes);
	tcase_add_test(t, output_over_the_limit_is_uncertain);
	tcase_add_test(t, digest_tells_requests_apart);
	tcase_add_test(t, stop_leaves_the_effect_alone);
	tcase_add_test(t, lost_keeper_is_an_uncertain_fault);
	tcase_add_test(t, process_that_is_not_awaited_gives_the_input);
	tcase_add_test(t, failing_start_is_a_certain_fault);
	suite_add_tcase(suite, t);
	return suite_exit(suite);
}
