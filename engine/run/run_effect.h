/* Attempts in the world: from an intent that is durable to a recorded outcome. */
#ifndef STEPWELL_RUN_RUN_EFFECT_H
#define STEPWELL_RUN_RUN_EFFECT_H

#include "run/run.h"

/* One attempt in the world, and its outcome until that is durable. It outlives a reload
 * of its run (after a lost connection), which takes it up again by path and attempt. */
struct run_effect {
	struct effect effect;
	struct request *request;
	struct frame *frame; /* while it is the frame's effect */
	char *path;
	char step_id[UUID_TEXT];
	char *reference;
	unsigned attempt;
	int64_t deadline, attempt_deadline; /* counted from its start */
	bool done;                          /* on_done has come */
	bool recorded;                      /* its outcome is in an entry, this one: */
	int64_t recorded_seq;
	struct run_effect *next;
};

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
bool run_has_outcome(const struct run *r); /* one that is not recorded */

#endif
