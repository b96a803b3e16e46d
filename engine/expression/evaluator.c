/*
 * Who asks, who answers, and what a death means. Questions wait at their evaluator, first
 * come first served; `work` does what can be done for them: it starts the template, has
 * it compile a group or fork a copy, one thing at a time, as it gets places for them
 * (evaluator_slots.c), and sends to idle copies. All that happens ends in `work`. A tick
 * looks at what takes time.
 */
#include "expression/evaluator.h"

#include "expression/evaluator_inside.h"

#include <assert.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

#define TRIES 3 /* of templates, until a unit is to blame */

struct evaluator_pool evaluator_pool;

/* ---- Questions ---- */

void evaluator_enqueue(struct evaluator *e, struct question *q, bool in_front)
{
	if (!e->first)
		e->waits_since = clock_boottime();
	if (!e->first)
		e->last = &e->first;
	if (in_front) {
		q->next = e->first;
		e->first = q;
		if (!q->next)
			e->last = &q->next;
		return;
	}
	q->next = NULL;
	*e->last = q;
	e->last = &q->next;
}

static struct question *dequeue(struct evaluator *e)
{
	struct question *q = e->first;
	e->first = q->next;
	if (!e->first)
		e->last = &e->first;
	q->next = NULL;
	e->waits_since = clock_boottime();
	return q;
}

void evaluator_complete(struct question *q)
{
	q->asked = q->wanting = false;
	if (q != evaluator_pool.asking && q->on_answered)
		q->on_answered(q->ctx);
}

void evaluator_answer(struct question *q, enum evaluation_state state, const char *text)
{
	struct evaluation *e = &q->list[q->answered++];
	e->state = state;
	buf_clear(&e->text);
	buf_puts(&e->text, text);
}

void evaluator_skip_answered(struct question *q)
{
	while (q->answered < q->count && q->list[q->answered].state != EVALUATION_WANTED)
		q->answered++;
}

void evaluator_fail_rest(struct question *q, const char *text)
{
	while (q->answered < q->count) {
		if (q->list[q->answered].state == EVALUATION_WANTED)
			evaluator_answer(q, EVALUATION_FAILED, text);
		else
			q->answered++;
	}
}

void evaluator_fail_all(struct evaluator *e, const char *text)
{
	while (e->first) {
		struct question *q = dequeue(e);
		evaluator_fail_rest(q, text);
		evaluator_complete(q);
	}
}

/* ---- What they say of themselves ---- */

void evaluator_drain_log(struct evaluator *e, const char *what)
{
	char text[2048];
	ssize_t n = e->log >= 0 ? read(e->log, text, sizeof text - 1) : 0;
	if (n <= 0 || !evaluator_pool.loop || e->quiet)
		return;
	text[n] = '\0';
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	char *line = strrchr(text, '\n');
	line = line ? line + 1 : text;
	for (char *p = line; *p; p++) {
		if ((unsigned char)*p < 0x20)
			*p = ' ';
	}
	log_line(LOG_WARNING, "%s: %.200s", what, line);
}

void evaluator_note_refused(struct evaluator *e, uint32_t call)
{
	e->refused = call ? call : e->refused;
	if (call && call != evaluator_pool.refused)
		log_line(LOG_WARNING,
			"an evaluator asked for system call %u and was refused", call);
	evaluator_pool.refused = call ? call : evaluator_pool.refused;
}

unsigned evaluators_refused(void)
{
	return evaluator_pool.refused;
}

/* ---- Ticking ---- */

static bool tick(void);
static bool any_dies(void);

static void on_tick(uv_timer_t *timer)
{
	evaluator_pool.ticks = tick();
	if (!evaluator_pool.ticks)
		uv_timer_stop(timer);
	else if (any_dies())
		uv_timer_start(timer, on_tick, 1, TICK_MS);
}

void evaluator_tick(bool soon)
{
	if (!evaluator_pool.timer || (evaluator_pool.ticks && !soon))
		return;
	evaluator_pool.ticks = true;
	uv_timer_start(evaluator_pool.timer, on_tick, 1, TICK_MS);
}

/* ---- What can be done ---- */

/* An idle copy that has all that is compiled, and is as slow as the others; others of it
 * end. A question that may hold a secret needs a fresh one. */
static struct copy *find_copy(struct evaluator *e, const struct question *q)
{
	struct copy *found = NULL;
	bool slow = evaluator_is_slow(e);
	for (struct copy *c = e->copies; c; c = c->next) {
		if (!copy_is_idle(c))
			continue;
		bool fresh = c->evaluations == 0;
		if (c->generation != e->generation || c->slow != slow ||
			((q->secret || q->alone) && !fresh) || slots_turn_is_over(c))
			copy_end(c, ENDED_UNWANTED);
		else
			found = c;
	}
	return found;
}

