/* What the server, the database or the role are set to, as a new session gets it. */
#include "doctor/check.h"

#include "queries.h"

#include <stdlib.h>
#include <string.h>

/* Calls on_setting for the settings of one check. `where` is who set it: "the role". */
static bool each_setting(struct doctor *d,
	void (*on_setting)(
		struct doctor *d, const char *name, const char *value, const char *where),
	struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_list_settings, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		const char *where = db_text(r, row, 2);
		on_setting(d, db_text(r, row, 0), db_text(r, row, 1),
			*where ? where
			: db_bool(r, row, 3)
				? "the server's configuration or the connection's options"
				: "default");
	}
	db_result_destroy(r);
	return true;
}

static void judge_switch(struct doctor *d, const char *value, const char *advice)
{
	bool on = strcmp(value, "on") == 0;
	doctor_note(d, on ? CHECK_OK : CHECK_PROBLEM, "%s", value);
	if (!on)
		doctor_advise(d, "%s", advice);
}

static void on_fsync(
	struct doctor *d, const char *name, const char *value, const char *where)
{
	(void)where;
	if (strcmp(name, "fsync") == 0)
		judge_switch(d, value,
			"run: alter system set fsync = on, then restart the server");
}

bool doctor_fsync(struct doctor *d, struct error *err)
{
	return each_setting(d, on_fsync, err);
}

static void on_full_page_writes(
	struct doctor *d, const char *name, const char *value, const char *where)
{
	(void)where;
	if (strcmp(name, "full_page_writes") == 0)
		judge_switch(d, value,
			"run: alter system set full_page_writes = on, then reload, "
			"unless the "
			"file system cannot tear a page (ZFS)");
}

bool doctor_full_page_writes(struct doctor *d, struct error *err)
{
	return each_setting(d, on_full_page_writes, err);
}

static void on_synchronous_commit(
	struct doctor *d, const char *name, const char *value, const char *where)
{
	if (strcmp(name, "synchronous_commit") != 0)
		return;
	bool weak = strcmp(value, "off") == 0 || strcmp(value, "local") == 0;
	doctor_note(d, weak ? CHECK_WARNING : CHECK_OK, "%s%s%s", value,
		weak ? ", by " : "", weak ? where : "");
	if (weak)
		doctor_advise(d,
			"reset synchronous_commit there, or set it to on in the "
			"transactions that call stepwell.start and stepwell.emit");
}

bool doctor_synchronous_commit(struct doctor *d, struct error *err)
{
	return each_setting(d, on_synchronous_commit, err);
}

/* Shorter ones end what wfctl or a caller of stepwell.start does in the normal course. */
static void on_timeout(
	struct doctor *d, const char *name, const char *value, const char *where)
{
	static const struct {
		const char *name;
		int64_t least;
	} limits[] = {
		{"statement_timeout", 10 * USEC_PER_SEC},
		{"lock_timeout", USEC_PER_SEC},
		{"idle_session_timeout", 60 * USEC_PER_SEC},
		{"idle_in_transaction_session_timeout", USEC_PER_SEC},
		{"transaction_timeout", 60 * USEC_PER_SEC},
	};
	int64_t usec = strtoll(value, NULL, 10) * USEC_PER_MS;
	for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
		if (strcmp(name, limits[i].name) != 0 || usec == 0)
			continue;
		doctor_note(d, usec < limits[i].least ? CHECK_WARNING : CHECK_OK,
			"%s is %s, by %s", name, doctor_span(d, usec), where);
		if (usec < limits[i].least)
			doctor_advise(d, "raise %s to %s or more", name,
				doctor_span(d, limits[i].least));
	}
}

bool doctor_timeouts(struct doctor *d, struct error *err)
{
	if (!each_setting(d, on_timeout, err))
		return false;
	if (!d->found.len)
		doctor_note(d, CHECK_OK, "none is set");
	return true;
}
