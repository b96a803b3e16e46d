/*
 * The database of a command: --db, else DATABASE_URL, else libpq's own environment
 * (PGSERVICE, PGHOST ...), else the private Postgres of this folder, which only `run` and
 * `dev` make. On the private one the schema is brought up to date by itself; elsewhere a
 * missing or old one is refused.
 */
#ifndef STEPWELL_DATABASE_H
#define STEPWELL_DATABASE_H

#include "admin/admin.h"
#include "options.h"

struct private;

struct database {
	struct db_client *client; /* NULL between a failed database_reopen and the next */
	struct private *private;  /* NULL: somebody else's server */
	char *conninfo;           /* "": the environment's */
};

enum database_need {
	DATABASE_ANY,   /* whatever its schema: migrate */
	DATABASE_READY, /* with our schema */
	DATABASE_MADE,  /* the same; where none is configured, a private one is made */
};

/* Returns EXIT_DONE, or says why not and returns the exit code. */
int database_open(const struct options *o, enum database_need need, struct database *ret);
/* For `doctor`: any server that answers, also a read-only one; no schema is looked at. */
MUST_CHECK bool database_open_any(
	const struct options *o, struct database *ret, struct error *err);
/* The private one, whatever the environment says; made if it is not there. */
int database_open_private(struct database *ret);
/* Says how to open the private one with psql. */
void database_say_private(const struct database *d);
void database_close(struct database *d);
/* Ends the connection, but keeps a private server running; reopen connects again. */
void database_disconnect(struct database *d);
MUST_CHECK bool database_reopen(struct database *d, struct error *err);

/* What every command with an argument RUN begins with; the same way of failing. */
int database_open_run(const struct options *o, const char *run, struct database *ret,
	struct uuid *ret_id);

#endif
