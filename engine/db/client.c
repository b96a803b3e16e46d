/* A synchronous connection for the command line: one statement at a time, no
 * reconnection. A command that lost its connection says so; what it did is safe to
 * repeat. */
#include "db/libpq.h"

#include "base/clock.h"
#include "queries.h" /* only for the session's settings */

#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct db_client {
	PGconn *conn;
	bool doubt; /* of the statement under way: its commit may not be replicated */
	enum pooling pooling;
};

static void on_notice(void *ctx, const PGresult *result)
{
	struct db_client *c = ctx;
	c->doubt |= db_notice_is_doubt(result);
}

/* A result that was not a success, a connection that is gone, or a commit in doubt. */
static bool fail(struct db_client *c, const PGresult *result, struct error *err)
{
	if (c->doubt)
		error_set(err, ERROR_TRANSIENT,
			"committed, but perhaps not replicated: the wait for the standby "
			"was interrupted; do it again");
	else if (PQstatus(c->conn) == CONNECTION_OK)
		db_error_from_result(result, err);
	else
		db_error_from_connection(c->conn, err);
	return false;
}

bool db_client_query(struct db_client *c, const char *sql, const struct db_params *params,
	struct db_result **ret_result, struct error *err)
{
	static const struct db_params none;
	const struct db_params *p = params ? params : &none;
	const char *values[DB_PARAMS_MAX];
	db_params_values(p, values);
	c->doubt = false;
	PGresult *pg = PQexecParams(
		c->conn, sql, p->count, NULL, values, p->lengths, p->formats, 0);
	ExecStatusType status = PQresultStatus(pg);
	bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK;
	if (!ok || c->doubt) {
		fail(c, pg, err);
		PQclear(pg);
		return false;
	}
	if (ret_result)
		*ret_result = db_result_create(pg);
	else
		PQclear(pg);
	return true;
}

bool db_client_script(struct db_client *c, const char *sql, struct error *err)
{
	c->doubt = false;
	PGresult *pg = PQexec(c->conn, sql);
	ExecStatusType status = PQresultStatus(pg);
	bool ok = status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK ||
		  status == PGRES_EMPTY_QUERY;
	ok = ok && !c->doubt;
	if (!ok)
		fail(c, pg, err);
	PQclear(pg);
	return ok;
}

/* Sets the session, if this is the process that answers; *ret_set says so. */
static bool set_session(
	struct db_client *c, int64_t backend, bool *ret_set, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	db_add_int(&p, backend);
	bool ok = db_client_query(c, sql_pin_settings, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	*ret_set = db_rows(r) > 0;
	db_result_destroy(r);
	return !*ret_set || db_client_query(c, sql_set_client, NULL, NULL, err);
}

/* A pooler makes up the process id that it tells at login; what is set must not be set
 * before it is known whose session that is. */
static bool set_pooled_session(struct db_client *c, const char *const *keywords,
	const char *const *values, struct error *err)
{
	struct db_result *r;
	bool set = false;
	c->pooling = db_find_pooling(c->conn, keywords, values);
	if (!db_client_query(c, sql_find_backend, NULL, &r, err))
		return false;
	bool ok = c->pooling == POOLING_TRANSACTION ||
		  set_session(c, db_int(r, 0, 0), &set, err);
	db_result_destroy(r);
	if (ok && !set)
		c->pooling = POOLING_TRANSACTION;
	return ok;
}

static bool connect_client(const char *const *keywords, const char *const *values,
	struct db_client **ret, struct error *err)
{
	struct db_client *c = xcalloc(1, sizeof *c);
	bool set;
	c->conn = PQconnectdbParams(keywords, values, 1);
	PQsetNoticeReceiver(c->conn, on_notice, c);
	if (PQstatus(c->conn) != CONNECTION_OK)
		db_error_from_connection(c->conn, err);
	else if (set_session(c, PQbackendPID(c->conn), &set, err) &&
		 (set || set_pooled_session(c, keywords, values, err))) {
		*ret = c;
		return true;
	}
	db_client_close(c);
	return false;
}

bool db_client_open(
	const char *conninfo, const char *name, struct db_client **ret, struct error *err)
{
	const char *keywords[DB_CONNECT_PARAMS], *values[DB_CONNECT_PARAMS];
	struct db_client *c;
	if (!db_conninfo_check(conninfo, err))
		return false;
	db_connect_params(conninfo, name, keywords, values);
	if (!connect_client(keywords, values, &c, err))
		return false;
	if (c->pooling == POOLING_TRANSACTION) {
		db_client_close(c);
		return error_set(err, ERROR_DENIED,
			"a pooler that shares sessions by the transaction is between "
			"wfctl and Postgres: connect to Postgres itself, or by a pool "
			"with pool_mode = session");
	}
	*ret = c;
	return true;
}

bool db_client_open_any(
	const char *conninfo, const char *name, struct db_client **ret, struct error *err)
{
	const char *keywords[DB_CONNECT_PARAMS + 1], *values[DB_CONNECT_PARAMS + 1];
	int n = 0;
	if (!db_conninfo_check(conninfo, err))
		return false;
	db_connect_params(conninfo, name, keywords, values);
	while (keywords[n])
		n++;
	keywords[n] = "target_session_attrs"; /* after the conninfo: it wins */
	values[n] = "any";
	keywords[n + 1] = values[n + 1] = NULL;
	return connect_client(keywords, values, ret, err);
}

void db_client_peer(const struct db_client *c, struct db_peer *ret)
{
	PQconninfoOption *options = PQconninfo(c->conn), *o = options;
	for (; o && o->keyword; o++)
		if (strcmp(o->keyword, "sslmode") == 0)
			break;
	*ret = (struct db_peer){
		.host = PQhost(c->conn),
		.address = PQhostaddr(c->conn),
		.port = PQport(c->conn),
		.database = PQdb(c->conn),
		.user = PQuser(c->conn),
		.tls = PQsslInUse(c->conn) ? PQsslAttribute(c->conn, "protocol") : NULL,
		.verified = o && o->val && strcmp(o->val, "verify-full") == 0,
		.pooling = c->pooling,
	};
	PQconninfoFree(options);
}

/* libpq looks up users by services and variables only where it connects; with this mode
 * it gives up before that. */
char *db_conninfo_user(const char *conninfo)
{
	const char *const keywords[] = {"dbname", "sslmode", NULL};
	const char *const values[] = {conninfo, "none", NULL};
	PGconn *conn = PQconnectStartParams(keywords, values, 1);
	const char *user = PQuser(conn);
	char *found = user && *user ? xstrdup(user) : NULL;
	PQfinish(conn);
	return found;
}

void db_client_close(struct db_client *c)
{
	if (!c)
		return;
	PQfinish(c->conn);
	free(c);
}

static bool notified(struct db_client *c)
{
	PGnotify *note = PQconsumeInput(c->conn) ? PQnotifies(c->conn) : NULL;
	bool any = note;
	for (; note; note = PQnotifies(c->conn))
		PQfreemem(note);
	return any;
}

bool db_client_wait(struct db_client *c, int64_t usec)
{
	int64_t end = clock_boottime() + usec, left = usec;
	do {
		struct pollfd fd = {.fd = PQsocket(c->conn), .events = POLLIN};
		if (notified(c))
			return true;
		int ready = poll(&fd, 1, (int)(left / USEC_PER_MS));
		if (ready > 0 && notified(c))
			return true;
		if (ready < 0 || (fd.revents & (POLLHUP | POLLERR | POLLNVAL)))
			return false;
		left = end - clock_boottime();
	} while (left > 0);
	return false;
}
