/*
 * One connection on the loop: it connects, runs its setup, sends one batch at a time in
 * pipeline mode, and connects anew when it is lost. libpq may change its socket while it
 * connects, so the poll handle is replaced whenever PQsocket differs.
 *
 * A batch that was sent and not answered is ambiguous; one that was only queued stays
 * queued.
 */
#include "db/db.h"

#include "db/libpq.h"

#include "base/bounds.h"
#include "base/clock.h"
#include "db/stream.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

enum db_state {
	DB_RESTING, /* until the next attempt to connect */
	DB_CONNECTING,
	DB_SETTING_UP, /* its setup batch is under way */
	DB_READY,
	DB_CLOSED, /* destroyed; freed when the timer's close callback comes */
};

#define REST_MAX_MS 1000u
#define REST_FIRST_MS 50u

struct db {
	struct db_options options;
	uv_loop_t *loop;
	enum db_state state;
	PGconn *conn;
	uv_poll_t *poll;
	int poll_socket;
	uv_timer_t timer; /* rest, or the deadline of connecting or of a batch */
	unsigned failures;
	struct db_pace own_pace, *pace;
	unsigned passed_over;          /* turns that others had while it waited for one */
	struct db_batch *head, **tail; /* queued */
	struct db_batch *current;      /* in flight */
	struct db_stream *stream;      /* on which it is streamed, NULL: in a pipeline */
	int64_t moved_at;  /* CLOCK_BOOTTIME: the last time that bytes of it moved */
	int64_t size_time; /* what an answer may take for its size */
	int *expected;     /* per answer: a statement's index, or -1 - index for its
			      preparation */
	int expected_count, expected_at;
	int parts;       /* of the batch, that are not answered */
	bool got_result; /* for the answer expected_at */
	bool doubt;      /* the server said that a commit may not be replicated */
	bool crash;      /* ... that another of its processes has crashed */
	bool enough;     /* no more rows are wanted */
	size_t arrived;  /* bytes since the last row, result or message was whole */
	unsigned losses;
	char last_loss[6];
	int64_t lost_at, told_at; /* CLOCK_BOOTTIME; of a crash */
	const char **prepared;
	size_t prepared_count;
};

static void on_poll(uv_poll_t *poll, int status, int events);
static void on_timer(uv_timer_t *timer);
static void send_next(struct db *db);

struct db_batch *db_batch_create(void (*on_done)(struct db_batch *), void *ctx)
{
	struct db_batch *b = xcalloc(1, sizeof *b);
	b->on_done = on_done;
	b->ctx = ctx;
	return b;
}

void db_batch_destroy(struct db_batch *b)
{
	if (!b)
		return;
	for (int i = 0; i < b->count; i++) {
		db_params_finish(&b->statements[i].params);
		db_result_destroy(b->statements[i].result);
	}
	if (b->copy) {
		buf_finish(&b->copy->text);
		free(b->copy->pieces);
		free(b->copy);
	}
	free(b->statements);
	free(b);
}

struct db_params *db_batch_add(struct db_batch *b, const char *sql)
{
	if (b->count == b->capacity) {
		b->capacity = b->capacity ? b->capacity * 2 : 4;
		b->statements = xrealloc(
			b->statements, (size_t)b->capacity * sizeof *b->statements);
	}
	struct db_statement *s = &b->statements[b->count++];
	*s = (struct db_statement){.sql = sql};
	return &s->params;
}

struct db_params *db_batch_add_once(struct db_batch *b, const char *sql)
{
	struct db_params *p = db_batch_add(b, sql);
	b->statements[b->count - 1].once = true;
	return p;
}

void db_batch_end_part(struct db_batch *b)
{
	b->statements[b->count - 1].ends = true;
}

