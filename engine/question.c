/* Evaluations and slices by number, found again by a hash of what they are. */
#include "question.h"

#include <stdlib.h>
#include <string.h>

#include "jqwire.h"
#include "plain.h"

#define BUCKETS 64u
#define SAMPLE 32u

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
	memset(q->slice_buckets, 0, sizeof q->slice_buckets);
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

/* ---- Slices ---- */

static uint32_t mix(uint32_t h, uint32_t v)
{
	return (h ^ v) * 16777619u;
}

static uint32_t hash_text(const char *s, size_t n)
{
	uint32_t h = mix(2166136261u, (uint32_t)n);
	for (size_t i = 0; i < n && i < SAMPLE; i++)
		h = mix(mix(h, (unsigned char)s[i]), (unsigned char)s[n - 1 - i]);
	return h >> 8;
}

static uint32_t slice_of(struct question *q, struct json v)
{
	if (!v.s)
		return JQWIRE_NULL;
	uint32_t *bucket = &q->slice_buckets[hash_text(v.s, v.n) % BUCKETS];
	for (uint32_t i = *bucket; i; i = q->slices[i - 1].next) {
		const struct buf *known = &q->slices[i - 1].text;
		if (known->len == v.n && memcmp(known->data, v.s, v.n) == 0)
			return i - 1;
	}
	q->slices = grow(q->slices, q->slice_count, &q->slice_room, sizeof *q->slices);
	struct question_slice *s = &q->slices[q->slice_count++];
	*s = (struct question_slice){.next = *bucket};
	buf_add(&s->text, v.s, v.n);
	*bucket = q->slice_count;
	return q->slice_count - 1;
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
				return plain_undefined(name, err);
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
	one.dot = slice_of(q, scope->dot);
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

static uint32_t put_slices(
	struct question *q, uint32_t from, uint32_t end, size_t *bytes, struct buf *out)
{
	uint32_t count = 0;
	for (uint32_t i = 0; i < q->slice_count; i++)
		q->slices[i].sent = 0;
	for (uint32_t i = from; i < end; i++) {
		const struct evaluation *e = &q->list[i];
		put_slice(q, e->dot, &count, bytes, out);
		for (uint32_t k = 0; k < e->count; k++)
			put_slice(q, e->arguments[k], &count, bytes, out);
	}
	return count;
}

size_t question_put(
	struct question *q, uint32_t from, uint32_t end, uint64_t seq, struct buf *out)
{
	struct jqwire_header h = {
		.type = JQWIRE_EVALUATE, .seq = seq, .count = end - from};
	size_t begin = jqwire_begin(out, &h), bytes = 0;
	struct buf slices = {0};
	jqwire_put_u64(out, (uint64_t)q->list[from].now);
	jqwire_put_u64(out, evaluator_result_bytes(q->of));
	jqwire_put_u32(out, put_slices(q, from, end, &bytes, &slices));
	buf_add(out, slices.data, slices.len);
	for (uint32_t i = from; i < end; i++) {
		const struct evaluation *e = &q->list[i];
		jqwire_put_u32(out, e->unit);
		put_number(q, e->dot, out);
		jqwire_put_u32(out, e->count);
		for (uint32_t k = 0; k < e->count; k++)
			put_number(q, e->arguments[k], out);
	}
	jqwire_end(out, begin);
	finish_text(q, &slices);
	return bytes;
}
