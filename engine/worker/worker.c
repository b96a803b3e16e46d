/*
 * The life of a worker: its loop, its connections, its signals, its end. Four
 * connections: two lanes for the journal, one for heartbeats on which nothing ever waits,
 * one for claims and reading (a process for suspects: one lane, one for the rest). Each
 * records its session before it is used.
 */
#include "worker/worker.h"

#include "base/bounds.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/version.h"
#include "call_sql.h"
#include "expression/expression.h"
#include "http/client.h"
#include "journal/store.h"
#include "worker/inside.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_USEC (30 * USEC_PER_SEC)
#define LOCK_MS 10000

void worker_options_init(struct worker_options *o)
{
	*o = (struct worker_options){
		.version = STEPWELL_VERSION,
		.concurrency = 64,
		.max_runs = 4096,
		.heartbeat = 2 * USEC_PER_SEC,
		.lease = 10 * USEC_PER_SEC,
		.poll = 500 * USEC_PER_MS,
		.drain_timeout = 30 * USEC_PER_SEC,
		.poison_after = 3,
		.suspect_memory = (uint64_t)2 << 30,
	};
	o->settings.sql_connections = 4;
}

struct uuid worker_id(const struct worker *w)
{
	return w->id;
}

int64_t worker_now(const struct worker *w)
{
	return clock_boottime() + w->clock_offset;
}

bool worker_has_pool(const struct worker *w)
{
	return w->options.claim || w->options.suspect;
}

/* Some time is left aside for the way to the endpoint. */
bool worker_lease_holds(const struct worker *w)
{
	return !w->lapsed && clock_boottime() < w->lease_until - w->options.lease / 10;
}

/* The database read its clock between our question and its answer. Of what that allows,
 * the offset is what is nearest to the last one; the first is the latest there may be, so
 * that our clock is never behind the database's and no wait is cut short, however late an
 * answer comes. */
static void set_clock(struct worker *w, int64_t database_now, int64_t now)
{
	int64_t low = database_now - now, high = database_now - w->beat_sent_at;
	if (!w->clock_known || w->clock_offset > high)
		w->clock_offset = high;
	else if (w->clock_offset < low)
		w->clock_offset = low;
}

/* After a lapse the runs in memory may be somebody else's: no effect starts before the
 * leases have been listed. */
void worker_renew_lease(struct worker *w, int64_t database_now)
{
	int64_t now = clock_boottime();
	set_clock(w, database_now, now);
	w->lapsed |= w->clock_known && now >= w->lease_until;
	w->clock_known = true;
	w->lease_until = w->beat_sent_at + w->options.lease;
}

void worker_stop(struct worker *w, enum worker_end end)
{
	if (w->stopped)
		return;
	w->stopped = true;
	w->end = end;
	uv_stop(&w->loop);
}

/* ---- Connections ---- */

static const char *const lane_slots[JOURNAL_LANES] = {"journal0", "journal1"};

static struct db_batch *setup_session(
	struct worker *w, struct db *db, const char *slot, int lock_ms)
{
	struct db_batch *b = db_batch_create(NULL, NULL);
	store_set_session(b, lock_ms, 60000);
	if (strcmp(slot, "heartbeat") == 0) {
		char host[256] = "";
		gethostname(host, sizeof host - 1);
		store_register_worker(b, w->id, host, (int)getpid(), w->options.version,
			w->options.lease);
	}
	store_end_session(b, w->id, slot);
	store_register_session(b, w->id, slot, db_backend_pid(db));
	store_commit(b);
	return b;
}

static struct db_batch *setup_beat(void *ctx, struct db *db)
{
	struct worker *w = ctx;
	w->beat_sent_at = clock_boottime();
	return setup_session(w, db, "heartbeat", 1000);
}

static struct db_batch *setup_control(void *ctx, struct db *db)
{
	struct db_batch *b = setup_session(ctx, db, "control", 500);
	store_listen(b);
	return b;
}

