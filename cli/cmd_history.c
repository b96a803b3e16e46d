/* wfctl history: the journal of a run, one line per operation. */
#include "base/clock.h"
#include "command.h"
#include "database.h"
#include "output.h"
#include "show_run.h"
#include "json/json.h"

#include "admin/runs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FOLLOW_USEC 500000

/* The stepId of a path changes with `retry --new-id`; later operations go on from there.
 */
struct generation {
	char *path;
	int64_t number;
};

struct history {
	struct output_list list;
	struct uuid run;
	char *worker; /* of the last claim */
	int64_t seq;  /* of the last entry */
	struct generation *generations;
	size_t count;
};

static int64_t generation_of(struct history *h, const char *path, struct json op)
{
	size_t i = 0;
	int64_t number;
	bool given = json_int(json_get(op, "generation"), &number);
	while (i < h->count && strcmp(h->generations[i].path, path) != 0)
		i++;
	if (!given)
		return i < h->count ? h->generations[i].number : 0;
	if (i == h->count) {
		h->generations =
			xrealloc(h->generations, (i + 1) * sizeof *h->generations);
		h->generations[h->count++].path = xstrdup(path);
	}
	h->generations[i].number = number;
	return number;
}

/* How an attempt ended: ok, error or uncertain; NULL for what ends none. */
static const char *outcome_of(const char *kind, struct json op)
{
	if (strcmp(kind, "completed") == 0)
		return "ok";
	if (strcmp(kind, "lost") == 0 || strcmp(kind, "uncertain") == 0)
		return "uncertain";
	bool uncertain = json_truth(json_get(op, "uncertain"));
	if (strcmp(kind, "faulted") == 0)
		return uncertain ? "uncertain" : "error";
	return uncertain ? "uncertain" : NULL; /* cancelled while it was under way */
}

/* One operation, taken apart; texts are owned. */
struct line {
	const struct admin_entry *entry;
	char *kind, *path, *digest, *error, *reason, *death, *by;
	int64_t attempt, due;
	const char *outcome;
	char step_id[UUID_TEXT]; /* "" without a path */
};

/* "its process ended by SIGSEGV at /do/0/x, with 120 MiB"; NULL: it did not. */
static char *say_death(struct json death)
{
	struct buf b = {0};
	int64_t n;
	if (json_type(death) != JSON_OBJECT)
		return NULL;
	char *step = json_strdup(json_get(death, "step"));
	char *signal = json_strdup(json_get(death, "signal"));
	buf_puts(&b, "its process ended");
	if (signal)
		buf_printf(&b, " by %s", signal);
	else if (json_int(json_get(death, "code"), &n))
		buf_printf(&b, " with exit code %lld", (long long)n);
	if (step && *step)
		buf_printf(&b, " at %s", step);
	if (json_int(json_get(death, "rss"), &n) && n > 0)
		buf_printf(&b, ", with %lld MiB", (long long)(n >> 20));
	free(signal);
	free(step);
	return buf_take(&b);
}

static struct line read_line(
	struct history *h, const struct admin_entry *e, struct json op)
{
	struct line l = {.entry = e, .kind = json_strdup(json_get(op, "op"))};
	struct json error = json_get(op, "error");
	l.kind = l.kind ? l.kind : xstrdup(e->kind);
	l.path = json_strdup(json_get(op, "path"));
	l.digest = json_strdup(json_get(op, "digest"));
	l.error = error.s ? xstrndup(error.s, error.n) : NULL;
	l.reason = json_strdup(json_get(op, "reason"));
	l.death = say_death(json_get(op, "death"));
	l.by = json_strdup(json_get(op, "by"));
	l.outcome = outcome_of(l.kind, op);
	if (!json_int(json_get(op, "attempt"), &l.attempt))
		l.attempt = 0;
	if (!json_int(json_get(op, "due"), &l.due))
		l.due = 0;
	if (l.path && *l.path)
		uuid_format(
			uuid_step(h->run, l.path, (unsigned)generation_of(h, l.path, op)),
			l.step_id);
	return l;
}

static void line_finish(struct line *l)
{
	free(l->kind);
	free(l->path);
	free(l->digest);
	free(l->error);
	free(l->reason);
	free(l->death);
	free(l->by);
}

static void print_object(struct history *h, const struct line *l)
{
	cJSON *object = cJSON_CreateObject();
	cJSON_AddNumberToObject(object, "seq", (double)l->entry->seq);
	object_time(object, "at", l->entry->at);
	object_text(object, "kind", l->kind);
	object_text(object, "path", l->path);
	object_text(object, "stepId", *l->step_id ? l->step_id : NULL);
	if (l->attempt)
		cJSON_AddNumberToObject(object, "attempt", (double)l->attempt);
	else
		cJSON_AddNullToObject(object, "attempt");
	object_text(object, "worker", h->worker);
	object_text(object, "digest", l->digest);
	object_text(object, "outcome", l->outcome);
	if (l->due)
		object_time(object, "dueAt", l->due);
	if (l->error)
		object_payload(object, "error", l->error);
	if (l->reason)
		object_text(object, "reason", l->reason);
	if (l->death)
		object_text(object, "death", l->death);
	if (l->by)
		object_text(object, "by", l->by);
	output_item(&h->list, object);
}

