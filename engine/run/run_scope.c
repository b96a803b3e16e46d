/* The arguments of expressions, looked up by name; documents are built when first asked
 * for. */
#include "run/run_scope.h"

#include "base/version.h"
#include "definition/duration.h"
#include "run/wrapping.h"

#include <stdlib.h>
#include <string.h>

static void put_time(struct buf *b, const char *key, int64_t usec)
{
	char text[CLOCK_TEXT];
	clock_format(usec, text);
	json_put_key(b, key);
	buf_printf(b,
		"{\"iso8601\":\"%s\",\"epoch\":{\"seconds\":%lld,\"milliseconds\":%lld}}",
		text, (long long)(usec / USEC_PER_SEC), (long long)(usec / USEC_PER_MS));
}

static void put_member(struct buf *b, const char *key, struct json v)
{
	json_put_key(b, key);
	json_put(b, v);
}

/* Members of an extended task's definition, as the DSL's examples ask for them:
 * $task.with.endpoint. */
static void put_definition_members(struct buf *b, struct json node)
{
	struct json_iter it = json_iter(node);
	struct json key, v;
	while (json_next_member(&it, &key, &v)) {
		if (json_string_is(key, "input") || json_string_is(key, "output"))
			continue;
		buf_putc(b, ',');
		json_put(b, key);
		buf_putc(b, ':');
		json_put(b, v);
	}
}

static struct json task_argument(struct run_scope *s)
{
	const struct frame *own = s->frame, *f = wrapping_described(own);
	char id[UUID_TEXT];
	buf_puts(&s->task, "{\"name\":");
	json_put_text(&s->task, f->task->name);
	json_put_key(&s->task, "reference");
	json_put_text(&s->task, f->task->reference);
	put_member(&s->task, "definition", f->task->node);
	put_member(&s->task, "input", value_json(f->raw));
	if (f != own && wrapping_has_ended(f))
		put_member(&s->task, "output", value_json(f->cursor));
	else if (f == own && s->raw_output.s)
		put_member(&s->task, "output", s->raw_output);
	put_time(&s->task, "startedAt", f->started_at);
	run_step_id(s->run, f, id);
	buf_printf(&s->task, ",\"stepId\":\"%s\"", id);
	if (s->of_attempt && f == own)
		buf_printf(&s->task, ",\"attempt\":%u", f->attempt ? f->attempt : 1);
	if (f != own && !s->only_described)
		put_definition_members(&s->task, f->task->node);
	buf_putc(&s->task, '}');
	return (struct json){s->task.data, s->task.len};
}

static struct json workflow_argument(struct run_scope *s)
{
	const struct run *r = s->run;
	char id[UUID_TEXT];
	uuid_format(r->id, id);
	buf_printf(&s->workflow, "{\"id\":\"%s\"", id);
	put_member(&s->workflow, "definition", r->definition->document);
	put_member(&s->workflow, "input", value_json(r->raw_input));
	put_time(&s->workflow, "startedAt", r->started_at);
	buf_putc(&s->workflow, '}');
	return (struct json){s->workflow.data, s->workflow.len};
}

/* The frame around, as far as names are seen: a function sees its own only. */
static const struct frame *enclosing(const struct frame *f)
{
	return f->task->is_function ? NULL : f->parent;
}

static bool is_shadowed(
	const struct frame *inner, const struct frame *f, const char *name)
{
	for (; inner != f; inner = enclosing(inner)) {
		for (size_t i = 0; i < inner->step_count; i++) {
			if (strcmp(inner->steps[i].name, name) == 0)
				return true;
		}
	}
	return false;
}

static struct json steps_argument(struct run_scope *s)
{
	buf_putc(&s->steps, '{');
	for (const struct frame *f = s->frame; f; f = enclosing(f)) {
		for (size_t i = 0; i < f->step_count; i++) {
			if (!is_shadowed(s->frame, f, f->steps[i].name))
				put_member(&s->steps, f->steps[i].name,
					value_json(f->steps[i].output));
		}
	}
	buf_putc(&s->steps, '}');
	return (struct json){s->steps.data, s->steps.len};
}

