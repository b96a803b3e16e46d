/* The pool: who works, what does not move and why. */
#include "doctor/check.h"

#include "admin/admin.h"
#include "queries.h"

#include <string.h>

#define LATE (60 * USEC_PER_SEC)
#define BACKLOG 1000
#define QUEUE_PERCENT 10
#define QUEUE_PERCENT_FULL 50
#define LONG_WAIT (10 * USEC_PER_SEC)

/* ---- Workers ---- */

struct census {
	int live, gone, draining, other;
	char other_version[80]; /* of one of the others */
	const char *version;    /* of this program */
};

static void count_worker(void *ctx, const struct admin_worker *w)
{
	struct census *c = ctx;
	if (w->expires_at <= w->now) {
		c->gone++;
		return;
	}
	c->live++;
	c->draining += w->draining;
	if (strcmp(w->version, c->version) == 0)
		return;
	c->other++;
	snprintf(c->other_version, sizeof c->other_version, "%s", w->version);
}

/* A worker that may not end a frozen one's sessions may have to wait for what they hold.
 */
static bool judge_logins(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_strangers, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		const char *one = db_text(r, row, 0), *other = db_text(r, row, 1);
		doctor_note(d, CHECK_WARNING, "login %s may not end sessions of login %s",
			one, other);
		doctor_advise(d,
			"let workers log in as one role, or grant pg_signal_backend and "
			"pg_read_all_stats to %s",
			one);
	}
	db_result_destroy(r);
	return true;
}

bool doctor_workers(struct doctor *d, struct error *err)
{
	struct census c = {.version = d->version};
	if (!admin_each_worker(d->client, count_worker, &c, err))
		return false;
	d->live_workers = c.live;
	doctor_note(d, c.live ? CHECK_OK : CHECK_WARNING, "%d alive", c.live);
	if (!c.live)
		doctor_advise(d, "start some: wfctl worker");
	if (c.draining)
		doctor_note(d, CHECK_OK, "%d of them draining", c.draining);
	if (c.gone) {
		doctor_note(d, CHECK_WARNING, "%d gone without a word", c.gone);
		doctor_advise(d, "see why they died; the next live worker takes over "
				 "their runs and forgets them");
	}
	if (c.other) {
		doctor_note(d, CHECK_WARNING,
			"%d of another version or build than %s, such as %s", c.other,
			c.version, c.other_version);
		doctor_advise(d, "replace workers until all are of one build");
	}
	return judge_logins(d, err);
}

/* ---- Runs that do not move ---- */

/* needs: words with commas between them. */
static void advise_flags(struct doctor *d, const char *needs)
{
	bool database = false, run = false, sql = false;
	for (const char *p = needs; *p; p += strspn(p, ", ")) {
		size_t n = strcspn(p, ",");
		database = database || strncmp(p, "database:", 9) == 0;
		run = run || (n == 5 && strncmp(p, "shell", n) == 0);
		sql = sql || (n == 3 && strncmp(p, "sql", n) == 0);
		p += n;
	}
	doctor_advise(d, "start a worker with%s%s%s",
		database ? " --database NAME=CONNINFO" : "", run ? " --allow-run" : "",
		sql ? " --allow-sql" : "");
}

static void judge_due(struct doctor *d, const char *needs, const char *runs, int64_t usec)
{
	bool late = usec >= LATE, alone = d->live_workers <= 0;
	doctor_note(d, alone || late ? CHECK_PROBLEM : CHECK_WARNING,
		"%s due for up to %s and not taken%s%s", runs, doctor_span(d, usec),
		*needs ? ", in need of " : "", needs);
	if (alone)
		doctor_advise(d, "no worker is alive; start some: wfctl worker");
	else if (*needs)
		advise_flags(d, needs);
	else
		doctor_advise(d, "add workers, or see locks and connections");
}

static void judge_stuck(struct doctor *d, const struct db_result *r, int row)
{
	const char *kind = db_text(r, row, 0);
	const char *runs = doctor_count(d, db_int(r, row, 2), "run");
	int64_t usec = db_int(r, row, 3);
	bool alone = d->live_workers <= 0;
	if (strcmp(kind, "restless") == 0) {
		doctor_note(d, CHECK_WARNING,
			"%s whose workers die again and again, by no doing of theirs "
			"that "
			"could be seen",
			runs);
		doctor_advise(d, "see the workers' logs and the kernel's (out of memory, "
				 "kill -9); "
				 "wfctl suspend RUN keeps one away");
		return;
	}
	if (strcmp(kind, "due") == 0 || strcmp(kind, "suspect") == 0) {
		judge_due(d, db_text(r, row, 1), runs, usec);
		return;
	}
	if (strcmp(kind, "baseless") == 0) {
		doctor_note(d, CHECK_PROBLEM, "%s whose journal is not there", runs);
		doctor_advise(d,
			"nothing can be resumed of it: start it anew from what its "
			"start knew, then delete from stepwell.lease where run_id = '%s'",
			db_text(r, row, 4));
		return;
	}
	if (strcmp(kind, "orphan") == 0)
		doctor_note(d, alone ? CHECK_PROBLEM : CHECK_WARNING,
			"%s owned by a worker that is not of the pool", runs);
	else
		doctor_note(d, alone || usec >= LATE ? CHECK_PROBLEM : CHECK_WARNING,
			"%s owned by a worker that is gone, for up to %s", runs,
			doctor_span(d, usec));
	doctor_advise(
		d, alone ? "no worker is alive to take over; start some: wfctl "
			   "worker"
			 : "a live worker takes over within seconds; if this stays, "
			   "see locks and the workers' logs");
}

