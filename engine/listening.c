/* The state of listening frames, and the run's arrivals. */
#include "listening.h"

#include "run.h"

#include <stdlib.h>
#include <string.h>

void listening_destroy(struct listening *l)
{
	if (!l)
		return;
	for (size_t i = 0; i < l->count; i++)
		value_unref(l->taken[i]);
	free(l->taken);
	value_unref(l->waits);
	value_unref(l->correlated);
	value_unref(l->item);
	free(l);
}

void arrivals_destroy(struct arrival *a)
{
	while (a) {
		struct arrival *next = a->next;
		free(a->path);
		free(a->reference);
		free(a->source);
		free(a->id);
		value_unref(a->event);
		free(a);
		a = next;
	}
}

void emissions_destroy(struct emission *e)
{
	while (e) {
		struct emission *next = e->next;
		free(e->source);
		free(e->id);
		free(e->type);
		free(e->subject);
		value_unref(e->event);
		free(e);
		e = next;
	}
}

void waitings_destroy(struct waiting *w)
{
	while (w) {
		struct waiting *next = w->next;
		free(w->path);
		free(w->reference);
		value_unref(w->waits);
		free(w);
		w = next;
	}
}

/* ---- State ---- */

static void keep(struct listening *l, struct value *v)
{
	if ((l->count & (l->count - 1)) == 0)
		l->taken = xrealloc(
			l->taken, (l->count ? 2 * l->count : 1) * sizeof *l->taken);
	l->taken[l->count++] = value_ref(v);
}

/* An iteration over the event that has come. */
static void begin_iteration(struct frame *f, struct value *event)
{
	struct listening *l = f->listening;
	value_set(&l->item, value_ref(event));
	value_set(&f->cursor, value_ref(event));
	f->item = value_json(event);
	f->iteration = l->received++;
	free(f->visits[0]);
	f->visits[0] = NULL;
	frame_forget_steps(f);
	f->position = NEXT_EXIT;
	if (f->task->body)
		frame_open_list(f, f->task->body);
	f->state = FRAME_NEXT;
}

static bool apply_received(struct frame *f, const struct op *op)
{
	struct listening *l = f->listening;
	int64_t number = op->index;
	bool until = number >= LISTENING_UNTIL;
	if (until)
		number -= LISTENING_UNTIL;
	if (number < 0 || number > 63)
		return false;
	*(until ? &l->until_met : &l->met) |= (uint64_t)1 << number;
	if (op->values[OP_CORRELATED])
		value_set(&l->correlated, value_ref(op->values[OP_CORRELATED]));
	if (until)
		return true;
	if (!op->values[OP_OUTPUT])
		return false;
	if (f->task->item_name)
		begin_iteration(f, op->values[OP_OUTPUT]);
	else
		keep(l, op->values[OP_OUTPUT]);
	return true;
}

static bool apply_collected(struct run *r, struct frame *f, const struct op *op)
{
	if (!op->values[OP_OUTPUT] || f->child)
		return false;
	keep(f->listening, op->values[OP_OUTPUT]);
	if (op->values[OP_CONTEXT])
		value_set(&r->context, value_ref(op->values[OP_CONTEXT]));
	f->opened = false;
	f->list = NULL;
	f->iteration = -1;
	value_set(&f->listening->item, NULL);
	f->item = (struct json){0};
	f->state = FRAME_LISTENING;
	return true;
}

bool listening_apply(struct run *r, struct frame *f, const struct op *op)
{
	if (op->kind == OP_LISTENING) {
		if (!op->values[OP_ITEMS] || !f->task->listens || f->child)
			return false;
		if (!f->listening)
			f->listening = xcalloc(1, sizeof *f->listening);
		value_set(&f->listening->waits, value_ref(op->values[OP_ITEMS]));
		f->state = FRAME_LISTENING;
		return true;
	}
	if (!f->listening)
		return false;
	return op->kind == OP_RECEIVED ? apply_received(f, op)
				       : apply_collected(r, f, op);
}

void listening_lapse(struct frame *f)
{
	if (!f->listening)
		return;
	value_set(&f->listening->waits, NULL);
	if (f->state == FRAME_LISTENING)
		f->state = FRAME_ENTER;
}

/* ---- Subscriptions ---- */

static struct frame *next_listener(const struct run *r, struct frame *f)
{
	if (r->agenda.listeners == 0)
		return NULL;
	f = f ? frame_after(f, r->root) : r->root;
	while (f && !(f->listening && f->listening->waits))
		f = frame_after(f, r->root);
	return f;
}

void listening_describe(const struct run *r, struct buf *out)
{
	for (struct frame *f = next_listener(r, NULL); f; f = next_listener(r, f))
		buf_printf(out, "%s %lld %u\n", f->path,
			(long long)f->listening->waits->seq, f->listening->waits->op);
}

struct waiting *listening_list(const struct run *r)
{
	struct waiting *list = NULL;
	for (struct frame *f = next_listener(r, NULL); f; f = next_listener(r, f)) {
		struct waiting *w = xcalloc(1, sizeof *w);
		w->path = xstrdup(f->path);
		w->reference = xstrdup(f->task->reference);
		w->waits = value_ref(f->listening->waits);
		w->next = list;
		list = w;
	}
	return list;
}

bool listening_is_open(const struct run *r)
{
	return r->agenda.waits[AGENDA_EVENT] != 0;
}

/* ---- Arrivals ---- */

struct arrival *listening_take(struct run *r, const struct frame *f)
{
	struct arrival **p = &r->inbox;
	while (*p && strcmp((*p)->path, f->path) != 0)
		p = &(*p)->next;
	struct arrival *a = *p;
	if (!a)
		return NULL;
	*p = a->next;
	a->next = r->consumed;
	r->consumed = a;
	return a;
}

void listening_add(struct run *r, struct arrival *a)
{
	struct frame *f = run_find(r, a->path);
	struct arrival **p = &r->inbox;
	if (!f || !f->listening) {
		a->next = r->consumed;
		r->consumed = a;
		return;
	}
	while (*p)
		p = &(*p)->next;
	*p = a;
	agenda_touch(f);
}
