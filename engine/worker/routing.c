/*
 * Routing: what was stored gets its place in the order of all events, and who waits for
 * it is woken. An event of which workers died is routed alone, by a process that does
 * nothing else (suspects.c). An event is stored, committed, then routed; a listener
 * subscribes, commits, then looks at the kept events (attendance.c): each looks only
 * after its own commit, so none is missed.
 */
#include "worker/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/store.h"

#include <stdlib.h>
#include <string.h>

#define ROUTE_BATCH 200
#define LOOK_ROWS 64
#define LOOK_BYTES ((size_t)8 << 20)
/* Of processor time for one event, and 0.2 s for each MiB of it: all others wait. */
#define LOOK_TIMEOUT_MS 50u
#define PRUNE_USEC (60 * USEC_PER_SEC)

/* ---- Shapes: the expressions of correlations, evaluated on an event ---- */

struct correlations {
	char *text; /* a JSON array of expressions */
	struct program *program;
	struct expression **expressions;
	size_t count;
	struct correlations *next;
};

static struct correlations *find_shape(struct worker *w, const char *text)
{
	struct correlations *p = w->shapes;
	struct json list, element;
	while (p && strcmp(p->text, text) != 0)
		p = p->next;
	if (p)
		return p;
	p = xcalloc(1, sizeof *p);
	p->text = xstrdup(text);
	p->program =
		program_create(&(struct program_options){.timeout_ms = LOOK_TIMEOUT_MS});
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
		struct correlations *p = w->shapes;
		w->shapes = p->next;
		program_destroy(p->program);
		free(p->expressions);
		free(p->text);
		free(p);
	}
}

static void events_shapes_destroy(struct event_correlation *shapes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(shapes[i].expected);
	free(shapes);
}

/* ---- Looking: what rows of events come to ---- */

/* Rows of one answer that are being looked at. */
struct events_look {
	struct worker *worker;
	const struct db_result *rows;
	struct event_correlation *shapes;
	struct correlations **programs; /* of each row, NULL: it needs none */
	struct json *events;
	size_t count, done;
	size_t end; /* of the rows that are asked for together */
	struct question question;
	void (*on_looked)(void *ctx, struct event_correlation *shapes, size_t count);
	void *ctx;
	struct events_look *next;
};

/* One that stopped libjq, or took too long, matches nothing: who listens should know. */
static void note_failure(const struct events_look *l, size_t row, const struct error *err)
{
	if (!strstr(err->text, "it stopped libjq") && !strstr(err->text, "took "))
		return;
	log_line(LOG_WARNING, "event %.100s of %.100s matches no correlation: %.300s",
		l->shapes[row].id, l->shapes[row].source, err->text);
}

/* The values that the shape's expressions give, as a subscription's `expected` has them;
 * NULL where one fails. */
static char *evaluate(struct events_look *l, size_t row)
{
	const struct correlations *p = l->programs[row];
	struct scope scope = {.dot = l->events[row], .question = &l->question};
	struct buf b = {0}, one = {0};
	struct error err;
	bool ok = p->count > 0;
	for (size_t i = 0; (ok || l->question.wanting) && i < p->count; i++) {
		buf_clear(&one);
		buf_putc(&b, i ? ',' : '[');
		ok = expression_eval(p->expressions[i], &scope, &one, &err);
		if (ok)
			json_canonical((struct json){one.data, one.len}, &b);
	}
	buf_putc(&b, ']');
	buf_finish(&one);
	if (ok)
		return buf_take(&b);
	buf_finish(&b);
	if (!l->question.wanting && p->count)
		note_failure(l, row, &err);
	return NULL;
}

/* Rows of the same shape, as many as may be asked for at once. */
static void look_at_some(struct events_look *l)
{
	size_t row = l->done, bytes = 0;
	const struct correlations *p = l->programs[row];
	do {
		bytes += l->events[row].n;
		free(l->shapes[row].expected);
		l->shapes[row].expected = p ? evaluate(l, row) : NULL;
		row++;
	} while (row < l->count && l->programs[row] == p && row < l->done + LOOK_ROWS &&
		 bytes < LOOK_BYTES);
	l->end = row;
}

static void look_on(void *ctx);

static void finish_look(struct events_look *l)
{
	struct events_look **p = &l->worker->looks;
	while (*p != l)
		p = &(*p)->next;
	*p = l->next;
	question_finish(&l->question);
	l->on_looked(l->ctx, l->shapes, l->count);
	events_shapes_destroy(l->shapes, l->count);
	free(l->programs);
	free(l->events);
	free(l);
}

/* Goes on until an answer is missing. */
static void look_on(void *ctx)
{
	struct events_look *l = ctx;
	while (l->done < l->count) {
		look_at_some(l);
		if (l->question.wanting) {
			if (!question_ask(&l->question))
				return;
			continue; /* the same again, with the answers */
		}
		question_clear(&l->question);
		l->done = l->end;
	}
	finish_look(l);
}

