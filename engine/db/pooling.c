/* Whether a pooler is between us and the server, and how it shares sessions: found by
 * which process answers while a second client has a transaction open. */
#include "db/libpq.h"

#include "base/clock.h"
#include "queries.h"

#include <poll.h>
#include <stdlib.h>

#define TRIES 5
#define PATIENCE USEC_PER_SEC /* with a pool that has no session left */

/* The process that answers; 0: none does. */
static int ask_backend(PGconn *conn)
{
	PGresult *r = PQexec(conn, sql_find_backend);
	int pid = PQresultStatus(r) == PGRES_TUPLES_OK
			  ? (int)strtol(PQgetvalue(r, 0, 0), NULL, 10)
			  : 0;
	PQclear(r);
	return pid;
}

/* PQTRANS_INTRANS after success, PQTRANS_ACTIVE if no answer came in time. */
static PGTransactionStatusType begin(PGconn *conn)
{
	PGresult *r;
	int64_t end = clock_boottime() + PATIENCE, left = PATIENCE;
	bool sent = PQsendQuery(conn, sql_begin_transaction);
	while (sent && PQconsumeInput(conn) && PQisBusy(conn) && left > 0) {
		struct pollfd fd = {.fd = PQsocket(conn), .events = POLLIN};
		(void)poll(&fd, 1, (int)(left / USEC_PER_MS) + 1);
		left = end - clock_boottime();
	}
	if (PQisBusy(conn))
		return PQTRANS_ACTIVE;
	while ((r = PQgetResult(conn)))
		PQclear(r);
	return PQtransactionStatus(conn);
}

/* While the other has a transaction open, a backend that is shared is either the same for
 * both, or ours is another than before. */
static enum pooling compare_backends(PGconn *conn, PGconn *other)
{
	int before = ask_backend(conn);
	PGTransactionStatusType status = begin(other);
	if (status == PQTRANS_ACTIVE)
		return POOLING_SESSION;
	if (status != PQTRANS_INTRANS) /* a pooler that shares by the statement */
		return POOLING_TRANSACTION;
	/* In a pool of one we would wait for it. */
	bool shared = ask_backend(other) == before || ask_backend(conn) != before;
	PQclear(PQexec(other, sql_rollback_transaction));
	return shared ? POOLING_TRANSACTION : POOLING_SESSION;
}

enum pooling db_find_pooling(
	PGconn *conn, const char *const *keywords, const char *const *values)
{
	enum pooling found = POOLING_SESSION;
	PGconn *other = PQconnectdbParams(keywords, values, 1);
	for (int i = 0; PQstatus(other) == CONNECTION_OK && i < TRIES; i++) {
		found = compare_backends(conn, other);
		if (found != POOLING_SESSION ||
			PQtransactionStatus(other) == PQTRANS_ACTIVE)
			break;
	}
	PQfinish(other);
	return found;
}