struct db_copy *db_batch_add_copy(struct db_batch *b, const char *sql)
{
	static const char header[] = "PGCOPY\n\377\r\n\0\0\0\0\0\0\0\0";
	assert(!b->copy);
	db_batch_add_once(b, sql);
	b->copy = xcalloc(1, sizeof *b->copy);
	db_copy_add(b->copy, header, sizeof header);
	return b->copy;
}

/* ---- Handles ---- */

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static void close_poll(struct db *db)
{
	if (db->poll)
		uv_close((uv_handle_t *)db->poll, on_poll_closed);
	db->poll = NULL;
}

static void watch(struct db *db, int events)
{
	int socket = PQsocket(db->conn), rc = 0;
	if (db->poll && db->poll_socket != socket)
		close_poll(db);
	if (!db->poll) {
		db->poll = xcalloc(1, sizeof *db->poll);
		db->poll->data = db;
		db->poll_socket = socket;
		rc = uv_poll_init(db->loop, db->poll, socket);
	}
	if (rc == 0)
		rc = uv_poll_start(db->poll, events, on_poll);
	assert(rc == 0); /* it fails for want of memory only */
}

static void set_timer(struct db *db, int64_t usec)
{
	uv_timer_start(&db->timer, on_timer, (uint64_t)(usec / USEC_PER_MS), 0);
}

static void finish_connection(struct db *db)
{
	close_poll(db);
	uv_timer_stop(&db->timer);
	db_stream_destroy(db->stream);
	db->stream = NULL;
	PQfinish(db->conn);
	db->conn = NULL;
	db->arrived = 0;
	free(db->prepared);
	db->prepared = NULL;
	db->prepared_count = 0;
	free(db->expected);
	db->expected = NULL;
	db->expected_count = 0;
}

/* ---- Losing and finding the server ---- */

static void rest(struct db *db)
{
	unsigned limit = REST_FIRST_MS << (db->failures < 5 ? db->failures : 5);
	limit = limit > REST_MAX_MS ? REST_MAX_MS : limit;
	db->failures++;
	db->state = DB_RESTING;
	/* Full jitter; never at once, so that a refusing server is not asked in a loop.
	 */
	set_timer(db, (int64_t)(10 + random_u64() % limit) * USEC_PER_MS);
}

static void lose(struct db *db, const struct error *err)
{
	struct db_batch *b = db->current;
	bool in_setup = db->state == DB_SETTING_UP;
	if (in_setup || db->state == DB_CONNECTING)
		db_pace_failed(db->pace);
	db->current = NULL;
	if (db->state == DB_READY) {
		db->losses++;
		memcpy(db->last_loss, err->sqlstate, sizeof db->last_loss);
		db->lost_at = clock_boottime();
	}
	finish_connection(db);
	rest(db);
	if (b && !in_setup) {
		b->err = *err;
		b->ambiguous = true;
		b->on_done(b);
	} else {
		db_batch_destroy(b);
	}
	if (db->state != DB_CLOSED && db->options.on_state)
		db->options.on_state(db->options.ctx, db, false, err);
}

static void lose_by_libpq(struct db *db)
{
	struct error err = {0};
	db_error_from_connection(db->conn, &err);
	if (db->crash)
		memcpy(err.sqlstate, "57P02", 6);
	lose(db, &err);
}

static void on_notice(void *arg, const PGresult *result)
{
	struct db *db = arg;
	db->arrived = 0;
	db->doubt |= db_notice_is_doubt(result);
	if (db_notice_is_crash(result)) {
		db->crash = true;
		db->told_at = clock_boottime();
	}
}

static void add_startup(const char *options, const char *keywords[DB_CONNECT_PARAMS],
	const char *values[DB_CONNECT_PARAMS])
{
	int n = 0;
	while (keywords[n])
		n++;
	assert(n + 1 < DB_CONNECT_PARAMS);
	keywords[n] = options ? "options" : NULL;
	values[n] = options;
	keywords[n + 1] = NULL;
}

