/*
 * `run: shell`: what a definition says of a shell process, and what its end becomes. How
 * the process is kept and killed is shell.h's.
 *
 * What the command sees: its arguments as $1.., the definition's environment,
 * STEPWELL_STEP_ID, and of the worker's own environment only the names in
 * settings->shell_environment (NULL: PATH). The number of the attempt is not told, as
 * every attempt of a step is the same request.
 *
 * The step ends with its shell: what the shell left running is killed first. With
 * `await: false` it ends as soon as the shell runs, and nothing is killed.
 */
#ifndef STEPWELL_RUN_SHELL_H
#define STEPWELL_RUN_SHELL_H

#include "task.h"

extern const struct task_kind task_run_shell;

#endif
