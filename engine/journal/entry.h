/*
 * Entries of the journal, as a run's owner makes them, and a run's way through the
 * journal: what it has added, what is in flight. Whoever sends them (the lanes of
 * journal.h, or the transaction of an effect, run/transaction.h) answers.
 */
#ifndef STEPWELL_JOURNAL_ENTRY_H
#define STEPWELL_JOURNAL_ENTRY_H

#include "base/error.h"
#include "base/uuid.h"
#include "journal/event.h"
#include "json/value.h"

/* What happens to the run's lease (and row) with an entry. */
enum lease_change { LEASE_KEEP, LEASE_RELEASE, LEASE_SUSPEND, LEASE_END };

struct entry {
	struct uuid run_id;
	int64_t seq, at;
	const char *kind; /* static */
	char *path;       /* NULL: none */
	unsigned attempt;
	struct buf data;
	struct buf leaves; /* the paths of tasks whose children are cancelled, each with
			      NUL */

	enum lease_change change;
	int64_t due; /* LEASE_RELEASE */
	const char
		*state; /* static: LEASE_RELEASE's lease.state; LEASE_END's run.status */
	char *reason;   /* or NULL */
	bool asked;     /* LEASE_SUSPEND: by an order, which may be gone */
	struct value *output, *error; /* LEASE_END */

	struct emission *emitted; /* events to be stored with it */
	struct taking *takings;   /* events that were taken with it */
	bool unlists;             /* the run waits for nothing any more */
	struct waiting *waits;    /* listeners that begin or end with it */
	struct reading *readings; /* how far they have read */

	int64_t started_at;
	struct entry *next;
};

struct entry *entry_create(struct uuid run_id, int64_t seq, int64_t at);
void entry_destroy(struct entry *e);
size_t entry_bytes(const struct entry *e); /* that it adds to a flush */

enum outbox_end {
	OUTBOX_DURABLE,    /* everything up to seq is acknowledged */
	OUTBOX_CONFLICT,   /* somebody else appended: the run is not ours any more */
	OUTBOX_AMBIGUOUS,  /* the connection was lost: committed or not, nobody knows */
	OUTBOX_UNSTORABLE, /* the database refuses this run's entry for good: err says why
			    */
};

/* A run's way through the journal; embedded in whoever owns the run. */
struct outbox {
	struct entry *head, **tail; /* not sent yet */
	struct entry *sent;         /* in flight */
	struct outbox *next;        /* in the queue of outboxes with something to send */
	bool queued, resting;       /* resting: queued, but not to be sent just yet */
	int64_t since; /* boottime: for so long the journal owes it an answer; 0: it does
			  not */
	int deferred;  /* transient failures in a row */
	int64_t rests_until; /* boottime, while it is resting */
	void (*on_end)(struct outbox *outbox, enum outbox_end end, int64_t seq,
		const struct error *err);
};

/* on_end is called from the loop; in all cases but OUTBOX_DURABLE the outbox has been
 * emptied. OUTBOX_AMBIGUOUS without err: the entries are known to be undone, and why that
 * will not happen again. */
void outbox_init(struct outbox *outbox, void (*on_end)(struct outbox *, enum outbox_end,
						int64_t seq, const struct error *));
void outbox_finish(
	struct outbox *outbox); /* frees entries; the outbox must not be in flight */
bool outbox_is_clear(const struct outbox *outbox); /* nothing queued or in flight */
void outbox_add(struct outbox *outbox, struct entry *e);
/* The oldest of what was added is in flight now, by whatever way: the lanes', or a
 * transaction's. At least one entry, and no more than `most` bytes; returns how many. */
size_t outbox_send(struct outbox *outbox, size_t most);
/* The answer to what was in flight. */
void outbox_answer(struct outbox *outbox, enum outbox_end end, const struct error *err);

#endif
