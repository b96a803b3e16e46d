/*
 * What happens next. One decision at a time: look at the leaf, decide, record. A decision
 * evaluates expressions; its outcome is written down, so that nobody evaluates it again.
 * Which frame it is about is found here; what is decided, in the files below.
 */
#include "run/advance.h"

#include "base/bounds.h"
#include "base/clock.h"
#include "run/attempt.h"
#include "run/complete.h"
#include "run/doubt.h"
#include "run/enter.h"
#include "run/route.h"
#include "run/run_effect.h"
#include "run/stop.h"
#include "run/transaction.h"

#define CHAIN_STEPS 1000
#define CHAIN_USEC (10 * USEC_PER_MS)

bool run_is_evaluating(const struct run *r)
{
	return r->question->asked;
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
