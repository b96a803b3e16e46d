/*
 * Snapshots: a `frames` entry holds the positions, visits and iterations of the open
 * frames and names the values they still need by their place in the journal, so that a
 * replay reads the entries behind it and those few, not the history.
 */
#ifndef STEPWELL_RUN_SNAPSHOT_H
#define STEPWELL_RUN_SNAPSHOT_H

#include "run/run.h"

/* Appends the snapshot (a JSON object) of a run that is running or suspended. */
void frames_write(const struct run *r, struct buf *out);

/* Where in the journal a snapshot's values stand: calls on_place for each, with entry
 * (seq > 0), number of the operation and name of its member (as op_value_field gives it,
 * NULL: of none). Walked through once, a part at a time: the run's own up to its frames,
 * then one frame after the other; false: there is no more. */
typedef void (*frames_on_place)(void *ctx, int64_t seq, unsigned op, const char *field);
struct frames_walk {
	struct json_iter members, open; /* of the snapshot; its frames */
	bool inside;                    /* among the frames */
};
struct frames_walk frames_walk(struct json snapshot);
bool frames_places(struct frames_walk *walk, frames_on_place on_place, void *ctx);

/* Restores a run that was just created, which it borrows with the snapshot and ctx. fetch
 * gives the text of a place (seq, op, field), or an absent slice. Of the snapshot nobody
 * asks where it ends. */
typedef struct json (*frames_fetch)(
	void *ctx, int64_t seq, unsigned op, const char *field);
struct frames_restore *frames_restore_begin(
	struct run *r, struct json snapshot, frames_fetch fetch, void *ctx);
/* The next frames, at most so many. ERROR_PERMANENT where the snapshot does not fit. */
MUST_CHECK bool frames_restore_some(
	struct frames_restore *s, int frames, bool *ret_more, struct error *err);
void frames_restore_destroy(struct frames_restore *s);

/* All of it at once. */
MUST_CHECK bool frames_restore(struct run *r, struct json snapshot, frames_fetch fetch,
	void *ctx, struct error *err);

#endif
