/* `switch`: the first case whose `when` holds decides where the flow goes; without one it
 * is the switch's own `then`. Its output is its input. */
#include "run/complete.h"
#include "run/decision.h"
#include "run/run_scope.h"

#include <stdlib.h>

struct branch {
	struct expression *when; /* NULL: the default */
	struct then then;
};

struct choice {
	size_t count;
	struct branch *branches;
};

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json cases = json_get(task->node, "switch"), element, key, node;
	struct json_iter it = json_iter(cases);
	struct choice *choice = xcalloc(1, sizeof *choice);
	choice->branches = xcalloc(json_count(cases), sizeof *choice->branches);
	task->spec = choice;
	while (json_next_element(&it, &element)) {
		struct branch *b = &choice->branches[choice->count++];
		struct json_iter member = json_iter(element);
		if (!json_next_member(&member, &key, &node))
			return compiler_refuse(c, element, err, "a case is expected");
		if (!compiler_expression(
			    c, json_get(node, "when"), EXPRESSION_BARE, &b->when, err) ||
			!compiler_then(c, json_get(node, "then"), &b->then, err))
			return false;
	}
	return true;
}

static void discard(void *spec)
{
	struct choice *choice = spec;
	free(choice->branches);
	free(choice);
}

/* The branch that applies, NULL if none does. */
static bool choose(struct run *run, struct frame *frame, const struct branch **ret,
	struct fault *fault)
{
	const struct choice *choice = frame->task->spec;
	const struct branch *fallback = NULL;
	struct run_scope s;
	bool holds = false, ok = true;
	*ret = NULL;
	run_scope_init(&s, run, frame, value_json(frame->input));
	for (size_t i = 0; ok && !holds && i < choice->count; i++) {
		const struct branch *b = &choice->branches[i];
		if (!b->when) {
			fallback = b;
			continue;
		}
		ok = run_scope_test(&s, b->when, &holds, fault);
		if (ok && holds)
			*ret = b;
	}
	run_scope_finish(&s);
	if (!*ret)
		*ret = fallback;
	return ok;
}

static enum progress enter(struct run *run, struct frame *frame)
{
	const struct branch *b;
	struct fault fault = {0};
	if (!choose(run, frame, &b, &fault))
		return run_fail(run, frame, &fault);
	return run_complete(run, frame, value_ref(frame->input), b ? &b->then : NULL);
}

const struct task_kind task_switch = {
	.name = "switch", .compile = compile, .discard = discard, .enter = enter};
