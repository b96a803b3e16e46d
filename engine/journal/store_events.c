/* Parameters into the queries about events. */
#include "journal/store.h"

#include "base/bounds.h"
#include "queries.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 10

/* Columns of an unnest, filled row by row. */
struct columns {
	struct db_array arrays[COLUMNS_MAX];
	int count, rows;
};

static void columns_init(struct columns *c, const uint32_t *types, int count)
{
	*c = (struct columns){.count = count};
	for (int i = 0; i < count; i++)
		db_array_init(&c->arrays[i], types[i]);
}

static void put_text(struct columns *c, int column, const char *text)
{
	if (text)
		db_array_text(&c->arrays[column], text, strlen(text));
	else
		db_array_null(&c->arrays[column]);
}

static void put_member(struct columns *c, int column, struct json object, const char *key)
{
	char *text = json_strdup(json_get(object, key));
	put_text(c, column, text);
	free(text);
}

/* Adds the statement if there are rows. */
static void columns_send(struct columns *c, struct db_batch *b, const char *sql)
{
	struct db_params *p = c->rows ? db_batch_add(b, sql) : NULL;
	for (int i = 0; i < c->count; i++) {
		if (p)
			db_add_array(p, &c->arrays[i]);
		db_array_finish(&c->arrays[i]);
	}
}

/* Whoever has emitted an event with the same id, and has not committed, may take an hour;
 * the other runs of the lane do not wait for that. */
static void add_emitted(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {
		DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 5);
	for (size_t i = 0; i < count; i++) {
		for (struct emission *e = entries[i]->emitted; e; e = e->next) {
			put_text(&c, 0, e->source);
			put_text(&c, 1, e->id);
			put_text(&c, 2, e->type);
			put_text(&c, 3, e->subject);
			db_array_text(&c.arrays[4], e->event->s, e->event->n);
			c.rows++;
		}
	}
	if (c.rows)
		db_batch_add(b, sql_limit_waits);
	columns_send(&c, b, sql_add_events);
}

static void take(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {
		DB_OID_UUID, DB_OID_TEXT, DB_OID_INT8, DB_OID_TEXT, DB_OID_INT8};
	struct columns c;
	columns_init(&c, types, 5);
	for (size_t i = 0; i < count; i++) {
		for (struct taking *t = entries[i]->takings; t; t = t->next) {
			db_array_uuid(&c.arrays[0], entries[i]->run_id);
			put_text(&c, 1, t->reference);
			db_array_int8(&c.arrays[2], t->place);
			put_text(&c, 3, t->filters);
			db_array_int8(&c.arrays[4], t->floor);
			c.rows++;
		}
	}
	columns_send(&c, b, sql_take_events);
}

static void put_path(struct columns *c, struct uuid run, const char *path)
{
	db_array_uuid(&c->arrays[0], run);
	put_text(c, 1, path);
	c->rows++;
}

static void unsubscribe(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {DB_OID_UUID, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 2);
	for (size_t i = 0; i < count; i++) {
		if (entries[i]->unlists)
			put_path(&c, entries[i]->run_id, NULL);
		for (struct waiting *w = entries[i]->waits; w; w = w->next) {
			if (!w->waits)
				put_path(&c, entries[i]->run_id, w->path);
		}
	}
	columns_send(&c, b, sql_unsubscribe);
}

/* One that has faulted may go on, and has taken what it took. */
static void forget_taken(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {DB_OID_UUID};
	struct columns c;
	columns_init(&c, types, 1);
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entries[i];
		if (!e->unlists || e->change != LEASE_END ||
			strcmp(e->state, "faulted") == 0)
			continue;
		db_array_uuid(&c.arrays[0], e->run_id);
		c.rows++;
	}
	columns_send(&c, b, sql_forget_taken);
}

static void keep_places(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {
		DB_OID_UUID, DB_OID_TEXT, DB_OID_INT8, DB_OID_INT8};
	struct columns c;
	columns_init(&c, types, 4);
	for (size_t i = 0; i < count; i++) {
		for (struct reading *r = entries[i]->readings; r; r = r->next) {
			put_path(&c, entries[i]->run_id, r->path);
			db_array_int8(&c.arrays[2], r->place);
			if (r->passed)
				db_array_int8(&c.arrays[3], r->passed);
			else
				db_array_null(&c.arrays[3]);
		}
	}
	columns_send(&c, b, sql_keep_places);
}

static void put_wait(struct columns *c, struct uuid run, const struct waiting *w,
	struct json wait, const char *pinned)
{
	db_array_uuid(&c->arrays[0], run);
	put_text(c, 1, w->path);
	put_text(c, 2, w->reference);
	put_member(c, 3, wait, "type");
	put_member(c, 4, wait, "source");
	put_member(c, 5, wait, "subject");
	put_member(c, 6, wait, "shape");
	put_member(c, 7, wait, "expected");
	put_text(c, 8, pinned);
	c->rows++;
}

