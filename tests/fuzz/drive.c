/* Effects and events without a world. */
#include "drive.h"

#include "fuzz.h"
#include "validate/validate.h"

#include <stdlib.h>
#include <string.h>

#define T0 1795000000000000LL
#define PATIENCE 50

static struct settings settings = {.allow_run = true};
static struct host host = {.settings = &settings};

struct definition *drive_compile(const char *tasks, const char *use)
{
	struct definition *d = NULL;
	struct findings found;
	struct json document;
	struct error err = {0};
	char *text =
		xasprintf("{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"t\","
			  "\"name\":\"t\",\"version\":\"1.0.0\"},\"use\":%s,\"do\":%s}",
			use ? use : "{}", tasks);
	validate(text, strlen(text), &document, &found);
	if (document.s && !found.errors && !found.unsupported &&
		!definition_create(text, strlen(text), NULL, &d, &err))
		must(err.kind == ERROR_INPUT, "%s", err.text);
	findings_finish(&found);
	free(text);
	return d;
}

struct run *drive_create(struct definition *d, struct json input)
{
	struct uuid id = {{1, 2, 3}};
	struct value *v = value_create(input);
	v->seq = 0;
	struct run *r = run_create(id, d, v, T0, T0);
	value_unref(v);
	r->seq = r->durable_seq = 2;
	r->at = T0;
	return r;
}

void drive_destroy(struct run *r)
{
	for (struct run_effect *e = run_effects_take(r), *next; e; e = next) {
		next = e->next;
		run_effect_destroy(e);
	}
	run_destroy(r);
}

static void perform(struct run_effect *e, struct drive *d)
{
	e->done = true;
	if (d->outcomes & 1) {
		fault_set(effect_fault(&e->effect), PROBLEM_COMMUNICATION, "scripted");
		effect_fault(&e->effect)->status = 503;
		effect_fault(&e->effect)->uncertain = d->outcomes & 2;
	} else {
		e->effect.succeeded = true;
		buf_puts(&e->effect.output, "{\"a\":1}");
	}
	d->outcomes >>= 2;
}

static void serve(struct run *r, struct drive *d)
{
	struct frame *f = run_next_effect(r, true);
	if (!f)
		f = run_next_effect(r, false);
	if (f && f->state == FRAME_READY)
		perform(run_effect_create(r, f, &host, d->now), d);
	else if (f)
		frame_grant(f, true);
}

static void arrive(struct run *r, struct drive *d)
{
	const struct frame *f = r->root;
	while (f && f->state != FRAME_LISTENING)
		f = frame_after(f, r->root);
	if (!f || !d->event.s)
		return;
	struct arrival *a = xcalloc(1, sizeof *a);
	a->path = xstrdup(f->path);
	a->event = value_create(d->event);
	listening_add(r, a);
}

char *drive_entry(struct run *r, struct drive *d)
{
	r->durable_seq = r->seq;
	run_effects_forget(r);
	while (r->op_count == 0) {
		struct advance a = {.now = d->now, .host = &host};
		/* An error is routed before anything begins, unless it waits. */
		if (!r->failed || r->error_waits || run_awaits_person(r))
			serve(r, d);
		unsigned need = run_advance(r, &a);
		must(agenda_is_right(&r->agenda, r->root), "the agenda");
		if (r->op_count)
			break;
		if (need == NEED_NOTHING || d->waits++ > PATIENCE)
			return NULL;
		if (need & NEED_EVENT)
			arrive(r, d);
		if (need == NEED_TIMER && run_due(r) < d->now + 1000000000000LL)
			d->now = run_due(r);
	}
	buf_putc(&r->ops, ']');
	r->op_count = 0;
	r->seq++;
	d->now += 1000;
	return buf_take(&r->ops);
}
