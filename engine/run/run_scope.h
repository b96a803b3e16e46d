/*
 * What an expression of a run sees: the arguments of the DSL ("Runtime expression
 * arguments") and ours ($task.stepId, $task.attempt, $steps). Built on demand, argument
 * by argument.
 */
#ifndef STEPWELL_RUN_RUN_SCOPE_H
#define STEPWELL_RUN_RUN_SCOPE_H

#include "run/run.h"

struct run_scope {
	struct scope scope;
	const struct run *run;
	const struct frame *frame;
	struct json output;        /* $output, absent: null */
	struct json raw_output;    /* $task.output, absent: none */
	struct json authorization; /* $authorization */
	const char *error_name;    /* an error bound in addition, for catch.when */
	struct json error;
	bool of_attempt;     /* $task.attempt is visible */
	bool only_described; /* $task has no members but those of the DSL's descriptor */
	struct json secrets; /* $secrets, absent: null */
	struct json input;   /* instead of the frame's, or absent */
	struct json context; /* instead of the run's, or absent */
	struct buf *seen;    /* gets what was looked up, but for secrets; or NULL */
	struct buf task, workflow, steps, index;
};

/* `.` is dot; now is the run's `at`. Borrows everything; run_scope_finish frees what
 * lookups built. */
void run_scope_init(
	struct run_scope *s, const struct run *r, const struct frame *f, struct json dot);
void run_scope_finish(struct run_scope *s);

/* Evaluates e in the scope. On failure *ret_fault is a PROBLEM_EXPRESSION. */
MUST_CHECK bool run_scope_eval(struct run_scope *s, struct expression *e,
	struct value **ret, struct fault *ret_fault);
MUST_CHECK bool run_scope_test(
	struct run_scope *s, struct expression *e, bool *ret, struct fault *ret_fault);
/* A duration in microseconds, evaluated where it is an expression. */
MUST_CHECK bool run_scope_duration(struct run_scope *s, const struct task_duration *d,
	int64_t *ret, struct fault *ret_fault);

#endif
