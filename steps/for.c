/*
 * `for`: its list once per element of a collection. The collection is evaluated once and
 * recorded; what an iteration gives is the input of the next one. `while` is asked before
 * each iteration, with the element it would be for.
 */
#include "run/complete.h"
#include "run/decision.h"
#include "run/run_scope.h"

struct loop {
	struct expression *items;
	struct expression *condition; /* while, or NULL */
};

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json head = json_get(task->node, "for"), in = json_get(head, "in");
	struct loop *loop = xcalloc(1, sizeof *loop);
	task->spec = loop;
	task->item_name = json_strdup(json_get(head, "each"));
	task->index_name = json_strdup(json_get(head, "at"));
	if (!task->item_name)
		task->item_name = xstrdup("item");
	if (!task->index_name)
		task->index_name = xstrdup("index");
	return compiler_expression(c, in, EXPRESSION_BARE, &loop->items, err) &&
	       compiler_expression(c, json_get(task->node, "while"), EXPRESSION_BARE,
		       &loop->condition, err) &&
	       compiler_list(c, task, "do", json_get(task->node, "do"), &task->body, err);
}

/* Whether iteration i of items is to be run. */
static bool goes_on(struct run *run, const struct frame *frame, struct value *items,
	int64_t i, bool *ret, struct fault *fault)
{
	const struct loop *loop = frame->task->spec;
	struct frame probe = *frame; /* as the frame would be in that iteration */
	struct run_scope s;
	probe.items = items;
	if (i == 0 ? !json_iter(value_json(items)).p : !frame->rest.p) {
		*ret = false;
		return true;
	}
	*ret = true;
	if (!loop->condition)
		return true;
	frame_set_iteration(&probe, i);
	run_scope_init(&s, run, &probe, value_json(frame->cursor));
	bool ok = run_scope_test(&s, loop->condition, ret, fault);
	run_scope_finish(&s);
	return ok;
}

static enum progress enter(struct run *run, struct frame *frame)
{
	const struct loop *loop = frame->task->spec;
	struct run_scope s;
	struct fault fault = {0};
	struct value *items = NULL;
	bool more = false;
	run_scope_init(&s, run, frame, value_json(frame->input));
	bool ok = run_scope_eval(&s, loop->items, &items, &fault);
	run_scope_finish(&s);
	if (ok && json_type(value_json(items)) == JSON_NULL)
		value_set(&items, value_create(JSON_LITERAL("[]")));
	if (ok && json_type(value_json(items)) != JSON_ARRAY)
		ok = fault_set(&fault, PROBLEM_EXPRESSION, "for.in must give an array");
	ok = ok && goes_on(run, frame, items, 0, &more, &fault);
	if (ok && more)
		return run_iterate(run, frame, items, 0);
	value_unref(items);
	return ok ? run_complete(run, frame, value_ref(frame->cursor), NULL)
		  : run_fail(run, frame, &fault);
}

/* An iteration has ended; one that was left by `exit` ends the loop. */
static enum progress next(struct run *run, struct frame *frame)
{
	struct fault fault = {0};
	bool more = false;
	if (!frame->exited &&
		!goes_on(run, frame, frame->items, frame->iteration + 1, &more, &fault))
		return run_fail(run, frame, &fault);
	if (more)
		return run_iterate(run, frame, NULL, frame->iteration + 1);
	return run_complete(run, frame, value_ref(frame->cursor), NULL);
}

const struct task_kind task_for = {
	.name = "for", .compile = compile, .enter = enter, .next = next};
