/*
 * An attempt in the world, from the intent in its frame to its end. It outlives its
 * run in memory: after a lost connection the run is reloaded, and takes its effect up
 * again.
 */
#include "run/run_effect.h"

#include "run/stop.h"
#include "run/transaction.h"

#include <stdlib.h>
#include <string.h>

struct frame *run_next_effect(const struct run *r, bool granted)
{
	enum agenda_mark mark = granted ? AGENDA_GRANTED : AGENDA_SLOT;
	struct frame *f = NULL;
	if (run_is_stopping(r) || r->failed || r->status != RUN_RUNNING)
		return NULL;
	if (granted && r->agenda.granted == 0)
		return NULL;
	while ((f = agenda_next(r->root, f, mark))) {
		if (f->state == FRAME_QUEUED || f->intent_seq <= r->durable_seq)
			return f;
	}
	return NULL;
}

static void attach(struct run *r, struct frame *f, struct run_effect *e)
{
	f->state = FRAME_ACTIVE;
	f->effect = e;
	f->granted = false;
	e->frame = f;
	e->next = r->under_way;
	r->under_way = e;
	agenda_touch(f);
}

void run_effect_detach(struct run *r, struct run_effect *e)
{
	struct frame *f = e->frame;
	struct run_effect **p = &r->under_way;
	while (*p != e)
		p = &(*p)->next;
	*p = e->next;
	e->next = NULL;
	e->frame = NULL;
	f->effect = NULL;
	agenda_touch(f);
}

struct run_effect *run_effect_create(
	struct run *r, struct frame *f, struct host *host, int64_t now)
{
	struct run_effect *e = xcalloc(1, sizeof *e);
	e->path = xstrdup(f->path);
	e->attempt = f->attempt;
	e->request = f->request;
	f->request = NULL;
	if (f->deadline) /* what it waited for a slot does not count */
		f->deadline += now - f->attempt_at;
	if (f->attempt_deadline)
		f->attempt_deadline += now - f->attempt_at;
	e->deadline = f->deadline;
	e->attempt_deadline = f->attempt_deadline;
	run_step_id(r, f, e->step_id);
	e->effect = (struct effect){.task = f->task,
		.request = e->request,
		.run_id = r->id,
		.path = e->path,
		.step_id = e->step_id,
		.reference = f->task->reference,
		.attempt = e->attempt,
		.announced = f->intent_seq,
		.after_uncertain = f->was_uncertain,
		.host = host};
	attach(r, f, e);
	return e;
}

void run_effect_destroy(struct run_effect *e)
{
	if (!e)
		return;
	if (e->request)
		e->request->destroy(e->request);
	effect_finish(&e->effect);
	free(e->path);
	free(e);
}

bool run_effect_is_transactional(const struct run_effect *e)
{
	const struct effect_kind *kind = e->effect.task->kind->effect;
	return kind->is_transactional && kind->is_transactional(e->effect.task);
}

void run_effect_stop(struct run_effect *e)
{
	if (e && !e->done)
		e->effect.task->kind->effect->stop(&e->effect);
	else if (e && e->effect.transaction && !e->recorded)
		e->effect.transaction->roll_back(e->effect.transaction);
	run_effect_destroy(e);
}

void run_effect_spend(struct run *r, struct frame *f)
{
	struct run_effect *e = f->effect;
	run_effect_detach(r, e);
	e->recorded = true;
	e->recorded_seq = r->seq + 1;
	e->next = r->spent;
	r->spent = e;
}

bool run_effects_forget(struct run *r)
{
	bool any = false;
	for (struct run_effect **p = &r->spent; *p;) {
		struct run_effect *e = *p;
		if (e->recorded_seq > r->durable_seq) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		run_effect_destroy(e);
		any = true;
	}
	return any;
}

struct run_effect *run_effects_take(struct run *r)
{
	struct run_effect *all = r->spent;
	r->spent = NULL;
	while (r->under_way) {
		struct run_effect *e = r->under_way;
		run_effect_detach(r, e);
		e->next = all;
		all = e;
	}
	return all;
}

bool run_effect_attach(struct run *r, struct run_effect *e)
{
	struct frame *f = run_find(r, e->path);
	if (!f || !f->open || f->effect || f->attempt != e->attempt)
		return false;
	e->recorded = false;
	f->deadline = e->deadline;
	f->attempt_deadline = e->attempt_deadline;
	attach(r, f, e);
	return true;
}

struct run_effect *run_effect_carrying(const struct run *r)
{
	struct run_effect *e = r->under_way;
	while (e && !(e->done && e->effect.transaction))
		e = e->next;
	return e;
}

bool run_has_outcome(const struct run *r)
{
	const struct run_effect *e = r->under_way;
	while (e && !e->done)
		e = e->next;
	return e != NULL;
}
