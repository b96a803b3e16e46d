/*
 * The life of a run: run_advance decides what happens next until the run has to wait.
 * Each decision is recorded as an operation (run_record); nothing else changes the run.
 */
#ifndef STEPWELL_RUN_ADVANCE_H
#define STEPWELL_RUN_ADVANCE_H

#include "run/run.h"

/* What a run waits for when run_advance returns; several at once in a fork. */
enum run_need {
	NEED_NOTHING = 0, /* the run has ended, or is suspended */
	NEED_FLUSH = 1,   /* go on when the pending entry is durable (a checkpoint, or a
			     long chain) */
	NEED_SLOT = 2,    /* an effect wants to start: see run_next_effect */
	NEED_EFFECT = 4,  /* an effect is under way */
	NEED_TIMER = 8,   /* run_due says until when */
	NEED_EVENT = 16,  /* an event arrives, or run_due says until when */
	NEED_ANSWER = 32, /* what it has to evaluate was asked: run->question */
};

struct advance {
	int64_t now; /* the database's time, microseconds since 1970 */
	/* The effect whose open transaction takes this advance's entry along, NULL: none.
	 * Its outcome is recorded first; those of other such effects wait. */
	struct run_effect *carried;
	struct host *host;
};

unsigned run_advance(struct run *r, const struct advance *a);

/* Whether it stands until what it has asked is answered. Nothing is decided meanwhile;
 * the pending entry may hold what was decided before. */
bool run_is_evaluating(const struct run *r);
/* When a run that needs a timer is due: its leaves' due times and nearest deadline. */
int64_t run_due(const struct run *r);
/* Nothing new is to begin: what is under way comes to its end, then it is suspended. */
bool run_is_stopping(const struct run *r);
/* Whether effects are under way, or have outcomes that are not recorded. */
bool run_is_busy(const struct run *r);
bool run_has_outcome(const struct run *r); /* one that is not recorded */

/* After a replay by a new owner: attempts without outcome are lost. */
void run_mark_lost(struct run *r, int64_t now);
/* Before a hand-over: attempts that were announced but not begun are taken back. */
void run_take_back(struct run *r, int64_t now);
/* Suspends a run that is stopping, and has nothing under way any more. */
enum progress run_obey_stop(struct run *r);
/* Suspends the run; reason is a static text. */
void run_suspend(struct run *r, int64_t now, const char *reason);
/* Ends a run that cannot go on: its input is no JSON, its definition does not compile. */
void run_refuse(struct run *r, int64_t now, const struct fault *f);

/* A frame whose effect may start: one whose durable intent waits for it, or one that
 * needs a slot before it writes its intent (FRAME_QUEUED). granted: among those that have
 * a slot already, else among those without. NULL: none. */
struct frame *run_next_effect(const struct run *r, bool granted);
/* Makes the effect of a FRAME_READY frame whose intent is durable; the caller starts it.
 */
struct run_effect *run_effect_create(
	struct run *r, struct frame *f, struct host *host, int64_t now);
void run_effect_destroy(struct run_effect *e);
/* Ends it without an outcome, if it has none, undoes an open transaction, destroys it. */
void run_effect_stop(struct run_effect *e);
/* It is not its frame's any more. */
void run_effect_detach(struct run *r, struct run_effect *e);
bool run_effect_is_transactional(const struct run_effect *e);
/* Its outcome is in the pending entry: the frame is free of it, the run keeps it. */
void run_effect_spend(struct run *r, struct frame *f);
/* Destroys those whose outcome is durable; true if there were any. */
bool run_effects_forget(struct run *r);
/* All effects, under way or kept, as a list: the run is free of them. */
struct run_effect *run_effects_take(struct run *r);
/* Takes up an effect that survived a reload, if its frame still waits for it. */
bool run_effect_attach(struct run *r, struct run_effect *e);
/* The effect with an open transaction that waits for its outcome's entry, NULL: none. */
struct run_effect *run_effect_carrying(const struct run *r);

/* Whether the decision at hand needs answers that are not there: whoever evaluates asks,
 * and returns PROGRESS_WAIT with nothing changed. */
bool run_wants_answer(const struct run *r);

/* ---- Inside the engine: decisions that route.c and stop.c share ---- */

void run_begin_entry(struct run *r, int64_t now);
void run_hold(struct run *r, struct frame *f, const char *reason);
enum progress run_cancel(struct run *r);
/* The frame's time is over: what runs below it is stopped. */
enum progress run_time_out(struct run *r, struct frame *f);
/* Nobody waits for the frame any more: it and all below it are cancelled. */
void run_cancel_branch(struct run *r, struct frame *f);
/* All branches below top that do not lead to keep. */
void run_cancel_others(struct run *r, struct frame *top, const struct frame *keep);
/* All attempts end without an outcome, since the run ends. */
void run_give_up_attempts(struct run *r);

/* ---- What kinds of task decide with (in enter and next) ---- */

/* The task is through: output (takes the reference) goes through output.as and export.as;
 * then NULL means the task's own. */
enum progress run_complete(
	struct run *r, struct frame *f, struct value *output, const struct then *then);
enum progress run_fail(struct run *r, struct frame *f, const struct fault *fault);
/* An error of the author's making: a problem document (takes the reference). */
enum progress run_raise(struct run *r, struct frame *f, struct value *error);
enum progress run_wait(struct run *r, struct frame *f, int64_t due);
/* A call's function begins with this raw input (takes the reference). */
enum progress run_open(struct run *r, struct frame *f, struct value *input);
/* A loop's iteration; items (takes the reference) with the first one. */
enum progress run_iterate(
	struct run *r, struct frame *f, struct value *items, int64_t index);

/* A task that listens waits for events; waits (takes the reference): see listening.h. */
enum progress run_listen(struct run *r, struct frame *f, struct value *waits);

#endif
