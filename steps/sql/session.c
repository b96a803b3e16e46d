/*
 * The connections of `call: sql`, and the transaction of one step: BEGIN, settings, the
 * statement, deferred constraints, back to our role and settings; then, once the result
 * is accepted, COMMIT, and DISCARD ALL. On the journal's database the engine appends the
 * entries of the outcome before that COMMIT (transaction); on another one the COMMIT is
 * the effect. A transaction that failed for a passing reason is repeated: nothing of it
 * happened. After some times the run waits with that. A role's timeouts are set away for
 * the session, anew after each DISCARD ALL: what failed has them until it is rolled back.
 */
#include "call_sql.h"

#include "base/clock.h"
#include "base/log.h"
#include "journal/store.h"
#include "queries.h"
#include "run/transaction.h"
#include "sql/judge.h"
#include "sql/login.h"
#include "sql/refusal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NOT_IDLE_MS 10
#define IDLE (1 * USEC_PER_SEC) /* for so long nobody asks whether a connection lives */
#define PATIENCE (3 * USEC_PER_SEC) /* with one that was idle */
#define ANSWER (30 * USEC_PER_SEC)
#define REPEATS_MAX 5 /* by itself, at short intervals */

struct sql_session {
	struct sql_pool *pool;
	struct db *db;
	char slot[96];
	struct effect *effect; /* whose step it runs, NULL: none */
	struct transaction transaction;
	struct outbox *outbox;   /* being committed */
	char step_id[UUID_TEXT]; /* whose outcome that is */
	unsigned attempt;
	bool clean;          /* DISCARD ALL was answered */
	bool hasty;          /* its role has timeouts */
	int64_t answered_at; /* CLOCK_BOOTTIME */
	bool open; /* the transaction waits for its outcome, on this very connection */
	bool registered, registering; /* of a login: the pool knows it */
	struct signer signer;         /* of its open transaction */
	bool secret; /* the step has secrets: what the database says is not repeated */
	bool full;   /* the output is larger than its limit: the fault says so */
	int64_t rows;
	int repeats;
	bool lost;               /* the connection, while the statement ran: it is not
				    known yet with whom */
	unsigned control_losses; /* as the statement began */
	uv_timer_t pause;
};

/* The sessions of one database, and the effects that wait for one. */
struct sql_pool {
	struct sql_steps *steps;
	char *name;      /* NULL: the journal's */
	char *namespace; /* of the journal's: whose login it is; NULL: the worker's */
	char *conninfo;
	struct error said;            /* why a session did not come up, last */
	struct db_pace pace;          /* unless it is the journal's */
	struct sql_session *sessions; /* opened when first needed */
	int count;
	struct effect **waiting;
	size_t waiting_count;
	struct sql_pool *next;
};

struct sql_steps {
	uv_loop_t *loop;
	const struct settings *settings;
	struct uuid worker;
	struct db_pace *pace; /* of the journal's database */
	struct db *control;   /* the worker's; NULL: not yet needed */
	struct signature_key key;
	struct sql_pool *pools;
	struct sql_refusals refusals;
	uv_timer_t tick;
	int64_t ticked_at, stood_until; /* CLOCK_BOOTTIME; 0: it never stood still */
	bool closing;
};

static void begin(struct sql_session *s);
static void serve(struct sql_pool *p);

static bool is_own(const struct sql_session *s)
{
	return !s->pool->name;
}

static bool is_login(const struct sql_session *s)
{
	return s->pool->namespace != NULL;
}

static size_t output_limit(const struct sql_session *s)
{
	size_t limit = s->pool->steps->settings->body_limit;
	return limit ? limit : (size_t)1 << 20;
}

/* ---- The end of a step ---- */

/* What is not the author's statement is answered in time, or the connection is dead. */
static struct db_batch *make_batch(
	void (*on_done)(struct db_batch *), struct sql_session *s)
{
	struct db_batch *b = db_batch_create(on_done, s);
	b->deadline = ANSWER;
	return b;
}

