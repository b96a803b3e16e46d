/*
 * The statements of a streamed batch: each is sent when the one before it was answered;
 * one that fails is followed by what undoes the transaction.
 */
#include "db/stream.h"

#include "base/bounds.h"

#include <stdlib.h>

#define PIECE ((size_t)1 << 16)
#define TURN BOUND_MIB /* in one go: then others of the loop have theirs */

struct db_stream {
	PGconn *conn;
	struct db_batch *batch;
	int at;          /* the statement under way */
	bool undoing;    /* instead: what undoes them */
	bool copying;    /* the server takes the copy's data */
	bool writing;    /* something is left to be written */
	size_t piece, n; /* of the copy: the next one, and how much of it was taken */
};

static bool send_statement(struct db_stream *s)
{
	const struct db_statement *t = &s->batch->statements[s->at];
	const char *values[DB_PARAMS_MAX];
	if (s->undoing)
		return PQsendQuery(s->conn, s->batch->undo);
	db_params_values(&t->params, values);
	return PQsendQueryParams(s->conn, t->sql, t->params.count, NULL, values,
		t->params.lengths, t->params.formats, 0);
}

struct db_stream *db_stream_create(PGconn *conn, struct db_batch *b)
{
	struct db_stream *s = xcalloc(1, sizeof *s);
	s->conn = conn;
	s->batch = b;
	if (PQexitPipelineMode(conn) && send_statement(s))
		return s;
	free(s);
	return NULL;
}

void db_stream_destroy(struct db_stream *s)
{
	free(s);
}

bool db_stream_is_writing(const struct db_stream *s)
{
	return s->writing;
}

/* 1: it was taken; 0: the socket takes no more just now; -1: the connection is lost. */
static int put_piece(struct db_stream *s)
{
	const struct db_piece *p = &s->batch->copy->pieces[s->piece];
	const char *data = p->borrowed ? p->borrowed : s->batch->copy->text.data + p->at;
	size_t left = p->n - s->n, n = left < PIECE ? left : PIECE;
	int rc = PQflush(s->conn);
	if (rc != 0)
		return rc < 0 ? -1 : 0;
	rc = PQputCopyData(s->conn, data + s->n, (int)n);
	if (rc <= 0)
		return rc;
	s->n += n;
	if (s->n == p->n) {
		s->piece++;
		s->n = 0;
	}
	return 1;
}

/* As put_piece, of all that is left. */
static int put_copy(struct db_stream *s)
{
	size_t count = s->batch->copy->count;
	for (size_t taken = 0; s->piece < count; taken += PIECE) {
		int rc = taken < TURN ? put_piece(s) : 0;
		if (rc <= 0)
			return rc;
	}
	return PQputCopyEnd(s->conn, NULL);
}

static void take_result(struct db_stream *s, PGresult *result)
{
	struct db_batch *b = s->batch;
	ExecStatusType status = PQresultStatus(result);
	bool good = status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
	s->copying = status == PGRES_COPY_IN;
	if (good && !s->undoing && !b->statements[s->at].result) {
		b->statements[s->at].result = db_result_create(result);
		return;
	}
	if (!good && !s->copying && b->err.kind == ERROR_NONE) {
		db_error_from_result(result, &b->err);
		b->failed = s->at;
	}
	PQclear(result);
}

/* The statement was answered: the next one; false: that was the last. */
static bool go_on(struct db_stream *s, bool *ret_sent)
{
	bool failed = s->batch->err.kind != ERROR_NONE;
	if (s->undoing || (!failed && s->at + 1 == s->batch->count))
		return false;
	s->undoing = failed;
	s->at += !failed;
	*ret_sent = send_statement(s);
	return true;
}

enum db_stream_state db_stream_turn(struct db_stream *s)
{
	for (;;) {
		int rc = s->copying ? put_copy(s) : 1;
		bool sent = true;
		if (rc == 1) {
			s->copying = false;
			rc = 1 - PQflush(s->conn);
			rc = rc > 1 ? -1 : rc;
		}
		s->writing = rc == 0;
		if (rc < 0)
			return STREAM_LOST;
		if (s->copying || PQisBusy(s->conn))
			return PQstatus(s->conn) == CONNECTION_BAD ? STREAM_LOST
								   : STREAM_GOES_ON;
		PGresult *result = PQgetResult(s->conn);
		if (result)
			take_result(s, result);
		else if (!go_on(s, &sent))
			return PQenterPipelineMode(s->conn) ? STREAM_DONE : STREAM_LOST;
		if (!sent || PQstatus(s->conn) == CONNECTION_BAD)
			return STREAM_LOST;
	}
}
