/* The server and the way to it: what was reached, through what, and whether it will do.
 */
#include "doctor/check.h"

#include "queries.h"

#include <stdlib.h>
#include <string.h>

#define PINGS 9
#define SLOW_TRIP (20 * USEC_PER_MS)
#define CLOCK_TOLERANCE (60 * USEC_PER_SEC)

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

static bool ask_backend(struct db_client *c, int64_t *ret_pid, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(c, sql_find_backend, NULL, &r, err))
		return false;
	*ret_pid = db_int(r, 0, 0);
	db_result_destroy(r);
	return true;
}

bool doctor_connection(struct doctor *d, struct error *err)
{
	const struct db_peer *p = &d->peer;
	int64_t spent[PINGS], pid;
	for (int i = 0; i < PINGS; i++) {
		int64_t start = clock_boottime();
		if (!ask_backend(d->client, &pid, err))
			return false;
		spent[i] = clock_boottime() - start;
	}
	qsort(spent, PINGS, sizeof *spent, compare);
	d->latency = spent[PINGS / 2];
	if (*p->host == '/')
		doctor_note(d, CHECK_OK, "socket %s", p->host);
	else
		doctor_note(d, CHECK_OK, "%s port %s", p->host, p->port);
	doctor_note(d, CHECK_OK, "database %s, role %s", p->database, p->user);
	doctor_note(d, d->latency > SLOW_TRIP ? CHECK_WARNING : CHECK_OK,
		"a round trip takes %.2f ms", (double)d->latency / 1000);
	if (d->status != CHECK_OK)
		doctor_advise(d, "run workers near the database");
	return true;
}

bool doctor_version(struct doctor *d, struct error *err)
{
	(void)err;
	bool old = d->server.version < 140000;
	doctor_note(d, old ? CHECK_PROBLEM : CHECK_OK, "PostgreSQL %s",
		d->server.version_text);
	d->unusable = old;
	if (old)
		doctor_advise(d, "upgrade the server");
	return true;
}

bool doctor_primary(struct doctor *d, struct error *err)
{
	(void)err;
	if (d->server.in_recovery) {
		doctor_note(d, CHECK_PROBLEM, "this server is a standby");
		doctor_advise(d, "name all servers and let libpq choose: host=A,B "
				 "target_session_attrs=read-write");
	} else if (d->server.read_only) {
		doctor_note(d, CHECK_PROBLEM,
			"a primary, but default_transaction_read_only is on");
		doctor_advise(d,
			"run: alter role %s reset default_transaction_read_only, or "
			"where it was set: alter database, alter system",
			d->peer.user);
	} else {
		doctor_note(d, CHECK_OK, "a primary that takes writes");
	}
	d->unusable = d->status == CHECK_PROBLEM;
	return true;
}

bool doctor_encoding(struct doctor *d, struct error *err)
{
	(void)err;
	bool wrong = strcmp(d->server.encoding, "UTF8") != 0;
	doctor_note(d, wrong ? CHECK_PROBLEM : CHECK_OK, "%s", d->server.encoding);
	d->unusable = wrong;
	if (wrong)
		doctor_advise(d, "use another database: createdb --template=template0 "
				 "--encoding=UTF8 NAME");
	return true;
}

/* ---- The pooler ---- */

bool doctor_pooler(struct doctor *d, struct error *err)
{
	(void)err;
	switch (d->peer.pooling) {
	case POOLING_NONE: doctor_note(d, CHECK_OK, "none, a direct connection"); break;
	case POOLING_SESSION:
		doctor_note(d, CHECK_WARNING,
			"a pooler that gives each client a session of its own: a killed "
			"worker's runs are taken over after its lease, not within a "
			"second");
		doctor_advise(d, "connect workers directly");
		break;
	case POOLING_TRANSACTION:
		doctor_note(d, CHECK_PROBLEM,
			"a pooler that shares sessions by the transaction: wfctl does "
			"not work through it, because LISTEN would hear nothing, and "
			"what a session sets (search_path, timeouts) would reach other "
			"clients; starts and events by SQL work");
		d->unusable = true;
		doctor_advise(d, "connect wfctl to Postgres itself, or by a pool with "
				 "pool_mode = session");
		break;
	}
	return true;
}

/* ---- The way ---- */

static bool is_loopback(const char *address)
{
	return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

bool doctor_tls(struct doctor *d, struct error *err)
{
	const struct db_peer *p = &d->peer;
	(void)err;
	if (*p->host == '/') {
		doctor_note(d, CHECK_OK, "a unix socket: no TLS, no network");
	} else if (p->tls && p->verified) {
		doctor_note(d, CHECK_OK, "%s, certificate and name verified", p->tls);
	} else if (is_loopback(p->address)) {
		doctor_note(
			d, CHECK_OK, "%s, this host itself", p->tls ? p->tls : "no TLS");
	} else {
		doctor_note(d, CHECK_WARNING, "%s, over the network",
			p->tls ? "TLS with an unverified certificate" : "no TLS");
		doctor_advise(d, "add sslmode=verify-full sslrootcert=FILE to the "
				 "connection string");
	}
	return true;
}

bool doctor_clock(struct doctor *d, struct error *err)
{
	struct db_result *r;
	int64_t before = clock_wall();
	if (!db_client_query(d->client, sql_find_server, NULL, &r, err))
		return false;
	int64_t after = clock_wall(), middle = before + (after - before) / 2;
	int64_t ahead = db_int(r, 0, 7) - middle, apart = ahead < 0 ? -ahead : ahead;
	db_result_destroy(r);
	if (apart < USEC_PER_SEC)
		doctor_note(d, CHECK_OK, "the database's clock and this host's agree");
	else
		doctor_note(d, apart > CLOCK_TOLERANCE ? CHECK_WARNING : CHECK_OK,
			"the database's clock is %s %s this host's",
			doctor_span(d, apart), ahead > 0 ? "ahead of" : "behind");
	if (d->status != CHECK_OK)
		doctor_advise(d, "let NTP set both clocks");
	return true;
}