static void add_calm(struct db_batch *b, const struct sql_session *s)
{
	struct db_params *p = db_batch_add_once(b, sql_calm_session);
	if (is_own(s))
		db_add_null(p);
	else /* a pooler by transaction may be between */
		db_add_int(p, db_backend_pid(s->db));
}

static void add_discard(struct db_batch *b, const struct sql_session *s)
{
	db_batch_add_once(b, sql_discard_session);
	db_batch_end_part(b);
	if (s->hasty)
		add_calm(b, s);
}

/* A session that is not known to be clean is no use to the next step. */
static void on_clean(struct db_batch *b)
{
	struct sql_session *s = b->ctx;
	bool kept = b->err.kind != ERROR_NONE && !b->ambiguous;
	db_batch_destroy(b);
	s->clean = true;
	s->answered_at = clock_boottime();
	if (kept)
		db_reset(s->db);
	if (!s->pool->steps->closing)
		serve(s->pool);
}

static void clean(struct sql_session *s)
{
	struct db_batch *b = make_batch(on_clean, s);
	s->effect = NULL;
	s->outbox = NULL;
	s->open = false;
	s->repeats = 0;
	add_discard(b, s);
	db_send(s->db, b);
}

static void on_ignored(struct db_batch *b)
{
	db_batch_destroy(b);
}

static void roll_back(struct sql_session *s)
{
	struct db_batch *b = make_batch(on_ignored, s);
	db_batch_add_once(b, sql_rollback_step);
	db_send(s->db, b);
}

static void fail(struct sql_session *s)
{
	struct effect *e = s->effect;
	e->state = NULL;
	roll_back(s);
	clean(s);
	effect_fail(e);
}

/* The database's messages repeat values. */
static const char unshown[] =
	"the database's message is not shown, because a parameter is a secret";

static const char *shown_text(const struct sql_session *s, const struct error *err)
{
	return s->secret ? unshown : err->text;
}

/* The run waits, and then begins the same attempt again. */
static void put_off(struct sql_session *s, const char *reason, const char *why)
{
	struct effect *e = s->effect;
	char id[UUID_TEXT];
	uuid_format(e->run_id, id);
	log_line(LOG_WARNING, "run %s, %s: %s (%s)", id, e->path, reason, why);
	e->waits = true;
	free(e->wait_reason);
	e->wait_reason = xasprintf("%s (%s)", reason, why);
	e->state = NULL;
	clean(s);
	effect_succeed(e);
}

/* The session has ended, and so that of others or not: if it was the only one, or if the
 * server ended theirs because a process of it crashed, which was not one of theirs, the
 * statement ended it. Who was told of a crash was none, nor who fell silent later. */
static bool ended_its_session(const struct sql_session *s)
{
	const struct db *control = s->effect->host->control;
	return is_own(s) && control && strcmp(db_last_loss(s->db), "57P02") != 0 &&
	       (db_losses(control) == s->control_losses ||
		       (strcmp(db_last_loss(control), "57P02") == 0 &&
			       sql_judge_is_crash(
				       s->db, control, s->pool->steps->stood_until)));
}

static void judge_loss(struct sql_session *s)
{
	s->lost = false;
	if (!ended_its_session(s)) {
		begin(s);
		return;
	}
	s->effect->ended_session = true;
	put_off(s, "its transaction is repeated: it ended the session it ran in",
		"the connection was lost");
}

static void on_pause_over(uv_timer_t *timer)
{
	struct sql_session *s = timer->data;
	if (s->effect && s->lost)
		judge_loss(s);
	else if (s->effect)
		begin(s);
}

