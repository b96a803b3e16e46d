/* A synchronous connection for the command line: one statement at a time, no
 * reconnection. A command that lost its connection says so; what it did is safe to
 * repeat. */
#include "db_libpq.h"

#include "clock.h"
#include "queries.h" /* only for the session's settings */

#include <poll.h>
#include <stdlib.h>
#include <string.h>

struct db_client {
	PGconn *conn;
	bool doubt; /* of the statement under way: its commit may not be replicated */
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

static bool connect_client(const char *const *keywords, const char *const *values,
	struct db_client **ret, struct error *err)
{
	struct db_client *c = xcalloc(1, sizeof *c);
	c->conn = PQconnectdbParams(keywords, values, 1);
	PQsetNoticeReceiver(c->conn, on_notice, c);
	if (PQstatus(c->conn) != CONNECTION_OK)
		db_error_from_connection(c->conn, err);
	else if (db_client_query(c, sql_set_client, NULL, NULL, err)) {
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
	if (!db_conninfo_check(conninfo, err))
		return false;
	db_connect_params(conninfo, name, keywords, values);
	return connect_client(keywords, values, ret, err);
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
		.backend = PQbackendPID(c->conn),
	};
	PQconninfoFree(options);
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
