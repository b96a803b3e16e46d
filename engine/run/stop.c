/*
 * How what is under way is brought to an end: by a deadline, by a competitor that won, by
 * an operator, by the loss of its worker, by a hand-over.
 */
#include "run/stop.h"

#include "run/decision.h"
#include "run/run_effect.h"
#include "run/transaction.h"

#include <stdlib.h>
#include <string.h>

bool run_is_busy(const struct run *r)
{
	return r->under_way != NULL;
}

bool run_is_stopping(const struct run *r)
{
	return r->request == REQUEST_SUSPEND || r->held;
}

/* ---- Branches that nobody waits for any more ---- */

/* Ends the frame's effect without an outcome; true if the world may have changed by it.
 */
static bool drop_effect(struct run *r, struct frame *f)
{
	struct run_effect *e = f->effect;
	if (!e)
		return false;
	bool happened = !e->done ? effect_may_have_happened(&e->effect)
				 : !e->effect.safe && !e->effect.transaction &&
					   (e->effect.succeeded || e->effect.waits ||
						   effect_fault(&e->effect)->uncertain);
	r->dropped_effect |= happened;
	run_effect_detach(r, e);
	run_effect_stop(e);
	return happened;
}

/* Runs that were started below the frame are cancelled with the entry. */
static void leave_behind(struct run *r, const struct frame *f)
{
	for (size_t i = 0, n; i < r->leaves.len; i += n + 1) {
		const char *above = r->leaves.data + i;
		n = strlen(above);
		if (strncmp(above, f->path, n) == 0 && strchr("/[!", f->path[n]))
			return; /* or the same: at the end there is the NUL */
	}
	buf_add(&r->leaves, f->path, strlen(f->path) + 1);
}

/* Whether it is to be decided by a person still; also if that is about a child run. */
static bool is_unsettled(const struct frame *f)
{
	const struct effect_kind *kind = f->task->kind->effect;
	bool waits = kind && kind->outlives && f->has_digest &&
		     (f->state == FRAME_WAITING || f->open);
	return f->lost || (f->state == FRAME_HELD && f->was_uncertain) ||
	       (waits && f->task->metadata.on_uncertain == UNCERTAIN_HOLD);
}

void run_cancel_branch(struct run *r, struct frame *f)
{
	leave_behind(r, f->parent ? f->parent : f);
	while (f->child)
		run_cancel_branch(r, f->child);
	struct op op = op_make(OP_CANCELLED, f->path);
	op.attempt = f->open ? f->attempt : 0;
	op.uncertain = drop_effect(r, f) || is_unsettled(f);
	run_record(r, &op);
}

void run_cancel_others(struct run *r, struct frame *top, const struct frame *keep)
{
	for (const struct frame *f = keep; f && f != top; f = f->parent) {
		struct frame *sibling = f->parent->child;
		while (sibling) {
			struct frame *next = sibling->sibling;
			if (sibling != f)
				run_cancel_branch(r, sibling);
			sibling = next;
		}
	}
}

/* ---- Attempts without an outcome ---- */

static void take_back(struct run *r, struct frame *f)
{
	struct op op = op_make(OP_WAITING, f->path);
	op.due = r->now;
	op.again = true;
	run_record(r, &op);
}

static void lose(struct run *r, struct frame *f)
{
	const struct effect_kind *kind = f->task->kind->effect;
	if (kind->is_transactional && kind->is_transactional(f->task)) {
		take_back(r, f); /* without an outcome, it did not happen */
		return;
	}
	struct op op = op_make(OP_LOST, f->path);
	op.attempt = f->attempt;
	run_record(r, &op);
}

static void give_up(struct run *r, struct frame *f)
{
	bool sent = drop_effect(r, f);
	if (f->open && sent)
		lose(r, f);
	else if (f->open)
		take_back(r, f);
}

/* ---- Time ---- */

/* Stops the frame's effect and says how it ended; it is kept until that is durable. */
static void abandon_effect(struct run *r, struct frame *f, const struct fault *fault)
{
	struct run_effect *e = f->effect;
	e->effect.task->kind->effect->stop(&e->effect);
	e->effect.succeeded = false;
	*effect_fault(&e->effect) = *fault;
	e->done = true;
	run_effect_spend(r, f);
}

