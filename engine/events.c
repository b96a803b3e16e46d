/*
 * Events on their way: routing (who waits for what was stored?) and attending (what is
 * there for the runs in memory that listen?). An event is stored, committed, then routed;
 * a listener subscribes, commits, then looks at the kept events: each looks only after
 * its own commit, so none is missed.
 */
#include "pool.h"

#include "clock.h"
#include "log.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

#define ROUTE_BATCH 200
#define PRUNE_USEC (60 * USEC_PER_SEC)
#define ATTEND_MAX 500

/* ---- Shapes: the expressions of correlations, evaluated on an event ---- */

struct shape_program {
	char *text; /* a JSON array of expressions */
	struct program *program;
	struct expression **expressions;
	size_t count;
	struct shape_program *next;
};

static struct shape_program *find_shape(struct worker *w, const char *text)
{
	struct shape_program *p = w->shapes;
	struct json list, element;
	while (p && strcmp(p->text, text) != 0)
		p = p->next;
	if (p)
		return p;
	p = xcalloc(1, sizeof *p);
	p->text = xstrdup(text);
	p->program = program_create(NULL);
	p->next = w->shapes;
	w->shapes = p;
	if (!json_check(p->text, strlen(p->text), NULL, &list, NULL, NULL))
		return p;
	p->expressions = xcalloc(json_count(list) + 1, sizeof *p->expressions);
	struct json_iter it = json_iter(list);
	while (json_next_element(&it, &element)) {
		if (!program_add(p->program, element, EXPRESSION_BARE,
			    &p->expressions[p->count++], NULL))
			p->count = 0;
	}
	return p;
}

void events_finish(struct worker *w)
{
	while (w->shapes) {
		struct shape_program *p = w->shapes;
		w->shapes = p->next;
		program_destroy(p->program);
		free(p->expressions);
		free(p->text);
		free(p);
	}
}

/* The values that the shape's expressions give, as a subscription's `expected` has them;
 * NULL where one fails. */
static char *evaluate(struct shape_program *p, struct json event)
{
	struct scope scope = {.dot = event};
	struct buf b = {0}, one = {0};
	bool ok = p->count > 0;
	for (size_t i = 0; ok && i < p->count; i++) {
		buf_clear(&one);
		buf_putc(&b, i ? ',' : '[');
		ok = expression_eval(p->expressions[i], &scope, &one, NULL);
		if (ok)
			json_canonical((struct json){one.data, one.len}, &b);
	}
	buf_putc(&b, ']');
	buf_finish(&one);
	if (ok)
		return buf_take(&b);
	buf_finish(&b);
	return NULL;
}

/* Rows of source, id, event, shape, base. The result's texts are borrowed from the rows.
 */
static struct event_shape *evaluate_rows(struct worker *w, const struct db_result *rows)
{
	struct event_shape *shapes = xcalloc((size_t)db_rows(rows) + 1, sizeof *shapes);
	for (int row = 0; row < db_rows(rows); row++) {
		struct event_shape *s = &shapes[row];
		struct json event;
		s->source = db_text(rows, row, 0);
		s->id = db_text(rows, row, 1);
		if (db_is_null(rows, row, 3))
			continue;
		s->shape = db_text(rows, row, 3);
		s->base = db_text(rows, row, 4);
		if (json_check(db_text(rows, row, 2), db_length(rows, row, 2), NULL,
			    &event, NULL, NULL))
			s->expected = evaluate(find_shape(w, s->shape), event);
	}
	return shapes;
}

static void shapes_destroy(struct event_shape *shapes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(shapes[i].expected);
	free(shapes);
}

/* ---- Routing ---- */

static void on_routed(struct db_batch *b)
{
	struct worker *w = b->ctx;
	w->routing = false;
	if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "routing events: %s", b->err.text);
	} else if (b->count) {
		const struct db_result *r = b->statements[0].result;
		if (db_int(r, 0, 1))
			claim_due(w);
		w->attend_wanted = true;
		if (db_int(r, 0, 0) >= ROUTE_BATCH)
			events_route(w);
	}
	db_batch_destroy(b);
	worker_check_done(w);
}

/* The keys are there for whoever looks back before the event is marked as routed. */
static void on_keyed(struct db_batch *b)
{
	struct db_batch *route = b->ctx;
	struct worker *w = route->ctx;
	if (b->err.kind == ERROR_NONE) {
		db_send(w->control, route);
	} else {
		log_line(LOG_WARNING, "keys of events: %s", b->err.text);
		db_batch_destroy(route);
		w->routing = false;
		worker_check_done(w);
	}
	db_batch_destroy(b);
}

static void on_unrouted(struct db_batch *b)
{
	struct worker *w = b->ctx;
	const struct db_result *rows = b->count ? b->statements[0].result : NULL;
	if (b->err.kind != ERROR_NONE || db_rows(rows) == 0) {
		w->routing = false;
		db_batch_destroy(b);
		worker_check_done(w);
		return;
	}
	size_t count = (size_t)db_rows(rows);
	struct event_shape *shapes = evaluate_rows(w, rows);
	struct db_batch *route = db_batch_create(on_routed, w);
	struct db_batch *keys = db_batch_create(on_keyed, route);
	store_route_events(route, shapes, count);
	store_add_event_keys(keys, shapes, count);
	if (keys->count) {
		db_send(w->control, keys);
	} else {
		db_batch_destroy(keys);
		db_send(w->control, route);
	}
	shapes_destroy(shapes, count);
	db_batch_destroy(b);
}

void events_route(struct worker *w)
{
	if (w->routing || w->draining || !db_is_up(w->control))
		return;
	struct db_batch *b = db_batch_create(on_unrouted, w);
	store_list_unrouted(b);
	w->routing = true;
	db_send(w->control, b);
}

