/*
 * A task with its extensions (use.extensions). It is compiled into one that wraps it: its
 * body is one `before` block per extension, the task itself, and their `after` blocks in
 * the opposite order, so that extensions nest. The wrapping task's path is the task's
 * with a "!" behind; views do not show it.
 *
 * Each block and the task see the wrapping task's raw input, an `after` block the task's
 * output; what a block gives is dropped. Only `exit` in a `before` block ends the task
 * with the block's output: what is inside that extension, and its own `after`, are left
 * out. An extension whose `when` did not hold before the task has no `after` either. How
 * a run goes through it is in run/wrapping.h.
 */
#ifndef STEPWELL_DEFINITION_EXTENSION_H
#define STEPWELL_DEFINITION_EXTENSION_H

#include "definition/compiler.h"

/* How many extensions apply to a task with this node: none inside extensions. */
size_t extension_count(const struct compiler *c, struct json node);
MUST_CHECK bool extension_compile(
	struct compiler *c, struct task *task, size_t count, struct error *err);

#endif