/* The same again: the transaction is known to be undone. */
static void repeat(struct sql_session *s, const struct db_batch *b)
{
	unsigned limit = 20u << (s->repeats < 8 ? s->repeats : 8);
	s->lost = b->ambiguous;
	if (s->repeats++ >= REPEATS_MAX) {
		put_off(s, sql_judge_reason(&b->err), shown_text(s, &b->err));
		return;
	}
	uv_timer_start(&s->pause, on_pause_over,
		s->lost ? SQL_AFTERMATH_MS : 5 + random_u64() % limit, 0);
}

static void set_fault(
	const struct sql_session *s, const struct error *err, struct fault *f)
{
	bool late = strcmp(err->sqlstate, "57014") == 0;
	snprintf(f->title, sizeof f->title, "SQL error %s", err->sqlstate);
	fault_set(f, late ? PROBLEM_TIMEOUT : PROBLEM_RUNTIME, "%.800s",
		shown_text(s, err));
}

/* ---- The commit together with the outcome ---- */

/* The attempt is begun anew with the run that is read again, and then has its fault. */
static void keep_fault(struct sql_session *s, const struct error *err)
{
	struct fault fault = {0};
	set_fault(s, err, &fault);
	sql_refusals_keep(&s->pool->steps->refusals, s->step_id, s->attempt, &fault);
}

static void on_committed(struct db_batch *b)
{
	struct sql_session *s = b->ctx;
	struct outbox *outbox = s->outbox;
	struct error err = b->err;
	enum outbox_end end = sql_judge_end(b, is_login(s));
	bool refused = sql_judge_is_refused(b);
	db_batch_destroy(b);
	if (s->pool->steps->closing)
		return;
	if (end != OUTBOX_DURABLE)
		roll_back(s);
	if (refused)
		keep_fault(s, &err);
	if (s->secret)
		snprintf(err.text, sizeof err.text, "%s", unshown);
	clean(s);
	if (is_login(s) && strcmp(err.sqlstate, "28000") == 0)
		db_reset(s->db); /* it takes the newest key */
	outbox_answer(outbox, end, refused ? NULL : &err);
}

static void transaction_commit(struct transaction *c, struct outbox *outbox)
{
	struct sql_session *s = c->owner;
	struct entry *entries[16];
	size_t n = 0;
	if (!s->open) { /* on another connection the outcome would commit without its step
			 */
		struct error err;
		error_set(&err, ERROR_TRANSIENT, "the connection was lost");
		clean(s);
		outbox_answer(outbox, OUTBOX_AMBIGUOUS, &err);
		return;
	}
	struct db_batch *b = make_batch(on_committed, s);
	for (struct entry *e = outbox->sent; e && n < 16; e = e->next)
		entries[n++] = e;
	s->outbox = outbox;
	s->effect = NULL;
	s->open = false;
	if (is_login(s)) {
		store_append_step(b, entries, n, &s->pool->steps->key, &s->signer);
	} else {
		store_check_owner(b, entries[0]->run_id, entries[0]->seq - 1,
			s->pool->steps->worker);
		store_append(b, entries, n);
	}
	db_batch_add_once(b, sql_commit_step);
	db_send(s->db, b);
}

static void transaction_roll_back(struct transaction *c)
{
	struct sql_session *s = c->owner;
	roll_back(s);
	clean(s);
}

/* ---- The statement ---- */

static void on_executed(struct db_batch *b);

static void copy_params(struct db_params *to, const struct db_params *from)
{
	*to = *from;
	to->data = (struct buf){0};
	buf_add(&to->data, from->data.data, from->data.len);
}

static void on_alive(struct db_batch *b)
{
	struct sql_session *s = b->ctx;
	s->answered_at = clock_boottime();
	db_batch_destroy(b);
	if (s->effect && !s->pool->steps->closing)
		begin(s);
}

static bool on_row(void *ctx, const struct db_result *r, int row)
{
	struct sql_session *s = ctx;
	if (!s->effect)
		return false;
	const struct sql_request *request =
		(const struct sql_request *)s->effect->request;
	s->full = !sql_add_row(
		request->call, r, row, s->rows++, output_limit(s), s->effect);
	return !s->full;
}