static void read_rows(struct events_look *l)
{
	struct json event = {0};
	const struct db_result *rows = l->rows;
	for (int row = 0; row < (int)l->count; row++) {
		struct event_correlation *s = &l->shapes[row];
		s->source = db_text(rows, row, 0);
		s->id = db_text(rows, row, 1);
		if (db_is_null(rows, row, 3))
			continue;
		s->shape = db_text(rows, row, 3);
		s->base = db_text(rows, row, 4);
		if (!db_is_null(rows, row, 2) &&
			!json_check(db_text(rows, row, 2), db_length(rows, row, 2), NULL,
				&event, NULL, NULL))
			event = (struct json){0};
		l->events[row] = event;
		if (event.s)
			l->programs[row] = find_shape(l->worker, s->shape);
	}
}

void events_look(struct worker *w, const struct db_result *rows,
	void (*on_looked)(void *ctx, struct event_correlation *shapes, size_t count),
	void *ctx)
{
	struct events_look *l = xcalloc(1, sizeof *l);
	l->worker = w;
	l->rows = rows;
	l->count = rows ? (size_t)db_rows(rows) : 0;
	l->shapes = xcalloc(l->count + 1, sizeof *l->shapes);
	l->programs = xcalloc(l->count + 1, sizeof *l->programs);
	l->events = xcalloc(l->count + 1, sizeof *l->events);
	l->on_looked = on_looked;
	l->ctx = ctx;
	l->question.on_answered = look_on;
	l->question.ctx = l;
	l->question.apart = true; /* what one event costs, no other pays */
	l->next = w->looks;
	w->looks = l;
	read_rows(l);
	look_on(l);
}

void events_abandon(struct worker *w)
{
	while (w->looks)
		finish_look(w->looks);
}

/* ---- Routing ---- */

static void forget_attendance(struct owned_run *o)
{
	if (o->state == OWNED_LIVE && (o->need & NEED_EVENT))
		listening_look_again(o->run);
}

/* Runs in memory that listen look again. */
static void wake_listeners(struct worker *w)
{
	owned_each(w, forget_attendance);
	w->attend_wanted = true;
}

static void on_routed(struct db_batch *b)
{
	struct worker *w = b->ctx;
	w->routing = false;
	if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "routing events: %s", b->err.text);
	} else {
		const struct db_result *r = b->statements[b->count - 1].result;
		w->has_routed = true;
		if (db_int(r, 0, 1))
			claim_due(w);
		wake_listeners(w);
		if (db_int(r, 0, 0))
			events_route(w); /* there may be more than one look lists */
	}
	db_batch_destroy(b);
	worker_check_done(w);
}

/* What was waited for, others have routed, or have in hand: then there is time until the
 * next look. */
static void none_listed(struct worker *w, bool ok, const struct db_result *rows)
{
	w->routing = false;
	w->attend_wanted |= !ok || !db_bool(rows, 0, 5);
	if (ok)
		suspected_routed(w);
}

static void on_looked(void *ctx, struct event_correlation *shapes, size_t count)
{
	struct db_batch *listed = ctx;
	struct worker *w = listed->ctx;
	if (!w->stopped && db_is_up(w->control)) {
		struct db_batch *route = db_batch_create(on_routed, w);
		store_route_events(route, shapes, count);
		db_send(w->control, route);
	} else {
		w->routing = false;
	}
	db_batch_destroy(listed);
	worker_check_done(w);
}

static void on_unrouted(struct db_batch *b)
{
	struct worker *w = b->ctx;
	const struct db_result *rows = b->count ? b->statements[0].result : NULL;
	if (b->err.kind == ERROR_NONE && db_int(b->statements[1].result, 0, 0))
		claim_due(w); /* runs that were locked when their events were routed */
	if (b->err.kind != ERROR_NONE || db_is_null(rows, 0, 0)) {
		none_listed(w, b->err.kind == ERROR_NONE, rows);
		db_batch_destroy(b);
		worker_check_done(w);
		return;
	}
	suspected_note(w, db_text(rows, 0, 1));
	events_look(w, rows, on_looked, b);
}

/* A process for suspects that has runs leaves events to others: one that ends it would be
 * blamed on a run. */
void events_route(struct worker *w)
{
	if (w->routing || w->draining || !db_is_up(w->control) ||
		(w->options.suspect && !suspected_routes(w)))
		return;
	struct db_batch *b = db_batch_create(on_unrouted, w);
	store_list_unrouted(b, w->id, suspected_routes(w), !w->has_routed);
	store_wake_missed(b);
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

void events_poll(struct worker *w)
{
	if (w->draining || !db_is_up(w->control))
		return;
	prune(w);
	wake_listeners(w);
	attend(w);
}
