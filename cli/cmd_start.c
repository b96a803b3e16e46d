/* wfctl start: leaves a run to the pool and prints its id. */
#include "command.h"
#include "launch.h"
#include "worker_flags.h"

#include <stdio.h>

static void print_started(const struct launch *l, enum output form, bool wait)
{
	char id[UUID_TEXT];
	uuid_format(l->start.run_id, id);
	if (form == OUTPUT_TEXT && wait) {
		output_say("run %s", id); /* stdout is for its output */
	} else if (form == OUTPUT_TEXT) {
		output_print("%s\n", id);
	} else {
		cJSON *object = cJSON_CreateObject();
		object_text(object, "id", id);
		cJSON_AddBoolToObject(object, "created", l->created);
		output_object(object);
	}
	fflush(stdout);
}

static int start(struct launch *l, const struct options *o)
{
	struct error err;
	bool wait = options_given(o, "wait");
	enum output form = output_form(o);
	if (!launch_create(l, &err))
		return command_fail(&err);
	if (!wait || form == OUTPUT_TEXT)
		print_started(l, form, wait);
	if (!wait)
		return EXIT_DONE;
	return launch_follow(
		&l->database, l->start.run_id, options_number(o, "timeout", 0), form);
}

static int run(const struct options *o)
{
	struct launch l;
	if (options_given(o, "delay") && options_given(o, "at"))
		return command_misuse(o, "--delay and --at exclude each other");
	if (options_given(o, "timeout") && !options_given(o, "wait"))
		return command_misuse(o, "--timeout needs --wait");
	int code = launch_prepare(o, DATABASE_READY, &l);
	if (code != EXIT_DONE)
		return code;
	l.start.delay = options_number(o, "delay", 0);
	l.start.due = options_number(o, "at", 0);
	code = start(&l, o);
	launch_finish(&l);
	return code;
}

static const struct option options[] = {
	LAUNCH_OPTIONS,
	OPTIONS_REACH,
	{"delay", 0, OPTION_DURATION, "DURATION", "let it begin after that"},
	{"at", 0, OPTION_TIME, "TIME", "let it begin then (RFC 3339)"},
	{"wait", 'w', OPTION_FLAG, NULL,
		"print the output when it has ended; exit as it did"},
	{"timeout", 't', OPTION_DURATION, "DURATION",
		"of --wait; the run goes on (exit 8)"},
	OPTION_ROW_DB,
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_start = {
	.name = "start",
	.arguments = LAUNCH_ARGUMENTS,
	.summary = "leave a run to the pool and print its id",
	.help = "With --key it may be repeated: the same key and an equal input give the "
		"first run,\n"
		"another input, or another version than is named, is refused (exit "
		"5).\n"
		"--wait -o json prints the whole run, also when it failed or goes on "
		"(exit 8).\n",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