/* A statement may take as long as it likes, so whoever was idle is asked first: something
 * on the way may have forgotten the connection. */
static bool asks_first(struct sql_session *s)
{
	if (clock_boottime() - s->answered_at < IDLE)
		return false;
	struct db_batch *b = db_batch_create(on_alive, s);
	b->deadline = PATIENCE;
	add_discard(b, s);
	db_send(s->db, b);
	return true;
}

static void begin(struct sql_session *s)
{
	if (!db_is_idle(s->db)) { /* what is only queued could not be taken back */
		uv_timer_start(&s->pause, on_pause_over, NOT_IDLE_MS, 0);
		return;
	}
	if (asks_first(s))
		return;
	struct sql_request *r = (struct sql_request *)s->effect->request;
	s->effect->sent = false;
	buf_clear(&s->effect->output);
	s->rows = 0;
	s->full = s->lost = false;
	if (s->effect->host->control)
		s->control_losses = db_losses(s->effect->host->control);
	s->secret = s->effect->task->secrets.n > 0;
	const struct settings *settings = s->pool->steps->settings;
	struct db_batch *b = db_batch_create(on_executed, s);
	db_batch_add_once(b, sql_begin_step);
	struct db_params *p = db_batch_add_once(b, sql_prepare_step);
	bool has_role = settings->sql_role && is_own(s) && !is_login(s);
	db_add_text(p, has_role ? settings->sql_role : "");
	db_add_text(p, "0");
	db_add_text(p, "10000");
	db_add_bool(p, is_login(s));
	copy_params(db_batch_add_once(b, r->call->statement), &r->params);
	b->statements[AT_STATEMENT].on_row = on_row;
	db_batch_add_once(b, sql_check_constraints);
	db_batch_add_once(b, sql_close_cursors);
	db_batch_add_once(b, sql_reset_settings);
	db_batch_add_once(b, sql_leave_role);
	db_send(s->db, b);
}

/* What the statement left behind; false: the fault is set. */
static bool check_end(struct sql_session *s, const struct db_batch *b)
{
	struct fault *f = effect_fault(s->effect);
	const struct db_result *before = b->statements[AT_PREPARE].result,
			       *after = b->statements[AT_LEAVE].result;
	if (strcmp(db_text(before, 0, 0), db_text(after, 0, 0)) != 0 ||
		(is_login(s) && strcmp(db_text(before, 0, 2), db_text(after, 0, 4)) != 0))
		return fault_set(f, PROBLEM_RUNTIME,
			"the statement ended the transaction it ran in");
	if (strcmp(db_text(before, 0, 1), db_text(after, 0, 1)) != 0)
		return fault_set(f, PROBLEM_RUNTIME,
			"the statement made its session that of another user; nothing "
			"was written");
	if (is_own(s) && !db_bool(after, 0, 3))
		return fault_set(f, PROBLEM_RUNTIME,
			"the statement made its transaction read only, so that its "
			"outcome cannot be written; nothing was written");
	s->transaction.settled = !db_bool(after, 0, 2);
	sql_login_read_signer(before, s->pool->steps->worker, &s->signer);
	return true;
}

/* The result becomes the output; false: the fault is set. */
static bool take_output(struct sql_session *s, const struct db_batch *b)
{
	struct effect *e = s->effect;
	const struct sql_request *r = (const struct sql_request *)e->request;
	return check_end(s, b) &&
	       sql_end_output(
		       r->call, b->statements[AT_STATEMENT].result, output_limit(s), e);
}

