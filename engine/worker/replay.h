/*
 * From the rows of a run's journal to the run, a part at a time: what takes long is done
 * in many turns of the loop, so that heartbeats and other runs do not wait for it.
 */
#ifndef STEPWELL_WORKER_REPLAY_H
#define STEPWELL_WORKER_REPLAY_H

#include "db/db.h"
#include "run/run.h"
#include "worker/places.h"

struct replay;

enum replay_progress {
	REPLAY_MORE,
	REPLAY_DONE,
	REPLAY_PLACES, /* its snapshot names older entries: replay_places has them */
	REPLAY_FAILED,
};

/* Rows first..last in order, as store_load_entries has them; the first may be a
 * snapshot. Takes the run, which was just created; borrows the rows and, if they were
 * read before, the places that the snapshot names (or NULL). */
struct replay *replay_create(struct run *r, const struct db_result *rows, int first,
	int last, struct places *places);
void replay_destroy(struct replay *p);

/* Goes on until that time (clock_boottime). REPLAY_FAILED: err says why. */
enum replay_progress replay_go_on(struct replay *p, int64_t until, struct error *err);
/* The run when it is done; the caller's from now on. */
struct run *replay_take_run(struct replay *p);
/* After REPLAY_PLACES; the caller's from now on. */
struct places *replay_take_places(struct replay *p);

#endif
