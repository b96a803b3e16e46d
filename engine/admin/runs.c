/* Runs: finding, listing, starting and changing them. */
#include "admin/runs.h"

#include "queries.h"

#include <ctype.h>
#include <string.h>

static const char *text_or_null(const struct db_result *r, int row, int column)
{
	return db_is_null(r, row, column) ? NULL : db_text(r, row, column);
}

/* ---- Finding ---- */

static void read_run(const struct db_result *r, int row, struct admin_run *run)
{
	run->id = db_uuid(r, row, 0);
	if (!phase_parse(db_text(r, row, 1), &run->phase))
		run->phase = PHASE_RUNNING;
	run->namespace = db_text(r, row, 2);
	run->name = db_text(r, row, 3);
	run->version = db_text(r, row, 4);
	run->key = text_or_null(r, row, 5);
	run->created_at = db_int(r, row, 6);
	run->started_at = db_int(r, row, 7);
	run->ended_at = db_int(r, row, 8);
}

static void read_details(const struct db_result *r, struct admin_run *run)
{
	run->input = text_or_null(r, 0, 9);
	run->output = text_or_null(r, 0, 10);
	run->error = text_or_null(r, 0, 11);
	run->reason = text_or_null(r, 0, 12);
	run->request = text_or_null(r, 0, 13);
	run->needs = text_or_null(r, 0, 14);
	run->host = text_or_null(r, 0, 15);
	run->pid = db_int(r, 0, 16);
	run->due = db_int(r, 0, 17);
	run->now = db_int(r, 0, 18);
	run->workflow_id = db_uuid(r, 0, 19);
	run->has_parent = !db_is_null(r, 0, 20);
	run->orders = text_or_null(r, 0, 21);
	run->seen_at = db_int(r, 0, 22);
	run->gone = db_bool(r, 0, 23);
	run->live_workers = db_int(r, 0, 24);
	run->suspect_at = db_int(r, 0, 25);
	if (run->has_parent)
		run->parent = db_uuid(r, 0, 20);
}

void admin_run_finish(struct admin_run *r)
{
	db_result_destroy(r->rows);
	*r = (struct admin_run){0};
}

