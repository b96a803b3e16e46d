/* wfctl worker: one or more workers of the pool, in the foreground. */
#include "admin/admin.h"
#include "command.h"
#include "database.h"
#include "pool_worker.h"
#include "postgres/processes.h"
#include "worker/suspect.h"
#include "worker_flags.h"
#include "worker_log.h"

static int work(void *ctx)
{
	return pool_worker_run(ctx);
}

/* In a process that a worker has started for runs whose workers died. */
static int run_suspects(const struct options *o)
{
	struct suspect suspect;
	struct worker_options settings;
	struct error err;
	if (!suspect_begin(&suspect, &err))
		return command_misuse(o, "%s", err.text);
	int code = SUSPECT_CANNOT_CONNECT;
	if (worker_flags_read(o, true, suspect.conninfo, &settings, &err)) {
		settings.suspect = &suspect;
		code = pool_worker_run(&settings);
		worker_flags_finish(&settings);
	}
	suspect_end(&suspect);
	return code;
}

/* Without its rights it would try again for ever. Where it may not even look at the
 * schema there is more that it lacks. */
static int open_database(const struct options *o, struct database *d)
{
	struct error err;
	int code = database_open(o, DATABASE_READY, d);
	if (code != EXIT_DONE && code != EXIT_DENIED)
		return code;
	if (code == EXIT_DENIED && database_open(o, DATABASE_ANY, d) != EXIT_DONE)
		return EXIT_DATABASE;
	bool may = admin_check_rights(d->client, &err);
	if (may && code == EXIT_DONE)
		return code;
	if (!may)
		command_fail(&err);
	database_close(d);
	return EXIT_DATABASE;
}

static int run(const struct options *o)
{
	if (options_given(o, "suspect"))
		return run_suspects(o);
	struct database d;
	struct worker_options settings;
	struct error err;
	int count = (int)options_number(o, "processes", 1);
	if (count < 1 || count > 256)
		return command_misuse(o, "--processes takes 1 to 256");
	if (!worker_flags_read(o, true, "", &settings, &err))
		return command_misuse(o, "%s", err.text);
	/* Before the fork only the schema is looked at: children inherit no connection.
	 */
	int code = open_database(o, &d);
	if (code == EXIT_DONE) {
		worker_log_choose(o);
		if (!worker_flags_take(&settings, &d, &err)) {
			database_close(&d);
			worker_flags_finish(&settings);
			return command_misuse(o, "%s", err.text);
		}
		worker_log_begin(d.client, &settings, count);
		database_disconnect(&d);
		settings.claim = true;
		settings.until_idle = options_given(o, "until-idle");
		code = count == 1 ? work(&settings)
				  : processes_run(count, work, &settings);
		database_close(&d);
	}
	worker_flags_finish(&settings);
	return code;
}

static const struct option options[] = {
	{"processes", 'p', OPTION_COUNT, "N", "that many worker processes (default 1)"},
	{"suspect", 0, OPTION_FLAG, NULL, "how a worker starts a process for suspects"},
	{"until-idle", 0, OPTION_FLAG, NULL, "end when nothing is due or running"},
	WORKER_FLAGS_EFFECTS,
	WORKER_FLAGS_POOL,
	WORKER_FLAGS_LOG,
	OPTION_ROW_DB,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_worker = {
	.name = "worker",
	.arguments = "",
	.summary = "work on the pool's runs",
	.help = "SIGTERM drains: no new runs, effects may end, leases are given back. A "
		"second one\n"
		"exits at once; what was under way is resumed by another worker.\n",
	.options = options,
	.run = run,
};