/* An answer that was lost says nothing about the COMMIT of another database. */
static void on_failed(struct sql_session *s, const struct db_batch *b)
{
	struct effect *e = s->effect;
	bool unknown = e->sent && b->ambiguous;
	if (s->full) { /* the fault is set, and the transaction went with its session */
		fail(s);
		return;
	}
	if (!sql_judge_is_fault(b, b->count == 1) && !unknown) {
		if (!b->ambiguous)
			roll_back(s);
		repeat(s, b);
		return;
	}
	set_fault(s, &b->err, effect_fault(e));
	if (unknown) {
		fault_set(effect_fault(e), PROBLEM_COMMUNICATION, "%.800s",
			shown_text(s, &b->err));
		effect_fault(e)->uncertain = true;
	}
	fail(s);
}

static void on_stopped(struct sql_session *s)
{
	if (s->pool->steps->closing || s->clean)
		return;
	roll_back(s);
	clean(s);
}

static void on_other_committed(struct db_batch *b)
{
	struct sql_session *s = b->ctx;
	struct effect *e = s->effect;
	if (!e) {
		on_stopped(s);
	} else if (b->err.kind != ERROR_NONE) {
		on_failed(s, b);
	} else if (strcmp(db_command_tag(b->statements[0].result), "COMMIT") != 0) {
		repeat(s, b); /* it was undone */
	} else {
		e->state = NULL;
		clean(s);
		effect_succeed(e);
	}
	db_batch_destroy(b);
}

static void commit_other(struct sql_session *s)
{
	struct db_batch *b = make_batch(on_other_committed, s);
	db_batch_add_once(b, sql_commit_step);
	s->effect->sent = true;
	db_send(s->db, b);
}

static void on_executed(struct db_batch *b)
{
	struct sql_session *s = b->ctx;
	struct effect *e = s->effect;
	if (!e) {
		on_stopped(s);
	} else if (b->err.kind != ERROR_NONE) {
		on_failed(s, b);
	} else if (!take_output(s, b)) {
		fail(s);
	} else if (is_own(s)) {
		s->open = true;
		snprintf(s->step_id, sizeof s->step_id, "%s", e->step_id);
		s->attempt = e->attempt;
		e->transaction = &s->transaction; /* the engine appends and commits */
		e->state = NULL;
		effect_succeed(e);
	} else {
		commit_other(s);
	}
	db_batch_destroy(b);
}

/* ---- Sessions ---- */

static struct db_batch *setup(void *ctx, struct db *db)
{
	struct sql_session *s = ctx;
	if (is_login(s)) /* what it begins with, its startup packet has set */
		return NULL;
	struct db_batch *b = make_batch(NULL, s);
	add_calm(b, s);
	if (!is_own(s))
		return b;
	db_batch_end_part(b);
	db_batch_add_once(b, sql_begin_step);
	db_batch_add_once(b, sql_set_path);
	store_end_session(b, s->pool->steps->worker, s->slot);
	store_register_session(b, s->pool->steps->worker, s->slot, db_backend_pid(db));
	db_batch_add_once(b, sql_commit_step);
	return b;
}

static void on_setup(void *ctx, const struct db_batch *b)
{
	struct sql_session *s = ctx;
	s->hasty = db_rows(b->statements[0].result) > 0;
}

/* Nobody who waits for such a session gets one. */
static void refuse_waiting(struct sql_pool *p, const struct error *err)
{
	struct sql_steps *steps = p->steps;
	while (p->waiting_count) {
		struct effect *e = p->waiting[--p->waiting_count];
		fault_set(effect_fault(e), PROBLEM_CONFIGURATION,
			"the login of namespace \"%s\" cannot be used: %.600s",
			p->namespace, err->text);
		sql_refusals_tell(&steps->refusals, steps->loop, e);
	}
}

static void on_registered(struct db_batch *b)
{
	struct sql_session *s = b->ctx;
	struct sql_pool *p = s->pool;
	struct error err = {0};
	s->registering = false;
	s->registered = sql_login_read_key(b, &p->steps->key, &err);
	db_batch_destroy(b);
	if (p->steps->closing)
		return;
	if (s->registered)
		serve(p);
	else if (err.kind == ERROR_TRANSIENT)
		db_reset(s->db);
	else
		refuse_waiting(p, &err);
}

