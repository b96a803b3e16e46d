/*
 * A batch with a COPY, one statement after the other on a connection that has left its
 * pipeline for it. A large parameter is moved to the front of libpq's buffer whenever the
 * socket has taken a part of it, which costs its square; a COPY goes through in pieces,
 * straight from where they lie. Only db.c uses this.
 */
#ifndef STEPWELL_DB_STREAM_H
#define STEPWELL_DB_STREAM_H

#include "db/libpq.h"

struct db_stream;

enum db_stream_state {
	STREAM_GOES_ON, /* call again when the socket is readable, or writable: */
	STREAM_DONE,    /* b->err says how; the connection is in its pipeline again */
	STREAM_LOST,    /* libpq says why */
};

/* Borrows both. NULL: the connection cannot leave its pipeline. */
struct db_stream *db_stream_create(PGconn *conn, struct db_batch *b);
void db_stream_destroy(struct db_stream *s);
/* Sends and receives what can be without waiting. */
enum db_stream_state db_stream_turn(struct db_stream *s);
bool db_stream_is_writing(const struct db_stream *s);

#endif
