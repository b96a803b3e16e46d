/*
 * `emit`: an event that is stored together with the entry that records it, so it is
 * emitted once. Its id is the stepId unless the author gives one; its source is the
 * workflow. Its output is the event.
 */
#include "base/clock.h"
#include "http/uri_template.h"
#include "run/complete.h"
#include "run/decision.h"
#include "run/run_scope.h"

#include <stdlib.h>
#include <string.h>

#define ATTRIBUTE_MAX 1000 /* bytes of id, source, type, subject: they are indexed */

struct emit {
	struct expression *event;
};

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct emit *emit = xcalloc(1, sizeof *emit);
	struct json with = json_pointer(task->node, "/emit/event/with");
	task->spec = emit;
	if (!with.s)
		return compiler_refuse(c, task->node, err, "emit.event.with is needed");
	return uri_template_compile(c, json_get(with, "source"), err) &&
	       uri_template_compile(c, json_get(with, "dataschema"), err) &&
	       compiler_expression(c, with, EXPRESSION_VALUE, &emit->event, err);
}

static bool is_attribute_name(struct json key)
{
	for (size_t i = 1; i + 1 < key.n; i++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789_", key.s[i]))
			return false;
	}
	return key.n > 2;
}

/* The text of an attribute, or the default; NULL and a fault where it cannot be one. */
static char *attribute(
	struct json event, const char *name, const char *fallback, struct fault *fault)
{
	struct json v = json_get(event, name);
	struct buf b = {0};
	if (!v.s && fallback)
		return xstrdup(fallback);
	if (json_type(v) == JSON_STRING)
		json_string(v, &b);
	if (b.len == 0 || b.len > ATTRIBUTE_MAX || memchr(b.data, '\0', b.len)) {
		fault_set(fault, PROBLEM_VALIDATION,
			"the event's \"%s\" must be a text of 1 to %d bytes", name,
			ATTRIBUTE_MAX);
		buf_finish(&b);
		return NULL;
	}
	return buf_take(&b);
}

static bool check_members(struct json event, struct fault *fault)
{
	struct json_iter it = json_iter(event);
	struct json key, v, version = json_get(event, "specversion");
	if (json_type(event) != JSON_OBJECT)
		return fault_set(fault, PROBLEM_VALIDATION, "an event is an object");
	if (version.s && !json_string_is(version, "1.0"))
		return fault_set(
			fault, PROBLEM_VALIDATION, "the event's specversion is not 1.0");
	while (json_next_member(&it, &key, &v)) {
		if (!is_attribute_name(key))
			return fault_set(fault, PROBLEM_VALIDATION,
				"the event's attribute %.*s is not made of a-z and 0-9",
				key.n > 100 ? 100 : (int)key.n, key.s);
	}
	return true;
}

/* The event as it is stored: the attributes that it must have come first. */
static struct value *build(
	const struct emission *e, struct json event, const struct run *run)
{
	struct json_iter it = json_iter(event);
	struct json key, v;
	struct buf b = {0};
	char time[CLOCK_TEXT];
	clock_format(run->at, time);
	buf_puts(&b, "{\"specversion\":\"1.0\",\"id\":");
	json_put_text(&b, e->id);
	json_put_key(&b, "source");
	json_put_text(&b, e->source);
	if (!json_get(event, "time").s) {
		json_put_key(&b, "time");
		json_put_text(&b, time);
	}
	while (json_next_member(&it, &key, &v)) {
		if (json_string_is(key, "specversion") || json_string_is(key, "id") ||
			json_string_is(key, "source"))
			continue;
		buf_putc(&b, ',');
		json_put(&b, key);
		buf_putc(&b, ':');
		json_put(&b, v);
	}
	buf_putc(&b, '}');
	struct value *value = value_create((struct json){b.data, b.len});
	buf_finish(&b);
	return value;
}

/* NULL, and a fault, where the event is none. */
static struct emission *make(
	struct run *run, struct frame *frame, struct json event, struct fault *fault)
{
	const struct definition *d = run->definition;
	struct emission *e = xcalloc(1, sizeof *e);
	char step_id[UUID_TEXT];
	char *source = xasprintf("/%s/%s/%s", d->namespace, d->name, d->version);
	run_step_id(run, frame, step_id);
	bool ok = check_members(event, fault) &&
		  (e->id = attribute(event, "id", step_id, fault)) &&
		  (e->source = attribute(event, "source", source, fault)) &&
		  (e->type = attribute(event, "type", NULL, fault)) &&
		  (!json_get(event, "subject").s ||
			  (e->subject = attribute(event, "subject", NULL, fault)));
	free(source);
	if (!ok) {
		emissions_destroy(e);
		return NULL;
	}
	e->event = build(e, event, run);
	return e;
}

/* The event with what are URI templates in the definition expanded. */
static bool expand_uris(struct frame *frame, struct value **event, struct fault *fault)
{
	struct json with = json_pointer(frame->task->node, "/emit/event/with");
	struct json_iter it = json_iter(value_json(*event));
	struct json key, v;
	struct buf b = {0};
	bool ok = true;
	buf_putc(&b, '{');
	while (ok && json_next_member(&it, &key, &v)) {
		bool source = json_string_is(key, "source");
		struct json field = {0};
		struct buf uri = {0};
		if (source || json_string_is(key, "dataschema"))
			field = json_get(with, source ? "source" : "dataschema");
		buf_puts(&b, b.len > 1 ? "," : "");
		json_put(&b, key);
		buf_putc(&b, ':');
		if (!uri_template_is(field))
			json_put(&b, v);
		else if ((ok = uri_template_render(
				  field, value_json(frame->input), &uri, fault)))
			json_put_text(&b, buf_text(&uri));
		buf_finish(&uri);
	}
	buf_putc(&b, '}');
	if (ok)
		value_set(event, value_create((struct json){b.data, b.len}));
	buf_finish(&b);
	return ok;
}

/* The event goes out with the entry that completes its task. */
static void go_out(struct run *run, struct emission *e)
{
	struct emission **last = &run->emitted;
	while (*last)
		last = &(*last)->next;
	*last = e;
}

static enum progress enter(struct run *run, struct frame *frame)
{
	const struct emit *emit = frame->task->spec;
	struct run_scope s;
	struct fault fault = {0};
	struct value *event = NULL;
	struct emission *e = NULL;
	run_scope_init(&s, run, frame, value_json(frame->input));
	if (run_scope_eval(&s, emit->event, &event, &fault) &&
		expand_uris(frame, &event, &fault))
		e = make(run, frame, value_json(event), &fault);
	run_scope_finish(&s);
	value_unref(event);
	if (!e)
		return run_fail(run, frame, &fault);
	enum progress p = run_complete(run, frame, value_ref(e->event), NULL);
	if (run->failed ||
		p == PROGRESS_WAIT) /* its output was refused: nothing has happened */
		emissions_destroy(e);
	else
		go_out(run, e);
	return p;
}

const struct task_kind task_emit = {.name = "emit", .compile = compile, .enter = enter};
