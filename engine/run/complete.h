/* The end of a task that has succeeded. */
#ifndef STEPWELL_RUN_COMPLETE_H
#define STEPWELL_RUN_COMPLETE_H

#include "run/decision.h"

/* The task is through: output (takes the reference) goes through output.as and export.as;
 * then NULL means the task's own. */
enum progress run_complete(
	struct run *r, struct frame *f, struct value *output, const struct then *then);
/* The same; of: the effect whose output it is, or NULL. */
enum progress complete_task(struct run *r, struct frame *f, struct value *output,
	const struct run_effect *of, const struct then *then);

#endif