static void begin_connecting(struct db *db)
{
	const char *keywords[DB_CONNECT_PARAMS], *values[DB_CONNECT_PARAMS];
	db_connect_params(db->options.conninfo, db->options.name, keywords, values);
	add_startup(db->options.startup, keywords, values);
	db_pace_begin(db->pace);
	db->state = DB_CONNECTING;
	db->crash = false;
	db->conn = PQconnectStartParams(keywords, values, 1);
	if (!db->conn || PQstatus(db->conn) == CONNECTION_BAD) {
		lose_by_libpq(db);
		return;
	}
	PQsetNoticeReceiver(db->conn, on_notice, db);
	set_timer(db, 15 * USEC_PER_SEC);
	watch(db, UV_WRITABLE);
}

static void on_up(struct db *db)
{
	db->state = DB_READY;
	db->failures = 0;
	db_pace_succeeded(db->pace);
	if (db->options.on_state)
		db->options.on_state(db->options.ctx, db, true, NULL);
	if (db->state == DB_READY)
		send_next(db);
}

static void transmit(struct db *db, struct db_batch *b);

static void on_connected(struct db *db)
{
	uv_timer_stop(&db->timer);
	if (PQsetnonblocking(db->conn, 1) != 0 || !PQenterPipelineMode(db->conn)) {
		lose_by_libpq(db);
		return;
	}
	watch(db, UV_READABLE);
	struct db_batch *setup =
		db->options.setup ? db->options.setup(db->options.ctx, db) : NULL;
	db->state = DB_SETTING_UP;
	if (setup)
		transmit(db, setup);
	else
		on_up(db);
}

static void poll_connecting(struct db *db)
{
	switch (PQconnectPoll(db->conn)) {
	case PGRES_POLLING_READING: watch(db, UV_READABLE); break;
	case PGRES_POLLING_WRITING: watch(db, UV_WRITABLE); break;
	case PGRES_POLLING_OK: on_connected(db); break;
	case PGRES_POLLING_FAILED:
	case PGRES_POLLING_ACTIVE: lose_by_libpq(db); break;
	}
}

/* Milliseconds behind the pace. Those needed first go first, unless others were passed
 * over so often that they would never connect while the first ones are refused. */
static unsigned turn_of(const struct db *db)
{
	unsigned turn = db->options.turn, passed = db->passed_over;
	if (passed > turn)
		return random_u64() % 5;
	return 50 * (turn - passed) + random_u64() % 50;
}

/* Who comes too early waits for its turn. */
static void on_rested(struct db *db)
{
	int64_t left = db_pace_left(db->pace);
	if (left > 0) {
		set_timer(db, left + (int64_t)turn_of(db) * USEC_PER_MS);
		db->passed_over++;
	} else {
		db->passed_over = 0;
		begin_connecting(db);
	}
}

static int64_t deadline_of(const struct db *db)
{
	const struct db_batch *b = db->current;
	return b && b->deadline ? b->deadline : db->options.deadline;
}

/* Whether bytes have moved since the deadline was set; then it is set anew. */
static bool has_moved(struct db *db)
{
	int64_t left = db_moves_until(db) + deadline_of(db) - clock_boottime();
	if (!db->current || left < USEC_PER_MS)
		return false;
	set_timer(db, left);
	return true;
}

static void on_timer(uv_timer_t *timer)
{
	struct db *db = timer->data;
	struct error err = {0};
	if (db->state == DB_RESTING) {
		on_rested(db);
		return;
	}
	if (has_moved(db))
		return;
	error_set(&err, ERROR_TRANSIENT,
		db->state == DB_CONNECTING
			? "the database did not accept the connection in time"
			: "the database did not answer in time");
	lose(db, &err);
}

/* ---- Sending ---- */

static bool is_prepared(const struct db *db, const char *sql)
{
	for (size_t i = 0; i < db->prepared_count; i++) {
		if (db->prepared[i] == sql)
			return true;
	}
	return false;
}

