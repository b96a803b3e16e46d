/*
 * Operations: what the journal says. An entry is a JSON array of them, in the order in
 * which they happened. run_apply changes a run by an operation, and by nothing else, so
 * that a run in memory and its replay are the same by construction.
 *
 * Members of an operation, where they apply: op, path, attempt, digest (of the request,
 * hex), input, output, context, items, error, correlated (values), index (of a loop's
 * iteration), repeats (how often it was undone and put off), next (position in the list:
 * absent means the following one; -1 the end of the list, -2 the end of the run), due,
 * deadline, attemptDeadline (microseconds since 1970), uncertain, again (a fresh pass of
 * a block), backend (it ended the session it ran in), limitHit, failedEntry (its if or
 * input.from could not be evaluated, or its input does not fit its schema), generation
 * (of the stepId), worker, loss, suspect, reason, by (who answered), newId, force.
 */
#ifndef STEPWELL_JOURNAL_OP_H
#define STEPWELL_JOURNAL_OP_H

#include "base/uuid.h"
#include "json/member.h"
#include "json/value.h"

enum op_kind {
	OP_CREATED,
	OP_CLAIMED,   /* a worker owns it from here on, or puts it where it waits */
	OP_STARTED,   /* a task is entered, or another attempt of its step begins */
	OP_ITERATION, /* a loop begins an iteration */
	OP_OPENED,    /* a call opens its function, whose raw input is `input` */
	OP_SKIPPED,   /* a task whose `if` is false */
	OP_COMPLETED, /* a task has its output; path "": the run */
	OP_FAULTED,   /* an attempt failed; path "": the run did */
	OP_WAITING,   /* until due */
	OP_RETRY,     /* another attempt, or another pass of a block, is due */
	OP_CAUGHT,    /* a try goes on with its handler */
	OP_LOST,      /* an attempt of a worker that is gone: nobody knows how it ended */
	OP_HELD,      /* a step waits for an operator */
	OP_ANSWERED,  /* an operator says that a held step was done, and what it gave */
	OP_SUSPENDED,
	OP_RESUMED,
	OP_RETRIED, /* an operator lets a run go on that had failed or was held */
	OP_CANCELLED,
	OP_FRAMES,    /* a snapshot: see run/snapshot.h */
	OP_LISTENING, /* a task waits for events: items say for which */
	OP_RECEIVED,  /* it took one: index is the filter's number, output what was read
		       */
	OP_COLLECTED, /* foreach: what the event's iteration gave */
};

/* A due time that does not come: the run waits until it is woken (the year 9999). */
#define DUE_WOKEN INT64_C(253402300799000000)

#define NEXT_FOLLOWING INT64_MIN
#define NEXT_EXIT (-1)
#define NEXT_END (-2)
#define NEXT_OWN (INT64_MIN + 1) /* in memory only: as the task's own then says */

enum op_value {
	OP_INPUT,
	OP_OUTPUT,
	OP_CONTEXT,
	OP_ITEMS,
	OP_ERROR,
	OP_CORRELATED,
	OP_VALUES
};

struct op {
	enum op_kind kind;
	const char *path; /* NULL: none; borrowed */
	unsigned attempt; /* 0: none */
	bool has_digest;
	uint8_t digest[16];
	struct value *values[OP_VALUES]; /* NULL: none */
	int64_t index, next;
	int64_t due, deadline, attempt_deadline; /* 0: none */
	unsigned generation;
	int64_t repeats; /* 0: none */
	bool backend;
	bool uncertain, again, raised, loss, suspect, new_id, force;
	bool failed_entry; /* started: its if, input.schema or input.from failed */
	bool limit_hit;    /* faulted: a policy's limit on one attempt was over */
	const char *worker, *reason, *by;
	struct json frames; /* OP_FRAMES: the snapshot */
};

/* An operation with nothing in it but its kind and path. */
struct op op_make(enum op_kind kind, const char *path);

/* Appends the operation's JSON object to out and tells its values where they stand: entry
 * seq, operation `number` (values that have a place already keep it). */
void op_write(const struct op *op, int64_t seq, unsigned number, struct buf *out);

/*
 * Reads an operation back. Values are created (op_finish drops them) with their place;
 * strings are owned by the op until op_finish. ERROR_PERMANENT where the text is no
 * operation of ours.
 */
MUST_CHECK bool op_read(struct json text, int64_t seq, unsigned number, struct op *ret,
	struct error *err);
void op_finish(struct op *op);

/* The members of struct op: a new one gets its line there. */
extern const struct member op_members[];
/* The member of an operation that holds a value and has this name, NULL: none. */
const char *op_value_field(struct json name);

/* "started" etc.; the names are also the journal's kinds. */
const char *op_name(enum op_kind kind);
/* The journal's kind of an entry that begins with this operation. */
const char *op_entry_kind(const struct op *op);

#endif