static bool may_fork(const struct evaluator *e)
{
	unsigned n = 0;
	for (const struct copy *c = e->copies; c; c = c->next)
		n += !c->dying;
	return n == 0 ||
	       (n < COPIES_EACH && clock_boottime() - e->waits_since > PATIENCE_USEC);
}

/* How far the question can be sent at once; at its beginning what does not compile is
 * answered. The group of a unit that must be compiled first, or -1. */
static int plan(struct evaluator *e, struct question *q, uint32_t *ret_end)
{
	uint32_t i = q->answered;
	for (; i < q->count && i - q->answered < BATCH; i++) {
		struct evaluation *v = &q->list[i];
		const struct unit *u = &e->units[v->unit];
		if (v->state != EVALUATION_WANTED || v->now != q->list[q->answered].now)
			break;
		if (u->known && u->fault)
			break;
		if (!e->groups[v->unit / JQVM_GROUP].compiled)
			return (int)(v->unit / JQVM_GROUP);
		if (q->alone && i > q->answered)
			break;
	}
	*ret_end = i;
	return -1;
}

static void answer_faulty(struct evaluator *e, struct question *q)
{
	for (evaluator_skip_answered(q); q->answered < q->count;
		evaluator_skip_answered(q)) {
		const struct unit *u = &e->units[q->list[q->answered].unit];
		if (!u->known || !u->fault)
			return;
		evaluator_answer(q, EVALUATION_FAULTY, u->fault);
	}
}

/* Whether it has one that works for it; if it may, it starts one. */
static bool has_template(struct evaluator *e)
{
	if (e->state == TEMPLATE_NONE && slots_take(SLOT_TEMPLATE, e))
		template_start(e);
	return e->state != TEMPLATE_NONE && !e->template_dying && !e->yields;
}

/* One thing for the first question; false: nothing can be done now. */
static bool work_once(struct evaluator *e)
{
	struct question *q = e->first;
	uint32_t end = 0;
	answer_faulty(e, q);
	if (q->answered == q->count) {
		evaluator_complete(dequeue(e));
		return true;
	}
	if (!has_template(e)) {
		slots_leave(SLOT_COPY, e);
		return false;
	}
	int group = plan(e, q, &end);
	struct copy *c = group < 0 ? find_copy(e, q) : NULL;
	if (c) {
		slots_leave(SLOT_COPY, e);
		copy_ask(c, dequeue(e), end);
		return true;
	}
	if (group >= 0 || e->state != TEMPLATE_IDLE || !may_fork(e))
		slots_leave(SLOT_COPY, e);
	else if (slots_take(SLOT_COPY, e))
		template_fork(e);
	if (group >= 0 && e->state == TEMPLATE_IDLE)
		template_compile_group(e, (unsigned)group);
	return false;
}

void evaluator_work(struct evaluator *e)
{
	while (e->first && probe_allows(e) && work_once(e)) {
	}
}

/* ---- Time ---- */

/* Who comes after others uses little time, but some. */
static void check_time(struct copy *c, int64_t now)
{
	int64_t time = evaluator_process_time(&c->process), used = time - c->time_at;
	if (used > c->limit) {
		copy_end(c, ENDED_LATE);
	} else if (c->held_back || time - c->moved_time >= PROGRESS_USEC) {
		c->moved_at = now;
		c->moved_time = time;
	} else if (now - c->moved_at > WALL_USEC) {
		copy_end(c, ENDED_STUCK);
	}
	if (!c->dying && !c->slow && used > c->is_long)
		slots_note_long(c, used);
}

static bool tick_copies(struct evaluator *e, int64_t now)
{
	bool any = false;
	for (struct copy *c = e->copies, *next; c; c = next) {
		int status;
		next = c->next;
		if (!c->dying && c->question)
			check_time(c, now);
		if (c->held_back && slots_bytes_for(c))
			copy_ready(c);
		evaluator_pool.holds_back |= c->held_back;
		any |= c->dying || c->question;
		if (c->dying && evaluator_process_reap(&c->process, &status)) {
			copy_reaped(c, status);
			return true; /* the list has changed */
		}
	}
	return any;
}

static bool tick_template(struct evaluator *e, int64_t now)
{
	int status;
	if (e->state == TEMPLATE_NONE)
		return false;
	if (!e->template_dying && e->state != TEMPLATE_IDLE &&
		(now - e->begun_at > COMPILE_WALL ||
			evaluator_process_time(&e->template) - e->begun_time >
				COMPILE_USEC))
		template_end(e);
	if (e->template_dying && evaluator_process_reap(&e->template, &status))
		template_reaped(e, status);
	return e->template_dying || e->state != TEMPLATE_IDLE;
}

