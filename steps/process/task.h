/*
 * The attempt of a `run` task that starts a process, from its command to its outcome: the
 * parts that its kinds put together. The kind owns the callback and effect->state.
 *
 * What a process sees: the definition's environment, STEPWELL_STEP_ID, and of the
 * worker's own environment only the names in settings->shell_environment (NULL: PATH).
 * The number of the attempt is not told, as every attempt of a step is the same request.
 */
#ifndef STEPWELL_PROCESS_TASK_H
#define STEPWELL_PROCESS_TASK_H

#include "process/request.h"
#include "process/shell.h"

/* Where the worker's own PATH has this program; caller frees. NULL: nowhere. */
char *process_task_find(const char *program);

/* The variables of the attempt's process as a list with its end; caller calls
 * list_finish. The definition's come after ours and before the inherited ones; the first
 * of a name counts. */
void process_task_environment(const struct effect *effect, struct buf *ret);

/* A command with all but program and argv, which are borrowed; so are the request and
 * envp. */
struct shell_command process_task_command(
	const struct effect *effect, const struct buf *argv, const struct buf *envp);

/* Ends the effect with what its process came to. */
void process_task_conclude(struct effect *effect, const struct shell_result *end);

#endif