bool doctor_leases(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_stuck_leases, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		judge_stuck(d, r, row);
		doctor_note(d, CHECK_OK, "such as %s", db_text(r, row, 4));
	}
	if (!db_rows(r))
		doctor_note(d, CHECK_OK, "none is stuck");
	db_result_destroy(r);
	return true;
}

bool doctor_locks(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_waiters, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		int64_t usec = db_int(r, row, 2);
		doctor_note(d, usec >= LONG_WAIT ? CHECK_PROBLEM : CHECK_WARNING,
			"process %lld (%s) waits for %s, since process %lld (%s, role "
			"%s, %s) "
			"holds a lock",
			(long long)db_int(r, row, 0), db_text(r, row, 1),
			doctor_span(d, usec), (long long)db_int(r, row, 3),
			db_text(r, row, 4), db_text(r, row, 5), db_text(r, row, 6));
		doctor_advise(d, "let it end, or select pg_terminate_backend(%lld)",
			(long long)db_int(r, row, 3));
	}
	if (!db_rows(r))
		doctor_note(d, CHECK_OK, "nobody waits for one");
	db_result_destroy(r);
	return true;
}

static bool note_parked(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_parked, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++)
		doctor_note(d, CHECK_WARNING,
			"definition %s is not compiled any more, since the processes "
			"that tried died",
			db_text(r, row, 0));
	if (db_rows(r))
		doctor_advise(d, "register a new version of it, or wfctl resume one of "
				 "its runs: then a process tries again");
	db_result_destroy(r);
	return true;
}

bool doctor_suspended(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!note_parked(d, err) ||
		!db_client_query(d->client, sql_count_suspended, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++)
		doctor_note(d, CHECK_WARNING, "%s: %s, such as %s",
			doctor_count(d, db_int(r, row, 1), "run"),
			db_is_null(r, row, 0) ? "at an operator's request"
					      : db_text(r, row, 0),
			db_text(r, row, 2));
	if (db_rows(r))
		doctor_advise(d,
			"look with wfctl status RUN, then wfctl resume, retry or "
			"cancel");
	else if (d->status == CHECK_OK)
		doctor_note(d, CHECK_OK, "none");
	db_result_destroy(r);
	return true;
}

/* ---- Events ---- */

bool doctor_events(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_count_unrouted, NULL, &r, err))
		return false;
	int64_t count = db_int(r, 0, 0), usec = db_int(r, 0, 1), left = db_int(r, 0, 2);
	bool behind = count > BACKLOG || usec > LATE;
	if (left) {
		doctor_note(d, CHECK_WARNING,
			"%s not routed any more, since the processes that tried died: "
			"%s of %s, type %s",
			doctor_count(d, left, "event"), db_text(r, 0, 4),
			db_text(r, 0, 3), db_text(r, 0, 5));
		doctor_advise(d,
			"look into the logs of workers; to have them routed again, e.g. "
			"by a newer version: update stepwell.event set tries = 0 where "
			"not routed and tries >= 5");
	}
	if (count)
		doctor_note(d, behind ? CHECK_WARNING : CHECK_OK,
			"%s not routed, the oldest for %s",
			doctor_count(d, count, "event"), doctor_span(d, usec));
	else if (!left)
		doctor_note(d, CHECK_OK, "all are routed");
	if (behind)
		doctor_advise(d, d->live_workers > 0 ? "add workers" : "start a worker");
	db_result_destroy(r);
	return true;
}

bool doctor_notifications(struct doctor *d, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_find_queue_usage, NULL, &r, err))
		return false;
	int64_t percent = db_int(r, 0, 0);
	doctor_note(d,
		percent >= QUEUE_PERCENT_FULL ? CHECK_PROBLEM
		: percent >= QUEUE_PERCENT    ? CHECK_WARNING
					      : CHECK_OK,
		"the queue is filled by %lld %%", (long long)percent);
	if (d->status != CHECK_OK)
		doctor_advise(d, "end sessions that listen and do not read: the oldest "
				 "transaction of one that has run LISTEN");
	db_result_destroy(r);
	return true;
}
