/*
 * What the tests of the processes of `run` share: one step, from its definition to its
 * outcome, with real processes. The engine's side (compiler, effect) is played here. Each
 * test program that includes this is one .c file, so everything is static.
 */
#ifndef STEPWELL_PROCESS_FIXTURE_H
#define STEPWELL_PROCESS_FIXTURE_H

#include "definition/task.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEP_ID "01890000-0000-8000-8000-000000000001"

static const struct task_kind *tested; /* set by main */

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

/* Nothing is registered here: the endpoint's text is the text that is at it. */
bool compiler_text(
	struct compiler *c, struct json endpoint, struct json *ret, struct error *err)
{
	(void)c;
	(void)err;
	*ret = endpoint;
	return true;
}

void compiler_need(struct compiler *c, const char *need)
{
	snprintf(c->need, sizeof c->need, "%s", need);
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
	s->task.kind = tested;
	ck_assert_msg(json_check(node, strlen(node), NULL, &s->task.node, NULL, &err),
		"%s", err.text);
	s->compiler.program = program_create(NULL);
	ck_assert(tested->compile(&s->compiler, &s->task, &err));
	s->host = (struct host){.loop = &s->loop, .settings = &s->settings};
	struct render in = {&s->task, &scope, STEP_ID, &s->host};
	return tested->effect->render(&in, &s->request, &s->fault);
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
	tested->effect->start(&s->effect);
	ck_assert_int_eq(s->done, 0);
}

static void step_finish(struct step *s)
{
	uv_run(&s->loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&s->loop), 0);
	if (s->request)
		s->request->destroy(s->request);
	effect_finish(&s->effect);
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
	ck_assert_msg(s.effect.succeeded, "%s", effect_fault(&s.effect)->detail);
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
	const struct fault *f = rendered ? effect_fault(&s.effect) : &s.fault;
	ck_assert_int_eq(f->type, type);
	ck_assert(!f->uncertain);
	ck_assert_msg(strstr(f->detail, detail) != NULL, "%s", f->detail);
	step_finish(&s);
}

static void digest_of(const char *node, const char *dot, uint8_t out[16])
{
	struct step s;
	step_init(&s);
	ck_assert(step_render(&s, node, dot));
	memcpy(out, s.request->digest, 16);
	step_finish(&s);
}

/* Each request has a digest of its own, the same each time. */
static void expect_different_digests(const char *const *nodes, int count)
{
	uint8_t digests[32][16], again[16];
	ck_assert_int_le(count, 32);
	for (int i = 0; i < count; i++) {
		digest_of(nodes[i], "{}", digests[i]);
		digest_of(nodes[i], "{}", again);
		ck_assert_mem_eq(digests[i], again, 16);
		for (int j = 0; j < i; j++)
			ck_assert_mem_ne(digests[i], digests[j], 16);
	}
}

#endif
