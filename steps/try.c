/* `try`: a list whose errors are caught. The catching itself is the engine's
 * (run/route.c).
 */
#include "run/complete.h"

static bool compile_catcher(
	struct compiler *c, struct json node, struct catcher *catcher, struct error *err)
{
	struct json filter = json_get(json_get(node, "errors"), "with");
	struct json status = json_get(filter, "status");
	catcher->type = json_strdup(json_get(filter, "type"));
	catcher->title = json_strdup(json_get(filter, "title"));
	catcher->detail = json_strdup(json_get(filter, "detail"));
	catcher->instance = json_strdup(json_get(filter, "instance"));
	catcher->status = -1;
	catcher->has_then = json_get(node, "then").s;
	if (status.s && !json_int(status, &catcher->status))
		return compiler_refuse(c, status, err, "a whole number is expected");
	return compiler_expression(
		       c, json_get(node, "when"), EXPRESSION_BARE, &catcher->when, err) &&
	       compiler_expression(c, json_get(node, "exceptWhen"), EXPRESSION_BARE,
		       &catcher->except_when, err) &&
	       compiler_retry(c, json_get(node, "retry"), &catcher->retry, err) &&
	       compiler_then(c, json_get(node, "then"), &catcher->then, err);
}

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json node = json_get(task->node, "catch"), handler = json_get(node, "do");
	task->catcher = xcalloc(1, sizeof *task->catcher);
	task->error_name = json_strdup(json_get(node, "as"));
	if (!task->error_name)
		task->error_name = xstrdup("error");
	if (!compile_catcher(c, node, task->catcher, err) ||
		!compiler_try_list(
			c, task, json_get(task->node, "try"), &task->body, err))
		return false;
	return !handler.s ||
	       compiler_list(c, task, "catch/do", handler, &task->handler, err);
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

const struct task_kind task_try = {
	.name = "try", .compile = compile, .enter = enter, .next = next};
