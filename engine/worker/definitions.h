/*
 * The definitions that a worker keeps compiled, for the runs that will come: those that
 * were used last, as far as base/bounds.h allows, and those in use. One that cannot be
 * compiled is kept too, with the reason.
 */
#ifndef STEPWELL_WORKER_DEFINITIONS_H
#define STEPWELL_WORKER_DEFINITIONS_H

#include "db/db.h"
#include "definition/definition.h"
#include "definition/problem.h"

struct definition_slot {
	struct uuid id;
	struct definition *definition; /* NULL: does not compile, fault says why */
	struct fault fault;
	enum {
		DEFINITION_HERE,   /* it was compiled, or fault says why not */
		DEFINITION_ALONE,  /* left to a process for suspects */
		DEFINITION_PARKED, /* nobody compiles it any more */
	} left;
	size_t bytes; /* estimated */
	struct definition_slot *next;
};

/* Zeroed at first: the one used last comes first. */
struct definitions {
	struct definition_slot *head;
	size_t bytes;
};

void definitions_finish(struct definitions *d);
/* NULL: it is not there. Valid until definitions_trim. */
struct definition_slot *definitions_find(struct definitions *d, struct uuid id);
/* Takes what take_definition has returned; no row: the definition is gone. */
void definitions_add(struct definitions *d, struct uuid id, const struct db_result *rows);
/* Lets go of what was not used for longest, but for what runs hold or is awaited; and of
 * all that was not compiled. */
void definitions_trim(
	struct definitions *d, bool (*is_awaited)(void *ctx, struct uuid id), void *ctx);

#endif
