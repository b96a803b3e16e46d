/*
 * `call: sql` attempts whose fault is known before they begin. A COMMIT that the step's
 * own deferred work refuses undoes the entries that went along: the run is read again,
 * and the attempt, begun anew, fails with what was kept here instead of doing everything
 * again. What is forgotten (the worker ends, or has too many) is found out once more.
 */
#ifndef STEPWELL_SQL_REFUSAL_H
#define STEPWELL_SQL_REFUSAL_H

#include "definition/task.h"

struct sql_refusals {
	struct sql_kept *kept;       /* newest first */
	struct sql_refusal *pending; /* told from the loop */
};

void sql_refusals_finish(struct sql_refusals *all);
/* Copies the fault; step_id and attempt say whose it is. */
void sql_refusals_keep(struct sql_refusals *all, const char *step_id, unsigned attempt,
	const struct fault *fault);
/* Fills the effect's fault with what was kept for it, and forgets that; false: nothing.
 */
bool sql_refusals_take(struct sql_refusals *all, struct effect *effect);
/* Fails the effect, whose fault is set, from the loop. */
void sql_refusals_tell(struct sql_refusals *all, uv_loop_t *loop, struct effect *effect);
/* The effect is not touched any more. */
void sql_refusals_stop(struct sql_refusals *all, const struct effect *effect);

#endif