bool admin_find_run(
	struct db_client *c, struct uuid id, struct admin_run *ret, struct error *err)
{
	struct db_params p = {0};
	struct admin_run run = {0};
	char text[UUID_TEXT];
	db_add_uuid(&p, id);
	bool ok = db_client_query(c, sql_find_run, &p, &run.rows, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	if (db_rows(run.rows) == 0) {
		admin_run_finish(&run);
		uuid_format(id, text);
		return error_set(err, ERROR_NOT_FOUND, "there is no run %s", text);
	}
	read_run(run.rows, 0, &run);
	read_details(run.rows, &run);
	*ret = run;
	return true;
}

/* Hexadecimal digits in lower case, without hyphens and a leading "..."; "" if it is
 * none. */
static void read_ending(const char *name, char out[33])
{
	size_t n = 0;
	while (*name == '.')
		name++;
	for (; *name; name++) {
		if (*name == '-')
			continue;
		if (!isxdigit((unsigned char)*name) || n == 32) {
			n = 0;
			break;
		}
		out[n++] = (char)tolower((unsigned char)*name);
	}
	out[n] = '\0';
}

static bool find_one(struct db_client *c, const char *sql, const char *ending,
	struct uuid *ret, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	if (ending)
		db_add_text(&p, ending);
	bool ok = db_client_query(c, sql, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	int rows = db_rows(r);
	if (rows == 1)
		*ret = db_uuid(r, 0, 0);
	db_result_destroy(r);
	if (rows == 0 && !ending)
		return error_set(err, ERROR_NOT_FOUND, "there is no run yet");
	if (rows == 0)
		return error_set(err, ERROR_NOT_FOUND,
			"no run's id ends in %s; wfctl list shows the runs, wfctl list "
			"--key KEY those of a key",
			ending);
	return rows == 1 ||
	       error_set(err, ERROR_CONFLICT,
		       "several runs' ids end in %s: give more of it", ending);
}

bool admin_resolve_run(
	struct db_client *c, const char *name, struct uuid *ret, struct error *err)
{
	char ending[33];
	if (uuid_parse(name, ret))
		return true;
	if (strcmp(name, "@last") == 0)
		return find_one(c, sql_find_last, NULL, ret, err);
	read_ending(name, ending);
	if (strlen(ending) < 6)
		return error_set(err, ERROR_INPUT,
			"\"%s\" names no run: give its id, the last 6 or more digits of "
			"it, or @last; the runs of a key: wfctl list --key KEY",
			name);
	return find_one(c, sql_find_ending, ending, ret, err);
}

static void add_statuses(struct db_params *p, const struct admin_filter *f)
{
	struct db_array a;
	if (!f->statuses) {
		db_add_null(p);
		return;
	}
	db_array_init(&a, DB_OID_TEXT);
	for (const char *const *s = f->statuses; *s; s++)
		db_array_text(&a, *s, strlen(*s));
	db_add_array(p, &a);
	db_array_finish(&a);
}

bool admin_each_run(struct db_client *c, const struct admin_filter *f,
	void (*on_row)(void *ctx, const struct admin_run *r), void *ctx,
	struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	add_statuses(&p, f);
	db_add_text(&p, f->namespace);
	db_add_text(&p, f->name);
	db_add_text(&p, f->version);
	if (f->since)
		db_add_time(&p, f->since);
	else
		db_add_null(&p);
	if (f->before)
		db_add_uuid(&p, *f->before);
	else
		db_add_null(&p);
	db_add_int(&p, f->limit);
	if (f->parent)
		db_add_uuid(&p, *f->parent);
	else
		db_add_null(&p);
	db_add_text(&p, f->key);
	bool ok = db_client_query(c, sql_list_runs, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		struct admin_run run = {0};
		read_run(r, row, &run);
		run.due = db_int(r, row, 9);
		run.now = db_int(r, row, 10);
		run.reason = text_or_null(r, row, 11);
		on_row(ctx, &run);
	}
	db_result_destroy(r);
	return true;
}

bool admin_each_descendant(struct db_client *c, struct uuid run, int limit,
	void (*on_row)(void *ctx, const struct admin_descendant *d), void *ctx,
	struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	db_add_uuid(&p, run);
	db_add_int(&p, limit);
	bool ok = db_client_query(c, sql_list_descendants, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		struct admin_descendant d = {
			.depth = db_int(r, row, 9), .path = text_or_null(r, row, 10)};
		read_run(r, row, &d.run);
		on_row(ctx, &d);
	}
	db_result_destroy(r);
	return true;
}

/* ---- Starting ---- */

bool admin_new_id(struct db_client *c, struct uuid *ret, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(c, sql_new_id, NULL, &r, err))
		return false;
	*ret = db_uuid(r, 0, 0);
	db_result_destroy(r);
	return true;
}

static void add_optional_int(struct db_params *p, int64_t v)
{
	if (v)
		db_add_int(p, v);
	else
		db_add_null(p);
}

static void add_start(struct db_params *p, const struct admin_start *s)
{
	db_add_uuid(p, s->workflow_id);
	db_add_text(p, s->input);
	db_add_text(p, s->key);
	db_add_uuid(p, s->run_id);
	if (s->due)
		db_add_time(p, s->due);
	else
		db_add_null(p);
	if (s->owner)
		db_add_uuid(p, *s->owner);
	else
		db_add_null(p);
	add_optional_int(p, s->key_ttl);
	add_optional_int(p, s->delay);
	db_add_bool(p, s->named);
}

bool admin_create_run(struct db_client *c, const struct admin_start *s,
	struct uuid *ret_id, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	struct error why;
	add_start(&p, s);
	bool ok = db_client_query(c, sql_create_run, &p, &r, &why);
	db_params_finish(&p);
	if (!ok && s->key && strcmp(why.sqlstate, "55P03") == 0)
		return error_set(err, ERROR_CONFLICT,
			"a start with key \"%s\" is in progress: try again when it has "
			"ended",
			s->key);
	if (!ok) {
		if (err)
			*err = why;
		return false;
	}
	struct uuid id = db_uuid(r, 0, 0);
	bool created = db_bool(r, 0, 1);
	db_result_destroy(r);
	/* What a start found may be a commit that was not replicated; one of our own
	 * waits for the standby to have both. */
	if (!created && !db_client_query(c, sql_commit_record, NULL, NULL, err))
		return false;
	*ret_id = id;
	return true;
}

void admin_notify(struct db_client *c)
{
	/* Workers poll as well. */
	if (!db_client_query(c, sql_notify_workers, NULL, NULL, NULL))
		return;
}

void admin_notify_start(struct db_client *c, struct uuid run_id)
{
	struct db_params p = {0};
	db_add_uuid(&p, run_id);
	bool told = db_client_query(c, sql_notify_start, &p, NULL, NULL);
	db_params_finish(&p);
	(void)told; /* workers poll as well */
}

/* ---- Changing ---- */

static const char *add_order(
	struct db_params *p, struct uuid id, const struct admin_order *order)
{
	static const char *const statements[] = {
		[CHANGE_CANCEL] = sql_request_run,
		[CHANGE_SUSPEND] = sql_request_run,
		[CHANGE_RESUME] = sql_resume_run,
		[CHANGE_RETRY] = sql_retry_run,
		[CHANGE_ANSWER] = sql_answer_step,
	};
	db_add_uuid(p, id);
	if (order->change == CHANGE_CANCEL || order->change == CHANGE_SUSPEND)
		db_add_text(p, order->change == CHANGE_CANCEL ? "cancel" : "suspend");
	if (order->change == CHANGE_RETRY) {
		db_add_bool(p, order->new_id);
		db_add_bool(p, order->force);
	}
	if (order->change == CHANGE_ANSWER) {
		db_add_text(p, order->path);
		db_add_text(p, order->answer);
	}
	db_add_text(p, order->by ? order->by : "somebody");
	return statements[order->change];
}

bool admin_change_run(struct db_client *c, struct uuid id,
	const struct admin_order *order, bool *ret_done, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	struct error why;
	const char *sql = add_order(&p, id, order);
	bool ok = db_client_query(c, sql, &p, &r, &why);
	db_params_finish(&p);
	if (!ok && why.kind == ERROR_FENCED) {
		*ret_done = false; /* somebody else's append was first */
		return true;
	}
	if (!ok) {
		if (err)
			*err = why;
		return false;
	}
	*ret_done = db_rows(r) > 0;
	db_result_destroy(r);
	return true;
}