/* Whether there is something to look at again. */
static bool tick(void)
{
	int64_t now = clock_boottime();
	bool any = false;
	evaluator_pool.holds_back = false;
	for (struct evaluator *e = evaluator_pool.all; e; e = e->next) {
		any |= tick_copies(e, now);
		any |= tick_template(e, now);
		any |= e->first != NULL;
		if (e->first && !e->in_line[SLOT_TEMPLATE] && !e->in_line[SLOT_COPY])
			evaluator_work(e);
	}
	slots_serve();
	any |= templates_reap_groups();
	return any;
}

/* ---- Waiting ---- */

static bool dies(const struct evaluator *e)
{
	bool any = e->template_dying;
	for (const struct copy *c = e->copies; c; c = c->next)
		any |= c->dying;
	return any;
}

static bool any_dies(void)
{
	const struct evaluator *e = evaluator_pool.all;
	while (e && !dies(e))
		e = e->next;
	return e || evaluator_pool.group_count;
}

/* Without a loop: what happens within some milliseconds. */
static void turn(struct evaluator *e)
{
	struct pollfd fds[COPIES_EACH + 8];
	nfds_t n = 0;
	if (e->state != TEMPLATE_NONE && !e->template_dying)
		fds[n++] = (struct pollfd){e->template.channel.fd, POLLIN, 0};
	for (struct copy *c = e->copies; c && n < COPIES_EACH + 8; c = c->next) {
		short events = c->held_back ? 0 : POLLIN;
		if (c->dying)
			continue;
		if (c->process.channel.sent < c->process.channel.out.len)
			events |= POLLOUT;
		fds[n++] = (struct pollfd){c->process.channel.fd, events, 0};
	}
	poll(fds, n, any_dies() ? 1 : TICK_MS);
	template_ready(e);
	for (struct copy *c = e->copies, *next; c; c = next) {
		next = c->next;
		copy_ready(c);
	}
	tick();
}

static struct copy *copy_of(const struct question *q)
{
	struct copy *c = q->of->copies;
	while (c && c->question != q)
		c = c->next;
	return c;
}

/* An answer that comes at once is worth more than the time it takes to sleep. */
static void spin(struct question *q)
{
	int64_t until = clock_boottime() + SPIN_USEC;
	struct copy *c;
	while (q->asked && (c = copy_of(q)) && !c->dying && clock_boottime() < until) {
		copy_ready(c);
		if (q->asked)
			sched_yield();
	}
}

bool evaluator_ask(struct question *q)
{
	struct question *before = evaluator_pool.asking;
	evaluator_pool.asking = q;
	evaluator_enqueue(q->of, q, false);
	evaluator_work(q->of);
	if (evaluator_pool.loop && q->on_answered)
		spin(q);
	while (q->asked && !(evaluator_pool.loop && q->on_answered)) {
		turn(probe_awaited() ? probe_awaited() : q->of);
		evaluator_work(q->of);
	}
	evaluator_pool.asking = before;
	return !q->asked;
}

void evaluator_forget(struct question *q)
{
	struct evaluator *e = q->of;
	struct copy *c = copy_of(q);
	if (c) {
		c->question = NULL;
		copy_end(c, ENDED_UNWANTED);
		return;
	}
	for (struct question **p = &e->first; *p; p = &(*p)->next) {
		if (*p != q)
			continue;
		*p = q->next;
		if (!*p)
			e->last = p;
		return;
	}
}

static bool judge_anew(struct evaluator *e, unsigned unit, struct error *err)
{
	struct unit *u = &e->units[unit];
	if (!evaluator_pool.judge)
		evaluator_pool.judge = evaluator_create(0, 0);
	struct evaluator *judge = evaluator_pool.judge;
	unsigned ended = judge->ended;
	u->known = false;
	judge->tries_of = e;
	judge->tries = unit;
	while (!u->known && judge->ended - ended < TRIES && !slots_give_up()) {
		if (has_template(judge) && judge->state == TEMPLATE_IDLE)
			template_compile(judge, e, unit, 1, true);
		if (judge->state == TEMPLATE_NONE && !judge->in_line[SLOT_TEMPLATE] &&
			!slots_are_paused())
			break; /* it is refused for good */
		if (!u->known)
			turn(judge);
	}
	judge->tries_of = NULL;
	slots_forget(judge);
	const char *fault = u->known ? u->fault
			    : judge->ended - ended < TRIES
				    ? "no evaluator can be started here"
				    : "libjq did not survive its compilation";
	return fault ? error_set(err, ERROR_INPUT, "%s", fault) : true;
}

