/*
 * Who owns what: heartbeats, claims of due runs, takeover of dead workers' runs, and the
 * comparison of memory with the journal after a connection was lost. A lease by time only
 * decides when somebody may try; the journal's key decides who may write.
 */
#include "pool.h"

#include "clock.h"
#include "log.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

#define CLAIM_MAX 500
#define FULL_USEC (5 * USEC_PER_MS) /* to look for room again */
#define VANISHED_TWICE (400 * USEC_PER_MS)
#define BLOCKED_REST (2 * USEC_PER_SEC)

/* ---- Heartbeat ---- */

static void take_request(struct worker *w, const struct db_result *rows, int row)
{
	struct owned *o = owned_find(w, db_uuid(rows, row, 1));
	bool cancels = strcmp(db_text(rows, row, 2), "cancel") == 0;
	if (!o)
		return;
	o->request = cancels ? REQUEST_CANCEL : REQUEST_SUSPEND;
	if (o->state == OWNED_LIVE) {
		o->run->request = o->request;
		owned_wake(o);
	}
}

static void on_beat(struct db_batch *b)
{
	struct worker *w = b->ctx;
	const struct db_result *rows = b->count ? b->statements[0].result : NULL;
	w->beating = false;
	if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "heartbeat: %s", b->err.text);
	} else if (db_rows(rows) == 0 && w->draining) {
		/* it has left already */
	} else if (db_rows(rows) == 0) {
		log_line(LOG_WARNING, "this worker was forgotten; it registers again");
		db_reset(w->beat);
	} else {
		worker_renew_lease(w, db_int(rows, 0, 0));
		if (w->lapsed)
			claim_on_watch(&w->watch_timer);
		for (int row = 0; row < db_rows(rows); row++) {
			if (!db_is_null(rows, row, 1))
				take_request(w, rows, row);
		}
		owned_start_effects(w);
	}
	db_batch_destroy(b);
}

void claim_on_beat(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	int64_t now = clock_boottime(), oldest = journal_oldest(w->journal);
	if (w->beating || !db_is_up(w->beat))
		return;
	if (oldest && now - oldest > w->options.lease / 2) {
		log_line(LOG_WARNING,
			"no heartbeat: the journal has not answered for %lld s",
			(long long)((now - oldest) / USEC_PER_SEC));
		return;
	}
	struct db_batch *b = db_batch_create(on_beat, w);
	store_beat(b, w->id, w->options.lease);
	w->beating = true;
	w->beat_sent_at = now;
	db_send(w->beat, b);
}

/* ---- Claims ---- */

/* Runs that want a slot now or soon. */
static size_t count_busy(const struct worker *w)
{
	size_t n = 0;
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (const struct owned *o = w->buckets[i]; o; o = o->hash_next)
			n += o->state != OWNED_LIVE ||
			     (o->need & ~(unsigned)(NEED_TIMER | NEED_EVENT));
	}
	return n;
}

/* How many due runs to ask for: not many more than the slots can take on, so that the
 * rest is there for other workers and is not lost with this one; and not one by one. */
static size_t room_for_due(const struct worker *w)
{
	size_t slots = (size_t)w->options.concurrency, busy = count_busy(w);
	size_t room = busy < 2 * slots ? 2 * slots - busy : 0;
	return room >= (slots + 1) / 2 ? room : 0;
}

static struct claim make_claim(struct worker *w, const char *from)
{
	size_t room = w->owned_count < (size_t)w->options.max_runs
			      ? (size_t)w->options.max_runs - w->owned_count
			      : 0;
	size_t most = strcmp(from, "due") == 0 ? room_for_due(w) : CLAIM_MAX;
	if (most > CLAIM_MAX)
		most = CLAIM_MAX;
	return (struct claim){.worker = w->id,
		.limit = (int)(room < most ? room : most),
		.has = w->has,
		.suspects = !w->options.poison_after ? CLAIM_MAX
			    : w->suspects            ? 0
						     : 1,
		.from = from};
}

