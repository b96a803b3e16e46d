/*
 * A task that listens: what its frame keeps, and how events reach it. What it waits for,
 * what it took and what its correlations were bound to are in the journal. Arrivals and
 * emissions are the owner's: they go to the database together with the entry that
 * records them, so an event is taken, or emitted, exactly once.
 */
#ifndef STEPWELL_LISTENING_H
#define STEPWELL_LISTENING_H

#include "error.h"
#include "value.h"

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
};

/* An event on its way to a task of the run. */
struct arrival {
	char *path, *reference, *source, *id;
	struct value *event;
	struct arrival *next;
};

/* An event that a task has emitted. */
struct emission {
	char *source, *id, *type, *subject; /* subject may be NULL */
	struct value *event;
	struct emission *next;
};

/* What a run waits for from an entry on: a frame of it that listens. */
struct waiting {
	char *path, *reference;
	struct value *waits;
	struct waiting *next;
};

void listening_destroy(struct listening *l);
void arrivals_destroy(struct arrival *a);
void emissions_destroy(struct emission *e);
void waitings_destroy(struct waiting *w);

/* run_apply of OP_LISTENING, OP_RECEIVED, OP_COLLECTED. False: it does not fit. */
MUST_CHECK bool listening_apply(struct run *r, struct frame *f, const struct op *op);
/* The run had ended and is retried: nobody waits any more. */
void listening_lapse(struct frame *f);

/* Which subscriptions the run's state asks for, as text to compare. */
void listening_describe(const struct run *r, struct buf *out);
struct waiting *listening_list(const struct run *r);
/* Whether a frame waits for an event just now. */
bool listening_is_open(const struct run *r);

/* The oldest arrival for the frame goes to the run's `consumed`; NULL: none. */
struct arrival *listening_take(struct run *r, const struct frame *f);
/* Arrivals are added in their order; those for nobody are consumed at once. */
void listening_add(struct run *r, struct arrival *a);

#endif
