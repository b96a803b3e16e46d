/*
 * The state of a run, and the one function that changes it. What is here is
 * deterministic: no expression, no clock, no randomness. Replaying the same operations
 * gives the same state.
 */
#include "run/run.h"

#include "run/doubt.h"
#include "run/wrapping.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The frame that the operation at hand is about; NULL: it is not there yet. */
static struct frame *own(const struct run *r)
{
	return r->agenda.at_own ? r->agenda.at : NULL;
}

static struct frame *own_parent(const struct run *r)
{
	return r->agenda.at_own ? r->agenda.at->parent : r->agenda.at;
}

static bool misfit(const struct op *op, struct error *err)
{
	return error_set(err, ERROR_PERMANENT,
		"journal does not fit the definition: %s at \"%s\"", op_name(op->kind),
		op->path ? op->path : "");
}

static void begin_attempt(struct run *r, struct frame *f, const struct op *op)
{
	f->attempt = op->attempt;
	f->open = op->has_digest;
	f->attempt_deadline = op->attempt_deadline;
	f->time_limit = op->deadline ? op->deadline - r->at : 0;
	f->attempt_limit = op->attempt_deadline ? op->attempt_deadline - r->at : 0;
	f->attempt_at = r->at;
	f->generation = op->generation;
	if (f->redo)
		doubt_settle(r, f->task);
	f->retrying = f->lost = f->redo = f->force = false;
	f->intent_seq = r->seq + 1;
	f->state = op->has_digest ? FRAME_READY : FRAME_ENTER;
	free(f->put_off);
	f->put_off = NULL;
	if (op->has_digest) {
		if (!f->has_digest)
			value_set(&f->context, value_ref(r->context));
		memcpy(f->digest, op->digest, sizeof f->digest);
		f->has_digest = true;
		if (!f->first_attempt_at)
			f->first_attempt_at = r->at;
	}
	if (f->opened)
		f->state = FRAME_NEXT;
}

static bool apply_root(struct run *r, const struct op *op)
{
	r->root = frame_push(&r->agenda, NULL, &r->definition->root, xstrdup(""));
	r->root->raw = value_ref(r->raw_input);
	r->root->input =
		value_ref(op->values[OP_INPUT] ? op->values[OP_INPUT] : r->raw_input);
	r->root->cursor = value_ref(r->root->input);
	r->root->started_at = r->at;
	r->root->deadline = op->deadline;
	r->root->entry_failed = op->failed_entry;
	value_set(&r->context, value_ref(r->root->input));
	frame_open_list(r->root, r->definition->root.body);
	return true;
}

/* Moves a list on: by default to the task behind, or where the operation says. */
static void move_on(struct frame *f, int64_t next)
{
	f->position = next == NEXT_FOLLOWING ? f->position + 1 : next;
	f->exited = next == NEXT_EXIT;
	if (f->position >= (int64_t)f->list->count)
		f->position = NEXT_EXIT;
}

/* Whether the task at the list's position can begin: in a list of one after the other,
 * the one before it has ended. */
static bool can_enter(const struct frame *parent)
{
	return parent->list && parent->position >= 0 &&
	       (size_t)parent->position < parent->list->count &&
	       (!parent->child || parent->list->concurrent);
}

/* Only what has an effect has a request. */
static bool is_intent_of(const struct op *op, const struct task *task)
{
	return !op->has_digest || task->kind->effect;
}

/* A task is entered: the one at its parent's position. The next branch of a concurrent
 * list may begin at once. */
static bool apply_entered(struct run *r, const struct op *op, struct error *err)
{
	struct frame *parent = own_parent(r);
	if (!parent)
		return misfit(op, err);
	if (parent->task->body && !parent->opened)
		frame_open_list(parent, parent->task->body);
	if (!can_enter(parent))
		return misfit(op, err);
	size_t index = (size_t)parent->position;
	unsigned visit = frame_visits(parent)[index] + 1;
	char *path = frame_child_path(parent, index, visit);
	if (strcmp(path, op->path) != 0 ||
		!is_intent_of(op, &parent->list->tasks[index])) {
		free(path);
		return misfit(op, err);
	}
	frame_visits(parent)[index] = visit;
	parent->state = FRAME_NEXT;
	struct frame *f =
		frame_push(&r->agenda, parent, &parent->list->tasks[index], path);
	f->raw = value_ref(parent->cursor);
	f->input = value_ref(op->values[OP_INPUT] ? op->values[OP_INPUT] : f->raw);
	f->cursor = value_ref(f->input);
	f->started_at = r->at;
	f->deadline = op->deadline;
	f->entry_failed = op->failed_entry;
	if (parent->list->concurrent)
		move_on(parent, NEXT_FOLLOWING);
	begin_attempt(r, f, op);
	agenda_touch(f);
	return true;
}

