/*
 * What every decision is made of: one operation that says what became of a frame.
 */
#include "run/decision.h"

void run_begin_entry(struct run *r, int64_t now)
{
	r->now = now;
	if (r->op_count == 0 && !r->question->count) /* else it goes on */
		r->at = now;
}

bool run_wants_answer(const struct run *r)
{
	return r->question->wanting;
}

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
	if (run_wants_answer(r))
		return PROGRESS_WAIT; /* it has not failed yet */
	struct op op = op_make(OP_FAULTED, f->path);
	op.attempt = f->attempt ? f->attempt : 1;
	op.values[OP_ERROR] = problem_create(fault, f->task->reference);
	op.uncertain = fault->uncertain;
	f->granted = false;
	run_record(r, &op);
	if (r->failed == f)
		r->retry_after = fault->retry_after;
	return PROGRESS_AGAIN;
}

enum progress run_fail_effect(
	struct run *r, struct frame *f, const struct fault *fault, const char *reason)
{
	enum on_uncertain rule = f->task->metadata.on_uncertain;
	if (run_fail(r, f, fault) == PROGRESS_WAIT)
		return PROGRESS_WAIT;
	if (fault->uncertain && rule == UNCERTAIN_HOLD)
		run_hold(r, f, reason);
	return PROGRESS_AGAIN;
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

void run_hold(struct run *r, struct frame *f, const char *reason)
{
	struct op op = op_make(OP_HELD, f->path);
	op.reason = r->reason = reason;
	f->granted = false;
	run_record(r, &op);
}
