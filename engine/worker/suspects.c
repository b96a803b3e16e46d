/*
 * Suspects, runs whose workers died, are executed in processes of their own (suspect.h);
 * events of which workers died are routed in one that has no runs.
 * Here is what the worker that starts them does: it takes suspects in the name of a
 * process, starts that, watches it, and judges its death. A death of a process that had
 * one run alone, while this worker lives and is not asked to end, may be evidence against
 * that run; the worker's own death never is.
 *
 * Nobody else ends what stands in the database of such a process while this worker lives.
 * So it is remembered until an answer says that its row is not there any more, whatever
 * became of the answers before; and rows that nobody remembers are judged, too: no
 * process stands behind them.
 */
#include "worker/inside.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/store.h"
#include "worker/suspect.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define COMPANY_MOST 64
#define JUDGE_AFTER (5 * USEC_PER_SEC)
#define AGAIN_AFTER (5 * USEC_PER_SEC) /* when it could not connect */
#define FROZEN_LEASES 3
#define WORKS_SHARE                                                         \
	50 /* the share of the processor that one is left on a busy machine \
	    */

enum suspects_state {
	SUSPECTS_WANTED,  /* its runs are being taken */
	SUSPECTS_RUNNING, /* the process is there */
	SUSPECTS_ENDED,   /* it is not; to be judged */
	SUSPECTS_JUDGED,  /* the statement is on its way */
};

struct suspects {
	struct worker *worker;
	struct suspects *next;
	enum suspects_state state;
	struct uuid id; /* of the process, as a worker */
	int runs;       /* that it was given */
	bool routes;    /* it has none: it routes events */
	struct suspect_process process;
	struct death death;
	int64_t ended_at; /* CLOCK_BOOTTIME */
	/* When its loop turned last, as often as we looked since, and its processor time
	 * then. */
	uint64_t turns;
	int64_t looks, cpu; /* looks: those between which it hardly worked */
	int64_t seen_cpu;   /* its processor time when we looked last */
	bool hangs;
};

static bool was_started(const struct suspects *s)
{
	return s->death.signal || s->death.code != SUSPECT_CANNOT_CONNECT;
}

static void forget(struct suspects *s)
{
	struct worker *w = s->worker;
	for (struct suspects **p = &w->suspects; *p; p = &(*p)->next) {
		if (*p == s) {
			*p = s->next;
			break;
		}
	}
	suspect_finish(&s->process);
	free(s);
	worker_check_done(w);
}

/* ---- Starting ---- */

static void say_started(const struct suspects *s)
{
	int pid = (int)s->process.pid;
	if (s->routes)
		log_line(LOG_INFO, "events of which workers died in a process: %d", pid);
	else
		log_line(LOG_INFO, "%d suspect run%s in a process of %s own: %d", s->runs,
			s->runs == 1 ? "" : "s", s->runs == 1 ? "its" : "their", pid);
}

/* Until it runs it counts as one that could not. */
static void start_process(struct suspects *s)
{
	struct worker *w = s->worker;
	struct suspect_start start = {
		.argv = w->options.suspect_argv,
		.conninfo = w->options.conninfo,
		.secrets = w->options.settings.secrets,
		.id = s->id,
		.memory = w->options.suspect_memory,
		.routes = s->routes,
		.alone = s->runs == 1,
	};
	struct error err;
	s->ended_at = clock_boottime();
	if (suspect_start(&start, &s->process, &err)) {
		s->state = SUSPECTS_RUNNING;
		say_started(s);
		return;
	}
	log_line(LOG_WARNING, "a process for suspects cannot be started: %s", err.text);
	s->state = SUSPECTS_ENDED;
}

static struct suspects *create(struct worker *w, struct uuid id)
{
	struct suspects *s = xcalloc(1, sizeof *s);
	s->worker = w;
	s->id = id;
	s->process.lifeline = -1;
	s->death.code = SUSPECT_CANNOT_CONNECT;
	s->next = w->suspects;
	w->suspects = s;
	return s;
}

/* What it has taken it gives back if it does not start. */
static void on_taken(struct db_batch *b)
{
	struct suspects *s = b->ctx;
	bool forgotten =
		b->err.kind == ERROR_NONE && db_bool(b->statements[1].result, 0, 0);
	if (b->err.kind != ERROR_NONE) {
		log_line(LOG_WARNING, "taking suspects: %s", b->err.text);
	} else {
		const struct db_result *rows = b->statements[0].result;
		for (int row = 0; row < db_rows(rows); row++)
			s->runs += !db_is_null(rows, row, 1);
	}
	db_batch_destroy(b);
	if (s->runs && !s->worker->draining)
		start_process(s);
	else if (forgotten)
		forget(s);
	else
		s->state = SUSPECTS_ENDED;
}