static void remember_prepared(struct db *db, const char *sql)
{
	if (is_prepared(db, sql))
		return;
	db->prepared =
		xrealloc(db->prepared, (db->prepared_count + 1) * sizeof *db->prepared);
	db->prepared[db->prepared_count++] = sql;
}

static bool send_statement(struct db *db, const struct db_statement *s, int index)
{
	const char *values[DB_PARAMS_MAX];
	const struct db_params *p = &s->params;
	char name[32];
	db_params_values(p, values);
	if (s->once || db->options.unprepared) {
		db->expected[db->expected_count++] = index;
		return PQsendQueryParams(db->conn, s->sql, p->count, NULL, values,
			p->lengths, p->formats, 0);
	}
	snprintf(name, sizeof name, "s%p", (const void *)s->sql);
	if (!is_prepared(db, s->sql)) {
		bool earlier = false; /* in this same batch */
		for (int i = 0; i < index; i++)
			earlier |= db->current->statements[i].sql == s->sql;
		if (!earlier) {
			db->expected[db->expected_count++] = -1 - index;
			if (!PQsendPrepare(db->conn, name, s->sql, 0, NULL))
				return false;
		}
	}
	db->expected[db->expected_count++] = index;
	return PQsendQueryPrepared(
		db->conn, name, p->count, values, p->lengths, p->formats, 0);
}

static void flush(struct db *db)
{
	int left = PQflush(db->conn);
	if (left < 0)
		lose_by_libpq(db);
	else
		watch(db, left ? UV_READABLE | UV_WRITABLE : UV_READABLE);
}

static size_t batch_bytes(const struct db_batch *b)
{
	size_t n = b->copy ? b->copy->bytes : 0;
	for (int i = 0; i < b->count; i++)
		n += b->statements[i].params.data.len;
	return n;
}

static void end_batch(struct db *db);

static void turn_stream(struct db *db)
{
	switch (db_stream_turn(db->stream)) {
	case STREAM_GOES_ON:
		watch(db, db_stream_is_writing(db->stream) ? UV_READABLE | UV_WRITABLE
							   : UV_READABLE);
		break;
	case STREAM_DONE:
		db_stream_destroy(db->stream);
		db->stream = NULL;
		watch(db, UV_READABLE);
		end_batch(db);
		break;
	case STREAM_LOST: lose_by_libpq(db); break;
	}
}

static void transmit_stream(struct db *db, struct db_batch *b)
{
	db->doubt = false;
	db->stream = db_stream_create(db->conn, b);
	if (!db->stream) {
		lose_by_libpq(db);
		return;
	}
	if (deadline_of(db))
		set_timer(db, deadline_of(db) + db->size_time);
	turn_stream(db);
}

/* Of the statement whose answer comes next; libpq is to be told before that. */
static void ask_for_rows(struct db *db)
{
	int what =
		db->expected_at < db->expected_count ? db->expected[db->expected_at] : -1;
	if (what >= 0 && db->current->statements[what].on_row)
		(void)PQsetSingleRowMode(db->conn);
}

static void transmit(struct db *db, struct db_batch *b)
{
	bool ok = true;
	db->current = b;
	db->moved_at = clock_boottime();
	db->size_time = bound_time(batch_bytes(b));
	b->err = (struct error){0};
	b->failed = -1;
	if (b->copy) {
		transmit_stream(db, b);
		return;
	}
	db->expected = xrealloc(db->expected, (size_t)(2 * b->count + 1) * sizeof(int));
	db->expected_count = db->expected_at = 0;
	db->got_result = db->doubt = db->enough = false;
	db->parts = 1;
	for (int i = 0; ok && i < b->count; i++) {
		ok = send_statement(db, &b->statements[i], i);
		if (ok && b->statements[i].ends && i + 1 < b->count) {
			ok = PQpipelineSync(db->conn);
			db->parts++;
		}
	}
	if (!ok || !PQpipelineSync(db->conn)) {
		lose_by_libpq(db);
		return;
	}
	ask_for_rows(db);
	if (deadline_of(db))
		set_timer(db, deadline_of(db) + db->size_time);
	flush(db);
}

