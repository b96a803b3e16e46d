/* The list of checks, and how one is made: a check that cannot be made is skipped and
 * says why, unless the connection is gone. */
#include "doctor/doctor.h"

#include "doctor/check.h"

#include "queries.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* How a check is made. */
enum {
	PLAIN = 0,
	NEEDS_SCHEMA = 1,
	NO_TRANSACTION = 2, /* else in one of its own, read-only and short */
};

struct entry {
	const char *name;
	doctor_check *check;
	int how;
	const char *why;
};

static const struct entry examination[] = {
	{"connection", doctor_connection, PLAIN,
		"each step waits for one commit, so for at least one round trip"},
	{"version", doctor_version, PLAIN, "Stepwell needs PostgreSQL 14 or newer"},
	{"primary", doctor_primary, PLAIN, "only a primary takes writes"},
	{"encoding", doctor_encoding, PLAIN,
		"payloads are UTF-8 text and must come back unchanged"},
	{"rights", doctor_rights, PLAIN,
		"a worker that lacks a right fails in the middle of its work"},
	{"schema", doctor_schema, PLAIN,
		"a program and a schema of different versions do not understand each "
		"other"},
	{"sql-logins", doctor_logins, NEEDS_SCHEMA,
		"whoever writes a statement may do what its login may do"},
	{"pooler", doctor_pooler, NO_TRANSACTION,
		"a worker's sessions must be its own: they prepare statements, listen, "
		"and are "
		"how the pool sees that a worker is gone"},
	{"tls", doctor_tls, PLAIN,
		"without a verified certificate anybody on the way can read and change "
		"what is "
		"sent"},
	{"clock", doctor_clock, PLAIN,
		"leases and timers go by the database's clock alone; this host's shows "
		"in logs"},
	{"fsync", doctor_fsync, PLAIN,
		"without it a crash of the host loses or destroys what was "
		"acknowledged"},
	{"full_page_writes", doctor_full_page_writes, PLAIN,
		"without it a crash of the host can leave half-written pages"},
	{"synchronous_commit", doctor_synchronous_commit, PLAIN,
		"workers and wfctl set it for themselves; a start or an event by SQL is "
		"as durable "
		"as its own session"},
	{"timeouts", doctor_timeouts, PLAIN,
		"workers set their own; wfctl, and starts and events by SQL, run under "
		"these"},
	{"connections", doctor_connections, PLAIN,
		"a worker process keeps 4 connections, and up to 4 more for call: sql"},
	{"xmin", doctor_xmin, PLAIN,
		"an old snapshot keeps dead rows alive: claims read through all of them "
		"and slow "
		"down"},
	{"slots", doctor_slots, PLAIN,
		"a replication slot that nobody reads keeps WAL until the disk is full"},
	{"wraparound", doctor_wraparound, PLAIN,
		"PostgreSQL stops to take writes before its transaction ids run out"},
	{"vacuum", doctor_vacuum, NEEDS_SCHEMA,
		"the table of leases is written all the time; claims are fast only "
		"while it is "
		"vacuumed"},
	{"lease-size", doctor_lease_size, NEEDS_SCHEMA,
		"claims and timers read this table and its indexes"},
	{"disk", doctor_disk, PLAIN, "a full disk stops every run"},
	{"partitions", doctor_partitions, NEEDS_SCHEMA,
		"runs and journals lie in weekly partitions, by the time in their ids"},
	{"workers", doctor_workers, NEEDS_SCHEMA, "without a live worker nothing moves"},
	{"leases", doctor_leases, NEEDS_SCHEMA,
		"no run may wait for something that never comes"},
	{"locks", doctor_locks, NEEDS_SCHEMA,
		"a lock that is held long stops what wants the same rows"},
	{"suspended", doctor_suspended, NEEDS_SCHEMA,
		"a suspended run waits for a person"},
	{"events", doctor_events, NEEDS_SCHEMA,
		"a worker tells listeners of each event within a poll interval"},
	{"notifications", doctor_notifications, PLAIN,
		"a session that listens and does not read fills the queue; when it is "
		"full, every "
		"NOTIFY fails"},
};

static const struct entry probe[] = {
	{"probe-commit", doctor_commits, NO_TRANSACTION,
		"a run makes one commit per effect, and waits for it"},
	{"probe-notify", doctor_notify, NO_TRANSACTION,
		"idle workers are woken by a notification; without it they find new runs "
		"at their "
		"next poll"},
	{"probe-run", doctor_run, NO_TRANSACTION,
		"what a worker needs is best seen by letting one work"},
};

const char *check_status_name(enum check_status s)
{
	static const char *const names[CHECK_STATUSES] = {
		[CHECK_OK] = "ok",
		[CHECK_SKIPPED] = "skipped",
		[CHECK_WARNING] = "warning",
		[CHECK_PROBLEM] = "problem",
	};
	return names[s];
}

/* ---- Notes ---- */

static void add(struct buf *to, const char *format, va_list args)
	__attribute__((format(printf, 2, 0)));

static void add(struct buf *to, const char *format, va_list args)
{
	char text[1024];
	vsnprintf(text, sizeof text, format, args);
	if (to->len)
		buf_puts(to, "; ");
	buf_puts(to, text);
}

void doctor_note(struct doctor *d, enum check_status status, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(&d->found, format, args);
	va_end(args);
	if (status > d->status)
		d->status = status;
}

void doctor_advise(struct doctor *d, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	add(&d->advice, format, args);
	va_end(args);
}

