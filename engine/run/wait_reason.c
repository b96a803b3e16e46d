/*
 * Why a run has left memory to wait. A run may listen in many branches, each with many
 * filters: each of them is looked at once, and only what will be shown is copied.
 */
#include "run/wait_reason.h"

#include "run/run.h"

#include <stdlib.h>

void wait_reason_time(const struct run *r, struct buf *out)
{
	const char *reason = "waits";
	for (struct frame *f = frame_leaf(r->root); f; f = frame_leaf_after(f, r->root)) {
		if (f->put_off) {
			buf_puts(out, f->put_off);
			return;
		}
		if (f->state == FRAME_WAITING && f->due == DUE_WOKEN) {
			buf_puts(out, "waits for the run it has started");
			return;
		}
		if (f->state == FRAME_WAITING && f->retrying)
			reason = "waits for its next attempt";
	}
	buf_puts(out, reason);
}

/* ---- Events ---- */

#define NAMED 3        /* kinds of events */
#define NAME_BYTES 80u /* of each */

/* What tells events of one kind from others: the type that a filter asks for, else the
 * source, else nothing. */
struct kind {
	struct json type, source;
};

struct waited {
	struct kind named[NAMED]; /* they differ */
	size_t count, more;
};

static bool same_text(struct json a, struct json b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.s, b.s, a.n) == 0);
}

static void add_kind(struct waited *w, struct kind k)
{
	for (size_t i = 0; i < w->count; i++) {
		if (same_text(w->named[i].type, k.type) &&
			same_text(w->named[i].source, k.source))
			return;
	}
	if (w->count < NAMED)
		w->named[w->count++] = k;
	else
		w->more++;
}

/* The filters of a listener in their order, as they are written. */
struct filters {
	struct json to, now;
	struct json_iter rest;
	int64_t next; /* the number of the first in rest */
};

static void begin_filters(struct filters *f, struct json strategy, int64_t first)
{
	struct json all = json_get(strategy, "all"), one = json_get(strategy, "one");
	f->now = one;
	f->next = first;
	f->rest = json_iter(all.s ? all : json_get(strategy, "any"));
}

/* Numbers are asked for in ascending order. */
static struct json find_filter(struct filters *f, int64_t number)
{
	if (number >= LISTENING_UNTIL && f->next < LISTENING_UNTIL)
		begin_filters(f, json_get(f->to, "until"), LISTENING_UNTIL);
	while (f->next <= number && json_next_element(&f->rest, &f->now))
		f->next++;
	return f->now;
}

/* Of `all`, what has come is waited for no more. */
static bool has_come(const struct listening *l, struct json to, int64_t number)
{
	uint64_t met = l->met;
	if (number >= LISTENING_UNTIL) {
		to = json_get(to, "until");
		met = l->until_met;
		number -= LISTENING_UNTIL;
	}
	return json_get(to, "all").s && number < 64 && (met >> number & 1);
}

static void add_listener(struct waited *w, const struct frame *f)
{
	const struct listening *l = f->listening;
	struct json to = json_get(json_get(f->task->node, "listen"), "to"), wait;
	struct json_iter waits = json_iter(value_json(l->waits));
	struct filters filters = {.to = to};
	int64_t number;
	begin_filters(&filters, to, 0);
	while (json_next_element(&waits, &wait)) {
		if (!json_int(json_get(wait, "filter"), &number) || number < 0 ||
			has_come(l, to, number))
			continue;
		struct json with = json_get(find_filter(&filters, number), "with");
		struct kind k = {.type = json_get(with, "type")};
		if (!k.type.s)
			k.source = json_get(with, "source");
		add_kind(w, k);
	}
}

/* A string of the definition, cut to fit. */
static void put_name(struct buf *out, struct json v)
{
	char *s = json_strdup(v);
	size_t length = s ? strlen(s) : 0, n = length;
	if (n > NAME_BYTES) {
		n = NAME_BYTES;
		while (n && ((unsigned char)s[n] & 0xC0) == 0x80)
			n--;
	}
	buf_add(out, s, n);
	buf_puts(out, n < length ? "..." : "");
	free(s);
}

static void put_kind(struct buf *out, struct kind k)
{
	if (k.type.s) {
		put_name(out, k.type);
	} else if (json_type(k.source) == JSON_STRING) {
		buf_puts(out, "any from ");
		put_name(out, k.source);
	} else {
		buf_puts(out, "any");
	}
}

void wait_reason_events(const struct run *r, struct buf *out)
{
	struct waited w = {0};
	for (const struct frame *f = NULL; (f = listening_next(r, f));)
		add_listener(&w, f);
	buf_puts(out, w.count > 1 ? "waits for events" : "waits for an event");
	for (size_t i = 0; i < w.count; i++) {
		buf_puts(out, i ? ", " : ": ");
		put_kind(out, w.named[i]);
	}
	if (w.more)
		buf_printf(out, " and %zu more", w.more);
}
