/*
 * How many bytes a worker takes at once: the one place that decides it. A count bounds
 * nothing here, since a value may have any size up to 16 MiB (an answer, as much as
 * --body-limit says): what is small goes by hundreds, what is large goes alone.
 *
 * They add up to what a worker needs besides the values of its runs (docs/operations.md,
 * "Memory"): a flush on each lane, one answer to a load or an attendance, and libpq's
 * copy of the largest row of it.
 */
#ifndef STEPWELL_BASE_BOUNDS_H
#define STEPWELL_BASE_BOUNDS_H

#include <stddef.h>
#include <stdint.h>

#define BOUND_MIB ((size_t)1 << 20)

/* A chain of tasks ends, and becomes durable, when its entry is that long: one step of it
 * can add three values, so no entry has more than a flush and these. Nothing more of the
 * run is decided until such an entry is durable: its values would be there twice while
 * the next ones are made. */
#define BOUND_CHAIN (4 * BOUND_MIB)

/* Entries in one transaction, unless a single one is longer: what a server takes in well
 * under a second, so that the others of the lane do not wait for long. */
#define BOUND_FLUSH (8 * BOUND_MIB)

/* A flush of more than that is streamed: it costs two round trips more, and libpq moves
 * what it holds of a larger parameter again with each part that the socket takes. */
#define BOUND_STREAM BOUND_MIB

/* Of the entries that a takeover reads of a run, unless the last one is longer: then a
 * snapshot is due. */
#define BOUND_SNAPSHOT (4 * BOUND_MIB)

/* In one answer of the database: journals, values that snapshots name, inputs, unless one
 * run's journal or one entry is longer. */
#define BOUND_LOAD (8 * BOUND_MIB)

/* Of compiled definitions, about, with those that no run uses just now: 700 small ones.
 * (To compile one takes 20 to 60 ms, for which everything else waits.) */
#define BOUND_DEFINITIONS (64 * BOUND_MIB)

/* Events that are offered to runs and whose taking is not durable yet; events that are
 * read to be routed, or to be found by a new correlation. Unless a single one is longer.
 */
#define BOUND_EVENTS (8 * BOUND_MIB)

/* For each byte that is under way an answer may take longer: 8 MiB a second are what a
 * busy server stores of text that it has to compress. */
static inline int64_t bound_time(size_t bytes)
{
	return (int64_t)(bytes / 8); /* microseconds */
}

#endif