/* Why, behind the rest of the line. */
static void print_note(const struct line *l)
{
	char *note = l->error    ? show_problem(l->error)
		     : l->death  ? output_safe(l->death)
		     : l->reason ? output_safe(l->reason)
		     : l->by     ? output_safe(l->by)
				 : NULL;
	if (note)
		output_print("  %s%s", l->by ? "by " : "", note);
	free(note);
}

static void print_text(const struct history *h, const struct line *l)
{
	char at[CLOCK_TEXT], due[CLOCK_TEXT] = "", attempt[40] = "";
	char *kind = output_safe(l->kind), *path = output_safe(!l->path   ? ""
							       : *l->path ? l->path
									  : "(run)");
	clock_format(l->entry->at, at);
	if (l->due)
		clock_format(l->due, due);
	if (l->attempt > 1)
		snprintf(
			attempt, sizeof attempt, "  attempt %lld", (long long)l->attempt);
	output_print("%5lld  %s  %-10s %-9s  %s%s%s%s", (long long)l->entry->seq, at,
		kind, l->outcome ? l->outcome : "", path, attempt,
		l->due ? "  until " : "", due);
	if (strcmp(l->kind, "claimed") == 0 && h->worker)
		output_print("worker %.8s", h->worker);
	print_note(l);
	output_print("\n");
	free(kind);
	free(path);
}

static void on_operation(struct history *h, const struct admin_entry *e, struct json op)
{
	char *worker = json_strdup(json_get(op, "worker"));
	if (worker) {
		free(h->worker);
		h->worker = worker;
	}
	struct line l = read_line(h, e, op);
	if (h->list.form == OUTPUT_TEXT)
		print_text(h, &l);
	else
		print_object(h, &l);
	line_finish(&l);
}

static void on_entry(void *ctx, const struct admin_entry *e)
{
	struct history *h = ctx;
	struct json_limits limits = {.bytes = SIZE_MAX, .depth = 1000};
	struct json ops = {0}, op;
	if (e->data && !json_check(e->data, strlen(e->data), &limits, &ops, NULL, NULL))
		ops = (struct json){0};
	struct json_iter it = json_iter(ops);
	h->seq = e->seq;
	if (json_type(ops) != JSON_ARRAY)
		on_operation(ctx, e, JSON_LITERAL("{}"));
	while (json_next_element(&it, &op))
		on_operation(ctx, e, op);
}

/* What there is; with `follow` until the run has ended, all that comes. */
static bool print_entries(
	struct db_client *c, struct history *h, bool follow, struct error *err)
{
	struct admin_run run;
	for (bool over = false; !over;) {
		if (!admin_find_run(c, h->run, &run, err))
			return false;
		over = !follow || phase_has_ended(run.phase);
		admin_run_finish(&run);
		if (!admin_each_entry(c, h->run, h->seq, on_entry, h, err))
			return false;
		fflush(stdout);
		if (!over)
			usleep(FOLLOW_USEC);
	}
	return true;
}

static int run(const struct options *o)
{
	struct database d;
	struct error err;
	struct history h = {.list = {.form = output_form(o)}};
	int code = database_open_run(o, o->arguments[0], &d, &h.run);
	if (code != EXIT_DONE)
		return code;
	if (!print_entries(d.client, &h, options_given(o, "follow"), &err))
		code = command_fail(&err);
	output_list_end(&h.list, code == EXIT_DONE);
	database_close(&d);
	for (size_t i = 0; i < h.count; i++)
		free(h.generations[i].path);
	free(h.generations);
	free(h.worker);
	return code;
}

static const struct option options[] = {
	{"follow", 'f', OPTION_FLAG, NULL, "go on until the run has ended"},
	OPTION_ROW_DB, OPTION_ROW_OUTPUT, OPTION_ROW_HELP, {0}};

const struct command command_history = {
	.name = "history",
	.arguments = "RUN",
	.summary = "print the journal of a run",
	.help = "A line for each operation; those of one entry, which were committed "
		"together, have\n"
		"one seq. With -o json an array of objects: seq, at, kind, path, stepId, "
		"attempt,\n"
		"worker, digest of the request, outcome (ok, error, uncertain), and "
		"where "
		"there are\n"
		"any dueAt, error, reason, death, by.\n\n"
		"Kinds:\n"
		"  created, claimed        the run is accepted; a worker took it\n"
		"  started, completed, skipped, faulted, cancelled\n"
		"                          of a task, or an attempt of it; (run): the "
		"run\n"
		"  iteration, opened       a loop begins its next one; a call opens its "
		"function\n"
		"  waiting, retry          until dueAt: a timer; the next attempt or "
		"pass\n"
		"  caught                  a try goes on with its handler\n"
		"  listening, received, collected\n"
		"                          for events; one was taken; what foreach made "
		"of "
		"it\n"
		"  lost, held              nobody knows how an attempt ended; it waits "
		"for "
		"a person\n"
		"  suspended, resumed, retried, answered\n"
		"                          orders, and what came of them\n"
		"  frames                  where the run stood: a takeover reads on from "
		"there\n",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