/* Its runs in its name; where there are none, it is forgotten. */
static void on_registered(struct db_batch *b)
{
	struct suspects *s = b->ctx;
	struct worker *w = s->worker;
	bool answered = b->err.kind == ERROR_NONE;
	bool may = answered && db_bool(b->statements[0].result, 0, 0);
	if (!answered)
		log_line(LOG_WARNING, "taking suspects: %s", b->err.text);
	db_batch_destroy(b);
	if (answered && !may) {
		forget(s);
		return;
	}
	if (!may || w->draining) {
		s->state = SUSPECTS_ENDED;
		return;
	}
	if (s->routes) {
		start_process(s);
		return;
	}
	struct claim c = {.worker = s->id,
		.limit = COMPANY_MOST,
		.has = w->has,
		.from = "suspect",
		.dead = w->id};
	struct db_batch *take = db_batch_create(on_taken, s);
	store_claim(take, &c);
	store_forget_worker(take, s->id, false);
	db_send(w->control, take);
}

static void want(struct worker *w, bool routes)
{
	if (!w->options.suspect_argv || w->draining || !worker_lease_holds(w))
		return;
	struct suspects *s = create(w, uuid_v4());
	s->routes = routes;
	struct db_batch *b = db_batch_create(on_registered, s);
	store_register_suspect(b, s->id, w->id, w->options.lease);
	db_send(w->control, b);
}

void suspects_seen(struct worker *w)
{
	for (struct suspects *s = w->suspects; s; s = s->next) {
		if (s->state != SUSPECTS_RUNNING && !was_started(s) && !s->routes)
			return;
	}
	want(w, false);
}

void suspects_route(struct worker *w)
{
	for (struct suspects *s = w->suspects; s; s = s->next) {
		if (s->routes)
			return;
	}
	want(w, true);
}

/* All that is sent of them goes over one connection, so one that is not known here has no
 * statement on its way: an answer was lost, or what it answered came to pass later. */
void suspects_compare(struct worker *w, struct uuid process)
{
	for (struct suspects *s = w->suspects; s; s = s->next) {
		if (uuid_equal(s->id, process))
			return;
	}
	log_line(LOG_INFO, "a process for suspects was entered and never started");
	create(w, process)->state = SUSPECTS_ENDED;
}

/* ---- Watching ---- */

/* One that uses a lease of the processor without a turn of its loop hangs; one that does
 * not turn for several leases, nor gets on where others have the processor, is frozen, by
 * whomever: a loss, so that of its company the one that froze it is found, but no
 * evidence. Our own pauses do not count: time is how often we looked. */
static void watch(struct suspects *s)
{
	struct worker *w = s->worker;
	uint64_t turns = atomic_load(&s->process.box->turns);
	int64_t cpu = suspect_cpu(&s->process);
	bool works = cpu - s->seen_cpu >= WATCH_USEC / WORKS_SHARE;
	s->seen_cpu = cpu;
	if (turns != s->turns) {
		s->turns = turns;
		s->looks = 0;
		s->cpu = cpu;
		return;
	}
	s->looks += !works;
	s->hangs = cpu - s->cpu >= w->options.lease;
	if (s->hangs || s->looks * WATCH_USEC >= FROZEN_LEASES * w->options.lease)
		kill(s->process.pid, SIGKILL);
}

/* ---- Judging ---- */

/* Where this worker drains, it has ended the process, or whoever ends both did: that is
 * no loss. */
static bool has_died(const struct suspects *s)
{
	return was_started(s) && !s->worker->draining &&
	       (s->death.signal || s->death.code);
}

static bool is_evidence(const struct suspects *s)
{
	return has_died(s) && death_is_evidence(&s->death, s->process.box);
}

/* Whether the verdict stands; else it is given again. */
static bool is_settled(struct suspects *s, struct db_batch *b)
{
	if (b->err.kind == ERROR_NONE)
		return true;
	log_line(LOG_WARNING, "what became of suspects: %s", b->err.text);
	s->state = SUSPECTS_ENDED;
	db_batch_destroy(b);
	worker_check_done(s->worker);
	return false;
}

/* A run that got an entry meanwhile is still its own: it is judged again. */
static void settle(struct suspects *s, struct db_batch *b)
{
	bool forgotten = db_bool(b->statements[b->count - 1].result, 0, 0);
	db_batch_destroy(b);
	if (forgotten)
		forget(s);
	else
		s->state = SUSPECTS_ENDED;
}

/* Whether the death is the fault of a definition that it compiled, not of runs. */
static bool blames_definition(const struct suspects *s, struct uuid *ret)
{
	char id[UUID_TEXT];
	if (s->routes || !is_evidence(s))
		return false;
	memcpy(id, s->process.box->compiles, sizeof id);
	id[sizeof id - 1] = '\0';
	return uuid_parse(id, ret);
}

static void say_definition(const struct db_result *rows)
{
	if (db_rows(rows) && db_bool(rows, 0, 1))
		log_line(LOG_ERROR,
			"definition %s is not compiled any more, its runs are "
			"suspended: the processes that did died",
			db_text(rows, 0, 0));
}

