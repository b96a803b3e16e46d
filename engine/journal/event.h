/*
 * Events as an entry of the journal records them, and on their way to the run: what has
 * arrived, what was taken, what was emitted, what is waited for, how far was read. The
 * lists are owned by whoever holds their head.
 */
#ifndef STEPWELL_JOURNAL_EVENT_H
#define STEPWELL_JOURNAL_EVENT_H

#include "json/value.h"

/* An event on its way to a task of the run. */
struct arrival {
	char *path;
	int64_t place;
	struct value *event;
	struct arrival *next;
};

/* An event that was taken: see the table. */
struct taking {
	char *reference, *filters;
	int64_t place, floor;
	struct taking *next;
};

/* How far a listener has read. */
struct reading {
	char *path;
	int64_t place, passed;
	struct reading *next;
};

/* An event that a task has emitted. */
struct emission {
	char *source, *id, *type, *subject; /* subject may be NULL */
	struct value *event;
	struct emission *next;
};

/* A frame that begins to listen with an entry, or has come to the end of it (waits is
 * NULL). */
struct waiting {
	char *path, *reference;
	struct value *waits;
	struct waiting *next;
};

void arrivals_destroy(struct arrival *a);
void emissions_destroy(struct emission *e);
void takings_destroy(struct taking *t);
void readings_destroy(struct reading *r);
void waitings_destroy(struct waiting *w);

#endif
