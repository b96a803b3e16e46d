/*
 * Attending: what is there for the runs in memory that listen? First new correlations are
 * evaluated for the events that were kept before them, some at a time; then one question
 * says which events there are, and another brings them, each once for all that it is
 * offered to. What is offered and not durable yet is bounded by bytes.
 *
 * A listener has seen everything when the answer says so, and no event waits for its
 * place that was stored before it was looked for: whoever routes that one may have begun
 * before the listener subscribed. What is stored later is routed later, and wakes it.
 */
#include "worker/inside.h"

#include "base/bounds.h"
#include "base/log.h"
#include "journal/store.h"

#include <stdlib.h>
#include <string.h>

#define ATTEND_MAX 500

/* Columns of list_arrivals.sql. */
enum { RUN, PATH, FROM, PASSED, UPTO, UNPLACED, SINCE, PLACE, OCTETS };

struct asked {
	struct uuid run;
	char *path, *since;
	int64_t place;
	uint64_t taken_count; /* of the run, when it was asked for */
	int rows;             /* of the answer: from `first` on */
	int first;
	int offered; /* of these rows */
};

struct attendance {
	struct worker *worker;
	struct asked *list;
	size_t count;
	uint64_t look;
	struct db_batch *arrivals; /* the answer, while events are loaded */
	bool new_ones;             /* some have not looked before */
};

static void attendance_end(struct attendance *a)
{
	struct worker *w = a->worker;
	for (size_t i = 0; i < a->count; i++) {
		free(a->list[i].path);
		free(a->list[i].since);
	}
	free(a->list);
	db_batch_destroy(a->arrivals);
	free(a);
	w->attending = false;
	worker_check_done(w);
}

/* The frame, if it still waits for the answer; NULL: it does not. What others of its run
 * have taken meanwhile may be in the answer. */
static struct frame *still_waits(
	const struct attendance *a, const struct asked *asked, struct owned_run **ret)
{
	struct owned_run *o = owned_find(a->worker, asked->run);
	if (!o || o->state != OWNED_LIVE || !o->run)
		return NULL;
	struct frame *f = run_find(o->run, asked->path);
	*ret = o;
	return f && f->state == FRAME_LISTENING && f->listening->look == a->look &&
			       o->run->taken_count == asked->taken_count
		       ? f
		       : NULL;
}

/* ---- Offering ---- */

void attend_forget(struct owned_run *o)
{
	if (o->event_bytes == 0)
		return;
	o->worker->event_bytes -= o->event_bytes;
	o->event_bytes = 0;
	o->worker->attend_wanted = true;
}

/* Events that were loaded, by place. */
struct loaded {
	int64_t *places;
	struct value **events;
	size_t count;
};

/* One that came by SQL and is no JSON that we read is taken as null: nothing matches. */
static struct loaded loaded_from(const struct db_result *rows)
{
	size_t count = rows ? (size_t)db_rows(rows) : 0;
	struct loaded l = {.places = xcalloc(count + 1, sizeof *l.places),
		.events = xcalloc(count + 1, sizeof(struct value *)),
		.count = count};
	for (size_t i = 0; i < count; i++) {
		struct json event;
		l.places[i] = db_int(rows, (int)i, 0);
		if (!json_check(db_text(rows, (int)i, 1), db_length(rows, (int)i, 1),
			    NULL, &event, NULL, NULL))
			event = JSON_LITERAL("null");
		l.events[i] = value_create(event);
	}
	return l;
}

static void loaded_finish(struct loaded *l)
{
	for (size_t i = 0; i < l->count; i++)
		value_unref(l->events[i]);
	free(l->places);
	free(l->events);
}

static struct value *loaded_find(const struct loaded *l, int64_t place)
{
	size_t low = 0, high = l->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (l->places[middle] < place)
			low = middle + 1;
		else
			high = middle;
	}
	return low < l->count && l->places[low] == place ? l->events[low] : NULL;
}

static void offer_event(
	struct owned_run *o, const struct frame *f, int64_t place, struct value *event)
{
	struct arrival *a = xcalloc(1, sizeof *a);
	a->path = xstrdup(f->path);
	a->place = place;
	a->event = value_ref(event);
	o->event_bytes += event->n;
	o->worker->event_bytes += event->n;
	listening_add(o->run, a);
}

/* What the database knew of the listener's reading, where memory did not. */
static void see_stored(struct listening *l, const struct db_result *rows, int row)
{
	if (l->place >= 0)
		return;
	l->place = l->stored = db_int(rows, row, FROM);
	l->passed = db_is_null(rows, row, PASSED) ? 0 : db_int(rows, row, PASSED);
}