static void on_judged(struct db_batch *b)
{
	struct suspects *s = b->ctx;
	struct uuid definition;
	if (!is_settled(s, b))
		return;
	if (blames_definition(s, &definition))
		say_definition(b->statements[2].result);
	const struct db_result *rows = b->statements[1].result;
	for (int row = 0; row < db_rows(rows); row++) {
		if (db_bool(rows, row, 1))
			log_line(LOG_ERROR, "run %s is suspended: its process died again",
				db_text(rows, row, 0));
	}
	settle(s, b);
}

static void on_router_judged(struct db_batch *b)
{
	struct suspects *s = b->ctx;
	if (!is_settled(s, b))
		return;
	const struct db_result *rows = b->statements[1].result;
	if (is_evidence(s) && db_rows(rows) && db_bool(rows, 0, 2))
		log_line(LOG_ERROR,
			"event %s of %s is not routed any more: the processes that "
			"tried died (see: wfctl doctor)",
			db_text(rows, 0, 1), db_text(rows, 0, 0));
	settle(s, b);
}

static char *reason(const struct suspects *s, const char *death)
{
	int n = s->worker->options.poison_after;
	return n == 1 ? xasprintf("its process %s", death)
		      : xasprintf("its process died %d times; the last one %s", n, death);
}

static void judge_runs(struct suspects *s, struct db_batch *b)
{
	struct uuid definition;
	bool blamed = blames_definition(s, &definition);
	bool died = has_died(s) && !blamed;
	char *death = died ? death_text(&s->death, s->process.box) : NULL;
	char *why = died ? reason(s, death) : NULL;
	char *object = died ? death_object(&s->death, s->process.box) : NULL;
	struct verdict v = {.worker = s->worker->id,
		.process = s->id,
		.death = object,
		.loss = died,
		.evidence = died && is_evidence(s) && s->runs == 1,
		.poison_after = s->worker->options.poison_after,
		.reason = why,
		.runs = s->runs,
		.delay = was_started(s) || !s->runs ? 0 : AGAIN_AFTER};
	store_judge_suspects(b, &v);
	if (blamed)
		store_judge_definition(b, definition, s->id);
	free(death);
	free(why);
	free(object);
}

static void judge(struct suspects *s)
{
	struct db_batch *b = db_batch_create(s->routes ? on_router_judged : on_judged, s);
	store_end_sessions(b, s->id);
	if (!s->routes)
		judge_runs(s, b);
	else if (is_evidence(s))
		store_judge_router(b, s->id);
	store_forget_worker(b, s->id, false);
	s->state = SUSPECTS_JUDGED;
	db_send(s->worker->control, b);
}

/* What ends this worker too may have ended the process a moment before: a heartbeat since
 * then, and some time, tell. */
static bool may_judge(const struct suspects *s)
{
	const struct worker *w = s->worker;
	int64_t rest = w->options.lease / 2;
	rest = rest < JUDGE_AFTER ? rest : JUDGE_AFTER;
	return db_is_up(w->control) &&
	       (!has_died(s) || (w->beaten_at > s->ended_at &&
					clock_boottime() - s->ended_at >= rest));
}

static void say_death(const struct suspects *s)
{
	char *death = death_text(&s->death, s->process.box);
	if (s->routes)
		log_line(LOG_WARNING, "the process that routes events %s", death);
	else
		log_line(LOG_WARNING, "the process of %d suspect run%s %s", s->runs,
			s->runs == 1 ? "" : "s", death);
	free(death);
}

static void look_at(struct suspects *s)
{
	struct death death;
	if (s->state == SUSPECTS_RUNNING && suspect_has_ended(&s->process, &death)) {
		death.hung = s->hangs && death.signal == SIGKILL;
		s->death = death;
		s->ended_at = clock_boottime();
		s->state = SUSPECTS_ENDED;
		if (has_died(s))
			say_death(s);
	}
	if (s->state == SUSPECTS_RUNNING)
		watch(s);
	else if (s->state == SUSPECTS_ENDED && s->worker->draining &&
		 !db_is_up(s->worker->control))
		forget(s); /* whoever takes its runs over does not blame them */
	else if (s->state == SUSPECTS_ENDED && may_judge(s))
		judge(s);
}

void suspects_watch(struct worker *w)
{
	for (struct suspects *s = w->suspects, *next; s; s = next) {
		next = s->next;
		look_at(s);
	}
}

void suspects_drain(struct worker *w)
{
	for (struct suspects *s = w->suspects; s; s = s->next)
		suspect_drain(&s->process);
}

void suspects_finish(struct worker *w)
{
	while (w->suspects) {
		struct suspects *s = w->suspects;
		w->suspects = s->next;
		suspect_finish(&s->process);
		free(s);
	}
}