/* A task whose entry had failed is entered after all: its input is known only now. */
static void enter_at_last(struct run *r, struct frame *f, const struct op *op)
{
	f->entry_failed = op->failed_entry;
	if (op->values[OP_INPUT]) {
		value_set(&f->input, value_ref(op->values[OP_INPUT]));
		value_set(&f->cursor, value_ref(op->values[OP_INPUT]));
	}
	if (!f->parent)
		value_set(&r->context, value_ref(f->input));
}

static bool apply_started(struct run *r, const struct op *op, struct error *err)
{
	if (!r->root)
		return *op->path ? misfit(op, err) : apply_root(r, op);
	struct frame *f = own(r);
	r->no_retry = false;
	if (!f)
		return apply_entered(r, op, err);
	if (!is_intent_of(op, f->task))
		return misfit(op, err);
	r->failed = NULL;
	value_set(&r->error, NULL);
	f->deadline = op->deadline;
	if (f->entry_failed)
		enter_at_last(r, f, op);
	begin_attempt(r, f, op);
	return true;
}

static bool apply_opened(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	if (!f || f->opened || f->task->wraps || !f->task->body || !op->values[OP_INPUT])
		return misfit(op, err);
	value_set(&f->cursor, value_ref(op->values[OP_INPUT]));
	frame_open_list(f, f->task->body);
	return true;
}

static bool apply_iteration(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	if (!f || !f->task->body || !f->task->item_name)
		return misfit(op, err);
	frame_destroy_children(f);
	if (op->values[OP_ITEMS])
		value_set(&f->items, value_ref(op->values[OP_ITEMS]));
	if (!f->items || op->index != (op->values[OP_ITEMS] ? 0 : f->iteration + 1) ||
		!frame_set_iteration(f, op->index))
		return misfit(op, err);
	free(f->visits[0]);
	f->visits[0] = NULL;
	frame_forget_steps(f);
	frame_open_list(f, f->task->body);
	return true;
}

/* A branch has its output; the first of competing ones is the only one. */
static void end_branch(struct frame *parent, size_t branch, struct value *output)
{
	if (parent->list->compete) {
		value_set(&parent->cursor, value_ref(output));
		parent->position = NEXT_EXIT;
	}
	value_set(&parent->outputs[branch], value_ref(output));
}

/* A task whose entry had failed turns out to be skipped. */
static bool skip_at_last(
	struct run *r, struct frame *f, const struct op *op, struct error *err)
{
	struct frame *parent = f->parent;
	if (!f->entry_failed || !parent)
		return misfit(op, err);
	r->failed = NULL;
	if (parent->list->concurrent)
		value_set(&parent->outputs[frame_branch(f)], value_ref(f->raw));
	frame_destroy(f);
	if (parent->task->wraps)
		wrapping_pass_over(parent);
	else if (!parent->list->concurrent)
		move_on(parent, NEXT_FOLLOWING);
	return true;
}

static void pass_over(struct frame *parent)
{
	if (parent->task->wraps) {
		wrapping_pass_over(parent);
		return;
	}
	frame_visits(parent)[parent->position]++;
	move_on(parent, NEXT_FOLLOWING);
}

static bool apply_skipped(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r), *parent = own_parent(r);
	if (f)
		return skip_at_last(r, f, op, err);
	if (!parent || (!parent->opened && !parent->task->body))
		return misfit(op, err);
	if (!parent->opened)
		frame_open_list(parent, parent->task->body);
	if (!can_enter(parent))
		return misfit(op, err);
	if (parent->list->concurrent)
		value_set(&parent->outputs[parent->position], value_ref(parent->cursor));
	pass_over(parent);
	parent->state = FRAME_NEXT;
	return true;
}

static void end_run(struct run *r, enum run_status status)
{
	r->status = status;
}