/* Several waits for locks fit into the time without an answer that ends the heartbeats.
 */
static struct db_batch *setup_lane(void *ctx, struct db *db)
{
	struct worker *w = ctx;
	int64_t wait = w->options.lease / 5 / USEC_PER_MS;
	return setup_session(w, db, lane_slots[db == w->lanes[1]],
		(int)(wait < LOCK_MS ? wait : LOCK_MS) + 1);
}

static void connect_others(struct worker *w);

static void check_ready(struct worker *w)
{
	if (w->ready || !w->control || !db_is_up(w->control) || !db_is_up(w->lanes[0]) ||
		!w->clock_known)
		return;
	w->ready = true;
	uv_stop(&w->loop);
}

static void on_first_beat(struct db_batch *b)
{
	struct worker *w = b->ctx;
	if (b->err.kind == ERROR_NONE && db_rows(b->statements[0].result)) {
		worker_renew_lease(w, db_int(b->statements[0].result, 0, 0));
		connect_others(w);
		check_ready(w);
	}
	db_batch_destroy(b);
}

static void say_state(
	struct worker *w, const char *what, bool up, const struct error *err)
{
	if (!up) {
		bool news = w->ready || strcmp(w->end_error.text, err->text) != 0;
		w->end_error = *err;
		if (news)
			log_line(LOG_WARNING, "%s: %s", what, err->text);
	} else if (w->end_error.kind != ERROR_NONE) {
		w->end_error.kind = ERROR_NONE;
		log_line(LOG_INFO, "%s: connected again", what);
	}
}

static void on_control_state(void *ctx, struct db *db, bool up, const struct error *err)
{
	struct worker *w = ctx;
	(void)db;
	say_state(w, "control connection", up, err);
	if (!up)
		return;
	check_ready(w);
	claim_doubted(w);
	if (w->ready) /* before, what it finds could end a loop that has not begun */
		poll_now(w);
}

static void on_beat_state(void *ctx, struct db *db, bool up, const struct error *err)
{
	struct worker *w = ctx;
	say_state(w, "heartbeat connection", up, err);
	if (!up)
		return;
	if (w->control == db)
		on_control_state(w, db, true, NULL);
	struct db_batch *b = db_batch_create(on_first_beat, w);
	store_beat(b, w->id, w->options.lease);
	w->beat_sent_at = clock_boottime();
	db_send(db, b);
}

static void on_lane_state(void *ctx, struct db *db, bool up, const struct error *err)
{
	struct worker *w = ctx;
	int lane = db == w->lanes[1];
	say_state(w, "journal connection", up, err);
	if (!up) {
		journal_set_lane(w->journal, lane, NULL);
	} else if (w->lane_was_up[lane] && w->owned_count) {
		claim_verify(w, lane);
	} else {
		w->lane_was_up[lane] = true;
		journal_set_lane(w->journal, lane, db);
		journal_flush(w->journal);
	}
	check_ready(w);
}

static void on_hint(void *ctx, struct db *db)
{
	(void)db;
	poll_now(ctx);
}

/* A lane that is silent is given up when others have had the time to take the runs over
 * that wait for it: half a lease, a lease, a poll. */
static struct db_options connection(struct worker *w, const char *name)
{
	int64_t deadline = w->options.lease * 5 / 2;
	return (struct db_options){
		.conninfo = w->options.conninfo,
		.name = name,
		.ctx = w,
		.deadline = deadline < ANSWER_USEC ? deadline : ANSWER_USEC,
		.pace = &w->pace,
	};
}

/* The others wait for the worker's row, so that their sessions have somebody to belong
 * to. */
