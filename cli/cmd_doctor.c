/* wfctl doctor: what is wrong with the database, the schema or the pool, and what to do.
 */
#include "command.h"
#include "database.h"
#include "output.h"

#include "doctor/doctor.h"

#include <stdio.h>
#include <stdlib.h>

#define WIDTH 18 /* of a check's name */

static void print_part(const char *label, const char *text)
{
	char *safe = output_safe(text);
	output_print("%*s%s %s\n", 10, "", label, safe);
	free(safe);
}

static void print_check(void *ctx, const struct check *c)
{
	static const enum colour colours[CHECK_STATUSES] = {
		[CHECK_OK] = COLOUR_GOOD,
		[CHECK_SKIPPED] = COLOUR_DIM,
		[CHECK_WARNING] = COLOUR_BUSY,
		[CHECK_PROBLEM] = COLOUR_BAD,
	};
	char *found = output_safe(c->found);
	(void)ctx;
	output_colour(colours[c->status]);
	output_print("%-8s", check_status_name(c->status));
	output_colour(COLOUR_NONE);
	output_print("  %-*s  %s\n", WIDTH, c->name, found);
	free(found);
	if (c->status != CHECK_WARNING && c->status != CHECK_PROBLEM)
		return;
	print_part("why:", c->why);
	if (c->advice)
		print_part("do: ", c->advice);
}

static void add_check(void *ctx, const struct check *c)
{
	cJSON *object = cJSON_CreateObject();
	object_text(object, "name", c->name);
	object_text(object, "status", check_status_name(c->status));
	object_text(object, "found", c->found);
	object_text(object, "why", c->why);
	object_text(object, "advice", c->advice);
	cJSON_AddItemToArray(ctx, object);
}

static void print_summary(const struct doctor_report *r)
{
	int warnings = r->counts[CHECK_WARNING], problems = r->counts[CHECK_PROBLEM];
	output_print("\n%d ok, %d warning%s, %d problem%s", r->counts[CHECK_OK], warnings,
		warnings == 1 ? "" : "s", problems, problems == 1 ? "" : "s");
	if (r->counts[CHECK_SKIPPED])
		output_print(", %d skipped", r->counts[CHECK_SKIPPED]);
	output_print("\n");
}

static void add_summary(cJSON *object, const struct doctor_report *r)
{
	static const char *const names[CHECK_STATUSES] = {
		[CHECK_OK] = "ok",
		[CHECK_SKIPPED] = "skipped",
		[CHECK_WARNING] = "warnings",
		[CHECK_PROBLEM] = "problems",
	};
	cJSON *summary = cJSON_AddObjectToObject(object, "summary");
	for (int s = 0; s < CHECK_STATUSES; s++)
		cJSON_AddNumberToObject(summary, names[s], r->counts[s]);
}

static bool examine(
	const struct options *o, struct doctor_report *report, struct error *err)
{
	struct database d;
	if (!database_open_any(o, &d, err)) {
		doctor_unreachable(report, err);
		return true;
	}
	bool ok = doctor_examine(d.client, d.conninfo, report, err);
	if (ok && options_given(o, "probe") && !report->unusable)
		ok = doctor_probe(d.client, d.conninfo, report, err);
	if (ok && d.private)
		database_say_private(&d);
	database_close(&d);
	return ok;
}

static int run(const struct options *o)
{
	bool text = output_form(o) == OUTPUT_TEXT;
	cJSON *object = cJSON_CreateObject();
	cJSON *checks = cJSON_AddArrayToObject(object, "checks");
	struct doctor_report report = {.on_check = text ? print_check : add_check,
		.ctx = checks,
		.version = o->build};
	struct error err;
	if (!examine(o, &report, &err)) {
		cJSON_Delete(object);
		return command_fail(&err);
	}
	add_summary(object, &report);
	if (text) {
		print_summary(&report);
		cJSON_Delete(object);
	} else {
		output_object(object);
	}
	return report.unusable                    ? EXIT_DATABASE
	       : report.counts[CHECK_PROBLEM] > 0 ? EXIT_UNEXPECTED
						  : EXIT_DONE;
}

static const struct option options[] = {
	{"probe", 0, OPTION_FLAG, NULL,
		"also commit, notify and run a workflow, and remove it again"},
	OPTION_ROW_DB,
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_doctor = {
	.name = "doctor",
	.arguments = "",
	.summary = "look for what is wrong with the database and the pool",
	.help = "Checks the server, this role's rights, the schema, settings, what holds "
		"old rows, what\n"
		"may run out, workers and runs that do not move; says what was found, "
		"why "
		"it matters and\n"
		"what to do. Changes nothing; --probe does, and cleans up. Exit code: 0 "
		"also with\n"
		"warnings, 1 with a problem, 7 when no command can work with this "
		"database.\n",
	.options = options,
	.run = run,
};
