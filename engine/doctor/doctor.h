/*
 * What an operator would look at, looked at: the server, the rights, the schema and the
 * pool, as a list of checks. Each says what was found, why it matters and, unless all is
 * well, what to do. Nothing is changed; only doctor_probe writes, and removes it again.
 */
#ifndef STEPWELL_DOCTOR_DOCTOR_H
#define STEPWELL_DOCTOR_DOCTOR_H

#include "db/db.h"

enum check_status {
	CHECK_OK,
	CHECK_SKIPPED, /* could not be looked at; `found` says why */
	CHECK_WARNING, /* works, but not as it should, or not for long */
	CHECK_PROBLEM, /* something does not work, or a promise does not hold */
};

#define CHECK_STATUSES 4

const char *check_status_name(enum check_status s);

/* One check; texts are one line each and borrow until on_check returns. */
struct check {
	const char *name; /* stable */
	enum check_status status;
	const char *found;
	const char *why;
	const char *advice; /* NULL: nothing to do */
};

struct doctor_report {
	void (*on_check)(void *ctx, const struct check *check);
	void *ctx;
	const char *version;        /* of this build, as its workers would have it */
	int counts[CHECK_STATUSES]; /* so far */
	bool unusable; /* no command can work here: read-only, too old, wrong schema */
};

/* The checks on connection c; conninfo opens a second one beside it. ERROR_TRANSIENT when
 * the connection is lost meanwhile. */
MUST_CHECK bool doctor_examine(struct db_client *c, const char *conninfo,
	struct doctor_report *report, struct error *err);
/* Tries it out: commits, a notification, a run with steps of its own, executed in this
 * process and then deleted. Needs a primary with our schema. */
MUST_CHECK bool doctor_probe(struct db_client *c, const char *conninfo,
	struct doctor_report *report, struct error *err);
/* Why there is no connection, as the only check. */
void doctor_unreachable(struct doctor_report *report, const struct error *why);

#endif
