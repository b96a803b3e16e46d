/*
 * What may have taken effect, and must not be repeated before a person has looked
 * (`onUncertain: hold`), while its answer is still to come. No error leaves it behind: it
 * is routed when the answer is there, or when a person has said what it was. What another
 * branch that won, or that ended the run, cut off all the same is noted by its task: no
 * other step of that task begins before a person has looked.
 */
#ifndef STEPWELL_RUN_DOUBT_H
#define STEPWELL_RUN_DOUBT_H

#include "run/run.h"

/* Whether there is such an effect below the frame. */
bool doubt_is_below(const struct run *r, const struct frame *top);
/* One whose outcome is there and not recorded yet, NULL: none. */
struct run_effect *doubt_ended(const struct run *r);
/* When the first of them has no more time, by its own or by a task's around it, 0: never.
 */
int64_t doubt_deadline(const struct run *r, struct frame **ret);

/* A step of the task was cut off that may have taken effect. */
void doubt_note(struct run *r, const struct task *task);
bool doubt_is_noted(const struct run *r, const struct task *task);
/* A person has decided about a step of the task. */
void doubt_settle(struct run *r, const struct task *task);

#endif
