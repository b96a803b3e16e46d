/* Evaluations and slices by number, found again by a hash of what they are. */
#include "expression/question.h"

#include <stdlib.h>
#include <string.h>

#include "expression/path.h"
#include "jq/wire.h"

#define SMALL ((size_t)64 << 10)

static void *grow(void *list, uint32_t count, uint32_t *room, size_t size)
{
	if (count < *room)
		return list;
	*room = *room ? 2 * *room : 4;
	return xrealloc(list, *room * size);
}

static void finish_text(const struct question *q, struct buf *text)
{
	if (q->secret)
		buf_wipe(text);
	else
		buf_finish(text);
}

void question_clear(struct question *q)
{
	if (q->count == 0 && q->slice_count == 0)
		return;
	for (uint32_t i = 0; i < q->count; i++) {
		free(q->list[i].arguments);
		finish_text(q, &q->list[i].text);
	}
	for (uint32_t i = 0; i < q->slice_count; i++)
		finish_text(q, &q->slices[i].text);
	if (q->room > 64) {
		free(q->list);
		q->list = NULL;
		q->room = 0;
	}
	q->count = q->answered = q->slice_count = 0;
	free(q->buckets);
	q->buckets = NULL;
	q->bucket_count = 0;
	free(q->slice_buckets);
	q->slice_buckets = NULL;
	q->slice_bucket_count = 0;
	q->dot = (struct json){0};
	evaluator_give_back(q);
	q->wanting = q->secret = q->alone = false;
	q->spent = 0;
}

void question_finish(struct question *q)
{
	if (q->asked)
		evaluator_forget(q);
	question_clear(q);
	free(q->list);
	free(q->slices);
	*q = (struct question){0};
}

bool question_ask(struct question *q)
{
	if (!q->wanting)
		return true;
	if (q->asked)
		return false;
	q->asked = true;
	if (!evaluator_ask(q))
		return false;
	q->asked = q->wanting = false;
	return true;
}

bool question_waits_long(const struct question *q)
{
	size_t bytes = q->bytes;
	if (!q->asked || !evaluator_is_slow(q->of))
		return false;
	for (uint32_t i = 0; i < q->slice_count; i++)
		bytes += q->slices[i].text.len;
	return bytes <= SMALL;
}

/* ---- Slices ---- */

static uint32_t mix(uint32_t h, uint32_t v)
{
	return (h ^ v) * 16777619u;
}

/* All of the text counts: texts that are alike but for one place must not meet. */
static uint32_t hash_text(const char *s, size_t n)
{
	uint64_t h = 0x9E3779B97F4A7C15u ^ n, word = 0;
	for (; n >= sizeof word; s += sizeof word, n -= sizeof word) {
		memcpy(&word, s, sizeof word);
		h = (h ^ word) * 0xD6E8FEB86659FD93u;
		h ^= h >> 32;
	}
	word = 0;
	memcpy(&word, s, n);
	h = (h ^ word) * 0xD6E8FEB86659FD93u;
	return (uint32_t)(h >> 32);
}

static uint32_t *slice_bucket(const struct question *q, uint32_t hash)
{
	return &q->slice_buckets[hash % q->slice_bucket_count];
}

static void make_room_for_slice(struct question *q)
{
	q->slices = grow(q->slices, q->slice_count, &q->slice_room, sizeof *q->slices);
	if (q->slice_count < q->slice_bucket_count)
		return;
	free(q->slice_buckets);
	q->slice_bucket_count = q->slice_bucket_count ? 4 * q->slice_bucket_count : 16;
	q->slice_buckets = xcalloc(q->slice_bucket_count, sizeof *q->slice_buckets);
	for (uint32_t i = 0; i < q->slice_count; i++) {
		uint32_t *bucket = slice_bucket(q, q->slices[i].hash);
		q->slices[i].next = *bucket;
		*bucket = i + 1;
	}
}

static uint32_t slice_of(struct question *q, struct json v)
{
	if (!v.s)
		return JQWIRE_NULL;
	uint32_t hash = hash_text(v.s, v.n);
	make_room_for_slice(q);
	uint32_t *bucket = slice_bucket(q, hash);
	for (uint32_t i = *bucket; i; i = q->slices[i - 1].next) {
		const struct question_slice *s = &q->slices[i - 1];
		if (s->hash == hash && s->text.len == v.n &&
			memcmp(s->text.data, v.s, v.n) == 0)
			return i - 1;
	}
	struct question_slice *s = &q->slices[q->slice_count++];
	*s = (struct question_slice){.hash = hash, .next = *bucket};
	buf_add(&s->text, v.s, v.n);
	*bucket = q->slice_count;
	return q->slice_count - 1;
}

/* One expression asks for the same `.` again and again. (An argument may be put together
 * anew each time, where the last one was.) */
static uint32_t slice_of_dot(struct question *q, struct json v)
{
	if (q->dot.s != v.s || q->dot.n != v.n) {
		q->dot = v;
		q->dot_slice = slice_of(q, v);
	}
	return v.s ? q->dot_slice : JQWIRE_NULL;
}

void question_begin(struct question *q)
{
	q->dot = (struct json){0};
}

