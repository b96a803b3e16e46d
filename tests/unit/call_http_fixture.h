/*
 * What the tests of `call: http` share: one call, from its `with` to its outcome, against
 * a scripted server (and a second one, for what must not go elsewhere). Each test program
 * that includes this is one .c file, so everything is static.
 */
#ifndef STEPWELL_CALL_HTTP_FIXTURE_H
#define STEPWELL_CALL_HTTP_FIXTURE_H

#include "base/clock.h"
#include "call_http.h"
#include "fake_compiler.h"
#include "http/client.h"
#include "http_stub.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define STEP_ID "019aabcd-0000-8000-8000-000000000001"

static uv_loop_t loop;
static struct settings settings;
static struct host host;
static struct stub *stub, *other;
static struct task_metadata metadata;
static bool engine_timeout; /* the task has a timeout of its own */
static const char *use;     /* the document's `use` */
static bool lease_is_over;  /* when the request would go out */

static struct {
	bool rendered, done;
	uint8_t digest[16];
	struct effect effect;
} result;

static void on_done(struct effect *effect)
{
	(void)effect;
	result.done = true;
}

static void finish_result(void)
{
	effect_finish(&result.effect);
	memset(&result, 0, sizeof result);
}

static bool may_send(const struct host *h)
{
	(void)h;
	return !lease_is_over;
}

static void setup(void)
{
	uv_loop_init(&loop);
	settings = (struct settings){0};
	host = (struct host){.loop = &loop,
		.settings = &settings,
		.http = http_client_create(&loop),
		.may_send = may_send};
	lease_is_over = false;
	metadata = (struct task_metadata){0};
	engine_timeout = false;
	use = NULL;
	stub = stub_create();
	other = stub_create();
}

static void teardown(void)
{
	finish_result();
	http_client_destroy(host.http);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	stub_destroy(stub);
	stub_destroy(other);
}

static struct json checked(const char *text)
{
	struct json v;
	struct error err;
	if (!json_check(text, strlen(text), NULL, &v, NULL, &err))
		ck_abort_msg("%s: %s", text, err.text);
	return v;
}

/* @ stands for the stub's origin, % for the other stub's. */
static char *fill_in(const char *with)
{
	struct buf out = {0};
	for (; *with; with++) {
		if (*with == '@' || *with == '%')
			buf_printf(&out, "http://127.0.0.1:%d",
				stub_port(*with == '@' ? stub : other));
		else
			buf_putc(&out, *with);
	}
	return buf_take(&out);
}

static void start(struct task *task, struct request *request)
{
	struct effect *e = &result.effect;
	effect_finish(e);
	*e = (struct effect){.task = task,
		.request = request,
		.step_id = STEP_ID,
		.reference = task->reference,
		.attempt = 1,
		.host = &host,
		.on_done = on_done};
	task->kind->effect->start(e);
	ck_assert(!result.done);
}

/* Runs the call until it is done, or for stop_after_ms and then stops it. */
static void run_task(struct task *task, const char *input, unsigned stop_after_ms)
{
	struct scope scope = {.dot = checked(input)};
	struct render render = {task, &scope, STEP_ID, &host};
	struct request *request = NULL;
	result.rendered = task->kind->effect->render(
		&render, &request, effect_fault(&result.effect));
	if (!result.rendered)
		return;
	memcpy(result.digest, request->digest, 16);
	start(task, request);
	int64_t end = clock_boottime() + stop_after_ms * USEC_PER_MS;
	while (!result.done && (!stop_after_ms || clock_boottime() < end))
		uv_run(&loop, stop_after_ms ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	if (!result.done)
		task->kind->effect->stop(&result.effect);
	request->destroy(request);
}

static bool call_until(
	const char *with, const char *input, unsigned stop_after_ms, struct error *err)
{
	finish_result();
	char *text = fill_in(with),
	     *node = xasprintf("{\"call\":\"http\",\"with\":%s}", text);
	struct compiler c = {program_create(NULL), {0}};
	if (use)
		c.use = checked(use);
	struct task task = {.kind = &task_call_http,
		.name = "t",
		.reference = "/do/0/t",
		.node = checked(node),
		.metadata = metadata};
	task.timeout.present = engine_timeout;
	bool ok = task.kind->compile(&c, &task, err);
	if (ok)
		run_task(&task, input, stop_after_ms);
	task.kind->discard(task.spec);
	program_destroy(c.program);
	free(node);
	free(text);
	return ok;
}

static bool call_with(const char *with, const char *input)
{
	struct error err = {0};
	if (!call_until(with, input, 0, &err))
		ck_abort_msg("%s", err.text);
	return result.effect.succeeded;
}

static bool call(const char *with)
{
	return call_with(with, "{}");
}

#define ck_output(text) ck_assert_str_eq(buf_text(&result.effect.output), text)
#define ck_detail(part)                                                           \
	ck_assert_msg(strstr(effect_fault(&result.effect)->detail, part) != NULL, \
		"detail: %s", effect_fault(&result.effect)->detail)
#define ck_no_detail(part) \
	ck_assert_ptr_null(strstr(effect_fault(&result.effect)->detail, part))

static void ck_fault(enum problem_type type, int status, bool uncertain)
{
	ck_assert_msg(!result.effect.succeeded, "succeeded");
	ck_assert_msg(effect_fault(&result.effect)->type == type, "type %d: %s",
		effect_fault(&result.effect)->type, effect_fault(&result.effect)->detail);
	ck_assert_int_eq(effect_fault(&result.effect)->status, status);
	ck_assert_msg(effect_fault(&result.effect)->uncertain == uncertain,
		"uncertain: %s", effect_fault(&result.effect)->detail);
}

/* The i-th request's head has, or has not, this part. */
static void ck_head(struct stub *s, size_t i, const char *part, bool there)
{
	const struct stub_request *r = stub_request(s, i);
	ck_assert_ptr_nonnull(r);
	ck_assert_msg((strstr(r->head, part) != NULL) == there, "%s: %s", part, r->head);
}

static int run_suite(const char *name, const TTest *const *tests, size_t count)
{
	Suite *suite = suite_create(name);
	TCase *t = tcase_create(name);
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	for (size_t i = 0; i < count; i++)
		tcase_add_test(t, tests[i]);
	suite_add_tcase(suite, t);
	return suite_exit(suite);
}

#endif
