/* wfctl workflows: what is registered. */
#include "base/clock.h"
#include "command.h"
#include "database.h"
#include "output.h"

#include <stdlib.h>

static void on_workflow(void *ctx, const struct admin_definition *w)
{
	struct output_list *l = ctx;
	char at[CLOCK_TEXT];
	clock_format(w->created_at, at);
	if (l->form == OUTPUT_TEXT) {
		char *name = xasprintf("%s/%s:%s", w->namespace, w->name, w->version);
		output_print("%-48s  %.19sZ  %lld active runs\n", name, at,
			(long long)w->runs);
		free(name);
		return;
	}
	cJSON *object = cJSON_CreateObject();
	object_text(object, "namespace", w->namespace);
	object_text(object, "name", w->name);
	object_text(object, "version", w->version);
	object_text(object, "digest", w->digest);
	object_time(object, "createdAt", w->created_at);
	cJSON_AddNumberToObject(object, "activeRuns", (double)w->runs);
	output_item(l, object);
}

static int run(const struct options *o)
{
	struct database d;
	struct error err;
	struct output_list l = {.form = output_form(o)};
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE)
		return code;
	if (!admin_each_definition(d.client, on_workflow, &l, &err))
		code = command_fail(&err);
	output_list_end(&l, code == EXIT_DONE);
	database_close(&d);
	return code;
}

static const struct option options[] = {
	OPTION_ROW_DB, OPTION_ROW_OUTPUT, OPTION_ROW_HELP, {0}};

const struct command command_workflows = {
	.name = "workflows",
	.arguments = "",
	.summary = "list the registered workflows",
	.options = options,
	.run = run,
};
