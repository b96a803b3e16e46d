/*
 * `run: shell`: a command line of /bin/sh, with its arguments as $1... How the process is
 * kept and killed is shell.h's, what it sees process_task.h's.
 *
 * The step ends with its shell: what the shell left running is killed first. With
 * `await: false` it ends as soon as the shell runs, and nothing is killed.
 */
#ifndef STEPWELL_RUN_SHELL_H
#define STEPWELL_RUN_SHELL_H

#include "task.h"

extern const struct task_kind task_run_shell;

#endif
