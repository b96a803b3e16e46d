/*
 * The way to the journal: natural group commit. All entries that became ready while the
 * last flush was in flight form the next one, as far as bounds.h allows; no window, no
 * delay. Each worker has two lanes (one connection each) with one batch in flight per
 * lane. A run's entries go down one lane, and only when all its earlier entries are
 * acknowledged or are in the same batch: that is what makes (run_id, seq) a fence
 * (design: "The journal is its own fence", rule 1).
 *
 * A batch that fails is halved down to single runs, so that one entry that cannot be
 * stored does not hold up the others. A single run whose error keeps coming but may pass
 * (a lock, a serialization failure) rests, and is tried again by itself.
 */
#ifndef STEPWELL_JOURNAL_H
#define STEPWELL_JOURNAL_H

#include "db.h"
#include "listening.h"
#include "value.h"

#define JOURNAL_LANES 2
#define JOURNAL_BATCH 500 /* entries in one flush, about; their bytes: bounds.h */

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
	const char *reason;           /* static or NULL */
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

enum log_end {
	LOG_DURABLE,    /* everything up to seq is acknowledged */
	LOG_CONFLICT,   /* somebody else appended: the run is not ours any more */
	LOG_AMBIGUOUS,  /* the connection was lost: committed or not, nobody knows */
	LOG_UNSTORABLE, /* the database refuses this run's entry for good: err says why */
};

/* A run's way through the journal; embedded in whoever owns the run. */
struct log {
	struct entry *head, **tail; /* not sent yet */
	struct entry *sent;         /* in flight */
	struct log *next;           /* in the queue of logs with something to send */
	bool queued, resting;       /* resting: queued, but not to be sent just yet */
	int64_t since; /* boottime: for so long the journal owes it an answer; 0: it does
			  not */
	int deferred;  /* transient failures in a row */
	int64_t rests_until; /* boottime, while it is resting */
	void (*on_end)(
		struct log *log, enum log_end end, int64_t seq, const struct error *err);
};

/* on_end is called from the loop; in all cases but LOG_DURABLE the log has been emptied.
 */
void log_init(struct log *log,
	void (*on_end)(struct log *, enum log_end, int64_t seq, const struct error *));
void log_finish(struct log *log); /* frees entries; the log must not be in flight */
bool log_is_clear(const struct log *log); /* nothing queued or in flight */
void log_add(struct log *log, struct entry *e);
/* The oldest of what was added is in flight now, by whatever way: the lanes', or a
 * carrier's. At least one entry, and no more than `most` bytes; returns how many. */
size_t log_send(struct log *log, size_t most);
/* The answer to what was in flight. */
void log_answer(struct log *log, enum log_end end, const struct error *err);

struct journal;

struct journal *journal_create(uv_loop_t *loop);
void journal_destroy(struct journal *j);
/* The lane's connection; the journal never owns it. NULL: gone. */
void journal_set_lane(struct journal *j, int lane, struct db *db);
/* What the log holds goes out with the next journal_flush that the rules allow. */
void journal_queue(struct journal *j, struct log *log);
/* Takes back what the log holds and has not sent. */
void journal_withdraw(struct journal *j, struct log *log);
/* Sends what can be sent: once per turn of the loop, and when a lane came up. */
void journal_flush(struct journal *j);
/* Whether a lane has a batch in flight. */
bool journal_is_idle(const struct journal *j);
/* Boottime since when the journal does not get on, 0: nothing waits. What waits for a
 * lane whose bytes move does not count, nor do answers that a run's entry has to wait. */
int64_t journal_stuck_since(const struct journal *j);

#endif
