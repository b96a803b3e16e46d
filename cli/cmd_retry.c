/* wfctl retry: lets faulted and held runs go on from what failed. */
#include "change.h"
#include "command.h"
#include "database.h"
#include "retry_plan.h"

#include <stdlib.h>

static bool carry_out(struct db_client *c, struct uuid id, const struct options *o,
	struct output_list *l, struct error *err)
{
	char *author = change_author();
	struct admin_order order = {.change = CHANGE_RETRY,
		.by = author,
		.new_id = options_given(o, "new-id"),
		.force = options_given(o, "force")};
	bool done;
	bool ok = admin_change_run(c, id, &order, &done, err);
	free(author);
	if (!ok)
		return false;
	if (!done)
		return error_set(
			err, ERROR_CONFLICT, "somebody else was first; see wfctl status");
	admin_notify(c);
	change_print(id, "retried", l);
	return true;
}

static void show_plan(
	const struct retry_plan *plan, const struct options *o, struct output_list *l)
{
	struct error why;
	retry_plan_print(plan, options_given(o, "new-id"), l);
	if (!options_given(o, "force") && !retry_plan_check(plan, false, &why))
		output_say("not without --force: %s", why.text);
}

static bool retry(struct db_client *c, struct uuid id, const struct options *o,
	struct output_list *l, struct error *err)
{
	struct retry_plan plan;
	if (!retry_plan_create(c, id, &plan, err))
		return false;
	bool dry = options_given(o, "dry-run"), force = options_given(o, "force");
	bool ok = retry_plan_check(&plan, force || dry, err);
	if (ok && dry)
		show_plan(&plan, o, l);
	else if (ok)
		ok = carry_out(c, id, o, l, err);
	retry_plan_finish(&plan);
	return ok;
}

static int run(const struct options *o)
{
	struct database d;
	struct output_list l = {.form = output_form(o)};
	int result = database_open(o, DATABASE_READY, &d);
	if (result != EXIT_DONE)
		return result;
	for (const char **name = o->arguments; *name; name++) {
		struct error err;
		struct uuid id;
		bool known = admin_resolve_run(d.client, *name, &id, &err);
		if (known && retry(d.client, id, o, &l, &err))
			continue;
		change_refused(*name, known ? &id : NULL, &err, &l);
		int code = command_fail(&err);
		result = result ? result : code;
	}
	output_list_end(&l, result == EXIT_DONE);
	database_close(&d);
	return result;
}

static const struct option options[] = {
	{"new-id", 0, OPTION_FLAG, NULL, "give the failed step a fresh stepId"},
	{"force", 0, OPTION_FLAG, NULL,
		"send again although the key's window has passed"},
	{"dry-run", 'n', OPTION_FLAG, NULL,
		"only print what would be done, step by step"},
	OPTION_ROW_DB,
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_retry = {
	.name = "retry",
	.arguments = "RUN...",
	.summary = "let a faulted run go on from what failed",
	.help = "The same run goes on; completed steps are kept, the failed one is sent "
		"again under\n"
		"the same stepId. --new-id is for receivers that replay a stored "
		"failure. --dry-run\n"
		"names the steps: skip (the journal has the answer), continue, resend, "
		"first.\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
