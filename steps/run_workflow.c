/*
 * `run: workflow`: another run, whose id is this step's id, so that it is started once
 * however often the step is tried. An attempt looks: it starts the run if it is not
 * there, and takes its outcome if it has one; else the parent waits until the child's
 * last entry wakes it. Nothing is uncertain about an attempt: it may be made again at any
 * time.
 */
#include "definition/task.h"
#include "journal/store.h"

#include <stdlib.h>
#include <string.h>

#define TRY_AGAIN_USEC 1000000
#define ANNOUNCE_AGAIN_USEC 1000

struct workflow_spec {
	char *name;               /* namespace/name:version */
	struct expression *input; /* NULL: the task's own */
	bool await;
	bool silent; /* return: none */
};

struct workflow_request {
	struct request base;
	const struct workflow_spec *spec;
	struct buf input;
	struct buf dot; /* the output where nothing is awaited */
};

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json run = json_get(task->node, "run"), node = json_get(run, "workflow");
	struct workflow_spec *spec = xcalloc(1, sizeof *spec);
	char *namespace = json_strdup(json_get(node, "namespace"));
	char *name = json_strdup(json_get(node, "name"));
	char *version = json_strdup(json_get(node, "version"));
	task->spec = spec;
	spec->await = !json_is(json_get(run, "await"), "false");
	spec->silent = json_string_is(json_get(run, "return"), "none");
	spec->name = xasprintf("%s/%s:%s", namespace, name, version ? version : "latest");
	free(namespace);
	free(name);
	free(version);
	return compiler_expression(
		c, json_get(node, "input"), EXPRESSION_VALUE, &spec->input, err);
}

static void discard(void *p)
{
	struct workflow_spec *spec = p;
	free(spec->name);
	free(spec);
}

static void request_destroy(struct request *base)
{
	struct workflow_request *r = (struct workflow_request *)base;
	buf_finish(&r->input);
	buf_finish(&r->dot);
	free(r);
}

/* The task's own input is in the journal: only what was rendered is sealed. */
static void seal(struct workflow_request *r)
{
	struct buf text = {0};
	uint8_t sha[32];
	buf_printf(&text, "%s:%d:", r->spec->name, r->spec->await);
	if (r->spec->input)
		buf_add(&text, r->input.data, r->input.len);
	else
		buf_puts(&text, "null");
	digest_sha256(text.data, text.len, sha);
	memcpy(r->base.digest, sha, sizeof r->base.digest);
	buf_finish(&text);
}

static bool render(const struct render *in, struct request **ret, struct fault *f)
{
	struct workflow_request *r = xcalloc(1, sizeof *r);
	struct error err = {0};
	r->base.destroy = request_destroy;
	r->spec = in->task->spec;
	if (!r->spec->input) {
		json_put(&r->input, in->scope->dot);
	} else if (!expression_eval(r->spec->input, in->scope, &r->input, &err)) {
		request_destroy(&r->base);
		return fault_set(f, PROBLEM_EXPRESSION, "%.*s", 880, err.text);
	}
	if (!r->spec->await)
		json_put(&r->dot, in->scope->dot);
	seal(r);
	*ret = &r->base;
	return true;
}

/* The child's own problem document stays readable in the detail; its instance is ours. */
static void take_error(struct effect *e, const char *text)
{
	static const char *const names[] = {"configuration", "validation", "expression",
		"authentication", "authorization", "timeout", "communication", "runtime"};
	struct json error;
	struct fault *f = effect_fault(e);
	f->type = PROBLEM_RUNTIME;
	if (!json_check(text, strlen(text), NULL, &error, NULL, NULL))
		return;
	char *type = json_strdup(json_get(error, "type"));
	char *title = json_strdup(json_get(error, "title"));
	char *detail = json_strdup(json_get(error, "detail"));
	char *instance = json_strdup(json_get(error, "instance"));
	int64_t status;
	for (size_t i = 0; type && i < sizeof names / sizeof *names; i++) {
		char *standard = xasprintf("%s%s", PROBLEM_BASE, names[i]);
		if (problem_type_equal(type, standard))
			f->type = (enum problem_type)i;
		free(standard);
	}
	if (json_int(json_get(error, "status"), &status))
		f->status = (int)status;
	if (title)
		snprintf(f->title, sizeof f->title, "%s", title);
	fault_set(f, f->type, "%s%srun %s faulted%s%s", detail ? detail : "",
		detail ? "; " : "", e->step_id, instance && *instance ? " at " : "",
		instance ? instance : "");
	free(type);
	free(title);
	free(detail);
	free(instance);
}

