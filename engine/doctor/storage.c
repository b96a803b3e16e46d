/* What the server keeps, and what may run out: old snapshots, WAL, transaction ids, dead
 * rows, disk, connections. */
#include "doctor/check.h"

#include "queries.h"

#include <string.h>
#include <sys/statvfs.h>

#define OLD_SNAPSHOT (300 * USEC_PER_SEC)
#define SNAPSHOT_XIDS 100000
#define SNAPSHOT_XIDS_MANY 5000000
#define SLOT_BYTES (1LL << 30)
#define OLD_XID 1000000000
#define OLDEST_XID 1800000000 /* of 2^31; the server stops 3 million before */
#define DEAD_ROWS 50000
#define LEASE_BYTES (32LL << 20)
#define LEASE_ROW_BYTES 4096
#define WORKER_CONNECTIONS 4
#define FEW_CONNECTIONS 16

/* ---- Snapshots ---- */

static void describe_holder(struct doctor *d, const struct db_result *r)
{
	const char *kind = db_text(r, 0, 0), *name = db_text(r, 0, 1);
	const char *application = db_text(r, 0, 3), *role = db_text(r, 0, 4);
	if (strcmp(kind, "slot") == 0) {
		doctor_note(d, CHECK_OK, "held by the %s replication slot %s",
			db_text(r, 0, 8), name);
		doctor_advise(d,
			"bring its standby back, or select "
			"pg_drop_replication_slot('%s')",
			name);
	} else if (strcmp(kind, "prepared") == 0) {
		doctor_note(d, CHECK_OK, "held by the prepared transaction %s of %s",
			name, role);
		doctor_advise(d, "commit prepared, or rollback prepared, with its name");
	} else {
		doctor_note(d, CHECK_OK,
			"held by %s, process %lld, application \"%s\", role %s, %s, last "
			"statement %s ago",
			strcmp(kind, "standby") == 0 ? "a standby's queries"
						     : "a session",
			(long long)db_int(r, 0, 2), application, role,
			db_is_null(r, 0, 8) ? "state unknown" : db_text(r, 0, 8),
			doctor_span(d, db_int(r, 0, 7)));
		doctor_advise(d, "let it end, or select pg_terminate_backend(%lld)",
			(long long)db_int(r, 0, 2));
	}
}

static enum check_status judge_holder(int64_t xids, int64_t usec)
{
	if (xids >= SNAPSHOT_XIDS_MANY)
		return CHECK_PROBLEM;
	return xids >= SNAPSHOT_XIDS || usec >= OLD_SNAPSHOT ? CHECK_WARNING : CHECK_OK;
}

bool doctor_xmin(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_find_holder, NULL, &r, err))
		return false;
	if (db_rows(r)) {
		int64_t xids = db_int(r, 0, 5), usec = db_int(r, 0, 6);
		enum check_status status = judge_holder(xids, usec);
		doctor_note(d, status, "the oldest snapshot is %s old",
			doctor_count(d, xids, "transaction"));
		if (usec > 0)
			doctor_note(d, status, "open for %s", doctor_span(d, usec));
		if (status != CHECK_OK)
			describe_holder(d, r);
	} else {
		doctor_note(d, CHECK_OK, "no snapshot is held");
	}
	db_result_destroy(r);
	if (!d->server.sees_all)
		doctor_note(d, CHECK_OK,
			"only sessions of this role are seen (grant pg_read_all_stats)");
	return true;
}

/* ---- Slots and transaction ids ---- */

static void judge_slot(struct doctor *d, const struct db_result *r, int row)
{
	const char *name = db_text(r, row, 0), *status = db_text(r, row, 4);
	bool active = db_bool(r, row, 2), lost = strcmp(status, "lost") == 0;
	int64_t kept = db_int(r, row, 3), xids = db_int(r, row, 5);
	if (active && kept < SLOT_BYTES && xids < SNAPSHOT_XIDS)
		return;
	doctor_note(d, CHECK_WARNING, "%s is %s and keeps %s of WAL%s", name,
		lost     ? "lost"
		: active ? "active"
			 : "inactive",
		doctor_size(d, kept),
		xids >= SNAPSHOT_XIDS ? " and old rows of the catalogs" : "");
	doctor_advise(d,
		"see to the reader of %s, or select "
		"pg_drop_replication_slot('%s')",
		name, name);
}

bool doctor_slots(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_slots, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++)
		judge_slot(d, r, row);
	if (d->status == CHECK_OK)
		doctor_note(d, CHECK_OK, "%s, read without delay",
			doctor_count(d, db_rows(r), "slot"));
	db_result_destroy(r);
	return true;
}

bool doctor_wraparound(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_ages, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		const char *name = db_text(r, row, 0);
		int64_t xids = db_int(r, row, 1), multixacts = db_int(r, row, 2);
		int64_t most = xids > multixacts ? xids : multixacts;
		bool ours = db_bool(r, row, 3);
		if (most < OLD_XID && !ours)
			continue;
		doctor_note(d,
			most >= OLDEST_XID ? CHECK_PROBLEM
			: most >= OLD_XID  ? CHECK_WARNING
					   : CHECK_OK,
			"%s: age %lld, multixacts %lld", name, (long long)xids,
			(long long)multixacts);
		if (most >= OLD_XID)
			doctor_advise(d,
				"vacuum (freeze) the database %s; first end what "
				"holds an old snapshot",
				name);
	}
	db_result_destroy(r);
	return true;
}

/* ---- The table of leases ---- */

