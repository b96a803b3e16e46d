/*
 * `fork`: its branches all at once. Their outputs, in the order of the definition, are
 * its output; with `compete`, that of the first one that completes, and the others are
 * cancelled (run/advance.c). An error that a branch does not catch is the fork's.
 */
#include "run/complete.h"

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json node = json_get(task->node, "fork");
	if (!compiler_list(c, task, "fork/branches", json_get(node, "branches"),
		    &task->body, err))
		return false;
	task->body->concurrent = true;
	task->body->compete = json_is(json_get(node, "compete"), "true");
	for (size_t i = 0; i < task->body->count; i++) {
		const struct task *branch = &task->body->tasks[i];
		if (branch->then.flow == FLOW_TASK)
			return compiler_refuse(c, json_get(branch->node, "then"), err,
				"branches begin all at once: none is the next of "
				"another; use continue, exit or end");
	}
	return true;
}

static enum progress enter(struct run *run, struct frame *frame)
{
	(void)run;
	frame_open_list(frame, frame->task->body);
	return PROGRESS_AGAIN;
}

static struct value *join(const struct frame *frame)
{
	struct buf b = {0};
	for (size_t i = 0; i < frame->list->count; i++) {
		buf_putc(&b, i ? ',' : '[');
		json_put(&b, value_json(frame->outputs[i]));
	}
	buf_puts(&b, frame->list->count ? "]" : "[]");
	struct value *v = value_create((struct json){b.data, b.len});
	buf_finish(&b);
	return v;
}

static enum progress next(struct run *run, struct frame *frame)
{
	bool compete = frame->task->body->compete;
	return run_complete(
		run, frame, compete ? value_ref(frame->cursor) : join(frame), NULL);
}

const struct task_kind task_fork = {
	.name = "fork", .compile = compile, .enter = enter, .next = next};