static void schedule_poll(struct worker *w, int64_t usec)
{
	if (usec > w->options.poll || usec < 0)
		usec = w->options.poll;
	uv_timer_start(
		&w->poll_timer, claim_on_poll, (uint64_t)((usec + 999) / USEC_PER_MS), 0);
}

static void on_polled(struct db_batch *b)
{
	struct worker *w = b->ctx;
	int64_t next = -1;
	bool full = false, leaving = w->draining;
	w->claiming = false;
	if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "claim: %s", b->err.text);
	} else {
		const struct db_result *claimed = b->statements[0].result;
		const struct db_result *due = b->statements[1].result;
		if (db_rows(claimed))
			load_claimed(w, claimed, false);
		full = db_rows(claimed) > 0;
		if (!db_is_null(due, 0, 0))
			next = db_int(due, 0, 0) > 0 ? db_int(due, 0, 0)
						     : w->options.poll;
		if (w->options.until_idle && db_int(due, 0, 1) == 0 &&
			w->owned_count == 0)
			worker_leave(w, WORKER_IDLE);
	}
	db_batch_destroy(b);
	if (leaving)
		worker_check_done(w); /* it waited for this answer */
	if (w->draining)
		return;
	schedule_poll(w, full || w->claim_again ? 0 : next);
	w->claim_again = false;
}

void claim_poll(struct worker *w)
{
	struct claim c = make_claim(w, "due");
	if (w->claiming) {
		w->claim_again = true;
		return;
	}
	if (!w->options.claim || w->draining || !db_is_up(w->control) ||
		!worker_lease_holds(w)) {
		schedule_poll(w, w->options.poll);
		return;
	}
	if (c.limit == 0) {
		schedule_poll(w, FULL_USEC);
		return;
	}
	struct db_batch *b = db_batch_create(on_polled, w);
	store_claim(b, &c);
	store_next_due(b, w->has);
	w->claiming = true;
	db_send(w->control, b);
}

void claim_on_poll(uv_timer_t *timer)
{
	events_poll(timer->data);
	claim_poll(timer->data);
}

/* ---- Takeover ---- */

struct takeover {
	struct worker *worker;
	struct uuid dead;
	int limit;
};

static void take_over(struct worker *w, struct uuid dead);

/* A run that somebody blocks fails the whole statement: fewer at a time, in random order,
 * let the others through (design: fence, rule 6). */
static void on_blocked(struct worker *w, const struct takeover *t)
{
	if (t->limit > 1) {
		w->takeover_limit = (t->limit + 7) / 8;
		take_over(w, t->dead);
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
			take_over(w, t->dead);
	}
	free(t);
	db_batch_destroy(b);
}

/* Ends the dead worker's sessions, takes its runs, and forgets it once it owns nothing.
 */