/* ---- Evaluations ---- */

static uint32_t hash_of(const struct evaluation *e)
{
	uint32_t h = mix(mix(2166136261u, e->unit), e->dot);
	for (uint32_t i = 0; i < e->count; i++)
		h = mix(h, e->arguments[i]);
	return h >> 8;
}

static uint32_t *bucket_of(struct question *q, const struct evaluation *e)
{
	return &q->buckets[hash_of(e) % q->bucket_count];
}

static void make_room(struct question *q)
{
	q->list = grow(q->list, q->count, &q->room, sizeof *q->list);
	if (q->count < q->bucket_count)
		return;
	free(q->buckets);
	q->bucket_count = q->bucket_count ? 4 * q->bucket_count : 16;
	q->buckets = xcalloc(q->bucket_count, sizeof *q->buckets);
	for (uint32_t i = 0; i < q->count; i++) {
		uint32_t *bucket = bucket_of(q, &q->list[i]);
		q->list[i].next = *bucket;
		*bucket = i + 1;
	}
}

static bool same(const struct evaluation *a, const struct evaluation *b)
{
	return a->unit == b->unit && a->dot == b->dot && a->now == b->now &&
	       a->count == b->count &&
	       (a->count == 0 || memcmp(a->arguments, b->arguments,
					 a->count * sizeof *a->arguments) == 0);
}

static bool look_up_arguments(struct question *q, const struct jqscan *scan,
	const struct scope *scope, struct evaluation *e, struct error *err)
{
	const struct words *variables = &scan->variables;
	e->arguments = variables->n ? xcalloc(variables->n, sizeof *e->arguments) : NULL;
	for (; e->count < variables->n; e->count++) {
		const char *name = variables->items[e->count];
		struct json v = {0};
		if (!scope->lookup || !scope->lookup(scope->ctx, name, &v)) {
			v = (struct json){0};
			if (!words_has(&scan->bound, name))
				return path_undefined(name, err);
		}
		e->arguments[e->count] = slice_of(q, v);
	}
	return true;
}

struct evaluation *question_look(struct question *q, struct evaluator *e, unsigned unit,
	const struct scope *scope, struct error *err)
{
	const struct jqscan *scan = evaluator_scan(e, unit);
	struct evaluation one = {.unit = unit, .now = scope->now};
	q->of = e;
	q->secret |= scope->discreet || words_has(&scan->variables, "secrets") ||
		     words_has(&scan->variables, "authorization");
	one.dot = slice_of_dot(q, scope->dot);
	if (!look_up_arguments(q, scan, scope, &one, err)) {
		free(one.arguments);
		return NULL;
	}
	make_room(q);
	uint32_t *bucket = bucket_of(q, &one);
	for (uint32_t i = *bucket; i; i = q->list[i - 1].next) {
		if (!same(&q->list[i - 1], &one))
			continue;
		free(one.arguments);
		return &q->list[i - 1];
	}
	one.next = *bucket;
	q->list[q->count++] = one;
	*bucket = q->count;
	return &q->list[q->count - 1];
}

/* ---- The message ---- */

static void put_slice(struct question *q, uint32_t number, uint32_t *count, size_t *bytes,
	struct buf *out)
{
	if (number == JQWIRE_NULL || q->slices[number].sent)
		return;
	struct question_slice *s = &q->slices[number];
	s->sent = ++*count;
	*bytes += s->text.len;
	jqwire_put_text(out, s->text.data, s->text.len);
}

static void put_number(const struct question *q, uint32_t number, struct buf *out)
{
	jqwire_put_u32(out, number == JQWIRE_NULL ? number : q->slices[number].sent - 1);
}

static void put_slices(
	struct question *q, uint32_t from, uint32_t end, size_t *bytes, struct buf *out)
{
	uint32_t count = 0;
	size_t at = out->len;
	jqwire_put_u32(out, 0);
	for (uint32_t i = 0; i < q->slice_count; i++)
		q->slices[i].sent = 0;
	for (uint32_t i = from; i < end; i++) {
		const struct evaluation *e = &q->list[i];
		put_slice(q, e->dot, &count, bytes, out);
		for (uint32_t k = 0; k < e->count; k++)
			put_slice(q, e->arguments[k], &count, bytes, out);
	}
	jqwire_set_u32(out, at, count);
}

size_t question_put(
	struct question *q, uint32_t from, uint32_t end, uint64_t seq, struct buf *out)
{
	struct jqwire_header h = {
		.type = JQWIRE_EVALUATE, .seq = seq, .count = end - from};
	size_t begin = jqwire_begin(out, &h), bytes = 0;
	jqwire_put_u64(out, (uint64_t)q->list[from].now);
	jqwire_put_u64(out, evaluator_result_bytes(q->of));
	put_slices(q, from, end, &bytes, out);
	for (uint32_t i = from; i < end; i++) {
		const struct evaluation *e = &q->list[i];
		jqwire_put_u32(out, e->unit);
		put_number(q, e->dot, out);
		jqwire_put_u32(out, e->count);
		for (uint32_t k = 0; k < e->count; k++)
			put_number(q, e->arguments[k], out);
	}
	jqwire_end(out, begin);
	return bytes;
}
