/*
 * The pace at which connections are tried, shared by those of one worker: while the
 * server refuses them, and while they come back, they take turns, with jitter, at less
 * than one attempt a second. After a single loss nobody waits.
 */
#ifndef STEPWELL_DB_PACE_H
#define STEPWELL_DB_PACE_H

#include <stdint.h>

/* Zeroed at first. */
struct db_pace {
	int64_t next;                 /* CLOCK_BOOTTIME: no attempt before it */
	unsigned failures, successes; /* in a row; successes: since the last failure */
};

/* How many microseconds are left until the next attempt may begin; 0 or less: now. */
int64_t db_pace_left(const struct db_pace *p);
/* An attempt begins, and how it ended. */
void db_pace_begin(struct db_pace *p);
void db_pace_failed(struct db_pace *p);
void db_pace_succeeded(struct db_pace *p);

#endif
