/*
 * The life of a run: run_advance decides what happens next until the run has to wait.
 * Each decision is recorded as an operation (run_record); nothing else changes the run.
 */
#ifndef STEPWELL_RUN_ADVANCE_H
#define STEPWELL_RUN_ADVANCE_H

#include "run/decision.h"

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

unsigned run_advance(struct run *r, const struct advance *a);

/* Whether it stands until what it has asked is answered. Nothing is decided meanwhile;
 * the pending entry may hold what was decided before. */
bool run_is_evaluating(const struct run *r);

#endif
