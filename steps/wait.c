/* `wait`: until a time that is computed and recorded once. Its output is its input. */
#include "run/complete.h"
#include "run/decision.h"
#include "run/run_scope.h"

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct task_duration *duration = xcalloc(1, sizeof *duration);
	task->spec = duration;
	return compiler_duration(c, json_get(task->node, "wait"), duration, err);
}

static enum progress enter(struct run *run, struct frame *frame)
{
	struct run_scope s;
	struct fault fault = {0};
	int64_t usec;
	run_scope_init(&s, run, frame, value_json(frame->input));
	bool ok = run_scope_duration(&s, frame->task->spec, &usec, &fault);
	run_scope_finish(&s);
	return ok ? run_wait(run, frame, run->at + usec) : run_fail(run, frame, &fault);
}

static enum progress next(struct run *run, struct frame *frame)
{
	return run_complete(run, frame, value_ref(frame->input), NULL);
}

const struct task_kind task_wait = {
	.name = "wait", .compile = compile, .enter = enter, .next = next};
