/*
 * A task with its extensions (use.extensions). It is compiled into one that wraps it: its
 * body is one `before` block per extension, the task itself, and their `after` blocks in
 * the opposite order, so that extensions nest. The wrapping task's path is the task's
 * with a "!" behind; views do not show it.
 *
 * Each block and the task see the wrapping task's raw input, an `after` block the task's
 * output; what a block gives is dropped. Only `exit` in a `before` block ends the task
 * with the block's output: what is inside that extension, and its own `after`, are left
 * out. An extension whose `when` did not hold before the task has no `after` either.
 */
#ifndef STEPWELL_EXTENSION_H
#define STEPWELL_EXTENSION_H

#include "compiler.h"
#include "frame.h"

/* How many extensions apply to a task with this node: none inside extensions. */
size_t extension_count(const struct compiler *c, struct json node);
MUST_CHECK bool extension_compile(
	struct compiler *c, struct task *task, size_t count, struct error *err);

/* The list of a wrapping task's frame moves on. */
void extension_seek(struct frame *f, int64_t position);
void extension_pass_over(struct frame *f); /* its `when` does not hold */
/* A block or the task itself has ended with output (takes the reference). */
void extension_leave(struct frame *f, int64_t next, struct value *output);

/* The frame that $task describes: inside a block the wrapping task's. */
const struct frame *extension_described(const struct frame *f);
bool extension_has_ended(const struct frame *wrapping); /* the task itself */

#endif
