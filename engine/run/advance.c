/* What happens next. One decision at a time: look at the leaf, decide, record. A decision
 * evaluates expressions; its outcome is written down, so that nobody evaluates it again.
 */
#include "run/advance.h"

#include "base/bounds.h"
#include "base/clock.h"
#include "definition/data_schema.h"
#include "run/doubt.h"
#include "run/render.h"
#include "run/route.h"
#include "run/run_scope.h"
#include "run/transaction.h"

#include <stdlib.h>
#include <string.h>

#define CHAIN_STEPS 1000
#define CHAIN_USEC (10 * USEC_PER_MS)

bool run_wants_answer(const struct run *r)
{
	return r->question->wanting;
}

bool run_is_evaluating(const struct run *r)
{
	return r->question->asked;
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

/* output.as or export.as, of an output that was `raw` before. */
static bool transform(const struct run_scope *seen, struct expression *e,
	const struct value *output, struct value **ret, struct fault *fault)
{
	struct run_scope s;
	run_scope_init(&s, seen->run, seen->frame, value_json(output));
	s.output = value_json(output);
	s.raw_output = seen->raw_output;
	s.authorization = seen->authorization;
	s.of_attempt = true;
	bool ok = run_scope_eval(&s, e, ret, fault);
	run_scope_finish(&s);
	return ok;
}

/* output.as, export.as and their schemas: *output is replaced, *ret_context is the new
 * context or NULL. */
static bool transform_output(struct run *r, struct frame *f, struct json authorization,
	struct value **output, struct value **ret_context, struct fault *fault)
{
	const struct task *t = f->task;
	struct value *raw = value_ref(*output), *v;
	struct run_scope seen = {.run = r,
		.frame = f,
		.raw_output = value_json(raw),
		.authorization = authorization};
	bool ok = !t->output_as || transform(&seen, t->output_as, raw, &v, fault);
	*ret_context = NULL;
	if (ok && t->output_as)
		value_set(output, v);
	ok = ok &&
	     data_schema_fits(t->output_schema, "output", value_json(*output), fault) &&
	     (!t->export_as ||
		     transform(&seen, t->export_as, *output, ret_context, fault)) &&
	     data_schema_fits(t->export_schema, "context",
		     value_json(*ret_context ? *ret_context : r->context), fault);
	value_unref(raw);
	return ok;
}

static enum progress run_fail_effect(
	struct run *r, struct frame *f, const struct fault *fault, const char *reason)
{
	enum on_uncertain rule = f->task->metadata.on_uncertain;
	if (run_fail(r, f, fault) == PROGRESS_WAIT)
		return PROGRESS_WAIT;
	if (fault->uncertain && rule == UNCERTAIN_HOLD)
		run_hold(r, f, reason);
	return PROGRESS_AGAIN;
}

/* Its output was refused. An effect has happened all the same, unless it is undone with
 * its transaction. What an operator gave for it is asked for again. */
static enum progress refuse_output(
	struct run *r, struct frame *f, struct fault *fault, const struct effect *e)
{
	if (f->state == FRAME_ANSWERED) {
		fault->uncertain = true;
		run_fail(r, f, fault);
		run_hold(r, f, "the answer that was given for the step was refused");
		return PROGRESS_AGAIN;
	}
	fault->uncertain = e && effect_may_have_happened(e) && !e->transaction;
	return run_fail_effect(
		r, f, fault, "the last attempt took effect, but its output was refused");
}

/* of: the effect whose output it is, or NULL. */
static enum progress complete_task(struct run *r, struct frame *f, struct value *output,
	const struct run_effect *of, const struct then *then)
{
	struct fault fault = {0};
	struct json authorization = {0};
	struct value *context;
	const struct effect *e = of ? &of->effect : NULL;
	if (e)
		authorization =
			(struct json){e->authorization.data, e->authorization.len};
	bool fits = transform_output(r, f, authorization, &output, &context, &fault);
	if (of && !run_wants_answer(r))
		run_effect_spend(r, f);
	if (!fits || run_wants_answer(r)) {
		value_unref(output);
		value_unref(context);
		return run_wants_answer(r) ? PROGRESS_WAIT
					   : refuse_output(r, f, &fault, e);
	}
	struct op op = op_make(OP_COMPLETED, f->path);
	op.attempt = f->attempt > 1 ? f->attempt : 0;
	op.next = next_of(then ? then : &f->task->then, f);
	op.values[OP_CONTEXT] = context;
	if (output == f->cursor)
		value_unref(output);
	else
		op.values[OP_OUTPUT] = output;
	if (f->task->metadata.checkpoint)
		r->barrier_seq = r->seq + 1;
	struct frame *rivals =
		f->parent && frame_is_concurrent(f->parent) && f->parent->list->compete
			? f->parent
			: NULL;
	if (op.next == NEXT_END) {
		run_cancel_others(r, r->root, f);
		rivals = NULL;
	}
	run_record(r, &op);
	while (rivals && rivals->child)
		run_cancel_branch(r, rivals->child);
	return PROGRESS_AGAIN;
}

enum progress run_complete(
	struct run *r, struct frame *f, struct value *output, const struct then *then)
{
	return complete_task(r, f, output, NULL, then);
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

/* ---- Attempts of an effect ---- */

static bool attempt_timeout(
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
	if (ok) /* what was waited for to evaluate it does not count */
		*ret = r->now + after;
	return ok;
}

/* Fills op, a `started`, with the next attempt's intent. False: it was recorded
 * otherwise. */
static bool attempt_prepare(struct run *r, struct frame *f, struct host *host,
	struct op *op, struct fault *fault)
{
	if (!run_render(r, f, host, fault) ||
		!attempt_timeout(r, f, &op->deadline, fault))
		return false;
	if (frame_goes_on(f) && f->deadline)
		op->deadline = f->deadline;
	op->attempt = f->attempt + 1;
	op->generation = f->generation;
	op->has_digest = true;
	memcpy(op->digest, f->request->digest, sizeof op->digest);
	if (frame_goes_on(f) && f->attempt_deadline)
		op->attempt_deadline = f->attempt_deadline;
	else if (f->task->metadata.retry_policy)
		op->attempt_deadline = route_attempt_deadline(r, f, r->at);
	return true;
}

/* Begins the next attempt of an effect whose frame is open. */
static enum progress attempt_begin(struct run *r, struct frame *f, struct host *host)
{
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, f->path);
	if (f->was_uncertain && !f->force &&
		r->now - f->first_attempt_at > f->task->metadata.key_window) {
		run_hold(r, f, "the key window of an uncertain attempt has passed");
		return PROGRESS_AGAIN;
	}
	if (!f->redo && doubt_is_noted(r, f->task)) {
		run_hold(r, f, "an earlier step was cut off, and may have taken effect");
		return PROGRESS_AGAIN;
	}
	if (!attempt_prepare(r, f, host, &op, &fault) || run_wants_answer(r))
		return run_fail(r, f, &fault);
	if (f->has_digest && memcmp(f->digest, op.digest, sizeof op.digest) != 0) {
		run_hold(r, f,
			"the request changed since an earlier attempt of this step");
		return PROGRESS_AGAIN;
	}
	run_record(r, &op);
	f->asked = true; /* who wakes it from now on asks for another look */
	return PROGRESS_AGAIN;
}

/* An effect that may be sent at most once, or only after a look, announces itself when
 * its turn has come, so that its intent means that it was sent. */
static bool attempt_announces_late(const struct task *t)
{
	return t->kind->effect && t->metadata.on_uncertain != UNCERTAIN_RETRY;
}

/* ---- Entering tasks ---- */

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
	enum progress p = enter_as(r, &probe, host);
	free(path);
	return p;
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

/* A handler's list has ended: catch.then overrides the try's own. */
static enum progress leave_list(struct run *r, struct frame *f)
{
	const struct catcher *c = f->task->catcher;
	if (f->in_handler)
		return run_complete(
			r, f, value_ref(f->cursor), c->has_then ? &c->then : NULL);
	return f->task->kind->next(r, f);
}

/* ---- Effects ---- */

/* Until what was undone is repeated: no longer than a lease, since what was in its way
 * may be gone by then. */
static int64_t put_off_usec(const struct frame *f, const struct effect *e)
{
	int64_t usec = (e->ended_session ? 1 : 4) * USEC_PER_SEC;
	for (int64_t i = 0; i < f->repeats && usec < e->host->lease; i++)
		usec *= 2;
	return usec < e->host->lease ? usec : e->host->lease;
}

static enum progress wait_again(struct run *r, struct frame *f, const struct effect *e)
{
	struct op op = op_make(OP_WAITING, f->path);
	if (e->ended_session && f->ended_before &&
		r->now - f->ended_before <= 3600 * USEC_PER_SEC) {
		run_hold(r, f,
			"it ended the database session it ran in three times within an "
			"hour");
		return PROGRESS_AGAIN;
	}
	op.due = e->wait_reason ? r->now + put_off_usec(f, e)
		 : e->wait_usec ? r->now + e->wait_usec
				: DUE_WOKEN;
	op.deadline = f->deadline;
	op.again = true;
	op.repeats = e->wait_reason ? f->repeats + 1 : 0;
	op.backend = e->ended_session;
	free(f->put_off);
	op.reason = f->put_off = e->wait_reason ? xstrdup(e->wait_reason) : NULL;
	r->put_off = e->wait_reason != NULL;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

static enum progress attempt_end(struct run *r, struct frame *f, const struct advance *a)
{
	struct run_effect *e = f->effect;
	if (!e || !e->done || (e->effect.transaction && e != a->carried))
		return PROGRESS_WAIT;
	struct json output = {e->effect.output.data, e->effect.output.len};
	if (e->effect.succeeded && !e->effect.waits)
		return complete_task(r, f, value_create(output), e, NULL);
	run_effect_spend(r, f);
	if (e->effect.waits)
		return wait_again(r, f, &e->effect);
	return run_fail_effect(r, f, effect_fault(&e->effect),
		"nobody knows whether the last attempt took effect");
}

/* The last attempt may have taken effect, and must not be made again by itself. */
static enum progress attempt_settle_lost(struct run *r, struct frame *f)
{
	struct fault fault = {.uncertain = true};
	if (f->task->metadata.on_uncertain == UNCERTAIN_HOLD) {
		run_hold(r, f, "nobody knows whether the last attempt took effect");
		return PROGRESS_AGAIN;
	}
	fault_set(&fault, PROBLEM_RUNTIME,
		"the worker was lost during attempt %u; it may have taken effect",
		f->attempt);
	return run_fail(r, f, &fault);
}

static enum progress enter_leaf(struct run *r, struct frame *f, const struct advance *a)
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
static enum progress enter_once_more(
	struct run *r, struct frame *f, const struct advance *a)
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

/* ---- The life of a run ---- */

static enum progress step_waiting(struct run *r, struct frame *f, const struct advance *a)
{
	if (f->due > a->now && (f->due != DUE_WOKEN || f->asked))
		return PROGRESS_WAIT;
	if (!f->retrying)
		return f->task->kind->next(r, f);
	if (f->opened && !f->child && f->task->catcher) { /* another pass of a block */
		f->retrying = false;
		f->state = FRAME_NEXT;
		agenda_touch(f);
		return PROGRESS_AGAIN;
	}
	return enter_once_more(r, f, a);
}

static enum progress take_answer(struct run *r, struct frame *f)
{
	return run_complete(r, f, value_ref(f->answer), NULL);
}

/* It was resumed; only a retry sends what is held. What an operator answered comes first:
 * nothing goes on behind a hold. */
static enum progress hold_again(struct run *r, struct frame *f)
{
	for (struct frame *g = frame_leaf(r->root); g; g = frame_leaf_after(g, r->root)) {
		if (g->state == FRAME_ANSWERED)
			return take_answer(r, g);
	}
	run_hold(r, f, "a step is held until it is retried or answered");
	return PROGRESS_AGAIN;
}

/* An error of another branch waits for what is held: it may have taken effect, and where
 * the error leads would leave it behind before a person has said what became of it. */
static enum progress settle_held(struct run *r)
{
	struct frame *f = frame_leaf(r->root);
	while (f->note.wait != AGENDA_PERSON)
		f = frame_leaf_after(f, r->root);
	return f->state == FRAME_ENTER ? attempt_settle_lost(r, f) : hold_again(r, f);
}

/* An error finds its way, unless that leaves behind what is in doubt. */
static enum progress handle_error(struct run *r, const struct advance *a)
{
	struct frame *late;
	struct run_effect *e = doubt_ended(r);
	if (e && attempt_end(r, e->frame, a) == PROGRESS_AGAIN)
		return PROGRESS_AGAIN;
	if (run_wants_answer(r) || run_route(r) == PROGRESS_AGAIN)
		return run_wants_answer(r) ? PROGRESS_WAIT : PROGRESS_AGAIN;
	int64_t deadline = r->error_waits ? doubt_deadline(r, &late) : 0;
	if (deadline && deadline <= a->now)
		return run_time_out(r, late);
	return PROGRESS_WAIT;
}

/* What a transaction commits in which others' code may run counts as durable with the
 * next commit of our own. So an intent goes by that, unless its effect is a transaction
 * of this database too: that would be lost together with what came before it. */
static bool needs_own_entry(const struct task *t, const struct advance *a)
{
	const struct effect_kind *kind = t->kind->effect;
	return kind && !(kind->is_transactional && kind->is_transactional(t)) &&
	       a->carried && !a->carried->effect.transaction->settled;
}

/* Whether the step at the frame would begin an attempt now, and must not. */
static bool has_to_wait(const struct frame *f, const struct advance *a)
{
	if (f->state == FRAME_NEXT)
		return f->position >= 0 &&
		       needs_own_entry(&f->list->tasks[f->position], a);
	bool begins = f->redo || f->state == FRAME_ENTER ||
		      (f->state == FRAME_QUEUED && f->granted) ||
		      (f->state == FRAME_WAITING && f->due <= a->now) ||
		      ((f->state == FRAME_READY || f->state == FRAME_ACTIVE) && !f->open);
	return begins && needs_own_entry(f->task, a);
}

static enum progress step_frame(struct run *r, struct frame *f, const struct advance *a)
{
	if (a->host && a->host->note)
		a->host->note(a->host, f->path);
	if (f->redo)
		return enter_once_more(r, f, a);
	switch (f->state) {
	case FRAME_ENTER: return enter_leaf(r, f, a);
	case FRAME_NEXT:
		return f->position >= 0 ? enter_task(r, f, a->host) : leave_list(r, f);
	case FRAME_READY:
	case FRAME_ACTIVE: /* without an attempt it was cut short */
		return f->open ? attempt_end(r, f, a) : enter_once_more(r, f, a);
	case FRAME_QUEUED:
		return f->granted ? attempt_begin(r, f, a->host) : PROGRESS_WAIT;
	case FRAME_WAITING: return step_waiting(r, f, a);
	case FRAME_HELD: return hold_again(r, f);
	case FRAME_ANSWERED: return take_answer(r, f);
	case FRAME_LISTENING: return f->task->kind->next(r, f);
	}
	return PROGRESS_WAIT;
}

/* The first frame that can go on does; the others that were stirred have been looked
 * at. */
static enum progress step_frames(struct run *r, const struct advance *a)
{
	struct frame *f = NULL;
	while ((f = agenda_next(r->root, f, AGENDA_STIRRED))) {
		if (f->note.wait != AGENDA_NOTHING && has_to_wait(f, a)) {
			r->owes_intent = true; /* and it stays stirred */
			continue;
		}
		if (f->note.wait != AGENDA_NOTHING &&
			step_frame(r, f, a) == PROGRESS_AGAIN)
			return PROGRESS_AGAIN;
		if (run_wants_answer(r))
			return PROGRESS_WAIT; /* and it stays stirred */
		agenda_calm(f);
	}
	return PROGRESS_WAIT;
}

/* While the run is being stopped, effects that are under way come to their end. */
static enum progress step_effects(struct run *r, const struct advance *a)
{
	for (struct run_effect *e = r->under_way; e; e = e->next) {
		if (step_frame(r, e->frame, a) == PROGRESS_AGAIN)
			return PROGRESS_AGAIN;
		if (run_wants_answer(r))
			return PROGRESS_WAIT;
	}
	return PROGRESS_WAIT;
}

/* The outcome that commits with its own transaction; it comes first in its entry. */
static enum progress step_carried(struct run *r, const struct advance *a)
{
	struct frame *f = a->carried->frame;
	return f ? attempt_end(r, f, a) : PROGRESS_WAIT;
}

static enum progress step(struct run *r, const struct advance *a)
{
	struct frame *late;
	if (a->carried && !a->carried->recorded)
		return step_carried(r, a);
	if (r->request == REQUEST_CANCEL && (r->error_waits || !run_has_outcome(r)))
		return run_cancel(r);
	if (!r->root)
		return run_is_stopping(r) ? run_obey_stop(r) : enter_run(r);
	if (r->failed && !run_awaits_person(r))
		return handle_error(r, a);
	if (r->failed && !run_is_stopping(r))
		return settle_held(r);
	if (run_is_stopping(r) && !run_is_busy(r))
		return run_obey_stop(r);
	int64_t deadline = run_deadline(r, &late);
	if (deadline && deadline <= a->now && !run_has_outcome(r))
		return run_time_out(r, late);
	return run_is_stopping(r) ? step_effects(r, a) : step_frames(r, a);
}

static unsigned need_of(const struct run *r)
{
	static const unsigned needs[AGENDA_WAITS] = {[AGENDA_START] = NEED_SLOT,
		[AGENDA_EFFECT] = NEED_EFFECT,
		[AGENDA_TIMER] = NEED_TIMER,
		[AGENDA_EVENT] = NEED_EVENT};
	unsigned need = NEED_NOTHING;
	bool stopping = run_is_stopping(r) || r->error_waits;
	if (r->status != RUN_RUNNING)
		return NEED_NOTHING;
	for (int wait = 0; wait < AGENDA_WAITS; wait++)
		need |= r->agenda.waits[wait] ? needs[wait] : 0;
	/* What is stirred still goes on after a long chain. */
	bool goes_on = !r->root || r->barrier_seq > r->durable_seq ||
		       (stopping ? !run_is_busy(r)
				 : agenda_next(r->root, NULL, AGENDA_STIRRED) != NULL);
	return goes_on ? need | NEED_FLUSH : need;
}

static bool can_move(const struct run *r)
{
	return r->barrier_seq <= r->durable_seq &&
	       (r->status == RUN_RUNNING ||
		       (r->status == RUN_SUSPENDED && r->request == REQUEST_CANCEL));
}

/* Whether the entry that grows has to become durable first: others wait, and what is in
 * memory only can be lost. An error is routed to its end. */
static bool is_long(const struct run *r, int steps, int64_t began)
{
	return !r->failed &&
	       (r->costly || steps >= CHAIN_STEPS || r->ops.len >= BOUND_CHAIN ||
		       (steps % 16 == 0 && clock_boottime() - began > CHAIN_USEC));
}

/* The completion that its own transaction takes along, and nothing else. */
static bool goes_alone(const struct run *r, const struct advance *a)
{
	return a->carried && a->carried->recorded &&
	       a->carried->effect.transaction->sole &&
	       (!r->failed || r->error_waits || run_awaits_person(r));
}

unsigned run_advance(struct run *r, const struct advance *a)
{
	int64_t began = clock_boottime();
	bool cut = false;
	run_begin_entry(r, a->now);
	r->host = a->host;
	r->owes_intent = false;
	r->put_off = r->costly = r->error_waits = false;
	agenda_stir_due(&r->agenda, a->now);
	for (struct run_effect *e = r->under_way; e; e = e->next) {
		if (e->done)
			agenda_touch(e->frame);
	}
	for (int steps = 1; !cut && can_move(r); steps++) {
		enum progress p = step(r, a);
		if (run_wants_answer(r)) {
			if (!question_ask(r->question))
				return need_of(r) | NEED_ANSWER;
			continue; /* the same again, with the answers */
		}
		question_clear(r->question);
		if (p == PROGRESS_WAIT)
			break;
		cut = is_long(r, steps, began) || goes_alone(r, a);
	}
	/* After a cut an outcome may be there that nobody announces again. */
	bool goes_on = cut && r->status == RUN_RUNNING;
	return need_of(r) | (goes_on ? NEED_FLUSH : NEED_NOTHING);
}