static void answer(struct attendance *a, struct asked *asked, const struct loaded *loaded)
{
	const struct db_result *rows = a->arrivals->statements[0].result;
	struct owned_run *o;
	struct frame *f = still_waits(a, asked, &o);
	if (!f || asked->rows == 0) {
		a->worker->attend_wanted |= f == NULL;
		return;
	}
	struct listening *l = f->listening;
	int row = asked->first, last = row + asked->rows;
	see_stored(l, rows, row);
	bool whole = !db_is_null(rows, row, UPTO) && asked->offered == asked->rows;
	if (whole)
		l->upto = db_int(rows, row, UPTO);
	for (; row < last && row < asked->first + asked->offered; row++) {
		if (db_is_null(rows, row, PLACE))
			continue;
		int64_t place = db_int(rows, row, PLACE);
		struct value *event = loaded_find(loaded, place);
		if (event) /* else it is not kept any more */
			offer_event(o, f, place, event);
		if (!whole)
			l->upto = place;
	}
	if (!l->since)
		l->since = xstrdup(db_text(rows, asked->first, SINCE));
	l->attended = whole && !db_bool(rows, asked->first, UNPLACED);
	a->worker->attend_wanted |= asked->offered < asked->rows;
	l->look = 0;
	owned_wake(o);
}

static void answer_all(struct attendance *a, const struct db_result *events)
{
	struct loaded loaded = loaded_from(events);
	for (size_t i = 0; i < a->count; i++)
		answer(a, &a->list[i], &loaded);
	loaded_finish(&loaded);
}

static void on_loaded(struct db_batch *b)
{
	struct attendance *a = b->ctx;
	if (b->err.kind == ERROR_NONE)
		answer_all(a, b->statements[0].result);
	else
		log_line(LOG_WARNING, "events for listeners: %s", b->err.text);
	attendance_end(a);
	db_batch_destroy(b);
}

/* ---- Asking ---- */

static bool is_row_of(const struct asked *asked, const struct db_result *rows, int row)
{
	return uuid_equal(db_uuid(rows, row, RUN), asked->run) &&
	       strcmp(db_text(rows, row, PATH), asked->path) == 0;
}

static void find_rows(struct attendance *a, const struct db_result *rows)
{
	int row = 0, count = db_rows(rows);
	for (size_t i = 0; i < a->count; i++) {
		struct asked *asked = &a->list[i];
		asked->first = row;
		while (row < count && is_row_of(asked, rows, row))
			row++;
		asked->rows = row - asked->first;
	}
}

static int compare_places(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* Which events are offered now: as many as fit, in turn to those that wait. Returns their
 * places, each once. */
static int64_t *choose(struct attendance *a, const struct db_result *rows, size_t *ret)
{
	int64_t *places = xcalloc((size_t)db_rows(rows) + 1, sizeof *places);
	size_t bytes = a->worker->event_bytes, n = 0, kept = 0;
	for (size_t i = 0; i < a->count; i++) {
		struct asked *asked = &a->list[i];
		for (int row = asked->first; row < asked->first + asked->rows; row++) {
			bool event = !db_is_null(rows, row, PLACE);
			if (event && bytes >= BOUND_EVENTS)
				break;
			asked->offered++;
			if (!event)
				continue;
			places[n++] = db_int(rows, row, PLACE);
			bytes += (size_t)db_int(rows, row, OCTETS);
		}
	}
	if (n)
		qsort(places, n, sizeof *places, compare_places);
	for (size_t i = 0; i < n; i++) {
		if (i == 0 || places[i] != places[i - 1])
			places[kept++] = places[i];
	}
	*ret = kept;
	return places;
}

static bool waits_for_places(const struct db_result *rows)
{
	for (int row = 0; row < db_rows(rows); row++) {
		if (db_bool(rows, row, UNPLACED))
			return true;
	}
	return false;
}

static void on_arrivals(struct db_batch *b)
{
	struct attendance *a = b->ctx;
	struct worker *w = a->worker;
	size_t count = 0;
	a->arrivals = b;
	if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "events for listeners: %s", b->err.text);
		attendance_end(a);
		return;
	}
	const struct db_result *rows = b->statements[0].result;
	find_rows(a, rows);
	int64_t *places = choose(a, rows, &count);
	if (waits_for_places(rows))
		events_route(w);
	if (count) {
		struct db_batch *load = db_batch_create(on_loaded, a);
		store_load_events(load, places, count);
		db_send(w->control, load);
	} else {
		answer_all(a, NULL);
		attendance_end(a);
	}
	free(places);
}

static void ask(struct attendance *a)
{
	struct listener *listeners = xcalloc(a->count + 1, sizeof *listeners);
	for (size_t i = 0; i < a->count; i++) {
		const struct asked *asked = &a->list[i];
		listeners[i] = (struct listener){
			asked->run, asked->path, asked->since, asked->place};
	}
	struct db_batch *b = db_batch_create(on_arrivals, a);
	store_list_arrivals(b, listeners, a->count);
	free(listeners);
	db_send(a->worker->control, b);
}