static enum progress fault_run(struct run *r, const struct fault *fault)
{
	struct op op = op_make(OP_FAULTED, "");
	op.values[OP_ERROR] = problem_create(fault, "");
	r->failed = NULL;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

/* Whether the leaf's attempt, whose time is over, may have taken effect. */
static bool is_uncertain(const struct frame *leaf)
{
	bool is_live = leaf->effect && !leaf->effect->done;
	return is_live ? effect_may_have_happened(&leaf->effect->effect) : leaf->lost;
}

static bool is_for_a_person(const struct frame *leaf)
{
	return leaf->state == FRAME_HELD ||
	       (is_uncertain(leaf) &&
		       leaf->task->metadata.on_uncertain == UNCERTAIN_HOLD);
}

/* Ends the attempt of a leaf below a frame whose time is over, or that frame itself. */
static void time_out_leaf(
	struct run *r, struct frame *leaf, const struct frame *late, struct fault *fault)
{
	fault->uncertain = is_uncertain(leaf);
	if (leaf->effect && !leaf->effect->done)
		abandon_effect(r, leaf, fault);
	if (leaf != late && (leaf->open || leaf->lost))
		run_fail(r, leaf, fault);
}

static void hold_late(struct run *r, struct frame *leaf, struct fault *fault)
{
	const char *reason = leaf->state == FRAME_HELD ? r->reason : NULL;
	if (leaf->state != FRAME_HELD) {
		fault->uncertain = true;
		if (leaf->effect && !leaf->effect->done)
			abandon_effect(r, leaf, fault);
		run_fail(r, leaf, fault);
	}
	run_hold(r, leaf,
		reason ? reason : "nobody knows whether the last attempt took effect");
}

/* Holds what is for a person, and nothing of the block fails before he has decided: what
 * else was under way is without an outcome, as after a lost worker. False: nothing is for
 * one. */
static bool hold_below(struct run *r, struct frame *late, struct fault *fault)
{
	struct frame *f = frame_leaf(late);
	while (f && !is_for_a_person(f))
		f = frame_leaf_after(f, late);
	if (!f)
		return false;
	for (f = frame_leaf(late); f; f = frame_leaf_after(f, late)) {
		if (is_for_a_person(f))
			hold_late(r, f, fault);
		else
			give_up(r, f);
	}
	return true;
}

enum progress run_time_out(struct run *r, struct frame *f)
{
	struct fault fault = {0};
	bool own = f->deadline && f->deadline <= r->now, sent = false;
	leave_behind(r, f);
	fault_set(&fault, PROBLEM_TIMEOUT, "%s did not end in time",
		*f->path ? f->task->name : "the workflow");
	if (hold_below(r, f, &fault))
		return PROGRESS_AGAIN;
	for (struct frame *g = frame_leaf(f); g; g = frame_leaf_after(g, f)) {
		time_out_leaf(r, g, f, &fault);
		sent |= g == f && fault.uncertain;
	}
	fault.uncertain = sent;
	if (!f->parent)
		return fault_run(r, &fault);
	struct op op = op_make(OP_FAULTED, f->path);
	op.attempt = f->attempt ? f->attempt : 1;
	op.values[OP_ERROR] = problem_create(&fault, f->task->reference);
	op.uncertain = sent;
	op.limit_hit = !own;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

int64_t run_due(const struct run *r)
{
	struct frame *f;
	int64_t due = run_deadline(r, &f);
	if (run_is_stopping(r) && run_is_busy(r))
		return due;
	f = agenda_first(&r->agenda, AGENDA_DUE);
	return f && (!due || f->due < due) ? f->due : due;
}

/* ---- Requests from outside ---- */

/* What the world may have seen is lost, so that the step says so. */
enum progress run_cancel(struct run *r)
{
	struct op op = op_make(OP_CANCELLED, "");
	while (r->under_way) {
		struct frame *f = r->under_way->frame;
		bool sent = drop_effect(r, f);
		if (f->open && sent)
			lose(r, f);
		op.uncertain |= sent;
	}
	r->request = REQUEST_NONE;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

void run_suspend(struct run *r, int64_t now, const char *reason)
{
	struct op op = op_make(OP_SUSPENDED, NULL);
	run_begin_entry(r, now);
	r->request = REQUEST_NONE;
	op.reason = r->reason = reason;
	run_record(r, &op);
}

void run_refuse(struct run *r, int64_t now, const struct fault *f)
{
	struct op op = op_make(OP_FAULTED, "");
	run_begin_entry(r, now);
	op.values[OP_ERROR] = problem_create(f, "");
	run_record(r, &op);
}

void run_take_back(struct run *r, int64_t now)
{
	for (struct frame *f = frame_leaf(r->root); f; f = frame_leaf_after(f, r->root)) {
		if (!f->open || f->effect)
			continue;
		run_begin_entry(r, now);
		take_back(r, f);
	}
}

enum progress run_obey_stop(struct run *r)
{
	const char *reason = r->held ? r->reason : "an operator asked for it";
	r->asked = !r->held;
	run_take_back(r, r->now);
	run_suspend(r, r->now, reason ? reason : "a step is held");
	return PROGRESS_AGAIN;
}

void run_mark_lost(struct run *r, int64_t now)
{
	if (r->status != RUN_RUNNING)
		return;
	for (struct frame *f = frame_leaf(r->root); f; f = frame_leaf_after(f, r->root)) {
		if (!f->open || f->effect)
			continue;
		run_begin_entry(r, now);
		lose(r, f);
	}
}

void run_give_up_attempts(struct run *r)
{
	for (struct frame *f = frame_leaf(r->root); f; f = frame_leaf_after(f, r->root))
		give_up(r, f);
}