/* By the worker's own connection: the login may not. */
static void register_login(struct sql_session *s)
{
	struct db_batch *b = db_batch_create(on_registered, s);
	s->registering = true;
	store_register_login(b, s->pool->steps->worker, s->slot, db_backend_pid(s->db));
	db_send(s->pool->steps->control, b);
}

static void say_down(struct sql_pool *p, const struct error *err)
{
	if (!err || strcmp(p->said.text, err->text) == 0)
		return;
	p->said = *err;
	log_line(LOG_WARNING, "sql login of namespace %s: %s", p->namespace, err->text);
}

static void on_state(void *ctx, struct db *db, bool up, const struct error *err)
{
	struct sql_session *s = ctx;
	(void)db;
	if (up) {
		s->answered_at = clock_boottime();
		serve(s->pool);
		return;
	}
	s->open = s->registered = false;
	if (is_login(s))
		say_down(s->pool, err);
}

static void open_session(struct sql_session *s)
{
	struct db_options o = {.conninfo = s->pool->conninfo,
		.name = "stepwell sql",
		.setup = setup,
		.on_setup = on_setup,
		.on_state = on_state,
		.ctx = s,
		.turn = 4,
		.pace = is_own(s) && !is_login(s) ? s->pool->steps->pace : &s->pool->pace,
		.startup = is_login(s) ? sql_login_startup : NULL,
		.piece_max = sql_judge_piece_max(output_limit(s)),
		.unprepared = true};
	s->clean = true;
	s->db = db_create(s->pool->steps->loop, &o);
}

/* Gives free sessions to waiting effects, and opens one more while there are too few. */
static void serve(struct sql_pool *p)
{
	for (int i = 0; i < p->count && p->waiting_count; i++) {
		struct sql_session *s = &p->sessions[i];
		if (!s->db) {
			open_session(s);
			break;
		}
		if (s->effect || !s->clean || s->outbox || !db_is_up(s->db))
			continue;
		if (is_login(s) && !s->registered) {
			if (!s->registering)
				register_login(s);
			continue;
		}
		struct effect *e = p->waiting[0];
		memmove(p->waiting, p->waiting + 1,
			--p->waiting_count * sizeof(struct effect *));
		s->effect = e;
		s->clean = false;
		e->state = s;
		begin(s);
	}
}

static bool is_of(const struct sql_pool *p, const struct sql_call *call)
{
	if (call->database)
		return p->name && strcmp(p->name, call->database) == 0;
	return !p->name && (!p->namespace || strcmp(p->namespace, call->namespace) == 0);
}

/* Logins come first: who has one uses nothing else. */
static struct sql_pool *find_pool(struct sql_steps *steps, const struct sql_call *call)
{
	struct sql_pool *p = steps->pools;
	while (p && !is_of(p, call))
		p = p->next;
	return p;
}

void sql_session_start(struct effect *e)
{
	const struct sql_request *r = (const struct sql_request *)e->request;
	struct sql_steps *steps = e->host->sql;
	struct sql_pool *p = find_pool(steps, r->call);
	steps->control = e->host->control;
	if (!p) /* a worker without it does not claim such runs, but one may be adopted */
		fault_set(effect_fault(e), PROBLEM_CONFIGURATION,
			"this worker has no database \"%s\": give it --database "
			"%s=CONNINFO",
			r->call->database, r->call->database);
	if (!p || sql_refusals_take(&steps->refusals, e)) {
		sql_refusals_tell(&steps->refusals, steps->loop, e);
		return;
	}
	p->waiting =
		xrealloc(p->waiting, (p->waiting_count + 1) * sizeof(struct effect *));
	p->waiting[p->waiting_count++] = e;
	serve(p);
}

