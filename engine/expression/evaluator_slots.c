/*
 * Who gets what there is not enough of: templates, copies, and the bytes of answers. This
 * file alone decides. Evaluators that want a place stand in a line, each once. Who has
 * none comes first, then who wants one more, then who is slow: whose evaluations took
 * long of late. Slow ones have SLOW_MAX copies together and a lower priority, so that
 * they take what others leave. Of an evaluation nobody knows before that it will take
 * long: a copy that does gives its place back when another one wants it, and what it was
 * asked waits with the slow ones; a copy that was slow from its beginning keeps its
 * place, so that each of them comes to its end.
 */
#include "expression/evaluator_inside.h"

#include <stdlib.h>

#include "base/log.h"

/* ---- Slow ---- */

bool evaluator_is_slow(const struct evaluator *e)
{
	return e->slow_until && clock_boottime() < e->slow_until;
}

void slots_note_time(struct evaluator *e, int64_t used)
{
	int64_t now = clock_boottime();
	int64_t from = e->slow_until > now ? e->slow_until : now;
	e->slow_until = from + SLOW_FACTOR * used;
	if (e->slow_until > now + SLOW_USEC)
		e->slow_until = now + SLOW_USEC;
}

void slots_note_long(struct copy *c, int64_t used)
{
	c->slow = true;
	evaluator_process_lower(&c->process);
	slots_note_time(c->of, used);
}

static unsigned slow_copies(void)
{
	unsigned n = 0;
	for (const struct evaluator *e = evaluator_pool.all; e; e = e->next) {
		for (const struct copy *c = e->copies; c; c = c->next)
			n += c->slow;
	}
	return n;
}

/* ---- Lines ---- */

static bool wants(const struct evaluator *e)
{
	return e->first || e->tries_of;
}

static void stand(enum slot what, struct evaluator *e)
{
	struct evaluator **p = &evaluator_pool.lines[what];
	if (e->in_line[what])
		return;
	while (*p)
		p = &(*p)->next_in[what];
	*p = e;
	e->next_in[what] = NULL;
	e->in_line[what] = true;
}

void slots_leave(enum slot what, struct evaluator *e)
{
	struct evaluator **p = &evaluator_pool.lines[what];
	if (!e->in_line[what])
		return;
	while (*p != e)
		p = &(*p)->next_in[what];
	*p = e->next_in[what];
	e->in_line[what] = false;
}

void slots_forget(struct evaluator *e)
{
	slots_leave(SLOT_TEMPLATE, e);
	slots_leave(SLOT_COPY, e);
}

static int rank_of(enum slot what, const struct evaluator *e)
{
	return evaluator_is_slow(e) ? 2 : what == SLOT_COPY && e->copies != NULL ? 1 : 0;
}

/* Whose turn it is, where so many slow copies go; NULL: nobody's. */
static struct evaluator *first_of(enum slot what, unsigned going)
{
	struct evaluator *found = NULL, *next;
	int best = 3;
	for (struct evaluator *e = evaluator_pool.lines[what]; e && best; e = next) {
		next = e->next_in[what];
		int rank = rank_of(what, e);
		if (!wants(e))
			slots_leave(what, e);
		else if (rank < best) {
			found = e;
			best = rank;
		}
	}
	bool full = what == SLOT_COPY && best == 2 && slow_copies() >= SLOW_MAX + going;
	return full ? NULL : found;
}

/* ---- Room ---- */

static bool is_better(const struct copy *c, const struct copy *than)
{
	bool idle = copy_is_idle(c);
	if (!than || idle != copy_is_idle(than))
		return !than || idle;
	return idle ? c->used_at < than->used_at : c->asked_at > than->asked_at;
}

/* A copy that makes room: one that nobody needs just now, else one that takes long. */
static void make_room_for_copy(int rank)
{
	int64_t now = clock_boottime();
	struct copy *found = NULL;
	for (struct evaluator *e = evaluator_pool.all; e; e = e->next) {
		for (struct copy *c = e->copies; c; c = c->next) {
			bool idle = copy_is_idle(c) &&
				    (rank == 0 || now - c->used_at > IDLE_USEC);
			bool over = rank == 0 && c->question && c->slow && !c->was_slow;
			if (c->dying)
				return; /* it is being made */
			if ((idle || over) && is_better(c, found))
				found = c;
		}
	}
	if (found)
		copy_end(found, copy_is_idle(found) ? ENDED_UNWANTED : ENDED_TAKEN);
}

static bool is_at_work(const struct evaluator *e)
{
	bool busy = e->state != TEMPLATE_IDLE || e->template_dying;
	for (const struct copy *c = e->copies; c && !busy; c = c->next)
		busy = c->question != NULL;
	return busy;
}

/* The template that was not used for longest makes room. If all have something to do, the
 * one that had its turn does nothing more. */
