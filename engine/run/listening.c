/* The state of listening frames, and the run's arrivals. */
#include "run/listening.h"

#include "run/run.h"

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
	value_unref(l->context);
	free(l->since);
	free(l);
}

/* ---- State ---- */

static void keep(struct listening *l, struct value *v)
{
	if ((l->count & (l->count - 1)) == 0)
		l->taken = xrealloc(
			l->taken, (l->count ? 2 * l->count : 1) * sizeof *l->taken);
	l->taken[l->count++] = value_ref(v);
}

static void forget_reading(struct listening *l)
{
	l->place = l->stored = -1;
	l->upto = l->passed = 0;
	l->look = 0;
	l->attended = false;
	free(l->since);
	l->since = NULL;
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
		value_set(&f->listening->context, value_ref(r->context));
		forget_reading(f->listening);
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
		buf_printf(out, "%zu %s %lld %u\n", strlen(f->path), f->path,
			(long long)f->listening->waits->seq, f->listening->waits->op);
}

/* What stands in a line of a description: how long the path is, the path, two numbers.
 * The name of a task may have line ends and spaces in it, so only the length says where
 * it ends. */
static char *path_of(struct json line)
{
	char *path;
	size_t n = strtoull(line.s, &path, 10);
	return xstrndup(path + 1, n);
}

/* Where the line that begins here ends. */
static const char *line_end(const char *line)
{
	char *path;
	size_t n = strtoull(line, &path, 10);
	return strchr(path + 1 + n, '\n');
}

/* The lines of a description, sorted. */
struct lines {
	struct json *list; /* slices */
	size_t count;
};

static int compare_lines(const void *a, const void *b)
{
	const struct json *x = a, *y = b;
	int order = memcmp(x->s, y->s, x->n < y->n ? x->n : y->n);
	return order ? order : (x->n > y->n) - (x->n < y->n);
}

static struct lines lines_of(const char *text)
{
	struct lines l = {0};
	for (const char *end; *text; text = end + 1) {
		end = line_end(text);
		if ((l.count & (l.count - 1)) == 0)
			l.list = xrealloc(
				l.list, (l.count ? 2 * l.count : 1) * sizeof *l.list);
		l.list[l.count++] = (struct json){text, (size_t)(end - text)};
	}
	if (l.count)
		qsort(l.list, l.count, sizeof *l.list, compare_lines);
	return l;
}

static void forget_arrivals(struct run *r, const char *path)
{
	for (struct arrival **p = &r->inbox; *p;) {
		struct arrival *a = *p;
		if (strcmp(a->path, path) != 0) {
			p = &a->next;
			continue;
		}
		*p = a->next;
		a->next = NULL;
		arrivals_destroy(a);
	}
}

static void add_change(
	struct run *r, struct json line, bool begins, struct waiting **list)
{
	struct waiting *w = xcalloc(1, sizeof *w);
	w->path = path_of(line);
	const struct frame *f = begins ? run_find(r, w->path) : NULL;
	if (f) {
		w->reference = xstrdup(f->task->reference);
		w->waits = value_ref(f->listening->waits);
	} else {
		forget_arrivals(r, w->path);
	}
	w->next = *list;
	*list = w;
}

struct waiting *listening_changes(struct run *r, const char *before, const char *after)
{
	struct waiting *list = NULL;
	struct lines old = lines_of(before), new = lines_of(after);
	for (size_t i = 0, j = 0; i < old.count || j < new.count;) {
		int order = i == old.count   ? 1
			    : j == new.count ? -1
					     : compare_lines(&old.list[i], &new.list[j]);
		if (order < 0)
			add_change(r, old.list[i], false, &list);
		else if (order > 0)
			add_change(r, new.list[j], true, &list);
		i += order <= 0;
		j += order >= 0;
	}
	free(old.list);
	free(new.list);
	return list;
}

/* ---- Reading ---- */