static void connect_others(struct worker *w)
{
	if (w->control)
		return;
	struct db_options o = connection(w, "stepwell control");
	o.setup = setup_control;
	o.on_state = on_control_state;
	o.on_notify = on_hint;
	o.turn = 1;
	if (w->options.suspect) {
		w->control = w->beat;
	} else {
		w->control = db_create(&w->loop, &o);
	}
	w->host.control = w->control;
	o = connection(w, "stepwell journal");
	o.setup = setup_lane;
	o.on_state = on_lane_state;
	for (int i = 0; i < (w->options.suspect ? 1 : JOURNAL_LANES); i++) {
		o.turn = 2 + (unsigned)i;
		w->lanes[i] = db_create(&w->loop, &o);
	}
}

static void connect_beat(struct worker *w)
{
	struct db_options o = connection(w, "stepwell heartbeat");
	o.setup = setup_beat;
	o.on_state = on_beat_state;
	if (!w->options.suspect) /* there it is for all the rest, too */
		o.deadline = w->options.lease;
	w->beat = db_create(&w->loop, &o);
}

/* ---- Life ---- */

static void list_abilities(struct worker *w)
{
	size_t n = 0;
	char **databases = w->options.settings.databases;
	if (w->options.settings.allow_run)
		w->has[n++] = xstrdup("shell");
	char **logins = w->options.settings.sql_logins;
	if (w->options.settings.allow_sql || (logins && *logins))
		w->has[n++] = xstrdup("sql");
	for (; databases && *databases && n < 15; databases++) {
		const char *end = strchr(*databases, '=');
		if (end)
			w->has[n++] = xasprintf(
				"database:%.*s", (int)(end - *databases), *databases);
	}
}

static void init_timer(struct worker *w, uv_timer_t *timer)
{
	uv_timer_init(&w->loop, timer);
	timer->data = w;
}

static void adopt_child(struct host *host, struct uuid run)
{
	struct worker *w = host->owner;
	if (w->options.claim) {
		claim_due(w); /* the pool may have it */
		return;
	}
	if (worker_has_pool(w))
		return;
	if (!owned_find(w, run))
		owned_create(w, run)->state = OWNED_DOUBT;
	claim_doubted(w);
}

static void note(struct host *host, const char *path)
{
	suspected_note(host->owner, path);
}

static bool may_send(const struct host *host)
{
	return worker_lease_holds(host->owner);
}

/* Its runs are for workers that can. */
static void on_unfit(void *ctx, const struct error *err)
{
	struct worker *w = ctx;
	log_line(LOG_ERROR, "%s; this worker ends", err->text);
	w->failure = *err;
	worker_leave(w, WORKER_FAILED);
}

/* What of a loop needs descriptors. */
static int init_loop(struct worker *w)
{
	int rc = uv_loop_init(&w->loop);
	if (rc != 0)
		return rc;
	rc = uv_signal_init(&w->loop, &w->sigterm);
	if (rc == 0)
		rc = uv_signal_init(&w->loop, &w->sigint);
	if (rc != 0)
		uv_loop_close(&w->loop);
	return rc;
}

/* What is large goes back to the system when it is freed; by itself the C library would
 * raise its idea of "large" with each such piece, and keep them. */
static void return_memory(void)
{
	mallopt(M_MMAP_THRESHOLD, (int)BOUND_MIB);
	mallopt(M_TRIM_THRESHOLD, (int)(8 * BOUND_MIB));
}

