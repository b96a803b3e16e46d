/*
 * What the checks of doctor_*.c share: they ask the database for facts, judge them, and
 * note what they found. The status of a check is the worst of its notes.
 */
#ifndef STEPWELL_DOCTOR_CHECK_H
#define STEPWELL_DOCTOR_CHECK_H

#include "doctor/doctor.h"

#include "base/clock.h"

/* What is known of the server, from sql/queries/find_server.sql. */
struct server {
	int64_t version;                           /* 150014 */
	char *version_text, *encoding, *directory; /* directory "": not to be seen */
	bool in_recovery, read_only, sees_all; /* sees_all: other roles' sessions, too */
	int64_t now;                           /* microseconds since 1970 */
};

#define DOCTOR_TEXTS 8

struct doctor {
	struct db_client *client;
	const char *conninfo;
	const char *version; /* of this build */
	struct db_peer peer;
	struct server server;
	int64_t latency;      /* of a round trip, microseconds */
	int64_t clock_ahead;  /* the server's clock minus ours, microseconds */
	bool has_schema;      /* ours, so far that it can be read */
	int64_t live_workers; /* -1: not known */

	/* The check under way. */
	enum check_status status;
	bool unusable;
	struct buf found, advice;
	char texts[DOCTOR_TEXTS][32]; /* what the last few of the questions below gave */
	unsigned next_text;
};

/* A check: false when it could not be made; err then says why. Most run in a read-only
 * transaction of their own that ends within seconds (doctor.c). */
typedef bool doctor_check(struct doctor *d, struct error *err);

/* Adds a sentence part to what was found, and makes the status at least `status`. */
void doctor_note(struct doctor *d, enum check_status status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Adds what to do. */
void doctor_advise(struct doctor *d, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Values for people; the text is valid until DOCTOR_TEXTS more were asked for. */
const char *doctor_span(struct doctor *d, int64_t usec);                /* "2m 3s" */
const char *doctor_size(struct doctor *d, int64_t bytes);               /* "1.5 MiB" */
const char *doctor_count(struct doctor *d, int64_t n, const char *one); /* "2 runs" */

/* connection.c */
doctor_check doctor_connection, doctor_version, doctor_primary, doctor_encoding,
	doctor_pooler, doctor_tls, doctor_clock;
/* settings.c */
doctor_check doctor_fsync, doctor_full_page_writes, doctor_synchronous_commit,
	doctor_timeouts;
/* schema.c */
doctor_check doctor_schema, doctor_rights, doctor_logins, doctor_partitions;
/* storage.c */
doctor_check doctor_xmin, doctor_slots, doctor_wraparound, doctor_vacuum,
	doctor_lease_size, doctor_disk, doctor_connections;
/* pool.c */
doctor_check doctor_workers, doctor_leases, doctor_locks, doctor_suspended, doctor_events,
	doctor_notifications;
/* probe.c */
doctor_check doctor_commits, doctor_notify, doctor_run;

#endif