static void send_next(struct db *db)
{
	struct db_batch *b = db->head;
	if (db->state != DB_READY || db->current || !b)
		return;
	db->head = b->next;
	if (!db->head)
		db->tail = &db->head;
	b->next = NULL;
	transmit(db, b);
}

void db_send(struct db *db, struct db_batch *batch)
{
	batch->next = NULL;
	*db->tail = batch;
	db->tail = &batch->next;
	send_next(db);
}

/* ---- Receiving ---- */

static void take_rows(struct db *db, const struct db_statement *s, PGresult *result)
{
	const struct db_result rows = {result};
	for (int row = 0; row < PQntuples(result) && !db->enough; row++)
		db->enough = !s->on_row(db->current->ctx, &rows, row);
}

static void take_result(struct db *db, PGresult *result)
{
	struct db_batch *b = db->current;
	ExecStatusType status = PQresultStatus(result);
	int what =
		db->expected_at < db->expected_count ? db->expected[db->expected_at] : 0;
	db->arrived = 0;
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	db->got_result = true;
	if (what >= 0 && b->statements[what].on_row)
		take_rows(db, &b->statements[what], result);
	if (status == PGRES_SINGLE_TUPLE) {
		PQclear(result);
		return;
	}
	if (!good && status != PGRES_PIPELINE_ABORTED && b->err.kind == ERROR_NONE) {
		db_error_from_result(result, &b->err);
		b->failed = what < 0 ? -1 - what : what;
	}
	if (good && what < 0)
		remember_prepared(db, b->statements[-1 - what].sql);
	if (good && what >= 0 && !b->statements[what].result)
		b->statements[what].result = db_result_create(result);
	else
		PQclear(result);
}

static void end_batch(struct db *db)
{
	struct db_batch *b = db->current;
	bool read_only = strcmp(b->err.sqlstate, "25006") == 0;
	db->current = NULL;
	uv_timer_stop(&db->timer);
	if (db->doubt && b->err.kind == ERROR_NONE) {
		error_set(&b->err, ERROR_TRANSIENT,
			"a commit may not have been replicated");
		b->ambiguous = true;
	}
	if (db->state == DB_SETTING_UP) {
		struct error err = b->err;
		if (err.kind == ERROR_NONE && db->options.on_setup)
			db->options.on_setup(db->options.ctx, b);
		db_batch_destroy(b);
		if (err.kind == ERROR_NONE)
			on_up(db);
		else
			lose(db, &err);
		return;
	}
	b->on_done(b);
	if (read_only && db->state == DB_READY) /* a primary that was demoted */
		db_reset(db);
	if (db->state == DB_READY)
		send_next(db);
}

static void receive(struct db *db)
{
	int silent = 0;
	while (db->current && !db->stream && db->conn && !PQisBusy(db->conn) &&
		silent < 3) {
		PGresult *result = PQgetResult(db->conn);
		if (!result) {
			silent++;
			db->expected_at += db->got_result;
			if (db->got_result)
				ask_for_rows(db);
			db->got_result = false;
		} else if (PQresultStatus(result) == PGRES_PIPELINE_SYNC) {
			PQclear(result);
			silent = 0;
			if (--db->parts > 0)
				continue;
			end_batch(db);
			if (db->state == DB_CLOSED)
				return;
		} else {
			silent = 0;
			take_result(db, result);
			if (db->enough)
				db_reset(db);
		}
	}
	PGnotify *note;
	bool notified = false;
	while (db->conn && (note = PQnotifies(db->conn))) {
		PQfreemem(note);
		notified = true;
	}
	if (notified && db->options.on_notify)
		db->options.on_notify(db->options.ctx, db);
}

