/* Choosing the database, and whether its schema will do. */
#include "database.h"

#include "admin/runs.h"
#include "command.h"
#include "output.h"
#include "postgres/server.h"

#include <stdlib.h>

static bool has_environment(void)
{
	static const char *const names[] = {
		"PGSERVICE", "PGHOST", "PGHOSTADDR", "PGPORT", "PGDATABASE", "PGUSER"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (getenv(names[i]) && *getenv(names[i]))
			return true;
	return false;
}

static bool choose_private(
	bool make, struct database *d, const char **ret_conninfo, struct error *err)
{
	if (!make && !private_exists())
		return error_set(err, ERROR_NOT_FOUND,
			"no database is configured: name one with --db or DATABASE_URL; "
			"or begin with wfctl run or wfctl dev, which keep a private one "
			"in this folder");
	return private_acquire(&d->private, ret_conninfo, err);
}

/* make: a private one where there is none. */
static bool choose(
	const struct options *o, bool make, struct database *d, struct error *err)
{
	const char *url = getenv("DATABASE_URL"), *conninfo = options_text(o, "db");
	if (!conninfo && url && *url)
		conninfo = url;
	if (!conninfo && has_environment())
		conninfo = "";
	if (!conninfo && !choose_private(make, d, &conninfo, err))
		return false;
	d->conninfo = xstrdup(conninfo);
	return true;
}

bool database_reopen(struct database *d, struct error *err)
{
	database_disconnect(d);
	return db_client_open(d->conninfo, "wfctl", &d->client, err);
}

void database_disconnect(struct database *d)
{
	db_client_close(d->client);
	d->client = NULL;
}

void database_close(struct database *d)
{
	database_disconnect(d);
	if (d->private)
		private_release(d->private);
	free(d->conninfo);
	*d = (struct database){0};
}

static bool check_schema(struct database *d, struct error *err)
{
	enum schema_state state;
	int applied;
	if (!admin_schema_state(d->client, &state, err))
		return false;
	if (d->private && state != SCHEMA_CURRENT && state != SCHEMA_NEWER)
		return admin_migrate(d->client, &applied, err);
	switch (state) {
	case SCHEMA_CURRENT:
	case SCHEMA_STALE: return true;
	case SCHEMA_MISSING:
		return error_set(err, ERROR_PERMANENT,
			"the database has no Stepwell schema; run: wfctl migrate");
	case SCHEMA_OLD:
		return error_set(err, ERROR_PERMANENT,
			"the database's schema is older than this program; run: wfctl "
			"migrate");
	case SCHEMA_NEWER: break;
	}
	return error_set(err, ERROR_PERMANENT,
		"the database's schema is newer than this program: use a newer wfctl");
}

void database_say_private(const struct database *d)
{
	struct db_peer peer;
	db_client_peer(d->client, &peer);
	output_say("the private database: psql \"host=%s user=%s dbname=%s\"", peer.host,
		peer.user, peer.database);
}

int database_open_private(struct database *ret)
{
	struct error err;
	struct database d = {0};
	const char *conninfo;
	bool ok = private_acquire(&d.private, &conninfo, &err);
	if (ok) {
		d.conninfo = xstrdup(conninfo);
		ok = database_reopen(&d, &err) && check_schema(&d, &err);
	}
	if (ok) {
		*ret = d;
		return EXIT_DONE;
	}
	database_close(&d);
	command_fail(&err);
	return EXIT_DATABASE;
}

int database_open(const struct options *o, enum database_need need, struct database *ret)
{
	struct error err;
	struct database d = {0};
	bool ok = choose(o, need == DATABASE_MADE, &d, &err) &&
		  database_reopen(&d, &err) &&
		  (need == DATABASE_ANY || check_schema(&d, &err));
	if (ok) {
		*ret = d;
		return EXIT_DONE;
	}
	database_close(&d);
	int code = command_fail(&err);
	return db_error_is_drift(&err) ? code : EXIT_DATABASE;
}

bool database_open_any(const struct options *o, struct database *ret, struct error *err)
{
	struct database d = {0};
	struct error why;
	bool ok = choose(o, false, &d, err);
	/* A primary is taken first, as everywhere, where several servers are named. */
	if (ok && !database_reopen(&d, err))
		ok = (err->kind == ERROR_TRANSIENT || err->kind == ERROR_DENIED) &&
		     db_client_open_any(d.conninfo, "wfctl", &d.client, &why);
	if (ok && d.private)
		ok = check_schema(&d, err);
	if (ok)
		*ret = d;
	else
		database_close(&d);
	return ok;
}

int database_open_run(const struct options *o, const char *run, struct database *ret,
	struct uuid *ret_id)
{
	struct error err;
	struct database d;
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE)
		return code;
	if (!admin_resolve_run(d.client, run, ret_id, &err)) {
		code = command_fail(&err);
		database_close(&d);
		return err.kind == ERROR_INPUT ? EXIT_USAGE : code;
	}
	*ret = d;
	return EXIT_DONE;
}
