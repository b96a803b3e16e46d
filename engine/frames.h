/*
 * Snapshots: a `frames` entry holds the positions, visits and iterations of the open
 * frames and names the values they still need by their place in the journal, so that a
 * replay reads the entries behind it and those few, not the history.
 */
#ifndef STEPWELL_FRAMES_H
#define STEPWELL_FRAMES_H

#include "run.h"

/* Appends the snapshot (a JSON object) of a run that is running or suspended. */
void frames_write(const struct run *r, struct buf *out);

/* Where in the journal a snapshot's values stand: calls on_place for each, with entry
 * (seq > 0), number of the operation and name of its member. */
typedef void (*frames_on_place)(void *ctx, int64_t seq, unsigned op, struct json field);
void frames_places(struct json snapshot, frames_on_place on_place, void *ctx);

/* Restores a run that was just created. fetch gives the text of a place (seq, op, field),
 * or an absent slice. ERROR_PERMANENT where the snapshot does not fit. */
typedef struct json (*frames_fetch)(
	void *ctx, int64_t seq, unsigned op, const char *field);
MUST_CHECK bool frames_restore(struct run *r, struct json snapshot, frames_fetch fetch,
	void *ctx, struct error *err);

#endif
