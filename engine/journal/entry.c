/* Entries and logs: lists that own what is in them. */
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

void log_init(struct log *log,
	void (*on_end)(struct log *, enum log_end, int64_t, const struct error *))
{
	*log = (struct log){.on_end = on_end};
	log->tail = &log->head;
}

static void log_empty(struct log *log)
{
	entries_destroy(log->sent);
	entries_destroy(log->head);
	log->sent = log->head = NULL;
	log->tail = &log->head;
	log->since = 0;
}

void log_finish(struct log *log)
{
	log_empty(log);
}

bool log_is_clear(const struct log *log)
{
	return !log->head && !log->sent && !log->queued;
}

void log_add(struct log *log, struct entry *e)
{
	if (!log->since)
		log->since = clock_boottime();
	e->next = NULL;
	*log->tail = e;
	log->tail = &e->next;
}

size_t log_send(struct log *log, size_t most)
{
	struct entry **end = &log->head;
	size_t bytes = 0;
	do {
		bytes += entry_bytes(*end);
		end = &(*end)->next;
	} while (*end && bytes + entry_bytes(*end) <= most);
	log->sent = log->head;
	log->head = *end;
	*end = NULL;
	if (!log->head)
		log->tail = &log->head;
	return bytes;
}

void log_answer(struct log *log, enum log_end end, const struct error *err)
{
	int64_t seq = 0;
	for (struct entry *e = log->sent; e; e = e->next)
		seq = e->seq;
	if (end == LOG_DURABLE) {
		entries_destroy(log->sent);
		log->sent = NULL;
		log->deferred = 0;
		log->since = log->head ? clock_boottime() : 0;
	} else {
		log_empty(log);
	}
	log->on_end(log, end, seq, err);
}