bool doctor_vacuum(struct doctor *d, struct error *err)
{
	struct db_result *r, *settings;
	if (!db_client_query(d->client, sql_list_settings, NULL, &settings, err))
		return false;
	for (int row = 0; row < db_rows(settings); row++) {
		const char *name = db_text(settings, row, 0);
		bool ours = strcmp(name, "autovacuum") == 0 ||
			    strcmp(name, "track_counts") == 0;
		if (!ours || strcmp(db_text(settings, row, 1), "on") == 0)
			continue;
		doctor_note(d, CHECK_PROBLEM, "%s is off", name);
		doctor_advise(d, "run: alter system set %s = on, then reload", name);
	}
	db_result_destroy(settings);
	if (!db_client_query(d->client, sql_find_lease_table, NULL, &r, err))
		return false;
	int64_t dead = db_int(r, 0, 0), live = db_int(r, 0, 4);
	if (db_bool(r, 0, 3)) {
		doctor_note(d, CHECK_PROBLEM, "autovacuum is off for stepwell.lease");
		doctor_advise(
			d, "run: alter table stepwell.lease reset (autovacuum_enabled)");
	}
	bool many = dead > DEAD_ROWS && dead > live;
	doctor_note(d, many ? CHECK_WARNING : CHECK_OK, "%s and %s in stepwell.lease",
		doctor_count(d, live, "row"), doctor_count(d, dead, "dead row"));
	if (db_is_null(r, 0, 2))
		doctor_note(d, CHECK_OK, "not vacuumed yet");
	else
		doctor_note(
			d, CHECK_OK, "vacuumed %s ago", doctor_span(d, db_int(r, 0, 2)));
	if (many)
		doctor_advise(
			d, "vacuum stepwell.lease; if that removes nothing, see xmin");
	db_result_destroy(r);
	return true;
}

bool doctor_lease_size(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_find_lease_table, NULL, &r, err))
		return false;
	int64_t rows = db_int(r, 0, 4), bytes = db_int(r, 0, 5);
	bool bloated = bytes > LEASE_BYTES && bytes / (rows + 1) > LEASE_ROW_BYTES;
	doctor_note(d, bloated ? CHECK_WARNING : CHECK_OK, "%s for %s, with indexes",
		doctor_size(d, bytes), doctor_count(d, rows, "row"));
	if (bloated)
		doctor_advise(d, "in a quiet minute: vacuum full stepwell.lease");
	db_result_destroy(r);
	return true;
}

/* ---- Disk and connections ---- */

/* Only where the server is on this host and says where its data is. */
static void judge_space(struct doctor *d)
{
	struct statvfs fs;
	if (*d->peer.host != '/' || !*d->server.directory ||
		statvfs(d->server.directory, &fs) != 0 || fs.f_blocks == 0)
		return;
	int64_t free_bytes = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	int percent = (int)((double)fs.f_bavail * 100 / (double)fs.f_blocks);
	bool low = percent < 10 && free_bytes < 50LL << 30;
	doctor_note(d,
		low && (percent < 2 || free_bytes < 256LL << 20) ? CHECK_PROBLEM
		: low                                            ? CHECK_WARNING
								 : CHECK_OK,
		"%s (%d %%) free in %s", doctor_size(d, free_bytes), percent,
		d->server.directory);
	if (low)
		doctor_advise(d, "make room, or drop old partitions");
}

bool doctor_disk(struct doctor *d, struct error *err)
{
	struct db_result *r;
	struct error why;
	if (!db_client_query(d->client, sql_find_sizes, NULL, &r, err))
		return false;
	doctor_note(d, CHECK_OK, "the database has %s, its journal %s, its runs %s",
		doctor_size(d, db_int(r, 0, 0)), doctor_size(d, db_int(r, 0, 1)),
		doctor_size(d, db_int(r, 0, 2)));
	db_result_destroy(r);
	if (db_client_query(d->client, sql_find_wal_size, NULL, &r, &why)) {
		doctor_note(d, CHECK_OK, "WAL %s", doctor_size(d, db_int(r, 0, 0)));
		db_result_destroy(r);
	} else if (why.kind == ERROR_DENIED) {
		doctor_note(d, CHECK_OK, "WAL cannot be seen (grant pg_monitor)");
	} else {
		*err = why;
		return false;
	}
	judge_space(d);
	return true;
}

/* limit -1: any. */
static void judge_slots_left(
	struct doctor *d, const char *of, int64_t used, int64_t limit, int64_t *left)
{
	if (limit < 0)
		return;
	if (limit - used < *left)
		*left = limit - used;
	doctor_note(d, CHECK_OK, "%lld of %lld in use%s", (long long)used,
		(long long)limit, of);
}

bool doctor_connections(struct doctor *d, struct error *err)
{
	struct db_result *r;
	int64_t left = INT64_MAX;
	if (!db_client_query(d->client, sql_count_connections, NULL, &r, err))
		return false;
	judge_slots_left(d, "", db_int(r, 0, 0), db_int(r, 0, 1), &left);
	judge_slots_left(d, " by this role", db_int(r, 0, 2), db_int(r, 0, 3), &left);
	judge_slots_left(d, " in this database", db_int(r, 0, 4), db_int(r, 0, 5), &left);
	db_result_destroy(r);
	if (left >= FEW_CONNECTIONS)
		return true;
	doctor_note(d, left < WORKER_CONNECTIONS ? CHECK_PROBLEM : CHECK_WARNING,
		left < WORKER_CONNECTIONS ? "too few are left for a worker"
					  : "%lld are left",
		(long long)left);
	doctor_advise(d, "raise the limit (max_connections, alter role, alter database), "
			 "or run fewer processes or --sql-connections");
	return true;
}