/* ---- New correlations ---- */

static void ask_unindexed(struct attendance *a);

static void on_indexed(struct db_batch *b)
{
	struct attendance *a = b->ctx;
	if (b->err.kind == ERROR_NONE) {
		ask_unindexed(a);
	} else {
		log_line(LOG_WARNING, "correlations of kept events: %s", b->err.text);
		attendance_end(a);
	}
	db_batch_destroy(b);
}

static int64_t last_place(const struct db_result *rows)
{
	int64_t place = 0;
	for (int row = 0; rows && row < db_rows(rows); row++) {
		if (!db_is_null(rows, row, 5))
			place = db_int(rows, row, 5);
	}
	return place;
}

static void on_looked(void *ctx, struct event_correlation *shapes, size_t count)
{
	struct db_batch *b = ctx;
	struct attendance *a = b->ctx;
	const struct db_result *rows = b->statements[0].result;
	bool more = db_bool(rows, 0, 6);
	if (!a->worker->stopped && db_is_up(a->worker->control)) {
		struct db_batch *keys = db_batch_create(on_indexed, a);
		store_add_event_keys(keys, shapes, db_is_null(rows, 0, 0) ? 0 : count);
		store_mark_indexed(keys, db_text(rows, 0, 3), db_text(rows, 0, 4),
			last_place(rows), !more);
		db_send(a->worker->control, keys);
	} else {
		attendance_end(a);
	}
	db_batch_destroy(b);
}

/* A part of the kept events, for one shape. */
static void on_unindexed(struct db_batch *b)
{
	struct attendance *a = b->ctx;
	const struct db_result *rows = b->count ? b->statements[0].result : NULL;
	if (b->err.kind != ERROR_NONE) {
		attendance_end(a);
	} else if (db_rows(rows) == 0) {
		ask(a);
	} else if (!last_place(rows) && db_bool(rows, 0, 6)) {
		events_route(a->worker); /* too many wait for their places: when they
					    have them */
		attendance_end(a);
	} else {
		events_look(a->worker, rows, on_looked, b);
		return;
	}
	db_batch_destroy(b);
}

static void ask_unindexed(struct attendance *a)
{
	struct uuid *runs = xcalloc(a->count + 1, sizeof *runs);
	for (size_t i = 0; i < a->count; i++)
		runs[i] = a->list[i].run;
	struct db_batch *b = db_batch_create(on_unindexed, a);
	store_list_unindexed(b, runs, a->count);
	free(runs);
	db_send(a->worker->control, b);
}

/* ---- Who asks ---- */

static void add_listener(struct attendance *a, struct owned_run *o, struct frame *f)
{
	struct listening *l = f->listening;
	struct asked *asked = &a->list[a->count++];
	asked->run = o->id;
	asked->path = xstrdup(f->path);
	asked->since = l->since ? xstrdup(l->since) : NULL;
	asked->place = listening_place(f);
	asked->taken_count = o->run->taken_count;
	l->look = a->look;
	a->new_ones |= l->place < 0;
}

/* Its subscription must be committed. */
static bool wants_attention(const struct owned_run *o, const struct frame *f)
{
	const struct listening *l = f->listening;
	return !l->attended && l->waits->seq <= o->run->durable_seq;
}

static void add_listeners(struct attendance *a, struct owned_run *o)
{
	if (o->state != OWNED_LIVE || !o->run || o->run->status != RUN_RUNNING ||
		!(o->need & NEED_EVENT))
		return;
	for (struct frame *f = listening_next(o->run, NULL); f && a->count < ATTEND_MAX;
		f = listening_next(o->run, f)) {
		if (wants_attention(o, f))
			add_listener(a, o, f);
	}
}

void attend(struct worker *w)
{
	if (w->attending || !w->attend_wanted || !db_is_up(w->control) ||
		w->event_bytes >= BOUND_EVENTS)
		return;
	struct attendance *a = xcalloc(1, sizeof *a);
	a->worker = w;
	a->look = ++w->attend_looks;
	a->list = xcalloc(ATTEND_MAX, sizeof *a->list);
	for (size_t i = 0; i < OWNED_BUCKETS && a->count < ATTEND_MAX; i++) {
		for (struct owned_run *o = w->buckets[i]; o; o = o->hash_next)
			add_listeners(a, o);
	}
	w->attend_wanted = a->count == ATTEND_MAX;
	w->attending = a->count > 0;
	if (a->count == 0) {
		free(a->list);
		free(a);
	} else if (a->new_ones) {
		ask_unindexed(a);
	} else {
		ask(a);
	}
}
