/*
 * PostgreSQL, in two shapes that share results and parameters. Only db*.c know
 * libpq.
 *
 * A `struct db` is one connection on the loop that keeps itself connected (full jitter
 * between attempts), prepares statements on first use, and sends batches in pipeline
 * mode: the statements of one batch are one implicit transaction, ended by one Sync. A
 * `struct db_client` is a synchronous connection for the command line.
 *
 * Statements are identified by their text (a static string: the embedded queries).
 */
#ifndef STEPWELL_DB_DB_H
#define STEPWELL_DB_DB_H

#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"
#include "db/pace.h"

#include <uv.h>

/* ---- Parameters ---- */

#define DB_PARAMS_MAX 64

/* Parameters $1.. of a statement, copied as they are added. */
struct db_params {
	int count;
	struct buf data;               /* all values, back to back */
	size_t offsets[DB_PARAMS_MAX]; /* SIZE_MAX: null */
	int lengths[DB_PARAMS_MAX];
	int formats[DB_PARAMS_MAX]; /* 0 text, 1 binary */
};

void db_params_finish(struct db_params *p);
void db_add_null(struct db_params *p);
void db_add_text(struct db_params *p, const char *text); /* NULL: null */
void db_add_bytes(
	struct db_params *p, const char *text, size_t n); /* as text, with length */
void db_add_int(struct db_params *p, int64_t v);
void db_add_bool(struct db_params *p, bool v);
void db_add_uuid(struct db_params *p, struct uuid id);
void db_add_time(
	struct db_params *p, int64_t usec); /* timestamptz; INT64_MAX: infinity */

/* An array in binary form; add its elements, then hand it to db_add_array. */
struct db_array {
	uint32_t type; /* the elements' type oid */
	int count;
	bool nulls;
	struct buf data;
};

#define DB_OID_TEXT 25u
#define DB_OID_INT8 20u
#define DB_OID_INT4 23u
#define DB_OID_UUID 2950u
#define DB_OID_TIMESTAMPTZ 1184u
#define DB_OID_BYTEA 17u

void db_array_init(struct db_array *a, uint32_t type);
void db_array_finish(struct db_array *a);
void db_array_null(struct db_array *a);
void db_array_text(struct db_array *a, const char *text, size_t n);
void db_array_int8(struct db_array *a, int64_t v);
void db_array_int4(struct db_array *a, int32_t v);
void db_array_uuid(struct db_array *a, struct uuid id);
void db_array_time(struct db_array *a, int64_t usec);
void db_add_array(struct db_params *p, struct db_array *a);

/* What a COPY in binary form sends, in pieces. */
struct db_piece {
	const char *borrowed; /* NULL: at that place of `text` */
	size_t at, n;
};

struct db_copy {
	struct buf text;
	struct db_piece *pieces;
	size_t count, bytes;
};

void db_copy_add(struct db_copy *c, const void *data, size_t n);
/* Of data that is there until the batch is done. */
void db_copy_borrow(struct db_copy *c, const void *data, size_t n);
/* A row of so many fields; then each of them. The data of a field whose length was added
 * follows by itself. */
void db_copy_row(struct db_copy *c, int fields);
void db_copy_null(struct db_copy *c);
void db_copy_length(struct db_copy *c, size_t n);
void db_copy_text(struct db_copy *c, const char *text); /* NULL: null */
void db_copy_int8(struct db_copy *c, int64_t v);
void db_copy_int4(struct db_copy *c, int32_t v);
void db_copy_uuid(struct db_copy *c, struct uuid id);
void db_copy_time(struct db_copy *c, int64_t usec);
void db_copy_end(struct db_copy *c);

/* ---- Results ---- */

struct db_result; /* rows of one statement, text format */

void db_result_destroy(struct db_result *r);
int db_rows(const struct db_result *r);
int db_columns(const struct db_result *r);
int64_t db_affected(const struct db_result *r);
const char *db_command_tag(const struct db_result *r); /* "COMMIT", "INSERT 0 1" */
bool db_is_null(const struct db_result *r, int row, int column);
const char *db_text(const struct db_result *r, int row, int column); /* "" for null */
size_t db_length(const struct db_result *r, int row, int column);
int64_t db_int(const struct db_result *r, int row, int column);
bool db_bool(const struct db_result *r, int row, int column);
struct uuid db_uuid(const struct db_result *r, int row, int column);
const char *db_column_name(const struct db_result *r, int column);
uint32_t db_column_type(const struct db_result *r, int column);

