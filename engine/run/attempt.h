/* The attempts of an effect, from the intent to what is recorded of its end. */
#ifndef STEPWELL_RUN_ATTEMPT_H
#define STEPWELL_RUN_ATTEMPT_H

#include "run/decision.h"

/* The absolute deadline of the task's timeout that begins now, 0: it has none. */
bool attempt_timeout(
	struct run *r, const struct frame *f, int64_t *ret, struct fault *fault);
/* Fills op, a `started`, with the next attempt's intent. False: it was recorded
 * otherwise. */
bool attempt_prepare(struct run *r, struct frame *f, struct host *host, struct op *op,
	struct fault *fault);
/* Whether its intent is written only when it has a slot. */
bool attempt_announces_late(const struct task *t);
/* Begins the next attempt of an effect whose frame is open. */
enum progress attempt_begin(struct run *r, struct frame *f, struct host *host);
/* Records the outcome of the frame's effect, if there is one. */
enum progress attempt_end(struct run *r, struct frame *f, const struct advance *a);
/* The last attempt may have taken effect, and must not be made again by itself. */
enum progress attempt_settle_lost(struct run *r, struct frame *f);

#endif
