/*
 * A task is through: its output on its way to what comes next, or why it is refused.
 */
#include "run/complete.h"

#include "definition/data_schema.h"
#include "run/run_effect.h"
#include "run/run_scope.h"
#include "run/stop.h"
#include "run/transaction.h"

static int64_t next_of(const struct then *then, const struct frame *f)
{
	switch (then->flow) {
	case FLOW_CONTINUE: return NEXT_FOLLOWING;
	case FLOW_EXIT: return NEXT_EXIT;
	case FLOW_END: return NEXT_END;
	case FLOW_TASK: return f->parent ? (int64_t)then->task : NEXT_FOLLOWING;
	}
	return NEXT_FOLLOWING;
}

/* output.as or export.as, of an output that was `raw` before. */
static bool transform(const struct run_scope *seen, struct expression *e,
	const struct value *output, struct value **ret, struct fault *fault)
{
	struct run_scope s;
	run_scope_init(&s, seen->run, seen->frame, value_json(output));
	s.output = value_json(output);
	s.raw_output = seen->raw_output;
	s.authorization = seen->authorization;
	s.of_attempt = true;
	bool ok = run_scope_eval(&s, e, ret, fault);
	run_scope_finish(&s);
	return ok;
}

/* output.as, export.as and their schemas: *output is replaced, *ret_context is the new
 * context or NULL. */
static bool transform_output(struct run *r, struct frame *f, struct json authorization,
	struct value **output, struct value **ret_context, struct fault *fault)
{
	const struct task *t = f->task;
	struct value *raw = value_ref(*output), *v;
	struct run_scope seen = {.run = r,
		.frame = f,
		.raw_output = value_json(raw),
		.authorization = authorization};
	bool ok = !t->output_as || transform(&seen, t->output_as, raw, &v, fault);
	*ret_context = NULL;
	if (ok && t->output_as)
		value_set(output, v);
	ok = ok &&
	     data_schema_fits(t->output_schema, "output", value_json(*output), fault) &&
	     (!t->export_as ||
		     transform(&seen, t->export_as, *output, ret_context, fault)) &&
	     data_schema_fits(t->export_schema, "context",
		     value_json(*ret_context ? *ret_context : r->context), fault);
	value_unref(raw);
	return ok;
}

/* Its output was refused. An effect has happened all the same, unless it is undone with
 * its transaction. What an operator gave for it is asked for again. */
static enum progress refuse_output(
	struct run *r, struct frame *f, struct fault *fault, const struct effect *e)
{
	if (f->state == FRAME_ANSWERED) {
		fault->uncertain = true;
		run_fail(r, f, fault);
		run_hold(r, f, "the answer that was given for the step was refused");
		return PROGRESS_AGAIN;
	}
	fault->uncertain = e && effect_may_have_happened(e) && !e->transaction;
	return run_fail_effect(
		r, f, fault, "the last attempt took effect, but its output was refused");
}

/* of: the effect whose output it is, or NULL. */
enum progress complete_task(struct run *r, struct frame *f, struct value *output,
	const struct run_effect *of, const struct then *then)
{
	struct fault fault = {0};
	struct json authorization = {0};
	struct value *context;
	const struct effect *e = of ? &of->effect : NULL;
	if (e)
		authorization =
			(struct json){e->authorization.data, e->authorization.len};
	bool fits = transform_output(r, f, authorization, &output, &context, &fault);
	if (of && !run_wants_answer(r))
		run_effect_spend(r, f);
	if (!fits || run_wants_answer(r)) {
		value_unref(output);
		value_unref(context);
		return run_wants_answer(r) ? PROGRESS_WAIT
					   : refuse_output(r, f, &fault, e);
	}
	struct op op = op_make(OP_COMPLETED, f->path);
	op.attempt = f->attempt > 1 ? f->attempt : 0;
	op.next = next_of(then ? then : &f->task->then, f);
	op.values[OP_CONTEXT] = context;
	if (output == f->cursor)
		value_unref(output);
	else
		op.values[OP_OUTPUT] = output;
	if (f->task->metadata.checkpoint)
		r->barrier_seq = r->seq + 1;
	struct frame *rivals =
		f->parent && frame_is_concurrent(f->parent) && f->parent->list->compete
			? f->parent
			: NULL;
	if (op.next == NEXT_END) {
		run_cancel_others(r, r->root, f);
		rivals = NULL;
	}
	run_record(r, &op);
	while (rivals && rivals->child)
		run_cancel_branch(r, rivals->child);
	return PROGRESS_AGAIN;
}

enum progress run_complete(
	struct run *r, struct frame *f, struct value *output, const struct then *then)
{
	return complete_task(r, f, output, NULL, then);
}