/* Whether the task may lead there: to a task of its own list, or out of it. */
static bool is_next(int64_t next, const struct frame *f)
{
	if (f->parent && f->parent->task->wraps) /* it goes on as what wraps it does */
		f = f->parent;
	return next == NEXT_FOLLOWING || next == NEXT_EXIT || next == NEXT_END ||
	       (next >= 0 && f->parent && next < (int64_t)f->parent->list->count);
}

static bool apply_completed(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	if (!f || f->child || !is_next(op->next, f))
		return misfit(op, err);
	struct value *output =
		value_ref(op->values[OP_OUTPUT] ? op->values[OP_OUTPUT] : f->cursor);
	if (op->values[OP_CONTEXT])
		value_set(&r->context, value_ref(op->values[OP_CONTEXT]));
	struct frame *parent = f->parent;
	if (!parent) {
		value_set(&r->output, output);
		end_run(r, RUN_COMPLETED);
		return true;
	}
	if (f->task->is_kept)
		frame_keep_step(parent, f->task->name, output);
	size_t branch = frame_is_concurrent(parent) ? frame_branch(f) : 0;
	frame_destroy(f);
	if (op->next == NEXT_END && !parent->task->wraps) {
		frame_destroy_children(r->root);
		parent = r->root;
	}
	parent->state = FRAME_NEXT;
	if (parent->task->wraps) {
		wrapping_leave(parent, op->next, output);
		return true;
	}
	if (frame_is_concurrent(parent)) {
		end_branch(parent, branch, output);
		value_unref(output);
		return true;
	}
	value_set(&parent->cursor, output);
	move_on(parent, op->next == NEXT_END ? NEXT_EXIT : op->next);
	return true;
}

/* The error of a frame gives way to another's, because it could not be routed while a
 * step was held: what is below goes on as after a lost worker. */
static void give_way(struct frame *failed)
{
	for (struct frame *f = frame_leaf(failed); f; f = frame_leaf_after(f, failed)) {
		if (!f->task->kind->effect || f->open || !f->was_uncertain ||
			(f->state != FRAME_READY && f->state != FRAME_ACTIVE))
			continue;
		f->lost = true;
		f->state = FRAME_ENTER;
		agenda_touch(f);
	}
}

/* A step that is held next, because nobody knows how it ended, has no error to route:
 * that of another branch, which waited for it, stays. */
static bool gives_way_to_first(
	const struct run *r, const struct frame *f, const struct op *op)
{
	return r->failed && !frame_is_below(r->failed, f) && op->uncertain &&
	       f->task->metadata.on_uncertain == UNCERTAIN_HOLD;
}

static bool apply_faulted(struct run *r, const struct op *op, struct error *err)
{
	if (!*op->path) { /* the run: failed stays where the error arose */
		if (op->values[OP_ERROR])
			value_set(&r->error, value_ref(op->values[OP_ERROR]));
		end_run(r, RUN_FAULTED);
		return true;
	}
	struct frame *f = own(r);
	if (!f || !op->values[OP_ERROR])
		return misfit(op, err);
	f->open = false;
	f->was_uncertain |= op->uncertain;
	f->deadline = f->repeats = 0;
	f->redo = f->lost = false;
	if (gives_way_to_first(r, f, op))
		return true;
	r->limit_hit = op->limit_hit;
	if (op->uncertain && f->task->metadata.on_uncertain == UNCERTAIN_FAIL)
		r->no_retry = true;
	if (r->failed && run_awaits_person(r) && !frame_is_below(r->failed, f))
		give_way(r->failed);
	r->failed = f;
	r->raised = op->raised;
	value_set(&r->error, value_ref(op->values[OP_ERROR]));
	return true;
}

static bool apply_waiting(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	if (!f || f->child ||
		(op->again ? f->attempt == 0 || !f->task->kind->effect
			   : !f->task->kind->next))
		return misfit(op, err);
	f->due = op->due;
	f->state = FRAME_WAITING;
	if (op->again) { /* an attempt that was announced, but not begun */
		f->open = false;
		f->attempt--;
		f->retrying = true;
	}
	if (op->repeats)
		f->repeats = op->repeats;
	if (op->backend) {
		f->ended_before = f->ended_at;
		f->ended_at = r->at;
	}
	return true;
}

