/*
 * `call: sql`: one statement with bound parameters. On the journal's own database it
 * commits together with the entry of its outcome: exactly once. On another database it is
 * an effect like any other.
 */
#ifndef STEPWELL_CALL_SQL_H
#define STEPWELL_CALL_SQL_H

#include "db/db.h"
#include "definition/task.h"

enum sql_output { SQL_ROWS, SQL_ROW, SQL_VALUE, SQL_COUNT };

struct sql_call {
	char *statement;
	char *database;  /* NULL: the journal's */
	char *namespace; /* of the definition */
	struct expression *parameters;
	enum sql_output output;
	int64_t expect; /* rows that must be affected; -1: any */
};

struct sql_request {
	struct request request; /* first */
	const struct sql_call *call;
	struct db_params params;
};

/* A row of the statement's answer goes to the step's output; number: how many came
 * before. False: the output is larger than the limit, no more rows are wanted. */
bool sql_add_row(const struct sql_call *call, const struct db_result *r, int row,
	int64_t number, size_t limit, struct effect *effect);
/* The step's output after the last row; result: the statement's, without rows. False: the
 * effect's fault says why it cannot be one, or that `expect` was not met. */
bool sql_end_output(const struct sql_call *call, const struct db_result *result,
	size_t limit, struct effect *effect);

/* The connections of one worker's `call: sql` steps: settings->sql_connections for the
 * journal's database, registered as sessions of the worker and connecting at its pace,
 * and as many for each other one. Borrows the pace. */
struct sql_steps *sql_steps_create(uv_loop_t *loop, const struct settings *settings,
	struct uuid worker, struct db_pace *pace);
/* Closes what is open; the memory stays until the loop has run once more. */
void sql_steps_close(struct sql_steps *s);
void sql_steps_destroy(struct sql_steps *s);

/* Runs the effect of a sql_request; sql/session.c. */
void sql_session_start(struct effect *effect);
void sql_session_stop(struct effect *effect);

#endif
