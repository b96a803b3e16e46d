/*
 * A turn of the loop: what was read is replayed, runs that were woken advance, what they
 * want begins, what they wrote leaves together. How much of the processor a turn took is
 * told to the log at the level `debug`, by processor time: that a machine is busy is no
 * fault of what a turn did.
 */
#include "worker/inside.h"

#include "base/clock.h"
#include "base/log.h"

#define TURN_USEC (10 * USEC_PER_MS)      /* of advancing runs, unless one takes longer */
#define TURN_LATEST_USEC (10 * TURN_USEC) /* of it by the clock */
#define LOAD_USEC (10 * USEC_PER_MS)      /* of replaying what was read */
#define TOLD_MS 10                        /* shorter turns are not told */

static void note_length(int64_t *used)
{
	if (!log_shows(LOG_DEBUG))
		return;
	int64_t now = clock_processor(), turn = (now - *used) / USEC_PER_MS;
	if (*used && turn >= TOLD_MS)
		log_line(LOG_DEBUG, "a turn of the loop took %lld ms of the processor",
			(long long)turn);
	*used = now;
}

static void on_turn(uv_timer_t *timer)
{
	(void)timer; /* what is left goes on before the loop would block */
}

/* By the processor's time: that others had it makes no turn longer, and no batch of what
 * runs write smaller. It is read only when it may have run out by the clock. */
struct turn {
	int64_t used, until, latest;
};

static struct turn turn_begin(void)
{
	int64_t now = clock_boottime();
	return (struct turn){clock_processor(), now + TURN_USEC, now + TURN_LATEST_USEC};
}

static bool turn_is_over(struct turn *t)
{
	int64_t now = clock_boottime();
	if (now < t->until)
		return false;
	t->until = now + TURN_USEC - (clock_processor() - t->used);
	return t->until <= now || now > t->latest;
}

/* Runs that are woken advance; many of them do in several turns, so that what arrives
 * meanwhile (leases are renewed by it) does not wait. */
static void advance_woken(struct worker *w)
{
	struct owned_run *o;
	struct turn turn = {0};
	if (w->woken)
		turn = turn_begin();
	while ((o = w->woken)) {
		w->woken = o->next_woken;
		if (!w->woken)
			w->woken_tail = &w->woken;
		o->woken = false;
		owned_advance(o);
		if (w->woken && turn_is_over(&turn)) {
			uv_timer_start(&w->again_timer, on_turn, 0, 0);
			return;
		}
	}
}

void turn_on_prepare(uv_prepare_t *prepare)
{
	struct worker *w = prepare->data;
	note_length(&w->turn_used);
	suspected_turn(w);
	if (w->parts && load_go_on(w, clock_boottime() + LOAD_USEC))
		uv_timer_start(&w->again_timer, on_turn, 0, 0);
	advance_woken(w);
	owned_start_effects(w);
	attend(w);
	children_look(w);
	journal_flush(w->journal);
}