/* ---- A connection on the loop ---- */

struct db;

struct db_statement {
	const char *sql; /* static text; prepared once per connection unless `once` */
	bool once;       /* do not prepare: sent with its text, borrowed until done */
	bool ends;       /* what was sent so far is a transaction of its own */
	struct db_params params;
	/* NULL: rows stay in the result. Else each comes by itself as soon as it is there
	 * (row is its number in r), and the result has none. False: no more is wanted;
	 * the connection is dropped, and the batch ends as if it had been lost. */
	bool (*on_row)(void *ctx, const struct db_result *r, int row);
	struct db_result *result; /* after success */
};

/*
 * What is sent together: one implicit transaction (all or nothing), unless it is in
 * parts. One with a COPY is streamed instead, statement by statement; they open and
 * commit their transaction. on_done is called from the loop, once, with err->kind
 * ERROR_NONE after success; `ambiguous` says that the connection was lost after sending,
 * so it may have been committed or may still be. The batch belongs to the caller, who
 * frees it in on_done or later.
 */
struct db_batch {
	struct db_statement *statements;
	int count, capacity;
	void (*on_done)(struct db_batch *batch);
	void *ctx;
	struct error err;
	int failed; /* index of the statement that failed */
	bool ambiguous;
	struct db_copy *copy; /* of one of its statements: the batch is streamed */
	const char *undo; /* then: what ends the transaction that its statements open */
	int64_t deadline; /* microseconds without a byte on the way, 0: that of the
			     connection; besides, there is time for its size:
			     base/bounds.h */
	struct db_batch *next; /* db.c's queue */
};

struct db_batch *db_batch_create(void (*on_done)(struct db_batch *), void *ctx);
void db_batch_destroy(struct db_batch *b);
/* The new statement's parameters, to be filled; valid until the next call. */
struct db_params *db_batch_add(struct db_batch *b, const char *sql);
struct db_params *db_batch_add_once(struct db_batch *b, const char *sql);
/* What was added so far becomes a transaction of its own: an error of it undoes nothing
 * else, and what follows is sent along and executed whatever came of it. */
void db_batch_end_part(struct db_batch *b);
/* A COPY; one for each batch. Its header is there already. */
struct db_copy *db_batch_add_copy(struct db_batch *b, const char *sql);

struct db_options {
	const char *conninfo;
	const char *name; /* application_name: "wfctl journal0" */
	/* Runs after each connection, before anything else is sent: settings of the
	 * session and its registration. Returns a batch (the callee's own on_done is not
	 * used), or NULL. */
	struct db_batch *(*setup)(void *ctx, struct db *db);
	void (*on_setup)(
		void *ctx, const struct db_batch *setup); /* was answered, or NULL */
	/* The connection is ready (after setup), or was lost, or an attempt failed (up =
	 * false, err says why). */
	void (*on_state)(void *ctx, struct db *db, bool up, const struct error *err);
	/* A notification arrived (the connection has LISTENed in its setup). */
	void (*on_notify)(void *ctx, struct db *db);
	void *ctx;
	int64_t deadline;     /* of a batch, before the connection is given up */
	struct db_pace *pace; /* borrowed; NULL: its own */
	unsigned turn; /* of those that wait for the same pace: lower ones first, at first
			*/
	const char *startup; /* options of the startup packet: they beat what the role and
				the database have set; NULL: those of the conninfo */
	size_t piece_max;    /* bytes of a row or a message, about; larger: as lost, with
				53200    (no memory for an answer); 0: no bound */
	bool unprepared; /* every statement is sent with its text: DISCARD ALL may come */
};

