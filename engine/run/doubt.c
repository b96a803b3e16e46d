/* Which effects of a run are in doubt, for how long. */
#include "run/doubt.h"

#include "run/run_effect.h"

#include <string.h>

/* One that failed for certain is not. */
static bool is_in_doubt(const struct run_effect *e)
{
	const struct effect *effect = &e->effect;
	if (effect->task->metadata.on_uncertain != UNCERTAIN_HOLD ||
		run_effect_is_transactional(e))
		return false;
	if (!e->done)
		return effect_may_have_happened(effect);
	return effect->succeeded || effect->waits ||
	       (effect->fault && effect->fault->uncertain);
}

bool doubt_is_below(const struct run *r, const struct frame *top)
{
	const struct run_effect *e = r->under_way;
	while (e && !(is_in_doubt(e) && frame_is_below(e->frame, top)))
		e = e->next;
	return e != NULL;
}

struct run_effect *doubt_ended(const struct run *r)
{
	struct run_effect *e = r->under_way;
	while (e && !(e->done && is_in_doubt(e)))
		e = e->next;
	return e;
}

static void take_sooner(struct frame *f, int64_t *soonest, struct frame **ret)
{
	for (; f; f = f->parent) {
		int64_t time = f->note.times[AGENDA_DEADLINE];
		if (time && (!*soonest || time <= *soonest)) { /* or further out */
			*soonest = time;
			*ret = f;
		}
	}
}

int64_t doubt_deadline(const struct run *r, struct frame **ret)
{
	int64_t soonest = 0;
	*ret = NULL;
	for (struct run_effect *e = r->under_way; e; e = e->next) {
		if (is_in_doubt(e))
			take_sooner(e->frame, &soonest, ret);
	}
	return soonest;
}

/* ---- Of tasks that were cut off ---- */

/* Its reference among them, NULL: it is not there. */
static char *find(const struct run *r, const struct task *task)
{
	const struct buf *b = &r->doubts;
	for (size_t i = 0; i < b->len; i += strlen(b->data + i) + 1) {
		if (strcmp(b->data + i, task->reference) == 0)
			return b->data + i;
	}
	return NULL;
}

void doubt_note(struct run *r, const struct task *task)
{
	if (!find(r, task))
		buf_add(&r->doubts, task->reference, strlen(task->reference) + 1);
}

bool doubt_is_noted(const struct run *r, const struct task *task)
{
	return r->doubts.len && find(r, task);
}

void doubt_settle(struct run *r, const struct task *task)
{
	char *at = r->doubts.len ? find(r, task) : NULL;
	if (!at)
		return;
	char *end = r->doubts.data + r->doubts.len;
	size_t n = strlen(at) + 1;
	memmove(at, at + n, (size_t)(end - at) - n);
	r->doubts.len -= n;
}