/* Names that enclosing tasks bind: a loop's item and index, a handler's error. */
static bool lookup_bound(struct run_scope *s, const char *name, struct json *ret)
{
	for (const struct frame *f = s->frame; f; f = enclosing(f)) {
		const struct task *t = f->task;
		if (f->iteration >= 0 && t->item_name &&
			strcmp(name, t->item_name) == 0) {
			*ret = f->item;
			return true;
		}
		if (f->iteration >= 0 && t->index_name &&
			strcmp(name, t->index_name) == 0) {
			buf_clear(&s->index);
			buf_printf(&s->index, "%lld", (long long)f->iteration);
			*ret = (struct json){s->index.data, s->index.len};
			return true;
		}
		if (f->in_handler && t->error_name && strcmp(name, t->error_name) == 0) {
			*ret = value_json(f->error);
			return true;
		}
	}
	return false;
}

static bool find(struct run_scope *s, const char *name, struct json *ret)
{
	if (s->error_name && strcmp(name, s->error_name) == 0)
		*ret = s->error;
	else if (lookup_bound(s, name, ret))
		return true;
	else if (strcmp(name, "context") == 0)
		*ret = s->context.s ? s->context : value_json(s->run->context);
	else if (strcmp(name, "input") == 0)
		*ret = s->input.s ? s->input : value_json(s->frame->input);
	else if (strcmp(name, "secrets") == 0 && s->secrets.s)
		*ret = s->secrets;
	else if (strcmp(name, "output") == 0)
		*ret = s->output.s ? s->output : JSON_LITERAL("null");
	else if (strcmp(name, "task") == 0)
		*ret = s->task.len ? (struct json){s->task.data, s->task.len}
				   : task_argument(s);
	else if (strcmp(name, "workflow") == 0)
		*ret = s->workflow.len ? (struct json){s->workflow.data, s->workflow.len}
				       : workflow_argument(s);
	else if (strcmp(name, "steps") == 0)
		*ret = s->steps.len ? (struct json){s->steps.data, s->steps.len}
				    : steps_argument(s);
	else if (strcmp(name, "runtime") == 0)
		*ret = JSON_LITERAL(
			"{\"name\":\"stepwell\",\"version\":\"" STEPWELL_VERSION
			"\",\"metadata\":{}}");
	else if (strcmp(name, "authorization") == 0)
		*ret = s->authorization.s ? s->authorization : JSON_LITERAL("null");
	else
		return false;
	return true;
}

static bool lookup(void *ctx, const char *name, struct json *ret)
{
	struct run_scope *s = ctx;
	bool found = find(s, name, ret);
	bool secret = strcmp(name, "secrets") == 0 ||
		      (strcmp(name, "input") == 0 && s->input.s);
	if (found && s->seen && !secret) {
		buf_printf(s->seen, "$%s=", name);
		json_put(s->seen, *ret);
	}
	return found;
}

void run_scope_init(
	struct run_scope *s, const struct run *r, const struct frame *f, struct json dot)
{
	*s = (struct run_scope){.run = r, .frame = f};
	s->scope = (struct scope){.dot = dot,
		.now = r->at,
		.lookup = lookup,
		.ctx = s,
		.question = r->question};
}

void run_scope_finish(struct run_scope *s)
{
	buf_finish(&s->task);
	buf_finish(&s->workflow);
	buf_finish(&s->steps);
	buf_finish(&s->index);
}

bool run_scope_eval(struct run_scope *s, struct expression *e, struct value **ret,
	struct fault *ret_fault)
{
	struct buf out = {0};
	struct error err = {0};
	if (!expression_eval(e, &s->scope, &out, &err)) {
		buf_finish(&out);
		return fault_set(ret_fault, PROBLEM_EXPRESSION, "%.*s", 880, err.text);
	}
	*ret = value_create((struct json){out.data, out.len});
	buf_finish(&out);
	return true;
}

bool run_scope_test(
	struct run_scope *s, struct expression *e, bool *ret, struct fault *ret_fault)
{
	struct error err = {0};
	if (expression_test(e, &s->scope, ret, &err))
		return true;
	return fault_set(ret_fault, PROBLEM_EXPRESSION, "%.*s", 880, err.text);
}

bool run_scope_duration(struct run_scope *s, const struct task_duration *d, int64_t *ret,
	struct fault *ret_fault)
{
	struct value *v;
	if (!d->expression) {
		*ret = d->usec;
		return true;
	}
	if (!run_scope_eval(s, d->expression, &v, ret_fault))
		return false;
	struct error why;
	bool ok = duration_read(value_json(v), ret, &why);
	if (!ok)
		fault_set(ret_fault, PROBLEM_EXPRESSION, "%.*s is not a duration: %s",
			v->n > 200 ? 200 : (int)v->n, v->s, why.text);
	value_unref(v);
	return ok;
}
