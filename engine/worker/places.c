/* Places are sorted by entry, and entries are read in that order. */
#include "worker/places.h"

#include "base/bounds.h"

#include <stdlib.h>
#include <string.h>

/* A text of our own making: it nests payloads, which were checked at the door. */
const struct json_limits entry_limits = {.bytes = (size_t)1 << 30, .depth = 512};

struct place {
	int64_t seq;
	unsigned op;
	const char *field;   /* as op_value_field gives it */
	struct value *value; /* NULL: not read, or not there */
};

struct places {
	struct place *all;
	size_t count, at; /* at: the first of those whose entry was not read */
	struct value *lent;
	struct frames_walk walk; /* where in the snapshot it is */
};

static int compare(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->seq != y->seq)
		return x->seq < y->seq ? -1 : 1;
	if (x->op != y->op)
		return x->op < y->op ? -1 : 1;
	return strcmp(x->field, y->field);
}

/* The values of frames side by side are often the same. */
static void on_place(void *ctx, int64_t seq, unsigned op, const char *field)
{
	struct places *p = ctx;
	struct place place = {.seq = seq, .op = op, .field = field};
	for (size_t i = p->count; i > 0 && p->count - i < 4; i--) {
		if (field && compare(&p->all[i - 1], &place) == 0)
			return;
	}
	if (!field)
		return;
	if ((p->count & (p->count - 1)) == 0)
		p->all = xrealloc(p->all, (p->count ? 2 * p->count : 1) * sizeof *p->all);
	p->all[p->count++] = place;
}

struct places *places_create(struct json snapshot)
{
	struct places *p = xcalloc(1, sizeof *p);
	p->walk = frames_walk(snapshot);
	return p;
}

bool places_collect(struct places *p, int frames)
{
	while (frames-- > 0) {
		if (!frames_places(&p->walk, on_place, p))
			return false;
	}
	return true;
}

bool places_sort(struct places *p)
{
	size_t kept = 0;
	if (!p->count)
		return false;
	qsort(p->all, p->count, sizeof *p->all, compare);
	for (size_t i = 1; i < p->count; i++) {
		if (compare(&p->all[kept], &p->all[i]) != 0)
			p->all[++kept] = p->all[i];
	}
	p->count = kept + 1;
	return true;
}

void places_destroy(struct places *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++)
		value_unref(p->all[i].value);
	value_unref(p->lent);
	free(p->all);
	free(p);
}

bool places_ask(const struct places *p, struct uuid run, struct db_batch *b)
{
	int64_t *seqs = xcalloc(p->count - p->at + 1, sizeof *seqs);
	size_t n = 0;
	for (size_t i = p->at; i < p->count; i++) {
		if (!n || seqs[n - 1] != p->all[i].seq)
			seqs[n++] = p->all[i].seq;
	}
	if (n)
		store_load_places(b, run, seqs, n, BOUND_LOAD);
	free(seqs);
	return n > 0;
}

/* All places of the entry; its operations are walked through once. */
static void take_entry(struct places *p, int64_t seq, struct json ops)
{
	struct json_iter it = json_iter(ops);
	struct json op;
	while (p->at < p->count && p->all[p->at].seq < seq)
		p->at++; /* it is not there */
	for (unsigned n = 0; json_next_element(&it, &op); n++) {
		struct place *place = &p->all[p->at];
		for (; p->at < p->count && place->seq == seq && place->op <= n; place++) {
			struct json v = json_get(op, place->field);
			if (v.s && place->op == n)
				place->value = value_create(v);
			p->at++;
		}
	}
	while (p->at < p->count && p->all[p->at].seq == seq)
		p->at++;
}

void places_take(struct places *p, const struct db_result *rows)
{
	for (int row = 0; row < db_rows(rows); row++) {
		struct json ops = {0};
		if (!json_check(db_text(rows, row, 1), db_length(rows, row, 1),
			    &entry_limits, &ops, NULL, NULL))
			ops = JSON_LITERAL("[]");
		take_entry(p, db_int(rows, row, 0), ops);
	}
	if (!db_rows(rows))
		p->at = p->count; /* those that are left are not there */
}

struct json places_fetch(void *ctx, int64_t seq, unsigned op, const char *field)
{
	struct places *p = ctx;
	struct place key = {.seq = seq, .op = op, .field = field};
	struct place *found =
		p ? bsearch(&key, p->all, p->count, sizeof key, compare) : NULL;
	if (!found || !found->value)
		return (struct json){0};
	value_set(&p->lent, found->value);
	found->value = NULL;
	return value_json(p->lent);
}
