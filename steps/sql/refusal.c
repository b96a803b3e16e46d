/* Faults that are kept for an attempt, and faults that wait for the loop to be told. */
#include "sql/refusal.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_MAX 64

struct sql_kept {
	char step_id[UUID_TEXT];
	unsigned attempt;
	struct fault fault;
	struct sql_kept *next;
};

struct sql_refusal {
	uv_timer_t timer;
	struct effect *effect; /* NULL: it was stopped */
	struct sql_refusals *all;
	struct sql_refusal *next;
};

void sql_refusals_finish(struct sql_refusals *all)
{
	while (all->kept) {
		struct sql_kept *k = all->kept;
		all->kept = k->next;
		free(k);
	}
}

static void forget_oldest(struct sql_refusals *all)
{
	struct sql_kept **p = &all->kept;
	for (int n = 0; *p && n < KEPT_MAX; n++)
		p = &(*p)->next;
	free(*p); /* one more at most */
	*p = NULL;
}

void sql_refusals_keep(struct sql_refusals *all, const char *step_id, unsigned attempt,
	const struct fault *fault)
{
	struct sql_kept *k = xcalloc(1, sizeof *k);
	snprintf(k->step_id, sizeof k->step_id, "%s", step_id);
	k->attempt = attempt;
	k->fault = *fault;
	k->next = all->kept;
	all->kept = k;
	forget_oldest(all);
}

bool sql_refusals_take(struct sql_refusals *all, struct effect *effect)
{
	for (struct sql_kept **p = &all->kept; *p; p = &(*p)->next) {
		struct sql_kept *k = *p;
		if (k->attempt != effect->attempt ||
			strcmp(k->step_id, effect->step_id) != 0)
			continue;
		*effect_fault(effect) = k->fault;
		*p = k->next;
		free(k);
		return true;
	}
	return false;
}

static void on_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_tell(uv_timer_t *timer)
{
	struct sql_refusal *r = timer->data, **p = &r->all->pending;
	struct effect *e = r->effect;
	while (*p != r)
		p = &(*p)->next;
	*p = r->next;
	uv_close((uv_handle_t *)timer, on_closed);
	if (e)
		effect_fail(e);
}

void sql_refusals_tell(struct sql_refusals *all, uv_loop_t *loop, struct effect *effect)
{
	struct sql_refusal *r = xcalloc(1, sizeof *r);
	r->effect = effect;
	r->all = all;
	r->next = all->pending;
	all->pending = r;
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	uv_timer_start(&r->timer, on_tell, 0, 0);
}

void sql_refusals_stop(struct sql_refusals *all, const struct effect *effect)
{
	for (struct sql_refusal *r = all->pending; r; r = r->next) {
		if (r->effect == effect)
			r->effect = NULL;
	}
}