/* Another try of what is inside a block has all its time before it. */
static void begin_limits_anew(struct frame *f, int64_t from)
{
	f->deadline = f->time_limit ? from + f->time_limit : 0;
	f->attempt_deadline = f->attempt_limit ? from + f->attempt_limit : 0;
	agenda_touch(f);
}

static void wait_for_retry(struct frame *f, int64_t due)
{
	f->due = due;
	f->retrying = true;
	f->state = FRAME_WAITING;
	agenda_touch(f);
}

bool run_awaits_person(const struct run *r)
{
	return r->agenda.waits[AGENDA_PERSON] > 0;
}

int64_t run_error_status(const struct run *r)
{
	int64_t status = 0;
	(void)json_int(json_get(value_json(r->error), "status"), &status);
	return status;
}

static void count_retry(struct run *r, struct frame *f)
{
	/* No policy retries a 409 of its own step: that is what onConflict does. */
	if (f == r->failed && run_error_status(r) == 409)
		f->conflicts++;
	else
		f->retries++;
}

static bool apply_retry(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	if (!f || !r->failed || !frame_is_below(r->failed, f) ||
		(!f->task->catcher && (op->again || f != r->failed)))
		return misfit(op, err);
	count_retry(r, f);
	struct frame *failed = r->failed;
	for (struct frame *g = failed; g != f; g = g->parent)
		begin_limits_anew(g, op->due);
	if (op->attempt_deadline)
		f->attempt_deadline = op->attempt_deadline;
	else if (f->attempt_limit)
		f->attempt_deadline = op->due + f->attempt_limit;
	if (op->again) { /* a fresh pass of the block */
		frame_destroy_children(f);
		frame_forget_steps(f);
		value_set(&f->cursor, value_ref(f->input));
		frame_open_list(f, f->task->body);
		wait_for_retry(f, op->due);
	} else { /* with all that was cut short by a timeout */
		for (struct frame *g = frame_after(failed, failed); g;
			g = frame_after(g, failed))
			begin_limits_anew(g, op->due);
		for (struct frame *g = frame_leaf(failed); g;
			g = frame_leaf_after(g, failed))
			wait_for_retry(g, op->due);
	}
	r->failed = NULL;
	value_set(&r->error, NULL);
	return true;
}

static bool apply_caught(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	if (!f || !f->task->catcher || !f->opened || !r->failed ||
		!frame_is_below(r->failed, f))
		return misfit(op, err);
	frame_destroy_children(f); /* what its tasks gave stays, for $steps */
	f->in_handler = true;
	f->deadline = f->attempt_deadline = 0;
	value_set(&f->error, op->values[OP_ERROR] ? value_ref(op->values[OP_ERROR])
						  : value_ref(r->error));
	value_set(&r->error, NULL);
	r->failed = NULL;
	r->no_retry = false;
	value_set(&f->cursor, value_ref(f->input));
	f->position = NEXT_EXIT;
	if (f->task->handler)
		frame_open_list(f, f->task->handler);
	f->state = FRAME_NEXT;
	return true;
}

static bool apply_lost(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	if (!f || !f->open)
		return misfit(op, err);
	f->open = false;
	f->was_uncertain = f->lost = true;
	f->state = FRAME_ENTER;
	return true;
}

static bool is_attempting(struct frame *f)
{
	for (struct frame *g = f; g; g = frame_after(g, f)) {
		if (g->open)
			return true;
	}
	return false;
}

/* An operator's time is his own: nothing has a deadline any more, but attempts that come
 * to their end meanwhile, and what is around them. */
static void stop_the_clocks(struct run *r)
{
	for (struct frame *f = r->root; f; f = frame_after(f, r->root)) {
		if ((f->deadline || f->attempt_deadline) && !is_attempting(f))
			f->deadline = f->attempt_deadline = 0;
		agenda_touch(f);
	}
}

static bool apply_held(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	if (!f || f->child)
		return misfit(op, err);
	f->open = f->lost = f->redo = false;
	value_set(&f->answer, NULL);
	f->state = FRAME_HELD;
	if (r->failed == f)
		r->failed = NULL; /* another's is routed when nothing is held */
	r->held = true;
	stop_the_clocks(r);
	if (!is_attempting(r->root))
		r->status = RUN_SUSPENDED;
	return true;
}

