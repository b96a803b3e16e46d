/* How a run and its tasks are entered. */
#ifndef STEPWELL_RUN_ENTER_H
#define STEPWELL_RUN_ENTER_H

#include "run/decision.h"

enum progress enter_run(struct run *r);
/* The task at the position of parent's list. */
enum progress enter_task(struct run *r, struct frame *parent, struct host *host);
/* A frame that stands at its beginning: its kind's part of entering. */
enum progress enter_leaf(struct run *r, struct frame *f, const struct advance *a);
/* A failed or held step goes on: an effect with a new attempt, anything else from where
 * it was. */
enum progress enter_once_more(struct run *r, struct frame *f, const struct advance *a);

#endif
