/* Entries and outboxes: lists that own what is in them. */
#include "journal/entry.h"

#include "base/clock.h"

#include <stdlib.h>

struct entry *entry_create(struct uuid run_id, int64_t seq, int64_t at)
{
	struct entry *e = xcalloc(1, sizeof *e);
	e->run_id = run_id;
	e->seq = seq;
	e->at = at;
	return e;
}

void entry_destroy(struct entry *e)
{
	if (!e)
		return;
	free(e->path);
	free(e->reason);
	buf_finish(&e->leaves);
	buf_finish(&e->data);
	value_unref(e->output);
	value_unref(e->error);
	emissions_destroy(e->emitted);
	takings_destroy(e->takings);
	readings_destroy(e->readings);
	waitings_destroy(e->waits);
	free(e);
}

size_t entry_bytes(const struct entry *e)
{
	size_t n = e->data.len + e->leaves.len;
	n += e->output ? e->output->n : 0;
	n += e->error ? e->error->n : 0;
	for (const struct emission *m = e->emitted; m; m = m->next)
		n += m->event->n;
	for (const struct waiting *w = e->waits; w; w = w->next)
		n += w->waits ? w->waits->n : 0;
	return n;
}

static void entries_destroy(struct entry *e)
{
	while (e) {
		struct entry *next = e->next;
		entry_destroy(e);
		e = next;
	}
}

void outbox_init(struct outbox *outbox,
	void (*on_end)(struct outbox *, enum outbox_end, int64_t, const struct error *))
{
	*outbox = (struct outbox){.on_end = on_end};
	outbox->tail = &outbox->head;
}

static void log_empty(struct outbox *outbox)
{
	entries_destroy(outbox->sent);
	entries_destroy(outbox->head);
	outbox->sent = outbox->head = NULL;
	outbox->tail = &outbox->head;
	outbox->since = 0;
}

void outbox_finish(struct outbox *outbox)
{
	log_empty(outbox);
}

bool outbox_is_clear(const struct outbox *outbox)
{
	return !outbox->head && !outbox->sent && !outbox->queued;
}

void outbox_add(struct outbox *outbox, struct entry *e)
{
	if (!outbox->since)
		outbox->since = clock_boottime();
	e->next = NULL;
	*outbox->tail = e;
	outbox->tail = &e->next;
}

size_t outbox_send(struct outbox *outbox, size_t most)
{
	struct entry **end = &outbox->head;
	size_t bytes = 0;
	do {
		bytes += entry_bytes(*end);
		end = &(*end)->next;
	} while (*end && bytes + entry_bytes(*end) <= most);
	outbox->sent = outbox->head;
	outbox->head = *end;
	*end = NULL;
	if (!outbox->head)
		outbox->tail = &outbox->head;
	return bytes;
}

void outbox_answer(struct outbox *outbox, enum outbox_end end, const struct error *err)
{
	int64_t seq = 0;
	for (struct entry *e = outbox->sent; e; e = e->next)
		seq = e->seq;
	if (end == OUTBOX_DURABLE) {
		entries_destroy(outbox->sent);
		outbox->sent = NULL;
		outbox->deferred = 0;
		outbox->since = outbox->head ? clock_boottime() : 0;
	} else {
		log_empty(outbox);
	}
	outbox->on_end(outbox, end, seq, err);
}
