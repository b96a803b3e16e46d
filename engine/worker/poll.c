/*
 * Looking around: one statement that only reads says when the next run is due, whether
 * events wait to be routed, and which workers are gone. A hint makes it happen at once;
 * without hints it happens at each poll interval, and half as often in a pool that has
 * nothing to do at all.
 */
#include "worker/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/store.h"

/* Columns of poll_now.sql. */
enum { NEXT_DUE, BUSY, UNROUTED, GONE, EXPIRED, SINCE, SUSPECTS, TRIED };

static void on_time(uv_timer_t *timer)
{
	poll_now(timer->data);
}

static void look_later(struct worker *w, int64_t usec)
{
	uv_timer_start(
		&w->poll_timer, on_time, (uint64_t)((usec + 999) / USEC_PER_MS), 0);
}

static bool is_gone(const void *rows, struct uuid id)
{
	const struct db_result *r = rows;
	for (int row = 0; row < db_rows(r); row++) {
		if (!db_is_null(r, row, GONE) && uuid_equal(db_uuid(r, row, GONE), id))
			return true;
	}
	return false;
}

static void see_the_gone(struct worker *w, const struct db_result *r)
{
	takeover_forget_others(w, is_gone, r); /* who came back */
	for (int row = 0; row < db_rows(r); row++) {
		if (!db_is_null(r, row, GONE))
			takeover_seen(w, db_uuid(r, row, GONE), db_bool(r, row, EXPIRED));
	}
}

/* What is due now is claimed; where a claim has just found nothing, others are at it. */
static void see_the_due(struct worker *w, const struct db_result *r)
{
	if (db_is_null(r, 0, NEXT_DUE))
		return;
	int64_t usec = db_int(r, 0, NEXT_DUE);
	if (usec <= 0 && !w->claimed_nothing) {
		claim_due(w);
		return;
	}
	if (usec <= 0)
		usec = w->options.poll;
	if (usec < 2 * w->options.poll)
		uv_timer_start(&w->due_timer, claim_on_due,
			(uint64_t)((usec + 999) / USEC_PER_MS), 0);
}

static void see(struct worker *w, const struct db_result *r)
{
	bool idle = !db_bool(r, 0, BUSY) && w->owned_count == 0;
	w->due_since = db_int(r, 0, SINCE);
	if (idle && w->options.until_idle) {
		worker_leave(w, WORKER_IDLE);
		return;
	}
	if (w->options.claim) {
		see_the_gone(w, r);
		see_the_due(w, r);
		if (db_bool(r, 0, SUSPECTS))
			suspects_seen(w);
		if (db_bool(r, 0, TRIED))
			suspects_route(w);
	}
	if (w->options.suspect || db_bool(r, 0, UNROUTED))
		events_route(w);
	events_poll(w);
	look_later(w, idle ? 2 * w->options.poll : w->options.poll);
}

static void on_looked(struct db_batch *b)
{
	struct worker *w = b->ctx;
	bool again = w->poll_again;
	w->polling = w->poll_again = false;
	if (b->err.kind != ERROR_NONE && w->stopped) {
		/* the connection was closed with us */
	} else if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "looking for work: %s", b->err.text);
		look_later(w, w->options.poll);
	} else if (!w->draining) {
		see(w, b->statements[0].result);
	}
	w->claimed_nothing = false;
	db_batch_destroy(b);
	worker_check_done(w);
	if (again && !w->stopped)
		poll_now(w);
}

void poll_now(struct worker *w)
{
	if (w->draining || w->stopped)
		return;
	if (w->polling) {
		w->poll_again = true; /* a hint came meanwhile */
		return;
	}
	if (!db_is_up(w->control)) {
		look_later(w, w->options.poll);
		return;
	}
	struct db_batch *b = db_batch_create(on_looked, w);
	store_poll(b, w->id, w->has);
	w->polling = true;
	db_send(w->control, b);
}
