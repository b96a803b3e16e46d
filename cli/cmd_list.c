/* wfctl list: runs, newest first. */
#include "command.h"
#include "database.h"
#include "definition/duration.h"
#include "show_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct listing {
	struct output_list list;
	bool quiet; /* ids alone */
	int64_t count;
	struct uuid last;
};

static void print_header(void)
{
	output_colour(COLOUR_DIM);
	output_print("%-36s  %-9s  %-20s  %8s  %8s  %s\n", "RUN", "STATUS", "CREATED",
		"TOOK", "DUE IN", "WORKFLOW, KEY, REASON");
	output_colour(COLOUR_NONE);
}

/* "1h", "now"; "" where it does not wait for a time. */
static void show_due(const struct admin_run *run, char out[SPAN_TEXT])
{
	bool waits = run->phase == PHASE_WAITING || run->phase == PHASE_PENDING;
	out[0] = '\0';
	if (waits && run->due > run->now)
		show_span(run->now, run->due, out);
	else if (waits && run->due)
		snprintf(out, SPAN_TEXT, "now");
}

static const char *reason_of(const struct admin_run *run)
{
	bool waits = run->phase == PHASE_WAITING || run->phase == PHASE_SUSPENDED ||
		     run->phase == PHASE_PENDING;
	return waits && run->reason ? run->reason : "";
}

static void print_run(const struct admin_run *run)
{
	char id[UUID_TEXT], at[CLOCK_TEXT], span[SPAN_TEXT], due[SPAN_TEXT];
	char *key = output_safe(run->key ? run->key : "");
	char *reason = output_safe(reason_of(run));
	uuid_format(run->id, id);
	clock_format(run->created_at, at);
	show_span(run->started_at, run->ended_at, span);
	show_due(run, due);
	output_print("%s  ", id);
	output_colour(show_colour(run->phase));
	output_print("%-9s", phase_name(run->phase));
	output_colour(COLOUR_NONE);
	output_print("  %.19sZ  %8s  %8s  %s/%s:%s%s%s%s%s\n", at, span, due,
		run->namespace, run->name, run->version, *key ? "  " : "", key,
		*reason ? "  " : "", reason);
	free(key);
	free(reason);
}

static void on_run(void *ctx, const struct admin_run *run)
{
	struct listing *l = ctx;
	char id[UUID_TEXT];
	l->last = run->id;
	uuid_format(run->id, id);
	if (l->list.form != OUTPUT_TEXT) {
		output_item(&l->list, show_object(run, NULL));
	} else if (l->quiet) {
		output_print("%s\n", id);
	} else {
		if (l->count == 0)
			print_header();
		print_run(run);
	}
	l->count++;
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

#define STATUSES "pending|running|waiting|suspended|completed|faulted|cancelled"

/* The words of several --status, with commas within one; they are cut out of `copy`,
 * which the caller frees like ret. */
static bool read_statuses(const struct options *o, char **copy, const char ***ret)
{
	char **given = options_list(o, "status"), *rest;
	struct buf all = {0};
	size_t n = 0;
	for (char **g = given; *g; g++)
		buf_printf(&all, "%s,", *g);
	*copy = buf_take(&all);
	*ret = NULL;
	bool ok = true;
	for (char *w = given[0] ? strtok_r(*copy, ",", &rest) : NULL; w && ok;
		w = strtok_r(NULL, ",", &rest)) {
		enum phase p;
		ok = phase_parse(w, &p) && p != PHASE_SKIPPED;
		*ret = xrealloc(*ret, (n + 2) * sizeof **ret);
		(*ret)[n++] = w;
		(*ret)[n] = NULL;
	}
	free(given);
	return ok;
}

static bool read_filter(const struct options *o, struct db_client *c,
	struct admin_filter *f, struct uuid ids[2], struct error *err)
{
	const char *parent = options_text(o, "parent");
	const char *before = options_text(o, "cursor"), *since = options_text(o, "since");
	int64_t span;
	f->key = options_text(o, "key");
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

static int show(const struct options *o, struct db_client *c, struct admin_filter *f)
{
	struct listing l = {
		.list = {.form = output_form(o)}, .quiet = options_given(o, "quiet")};
	struct uuid ids[2];
	struct error err;
	bool ok =
		read_filter(o, c, f, ids, &err) && admin_each_run(c, f, on_run, &l, &err);
	output_list_end(&l.list, ok);
	if (!ok)
		return err.kind == ERROR_INPUT ? command_misuse(o, "%s", err.text)
					       : command_fail(&err);
	if (l.list.form == OUTPUT_TEXT && l.count && l.count == f->limit) {
		char id[UUID_TEXT];
		uuid_format(l.last, id);
		output_say("more: the same command with --cursor %s", id);
	}
	return EXIT_DONE;
}

static int list(const struct options *o, struct db_client *c)
{
	struct admin_filter filter = {0};
	const char *workflow = options_text(o, "workflow");
	char *copy = workflow ? xstrdup(workflow) : NULL, *words;
	const char **statuses;
	int code;
	if (copy)
		read_workflow(copy, &filter);
	if (read_statuses(o, &words, &statuses)) {
		filter.statuses = statuses;
		code = show(o, c, &filter);
	} else {
		code = command_misuse(
			o, "--status takes " STATUSES ", several with commas");
	}
	free(copy);
	free(words);
	free(statuses);
	return code;
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
	{"status", 's', OPTION_LIST, STATUSES, "only these; repeatable, or with commas"},
	{"workflow", 0, OPTION_TEXT, "NAMESPACE[/NAME[:VERSION]]", "only its runs"},
	{"key", 'k', OPTION_TEXT, "KEY", "only the runs that this key stands for"},
	{"since", 0, OPTION_TEXT, "TIME|DURATION",
		"created then or later, or so long ago"},
	{"parent", 0, OPTION_TEXT, "RUN", "only runs that it started"},
	{"limit", 'n', OPTION_COUNT, "N", "at most so many (default 50)"},
	{"cursor", 0, OPTION_TEXT, "RUN", "go on after this run of an earlier list"},
	{"quiet", 'q', OPTION_FLAG, NULL, "print ids alone"},
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