void sql_session_stop(struct effect *e)
{
	struct sql_session *s = e->state;
	sql_refusals_stop(&e->host->sql->refusals, e);
	for (struct sql_pool *p = e->host->sql->pools; p; p = p->next) {
		for (size_t i = 0; i < p->waiting_count; i++) {
			if (p->waiting[i] != e)
				continue;
			memmove(p->waiting + i, p->waiting + i + 1,
				(--p->waiting_count - i) * sizeof(struct effect *));
			return;
		}
	}
	if (!s)
		return;
	s->effect = NULL; /* what its backend still does, it does not commit */
	uv_timer_stop(&s->pause);
	s->clean = true;
	db_reset(s->db);
}

/* ---- Life ---- */

static void add_pool(struct sql_steps *steps, char *name, char *namespace, char *conninfo)
{
	struct sql_pool *p = xcalloc(1, sizeof *p);
	p->steps = steps;
	p->name = name;
	p->namespace = namespace;
	p->conninfo = conninfo;
	p->count = steps->settings->sql_connections > 0 ? steps->settings->sql_connections
							: 4;
	p->sessions = xcalloc((size_t)p->count, sizeof *p->sessions);
	for (int i = 0; i < p->count; i++) {
		struct sql_session *s = &p->sessions[i];
		s->pool = p;
		if (namespace)
			snprintf(s->slot, sizeof s->slot, "sql%d %.70s", i, namespace);
		else
			snprintf(s->slot, sizeof s->slot, "sql%d", i);
		s->transaction = (struct transaction){.commit = transaction_commit,
			.roll_back = transaction_roll_back,
			.owner = s,
			.sole = namespace != NULL};
		uv_timer_init(steps->loop, &s->pause);
		s->pause.data = s;
	}
	p->next = steps->pools;
	steps->pools = p;
}

static void on_tick(uv_timer_t *timer)
{
	struct sql_steps *s = timer->data;
	int64_t now = clock_boottime();
	if (now - s->ticked_at > 3 * USEC_PER_SEC)
		s->stood_until = now;
	s->ticked_at = now;
}

struct sql_steps *sql_steps_create(uv_loop_t *loop, const struct settings *settings,
	struct uuid worker, struct db_pace *pace)
{
	struct sql_steps *s = xcalloc(1, sizeof *s);
	*s = (struct sql_steps){.loop = loop, .settings = settings, .worker = worker};
	s->pace = pace;
	s->ticked_at = clock_boottime();
	uv_timer_init(loop, &s->tick);
	s->tick.data = s;
	uv_timer_start(&s->tick, on_tick, 1000, 1000);
	uv_unref((uv_handle_t *)&s->tick);
	add_pool(s, NULL, NULL, xstrdup(settings->database));
	for (char **d = settings->databases; d && *d; d++) {
		const char *equals = strchr(*d, '=');
		if (equals)
			add_pool(s, xstrndup(*d, (size_t)(equals - *d)), NULL,
				xstrdup(equals + 1));
	}
	for (char **l = settings->sql_logins; l && *l; l++) {
		size_t n = strcspn(*l, "=");
		add_pool(s, NULL, xstrndup(*l, n), xstrdup(*l + n + 1));
	}
	return s;
}

void sql_steps_close(struct sql_steps *s)
{
	s->closing = true;
	uv_close((uv_handle_t *)&s->tick, NULL);
	for (struct sql_pool *p = s->pools; p; p = p->next) {
		for (int i = 0; i < p->count; i++) {
			db_destroy(p->sessions[i].db);
			uv_close((uv_handle_t *)&p->sessions[i].pause, NULL);
		}
	}
}

void sql_steps_destroy(struct sql_steps *s)
{
	while (s && s->pools) {
		struct sql_pool *p = s->pools;
		s->pools = p->next;
		free(p->name);
		free(p->namespace);
		free(p->conninfo);
		free(p->sessions);
		free(p->waiting);
		free(p);
	}
	if (s)
		sql_refusals_finish(&s->refusals);
	free(s);
}
