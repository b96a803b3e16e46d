/* wfctl dev: the private Postgres and a worker, in the foreground. */
#include "command.h"
#include "database.h"
#include "output.h"
#include "pool_worker.h"
#include "postgres/server.h"
#include "worker_flags.h"
#include "worker_log.h"

/* Nobody's database is taken away while he works with it. */
static bool check_unused(const char *option, struct error *err)
{
	pid_t user = private_user();
	if (user > 0)
		return error_set(err, ERROR_CONFLICT,
			"process %d uses the private database; end it first (Ctrl-C, or "
			"kill %d), then wfctl dev %s",
			(int)user, (int)user, option);
	return !user || error_set(err, ERROR_CONFLICT,
				"another process uses the private database; end it "
				"first, then wfctl dev %s",
				option);
}

static int stop(void)
{
	struct error err;
	bool was_running;
	if (!check_unused("--stop", &err))
		return command_fail(&err);
	if (!private_stop(&was_running, &err))
		return command_fail(&err);
	output_say(was_running ? "the private Postgres is stopped"
			       : "no private Postgres was running here");
	return EXIT_DONE;
}

static int reset(void)
{
	struct error err;
	bool was_there;
	if (!check_unused("--reset", &err))
		return command_fail(&err);
	if (!private_remove(&was_there, &err))
		return command_fail(&err);
	output_say(was_there ? "the private database of this folder is removed"
			     : "this folder has no private database");
	return EXIT_DONE;
}

static int run(const struct options *o)
{
	struct database d;
	struct worker_options settings;
	struct error err;
	if (options_given(o, "reset"))
		return reset();
	if (options_given(o, "stop"))
		return stop();
	if (!worker_flags_read(o, true, "", &settings, &err))
		return command_misuse(o, "%s", err.text);
	int code = database_open_private(&d);
	if (code == EXIT_DONE) {
		worker_log_choose(o);
		if (!worker_flags_take(&settings, &d, &err)) {
			database_close(&d);
			worker_flags_finish(&settings);
			return command_misuse(o, "%s", err.text);
		}
		settings.claim = true;
		output_say(
			"wfctl dev: Postgres and a worker are running; Ctrl-C ends the "
			"worker, and Postgres with the last wfctl of this folder");
		database_say_private(&d);
		worker_log_begin(d.client, &settings, 1);
		database_disconnect(&d);
		code = pool_worker_run(&settings);
		database_close(&d);
	}
	worker_flags_finish(&settings);
	return code;
}

static const struct option options[] = {
	{"stop", 0, OPTION_FLAG, NULL, "end a private Postgres that was left running"},
	{"reset", 0, OPTION_FLAG, NULL,
		"remove the private database, with all that is in it"},
	WORKER_FLAGS_EFFECTS,
	WORKER_FLAGS_POOL,
	WORKER_FLAGS_LOG,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_dev = {
	.name = "dev",
	.arguments = "",
	.summary = "keep this folder's private Postgres and a worker running",
	.options = options,
	.run = run,
};
