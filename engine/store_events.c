/* Parameters into the queries about events. */
#include "store.h"

#include "queries.h"

#include <stdlib.h>
#include <string.h>

#define COLUMNS_MAX 9

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
	columns_send(&c, b, sql_add_events);
}

static void take(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {
		DB_OID_UUID, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 4);
	for (size_t i = 0; i < count; i++) {
		for (struct arrival *a = entries[i]->consumed; a; a = a->next) {
			db_array_uuid(&c.arrays[0], entries[i]->run_id);
			put_text(&c, 1, a->reference);
			put_text(&c, 2, a->source);
			put_text(&c, 3, a->id);
			c.rows++;
		}
	}
	columns_send(&c, b, sql_take_deliveries);
}

static void unsubscribe(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {DB_OID_UUID, DB_OID_INT4};
	struct columns runs, over;
	columns_init(&runs, types, 1);
	columns_init(&over, types, 2);
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entries[i];
		if (!e->relists)
			continue;
		db_array_uuid(&runs.arrays[0], e->run_id);
		db_array_uuid(&over.arrays[0], e->run_id);
		/* One that has faulted may go on, and has taken what it took. */
		db_array_int4(&over.arrays[1],
			e->change == LEASE_END && strcmp(e->state, "faulted") != 0);
		runs.rows++;
		over.rows++;
	}
	columns_send(&runs, b, sql_unsubscribe);
	columns_send(&over, b, sql_drop_deliveries);
}

static void put_wait(
	struct columns *c, struct uuid run, const struct waiting *w, struct json wait)
{
	int64_t filter = 0;
	(void)json_int(json_get(wait, "filter"), &filter);
	db_array_uuid(&c->arrays[0], run);
	put_text(c, 1, w->path);
	db_array_int4(&c->arrays[2], (int32_t)filter);
	put_text(c, 3, w->reference);
	put_member(c, 4, wait, "type");
	put_member(c, 5, wait, "source");
	put_member(c, 6, wait, "subject");
	put_member(c, 7, wait, "shape");
	put_member(c, 8, wait, "expected");
	c->rows++;
}

static void subscribe(struct db_batch *b, struct entry *const *entries, size_t count)
{
	static const uint32_t types[] = {DB_OID_UUID, DB_OID_TEXT, DB_OID_INT4,
		DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT,
		DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 9);
	for (size_t i = 0; i < count; i++) {
		for (struct waiting *w = entries[i]->waits; w; w = w->next) {
			struct json_iter it = json_iter(value_json(w->waits));
			struct json wait;
			while (json_next_element(&it, &wait))
				put_wait(&c, entries[i]->run_id, w, wait);
		}
	}
	columns_send(&c, b, sql_subscribe);
}

void store_entry_events(struct db_batch *b, struct entry *const *entries, size_t count)
{
	take(b, entries, count);
	unsubscribe(b, entries, count);
	subscribe(b, entries, count);
	add_emitted(b, entries, count);
}

static void add_runs(
	struct db_batch *b, const char *sql, const struct uuid *runs, size_t count)
{
	struct db_array a;
	db_array_init(&a, DB_OID_UUID);
	for (size_t i = 0; i < count; i++)
		db_array_uuid(&a, runs[i]);
	db_add_array(db_batch_add(b, sql), &a);
	db_array_finish(&a);
}

void store_list_unindexed(struct db_batch *b, const struct uuid *runs, size_t count)
{
	add_runs(b, sql_list_unindexed, runs, count);
}

void store_look_back(struct db_batch *b, const struct uuid *runs, size_t count)
{
	add_runs(b, sql_look_back, runs, count);
}

void store_list_deliveries(struct db_batch *b, const struct uuid *runs, size_t count)
{
	add_runs(b, sql_list_deliveries, runs, count);
}

void store_list_unrouted(struct db_batch *b)
{
	db_batch_add(b, sql_list_unrouted);
}

void store_prune_events(struct db_batch *b)
{
	db_batch_add(b, sql_prune_events);
}

void store_add_event_keys(
	struct db_batch *b, const struct event_shape *shapes, size_t count)
{
	static const uint32_t types[] = {
		DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 5);
	for (size_t i = 0; i < count; i++) {
		const struct event_shape *s = &shapes[i];
		if (!s->expected)
			continue;
		put_text(&c, 0, s->source);
		put_text(&c, 1, s->id);
		put_text(&c, 2, s->shape);
		put_text(&c, 3, s->expected);
		put_text(&c, 4, s->base);
		c.rows++;
	}
	columns_send(&c, b, sql_add_event_keys);
}

void store_mark_indexed(
	struct db_batch *b, const struct event_shape *shapes, size_t count)
{
	static const uint32_t types[] = {DB_OID_TEXT, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 2);
	for (size_t i = 0; i < count; i++) {
		put_text(&c, 0, shapes[i].shape);
		put_text(&c, 1, shapes[i].base);
		c.rows++;
	}
	columns_send(&c, b, sql_mark_indexed);
}

void store_route_events(
	struct db_batch *b, const struct event_shape *shapes, size_t count)
{
	static const uint32_t types[] = {DB_OID_TEXT, DB_OID_TEXT};
	struct columns c;
	columns_init(&c, types, 2);
	for (size_t i = 0; i < count; i++) {
		put_text(&c, 0, shapes[i].source);
		put_text(&c, 1, shapes[i].id);
		c.rows++;
	}
	columns_send(&c, b, sql_route_events);
}
