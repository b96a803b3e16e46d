/*
 * How a task is entered: for the first time, and again.
 */
#include "run/enter.h"

#include "definition/data_schema.h"
#include "run/attempt.h"
#include "run/route.h"
#include "run/run_scope.h"

#include <stdlib.h>

static bool test_as(struct run *r, const struct frame *probe, bool only_described,
	bool *ret, struct fault *fault)
{
	struct run_scope s;
	run_scope_init(&s, r, probe, value_json(probe->raw));
	s.only_described = only_described;
	bool ok = run_scope_test(&s, probe->task->condition, ret, fault);
	run_scope_finish(&s);
	return ok;
}

/* `if`, or the `when` of an extension. In the latter $task has the members of the task's
 * definition too; where it fails because of them, what counts is what it is without. */
static bool test_condition(
	struct run *r, const struct frame *probe, bool *ret, struct fault *fault)
{
	bool of_extension =
		probe->parent && probe->parent->task->wraps && *probe->task->mark;
	return test_as(r, probe, false, ret, fault) ||
	       (of_extension && test_as(r, probe, true, ret, fault));
}

/* Evaluates if, input.schema and input.from for the task at the parent's position, as
 * seen by `probe`, a frame that does not exist yet. */
static bool look_at_entry(struct run *r, struct frame *probe, bool *ret_skip,
	struct value **ret_input, struct fault *fault)
{
	const struct task *t = probe->task;
	struct run_scope s;
	bool holds = true;
	bool ok = !t->condition || test_condition(r, probe, &holds, fault);
	if (ok && holds)
		ok = data_schema_fits(
			t->input_schema, "input", value_json(probe->raw), fault);
	run_scope_init(&s, r, probe, value_json(probe->raw));
	if (ok && holds && t->input_from && !t->secret_input)
		ok = run_scope_eval(&s, t->input_from, ret_input, fault);
	run_scope_finish(&s);
	*ret_skip = ok && !holds;
	return ok;
}

/* Fills op, a `started`, with what is to be known before the task begins. */
static bool prepare_entry(struct run *r, struct frame *probe, struct host *host,
	struct op *op, struct fault *fault)
{
	probe->input = op->values[OP_INPUT] ? op->values[OP_INPUT] : probe->raw;
	if (probe->task->kind->effect && !attempt_announces_late(probe->task))
		return attempt_prepare(r, probe, host, op, fault);
	if (!attempt_timeout(r, probe, &op->deadline, fault))
		return false;
	if (probe->task->catcher)
		op->attempt_deadline = route_attempt_deadline(r, probe, r->at);
	return true;
}

/* Enters the task as the probe sees it. Nothing is decided before all is evaluated. */
static enum progress enter_as(struct run *r, struct frame *probe, struct host *host)
{
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, probe->path);
	bool skip, ok = look_at_entry(r, probe, &skip, &op.values[OP_INPUT], &fault);
	op.failed_entry = !ok;
	if (skip)
		op.kind = OP_SKIPPED;
	else if (ok)
		ok = prepare_entry(r, probe, host, &op, &fault);
	if (run_wants_answer(r)) {
		value_unref(op.values[OP_INPUT]);
		if (probe->request)
			probe->request->destroy(probe->request);
		return PROGRESS_WAIT;
	}
	if (!ok) { /* of an attempt that could not be made nothing is known */
		op.attempt = 0;
		op.has_digest = false;
		op.deadline = op.attempt_deadline = 0;
	}
	run_record(r, &op);
	if (skip)
		return PROGRESS_AGAIN;
	struct frame *f = frame_child_towards(probe->parent, probe->path);
	f->request = probe->request;
	f->asked = true; /* who wakes it from now on asks for another look */
	return ok ? PROGRESS_AGAIN : run_fail(r, f, &fault);
}

enum progress enter_task(struct run *r, struct frame *parent, struct host *host)
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
	enum progress p = enter_as(r, &probe, host);
	free(path);
	return p;
}

enum progress enter_run(struct run *r)
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
			attempt_timeout(r, &probe, &op.deadline, &fault);
	if (run_wants_answer(r)) {
		value_unref(op.values[OP_INPUT]);
		return PROGRESS_WAIT;
	}
	op.failed_entry = !ok;
	run_record(r, &op);
	return ok ? PROGRESS_AGAIN : run_fail(r, r->root, &fault);
}

/* Another try at entering a task whose entry had failed. */
static enum progress enter_again(struct run *r, struct frame *f)
{
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, f->path);
	bool skip, ok = look_at_entry(r, f, &skip, &op.values[OP_INPUT], &fault);
	op.failed_entry = !ok;
	if (skip && f->parent)
		op.kind = OP_SKIPPED;
	else if (ok && !f->task->kind->effect)
		ok = attempt_timeout(r, f, &op.deadline, &fault);
	if (run_wants_answer(r)) {
		value_unref(op.values[OP_INPUT]);
		return PROGRESS_WAIT;
	}
	run_record(r, &op);
	return ok ? PROGRESS_AGAIN : run_fail(r, f, &fault);
}

enum progress enter_leaf(struct run *r, struct frame *f, const struct advance *a)
{
	if (!f->task->kind->effect)
		return f->task->kind->enter(r, f);
	if (f->lost && f->task->metadata.on_uncertain != UNCERTAIN_RETRY && !f->redo)
		return attempt_settle_lost(r, f);
	if (attempt_announces_late(f->task) && !f->granted) {
		f->state = FRAME_QUEUED;
		agenda_touch(f);
		return PROGRESS_WAIT;
	}
	return attempt_begin(r, f, a->host);
}

static enum progress begin_again(struct run *r, struct frame *f, const struct advance *a)
{
	if (f->entry_failed)
		return enter_again(r, f);
	if (f->task->kind->effect) {
		f->state = FRAME_ENTER;
		return enter_leaf(r, f, a);
	}
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, f->path);
	op.attempt = (f->attempt ? f->attempt : 1) + 1;
	if (!attempt_timeout(r, f, &op.deadline, &fault))
		return run_fail(r, f, &fault);
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

/* A failed or held step goes on: an effect with a new attempt, anything else from where
 * it was. */
enum progress enter_once_more(struct run *r, struct frame *f, const struct advance *a)
{
	enum frame_state state = f->state;
	bool retrying = f->retrying;
	f->retrying = false;
	enum progress p = begin_again(r, f, a);
	if (run_wants_answer(r)) {
		f->state = state;
		f->retrying = retrying;
	}
	return p;
}
