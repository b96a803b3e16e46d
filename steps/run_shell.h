/*
 * `run: shell`: a command line of /bin/sh, with its arguments as $1... How the process is
 * kept and killed is process/shell.h's, what it sees process/task.h's.
 *
 * The step ends with its shell: what the shell left running is killed first. With
 * `await: false` it ends as soon as the shell runs, and nothing is killed.
 */
#ifndef STEPWELL_RUN_SHELL_H
#define STEPWELL_RUN_SHELL_H

#include "definition/task.h"

extern const struct task_kind task_run_shell;

#endif