bool worker_create(const struct worker_options *o, struct worker **ret, struct error *err)
{
	struct worker *w = xcalloc(1, sizeof *w);
	int rc = init_loop(w);
	if (rc != 0) {
		free(w);
		return error_set(
			err, ERROR_TRANSIENT, "the event loop: %s", uv_strerror(rc));
	}
	return_memory();
	evaluators_begin(&w->loop);
	evaluators_watch(on_unfit, w);
	evaluators_set_timeout((unsigned)(o->expression_timeout / USEC_PER_MS));
	w->options = *o;
	w->options.settings.database = o->conninfo;
	w->id = uuid_v4();
	w->woken_tail = &w->woken;
	w->parts_tail = &w->parts;
	w->slot_tail = &w->slot_head;
	list_abilities(w);
	suspected_init(w);
	uuid_format(w->id, w->id_text);
	w->host = (struct host){.loop = &w->loop, .settings = &w->options.settings};
	w->host.worker = w->id;
	w->host.lease = o->lease;
	w->host.may_send = may_send;
	w->host.keeps_children = !worker_has_pool(w);
	w->host.adopt = adopt_child;
	w->host.owner = w;
	w->host.note = o->suspect ? note : NULL;
	w->host.http = http_client_create(&w->loop);
	w->host.sql = sql_steps_create(&w->loop, &w->options.settings, w->id, &w->pace);
	w->journal = journal_create(&w->loop);
	uv_prepare_init(&w->loop, &w->prepare);
	w->prepare.data = w;
	uv_prepare_start(&w->prepare, turn_on_prepare);
	uv_unref((uv_handle_t *)&w->prepare);
	init_timer(w, &w->beat_timer);
	init_timer(w, &w->poll_timer);
	init_timer(w, &w->due_timer);
	init_timer(w, &w->watch_timer);
	init_timer(w, &w->drain_timer);
	init_timer(w, &w->limit_timer);
	init_timer(w, &w->again_timer);
	w->sigterm.data = w->sigint.data = w;
	connect_beat(w);
	*ret = w;
	return true;
}

static void on_limit(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	uv_stop(&w->loop);
}

bool worker_connect(struct worker *w, int64_t timeout, struct error *err)
{
	uv_timer_start(&w->limit_timer, on_limit, (uint64_t)(timeout / USEC_PER_MS), 0);
	while (!w->ready) {
		uv_run(&w->loop, UV_RUN_DEFAULT);
		if (!w->ready && !uv_is_active((uv_handle_t *)&w->limit_timer))
			break;
	}
	uv_timer_stop(&w->limit_timer);
	if (w->ready)
		return true;
	*err = w->end_error;
	if (err->kind == ERROR_NONE)
		error_set(err, ERROR_TRANSIENT, "the database did not answer in time");
	return false;
}

void worker_adopt(struct worker *w, struct uuid run_id)
{
	struct owned_run *o = owned_create(w, run_id);
	o->state = OWNED_DOUBT;
	w->adopted = run_id;
	w->has_adopted = true;
	claim_doubted(w);
}

/* ---- The end ---- */

static void on_forgotten(struct db_batch *b)
{
	struct worker *w = b->ctx;
	db_batch_destroy(b);
	worker_stop(w, w->end);
}

/* Draining is done when nothing is owned and nothing is being read. A worker that failed
 * has no answers to give about events: they stay as they are. */
void worker_check_done(struct worker *w)
{
	bool looks = w->routing || w->attending || w->looks;
	if (!w->draining || w->stopped || w->owned_count || w->loads || w->claiming ||
		w->suspects || w->polling || (looks && w->end != WORKER_FAILED) ||
		w->asking || w->reclaiming)
		return;
	if (!w->control || !db_is_up(w->control)) {
		worker_stop(w, w->end);
		return;
	}
	struct db_batch *b = db_batch_create(on_forgotten, w);
	store_forget_worker(b, w->id, false);
	db_send(w->control, b);
}

static void hand_back(struct owned_run *o)
{
	bool busy = o->run && run_is_busy(o->run);
	if (o->state == OWNED_LIVE && !busy)
		owned_wake(o); /* advance sees that we drain */
}

static void hand_back_all(struct owned_run *o)
{
	if (o->state != OWNED_LIVE)
		return;
	if (run_has_outcome(o->run))
		owned_wake(o); /* it has an outcome to record first */
	else
		owned_hand_back(o);
}

static void on_drain_over(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	if (uv_timer_get_repeat(timer) == 0) { /* effects had their time */
		log_line(LOG_WARNING, "drain timeout: %d effects are left to be resumed",
			w->effects_running);
		owned_each(w, hand_back_all);
		uv_timer_start(timer, on_drain_over, 5000, 5000);
		return;
	}
	worker_stop(w, w->end);
}

