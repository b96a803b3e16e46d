/*
 * What an operator asks of the database: one typed function per query, on a synchronous
 * connection. Nothing here belongs to a worker, and nothing here appends to the journal
 * of a run that somebody owns.
 *
 * Results are structs whose texts borrow from the rows they hold: valid until their
 * finish. Times are microseconds since 1970, 0 where there is none. Errors have the kinds
 * of the database (db_error_kind).
 */
#ifndef STEPWELL_ADMIN_H
#define STEPWELL_ADMIN_H

#include "db.h"
#include "definition.h"

/* ---- The schema (admin_schema.c) ---- */

enum schema_state {
	SCHEMA_CURRENT,
	SCHEMA_MISSING,
	SCHEMA_OLD,   /* migrations are to be applied */
	SCHEMA_STALE, /* only the functions and views differ from this program's */
	SCHEMA_NEWER, /* than this program */
};

MUST_CHECK bool admin_schema_state(
	struct db_client *c, enum schema_state *ret, struct error *err);
/* Brings the schema up to date in one transaction under a lock. ret_applied: how many
 * migrations. ERROR_DENIED for a newer schema or an encoding other than UTF8. */
MUST_CHECK bool admin_migrate(struct db_client *c, int *ret_applied, struct error *err);
void admin_schema_sql(struct buf *out); /* all of it, as a script */

/* Begins, commits or rolls back a transaction of several calls. */
MUST_CHECK bool admin_begin(struct db_client *c, struct error *err);
MUST_CHECK bool admin_commit(struct db_client *c, struct error *err);
void admin_rollback(struct db_client *c);

/* ---- Definitions (admin_workflows.c) ---- */

struct admin_workflow {
	struct db_result *rows;
	struct uuid id;
	const char *namespace, *name, *version, *digest, *document;
	int64_t created_at, runs; /* runs that have not ended */
};

void admin_workflow_finish(struct admin_workflow *w);

/* Registers the definition. ret_new: whether it was not there. ERROR_CONFLICT when the
 * same version is there with other content. */
MUST_CHECK bool admin_apply(struct db_client *c, const struct definition *d,
	bool *ret_new, struct error *err);
/* namespace/name[:version]; ERROR_NOT_FOUND. `runs` is not filled. */
MUST_CHECK bool admin_find_workflow(struct db_client *c, const char *name,
	struct admin_workflow *ret, struct error *err);
/* on_row's row borrows; without its document. */
MUST_CHECK bool admin_each_workflow(struct db_client *c,
	void (*on_row)(void *ctx, const struct admin_workflow *w), void *ctx,
	struct error *err);

/* ---- Runs (admin_runs.c) ---- */

enum phase {
	PHASE_PENDING,
	PHASE_RUNNING,
	PHASE_WAITING,
	PHASE_SUSPENDED,
	PHASE_COMPLETED,
	PHASE_FAULTED,
	PHASE_CANCELLED,
	PHASE_SKIPPED, /* of a step only */
};

const char *phase_name(enum phase p);
bool phase_parse(const char *name, enum phase *ret);
bool phase_has_ended(enum phase p);

struct admin_run {
	struct db_result *rows; /* NULL in a list */
	struct uuid id;
	enum phase phase;
	const char *namespace, *name, *version, *key; /* key: NULL without */
	int64_t created_at, started_at, ended_at;
	/* Not in a list: */
	const char *input, *output, *error;          /* JSON text or NULL */
	const char *reason, *request, *needs, *host; /* of its lease; host: its owner's */
	int64_t pid, due, now; /* owner's pid; the database's clock */
	struct uuid workflow_id;
};

void admin_run_finish(struct admin_run *r);

/* A full id, a unique ending of one (6 hexadecimal digits or more), or @last.
 * ERROR_NOT_FOUND; ERROR_CONFLICT for an ending of several runs; ERROR_INPUT for what is
 * no such name. */
