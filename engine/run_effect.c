/*
 * An attempt in the world, from the intent in its run's leaf to its end. It outlives its
 * run in memory: after a lost connection the run is reloaded, and takes its effect up
 * again.
 */
#include "advance.h"
#include "carrier.h"

#include <stdlib.h>
#include <string.h>

struct run_effect *run_effect_create(struct run *r, struct host *host, int64_t now)
{
	struct frame *f = run_leaf(r);
	struct run_effect *e = xcalloc(1, sizeof *e);
	e->path = xstrdup(f->path);
	e->attempt = f->attempt;
	e->request = f->request;
	f->request = NULL;
	f->state = FRAME_ACTIVE;
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
		.after_uncertain = f->was_uncertain,
		.host = host};
	r->effect = e;
	return e;
}

void run_effect_destroy(struct run_effect *e)
{
	if (!e)
		return;
	if (e->request)
		e->request->destroy(e->request);
	buf_finish(&e->effect.output);
	buf_finish(&e->effect.authorization);
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
	else if (e && e->effect.carrier && !e->recorded)
		e->effect.carrier->roll_back(e->effect.carrier);
	run_effect_destroy(e);
}

bool run_effect_attach(struct run *r, struct run_effect *e)
{
	struct frame *f = run_leaf(r);
	if (!f || !f->open || f->attempt != e->attempt || strcmp(f->path, e->path) != 0)
		return false;
	e->recorded = false;
	f->state = FRAME_ACTIVE;
	f->deadline = e->deadline;
	f->attempt_deadline = e->attempt_deadline;
	r->effect = e;
	return true;
}