/* libpq keeps what is not whole, however long it becomes. */
static void count_arrived(struct db *db)
{
	int n;
	if (db->options.piece_max && ioctl(db->poll_socket, FIONREAD, &n) == 0)
		db->arrived += (size_t)n;
}

static bool is_flooded(const struct db *db)
{
	return db->conn && db->options.piece_max && db->arrived > db->options.piece_max;
}

static void lose_by_flood(struct db *db)
{
	struct error err = {0};
	error_set(&err, ERROR_TRANSIENT,
		"a row or message of the database is larger than %zu MiB",
		db->options.piece_max / BOUND_MIB);
	memcpy(err.sqlstate, "53200", 6);
	lose(db, &err);
}

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct db *db = poll->data;
	if (db->poll != poll) /* replaced within this very turn of the loop */
		return;
	if (db->state == DB_CONNECTING) {
		poll_connecting(db);
		return;
	}
	count_arrived(db);
	if (status < 0 || !PQconsumeInput(db->conn)) {
		receive(db); /* the server may have said why */
		if (db->conn && db->state != DB_CLOSED)
			lose_by_libpq(db);
		return;
	}
	db->moved_at = clock_boottime();
	if (db->stream) {
		turn_stream(db);
		return;
	}
	if (events & UV_WRITABLE)
		flush(db);
	if (db->conn)
		receive(db);
	if (db->conn && db->state == DB_READY && PQstatus(db->conn) == CONNECTION_BAD)
		lose_by_libpq(db);
	else if (is_flooded(db))
		lose_by_flood(db);
}

/* ---- Life ---- */

struct db *db_create(uv_loop_t *loop, const struct db_options *options)
{
	struct db *db = xcalloc(1, sizeof *db);
	db->options = *options;
	db->options.conninfo = xstrdup(options->conninfo);
	db->options.name = xstrdup(options->name);
	db->pace = options->pace ? options->pace : &db->own_pace;
	db->loop = loop;
	db->tail = &db->head;
	uv_timer_init(loop, &db->timer);
	db->timer.data = db;
	db->state = DB_RESTING;
	set_timer(db, 0);
	return db;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct db *db = handle->data;
	struct db_batch *b = db->current;
	if (b) {
		b->next = db->head;
		db->head = b;
		b->ambiguous = true;
	}
	while ((b = db->head)) {
		db->head = b->next;
		error_set(&b->err, ERROR_TRANSIENT, "the connection was closed");
		b->on_done(b);
	}
	free((char *)db->options.conninfo);
	free((char *)db->options.name);
	free(db);
}

void db_destroy(struct db *db)
{
	if (!db || db->state == DB_CLOSED)
		return;
	if (db->state == DB_SETTING_UP) {
		db_batch_destroy(db->current);
		db->current = NULL;
	}
	db->state = DB_CLOSED;
	finish_connection(db);
	uv_close((uv_handle_t *)&db->timer, on_timer_closed);
}

bool db_is_up(const struct db *db)
{
	return db->state == DB_READY;
}

bool db_is_idle(const struct db *db)
{
	return db->state == DB_READY && !db->current && !db->head;
}

unsigned db_losses(const struct db *db)
{
	return db->losses;
}

const char *db_last_loss(const struct db *db)
{
	return db->last_loss;
}

int64_t db_lost_at(const struct db *db)
{
	return db->lost_at;
}

int64_t db_told_at(const struct db *db)
{
	return db->told_at;
}

int64_t db_moves_until(const struct db *db)
{
	return db->moved_at + db->size_time;
}

int db_backend_pid(const struct db *db)
{
	return db->conn ? PQbackendPID(db->conn) : 0;
}

void db_reset(struct db *db)
{
	struct error err = {0};
	if (db->state == DB_RESTING || db->state == DB_CLOSED)
		return;
	error_set(&err, ERROR_TRANSIENT, "the connection was given up");
	lose(db, &err);
}