MUST_CHECK bool admin_resolve_run(
	struct db_client *c, const char *name, struct uuid *ret, struct error *err);
MUST_CHECK bool admin_find_run(
	struct db_client *c, struct uuid id, struct admin_run *ret, struct error *err);

struct admin_filter {
	const char *status, *namespace, *name, *version; /* NULL: any */
	int64_t since;                                   /* 0: any */
	const struct uuid *before; /* the cursor; NULL: the newest */
	int limit;
};

/* Newest first. */
MUST_CHECK bool admin_each_run(struct db_client *c, const struct admin_filter *f,
	void (*on_row)(void *ctx, const struct admin_run *r), void *ctx,
	struct error *err);

struct admin_start {
	struct uuid run_id, workflow_id;
	const char *input; /* JSON text */
	const char *key;   /* NULL: none */
	const struct uuid *owner;
	int64_t due, delay; /* one of them, or 0 */
	int64_t key_ttl;    /* 0: as long as the run */
};

/* An id by the database's clock. */
MUST_CHECK bool admin_new_id(struct db_client *c, struct uuid *ret, struct error *err);
/* Safe to repeat with the same run_id. ret_id differs from it when the key has a run
 * already. ERROR_CONFLICT for a key with another input, or one whose first start is in
 * progress. */
MUST_CHECK bool admin_create_run(struct db_client *c, const struct admin_start *s,
	struct uuid *ret_id, struct error *err);
/* Tells waiting workers; a hint, whose failure does no harm. */
void admin_notify(struct db_client *c);

enum admin_change { CHANGE_CANCEL, CHANGE_SUSPEND, CHANGE_RESUME, CHANGE_RETRY };

/* ret_done: false when the run's state does not allow it. cancel and suspend are requests
 * to its owner, or to the next worker. new_id and force are of retry. */
struct admin_order {
	enum admin_change change;
	bool new_id, force;
};
MUST_CHECK bool admin_change_run(struct db_client *c, struct uuid id,
	const struct admin_order *order, bool *ret_done, struct error *err);

/* ---- Steps and entries (admin_steps.c) ---- */

struct admin_step {
	const char *path, *reference, *name;
	struct uuid step_id;
	enum phase phase;
	int64_t attempts, started_at, ended_at;
	const char *output, *error; /* JSON text or NULL */
	bool uncertain;             /* nobody knows how one of its attempts ended */
};

struct admin_steps {
	struct db_result *rows;
	struct admin_step *items; /* in the order of their start */
	size_t count;
};

void admin_steps_finish(struct admin_steps *s);
MUST_CHECK bool admin_find_steps(
	struct db_client *c, struct uuid run, struct admin_steps *ret, struct error *err);

struct admin_entry {
	int64_t seq, at;
	const char *kind, *data; /* data: a JSON array of operations, or NULL */
};

MUST_CHECK bool admin_each_entry(struct db_client *c, struct uuid run,
	void (*on_row)(void *ctx, const struct admin_entry *e), void *ctx,
	struct error *err);

/* ---- The pool (admin_pool.c) ---- */

struct admin_pool {
	int64_t counts[PHASE_SKIPPED]; /* active runs; ended ones of the last 24 hours */
	int64_t due, oldest_due; /* runs that nobody owns and that are due; since when */
	int64_t now;
};

struct admin_worker {
	struct uuid id;
	const char *host, *version;
	int64_t pid, started_at, seen_at, expires_at, now, runs;
	bool draining;
};

MUST_CHECK bool admin_find_pool(
	struct db_client *c, struct admin_pool *ret, struct error *err);
MUST_CHECK bool admin_each_worker(struct db_client *c,
	void (*on_row)(void *ctx, const struct admin_worker *w), void *ctx,
	struct error *err);
/* What runs need that have been due for 10 s without an owner: "shell, database:x". */
MUST_CHECK bool admin_each_need(struct db_client *c,
	void (*on_row)(void *ctx, const char *need, int64_t runs), void *ctx,
	struct error *err);

#endif
