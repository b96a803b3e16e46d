/*
 * Who owns what: heartbeats, claims of due runs, and the comparison of memory with the
 * journal after a connection was lost. A lease by time only decides when somebody may
 * try; the journal's key decides who may write.
 */
#include "worker/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/store.h"

#include <stdlib.h>
#include <string.h>

#define CLAIM_MAX 500
#define ASIDE_WINDOWS 4
#define WINDOW_MAX 1000 /* runs that need no slots, about */
#define PARTITIONS_USEC (3600 * USEC_PER_SEC)
#define FULL_MS 5 /* to look for room again */

/* ---- Heartbeat ---- */

/* The order was there, and it was taken back before it was obeyed. */
static void take_back_suspend(struct owned_run *o)
{
	if (o->request != REQUEST_SUSPEND)
		return;
	o->request = REQUEST_NONE;
	if (o->state == OWNED_LIVE) {
		o->run->request = REQUEST_NONE;
		owned_wake(o);
	}
}

/* What an operator wants of a run; without that, a run that it waits for may have ended.
 */
static void take_request(struct worker *w, const struct db_result *rows, int row)
{
	struct owned_run *o = owned_find(w, db_uuid(rows, row, 1));
	if (!o)
		return;
	if (db_is_null(rows, row, 2)) {
		take_back_suspend(o);
		uint32_t woken = (uint32_t)strtoul(db_text(rows, row, 3), NULL, 10);
		if (woken != o->woken_by)
			owned_look_again(o);
		o->woken_by = woken;
		return;
	}
	bool cancels = strcmp(db_text(rows, row, 2), "cancel") == 0;
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
		w->beaten_at = w->beat_sent_at;
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

static void on_released(struct db_batch *b)
{
	struct worker *w = b->ctx;
	w->released &= b->err.kind == ERROR_NONE;
	db_batch_destroy(b);
}

/* Its runs did not kill this worker, nor has it died: the journal is slow. Of those who
 * hear it, none counts a loss; it cannot go by the journal. */
static void release(struct worker *w)
{
	if (w->released || !w->options.claim || !db_is_up(w->control))
		return;
	struct db_batch *b = db_batch_create(on_released, w);
	store_release_worker(b, w->id);
	w->released = true;
	db_send(w->control, b);
}

void claim_on_beat(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	int64_t now = clock_boottime(), since = journal_stuck_since(w->journal);
	if (w->beating || !db_is_up(w->beat))
		return;
	if (since && now - since > w->options.lease / 2) {
		log_line(LOG_WARNING,
			"no heartbeat: the journal has not answered for %lld s",
			(long long)((now - since) / USEC_PER_SEC));
		release(w);
		return;
	}
	struct db_batch *b = db_batch_create(on_beat, w);
	store_beat(b, w->id, w->options.lease);
	w->beating = true;
	w->released = false;
	w->beat_sent_at = now;
	db_send(w->beat, b);
}

/* ---- Claims ---- */

/* Runs that are being executed, and those of them that have an effect or want a slot. Who
 * waits for what takes long to evaluate keeps no room from the others, up to a number. */
static void count_busy(const struct worker *w, size_t *ret_busy, size_t *ret_slots)
{
	size_t aside = ASIDE_WINDOWS * w->window;
	*ret_busy = *ret_slots = 0;
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (const struct owned_run *o = w->buckets[i]; o; o = o->hash_next) {
			bool busy = o->state != OWNED_LIVE ||
				    (o->need & ~(unsigned)(NEED_TIMER | NEED_EVENT));
			if (busy && aside && o->state == OWNED_LIVE &&
				question_waits_long(o->run->question))
				aside--;
			else
				*ret_busy += busy;
			*ret_slots += o->state == OWNED_LIVE &&
				      (o->need & (NEED_SLOT | NEED_EFFECT));
		}
	}
}

/* How many due runs to ask for: not many more than the slots can take on, so that the
 * rest is there for other workers and is not lost with this one; and not one by one. Runs
 * that turn out to need no slots make the window wider, so that their entries share
 * flushes. */
static size_t room_for_due(struct worker *w)
{
	size_t slots = (size_t)w->options.concurrency, busy, in_slots;
	count_busy(w, &busy, &in_slots);
	if (w->window < 2 * slots || in_slots > slots)
		w->window = 2 * slots;
	else if (w->claimed_full && busy < w->window / 2 && w->window < WINDOW_MAX)
		w->window *= 2;
	w->claimed_full = false;
	size_t room = busy < w->window ? w->window - busy : 0;
	return room >= (w->window + 3) / 4 ? room : 0;
}

