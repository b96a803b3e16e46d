/* wfctl status: one run with its steps, or the pool as a whole. */
#include "base/clock.h"
#include "command.h"
#include "database.h"
#include "show_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* ---- The pool ---- */

static void print_worker(void *ctx, const struct admin_worker *w)
{
	char age[SPAN_TEXT], *host = output_safe(w->host);
	(void)ctx;
	show_span(w->seen_at, w->now, age);
	output_print("  %-24s %8lld   %6lld runs   seen %s ago%s\n", host,
		(long long)w->pid, (long long)w->runs, age,
		w->expires_at <= w->now ? ", gone"
		: w->draining           ? ", draining"
					: "");
	free(host);
}

static void print_need(void *ctx, const char *need, int64_t runs)
{
	char *with = show_needs(need);
	(void)ctx;
	output_print("  %lld due %s a worker with %s\n", (long long)runs,
		runs == 1 ? "run needs" : "runs need", with);
	free(with);
}

static void print_pool(const struct admin_pool *pool)
{
	char age[SPAN_TEXT];
	for (int p = PHASE_PENDING; p < PHASE_SKIPPED; p++)
		output_print("%-10s %8lld%s\n", phase_name((enum phase)p),
			(long long)pool->counts[p],
			phase_has_ended((enum phase)p) ? "   of the last 24 hours' runs"
						       : "");
	show_span(pool->oldest_due, pool->now, age);
	output_print("\n%-10s %8lld%s%s\n", "due", (long long)pool->due,
		pool->due ? "   the oldest since " : "", age);
}

static bool pool_text(struct db_client *c, struct error *err)
{
	struct admin_pool pool;
	if (!admin_find_pool(c, &pool, err))
		return false;
	print_pool(&pool);
	if (!admin_each_need(c, print_need, NULL, err))
		return false;
	output_print("\nworkers\n");
	return admin_each_worker(c, print_worker, NULL, err);
}

static void add_worker(void *ctx, const struct admin_worker *w)
{
	cJSON *object = cJSON_CreateObject();
	object_uuid(object, "id", w->id);
	object_text(object, "host", w->host);
	cJSON_AddNumberToObject(object, "pid", (double)w->pid);
	object_text(object, "version", w->version);
	object_time(object, "startedAt", w->started_at);
	object_time(object, "seenAt", w->seen_at);
	cJSON_AddBoolToObject(object, "alive", w->expires_at > w->now);
	cJSON_AddBoolToObject(object, "draining", w->draining);
	cJSON_AddNumberToObject(object, "runs", (double)w->runs);
	cJSON_AddItemToArray(ctx, object);
}

static void add_need(void *ctx, const char *need, int64_t runs)
{
	cJSON *object = cJSON_CreateObject();
	object_text(object, "needs", need);
	cJSON_AddNumberToObject(object, "runs", (double)runs);
	cJSON_AddItemToArray(ctx, object);
}

static bool pool_object(struct db_client *c, struct error *err)
{
	struct admin_pool pool;
	if (!admin_find_pool(c, &pool, err))
		return false;
	cJSON *object = cJSON_CreateObject();
	cJSON *counts = cJSON_AddObjectToObject(object, "counts");
	for (int p = PHASE_PENDING; p < PHASE_SKIPPED; p++)
		cJSON_AddNumberToObject(
			counts, phase_name((enum phase)p), (double)pool.counts[p]);
	cJSON_AddNumberToObject(object, "due", (double)pool.due);
	object_time(object, "oldestDueAt", pool.oldest_due);
	cJSON *needs = cJSON_AddArrayToObject(object, "missing");
	cJSON *workers = cJSON_AddArrayToObject(object, "workers");
	bool ok = admin_each_need(c, add_need, needs, err) &&
		  admin_each_worker(c, add_worker, workers, err);
	if (ok)
		output_object(object);
	else
		cJSON_Delete(object);
	return ok;
}

static int pool_status(const struct options *o)
{
	struct database d;
	struct error err;
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE)
		return code;
	bool ok = output_form(o) == OUTPUT_TEXT ? pool_text(d.client, &err)
						: pool_object(d.client, &err);
	if (!ok)
		code = command_fail(&err);
	database_close(&d);
	return code;
}

/* ---- One run ---- */

struct view {
	enum output form;
	bool all, steps; /* steps: with outputs and attempts */
};

static bool show(struct db_client *c, struct uuid id, const struct view *v,
	enum phase *ret_phase, struct error *err)
{
	struct admin_run run;
	struct admin_steps steps = {0};
	if (!admin_find_run(c, id, &run, err))
		return false;
	struct attempts failed = {0}, *attempts = v->steps ? &failed : NULL;
	bool ok = admin_find_steps(c, id, &steps, err) &&
		  (!attempts || attempts_read(c, id, attempts, err));
	if (ok && v->form == OUTPUT_TEXT)
		ok = show_text(c, &run, &steps, v->all, attempts, err);
	else if (ok)
		output_object(show_object_with(&run, &steps, attempts));
	*ret_phase = run.phase;
	attempts_finish(&failed);
	admin_steps_finish(&steps);
	admin_run_finish(&run);
	return ok;
}

static int code_of(enum phase p)
{
	return p == PHASE_FAULTED     ? EXIT_RUN_FAULTED
	       : p == PHASE_CANCELLED ? EXIT_RUN_CANCELLED
				      : EXIT_DONE;
}

/* On a terminal the picture is drawn in place; elsewhere only the last one is printed. */
static int watch(struct db_client *c, struct uuid id, const struct view *v)
{
	struct error err;
	enum phase phase = PHASE_RUNNING;
	bool terminal = v->form == OUTPUT_TEXT && isatty(STDOUT_FILENO);
	while (!phase_has_ended(phase)) {
		struct admin_run run;
		if (terminal)
			fputs("\x1b[H\x1b[J", stdout);
		if (terminal && !show(c, id, v, &phase, &err))
			return command_fail(&err);
		if (!terminal) {
			if (!admin_find_run(c, id, &run, &err))
				return command_fail(&err);
			phase = run.phase;
			admin_run_finish(&run);
		}
		fflush(stdout);
		if (!phase_has_ended(phase))
			usleep(500000);
	}
	if (!terminal && !show(c, id, v, &phase, &err))
		return command_fail(&err);
	return code_of(phase);
}

static int run_status(const struct options *o)
{
	struct database d;
	struct uuid id;
	struct error err;
	enum phase phase;
	int code = database_open_run(o, o->arguments[0], &d, &id);
	if (code != EXIT_DONE)
		return code;
	struct view v = {
		output_form(o), options_given(o, "all"), options_given(o, "steps")};
	if (options_given(o, "watch"))
		code = watch(d.client, id, &v);
	else if (!show(d.client, id, &v, &phase, &err))
		code = command_fail(&err);
	database_close(&d);
	return code;
}

static int run(const struct options *o)
{
	if (options_given(o, "watch") && o->argument_count == 0)
		return command_misuse(o, "--watch needs a RUN");
	return o->argument_count ? run_status(o) : pool_status(o);
}

static const struct option options[] = {
	{"watch", 'w', OPTION_FLAG, NULL,
		"until it has ended; the exit code says how it did"},
	{"all", 'a', OPTION_FLAG, NULL, "with every iteration of long loops"},
	{"steps", 0, OPTION_FLAG, NULL,
		"with the outputs of steps, and why their attempts failed"},
	OPTION_ROW_DB,
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_status = {
	.name = "status",
	.arguments = "[RUN]",
	.summary = "show a run with its steps, or the whole pool",
	.options = options,
	.most = 1,
	.run = run,
};
