/*
 * A run, shown: as one JSON object, as text with its steps as a tree, or, when it has
 * ended, as its outcome.
 */
#ifndef STEPWELL_SHOW_RUN_H
#define STEPWELL_SHOW_RUN_H

#include "attempts.h"
#include "output.h"

/* The object of `run -o json` and `status -o json`; steps may be NULL (list). */
cJSON *show_object(const struct admin_run *run, const struct admin_steps *steps);
/* The same with each step's attempts that failed; NULL: without. */
cJSON *show_object_with(const struct admin_run *run, const struct admin_steps *steps,
	const struct attempts *attempts);
/* With the runs that it has started, as a tree; all and attempts as in show_steps.h. */
MUST_CHECK bool show_text(struct db_client *c, const struct admin_run *run,
	const struct admin_steps *steps, bool all, const struct attempts *attempts,
	struct error *err);

/* Prints how the run ended (or, suspended, why it goes no further): its output or its
 * object on stdout, errors on stderr. Returns the exit code. */
int show_outcome(struct db_client *c, const struct admin_run *run,
	const struct admin_steps *steps, enum output form);

/* The end of an id that is enough to name it; 12 characters and NUL. */
#define SHORT_ID 13
void show_short_id(struct uuid id, char out[SHORT_ID]);
/* "Communication error (503): detail" of a problem document; caller frees. */
char *show_problem(const char *json);
/* What a worker must be started with: "--allow-run"; caller frees. */
char *show_needs(const char *needs);
/* "1.2s", "" without an end. */
#define SPAN_TEXT 32
void show_span(int64_t from, int64_t to, char out[SPAN_TEXT]);
enum colour show_colour(enum phase p);

#endif