struct claim claim_make(struct worker *w, const char *from)
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
		.from = from,
		.since = w->due_since};
}

static void on_claimed(struct db_batch *b)
{
	struct worker *w = b->ctx;
	int rows = 0;
	w->claiming = false;
	if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "claim: %s", b->err.text);
	} else if ((rows = db_rows(b->statements[0].result))) {
		load_claimed(w, b->statements[0].result, false);
	}
	w->claimed_full = rows && rows == w->claim_limit;
	w->claimed_nothing = rows == 0;
	db_batch_destroy(b);
	if (w->draining)
		worker_check_done(w); /* it waited for this answer */
	else if (rows)
		claim_due(w);
	else
		poll_now(w); /* when is the next one due? */
}

void claim_on_due(uv_timer_t *timer)
{
	claim_due(timer->data);
}

void claim_due(struct worker *w)
{
	if (!w->options.claim || w->draining || w->claiming || !db_is_up(w->control) ||
		!worker_lease_holds(w))
		return;
	struct claim c = claim_make(w, "due");
	if (c.limit == 0) {
		uv_timer_start(&w->due_timer, claim_on_due, FULL_MS, 0);
		return;
	}
	struct db_batch *b = db_batch_create(on_claimed, w);
	w->claim_limit = c.limit;
	w->claiming = true;
	store_claim(b, &c);
	db_send(w->control, b);
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
		for (struct owned_run *o = w->buckets[i]; o; o = o->hash_next) {
			if (o->state == OWNED_DOUBT && !o->rests)
				ids[n++] = o->id;
		}
	}
	*ret = n;
	return ids;
}

static bool is_loaded(const struct owned_run *o)
{
	return o->state == OWNED_LIVE || o->state == OWNED_LEAVING;
}

static void list_memory(struct worker *w, struct listing *l)
{
	l->runs = xcalloc(w->owned_count, sizeof *l->runs);
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (struct owned_run *o = w->buckets[i]; o; o = o->hash_next) {
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
static bool differs(const struct listing *l, const struct owned_run *o,
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
	struct owned_run *o = owned_find(w, id);
	bool ours = db_bool(rows, row, 1), then = was_in_memory(l, id);
	if (!o && ours && !then && !w->claiming) { /* the answer to a claim was lost */
		o = owned_create(w, id);
		o->state = OWNED_DOUBT;
	} else if (o && o->outbox.sent) {
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
		w->has_listed |= b->err.kind == ERROR_NONE;
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
		struct claim c = claim_make(w, "own");
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
	for (int row = 0; b->err.kind == ERROR_NONE && row < db_rows(rows); row++) {
		if (db_bool(rows, row, 1))
			suspects_compare(w, db_uuid(rows, row, 0));
		else
			takeover(w, db_uuid(rows, row, 0));
	}
	db_batch_destroy(b);
}

/* Once per lease interval: leases in our name that we do not know (docs/design/fence.md,
 * rule 5), leases in the name of nobody, and processes for suspects that we do not know.
 */
static void check_leases(struct worker *w)
{
	w->listed_at = clock_boottime();
	w->listing = true;
	list(w, w->control, -1);
	if (!w->options.claim || w->draining)
		return;
	struct db_batch *b = db_batch_create(on_orphans, w);
	store_find_orphans(b, w->id);
	db_send(w->control, b);
}

static void on_partitions(struct db_batch *b)
{
	const struct worker *w = b->ctx;
	if (b->err.kind != ERROR_NONE && !w->stopped)
		log_line(LOG_WARNING, "making partitions: %s", b->err.text);
	db_batch_destroy(b);
}

/* Those of the weeks to come are there before they are needed. */
static void make_partitions(struct worker *w)
{
	struct db_batch *b = db_batch_create(on_partitions, w);
	w->partitioned_at = clock_boottime();
	store_make_partitions(b);
	db_send(w->control, b);
}

void claim_on_watch(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	int64_t now = clock_boottime();
	suspects_watch(w);
	if (!db_is_up(w->control))
		return;
	suspected_check(w);
	claim_doubted(w);
	if ((w->lapsed || now - w->listed_at > w->options.lease) && !w->listing &&
		!w->reclaiming)
		check_leases(w);
	if (w->options.claim && !w->draining &&
		(!w->partitioned_at || now - w->partitioned_at > PARTITIONS_USEC))
		make_partitions(w);
}
