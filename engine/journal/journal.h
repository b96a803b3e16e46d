/*
 * The way to the journal: natural group commit. All entries that became ready while the
 * last flush was in flight form the next one, as far as base/bounds.h allows; no window,
 * no delay. Each worker has two lanes (one connection each) with one batch in flight per
 * lane. A run's entries go down one lane, and only when all its earlier entries are
 * acknowledged or are in the same batch: that is what makes (run_id, seq) a fence
 * (docs/design/fence.md, rule 1).
 *
 * A batch that fails is halved down to single runs, so that one entry that cannot be
 * stored does not hold up the others. A single run whose error keeps coming but may pass
 * (a lock, a serialization failure) rests, and is tried again by itself.
 */
#ifndef STEPWELL_JOURNAL_JOURNAL_H
#define STEPWELL_JOURNAL_JOURNAL_H

#include "db/db.h"
#include "journal/entry.h"

#define JOURNAL_LANES 2
#define JOURNAL_BATCH 500 /* entries in one flush, about; their bytes: base/bounds.h */

struct journal;

struct journal *journal_create(uv_loop_t *loop);
void journal_destroy(struct journal *j);
/* The lane's connection; the journal never owns it. NULL: gone. */
void journal_set_lane(struct journal *j, int lane, struct db *db);
/* What the outbox holds goes out with the next journal_flush that the rules allow. */
void journal_queue(struct journal *j, struct outbox *outbox);
/* Takes back what the outbox holds and has not sent. */
void journal_withdraw(struct journal *j, struct outbox *outbox);
/* Sends what can be sent: once per turn of the loop, and when a lane came up. */
void journal_flush(struct journal *j);
/* Boottime since when the journal does not get on, 0: nothing waits. What waits for a
 * lane whose bytes move does not count, nor do answers that a run's entry has to wait. */
int64_t journal_stuck_since(const struct journal *j);

#endif
