/* `set`: its output is a template, evaluated. */
#include "run/complete.h"
#include "run/decision.h"
#include "run/run_scope.h"

struct set {
	struct expression *value;
};

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct set *set = xcalloc(1, sizeof *set);
	task->spec = set;
	return compiler_expression(
		c, json_get(task->node, "set"), EXPRESSION_VALUE, &set->value, err);
}

static enum progress enter(struct run *run, struct frame *frame)
{
	const struct set *set = frame->task->spec;
	struct run_scope s;
	struct fault fault = {0};
	struct value *output;
	run_scope_init(&s, run, frame, value_json(frame->input));
	bool ok = run_scope_eval(&s, set->value, &output, &fault);
	run_scope_finish(&s);
	return ok ? run_complete(run, frame, output, NULL) : run_fail(run, frame, &fault);
}

const struct task_kind task_set = {.name = "set", .compile = compile, .enter = enter};
