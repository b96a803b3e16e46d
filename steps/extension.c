/* A task with its extensions (engine/definition/extension.h), and one block of an
 * extension. */
#include "definition/extension.h"

#include "run/complete.h"

static enum progress enter(struct run *run, struct frame *frame)
{
	(void)run;
	frame_open_list(frame, frame->task->body);
	return PROGRESS_AGAIN;
}

/* All have ended: the flow goes where the task's own end led. */
static enum progress leave(struct run *run, struct frame *frame)
{
	struct then then = {FLOW_CONTINUE, 0};
	if (frame->leave == NEXT_EXIT)
		then.flow = FLOW_EXIT;
	else if (frame->leave == NEXT_END)
		then.flow = FLOW_END;
	else if (frame->leave >= 0)
		then = (struct then){FLOW_TASK, (size_t)frame->leave};
	return run_complete(run, frame, value_ref(frame->cursor),
		frame->leave == NEXT_OWN ? NULL : &then);
}

const struct task_kind task_extended = {
	.name = "extended", .enter = enter, .next = leave};

/* A block that was left by `exit` says so to the task that it extends. */
static enum progress next(struct run *run, struct frame *frame)
{
	static const struct then out = {FLOW_EXIT, 0};
	return run_complete(
		run, frame, value_ref(frame->cursor), frame->exited ? &out : NULL);
}

const struct task_kind task_extension = {
	.name = "extension", .enter = enter, .next = next};
