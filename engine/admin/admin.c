/* What the parts of admin share: phases and transactions. */
#include "admin/admin.h"

#include "queries.h"

#include <string.h>

static const char *const phase_names[] = {
	[PHASE_PENDING] = "pending",
	[PHASE_RUNNING] = "running",
	[PHASE_WAITING] = "waiting",
	[PHASE_SUSPENDED] = "suspended",
	[PHASE_COMPLETED] = "completed",
	[PHASE_FAULTED] = "faulted",
	[PHASE_CANCELLED] = "cancelled",
	[PHASE_SKIPPED] = "skipped",
};

const char *phase_name(enum phase p)
{
	return phase_names[p];
}

const char *phase_symbol(enum phase p, bool ascii)
{
	static const char *const symbols[][2] = {
		[PHASE_PENDING] = {"·", "."},
		[PHASE_RUNNING] = {"▸", ">"},
		[PHASE_WAITING] = {"◷", "~"},
		[PHASE_SUSPENDED] = {"‖", "="},
		[PHASE_COMPLETED] = {"✓", "+"},
		[PHASE_FAULTED] = {"✗", "x"},
		[PHASE_CANCELLED] = {"⊘", "/"},
		[PHASE_SKIPPED] = {"-", "-"},
	};
	return symbols[p][ascii];
}

bool phase_parse(const char *name, enum phase *ret)
{
	for (size_t i = 0; i < sizeof phase_names / sizeof *phase_names; i++) {
		if (strcmp(name, phase_names[i]) == 0) {
			*ret = (enum phase)i;
			return true;
		}
	}
	return false;
}

bool phase_has_ended(enum phase p)
{
	return p >= PHASE_COMPLETED;
}

bool admin_begin(struct db_client *c, struct error *err)
{
	return db_client_query(c, sql_begin_transaction, NULL, NULL, err);
}

bool admin_commit(struct db_client *c, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(c, sql_commit_transaction, NULL, &r, err))
		return false;
	bool committed = strcmp(db_command_tag(r), "COMMIT") == 0;
	db_result_destroy(r);
	if (!committed)
		return error_set(err, ERROR_PERMANENT, "the transaction was rolled back");
	return true;
}

void admin_rollback(struct db_client *c)
{
	/* Without a connection there is nothing to roll back. */
	if (!db_client_query(c, sql_rollback_transaction, NULL, NULL, NULL))
		return;
}
