/*
 * A task that listens: what its frame keeps, and how events reach it. What it waits for,
 * what it took and what its correlations were bound to are in the journal. A listener
 * reads the kept events that match it in the order of their places; what it took is
 * stored with the entry that says so, so an event is taken, or emitted, exactly once.
 * What it did not take it has only read: each pass of a task reads for itself, and of
 * several passes that are open at once each is offered what matches.
 */
#ifndef STEPWELL_RUN_LISTENING_H
#define STEPWELL_RUN_LISTENING_H

#include "base/error.h"
#include "journal/event.h"
#include "json/value.h"

struct run;
struct frame;
struct op;

#define LISTENING_UNTIL 1000 /* filters of `until` are numbered from here */

struct listening {
	/* An array of {"filter", "type", "source", "subject", "shape", "expected"}: what
	 * can be looked up, and "expect": {name: value}. NULL: nobody was told yet. */
	struct value *waits;
	struct value **taken; /* the elements of the output so far */
	size_t count;
	struct value *correlated; /* name -> value that was bound first; NULL: none */
	uint64_t met, until_met;  /* filters of `all` that have had their event */
	struct value *item;       /* foreach: the event that is being handled */
	int64_t received;         /* foreach: how many were begun */
	struct value *context;    /* as it was when it began to wait: filters see this */

	/* Volatile: only the owner's. */
	int64_t place;  /* it has decided on all events up to here; -1: as stored */
	int64_t stored; /* what the database knows of that */
	int64_t upto;   /* where it is when it has decided on what has arrived for it */
	int64_t passed; /* the first event that it has passed over though another pass may
			   take it; 0: none */
	char *since;    /* list_arrivals.sql: $4; or NULL */
	uint64_t look;  /* the last question for its arrivals; 0: none */
	bool attended;  /* what was there for it is in memory, or decided on */
};

void listening_destroy(struct listening *l);

/* run_apply of OP_LISTENING, OP_RECEIVED, OP_COLLECTED. False: it does not fit. */
MUST_CHECK bool listening_apply(struct run *r, struct frame *f, const struct op *op);
/* The run had ended and is retried: nobody waits any more. */
void listening_lapse(struct frame *f);

/* Which subscriptions the run's state asks for, as text to compare: a line for each. */
void listening_describe(const struct run *r, struct buf *out);
/* What has changed since the run's subscriptions were `before` (such a text). What has
 * arrived for those that are over is forgotten. */
struct waiting *listening_changes(struct run *r, const char *before, const char *after);
/* What those that wait have read since that was stored; NULL: not worth storing. */
struct reading *listening_readings(struct run *r);

/* ---- Arrivals ---- */

/* Frames that wait for events just now, and have decided on what has arrived: the next
 * one after f (NULL: the first). */
struct frame *listening_next(const struct run *r, const struct frame *f);
/* Whether all of them have seen what was there. */
bool listening_is_attended(const struct run *r);
/* All look again. */
void listening_look_again(struct run *r);
/* How far the frame has read, -1: as it was stored. */
int64_t listening_place(const struct frame *f);

/* Arrivals come in the order of their places. Takes a. */
void listening_add(struct run *r, struct arrival *a);
/* The oldest arrival for the frame, which the caller destroys; NULL: none. */
struct arrival *listening_pop(struct run *r, const struct frame *f);
/* It was popped, and is not decided on: it comes first again. Takes a. */
void listening_put_back(struct run *r, struct arrival *a);
/* The frame takes it: no other one of the same task does. */
void listening_took(struct run *r, struct frame *f, const struct arrival *a);
/* It does not; for_good: neither would a later pass whose filters see the same. */
void listening_refused(struct frame *f, const struct arrival *a, bool for_good);

#endif
