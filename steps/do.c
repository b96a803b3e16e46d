/* `do`: a list of tasks, one after the other; its output is the last one's. */
#include "run/complete.h"

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	return compiler_list(c, task, "do", json_get(task->node, "do"), &task->body, err);
}

static enum progress enter(struct run *run, struct frame *frame)
{
	(void)run;
	frame_open_list(frame, frame->task->body);
	return PROGRESS_AGAIN;
}

static enum progress next(struct run *run, struct frame *frame)
{
	return run_complete(run, frame, value_ref(frame->cursor), NULL);
}

const struct task_kind task_do = {
	.name = "do", .compile = compile, .enter = enter, .next = next};
