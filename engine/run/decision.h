/*
 * What decisions are made of; kinds of task decide with it, too (in enter and next). Each
 * records an operation, and nothing else changes the run. The lowest of those that
 * decide: it knows none of them.
 */
#ifndef STEPWELL_RUN_DECISION_H
#define STEPWELL_RUN_DECISION_H

#include "run/run.h"

/* What the run is told when it is to decide. */
struct advance {
	int64_t now; /* the database's time, microseconds since 1970 */
	/* The effect whose open transaction takes this advance's entry along, NULL: none.
	 * Its outcome is recorded first; those of other such effects wait. */
	struct run_effect *carried;
	struct host *host;
};

void run_begin_entry(struct run *r, int64_t now);

/* Whether the decision at hand needs answers that are not there: whoever evaluates asks,
 * and returns PROGRESS_WAIT with nothing changed. */
bool run_wants_answer(const struct run *r);

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
void run_hold(struct run *r, struct frame *f, const char *reason);
/* An effect has failed; reason: why its step is held, where that is what it wants. */
enum progress run_fail_effect(
	struct run *r, struct frame *f, const struct fault *fault, const char *reason);

#endif
