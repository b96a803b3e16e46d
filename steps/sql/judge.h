/*
 * What the answers of the database to a step's transaction mean: session.c
 */
#ifndef STEPWELL_SQL_JUDGE_H
#define STEPWELL_SQL_JUDGE_H

#include "db/db.h"
#include "journal/journal.h"

/* The statements of a transaction, in order. */
enum {
	AT_BEGIN,
	AT_PREPARE,
	AT_STATEMENT,
	AT_CONSTRAINTS,
	AT_CURSORS,
	AT_RESET,
	AT_LEAVE,
};

/* Of a row or message; as JSON it is no shorter, but for an escape here and there. */
size_t sql_judge_piece_max(size_t output_limit);
/* Why a run waits with a transaction that is undone each time; static. */
const char *sql_judge_reason(const struct error *err);
/* Whether what failed is the step's doing; at_commit: it was the COMMIT, where the
 * author's code may run. */
bool sql_judge_is_fault(const struct db_batch *b, bool at_commit);
/* Of the batch that appends and commits: whether the author's code refused the COMMIT. */
bool sql_judge_is_refused(const struct db_batch *b);
/* What that batch means for the entries that went along. */
enum outbox_end sql_judge_end(const struct db_batch *b, bool is_login);

#define SQL_AFTERMATH_MS 500 /* of a loss: whom else it hits is known by then */
/* Whether a session was lost with the crash that the other connection was told of;
 * stood_until: when this worker had last stood still for seconds, CLOCK_BOOTTIME. */
bool sql_judge_is_crash(
	const struct db *lost, const struct db *told, int64_t stood_until);

#endif