static bool apply_suspended(struct run *r)
{
	r->status = RUN_SUSPENDED;
	if (r->held)
		stop_the_clocks(r);
	return true;
}

/* The run goes on; what else is held is held again when its turn has come. */
static bool apply_answered(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = run_find(r, op->path);
	if (!f || f->state != FRAME_HELD || f->child || !f->task->kind->effect ||
		!op->values[OP_OUTPUT])
		return misfit(op, err);
	value_set(&f->answer, value_ref(op->values[OP_OUTPUT]));
	f->redo = f->force = false;
	f->state = FRAME_ANSWERED;
	doubt_settle(r, f->task);
	r->status = RUN_RUNNING;
	r->held = false;
	return true;
}

/* What was answered is not sent again. */
static void redo(struct frame *f, const struct op *op)
{
	if (f->state == FRAME_ANSWERED)
		return;
	f->redo = true;
	f->force = op->force;
	if (op->new_id) {
		f->generation++;
		f->has_digest = f->was_uncertain = false;
		f->first_attempt_at = 0;
	}
}

/* An attempt that was ended with its block, by a timeout or with the run. */
static bool was_cut_short(const struct frame *f)
{
	return !f->open && (f->state == FRAME_READY || f->state == FRAME_ACTIVE);
}

/* What failed, is held or was cut short goes on; where nothing of that can be told, all
 * that is open does. */
static bool apply_retried(struct run *r, const struct op *op)
{
	/* One that was cancelled goes on where it stood, as after a lost worker. */
	bool stood = r->status == RUN_CANCELLED, any = stood;
	r->status = RUN_RUNNING;
	r->held = false;
	value_set(&r->output, NULL);
	for (struct frame *f = r->root; f; f = frame_after(f, r->root)) {
		f->retries = f->conflicts = f->repeats = 0;
		f->ended_before = f->ended_at = 0;
		f->retry_since = r->at;
		listening_lapse(f);
		f->deadline = f->attempt_deadline = 0;
		if (stood || f->child ||
			!((r->failed && frame_is_below(f, r->failed)) ||
				f->state == FRAME_HELD || was_cut_short(f)))
			continue;
		redo(f, op);
		any = true;
	}
	for (struct frame *f = frame_leaf(r->root); f && !any;
		f = frame_leaf_after(f, r->root))
		redo(f, op);
	for (struct frame *f = r->root; f; f = frame_after(f, r->root))
		agenda_touch(f);
	r->failed = NULL;
	value_set(&r->error, NULL);
	return true;
}

/* The run, or a branch that lost. */
static bool apply_cancelled(struct run *r, const struct op *op, struct error *err)
{
	if (!op->path || !*op->path) {
		end_run(r, RUN_CANCELLED);
		return true;
	}
	struct frame *f = own(r);
	if (!f)
		return misfit(op, err);
	if (r->failed &&
		frame_is_below(r->failed, f)) { /* it waited, and is gone with it */
		r->failed = NULL;
		value_set(&r->error, NULL);
	}
	if (op->uncertain && f->task->metadata.on_uncertain == UNCERTAIN_HOLD)
		doubt_note(r, f->task);
	if (f->parent && !frame_is_concurrent(f->parent))
		f->parent->position = NEXT_EXIT; /* it is cancelled next */
	frame_destroy(f);
	return true;
}

static bool apply_listening(struct run *r, const struct op *op, struct error *err)
{
	struct frame *f = own(r);
	return (f && listening_apply(r, f, op)) || misfit(op, err);
}

static bool apply(struct run *r, const struct op *op, struct error *err)
{
	switch (op->kind) {
	case OP_CREATED:
	case OP_CLAIMED:
	case OP_FRAMES: return true;
	case OP_STARTED: return apply_started(r, op, err);
	case OP_ITERATION: return apply_iteration(r, op, err);
	case OP_OPENED: return apply_opened(r, op, err);
	case OP_SKIPPED: return apply_skipped(r, op, err);
	case OP_COMPLETED: return apply_completed(r, op, err);
	case OP_FAULTED: return apply_faulted(r, op, err);
	case OP_WAITING: return apply_waiting(r, op, err);
	case OP_RETRY: return apply_retry(r, op, err);
	case OP_CAUGHT: return apply_caught(r, op, err);
	case OP_LISTENING:
	case OP_RECEIVED:
	case OP_COLLECTED: return apply_listening(r, op, err);
	case OP_LOST: return apply_lost(r, op, err);
	case OP_HELD: return apply_held(r, op, err);
	case OP_ANSWERED: return apply_answered(r, op, err);
	case OP_SUSPENDED: return apply_suspended(r);
	case OP_RESUMED:
		r->status = RUN_RUNNING;
		r->held = false;
		return true;
	case OP_RETRIED: return apply_retried(r, op);
	case OP_CANCELLED: return apply_cancelled(r, op, err);
	}
	return true;
}