static void take_over(struct worker *w, struct uuid dead)
{
	struct takeover *t = xcalloc(1, sizeof *t);
	struct claim c = make_claim(w, "dead");
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
	store_forget_worker(b, dead);
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

static bool is_listed(const struct db_result *rows, struct uuid id)
{
	for (int row = 0; row < db_rows(rows); row++) {
		if (uuid_equal(db_uuid(rows, row, 0), id))
			return true;
	}
	return false;
}

static void on_watched(struct db_batch *b)
{
	struct worker *w = b->ctx;
	w->watching = false;
	if (b->err.kind == ERROR_NONE && !w->draining) {
		const struct db_result *rows = b->statements[0].result;
		size_t kept = 0;
		for (size_t i = 0; i < w->vanished_count;
			i++) { /* who came back is forgotten */
			if (!is_listed(rows, w->vanished[i]))
				continue;
			w->vanished[kept] = w->vanished[i];
			w->vanished_at[kept++] = w->vanished_at[i];
		}
		w->vanished_count = kept;
		bool rests = clock_boottime() < w->takeover_after;
		for (int row = 0; row < db_rows(rows) && !rests; row++) {
			struct uuid id = db_uuid(rows, row, 0);
			if (db_bool(rows, row, 1) || vanished_twice(w, id))
				take_over(w, id);
		}
	}
	db_batch_destroy(b);
}

/* ---- Memory and journal compared ---- */

/* A run as it was in memory when the question was sent; what came later is not judged. */
struct listed {
	struct uuid id;
	int64_t claimed_seq, durable_seq; /* 0: it was not live */
};

struct listing {
	struct worker *worker;
	int lane;            /* -1: the regular check */
	bool after_lapse;    /* the lease had been renewed when it was sent */
	struct listed *runs; /* sorted by id */
	size_t count;
};

static int compare_listed(const void *a, const void *b)
{
	return uuid_compare(
		((const struct listed *)a)->id, ((const struct listed *)b)->id);
}

static struct uuid *doubted_ids(struct worker *w, size_t *ret)
{
	struct uuid *ids = xcalloc(w->owned_count, sizeof *ids);
	size_t n = 0;
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (struct owned *o = w->buckets[i]; o; o = o->hash_next) {
			if (o->state == OWNED_DOUBT)
				ids[n++] = o->id;
		}
	}
	*ret = n;
	return ids;
}

static bool is_loaded(const struct owned *o)
{
	return o->state == OWNED_LIVE || o->state == OWNED_LEAVING;
}

static void list_memory(struct worker *w, struct listing *l)
{
	l->runs = xcalloc(w->owned_count, sizeof *l->runs);
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (struct owned *o = w->buckets[i]; o; o = o->hash_next) {
			struct listed *run = &l->runs[l->count++];
			run->id = o->id;
			if (is_loaded(o)) {
				run->claimed_seq = o->run->claimed_seq;
				run->durable_seq = o->run->durable_seq;
			}
		}
	}
	qsort(l->runs, l->count, sizeof *l->runs, compare_listed);
}

/* A run in memory that the journal says something else about. */
static bool differs(const struct listing *l, const struct owned *o,
	const struct db_result *rows, int row)
{
	struct listed key = {.id = o->id};
	const struct listed *then =
		bsearch(&key, l->runs, l->count, sizeof key, compare_listed);
	int64_t last = db_int(rows, row, 2), claimed = db_int(rows, row, 3);
	if (!is_loaded(o) || !then || then->claimed_seq != o->run->claimed_seq)
		return false;
	return claimed != then->claimed_seq || !db_bool(rows, row, 4) ||
	       last < then->durable_seq || last > o->run->seq;
}

static bool was_in_memory(const struct listing *l, struct uuid id)
{
	struct listed key = {.id = id};
	return bsearch(&key, l->runs, l->count, sizeof key, compare_listed) != NULL;
}

static void compare_row(const struct listing *l, const struct db_result *rows, int row)
{
	struct worker *w = l->worker;
	struct uuid id = db_uuid(rows, row, 0);
	struct owned *o = owned_find(w, id);
	bool ours = db_bool(rows, row, 1), then = was_in_memory(l, id);
	if (!o && ours && !then && !w->claiming) { /* the answer to a claim was lost */
		o = owned_create(w, id);
		o->state = OWNED_DOUBT;
	} else if (o && o->log.sent) {
		o->stale |= o->state == OWNED_LIVE && then &&
			    (!ours || differs(l, o, rows, row));
	} else if (o && !ours && then && o->state != OWNED_LOADING) {
		owned_drop(o);
	} else if (o && ours && differs(l, o, rows, row)) {
		owned_doubt(o);
	}
}

