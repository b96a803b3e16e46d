/* `raise`: ends in the error that it names. Type, title and detail may be expressions,
 * the type a URI template; `instance` is the task's reference. */
#include "http/uri_template.h"
#include "run/decision.h"
#include "run/run_scope.h"

#include <stdlib.h>

struct raise {
	struct json uri;                          /* the type as the definition has it */
	struct expression *type, *title, *detail; /* NULL: absent */
	int64_t status;
};

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json node = json_get(json_get(task->node, "raise"), "error");
	struct raise *raise = xcalloc(1, sizeof *raise);
	char *name = json_strdup(node);
	task->spec = raise;
	if (name) {
		struct json named = compiler_use(c, "errors", name);
		if (!named.s)
			compiler_refuse(
				c, node, err, "use.errors has no error \"%s\"", name);
		free(name);
		if (!named.s)
			return false;
		node = named;
	}
	if (!json_int(json_get(node, "status"), &raise->status))
		return compiler_refuse(
			c, node, err, "an error needs a status, a whole number");
	raise->uri = json_get(node, "type");
	return uri_template_compile(c, raise->uri, err) &&
	       compiler_expression(c, raise->uri, EXPRESSION_VALUE, &raise->type, err) &&
	       compiler_expression(c, json_get(node, "title"), EXPRESSION_VALUE,
		       &raise->title, err) &&
	       compiler_expression(c, json_get(node, "detail"), EXPRESSION_VALUE,
		       &raise->detail, err);
}

static bool put_member(struct run_scope *s, const char *key, struct expression *e,
	struct buf *out, struct fault *fault)
{
	struct value *v;
	if (!e)
		return true;
	if (!run_scope_eval(s, e, &v, fault))
		return false;
	json_put_key(out, key);
	if (json_type(value_json(v)) == JSON_STRING)
		json_put(out, value_json(v));
	else
		json_put_string(out, v->s, v->n);
	value_unref(v);
	return true;
}

static bool put_type(struct run_scope *s, const struct raise *raise, struct buf *out,
	struct fault *fault)
{
	struct buf uri = {0};
	if (!uri_template_is(raise->uri))
		return put_member(s, "type", raise->type, out, fault);
	bool ok = uri_template_render(raise->uri, s->scope.dot, &uri, fault);
	json_put_key(out, "type");
	json_put_text(out, buf_text(&uri));
	buf_finish(&uri);
	return ok;
}

static enum progress enter(struct run *run, struct frame *frame)
{
	const struct raise *raise = frame->task->spec;
	struct run_scope s;
	struct fault fault = {0};
	struct buf b = {0};
	buf_putc(&b, '{');
	run_scope_init(&s, run, frame, value_json(frame->input));
	bool ok = put_type(&s, raise, &b, &fault);
	json_put_key(&b, "status");
	buf_printf(&b, "%lld", (long long)raise->status);
	ok = ok && put_member(&s, "title", raise->title, &b, &fault) &&
	     put_member(&s, "detail", raise->detail, &b, &fault);
	run_scope_finish(&s);
	json_put_key(&b, "instance");
	json_put_text(&b, frame->task->reference);
	buf_putc(&b, '}');
	enum progress p =
		ok ? run_raise(run, frame, value_create((struct json){b.data, b.len}))
		   : run_fail(run, frame, &fault);
	buf_finish(&b);
	return p;
}

const struct task_kind task_raise = {.name = "raise", .compile = compile, .enter = enter};
