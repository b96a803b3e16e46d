/*
 * Takeover: the runs of a worker that is gone. Its sessions are ended first, so that a
 * frozen one blocks nobody; then its runs are claimed, as many as may be in memory; a
 * worker that owns nothing any more is forgotten.
 */
#include "worker/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/store.h"

#include <stdlib.h>
#include <string.h>

#define VANISHED_TWICE (400 * USEC_PER_MS)
#define BLOCKED_REST (2 * USEC_PER_SEC)

struct takeover {
	struct worker *worker;
	struct uuid dead;
	int limit;
};

/* A run that somebody blocks fails the whole statement: fewer at a time, in random order,
 * let the others through (docs/design/fence.md, rule 6). */
static void on_blocked(struct worker *w, const struct takeover *t)
{
	if (t->limit > 1) {
		w->takeover_limit = (t->limit + 7) / 8;
		takeover(w, t->dead);
	} else {
		w->takeover_after =
			clock_boottime() + (int64_t)(random_u64() % BLOCKED_REST);
	}
}

static void on_taken_over(struct db_batch *b)
{
	struct takeover *t = b->ctx;
	struct worker *w = t->worker;
	char id[UUID_TEXT];
	uuid_format(t->dead, id);
	if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "takeover from worker %s: %s", id, b->err.text);
		if (strcmp(b->err.sqlstate, "55P03") == 0)
			on_blocked(w, t);
	} else {
		const struct db_result *rows = b->statements[1].result;
		if (db_rows(rows)) {
			log_line(LOG_INFO, "took over %d runs of worker %s",
				db_rows(rows), id);
			load_claimed(w, rows, false);
		}
		w->takeover_limit *= 2;
		if (db_rows(rows) && db_rows(rows) == t->limit)
			takeover(w, t->dead);
	}
	free(t);
	db_batch_destroy(b);
}

/* Ends the dead worker's sessions, takes its runs, and forgets it once it owns nothing.
 */
void takeover(struct worker *w, struct uuid dead)
{
	struct takeover *t = xcalloc(1, sizeof *t);
	struct claim c = claim_make(w, "dead");
	if (w->takeover_limit > c.limit)
		w->takeover_limit = 0;
	if (w->takeover_limit)
		c.limit = w->takeover_limit;
	t->worker = w;
	t->dead = c.dead = dead;
	t->limit = c.limit;
	struct db_batch *b = db_batch_create(on_taken_over, t);
	store_end_sessions(b, dead);
	store_claim(b, &c);
	store_forget_worker(b, dead, true);
	db_send(w->control, b);
}

/* Whether the worker was seen without sessions before, long enough ago. */
static bool vanished_twice(struct worker *w, struct uuid id)
{
	int64_t now = clock_boottime();
	for (size_t i = 0; i < w->vanished_count; i++) {
		if (uuid_equal(w->vanished[i], id))
			return now - w->vanished_at[i] >= VANISHED_TWICE;
	}
	if (w->vanished_count < sizeof w->vanished / sizeof *w->vanished) {
		w->vanished[w->vanished_count] = id;
		w->vanished_at[w->vanished_count++] = now;
	}
	return false;
}

void takeover_seen(struct worker *w, struct uuid id, bool expired)
{
	if (clock_boottime() < w->takeover_after)
		return;
	if (expired || vanished_twice(w, id))
		takeover(w, id);
}

void takeover_forget_others(
	struct worker *w, bool (*is_listed)(const void *, struct uuid), const void *list)
{
	size_t kept = 0;
	for (size_t i = 0; i < w->vanished_count; i++) {
		if (!is_listed(list, w->vanished[i]))
			continue;
		w->vanished[kept] = w->vanished[i];
		w->vanished_at[kept++] = w->vanished_at[i];
	}
	w->vanished_count = kept;
}
