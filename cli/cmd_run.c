/* wfctl run: starts a run as its own owner, executes it here and prints how it ended. */
#include "command.h"
#include "launch.h"
#include "show_run.h"
#include "worker_flags.h"

#include "base/clock.h"

#define CONNECT_TIMEOUT (15 * USEC_PER_SEC)
#define GRACE (2 * USEC_PER_SEC) /* of a step under way, after Ctrl-C or --timeout */

/* The worker's part is over: whatever became of the run, the database knows. */
static int finish(
	struct launch *l, const struct options *o, enum worker_end end, struct error *err)
{
	switch (end) {
	case WORKER_DRAINED:
	case WORKER_TIMED_OUT:
		return launch_detach(&l->database, l->start.run_id, output_form(o));
	case WORKER_FAILED:
		launch_detach(&l->database, l->start.run_id, OUTPUT_TEXT);
		return command_fail(err);
	case WORKER_RUN_ENDED:
	case WORKER_RUN_LOST:
	case WORKER_IDLE: break;
	}
	return launch_follow(&l->database, l->start.run_id,
		options_number(o, "timeout", 0), output_form(o));
}

static int execute(struct launch *l, const struct options *o, struct worker *w)
{
	struct error err;
	struct uuid owner = worker_id(w);
	l->start.owner = &owner;
	if (!launch_create(l, &err))
		return command_fail(&err);
	if (!l->created)
		return finish(l, o, WORKER_RUN_LOST, &err);
	database_disconnect(&l->database);
	worker_adopt(w, l->start.run_id);
	enum worker_end end = worker_run(w, options_number(o, "timeout", 0), &err);
	return finish(l, o, end, &err);
}

static int run_here(
	struct launch *l, const struct options *o, struct worker_options *settings)
{
	struct error err;
	if (!worker_flags_take(settings, &l->database, &err))
		return command_misuse(o, "%s", err.text);
	settings->claim = false;
	settings->drain_timeout = GRACE;
	struct worker *w = NULL;
	bool ready = worker_create(settings, &w, &err) &&
		     worker_connect(w, CONNECT_TIMEOUT, &err);
	int code = ready ? execute(l, o, w) : command_fail(&err);
	worker_destroy(w);
	return code;
}

static int run_remotely(struct launch *l, const struct options *o)
{
	struct error err;
	if (!launch_create(l, &err))
		return command_fail(&err);
	return finish(l, o, WORKER_RUN_LOST, &err);
}

static int run(const struct options *o)
{
	struct launch l;
	struct worker_options settings;
	struct error err;
	if (!worker_flags_read(o, false, "", &settings, &err))
		return command_misuse(o, "%s", err.text);
	int code = launch_prepare(o, DATABASE_MADE, &l);
	if (code == EXIT_DONE) {
		code = options_given(o, "remote") ? run_remotely(&l, o)
						  : run_here(&l, o, &settings);
		launch_finish(&l);
	}
	worker_flags_finish(&settings);
	return code;
}

static const struct option options[] = {
	LAUNCH_OPTIONS,
	{"timeout", 't', OPTION_DURATION, "DURATION",
		"wait no longer; the run goes on (exit 8)"},
	{"remote", 'r', OPTION_FLAG, NULL, "leave the run to the pool and wait for it"},
	WORKER_FLAGS_EFFECTS,
	OPTION_ROW_DB,
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_run = {
	.name = "run",
	.arguments = LAUNCH_ARGUMENTS,
	.summary = "run a workflow here and print its output",
	.help = "Registers a FILE, starts a run, executes it in this process and prints "
		"its output.\n"
		"Ctrl-C detaches: the run is handed to the pool; a step that is under "
		"way and does\n"
		"not end within 2 s is left to be sent again under the same stepId. With "
		"--key, a run\n"
		"that exists already is waited for instead. -o json prints the whole "
		"run, also when it\n"
		"failed or goes on without this command (exit 8).\n",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
