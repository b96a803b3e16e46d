/*
 * A run in memory that is driven without a database: effects and events are scripted, the
 * clock is counted.
 */
#ifndef STEPWELL_FUZZ_DRIVE_H
#define STEPWELL_FUZZ_DRIVE_H

#include "run/advance.h"
#include "run/run_effect.h"
#include "run/stop.h"

/* A definition of these tasks (the value of `do`, JSON), or NULL where they are not valid
 * or not supported. use: the value of `use`, or NULL. */
struct definition *drive_compile(const char *tasks, const char *use);
struct run *drive_create(struct definition *d, struct json input);
void drive_destroy(struct run *r);

/* How effects end, by the bits of outcomes: 0 success, 1 failure; shifted at each. */
struct drive {
	int64_t now;
	uint32_t outcomes;
	struct json event; /* what arrives when one is waited for; absent: none does */
	int waits;         /* the turns without an entry until the run is left alone */
};

/* One entry as the engine writes it, its operations as a JSON array, caller frees; NULL:
 * the run has ended or nothing happens any more. */
char *drive_entry(struct run *r, struct drive *d);

#endif
