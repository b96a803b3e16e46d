/*
 * The life of a run: run_advance decides what happens next until the run has to wait.
 * Each decision is recorded as an operation (run_record); nothing else changes the run.
 */
#ifndef STEPWELL_ADVANCE_H
#define STEPWELL_ADVANCE_H

#include "run.h"

/* What a run waits for when run_advance returns. */
enum run_need {
	NEED_FLUSH, /* go on when the pending entry is durable (a checkpoint, or a long
		       chain) */
	NEED_SLOT, /* its leaf is FRAME_READY or FRAME_QUEUED: an effect wants to start */
	NEED_EFFECT,  /* its effect is under way */
	NEED_TIMER,   /* run_due says until when */
	NEED_EVENT,   /* the same, or an event arrives */
	NEED_NOTHING, /* the run has ended, or is suspended */
};

struct advance {
	int64_t now;       /* the database's time, microseconds since 1970 */
	bool slot_granted; /* a FRAME_QUEUED leaf may write its intent */
	struct host *host;
};

enum run_need run_advance(struct run *r, const struct advance *a);

/* When a run that needs a timer is due: its leaf's due time or its nearest deadline. */
int64_t run_due(const struct run *r);

/* After a replay by a new owner: an attempt without outcome is lost. */
void run_mark_lost(struct run *r, int64_t now);
/* Before a hand-over: an attempt that was announced but not begun is taken back. */
void run_take_back(struct run *r, int64_t now);
/* Suspends the run; reason is a static text. */
void run_suspend(struct run *r, int64_t now, const char *reason);
/* Ends a run that cannot go on: its input is no JSON, its definition does not compile. */
void run_refuse(struct run *r, int64_t now, const struct fault *f);

/* Makes the effect of a FRAME_READY leaf whose intent is durable; the caller starts it.
 */
struct run_effect *run_effect_create(struct run *r, struct host *host, int64_t now);
void run_effect_destroy(struct run_effect *e);
/* Ends it without an outcome, if it has none, undoes an open transaction, destroys it. */
void run_effect_stop(struct run_effect *e);
bool run_effect_is_transactional(const struct run_effect *e);
/* Takes up an effect that survived a reload, if the leaf still waits for it. */
bool run_effect_attach(struct run *r, struct run_effect *e);

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
