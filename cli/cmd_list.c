/* wfctl list: runs, newest first. */
#include "command.h"
#include "database.h"
#include "duration.h"
#include "show_run.h"

#include <stdlib.h>
#include <string.h>

struct listing {
	enum output form;
	int64_t count;
	struct uuid last;
};

static void on_run(void *ctx, const struct admin_run *run)
{
	struct listing *l = ctx;
	char id[UUID_TEXT], at[CLOCK_TEXT], span[SPAN_TEXT];
	l->count++;
	l->last = run->id;
	if (l->form != OUTPUT_TEXT) {
		output_object(show_object(run, NULL));
		return;
	}
	char *key = output_safe(run->key ? run->key : "");
	uuid_format(run->id, id);
	clock_format(run->created_at, at);
	show_span(run->started_at, run->ended_at, span);
	output_print("%s  ", id);
	output_colour(show_colour(run->phase));
	output_print("%-9s", phase_name(run->phase));
	output_colour(COLOUR_NONE);
	output_print("  %.19sZ  %8s  %s/%s:%s  %s\n", at, span, run->namespace, run->name,
		run->version, key);
	free(key);
}

/* NAMESPACE[/NAME[:VERSION]]; the texts are cut out of `copy`. */
static void read_workflow(char *copy, struct admin_filter *f)
{
	char *name = strchr(copy, '/'), *version;
	f->namespace = copy;
	if (!name)
		return;
	*name++ = '\0';
	f->name = name;
	if ((version = strchr(name, ':'))) {
		*version++ = '\0';
		f->version = version;
	}
}

static bool read_filter(const struct options *o, struct db_client *c,
	struct admin_filter *f, struct uuid ids[2], struct error *err)
{
	const char *parent = options_text(o, "parent");
	const char *before = options_text(o, "cursor"), *since = options_text(o, "since");
	int64_t span;
	f->status = options_text(o, "status");
	f->limit = (int)options_number(o, "limit", 50);
	if (before) {
		if (!admin_resolve_run(c, before, &ids[0], err))
			return false;
		f->before = &ids[0];
	}
	if (parent) {
		if (!admin_resolve_run(c, parent, &ids[1], err))
			return false;
		f->parent = &ids[1];
	}
	if (!since || clock_parse(since, &f->since))
		return true;
	if (!duration_parse(since, &span))
		return error_set(err, ERROR_INPUT,
			"--since takes a time (2027-01-31T08:00:00Z) or a duration of at "
			"most a century (2h), not \"%s\"",
			since);
	struct admin_pool pool;
	if (!admin_find_pool(c, &pool, err))
		return false;
	f->since = pool.now - span;
	return true;
}

static int list(const struct options *o, struct db_client *c)
{
	struct listing l = {.form = output_form(o)};
	struct admin_filter filter = {0};
	struct uuid ids[2];
	struct error err;
	const char *workflow = options_text(o, "workflow");
	char *copy = workflow ? xstrdup(workflow) : NULL;
	if (copy)
		read_workflow(copy, &filter);
	bool ok = read_filter(o, c, &filter, ids, &err) &&
		  admin_each_run(c, &filter, on_run, &l, &err);
	free(copy);
	if (!ok)
		return err.kind == ERROR_INPUT ? command_misuse(o, "%s", err.text)
					       : command_fail(&err);
	if (l.form == OUTPUT_TEXT && l.count && l.count == filter.limit) {
		char id[UUID_TEXT];
		uuid_format(l.last, id);
		output_say("more: the same command with --cursor %s", id);
	}
	return EXIT_DONE;
}

static int run(const struct options *o)
{
	struct database d;
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE)
		return code;
	code = list(o, d.client);
	database_close(&d);
	return code;
}

static const struct option options[] = {
	{"status", 's', OPTION_CHOICE,
		"pending|running|waiting|suspended|completed|faulted|cancelled",
		"only these"},
	{"workflow", 0, OPTION_TEXT, "NAMESPACE[/NAME[:VERSION]]", "only its runs"},
	{"since", 0, OPTION_TEXT, "TIME|DURATION",
		"created then or later, or so long ago"},
	{"parent", 0, OPTION_TEXT, "RUN", "only runs that it started"},
	{"limit", 'n', OPTION_COUNT, "N", "at most so many (default 50)"},
	{"cursor", 0, OPTION_TEXT, "RUN", "go on after this run of an earlier list"},
	OPTION_ROW_DB,
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_list = {
	.name = "list",
	.arguments = "",
	.summary = "list runs, newest first",
	.options = options,
	.run = run,
};