static void on_said(struct db_batch *b)
{
	if (b->err.kind != ERROR_NONE)
		log_line(LOG_WARNING, "saying that this worker drains: %s", b->err.text);
	db_batch_destroy(b);
}

static void say_drain(struct worker *w)
{
	if (!w->options.claim || !w->control || !db_is_up(w->control))
		return;
	struct db_batch *b = db_batch_create(on_said, NULL);
	store_drain_worker(b, w->id);
	db_send(w->control, b);
}

void worker_leave(struct worker *w, enum worker_end end)
{
	if (w->draining)
		return;
	w->draining = true;
	w->end = end;
	say_drain(w);
	uv_timer_start(&w->drain_timer, on_drain_over,
		(uint64_t)(w->options.drain_timeout / USEC_PER_MS), 0);
	suspects_drain(w);
	owned_each(w, hand_back);
	worker_check_done(w);
}

static void on_signal(uv_signal_t *signal, int number)
{
	struct worker *w = signal->data;
	(void)number;
	if (w->draining)
		_exit(1);
	worker_leave(w, WORKER_DRAINED);
}

static void on_time_over(uv_timer_t *timer)
{
	worker_leave(timer->data, WORKER_TIMED_OUT);
}

enum worker_end worker_run(struct worker *w, int64_t timeout, struct error *err)
{
	uint64_t beat = (uint64_t)(w->options.heartbeat / USEC_PER_MS);
	w->stopped = false;
	uv_signal_start(&w->sigterm, on_signal, SIGTERM);
	uv_signal_start(&w->sigint, on_signal, SIGINT);
	uv_timer_start(&w->beat_timer, claim_on_beat, beat, beat);
	uv_timer_start(&w->watch_timer, claim_on_watch, 50, WATCH_USEC / USEC_PER_MS);
	if (timeout)
		uv_timer_start(&w->limit_timer, on_time_over,
			(uint64_t)((timeout + 999) / USEC_PER_MS), 0);
	poll_now(w);
	while (!w->stopped)
		uv_run(&w->loop, UV_RUN_DEFAULT);
	if (w->end == WORKER_FAILED && err)
		*err = w->failure;
	return w->end;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void discard(struct owned_run *o)
{
	owned_drop(o);
}

void worker_destroy(struct worker *w)
{
	if (!w)
		return;
	w->stopped = true;
	events_abandon(w);
	owned_each(w, discard);
	while (load_go_on(w, INT64_MAX))
		;
	journal_destroy(w->journal);
	db_destroy(w->beat);
	if (w->control != w->beat)
		db_destroy(w->control);
	for (int i = 0; i < JOURNAL_LANES; i++)
		db_destroy(w->lanes[i]);
	sql_steps_close(w->host.sql);
	http_client_destroy(w->host.http);
	uv_handle_t *own[] = {(uv_handle_t *)&w->prepare, (uv_handle_t *)&w->beat_timer,
		(uv_handle_t *)&w->poll_timer, (uv_handle_t *)&w->due_timer,
		(uv_handle_t *)&w->watch_timer, (uv_handle_t *)&w->drain_timer,
		(uv_handle_t *)&w->limit_timer, (uv_handle_t *)&w->again_timer,
		(uv_handle_t *)&w->sigterm, (uv_handle_t *)&w->sigint};
	for (size_t i = 0; i < sizeof own / sizeof *own; i++)
		close_handle(own[i], NULL);
	suspected_finish(w);
	evaluators_end();
	uv_run(&w->loop, UV_RUN_DEFAULT);
	uv_loop_close(&w->loop);
	suspects_finish(w);
	sql_steps_destroy(w->host.sql);
	definitions_finish(&w->definitions);
	events_finish(w);
	for (size_t i = 0; w->has[i]; i++)
		free(w->has[i]);
	free(w);
}