struct db *db_create(uv_loop_t *loop, const struct db_options *options);
/* Closes at once; batches that were not done end with ERROR_TRANSIENT from the loop. */
void db_destroy(struct db *db);
bool db_is_up(const struct db *db);
bool db_is_idle(const struct db *db); /* up, and nothing queued or in flight */
/* CLOCK_BOOTTIME: when bytes of the batch in flight moved last, and what the server may
 * need for its size; it may be in the future. */
int64_t db_moves_until(const struct db *db);
/* How often a connection that was up was lost, and with which SQLSTATE the last time:
 * "57P02" if another process of the server crashed, "53200" if there was no memory for an
 * answer. */
unsigned db_losses(const struct db *db);
const char *db_last_loss(const struct db *db);
/* CLOCK_BOOTTIME: when it was lost the last time, and when its server said last that
 * another of its processes had crashed. */
int64_t db_lost_at(const struct db *db);
int64_t db_told_at(const struct db *db);
/* Of the present connection, as told at login (a pooler makes one up); 0: there is none.
 */
int db_backend_pid(const struct db *db);
/* Queues the batch; batches of one connection run one after the other. On a connection
 * that is not up it waits for it, unless the batch is `now or never`: see db_is_up. */
void db_send(struct db *db, struct db_batch *batch);
/* Drops the connection, as if it had been lost, and connects anew. */
void db_reset(struct db *db);

/* ---- A synchronous connection (client.c) ---- */

struct db_client;

/* Between a connection and its server. */
enum pooling {
	POOLING_NONE,
	POOLING_SESSION,     /* a pooler; each client has a session of its own */
	POOLING_TRANSACTION, /* a pooler; each transaction may go to another session */
};

/* Whether the conninfo can be read, and no part of a password is taken for anything else:
 * libpq's own messages would quote it. Asked before the first connection. */
MUST_CHECK bool db_conninfo_check(const char *conninfo, struct error *err);
/* As whom it logs in, wherever that is said: conninfo, service, environment, or nowhere
 * (the system's user). NULL: it cannot be read. The caller frees it. */
char *db_conninfo_user(const char *conninfo);

/* Connects within connect_timeout of conninfo (10 s if it names none), sets the session
 * (UTC, read committed, synchronous_commit on, lock_timeout 10 s). ERROR_TRANSIENT when
 * the server cannot be reached, ERROR_DENIED behind a pooler by transaction: it would not
 * keep what a session sets, and hand it to others. Texts never contain the conninfo. */
MUST_CHECK bool db_client_open(const char *conninfo, const char *name,
	struct db_client **ret, struct error *err);
/* The same at any server, also a standby, whatever the conninfo asks for, and through any
 * pooler; behind one by transaction nothing is set. */
MUST_CHECK bool db_client_open_any(const char *conninfo, const char *name,
	struct db_client **ret, struct error *err);
void db_client_close(struct db_client *c);

/* What libpq knows of the other end; texts borrow until the connection is closed. */
struct db_peer {
	const char *host, *address, *port, *database, *user; /* host "/dir": a socket */
	const char *tls;                                     /* "TLSv1.3"; NULL: none */
	bool verified; /* certificate and name were checked: sslmode=verify-full */
	enum pooling pooling;
};
void db_client_peer(const struct db_client *c, struct db_peer *ret);
/* One statement with its parameters (NULL: none). ret_result may be NULL. */
MUST_CHECK bool db_client_query(struct db_client *c, const char *sql,
	const struct db_params *params, struct db_result **ret_result, struct error *err);
/* Several statements, without parameters, as one simple query: migrations, BEGIN. */
MUST_CHECK bool db_client_script(struct db_client *c, const char *sql, struct error *err);
/* Waits up to `usec` for a notification of a channel that was LISTENed to. */
bool db_client_wait(struct db_client *c, int64_t usec);

/* The kind of error that a SQLSTATE means: 23505 conflict (of an answer, ERROR_FENCED
 * where it is of the journal's own keys); 08, 40, 53, 55P03, 57P, 25006 transient; 42501
 * denied; P0002 not found; 22, 22023 input; others permanent. */
enum error_kind db_error_kind(const char *sqlstate);
/* Rights or objects of the schema are not what they were. What was written is not to
 * blame, everything else fails alike, and somebody can put it right. */
bool db_error_is_drift(const struct error *err);

#endif
