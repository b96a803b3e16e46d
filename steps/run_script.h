/*
 * `run: script`: code in JavaScript (an ES module, by node) or Python (by python3), as a
 * process by the rules of `run: shell`. The code is text that is never changed: only a
 * string that is one ${ } as a whole is an expression. That of a `source` was read when
 * the definition was registered, and is pinned with it. Data reach it as arguments (from
 * process.argv[2] and sys.argv[1] on), stdin and environment.
 *
 * It lies in a file of its own in a private folder below $TMPDIR while it runs, and that
 * folder is the first place that imports are looked for in. Both are removed afterwards,
 * also when the worker is killed (not when the machine goes down).
 */
#ifndef STEPWELL_RUN_SCRIPT_H
#define STEPWELL_RUN_SCRIPT_H

#include "definition/task.h"

extern const struct task_kind task_run_script;

#endif
