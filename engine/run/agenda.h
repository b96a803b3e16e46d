/*
 * What a run has to look at, kept in step with its frames, so that no decision walks
 * through all of them: which frames may go on (stirred), which want a slot or were
 * granted one, which time comes next, what the run needs as a whole. In a
 * concurrent list the marked branches are bits, so that the first one in the order of the
 * tree is found at once.
 *
 * Whoever changes what a frame waits for (its state, times, effect, listening) touches
 * it; run_apply does so for its operation. A frame that is touched is stirred.
 */
#ifndef STEPWELL_RUN_AGENDA_H
#define STEPWELL_RUN_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct frame;

enum agenda_mark {
	AGENDA_STIRRED, /* something is to be decided there, maybe */
	AGENDA_SLOT,    /* its effect may start when there is a slot */
	AGENDA_GRANTED, /* the same, and it has a slot */
	AGENDA_MARKS
};

enum agenda_time { AGENDA_DUE, AGENDA_DEADLINE, AGENDA_TIMES };

/* What a frame that is a point (a leaf, or a fork that has not begun all) waits for. */
enum agenda_wait {
	AGENDA_NOTHING,
	AGENDA_DECISION,
	AGENDA_START,
	AGENDA_EFFECT,
	AGENDA_TIMER,
	AGENDA_EVENT,
	AGENDA_PERSON, /* what an operator is to say, or has said */
	AGENDA_WAITS
};

/* A frame's own part. */
struct agenda_note {
	bool marks[AGENDA_MARKS];
	enum agenda_wait wait;
	unsigned depth;
	int64_t times[AGENDA_TIMES]; /* microseconds since 1970, 0: none */
	size_t slots[AGENDA_TIMES];  /* in the heap, from 1; 0: it is not there */
	bool is_there;               /* it is counted */
	bool is_granted;
	bool listens; /* it has told what it waits for: */
	int64_t told_seq;
	unsigned told_op;
	uint64_t *branches[AGENDA_MARKS]; /* a concurrent list's, by branch; NULL: none */
};

struct agenda_heap {
	struct frame **frames; /* frames[0] is the nearest */
	size_t count, room;
};

struct agenda {
	struct agenda_heap heaps[AGENDA_TIMES];
	size_t waits[AGENDA_WAITS]; /* how many frames wait for what */
	size_t granted, listeners;
	bool retold; /* some listening frame says something else, or is gone */
	const struct frame *watched; /* NULL once that frame is destroyed */
	/* Where the operation at hand happens, which is touched when it is applied: a
	 * frame, its parent once that is destroyed; and whether it is the operation's
	 * own. */
	struct frame *at;
	bool at_own;
};

void agenda_finish(struct agenda *a);

/* The frame is there, or has changed. */
void agenda_touch(struct frame *f);
/* The frame is about to be destroyed; it has no children any more. */
void agenda_leave(struct frame *f);
/* There is nothing to decide at the frame until it is touched again. */
void agenda_calm(struct frame *f);

/* The next frame with the mark behind f, in the order of the tree; f NULL: the first
 * one. */
struct frame *agenda_next(struct frame *root, struct frame *f, enum agenda_mark mark);
/* Stirs all frames that are due by then. */
void agenda_stir_due(struct agenda *a, int64_t now);
/* The frame whose time comes first (an outer one before those inside), NULL: none. */
struct frame *agenda_first(const struct agenda *a, enum agenda_time time);

/* Whether all of it is as the frames say, for tests. */
bool agenda_is_right(const struct agenda *a, struct frame *root);

#endif
