/*
 * What an operator asks of the database: one typed function per query, on a synchronous
 * connection. Nothing here belongs to a worker, and nothing here appends to the journal
 * of a run that somebody owns.
 *
 * Results are structs whose texts borrow from the rows they hold: valid until their
 * finish. Times are microseconds since 1970, 0 where there is none. Errors have the kinds
 * of the database (db_error_kind).
 */
#ifndef STEPWELL_ADMIN_ADMIN_H
#define STEPWELL_ADMIN_ADMIN_H

#include "db/db.h"
#include "definition/definition.h"

/* ---- The phases of a run or a step, as the specification names them ---- */

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
/* One column wide; ascii: for a terminal without UTF-8. */
const char *phase_symbol(enum phase p, bool ascii);
bool phase_parse(const char *name, enum phase *ret);
bool phase_has_ended(enum phase p);

/* ---- The schema (migrate.c) ---- */

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

/* Whether the connection's role may do what a worker cannot work without. ERROR_DENIED
 * names what to grant. */
MUST_CHECK bool admin_check_rights(struct db_client *c, struct error *err);

struct admin_gc {
	int64_t weeks, runs, kept;
};

/* Drops the history of weeks that ended longer than older_than microseconds ago;
 * dry_run: says what would be dropped. ERROR_TRANSIENT where the tables are in use. */
MUST_CHECK bool admin_gc(struct db_client *c, int64_t older_than, bool dry_run,
	struct admin_gc *ret, struct error *err);

/* Begins, commits or rolls back a transaction of several calls. */
MUST_CHECK bool admin_begin(struct db_client *c, struct error *err);
MUST_CHECK bool admin_commit(struct db_client *c, struct error *err);
void admin_rollback(struct db_client *c);

/* ---- Definitions (definitions.c) ---- */

struct admin_definition {
	struct db_result *rows;
	struct uuid id;
	const char *namespace, *name, *version, *digest, *document;
	const char *resources;    /* what is pinned with it, or NULL; not in a list */
	int64_t created_at, runs; /* runs that have not ended */
};

void admin_definition_finish(struct admin_definition *w);

/* Registers the definition. ret_new: whether it was not there. ERROR_CONFLICT when the
 * same version is there with other content. */
MUST_CHECK bool admin_apply(struct db_client *c, const struct definition *d,
	bool *ret_new, struct error *err);
/* namespace/name[:version]; ERROR_NOT_FOUND. `runs` is not filled. */
MUST_CHECK bool admin_find_definition(struct db_client *c, const char *name,
	struct admin_definition *ret, struct error *err);
/* The same as a compiled definition. ERROR_INPUT where this program cannot compile it. */
MUST_CHECK bool admin_load_definition(struct db_client *c,
	const struct admin_definition *w, struct definition **ret, struct error *err);
/* on_row's row borrows; without its document. */
MUST_CHECK bool admin_each_definition(struct db_client *c,
	void (*on_row)(void *ctx, const struct admin_definition *w), void *ctx,
	struct error *err);

/* ---- The default catalog (functions.c) ---- */

struct admin_function {
	const char *name, *version;
	struct json document;
};

/* ERROR_CONFLICT when that version is there with other content. */
MUST_CHECK bool admin_add_function(struct db_client *c, const struct admin_function *f,
	bool *ret_new, struct error *err);
/* Its document, caller frees; ERROR_INPUT where there is none. */
MUST_CHECK bool admin_find_function(struct db_client *c, const char *name,
	const char *version, char **ret, struct error *err);

/* ---- Events (events.c) ---- */

/* Stores a CloudEvent (JSON text). ret_new: whether it was not there. ERROR_INPUT where
 * it is none. */
MUST_CHECK bool admin_emit(
	struct db_client *c, const char *event, bool *ret_new, struct error *err);

/* ---- The pool (pool.c) ---- */

struct admin_pool {
	int64_t counts[PHASE_SKIPPED]; /* active runs; ended ones of the last 24 hours */
	int64_t due,
		oldest_due; /* runs that are due, and no live worker owns; since when */
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