static void on_listed(struct db_batch *b)
{
	struct listing *l = b->ctx;
	struct worker *w = l->worker;
	if (b->err.kind == ERROR_NONE) {
		for (int row = 0; row < db_rows(b->statements[0].result); row++)
			compare_row(l, b->statements[0].result, row);
	}
	if (l->after_lapse && b->err.kind == ERROR_NONE) {
		w->lapsed = false;
		owned_start_effects(w);
	}
	if (l->lane < 0) {
		w->listing = false;
	} else if (b->err.kind == ERROR_NONE) {
		journal_set_lane(w->journal, l->lane, w->lanes[l->lane]);
		journal_flush(w->journal);
	} else if (!b->ambiguous) {
		db_reset(w->lanes[l->lane]);
	}
	free(l->runs);
	free(l);
	db_batch_destroy(b);
	claim_doubted(w);
}

static void list(struct worker *w, struct db *db, int lane)
{
	struct listing *l = xcalloc(1, sizeof *l);
	l->worker = w;
	l->lane = lane;
	l->after_lapse = lane < 0 && w->lapsed;
	list_memory(w, l);
	struct uuid *ids = xcalloc(l->count, sizeof *ids);
	for (size_t i = 0; i < l->count; i++)
		ids[i] = l->runs[i].id;
	struct db_batch *b = db_batch_create(on_listed, l);
	store_list_leases(b, w->id, ids, l->count);
	free(ids);
	db_send(db, b);
}

void claim_verify(struct worker *w, int lane)
{
	list(w, w->lanes[lane], lane);
}

/* ---- Runs in doubt ---- */

static void on_doubted(struct db_batch *b)
{
	struct worker *w = b->ctx;
	w->reclaiming = false;
	if (b->err.kind == ERROR_NONE) {
		load_claimed(w, b->statements[0].result, true);
		/* Those that were not returned are finished, or somebody else's, or still
		 * blocked by a session that is ending: the journal will say. */
		size_t n;
		struct uuid *ids = doubted_ids(w, &n);
		free(ids);
		if (n && db_is_up(w->control) && !w->listing) {
			w->listing = true;
			list(w, w->control, -1);
		}
	} else {
		log_line(LOG_WARNING, "claiming own runs again: %s", b->err.text);
	}
	db_batch_destroy(b);
	worker_check_done(w);
}

void claim_doubted(struct worker *w)
{
	size_t n;
	if (w->reclaiming || w->listing || !db_is_up(w->control))
		return;
	struct uuid *ids = doubted_ids(w, &n);
	if (n) {
		struct claim c = make_claim(w, "own");
		c.ids = ids;
		c.count = n;
		struct db_batch *b = db_batch_create(on_doubted, w);
		store_claim(b, &c);
		w->reclaiming = true;
		db_send(w->control, b);
	}
	free(ids);
}

static void on_orphans(struct db_batch *b)
{
	struct worker *w = b->ctx;
	const struct db_result *rows = b->statements[0].result;
	for (int row = 0; b->err.kind == ERROR_NONE && row < db_rows(rows); row++)
		take_over(w, db_uuid(rows, row, 0));
	db_batch_destroy(b);
}

/* Once per lease interval: leases in our name that we do not know (design: fence, rule
 * 5), and leases in the name of nobody. */
static void check_leases(struct worker *w)
{
	w->listed_at = clock_boottime();
	w->listing = true;
	list(w, w->control, -1);
	if (!w->options.claim || w->draining)
		return;
	struct db_batch *b = db_batch_create(on_orphans, w);
	store_find_orphans(b);
	db_send(w->control, b);
}

void claim_on_watch(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	int64_t now = clock_boottime();
	if (!db_is_up(w->control))
		return;
	claim_doubted(w);
	if ((w->lapsed || now - w->listed_at > w->options.lease) && !w->listing &&
		!w->reclaiming)
		check_leases(w);
	if (w->watching || !w->options.claim || w->draining)
		return;
	struct db_batch *b = db_batch_create(on_watched, w);
	store_find_dead(b, w->id);
	w->watching = true;
	db_send(w->control, b);
}