/* What is about a task, or about the run as a task: path "". */
static bool has_path(enum op_kind kind)
{
	switch (kind) {
	case OP_CREATED:
	case OP_CLAIMED:
	case OP_SUSPENDED:
	case OP_RESUMED:
	case OP_RETRIED:
	case OP_CANCELLED:
	case OP_FRAMES: return false;
	case OP_STARTED:
	case OP_ITERATION:
	case OP_OPENED:
	case OP_SKIPPED:
	case OP_COMPLETED:
	case OP_FAULTED:
	case OP_WAITING:
	case OP_RETRY:
	case OP_CAUGHT:
	case OP_LOST:
	case OP_HELD:
	case OP_ANSWERED:
	case OP_LISTENING:
	case OP_RECEIVED:
	case OP_COLLECTED: return true;
	}
	return true;
}

/* What has ended goes on only by a retry, and what has completed never. */
static bool is_over(const struct run *r, const struct op *op)
{
	bool says_nothing =
		op->kind == OP_CREATED || op->kind == OP_CLAIMED || op->kind == OP_FRAMES;
	switch (r->status) {
	case RUN_RUNNING:
	case RUN_SUSPENDED: return false;
	case RUN_CANCELLED: /* by its parent, which asks for it again */
	case RUN_FAULTED: return !says_nothing && op->kind != OP_RETRIED;
	case RUN_COMPLETED: return !says_nothing;
	}
	return false;
}

/* Finds the frame that the operation is about, or the one that it is to begin in. */
static void find_place(struct run *r, const struct op *op)
{
	struct agenda *a = &r->agenda;
	struct frame *f = op->path ? r->root : NULL;
	a->at_own = f && a->at && strcmp(a->at->path, op->path) == 0;
	if (a->at_own)
		return;
	for (a->at = f; f && !a->at_own; f = frame_child_towards(f, op->path)) {
		a->at = f;
		a->at_own = strcmp(f->path, op->path) == 0;
	}
}

bool run_apply(struct run *r, const struct op *op, struct error *err)
{
	if ((op->path && *op->path && !r->root) || (!op->path && has_path(op->kind)) ||
		is_over(r, op))
		return misfit(op, err);
	const struct frame *failed = r->agenda.watched = r->failed;
	find_place(r, op);
	if (!apply(r, op, err))
		return false;
	if (r->agenda.at)
		agenda_touch(r->agenda.at);
	if (r->held && !run_awaits_person(r))
		r->held = false; /* what was held is gone */
	if (!r->failed || r->failed != failed || r->agenda.watched)
		return true;
	r->failed = NULL; /* it is gone: what went on before its error was handled? */
	return misfit(op, err);
}

static void apply_decided(struct run *r, const struct op *op)
{
	bool ok = run_apply(r, op, NULL);
	assert(ok);
	(void)ok;
}

static void write_op(struct run *r, const struct op *op)
{
	if (r->op_count == 0) {
		buf_clear(&r->ops);
		buf_putc(&r->ops, '[');
		r->head = *op;
		free(r->head_path);
		r->head_path = op->path ? xstrdup(op->path) : NULL;
		r->head.path = r->head_path; /* the operation's may go with its frame */
	} else {
		buf_putc(&r->ops, ',');
	}
	op_write(op, r->seq + 1, r->op_count++, &r->ops);
}

static void drop_values(struct op *op)
{
	for (int i = 0; i < OP_VALUES; i++)
		value_unref(op->values[i]);
}

void run_record(struct run *r, struct op *op)
{
	assert(!r->question->wanting);
	write_op(r, op); /* first: applying may free what op->path points to */
	apply_decided(r, op);
	drop_values(op);
}
