/*
 * What happens next. One decision at a time: look at the leaf, decide, record. A decision
 * evaluates expressions; its outcome is written down, so that nobody evaluates it again.
 */
#include "advance.h"

#include "clock.h"
#include "route.h"
#include "scope.h"

#include <stdlib.h>
#include <string.h>

#define CHAIN_STEPS 1000
#define CHAIN_USEC (10 * USEC_PER_MS)

enum progress run_raise(struct run *r, struct frame *f, struct value *error)
{
	struct op op = op_make(OP_FAULTED, f->path);
	op.attempt = f->attempt ? f->attempt : 1;
	op.values[OP_ERROR] = error;
	op.raised = true;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

enum progress run_fail(struct run *r, struct frame *f, const struct fault *fault)
{
	struct op op = op_make(OP_FAULTED, f->path);
	op.attempt = f->attempt ? f->attempt : 1;
	op.values[OP_ERROR] = problem_create(fault, f->task->reference);
	op.uncertain = fault->uncertain;
	r->retry_after = fault->retry_after;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

static int64_t next_of(const struct then *then, const struct frame *f)
{
	switch (then->flow) {
	case FLOW_CONTINUE: return NEXT_FOLLOWING;
	case FLOW_EXIT: return NEXT_EXIT;
	case FLOW_END: return NEXT_END;
	case FLOW_TASK: return f->parent ? (int64_t)then->task : NEXT_FOLLOWING;
	}
	return NEXT_FOLLOWING;
}

/* output.as and export.as: *output is replaced, *ret_context is the new context or NULL.
 */
static bool transform_output(struct run *r, struct frame *f, struct json authorization,
	struct value **output, struct value **ret_context, struct fault *fault)
{
	struct run_scope s;
	bool ok = true;
	*ret_context = NULL;
	if (f->task->output_as) {
		struct value *v;
		run_scope_init(&s, r, f, value_json(*output));
		s.output = value_json(*output);
		s.authorization = authorization;
		s.of_attempt = true;
		ok = run_scope_eval(&s, f->task->output_as, &v, fault);
		run_scope_finish(&s);
		if (ok)
			value_set(output, v);
	}
	if (ok && f->task->export_as) {
		run_scope_init(&s, r, f, value_json(*output));
		s.output = value_json(*output);
		s.authorization = authorization;
		s.of_attempt = true;
		ok = run_scope_eval(&s, f->task->export_as, ret_context, fault);
		run_scope_finish(&s);
	}
	return ok;
}

static enum progress complete(struct run *r, struct frame *f, struct value *output,
	struct json authorization, const struct then *then)
{
	struct fault fault = {0};
	struct value *context;
	if (!transform_output(r, f, authorization, &output, &context, &fault)) {
		value_unref(output);
		return run_fail(r, f, &fault);
	}
	struct op op = op_make(OP_COMPLETED, f->path);
	op.attempt = f->attempt > 1 ? f->attempt : 0;
	op.next = next_of(then ? then : &f->task->then, f);
	op.values[OP_CONTEXT] = context;
	if (output == f->cursor)
		value_unref(output);
	else
		op.values[OP_OUTPUT] = output;
	bool checkpoint = f->task->metadata.checkpoint;
	run_record(r, &op);
	return checkpoint ? PROGRESS_WAIT : PROGRESS_AGAIN;
}

enum progress run_complete(
	struct run *r, struct frame *f, struct value *output, const struct then *then)
{
	return complete(r, f, output, (struct json){0}, then);
}

enum progress run_wait(struct run *r, struct frame *f, int64_t due)
{
	struct op op = op_make(OP_WAITING, f->path);
	op.due = due;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

enum progress run_iterate(
	struct run *r, struct frame *f, struct value *items, int64_t index)
{
	struct op op = op_make(OP_ITERATION, f->path);
	op.index = index;
	op.values[OP_ITEMS] = items;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

enum progress run_listen(struct run *r, struct frame *f, struct value *waits)
{
	struct op op = op_make(OP_LISTENING, f->path);
	op.values[OP_ITEMS] = waits;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

enum progress run_open(struct run *r, struct frame *f, struct value *input)
{
	struct op op = op_make(OP_OPENED, f->path);
	op.values[OP_INPUT] = input;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

static void hold(struct run *r, struct frame *f, const char *reason)
{
	struct op op = op_make(OP_HELD, f->path);
	op.reason = r->reason = reason;
	run_record(r, &op);
}

/* ---- Attempts of an effect ---- */

static bool timeout_deadline(
	struct run *r, const struct frame *f, int64_t *ret, struct fault *fault)
{
	struct run_scope s;
	int64_t after;
	*ret = 0;
	if (!f->task->timeout.present)
		return true;
	run_scope_init(&s, r, f, value_json(f->input));
	bool ok = run_scope_duration(&s, &f->task->timeout, &after, fault);
	run_scope_finish(&s);
	if (ok)
		*ret = r->at + after;
	return ok;
}

static bool render(struct run *r, struct frame *f, struct host *host, struct fault *fault)
{
	char id[UUID_TEXT];
	struct run_scope s;
	run_step_id(r, f, id);
	run_scope_init(&s, r, f, value_json(f->input));
	s.scope.now = f->started_at; /* every attempt renders the same */
	struct render in = {
		.task = f->task, .scope = &s.scope, .step_id = id, .host = host};
	struct request *request = NULL;
	bool ok = f->task->kind->effect->render(&in, &request, fault);
	run_scope_finish(&s);
	if (f->request)
		f->request->destroy(f->request);
	f->request = ok ? request : NULL;
	return ok;
}

/* Fills op, a `started`, with the next attempt's intent. False: it was recorded
 * otherwise. */
static bool prepare_attempt(struct run *r, struct frame *f, struct host *host,
	struct op *op, struct fault *fault)
{
	if (!render(r, f, host, fault) || !timeout_deadline(r, f, &op->deadline, fault))
		return false;
	if (f->due == DUE_WOKEN && f->deadline)
		op->deadline = f->deadline; /* it goes on waiting */
	op->attempt = f->attempt + 1;
	op->generation = f->generation;
	op->has_digest = true;
	memcpy(op->digest, f->request->digest, sizeof op->digest);
	if (f->task->metadata.retry_policy)
		op->attempt_deadline = route_attempt_deadline(r, f, r->at);
	return true;
}

/* Begins the next attempt of an effect whose frame is open. */
static enum progress begin_attempt(struct run *r, struct frame *f, struct host *host)
{
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, f->path);
	if (f->was_uncertain && !r->force &&
		r->now - f->first_attempt_at > f->task->metadata.key_window) {
		hold(r, f, "the key window of an uncertain attempt has passed");
		return PROGRESS_AGAIN;
	}
	if (!prepare_attempt(r, f, host, &op, &fault)) {
		r->failed = NULL;
		return run_fail(r, f, &fault);
	}
	if (f->has_digest && memcmp(f->digest, op.digest, sizeof op.digest) != 0) {
		hold(r, f, "the request changed since an earlier attempt of this step");
		return PROGRESS_AGAIN;
	}
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

/* An effect that may be sent at most once, or only after a look, announces itself when
 * its turn has come, so that its intent means that it was sent. */
static bool announces_late(const struct task *t)
{
	return t->kind->effect && t->metadata.on_uncertain != UNCERTAIN_RETRY;
}

/* ---- Entering tasks ---- */

/* Evaluates if and input.from for the task at the parent's position, as seen by `probe`,
 * a frame that does not exist yet. */
static bool look_at_entry(struct run *r, struct frame *probe, bool *ret_skip,
	struct value **ret_input, struct fault *fault)
{
	const struct task *t = probe->task;
	struct run_scope s;
	bool holds = true;
	run_scope_init(&s, r, probe, value_json(probe->raw));
	bool ok = !t->condition || run_scope_test(&s, t->condition, &holds, fault);
	if (ok && holds && t->input_from)
		ok = run_scope_eval(&s, t->input_from, ret_input, fault);
	run_scope_finish(&s);
	*ret_skip = ok && !holds;
	return ok;
}

static enum progress enter_task(struct run *r, struct frame *parent, struct host *host)
{
	size_t index = (size_t)parent->position;
	char *path = frame_child_path(parent, index, frame_visits(parent)[index] + 1);
	struct frame probe = {.parent = parent,
		.task = &parent->list->tasks[index],
		.path = path,
		.raw = parent->cursor,
		.input = parent->cursor,
		.started_at = r->at,
		.iteration = -1};
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, path);
	bool skip, ok = look_at_entry(r, &probe, &skip, &op.values[OP_INPUT], &fault);
	if (skip) {
		op.kind = OP_SKIPPED;
		run_record(r, &op);
		free(path);
		return PROGRESS_AGAIN;
	}
	op.failed_entry = !ok;
	run_apply_decided(r, &op);
	struct frame *f = run_leaf(r);
	if (ok && f->task->kind->effect && !announces_late(f->task)) {
		ok = prepare_attempt(r, f, host, &op, &fault);
	} else if (ok) {
		ok = timeout_deadline(r, f, &op.deadline, &fault);
		if (f->task->catcher)
			op.attempt_deadline = route_attempt_deadline(r, f, r->at);
	}
	if (ok)
		run_apply_decided(r, &op); /* now that it is complete */
	run_write(r, &op);
	free(path);
	return ok ? PROGRESS_AGAIN : run_fail(r, f, &fault);
}

static enum progress enter_run(struct run *r)
{
	struct frame probe = {.task = &r->definition->root,
		.path = (char[]){""},
		.raw = r->raw_input,
		.input = r->raw_input,
		.started_at = r->at,
		.iteration = -1};
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, "");
	bool skip, ok = look_at_entry(r, &probe, &skip, &op.values[OP_INPUT], &fault) &&
			timeout_deadline(r, &probe, &op.deadline, &fault);
	op.failed_entry = !ok;
	run_record(r, &op);
	return ok ? PROGRESS_AGAIN : run_fail(r, r->root, &fault);
}

/* Another try at entering a task whose if or input.from had failed. */
static enum progress enter_again(struct run *r, struct frame *f)
{
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, f->path);
	bool skip, ok = look_at_entry(r, f, &skip, &op.values[OP_INPUT], &fault);
	op.failed_entry = !ok;
	if (skip && f->parent)
		op.kind = OP_SKIPPED;
	else if (ok && !f->task->kind->effect)
		ok = timeout_deadline(r, f, &op.deadline, &fault);
	run_record(r, &op);
	return ok ? PROGRESS_AGAIN : run_fail(r, f, &fault);
}

/* A handler's list has ended: catch.then decides, not the try's own then. */
static enum progress leave_list(struct run *r, struct frame *f)
{
	if (f->in_handler)
		return run_complete(r, f, value_ref(f->cursor), &f->task->catcher->then);
	return f->task->kind->next(r, f);
}

/* ---- Effects ---- */

static enum progress fail_effect(
	struct run *r, struct frame *f, const struct fault *fault)
{
	enum on_uncertain rule = f->task->metadata.on_uncertain;
	run_fail(r, f, fault);
	if (!fault->uncertain)
		return PROGRESS_AGAIN;
	if (rule == UNCERTAIN_HOLD)
		hold(r, f, "nobody knows whether the last attempt took effect");
	return PROGRESS_AGAIN;
}

static enum progress wait_again(struct run *r, struct frame *f, const struct effect *e)
{
	struct op op = op_make(OP_WAITING, f->path);
	op.due = e->wait_usec ? r->now + e->wait_usec : DUE_WOKEN;
	op.deadline = f->deadline;
	op.again = true;
	run_record(r, &op);
	f->looked = true;
	return PROGRESS_WAIT;
}

static enum progress end_effect(struct run *r, struct frame *f)
{
	struct run_effect *e = r->effect;
	if (!e->done)
		return PROGRESS_WAIT;
	e->recorded = true;
	if (e->effect.waits)
		return wait_again(r, f, &e->effect);
	if (!e->effect.succeeded)
		return fail_effect(r, f, &e->effect.fault);
	struct json authorization = {
		e->effect.authorization.data, e->effect.authorization.len};
	struct json output = {e->effect.output.data, e->effect.output.len};
	return complete(r, f, value_create(output), authorization, NULL);
}

static enum progress enter_leaf(struct run *r, struct frame *f, const struct advance *a)
{
	if (!f->task->kind->effect)
		return f->task->kind->enter(r, f);
	if (announces_late(f->task) && !a->slot_granted) {
		f->state = FRAME_QUEUED;
		return PROGRESS_WAIT;
	}
	return begin_attempt(r, f, a->host);
}

/* A failed or held step goes on: an effect with a new attempt, anything else from where
 * it was. */
static enum progress try_again(struct run *r, struct frame *f, const struct advance *a)
{
	f->retrying = false;
	if (f->entry_failed)
		return enter_again(r, f);
	if (f->task->kind->effect) {
		f->state = FRAME_ENTER;
		return enter_leaf(r, f, a);
	}
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, f->path);
	op.attempt = (f->attempt ? f->attempt : 1) + 1;
	if (!timeout_deadline(r, f, &op.deadline, &fault))
		return run_fail(r, f, &fault);
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

/* ---- Time ---- */

static void stop_effect(struct run *r)
{
	run_effect_stop(r->effect);
	r->effect = NULL;
}

/* Stops the effect and says how it ended; it is kept until that is durable. */
static void abandon_effect(struct run *r, const struct fault *fault)
{
	struct run_effect *e = r->effect;
	e->effect.task->kind->effect->stop(&e->effect);
	e->effect.succeeded = false;
	e->effect.fault = *fault;
	e->done = e->recorded = true;
}

static enum progress fault_run(struct run *r, const struct fault *fault)
{
	struct op op = op_make(OP_FAULTED, "");
	op.values[OP_ERROR] = problem_create(fault, "");
	r->failed = NULL;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

/* The frame's time is over: what runs below it is stopped. */
static enum progress time_out(struct run *r, struct frame *f)
{
	struct frame *leaf = run_leaf(r);
	struct fault fault = {0};
	bool is_live = r->effect && !r->effect->done;
	bool was_sent = is_live && r->effect->effect.sent;
	bool own = f->deadline && f->deadline <= r->now;
	free(r->leaves);
	r->leaves = xstrdup(f->path);
	fault_set(&fault, PROBLEM_TIMEOUT, "%s did not end in time",
		*f->path ? f->task->name : "the workflow");
	fault.uncertain = was_sent;
	if (is_live)
		abandon_effect(r, &fault);
	bool held = was_sent && leaf->task->metadata.on_uncertain == UNCERTAIN_HOLD;
	if (held || (leaf != f && leaf->open))
		run_fail(r, leaf, &fault);
	if (held) {
		hold(r, leaf, "nobody knows whether the last attempt took effect");
		return PROGRESS_AGAIN;
	}
	if (!f->parent)
		return fault_run(r, &fault);
	struct op op = op_make(OP_FAULTED, f->path);
	op.attempt = f->attempt ? f->attempt : 1;
	op.values[OP_ERROR] = problem_create(&fault, f->task->reference);
	op.uncertain = was_sent && leaf == f;
	op.limit_hit = !own;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

int64_t run_due(const struct run *r)
{
	struct frame *ignored, *leaf = run_leaf(r);
	int64_t deadline = run_deadline(r, &ignored);
	int64_t due = leaf && leaf->state == FRAME_WAITING ? leaf->due : 0;
	return !due || (deadline && deadline < due) ? deadline : due;
}

/* ---- Requests from outside ---- */

static enum progress cancel(struct run *r)
{
	struct op op = op_make(OP_CANCELLED, "");
	stop_effect(r);
	r->request = REQUEST_NONE;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

static void begin_entry(struct run *r, int64_t now)
{
	r->now = now;
	if (r->op_count == 0)
		r->at = now;
}

void run_suspend(struct run *r, int64_t now, const char *reason)
{
	struct op op = op_make(OP_SUSPENDED, NULL);
	begin_entry(r, now);
	r->request = REQUEST_NONE;
	op.reason = r->reason = reason;
	run_record(r, &op);
}

void run_refuse(struct run *r, int64_t now, const struct fault *f)
{
	struct op op = op_make(OP_FAULTED, "");
	begin_entry(r, now);
	op.values[OP_ERROR] = problem_create(f, "");
	run_record(r, &op);
}

void run_take_back(struct run *r, int64_t now)
{
	struct frame *f = run_leaf(r);
	if (!f || !f->open || (r->effect && !r->effect->recorded))
		return;
	begin_entry(r, now);
	struct op op = op_make(OP_WAITING, f->path);
	op.due = r->now;
	op.again = true;
	run_record(r, &op);
}

void run_mark_lost(struct run *r, int64_t now)
{
	struct frame *f = run_leaf(r);
	if (!f || !f->open || r->status != RUN_RUNNING)
		return;
	const struct effect_kind *kind = f->task->kind->effect;
	if (kind->is_transactional && kind->is_transactional(f->task)) {
		run_take_back(r, now); /* without an outcome, it did not happen */
		return;
	}
	begin_entry(r, now);
	struct op op = op_make(OP_LOST, f->path);
	op.attempt = f->attempt;
	run_record(r, &op);
	if (f->task->metadata.on_uncertain == UNCERTAIN_HOLD) {
		hold(r, f, "nobody knows whether the last attempt took effect");
	} else if (f->task->metadata.on_uncertain == UNCERTAIN_FAIL) {
		struct fault fault = {.uncertain = true};
		fault_set(&fault, PROBLEM_RUNTIME,
			"the worker was lost during attempt %u; it may have taken effect",
			f->attempt);
		run_fail(r, f, &fault);
	}
}

/* ---- The life of a run ---- */

static enum progress step_waiting(struct run *r, struct frame *f, const struct advance *a)
{
	if (f->due > a->now && (f->due != DUE_WOKEN || f->looked))
		return PROGRESS_WAIT;
	if (!f->retrying)
		return f->task->kind->next(r, f);
	if (f->opened && !f->child && f->task->catcher) { /* another pass of a block */
		f->retrying = false;
		f->state = FRAME_NEXT;
		return PROGRESS_AGAIN;
	}
	return try_again(r, f, a);
}

static enum progress step_leaf(struct run *r, struct frame *f, const struct advance *a)
{
	switch (f->state) {
	case FRAME_ENTER: return enter_leaf(r, f, a);
	case FRAME_NEXT:
		return f->position >= 0 ? enter_task(r, f, a->host) : leave_list(r, f);
	case FRAME_READY: return PROGRESS_WAIT;
	case FRAME_QUEUED:
		return a->slot_granted ? begin_attempt(r, f, a->host) : PROGRESS_WAIT;
	case FRAME_ACTIVE: return end_effect(r, f);
	case FRAME_WAITING: return step_waiting(r, f, a);
	case FRAME_HELD: return try_again(r, f, a);
	case FRAME_LISTENING: return f->task->kind->next(r, f);
	}
	return PROGRESS_WAIT;
}

static enum progress step(struct run *r, const struct advance *a)
{
	struct frame *late, *leaf = run_leaf(r);
	bool busy = r->effect && !r->effect->recorded; /* has, or may get, an outcome */
	if (r->request == REQUEST_CANCEL && !(busy && r->effect->done))
		return cancel(r);
	if (!r->root)
		return enter_run(r);
	if (r->failed && !r->operator_retry) {
		run_route(r);
		return PROGRESS_AGAIN;
	}
	if (r->request == REQUEST_SUSPEND && !busy) {
		run_take_back(r, a->now);
		run_suspend(r, a->now, "an operator asked for it");
		return PROGRESS_AGAIN;
	}
	if (r->operator_retry) {
		struct frame *f = r->failed ? frame_leaf(r->failed) : leaf;
		r->operator_retry = false;
		r->failed = NULL;
		return try_again(r, f, a);
	}
	int64_t deadline = run_deadline(r, &late);
	bool has_outcome = r->effect && r->effect->done && !r->effect->recorded;
	if (deadline && deadline <= a->now && !has_outcome)
		return time_out(r, late);
	return step_leaf(r, leaf, a);
}

static enum run_need need_of(const struct run *r)
{
	const struct frame *leaf = run_leaf(r);
	if (r->status != RUN_RUNNING)
		return NEED_NOTHING;
	switch (leaf->state) {
	case FRAME_READY:
	case FRAME_QUEUED: return NEED_SLOT;
	case FRAME_ACTIVE: return NEED_EFFECT;
	case FRAME_WAITING: return NEED_TIMER;
	case FRAME_LISTENING: return NEED_EVENT;
	case FRAME_ENTER:
	case FRAME_NEXT:
	case FRAME_HELD: return NEED_FLUSH;
	}
	return NEED_FLUSH;
}

static bool can_move(const struct run *r)
{
	return r->status == RUN_RUNNING ||
	       (r->status == RUN_SUSPENDED && r->request == REQUEST_CANCEL);
}

enum run_need run_advance(struct run *r, const struct advance *a)
{
	int64_t began = clock_boottime();
	begin_entry(r, a->now);
	r->host = a->host;
	for (int steps = 1; can_move(r); steps++) {
		if (step(r, a) == PROGRESS_WAIT)
			break;
		bool routed = !r->failed || r->operator_retry;
		if (routed && (steps >= CHAIN_STEPS ||
				      (steps % 16 == 0 &&
					      clock_boottime() - began > CHAIN_USEC)))
			break;
	}
	return need_of(r);
}
