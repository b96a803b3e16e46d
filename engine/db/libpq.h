/*
 * What db.c and its like (db_*.c) share about libpq; nobody else includes it.
 */
#ifndef STEPWELL_DB_LIBPQ_H
#define STEPWELL_DB_LIBPQ_H

#include "db/db.h"

#include <libpq-fe.h>

struct db_result {
	PGresult *pg;
};

/* Takes pg. */
struct db_result *db_result_create(PGresult *pg);

/* The values as libpq wants them; they point into p and are valid until it changes. */
void db_params_values(const struct db_params *p, const char *values[DB_PARAMS_MAX]);

/* A time as the binary form has it. */
int64_t db_time(int64_t usec);

/* Kind, SQLSTATE and one line of text of a failed result: primary message, detail and
 * hint, control characters escaped. */
void db_error_from_result(const PGresult *result, struct error *err);
/* The same for a connection that was refused or lost: always ERROR_TRANSIENT. */
void db_error_from_connection(const PGconn *conn, struct error *err);

/* Whether the server warns that it has committed what its synchronous standby may not
 * have: somebody interrupted the wait. (Not by SQLSTATE: an interruption by
 * pg_cancel_backend has that of any warning.) */
bool db_notice_is_doubt(const PGresult *notice);

/* Whether the server says that it ends the session because another one's process crashed.
 */
bool db_notice_is_crash(const PGresult *notice);

/* What is between a connection and its server, where another process answers than the
 * login named; a second connection with the same parameters is made for that. */
enum pooling db_find_pooling(
	PGconn *conn, const char *const *keywords, const char *const *values);

#define DB_CONNECT_PARAMS 12
/* Keywords and values for PQconnectStartParams and PQconnectdbParams with expand_dbname =
 * 1: our defaults (connect_timeout 10 s, keepalives 10/5/3, tcp_user_timeout 30 s, a
 * primary), then the conninfo, which may override them, then the client's encoding. */
void db_connect_params(const char *conninfo, const char *name,
	const char *keywords[DB_CONNECT_PARAMS], const char *values[DB_CONNECT_PARAMS]);

#endif