static char *next_text(struct doctor *d)
{
	return d->texts[d->next_text++ % DOCTOR_TEXTS];
}

const char *doctor_span(struct doctor *d, int64_t usec)
{
	char *text = next_text(d);
	duration_format(usec, text, sizeof d->texts[0]);
	return text;
}

const char *doctor_size(struct doctor *d, int64_t bytes)
{
	static const char *const units[] = {"KiB", "MiB", "GiB", "TiB"};
	char *text = next_text(d);
	double n = (double)bytes / 1024;
	size_t unit = 0;
	for (; n >= 1024 && unit < 3; unit++)
		n /= 1024;
	snprintf(text, sizeof d->texts[0], "%.*f %s", n < 10, n, units[unit]);
	return text;
}

const char *doctor_count(struct doctor *d, int64_t n, const char *one)
{
	char *text = next_text(d);
	snprintf(text, sizeof d->texts[0], "%lld %s%s", (long long)n, one,
		n == 1 ? "" : "s");
	return text;
}

/* ---- Making one ---- */

/* The server spoke: the connection is there, only this check is not possible. */
static bool is_refusal(const struct error *err)
{
	return err->kind != ERROR_TRANSIENT || *err->sqlstate;
}

static void deliver(
	const struct doctor *d, const struct entry *e, struct doctor_report *report)
{
	struct check check = {
		.name = e->name,
		.status = d->status,
		.found = buf_text(&d->found),
		.why = e->why,
		.advice = d->advice.len ? buf_text(&d->advice) : NULL,
	};
	report->counts[check.status]++;
	report->unusable |= d->unusable;
	report->on_check(report->ctx, &check);
}

static bool check_in_transaction(
	struct doctor *d, doctor_check *check, struct error *ret_why, struct error *err)
{
	struct db_client *c = d->client;
	ret_why->kind = ERROR_NONE;
	if (!db_client_query(c, sql_begin_transaction, NULL, NULL, err) ||
		!db_client_query(c, sql_set_examiner, NULL, NULL, err))
		return false;
	if (!check(d, ret_why) && !is_refusal(ret_why)) {
		*err = *ret_why;
		return false;
	}
	return db_client_query(c, sql_rollback_transaction, NULL, NULL, err);
}

static bool make(struct doctor *d, const struct entry *e, struct doctor_report *report,
	struct error *err)
{
	struct error why = {0};
	bool transaction = !(e->how & NO_TRANSACTION);
	buf_clear(&d->found);
	buf_clear(&d->advice);
	d->status = CHECK_OK;
	d->unusable = false;
	if ((e->how & NEEDS_SCHEMA) && !d->has_schema) {
		doctor_note(d, CHECK_SKIPPED, "needs the schema");
	} else if (transaction && !check_in_transaction(d, e->check, &why, err)) {
		return false;
	} else if (!transaction && !e->check(d, &why) && !is_refusal(&why)) {
		*err = why;
		return false;
	}
	if (why.kind != ERROR_NONE)
		doctor_note(d, CHECK_SKIPPED, "could not be looked at: %s", why.text);
	deliver(d, e, report);
	return true;
}

static bool find_server(struct doctor *d, struct error *err)
{
	struct server *s = &d->server;
	struct db_result *r;
	if (!db_client_query(d->client, sql_find_server, NULL, &r, err))
		return false;
	*s = (struct server){
		.version = db_int(r, 0, 0),
		.version_text = xstrdup(db_text(r, 0, 1)),
		.encoding = xstrdup(db_text(r, 0, 2)),
		.in_recovery = db_bool(r, 0, 3),
		.read_only = db_bool(r, 0, 4),
		.sees_all = db_bool(r, 0, 5),
		.directory = xstrdup(db_text(r, 0, 6)),
	};
	db_result_destroy(r);
	return true;
}

static void finish(struct doctor *d)
{
	buf_finish(&d->found);
	buf_finish(&d->advice);
	free(d->server.version_text);
	free(d->server.encoding);
	free(d->server.directory);
}

static bool begin(
	struct doctor *d, struct db_client *c, const char *conninfo, struct error *err)
{
	*d = (struct doctor){.client = c, .conninfo = conninfo, .live_workers = -1};
	db_client_peer(c, &d->peer);
	return find_server(d, err);
}

bool doctor_examine(struct db_client *c, const char *conninfo,
	struct doctor_report *report, struct error *err)
{
	struct doctor d;
	bool ok = begin(&d, c, conninfo, err);
	d.version = report->version;
	for (size_t i = 0; ok && i < sizeof examination / sizeof *examination; i++)
		ok = make(&d, &examination[i], report, err);
	finish(&d);
	return ok;
}

bool doctor_probe(struct db_client *c, const char *conninfo, struct doctor_report *report,
	struct error *err)
{
	struct doctor d;
	bool ok = begin(&d, c, conninfo, err);
	d.version = report->version;
	d.has_schema = true;
	for (size_t i = 0; ok && i < sizeof probe / sizeof *probe; i++)
		ok = make(&d, &probe[i], report, err);
	finish(&d);
	return ok;
}

void doctor_unreachable(struct doctor_report *report, const struct error *why)
{
	struct doctor d = {0};
	doctor_note(&d, CHECK_PROBLEM, "%s", why->text);
	doctor_advise(&d, "see that the server runs, that it listens where --db or "
			  "DATABASE_URL says, and that the role may log in");
	d.unusable = true;
	deliver(&d, &examination[0], report);
	finish(&d);
}
