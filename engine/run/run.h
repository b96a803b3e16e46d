/*
 * A run in memory: the state that its journal says, and what its owner holds besides. The
 * state changes by run_apply alone; decisions (decision.h) say what happens and record
 * it by run_record, which writes the operation into the pending entry and applies it.
 */
#ifndef STEPWELL_RUN_RUN_H
#define STEPWELL_RUN_RUN_H

#include "definition/definition.h"
#include "expression/question.h"
#include "journal/op.h"
#include "run/frame.h"

struct entry;
struct worker;

enum run_status {
	RUN_RUNNING,
	RUN_SUSPENDED,
	RUN_COMPLETED,
	RUN_FAULTED,
	RUN_CANCELLED,
};

enum run_request { REQUEST_NONE, REQUEST_SUSPEND, REQUEST_CANCEL };

struct run {
	struct uuid id;
	struct definition *definition;
	struct value *raw_input; /* as the run was started */
	int64_t created_at, started_at;
	enum run_status status;
	struct value *output; /* completed */
	struct value *error;  /* faulted; while failed is set: the error being routed */
	struct value *context;
	struct frame *root; /* NULL before the first operation */
	struct frame
		*failed; /* the frame whose error is to be routed or has ended the run */
	struct buf leaves; /* the paths of tasks that were left in the pending entry:
			      journal/entry.h */
	struct buf doubts; /* of which tasks a step was cut off: doubt.h */
	bool raised;       /* that error came from a raise */
	bool no_retry;     /* it left open whether an at-most-once effect happened */
	bool limit_hit;    /* it is the end of a policy's limit on one attempt */
	bool error_waits;  /* ... for an effect that is in doubt (doubt.h): nothing new
			      begins meanwhile; only what the owner knows */
	bool asked;        /* ... to suspend, and it obeyed */
	bool held;         /* a step is held that is open: nothing new begins, no error is
			      routed, then the run is suspended */
	int64_t at;        /* time of the entry that is being written or applied */

	/* What only the owner knows; lost with the process. */
	int64_t seq;         /* the last entry, written or pending */
	int64_t durable_seq; /* the last acknowledged one */
	int64_t claimed_seq; /* of our claimed entry */
	int64_t frames_seq;  /* of the last snapshot, 0: none */
	size_t tail_bytes;   /* of that and the entries since then, written or pending */
	size_t frames_bytes; /* of that alone */
	struct buf ops;      /* the pending entry's operations, "" if there is none */
	unsigned op_count;
	struct op head; /* the pending entry's first operation: kind, path, attempt */
	char *head_path;
	enum run_request request;
	const char *reason;  /* why it is suspended, for people; static */
	bool costly;         /* its last step was: the chain ends there */
	char *remark;        /* what the log is to say of it, once; or NULL */
	int64_t retry_after; /* what the failed effect's answer asked for */
	int64_t now;         /* the database's time, as this advance began */
	bool put_off;        /* in the pending entry something was */
	bool owes_intent; /* an effect waits for an entry that no transaction of another
			     effect carries */
	int64_t barrier_seq; /* nothing is decided until this entry is durable */
	struct host *host;
	struct arrival *inbox;    /* events on their way to its listeners */
	struct taking *takings;   /* events that were taken by the pending entry */
	uint64_t taken_count;     /* since it was loaded */
	struct emission *emitted; /* by the pending entry */
	char *waits; /* what the database knows of its subscriptions, as text; or NULL */
	struct run_effect *spent;     /* recorded; kept until that is durable */
	struct run_effect *under_way; /* its frames' effects, not recorded yet */
	struct agenda agenda;         /* of its frames */
	bool dropped_effect; /* one that had been sent was stopped without outcome */
	/* What the decision at hand evaluates; empty between decisions. While it is
	 * wanting, nothing is decided. */
	struct question *question;
};

struct run *run_create(struct uuid id, struct definition *d, struct value *input,
	int64_t created_at, int64_t started_at);
void run_destroy(struct run *r);
/* Something for the log, which has the run's id; of several before it is written, the
 * first. */
void run_remark(struct run *r, const char *format, ...)
	__attribute__((format(printf, 2, 3))); /* the effect must be gone or detached */

/* Changes the run by the operation. ERROR_PERMANENT where it does not fit the definition
 * or the state: the journal is not this definition's. */
MUST_CHECK bool run_apply(struct run *r, const struct op *op, struct error *err);

/* Writes the operation into the pending entry and applies it, which cannot fail for an
 * operation that was just decided. Drops the references that op->values hold. */
void run_record(struct run *r, struct op *op);
struct frame *run_find(const struct run *r, const char *path); /* NULL: not open */
/* The innermost open frame that the path leads through, itself excluded. */
struct frame *run_find_parent(const struct run *r, const char *path);
/* Whether a step is held, is about to be (a lost worker's, to be decided by a person), or
 * was answered and has not completed yet: what would leave it behind has to wait. */
bool run_awaits_person(const struct run *r);
/* Of the error that is being handled; 0: none. */
int64_t run_error_status(const struct run *r);
/* The stepId of a frame. */
void run_step_id(const struct run *r, const struct frame *f, char out[UUID_TEXT]);
/* The nearest deadline of the frames that are open, 0: none. */
int64_t run_deadline(const struct run *r, struct frame **ret);

#endif