static void on_pruned(struct db_batch *b)
{
	db_batch_destroy(b);
}

static void prune(struct worker *w)
{
	int64_t now = clock_boottime();
	if (w->pruned_at && now - w->pruned_at < PRUNE_USEC)
		return;
	w->pruned_at = now;
	struct db_batch *b = db_batch_create(on_pruned, w);
	store_prune_events(b);
	db_send(w->control, b);
}

/* ---- Attending ---- */

struct attendance {
	struct worker *worker;
	struct uuid *runs;
	int64_t *seqs; /* their last entries, when they were asked for */
	size_t count;
};

static void attendance_destroy(struct attendance *a)
{
	free(a->runs);
	free(a->seqs);
	free(a);
}

/* The run, if it is still what it was when the question was sent. */
static struct owned *attended(const struct attendance *a, size_t i)
{
	struct owned *o = owned_find(a->worker, a->runs[i]);
	bool same = o && o->state == OWNED_LIVE && o->run && o->run->seq == a->seqs[i] &&
		    o->run->op_count == 0 && log_is_clear(&o->log);
	return same ? o : NULL;
}

static struct arrival *arrival_of(const struct db_result *rows, int row)
{
	struct arrival *a = xcalloc(1, sizeof *a);
	struct json event = {db_text(rows, row, 5), db_length(rows, row, 5)};
	a->path = xstrdup(db_text(rows, row, 1));
	a->reference = xstrdup(db_text(rows, row, 2));
	a->source = xstrdup(db_text(rows, row, 3));
	a->id = xstrdup(db_text(rows, row, 4));
	a->event = value_create(event);
	return a;
}

static bool is_json(const struct db_result *rows, int row)
{
	struct json ignored;
	return json_check(db_text(rows, row, 5), db_length(rows, row, 5), NULL, &ignored,
		NULL, NULL);
}

/* One that came by SQL and is no JSON that we read is taken as null: nothing matches. */
static void deliver(struct owned *o, const struct db_result *rows)
{
	for (int row = 0; row < db_rows(rows); row++) {
		if (!uuid_equal(db_uuid(rows, row, 0), o->id))
			continue;
		struct arrival *a = arrival_of(rows, row);
		if (!is_json(rows, row))
			value_set(&a->event, value_create(JSON_LITERAL("null")));
		listening_add(o->run, a);
	}
}

static void on_attended(struct db_batch *b)
{
	struct attendance *a = b->ctx;
	struct worker *w = a->worker;
	w->attending = false;
	if (b->err.kind != ERROR_NONE)
		log_line(LOG_WARNING, "events for listeners: %s", b->err.text);
	for (size_t i = 0; i < a->count && b->err.kind == ERROR_NONE; i++) {
		struct owned *o = attended(a, i);
		if (!o) { /* it has moved meanwhile: what was listed may be gone */
			w->attend_wanted = true;
			continue;
		}
		deliver(o, b->statements[b->count - 1].result);
		o->attended = true;
		owned_wake(o);
	}
	attendance_destroy(a);
	db_batch_destroy(b);
	worker_check_done(w);
}

static void on_unindexed(struct db_batch *b)
{
	struct attendance *a = b->ctx;
	struct worker *w = a->worker;
	if (b->err.kind != ERROR_NONE) {
		w->attending = false;
		attendance_destroy(a);
		db_batch_destroy(b);
		worker_check_done(w);
		return;
	}
	const struct db_result *rows = b->statements[0].result;
	size_t count = (size_t)db_rows(rows);
	struct event_shape *shapes = evaluate_rows(w, rows);
	struct db_batch *look = db_batch_create(on_attended, a);
	store_add_event_keys(look, shapes, count);
	store_mark_indexed(look, shapes, count);
	store_look_back(look, a->runs, a->count);
	store_list_deliveries(look, a->runs, a->count);
	db_send(w->control, look);
	shapes_destroy(shapes, count);
	db_batch_destroy(b);
}

static bool wants_attention(const struct owned *o)
{
	return o->state == OWNED_LIVE && o->run && !o->run->inbox && !o->attended &&
	       o->run->status == RUN_RUNNING && log_is_clear(&o->log) &&
	       o->run->op_count == 0 && listening_is_open(o->run);
}

void events_attend(struct worker *w)
{
	if (w->attending || !w->attend_wanted || !db_is_up(w->control))
		return;
	struct attendance *a = xcalloc(1, sizeof *a);
	a->worker = w;
	a->runs = xcalloc(ATTEND_MAX, sizeof *a->runs);
	a->seqs = xcalloc(ATTEND_MAX, sizeof *a->seqs);
	for (size_t i = 0; i < OWNED_BUCKETS && a->count < ATTEND_MAX; i++) {
		for (struct owned *o = w->buckets[i]; o && a->count < ATTEND_MAX;
			o = o->hash_next) {
			if (!wants_attention(o))
				continue;
			a->runs[a->count] = o->id;
			a->seqs[a->count++] = o->run->seq;
		}
	}
	w->attend_wanted = a->count == ATTEND_MAX;
	if (a->count == 0) {
		attendance_destroy(a);
		return;
	}
	w->attending = true;
	struct db_batch *b = db_batch_create(on_unindexed, a);
	store_list_unindexed(b, a->runs, a->count);
	db_send(w->control, b);
}

static void forget_attendance(struct owned *o)
{
	o->attended = false;
}

void events_poll(struct worker *w)
{
	if (w->draining || !db_is_up(w->control))
		return;
	prune(w);
	owned_each(w, forget_attendance);
	w->attend_wanted = true;
	events_attend(w);
}
