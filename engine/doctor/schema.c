/* The schema, the rights to it, and its partitions. */
#include "doctor/check.h"

#include "admin/admin.h"
#include "queries.h"

#include <string.h>

#define FUTURE (24 * 3600 * USEC_PER_SEC)

static void judge_schema(struct doctor *d, enum schema_state state)
{
	static const char *const texts[] = {
		[SCHEMA_CURRENT] = "up to date",
		[SCHEMA_MISSING] = "missing",
		[SCHEMA_OLD] = "older than this program",
		[SCHEMA_STALE] = "of this version, with other functions",
		[SCHEMA_NEWER] = "newer than this program",
	};
	bool usable = state == SCHEMA_CURRENT || state == SCHEMA_STALE;
	doctor_note(d,
		state == SCHEMA_CURRENT ? CHECK_OK
		: usable                ? CHECK_WARNING
					: CHECK_PROBLEM,
		"%s", texts[state]);
	d->unusable = !usable;
	d->has_schema = state != SCHEMA_MISSING;
	if (state == SCHEMA_NEWER)
		doctor_advise(d, "use a newer wfctl");
	else if (state != SCHEMA_CURRENT)
		doctor_advise(d, "wfctl migrate, as the schema's owner");
}

bool doctor_schema(struct doctor *d, struct error *err)
{
	enum schema_state state;
	struct error why;
	if (admin_schema_state(d->client, &state, &why)) {
		judge_schema(d, state);
		return true;
	}
	if (why.kind != ERROR_DENIED) {
		*err = why;
		return false;
	}
	doctor_note(d, CHECK_PROBLEM, "cannot be read: %s", why.text);
	doctor_advise(d, "see encoding and rights");
	d->unusable = true;
	return true;
}

bool doctor_rights(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_missing_rights, NULL, &r, err))
		return false;
	if (db_rows(r) && !*db_text(r, 0, 0)) {
		doctor_note(d, CHECK_SKIPPED, "there is no schema to have rights to");
		db_result_destroy(r);
		return true;
	}
	for (int row = 0; row < db_rows(r); row++)
		doctor_note(d, CHECK_PROBLEM, "%s: no %s", db_text(r, row, 0),
			db_text(r, row, 1));
	if (db_rows(r))
		doctor_advise(d,
			"as the schema's owner, grant the role %s what is missing",
			d->peer.user);
	else
		doctor_note(d, CHECK_OK, "all that a worker needs");
	db_result_destroy(r);
	return true;
}

static void judge_login(struct doctor *d, const struct db_result *r, int row)
{
	const char *login = db_text(r, row, 0);
	bool open = db_bool(r, row, 1);
	if (db_is_null(r, row, 2)) {
		doctor_note(d, CHECK_OK, "%s", login);
		return;
	}
	doctor_note(d, open ? CHECK_PROBLEM : CHECK_WARNING, "%s%s%s%s",
		*login ? "login " : "", login, *login ? " " : "", db_text(r, row, 2));
	if (open)
		doctor_advise(d, "take it away: a login of steps may call "
				 "stepwell.append_step, and nothing else of ours");
}

bool doctor_logins(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_login_rights, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++)
		judge_login(d, r, row);
	if (!db_rows(r))
		doctor_note(d, CHECK_OK, "none");
	db_result_destroy(r);
	return true;
}

static void judge_partition(struct doctor *d, const struct db_result *r, int row)
{
	int64_t week = db_int(r, row, 0);
	const char *name = db_text(r, row, 1);
	bool exists = db_bool(r, row, 2), attached = db_bool(r, row, 3);
	if (db_is_null(r, row, 4))
		return;
	if (attached) {
		doctor_note(d, week == 0 ? CHECK_PROBLEM : CHECK_WARNING,
			"%s has other bounds, and no partition is there from %s to %s "
			"(UTC)",
			name, db_text(r, row, 4), db_text(r, row, 5));
		return;
	}
	doctor_note(d, week == 0 || exists ? CHECK_PROBLEM : CHECK_WARNING, "%s %s", name,
		exists ? "is not attached" : "is missing");
	if (exists)
		doctor_advise(d,
			"attach %s to its table, or drop it: while it is there, no other "
			"is made for that week",
			name);
}

static bool judge_ids(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_find_newest_id, NULL, &r, err))
		return false;
	int64_t ahead = db_int(r, 0, 0);
	db_result_destroy(r);
	if (ahead <= FUTURE)
		return true;
	doctor_note(d, CHECK_PROBLEM, "the newest run's id is %s ahead of the clock",
		doctor_span(d, ahead));
	doctor_advise(d, "see whether the database's clock was set back");
	return true;
}

bool doctor_partitions(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_partitions, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++)
		judge_partition(d, r, row);
	db_result_destroy(r);
	if (!d->found.len)
		doctor_note(d, CHECK_OK, "those of this week and the next two are there");
	else
		doctor_advise(d, "run: select stepwell.make_partitions()");
	return judge_ids(d, err);
}