static void conclude(struct effect *e, const struct db_result *rows)
{
	const struct workflow_request *r = (struct workflow_request *)e->request;
	const char *status = db_is_null(rows, 0, 0) ? NULL : db_text(rows, 0, 0);
	struct uuid child;
	if (db_bool(rows, 0, 4) && uuid_parse(e->step_id, &child))
		e->host->adopt(e->host, child);
	if (db_bool(rows, 0, 5)) {
		e->waits = true;
		e->wait_usec = ANNOUNCE_AGAIN_USEC;
		effect_succeed(e);
		return;
	}
	if (!db_is_null(rows, 0, 3)) {
		fault_set(effect_fault(e), PROBLEM_CONFIGURATION, "%s",
			db_text(rows, 0, 3));
		effect_fault(e)->status = 404;
		effect_fail(e);
	} else if (!r->spec->await) {
		buf_add(&e->output, r->dot.data, r->dot.len);
		effect_succeed(e);
	} else if (!status) {
		e->waits = true;
		effect_succeed(e);
	} else if (strcmp(status, "completed") == 0) {
		if (r->spec->silent)
			buf_puts(&e->output, "null");
		else
			buf_add(&e->output, db_text(rows, 0, 1), db_length(rows, 0, 1));
		effect_succeed(e);
	} else if (strcmp(status, "faulted") == 0) {
		take_error(e, db_text(rows, 0, 2));
		effect_fail(e);
	} else {
		fault_set(effect_fault(e), PROBLEM_RUNTIME,
			"run %s, which it waited for, was cancelled", e->step_id);
		effect_fail(e);
	}
}

static void on_answer(struct db_batch *b)
{
	struct effect **slot = b->ctx, *e = *slot;
	if (!e) { /* it was stopped */
	} else if (b->err.kind != ERROR_NONE) {
		e->state = NULL;
		e->waits = true;
		e->wait_usec = TRY_AGAIN_USEC;
		effect_succeed(e);
	} else {
		e->state = NULL;
		conclude(e, b->statements[0].result);
	}
	free(slot);
	db_batch_destroy(b);
}

static void start(struct effect *e)
{
	const struct workflow_request *r = (struct workflow_request *)e->request;
	struct effect **slot = xcalloc(1, sizeof(struct effect *));
	struct child_start child = {.parent = e->run_id,
		.worker = e->host->worker,
		.path = e->path,
		.workflow = r->spec->name,
		.input = {r->input.data, r->input.len},
		.awaited = r->spec->await,
		.keep = e->host->keeps_children,
		.attempt = e->attempt,
		.announced = e->announced};
	bool ok = uuid_parse(e->step_id, &child.child);
	(void)ok;
	*slot = e;
	e->state = slot;
	struct db_batch *b = db_batch_create(on_answer, slot);
	store_run_child(b, &child);
	db_send(e->host->control, b);
}

static void stop(struct effect *e)
{
	if (e->state)
		*(struct effect **)e->state = NULL;
	e->state = NULL;
}

/* What it does is done by the child's id, once: an attempt without outcome is begun anew.
 */
static bool is_transactional(const struct task *task)
{
	(void)task;
	return true;
}

static const struct effect_kind effect = {.render = render,
	.start = start,
	.stop = stop,
	.is_transactional = is_transactional,
	.outlives = true};

const struct task_kind task_run_workflow = {.name = "run:workflow",
	.compile = compile,
	.discard = discard,
	.effect = &effect};