static void put_waits(struct columns *c, struct uuid run, const struct waiting *w)
{
	struct json_iter it = json_iter(value_json(w->waits));
	struct json wait;
	char *pinned = json_strdup(json_get(json_at(value_json(w->waits), 0), "pinned"));
	while (json_next_element(&it, &wait))
		put_wait(c, run, w, wait, pinned);
	free(pinned);
}

static void subscribe(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {DB_OID_UUID, DB_OID_TEXT, DB_OID_TEXT,
		DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT,
		DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 9);
	for (size_t i = 0; i < count; i++) {
		for (struct waiting *w = entries[i]->waits; w; w = w->next) {
			if (w->waits)
				put_waits(&c, entries[i]->run_id, w);
		}
	}
	columns_send(&c, b, sql_subscribe);
}

void store_entry_events(struct db_batch *b, struct entry *const *entries, size_t count)
{
	keep_places(b, entries, count);
	take(b, entries, count);
	unsubscribe(b, entries, count);
	forget_taken(b, entries, count);
	subscribe(b, entries, count);
	add_emitted(b, entries, count);
}

void store_list_unindexed(struct db_batch *b, const struct uuid *runs, size_t count)
{
	struct db_array a;
	db_array_init(&a, DB_OID_UUID);
	for (size_t i = 0; i < count; i++)
		db_array_uuid(&a, runs[i]);
	struct db_params *p = db_batch_add(b, sql_list_unindexed);
	db_add_array(p, &a);
	db_add_int(p, BOUND_EVENTS);
	db_array_finish(&a);
}

void store_list_arrivals(
	struct db_batch *b, const struct listener *listeners, size_t count)
{
	static const uint32_t types[] = {
		DB_OID_UUID, DB_OID_TEXT, DB_OID_INT8, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 4);
	for (size_t i = 0; i < count; i++) {
		const struct listener *l = &listeners[i];
		put_path(&c, l->run_id, l->path);
		if (l->place >= 0)
			db_array_int8(&c.arrays[2], l->place);
		else
			db_array_null(&c.arrays[2]);
		put_text(&c, 3, l->since);
	}
	columns_send(&c, b, sql_list_arrivals);
}

void store_load_events(struct db_batch *b, const int64_t *places, size_t count)
{
	struct db_array a;
	db_array_init(&a, DB_OID_INT8);
	for (size_t i = 0; i < count; i++)
		db_array_int8(&a, places[i]);
	db_add_array(db_batch_add(b, sql_load_events), &a);
	db_array_finish(&a);
}

void store_wake_missed(struct db_batch *b)
{
	db_batch_add(b, sql_wake_missed);
}

void store_list_unrouted(struct db_batch *b, struct uuid worker, bool alone, bool first)
{
	struct db_params *p = db_batch_add(b, sql_list_unrouted);
	db_add_int(p, BOUND_EVENTS);
	db_add_uuid(p, worker);
	db_add_bool(p, alone);
	db_add_bool(p, first);
}

void store_prune_events(struct db_batch *b)
{
	db_batch_add(b, sql_prune_events);
}

static void put_shapes(struct columns *c, int first,
	const struct event_correlation *shapes, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		const struct event_correlation *s = &shapes[i];
		if (!s->expected)
			continue;
		put_text(c, first, s->source);
		put_text(c, first + 1, s->id);
		put_text(c, first + 2, s->shape);
		put_text(c, first + 3, s->expected);
		put_text(c, first + 4, s->base);
		c->rows++;
	}
}

void store_add_event_keys(
	struct db_batch *b, const struct event_correlation *shapes, size_t count)
{
	static const uint32_t types[] = {
		DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 5);
	put_shapes(&c, 0, shapes, count);
	columns_send(&c, b, sql_add_event_keys);
}

void store_mark_indexed(struct db_batch *b, const char *shape, const char *base,
	int64_t place, bool whole)
{
	struct db_params *p = db_batch_add(b, sql_mark_indexed);
	db_add_text(p, shape);
	db_add_text(p, base);
	if (place)
		db_add_int(p, place);
	else
		db_add_null(p);
	db_add_bool(p, whole);
}

void store_route_events(
	struct db_batch *b, const struct event_correlation *shapes, size_t count)
{
	static const uint32_t types[] = {DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT,
		DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 7);
	for (size_t i = 0; i < count; i++) {
		const struct event_correlation *s = &shapes[i],
					       *before = i ? s - 1 : NULL;
		if (before && strcmp(s->source, before->source) == 0 &&
			strcmp(s->id, before->id) == 0)
			continue; /* the same event, for another shape */
		put_text(&c, 0, s->source);
		put_text(&c, 1, s->id);
		c.rows++;
	}
	put_shapes(&c, 2, shapes, count);
	db_batch_add(b, sql_lock_places);
	columns_send(&c, b, sql_route_events);
}