static void make_room_for_template(const struct evaluator *whose)
{
	int64_t now = clock_boottime();
	bool slow = evaluator_is_slow(whose);
	struct evaluator *found = NULL, *yields = NULL;
	for (struct evaluator *e = evaluator_pool.all; e; e = e->next) {
		bool free = !wants(e) || e->yields || (!slow && evaluator_is_slow(e));
		bool turn = now - e->template_at > TEMPLATE_TURN_USEC;
		if (e->state == TEMPLATE_NONE)
			continue;
		if (e->template_dying)
			return;
		if (!is_at_work(e) && free && (!found || e->used_at < found->used_at))
			found = e;
		if (turn && (!yields || e->template_at < yields->template_at))
			yields = e;
	}
	if (found)
		template_end(found);
	else if (yields)
		yields->yields = true;
}

bool slots_take(enum slot what, struct evaluator *e)
{
	unsigned used =
		what == SLOT_COPY ? evaluator_pool.copies : evaluator_pool.templates;
	unsigned most = what == SLOT_COPY ? COPIES_MAX : TEMPLATES_MAX;
	stand(what, e);
	if (slots_are_paused() || first_of(what, 0) != e)
		return false;
	if (used < most) {
		slots_leave(what, e);
		return true;
	}
	if (what == SLOT_COPY)
		make_room_for_copy(rank_of(what, e));
	else
		make_room_for_template(e);
	return false;
}

bool slots_have_room(void)
{
	return evaluator_pool.templates < TEMPLATES_MAX && !slots_are_paused() &&
	       !evaluator_pool.lines[SLOT_TEMPLATE];
}

bool slots_turn_is_over(const struct copy *c)
{
	if (!evaluator_pool.lines[SLOT_COPY] ||
		clock_boottime() - c->made_at < COPY_TURN_USEC)
		return false;
	const struct evaluator *next = first_of(SLOT_COPY, c->slow);
	if (!next || next == c->of)
		return false;
	int rank = rank_of(SLOT_COPY, next);
	return rank == 2 ? c->slow : rank == 0 && evaluator_pool.copies >= COPIES_MAX;
}

void slots_serve(void)
{
	for (int what = 0; what < SLOTS; what++) {
		struct evaluator *e;
		while ((e = first_of((enum slot)what, 0))) {
			evaluator_work(e);
			if (e->in_line[what])
				break; /* there is none for it yet */
		}
	}
}

/* ---- What the system has not enough of ---- */

bool slots_are_paused(void)
{
	return evaluator_pool.pause_until &&
	       clock_boottime() < evaluator_pool.pause_until;
}

void slots_pause(const struct error *why)
{
	int64_t now = clock_boottime();
	unsigned ms = 2 * evaluator_pool.pause_ms;
	if (!evaluator_pool.pause_ms)
		evaluator_pool.paused_since = now;
	if (evaluator_pool.loop &&
		(!evaluator_pool.told_at || now - evaluator_pool.told_at > TOLD_USEC)) {
		log_line(LOG_WARNING, "%s; what waits for it is tried again", why->text);
		evaluator_pool.told_at = now;
	}
	evaluator_pool.pause_ms = ms < PAUSE_MIN_MS   ? PAUSE_MIN_MS
				  : ms > PAUSE_MAX_MS ? PAUSE_MAX_MS
						      : ms;
	evaluator_pool.pause_until = now + evaluator_pool.pause_ms * USEC_PER_MS;
	evaluator_tick(false);
}

void slots_go_on(void)
{
	evaluator_pool.pause_ms = 0;
	evaluator_pool.pause_until = 0;
}

bool slots_give_up(void)
{
	return !evaluator_pool.loop && evaluator_pool.pause_ms &&
	       clock_boottime() - evaluator_pool.paused_since > PAUSED_USEC;
}

/* ---- Bytes of answers ---- */

static bool is_being_read(const struct question *q)
{
	const struct copy *c = q && q->asked ? q->of->copies : NULL;
	while (c && c->question != q)
		c = c->next;
	return c;
}

/* Of each question some; of more only while the budget lasts, and of one question in any
 * case, so that it comes to its end and gives back what it has. */
size_t slots_bytes_for(const struct copy *c)
{
	const struct question *q = c->question;
	size_t has = c->held + (q ? q->bytes : 0);
	if (has < ANSWERS_EACH)
		return ANSWERS_EACH - has;
	if (!q || q == evaluator_pool.large || evaluator_pool.bytes < ANSWERS_MAX)
		return READ_TURN;
	if (is_being_read(evaluator_pool.large))
		return 0;
	evaluator_pool.large = q;
	return READ_TURN;
}

void slots_hold(struct copy *c)
{
	evaluator_pool.bytes += c->process.channel.in.len - c->held;
	c->held = c->process.channel.in.len;
}

void slots_keep_answer(struct question *q, size_t bytes)
{
	q->bytes += bytes;
	evaluator_pool.bytes += bytes;
}

void evaluator_give_back(struct question *q)
{
	evaluator_pool.bytes -= q->bytes;
	q->bytes = 0;
	if (evaluator_pool.large == q)
		evaluator_pool.large = NULL;
	if (evaluator_pool.holds_back)
		evaluator_tick(true);
}

size_t evaluators_bytes(void)
{
	return evaluator_pool.bytes;
}