static bool has_arrivals(const struct run *r, const struct frame *f)
{
	const struct arrival *a = r->inbox;
	while (a && strcmp(a->path, f->path) != 0)
		a = a->next;
	return a;
}

struct frame *listening_next(const struct run *r, const struct frame *f)
{
	struct frame *next = next_listener(r, (struct frame *)f);
	while (next && (next->state != FRAME_LISTENING || has_arrivals(r, next)))
		next = next_listener(r, next);
	return next;
}

bool listening_is_attended(const struct run *r)
{
	if (r->agenda.waits[AGENDA_EVENT] == 0)
		return true;
	for (struct frame *f = next_listener(r, NULL); f; f = next_listener(r, f)) {
		if (f->state == FRAME_LISTENING && !f->listening->attended)
			return false;
	}
	return true;
}

void listening_look_again(struct run *r)
{
	for (struct frame *f = next_listener(r, NULL); f; f = next_listener(r, f))
		f->listening->attended = false;
}

int64_t listening_place(const struct frame *f)
{
	const struct listening *l = f->listening;
	return l->place >= 0 && l->upto > l->place ? l->upto : l->place;
}

/* Events that were never offered need not be remembered: they are few, or cheap. */
#define READ_AGAIN 1000

struct reading *listening_readings(struct run *r)
{
	struct reading *list = NULL;
	for (struct frame *f = next_listener(r, NULL); f; f = next_listener(r, f)) {
		struct listening *l = f->listening;
		int64_t place = has_arrivals(r, f) ? l->place : listening_place(f);
		if (l->place <= l->stored && place <= l->stored + READ_AGAIN)
			continue;
		struct reading *reading = xcalloc(1, sizeof *reading);
		reading->path = xstrdup(f->path);
		reading->place = place;
		reading->passed = l->passed;
		reading->next = list;
		list = reading;
		l->stored = place;
	}
	return list;
}

/* ---- Arrivals ---- */

void listening_add(struct run *r, struct arrival *a)
{
	struct frame *f = run_find(r, a->path);
	struct arrival **p = &r->inbox;
	while (*p)
		p = &(*p)->next;
	*p = a;
	if (f)
		agenda_touch(f);
}

struct arrival *listening_pop(struct run *r, const struct frame *f)
{
	struct arrival **p = &r->inbox;
	while (*p && strcmp((*p)->path, f->path) != 0)
		p = &(*p)->next;
	struct arrival *a = *p;
	if (!a)
		return NULL;
	*p = a->next;
	a->next = NULL;
	return a;
}

void listening_put_back(struct run *r, struct arrival *a)
{
	a->next = r->inbox;
	r->inbox = a;
}

/* The one that was taken is gone for other passes that are open at the same time. */
static void withdraw(struct run *r, const struct frame *taker, int64_t place)
{
	for (struct arrival **p = &r->inbox; *p;) {
		struct arrival *a = *p;
		const struct frame *f = a->place == place ? run_find(r, a->path) : NULL;
		if (!f || strcmp(f->task->reference, taker->task->reference) != 0) {
			p = &a->next;
			continue;
		}
		*p = a->next;
		a->next = NULL;
		arrivals_destroy(a);
	}
}

void listening_took(struct run *r, struct frame *f, const struct arrival *a)
{
	struct listening *l = f->listening;
	struct taking **last = &r->takings, *t = xcalloc(1, sizeof *t);
	struct json wait = json_at(value_json(l->waits), 0);
	while (*last)
		last = &(*last)->next;
	*last = t;
	t->reference = xstrdup(f->task->reference);
	t->filters = json_strdup(json_get(wait, "pinned"));
	t->place = a->place;
	t->floor = l->passed ? l->passed - 1 : a->place;
	l->place = a->place;
	r->taken_count++;
	withdraw(r, f, a->place);
}

void listening_refused(struct frame *f, const struct arrival *a, bool for_good)
{
	struct listening *l = f->listening;
	l->place = a->place;
	if (!for_good && !l->passed)
		l->passed = a->place;
}
