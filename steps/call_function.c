/* `call` of a function: it begins with the rendered `with` as its input, sees nothing of
 * the tasks around the call, and its output is the call's. */
#include "run/complete.h"
#include "run/decision.h"
#include "run/run_scope.h"

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json name = json_get(task->node, "call"),
		    with = json_get(task->node, "with");
	struct json function;
	struct expression *arguments;
	if (!compiler_function(c, name, &function, err) ||
		!compiler_expression(c, with.s ? with : JSON_LITERAL("{}"),
			EXPRESSION_VALUE, &arguments, err))
		return false;
	task->spec = arguments;
	return !function.s || compiler_call(c, task, name, function, &task->body, err);
}

/* The expression is the definition's. */
static void discard(void *spec)
{
	(void)spec;
}

static enum progress enter(struct run *run, struct frame *frame)
{
	struct run_scope s;
	struct fault fault = {0};
	struct value *arguments;
	run_scope_init(&s, run, frame, value_json(frame->input));
	bool ok = run_scope_eval(&s, frame->task->spec, &arguments, &fault);
	run_scope_finish(&s);
	return ok ? run_open(run, frame, arguments) : run_fail(run, frame, &fault);
}

static enum progress next(struct run *run, struct frame *frame)
{
	return run_complete(run, frame, value_ref(frame->cursor), NULL);
}

const struct task_kind task_call_function = {
	.name = "call:function",
	.compile = compile,
	.discard = discard,
	.enter = enter,
	.next = next,
};
