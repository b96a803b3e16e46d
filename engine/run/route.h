/* Where an error goes: to a retry, to a handler, or to the end of the run. */
#ifndef STEPWELL_RUN_ROUTE_H
#define STEPWELL_RUN_ROUTE_H

#include "run/run.h"

/* Decides for run->failed and records it; afterwards run->failed is NULL or the run
 * faulted. PROGRESS_WAIT: an answer is missing. */
enum progress run_route(struct run *r);
/* The absolute deadline of an attempt under the policy that governs f, 0: none. */
int64_t route_attempt_deadline(struct run *r, const struct frame *f, int64_t from);

#endif
