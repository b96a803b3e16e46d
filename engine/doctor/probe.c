/*
 * Trying it out. Commits of a record in the log touch no table. The run of the probe has
 * a definition of its own (stepwell/doctor, a version of its own), which others see while
 * it lasts; it, its run and its journal are deleted at the end. A probe that is cut short
 * leaves a run that any worker ends, and the next probe removes it.
 */
#include "doctor/check.h"

#include "admin/runs.h"
#include "queries.h"
#include "worker/worker.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COMMITS 20
#define SLOW_COMMIT (20 * USEC_PER_MS)
#define NOTIFY_PATIENCE (3 * USEC_PER_SEC)
#define CONNECT_PATIENCE (5 * USEC_PER_SEC)
#define RUN_PATIENCE (30 * USEC_PER_SEC)

static const char document[] =
	"{\"document\": {\"dsl\": \"1.0.3\", \"namespace\": \"stepwell\", \"name\": "
	"\"doctor\", \"version\": \"1.0.0\"}, \"do\": [{\"count\": {\"set\": {\"n\": 1}, "
	"\"metadata\": {\"checkpoint\": true}}}, {\"add\": {\"call\": \"sql\", \"with\": "
	"{\"statement\": \"select $1::int + 1\", \"parameters\": [\"${ .n }\"], "
	"\"output\": \"value\"}}}]}";

#define ANSWER "2"
#define STEPS 2

/* ---- Commits ---- */

static int compare(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return x < y ? -1 : x > y;
}

bool doctor_commits(struct doctor *d, struct error *err)
{
	int64_t spent[COMMITS];
	for (int i = 0; i < COMMITS; i++) {
		int64_t start = clock_boottime();
		if (!db_client_query(d->client, sql_commit_record, NULL, NULL, err))
			return false;
		spent[i] = clock_boottime() - start;
	}
	qsort(spent, COMMITS, sizeof *spent, compare);
	bool slow = spent[COMMITS / 2] > SLOW_COMMIT;
	doctor_note(d, slow ? CHECK_WARNING : CHECK_OK,
		"%d commits of one record: half of them within %s, the slowest %s",
		COMMITS, doctor_span(d, spent[COMMITS / 2]),
		doctor_span(d, spent[COMMITS - 1]));
	if (slow)
		doctor_advise(d,
			"see the disk of the WAL, the way to the server, and the "
			"synchronous standby if there is one");
	return true;
}

/* ---- A notification ---- */

static bool send_and_hear(struct doctor *d, struct db_client *listener, struct error *err)
{
	if (!db_client_query(listener, sql_listen_doctor, NULL, NULL, err))
		return false;
	int64_t start = clock_boottime();
	if (!db_client_query(d->client, sql_notify_doctor, NULL, NULL, err))
		return false;
	if (db_client_wait(listener, NOTIFY_PATIENCE)) {
		doctor_note(d, CHECK_OK, "heard after %s",
			doctor_span(d, clock_boottime() - start));
		return true;
	}
	doctor_note(
		d, CHECK_WARNING, "not heard within %s", doctor_span(d, NOTIFY_PATIENCE));
	doctor_advise(d, "see pooler and notifications; until then workers poll");
	return true;
}

bool doctor_notify(struct doctor *d, struct error *err)
{
	struct db_client *listener;
	if (!db_client_open(d->conninfo, "wfctl doctor", &listener, err))
		return false;
	bool ok = send_and_hear(d, listener, err);
	db_client_close(listener);
	return ok;
}

/* ---- A run ---- */

static bool create_definition(struct definition **ret, struct error *err)
{
	char suffix[32];
	snprintf(
		suffix, sizeof suffix, "probe.%016llx", (unsigned long long)random_u64());
	return definition_create(document, sizeof document - 1, suffix, ret, err);
}

static void cannot_run(struct doctor *d, const char *why)
{
	doctor_note(d, CHECK_PROBLEM, "%s", why);
	doctor_advise(d, "see what the checks above say; then the log of the server");
}

static void judge_run(
	struct doctor *d, const struct admin_run *run, const struct admin_steps *steps)
{
	size_t completed = 0;
	for (size_t i = 0; i < steps->count; i++)
		completed += steps->items[i].phase == PHASE_COMPLETED;
	bool right = run->phase == PHASE_COMPLETED && run->output &&
		     strcmp(run->output, ANSWER) == 0 && completed == STEPS;
	if (right) {
		doctor_note(d, CHECK_OK, "completed, %d steps in %s", STEPS,
			doctor_span(d, run->ended_at - run->created_at));
		return;
	}
	char *text = xasprintf("%s, %zu of %d steps completed, output %s, error %s",
		phase_name(run->phase), completed, STEPS,
		run->output ? run->output : "none", run->error ? run->error : "none");
	cannot_run(d, text);
	free(text);
}

static bool read_run(struct doctor *d, struct uuid id, struct error *err)
{
	struct admin_run run;
	struct admin_steps steps;
	if (!admin_find_run(d->client, id, &run, err))
		return false;
	bool ok = admin_find_steps(d->client, id, &steps, err);
	if (ok) {
		judge_run(d, &run, &steps);
		admin_steps_finish(&steps);
	}
	admin_run_finish(&run);
	return ok;
}

static bool work(struct doctor *d, struct worker *w, const struct definition *definition,
	struct error *err)
{
	struct uuid owner = worker_id(w), id;
	struct admin_start start = {
		.workflow_id = definition->id, .input = "null", .owner = &owner};
	struct error why = {0};
	if (!admin_new_id(d->client, &start.run_id, err) ||
		!admin_create_run(d->client, &start, &id, err))
		return false;
	worker_adopt(w, id);
	enum worker_end end = worker_run(w, RUN_PATIENCE, &why);
	if (end == WORKER_RUN_ENDED)
		return read_run(d, id, err);
	cannot_run(d, *why.text ? why.text : "it did not end here");
	return true;
}

static bool run_definition(
	struct doctor *d, const struct definition *definition, struct error *err)
{
	struct worker_options options;
	worker_options_init(&options);
	options.version = d->version;
	options.conninfo = d->conninfo;
	options.settings.sql_connections = 1;
	options.settings.allow_sql = true; /* its definition is ours */
	struct worker *w = NULL;
	bool ok = worker_create(&options, &w, err) &&
		  worker_connect(w, CONNECT_PATIENCE, err) && work(d, w, definition, err);
	worker_destroy(w);
	return ok;
}

static bool delete_probe(struct doctor *d, struct uuid definition, struct error *err)
{
	struct db_params p = {0};
	db_add_uuid(&p, definition);
	bool ok = db_client_query(d->client, sql_delete_probe, &p, NULL, err);
	db_params_finish(&p);
	return ok;
}

static bool may_delete(struct doctor *d, bool *ret, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(d->client, sql_find_probe_rights, NULL, &r, err))
		return false;
	*ret = db_bool(r, 0, 0);
	db_result_destroy(r);
	return true;
}

bool doctor_run(struct doctor *d, struct error *err)
{
	struct definition *definition;
	struct error why;
	bool may, new;
	if (!may_delete(d, &may, err))
		return false;
	if (!may) {
		doctor_note(d, CHECK_SKIPPED,
			"this role may not delete what a run leaves: it needs DELETE on "
			"stepwell.definition, run and entry");
		return true;
	}
	if (!create_definition(&definition, err))
		return false;
	if (!admin_apply(d->client, definition, &new, &why) ||
		!run_definition(d, definition, &why))
		cannot_run(d, why.text);
	bool ok = delete_probe(d, definition->id, err);
	definition_unref(definition);
	return ok;
}
