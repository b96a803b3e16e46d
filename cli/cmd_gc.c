/* wfctl gc: drops old history. */
#include "command.h"
#include "database.h"
#include "output.h"

static void print_object(const struct admin_gc *g, bool dry_run)
{
	cJSON *object = cJSON_CreateObject();
	cJSON_AddBoolToObject(object, "dryRun", dry_run);
	cJSON_AddNumberToObject(object, "weeks", (double)g->weeks);
	cJSON_AddNumberToObject(object, "runs", (double)g->runs);
	cJSON_AddNumberToObject(object, "kept", (double)g->kept);
	output_object(object);
}

static void print_text(const struct admin_gc *g, bool dry_run)
{
	const char *did = dry_run ? "would drop" : "dropped";
	if (!g->weeks) {
		output_print("nothing is old enough\n");
		return;
	}
	output_print("%s %lld week%s with %lld run%s", did, (long long)g->weeks,
		g->weeks == 1 ? "" : "s", (long long)g->runs, g->runs == 1 ? "" : "s");
	if (g->kept)
		output_print("; %lld of them %s needed and kept", (long long)g->kept,
			g->kept == 1 ? "is" : "are");
	output_print("\n");
}

static int run(const struct options *o)
{
	bool dry_run = options_given(o, "dry-run");
	struct admin_gc gc;
	struct database d;
	struct error err;
	if (!options_given(o, "older-than"))
		return command_misuse(o, "say how old: --older-than 30d");
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE)
		return code;
	if (!admin_gc(d.client, options_number(o, "older-than", 0), dry_run, &gc, &err))
		code = command_fail(&err);
	else if (output_form(o) == OUTPUT_TEXT)
		print_text(&gc, dry_run);
	else
		print_object(&gc, dry_run);
	database_close(&d);
	return code;
}

static const struct option options[] = {
	{"older-than", 0, OPTION_DURATION, "DURATION",
		"weeks that ended longer ago are dropped, e.g. 30d"},
	{"dry-run", 0, OPTION_FLAG, NULL, "only say what would be dropped"},
	OPTION_ROW_OUTPUT,
	OPTION_ROW_DB,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_gc = {
	.name = "gc",
	.arguments = "--older-than DURATION",
	.summary = "remove the history of old runs",
	.help = "Runs are kept by the week in which they were started (Monday to Sunday, "
		"UTC).\n"
		"A week that ended longer ago than DURATION is dropped as a whole, with "
		"the keys\n"
		"of its runs. A child belongs to the week of the run that started it. "
		"Runs of\n"
		"such a week that have not ended, and what they have started, are "
		"kept.\n"
		"The same in SQL: select * from stepwell.gc('30 days')",
	.options = options,
	.run = run,
};