bool evaluator_try(struct evaluator *e, unsigned unit, struct error *err)
{
	struct unit *u = &e->units[unit];
	const struct verdict *known = verdicts_find(&evaluator_pool.verdicts, u->source);
	if (known && known->fault)
		return error_set(err, ERROR_INPUT, "%s", known->fault);
	if (known)
		return true;
	bool good = judge_anew(e, unit, err);
	if (u->known)
		verdicts_keep(&evaluator_pool.verdicts, u->source, u->fault);
	return good;
}

void evaluator_prepare(struct evaluator *e)
{
	if (e->count && e->state == TEMPLATE_NONE && !e->first && slots_have_room())
		template_start(e);
	if (e->count && e->state == TEMPLATE_IDLE && !e->template_dying &&
		!e->groups[0].compiled)
		template_compile_group(e, 0);
	if (e->count)
		probe_allows(e);
}

/* ---- Life ---- */

struct evaluator *evaluator_create(unsigned timeout_ms, size_t result_bytes)
{
	struct evaluator *e = xcalloc(1, sizeof *e);
	e->timeout_ms = timeout_ms;
	e->result_bytes = result_bytes;
	e->log = -1;
	e->last = &e->first;
	e->next = evaluator_pool.all;
	evaluator_pool.all = e;
	return e;
}

/* Kills and waits: for the end of a program, or of all. */
static void end_processes(struct evaluator *e)
{
	int status;
	for (struct copy *c; (c = e->copies);) {
		evaluator_process_kill(&c->process);
		while (c != e->forking && !evaluator_process_reap(&c->process, &status))
			sched_yield();
		if (c == e->forking)
			e->forking = NULL;
		copy_free(c);
	}
	if (e->state == TEMPLATE_NONE)
		return;
	evaluator_process_kill(&e->template);
	while (!evaluator_process_reap(&e->template, &status))
		sched_yield();
	channel_finish(&e->template.channel);
	templates_await_group(e->template.group);
	template_gone(e);
}

static void end_groups(void)
{
	while (templates_reap_groups())
		sched_yield();
	free(evaluator_pool.groups);
	evaluator_pool.groups = NULL;
}

void evaluator_destroy(struct evaluator *e)
{
	if (!e)
		return;
	assert(!e->first);
	end_processes(e);
	slots_forget(e);
	for (struct evaluator **p = &evaluator_pool.all; *p; p = &(*p)->next) {
		if (*p == e) {
			*p = e->next;
			break;
		}
	}
	for (unsigned i = 0; i < e->count; i++)
		free(e->units[i].fault);
	free(e->units);
	free(e->groups);
	free(e);
}

unsigned evaluator_count(const struct evaluator *e)
{
	return e->count;
}

unsigned evaluator_add(struct evaluator *e, const char *source, const struct jqscan *scan)
{
	unsigned number = e->count++, group = number / JQVM_GROUP;
	e->units = xrealloc(e->units, e->count * sizeof *e->units);
	e->units[number] = (struct unit){.source = source, .scan = scan};
	if (number % JQVM_GROUP == 0) {
		e->groups = xrealloc(e->groups, (group + 1) * sizeof *e->groups);
		e->groups[group] = (struct group){0};
	}
	for (unsigned i = group * JQVM_GROUP; i < number; i++)
		e->units[i].known = false;
	e->groups[group].compiled = false; /* again, with the new one */
	return number;
}

const struct jqscan *evaluator_scan(const struct evaluator *e, unsigned unit)
{
	return e->units[unit].scan;
}

size_t evaluator_result_bytes(const struct evaluator *e)
{
	return e->result_bytes;
}

void evaluators_set_timeout(unsigned ms)
{
	evaluator_pool.timeout_ms = ms;
}

void evaluators_begin(uv_loop_t *loop)
{
	evaluators_end();
	evaluator_pool.loop = loop;
	evaluator_pool.timer = xcalloc(1, sizeof *evaluator_pool.timer);
	uv_timer_init(loop, evaluator_pool.timer);
	uv_unref((uv_handle_t *)evaluator_pool.timer);
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle);
}

void evaluators_end(void)
{
	for (struct evaluator *e = evaluator_pool.all; e; e = e->next)
		end_processes(e);
	probe_end();
	evaluator_destroy(evaluator_pool.judge);
	evaluator_pool.judge = NULL;
	verdicts_finish(&evaluator_pool.verdicts);
	end_groups();
	slots_go_on();
	if (evaluator_pool.timer)
		uv_close((uv_handle_t *)evaluator_pool.timer, on_timer_closed);
	evaluator_pool.timer = NULL;
	evaluator_pool.loop = NULL;
	evaluator_pool.ticks = false;
}
