/* What the answers to a step's transaction mean: whose doing a failure is, and what
 * became of the entries that went along. */
#include "sql/judge.h"

#include "base/clock.h"

#include <stdlib.h>
#include <string.h>

size_t sql_judge_piece_max(size_t output_limit)
{
	size_t least = (size_t)16 << 20;
	return 2 * output_limit > least ? 2 * output_limit : least;
}

/* Why a run waits with a transaction that is undone each time. */
const char *sql_judge_reason(const struct error *err)
{
	static const struct {
		const char *prefix, *reason;
	} reasons[] = {
		{"40", "its transaction is repeated: deadlocks or serialization "
		       "failures"},
		{"55P03", "its transaction is repeated: a lock was not free in time"},
		{"53", "its transaction is repeated: the database lacks resources"},
	};
	for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		if (strncmp(err->sqlstate, reasons[i].prefix,
			    strlen(reasons[i].prefix)) == 0)
			return reasons[i].reason;
	}
	return "its transaction is repeated: the connection was lost";
}

/* Of a connection, which lives: the server has answered over it. So it is of another one,
 * which the statement made (dblink), of its parameters (08P01), or raised by it. */
static bool is_of_connection(const char *sqlstate)
{
	return strncmp(sqlstate, "08", 2) == 0 || strncmp(sqlstate, "57P", 3) == 0;
}

/* Whether what failed is the step's doing; at_commit: it was the COMMIT, where the
 * author's code may run. A limit that is set (temp_file_limit), memory that an answer
 * does not fit into, and a transaction that somebody made read only, which it was not
 * when it began, are no passing reasons. */
bool sql_judge_is_fault(const struct db_batch *b, bool at_commit)
{
	static const char *const states[] = {"57014", "53400", "25006"};
	const struct error *err = &b->err;
	if (err->kind != ERROR_TRANSIENT)
		return true;
	if (b->ambiguous)
		return strcmp(err->sqlstate, "53200") == 0;
	if (is_of_connection(err->sqlstate))
		return at_commit || b->failed == AT_STATEMENT ||
		       b->failed == AT_CONSTRAINTS;
	for (size_t i = 0; i < sizeof states / sizeof *states; i++) {
		if (strcmp(err->sqlstate, states[i]) == 0)
			return at_commit ||
			       (b->failed > AT_PREPARE && b->failed < AT_LEAVE);
	}
	return false;
}

/* Of append_step, where it is none of the author's doing. */
static enum outbox_end judge_login(const struct db_batch *b)
{
	const struct error *err = &b->err;
	if (b->ambiguous || err->kind == ERROR_TRANSIENT)
		return OUTBOX_AMBIGUOUS;
	if (err->kind == ERROR_FENCED)
		return OUTBOX_CONFLICT;
	/* Another owner, another key, or no right: look again. */
	bool refused = err->kind != ERROR_INPUT || strcmp(err->sqlstate, "22012") == 0;
	return refused ? OUTBOX_AMBIGUOUS : OUTBOX_UNSTORABLE;
}

/* Everything of ours was accepted, and then deferred work of the step's statement, which
 * deferred itself again when the constraints were to speak, failed at the COMMIT. */
bool sql_judge_is_refused(const struct db_batch *b)
{
	return b->err.kind != ERROR_NONE && !b->ambiguous && b->failed == b->count - 1 &&
	       sql_judge_is_fault(b, true);
}

/* What it means for the entries that went along. */
enum outbox_end sql_judge_end(const struct db_batch *b, bool is_login)
{
	const struct error *err = &b->err;
	if (err->kind == ERROR_NONE) {
		const struct db_result *commit = b->statements[b->count - 1].result;
		return strcmp(db_command_tag(commit), "COMMIT") == 0 ? OUTBOX_DURABLE
								     : OUTBOX_AMBIGUOUS;
	}
	if (is_login && !sql_judge_is_refused(b))
		return judge_login(b);
	if (b->ambiguous || err->kind == ERROR_TRANSIENT || sql_judge_is_refused(b))
		return OUTBOX_AMBIGUOUS; /* the journal knows whether it was committed */
	if (b->failed == 0 || db_error_is_drift(err))
		return OUTBOX_AMBIGUOUS; /* not the journal that we know: look again */
	return err->kind == ERROR_FENCED ? OUTBOX_CONFLICT : OUTBOX_UNSTORABLE;
}

/* The socket of the process that crashed is closed before the server tells the others, or
 * a little later where a program that it had started holds it open. Whom the server tells
 * in vain it kills after five seconds: that comes behind, unless this worker stood still
 * meanwhile and sees both at once. */
bool sql_judge_is_crash(const struct db *lost, const struct db *told, int64_t stood_until)
{
	int64_t told_at = db_told_at(told);
	return db_lost_at(lost) - told_at < SQL_AFTERMATH_MS * USEC_PER_MS &&
	       llabs(told_at - stood_until) > USEC_PER_SEC;
}
