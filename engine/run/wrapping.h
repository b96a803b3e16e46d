/*
 * The way of a run through a task with its extensions, which the compiler has made a list
 * of `before` blocks, the task itself, and `after` blocks (definition/extension.h).
 */
#ifndef STEPWELL_RUN_WRAPPING_H
#define STEPWELL_RUN_WRAPPING_H

#include "run/frame.h"

/* The list of a wrapping task's frame moves on. */
void wrapping_seek(struct frame *f, int64_t position);
void wrapping_pass_over(struct frame *f); /* its `when` does not hold */
/* A block or the task itself has ended with output (takes the reference). */
void wrapping_leave(struct frame *f, int64_t next, struct value *output);

/* The frame that $task describes: inside a block the wrapping task's. */
const struct frame *wrapping_described(const struct frame *f);
bool wrapping_has_ended(const struct frame *wrapping); /* the task itself */

#endif
