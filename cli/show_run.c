/* Runs as text and as JSON. All of a run's own text is escaped on its way to a terminal.
 */
#include "show_run.h"

#include "base/clock.h"
#include "command.h"
#include "retry_plan.h"
#include "show_steps.h"
#include "json/json.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DESCENDANTS 100
#define ANOTHER_RUN "correct the workflow, and start another run"

void show_short_id(struct uuid id, char out[SHORT_ID])
{
	char text[UUID_TEXT];
	uuid_format(id, text);
	snprintf(out, SHORT_ID, "%s", text + 24);
}

void show_span(int64_t from, int64_t to, char out[SPAN_TEXT])
{
	out[0] = '\0';
	if (from && to)
		duration_format(to > from ? to - from : 0, out, SPAN_TEXT);
}

enum colour show_colour(enum phase p)
{
	switch (p) {
	case PHASE_COMPLETED: return COLOUR_GOOD;
	case PHASE_FAULTED: return COLOUR_BAD;
	case PHASE_RUNNING:
	case PHASE_WAITING:
	case PHASE_SUSPENDED: return COLOUR_BUSY;
	case PHASE_PENDING:
	case PHASE_CANCELLED:
	case PHASE_SKIPPED: break;
	}
	return COLOUR_DIM;
}

/* ---- JSON ---- */

static void add_attempts(cJSON *step, const struct attempts *attempts, const char *path)
{
	size_t count;
	const struct attempt *a = attempts_of(attempts, path, &count);
	cJSON *array = cJSON_AddArrayToObject(step, "failedAttempts");
	for (size_t i = 0; i < count; i++) {
		cJSON *object = cJSON_CreateObject();
		cJSON_AddNumberToObject(object, "attempt", (double)a[i].number);
		if (a[i].uncertain)
			cJSON_AddBoolToObject(object, "uncertain", true);
		object_time(object, "endedAt", a[i].at);
		object_payload(object, "error", a[i].error);
		cJSON_AddItemToArray(array, object);
	}
}

static void add_step(
	cJSON *array, const struct admin_step *s, const struct attempts *attempts)
{
	cJSON *step = cJSON_CreateObject();
	object_text(step, "name", s->name);
	object_text(step, "reference", s->reference);
	object_text(step, "path", s->path);
	object_uuid(step, "stepId", s->step_id);
	object_text(step, "status", phase_name(s->phase));
	cJSON_AddNumberToObject(step, "attempts", (double)s->attempts);
	if (show_uncertain(s))
		cJSON_AddBoolToObject(step, "uncertain", true);
	object_time(step, "startedAt", s->started_at);
	object_time(step, "endedAt", s->ended_at);
	object_payload(step, "output", s->output);
	object_payload(step, "error", s->error);
	if (s->reason) {
		object_text(step, "reason", s->reason);
		object_text(step, "endedBy", s->ended_by);
	}
	if (attempts)
		add_attempts(step, attempts, s->path);
	cJSON_AddItemToArray(array, step);
}

static void add_waiting(cJSON *object, const struct admin_run *run)
{
	if (run->reason)
		object_text(object, "reason", run->reason);
	if (run->request)
		object_text(object, "request", run->request);
	if (run->due && (run->phase == PHASE_WAITING || run->phase == PHASE_PENDING))
		object_time(object, "dueAt", run->due);
	if (run->needs)
		object_text(object, "needs", run->needs);
	if (run->host) {
		cJSON *worker = cJSON_AddObjectToObject(object, "worker");
		object_text(worker, "host", run->host);
		cJSON_AddNumberToObject(worker, "process", (double)run->pid);
		object_time(worker, "seenAt", run->seen_at);
		cJSON_AddBoolToObject(worker, "gone", run->gone);
	}
	if (run->orders)
		object_payload(object, "orders", run->orders);
}

cJSON *show_object(const struct admin_run *run, const struct admin_steps *steps)
{
	return show_object_with(run, steps, NULL);
}

cJSON *show_object_with(const struct admin_run *run, const struct admin_steps *steps,
	const struct attempts *attempts)
{
	cJSON *object = cJSON_CreateObject();
	object_uuid(object, "id", run->id);
	object_workflow(object, run->namespace, run->name, run->version);
	object_text(object, "status", phase_name(run->phase));
	object_text(object, "key", run->key);
	if (run->has_parent)
		object_uuid(object, "parent", run->parent);
	if (steps) {
		object_payload(object, "input", run->input);
		object_payload(object, "output", run->output);
		object_payload(object, "error", run->error);
	}
	object_time(object, "createdAt", run->created_at);
	object_time(object, "startedAt", run->started_at);
	object_time(object, "endedAt", run->ended_at);
	add_waiting(object, run);
	if (!steps)
		return object;
	cJSON *array = cJSON_AddArrayToObject(object, "steps");
	for (size_t i = 0; i < steps->count; i++)
		add_step(array, &steps->items[i], attempts);
	return object;
}

/* ---- Text ---- */

char *show_problem(const char *json)
{
	struct buf b = {0};
	struct json v;
	if (!json || !json_check(json, strlen(json), NULL, &v, NULL, NULL))
		return output_safe(json ? json : "");
	char *title = json_strdup(json_get(v, "title"));
	char *detail = json_strdup(json_get(v, "detail"));
	struct json status = json_get(v, "status");
	buf_puts(&b, title ? title : "error");
	if (status.s)
		buf_printf(&b, " (%.*s)", (int)status.n, status.s);
	if (detail && *detail)
		buf_printf(&b, ": %s", detail);
	char *safe = output_safe(buf_text(&b));
	free(title);
	free(detail);
	buf_finish(&b);
	return safe;
}

/* The task that the problem document blames; caller frees. NULL: none. */
static char *problem_instance(const char *json)
{
	struct json v;
	if (!json || !json_check(json, strlen(json), NULL, &v, NULL, NULL))
		return NULL;
	char *instance = json_strdup(json_get(v, "instance"));
	char *safe = instance && *instance ? output_safe(instance) : NULL;
	free(instance);
	return safe;
}

char *show_needs(const char *needs)
{
	struct buf b = {0};
	for (const char *p = needs; *p; p += strspn(p, ", ")) {
		int n = (int)strcspn(p, ",");
		const char *name =
			n > 9 && strncmp(p, "database:", 9) == 0 ? p + 9 : NULL;
		buf_puts(&b, p == needs ? "" : " and ");
		if (n == 5 && strncmp(p, "shell", 5) == 0)
			buf_puts(&b, "--allow-run");
		else if (n == 3 && strncmp(p, "sql", 3) == 0)
			buf_puts(&b, "--allow-sql");
		else if (name)
			buf_printf(&b, "--database %.*s=...", n - 9, name);
		else
			buf_printf(&b, "%.*s", n, p);
		p += n;
	}
	char *safe = output_safe(buf_text(&b));
	buf_finish(&b);
	return safe;
}

static void print_field(const char *name, const char *text)
{
	char *safe = text ? output_safe(text) : NULL;
	if (safe)
		output_print("%-10s %s\n", name, safe);
	free(safe);
}

static void print_time(const char *name, int64_t usec, const char *span)
{
	char text[CLOCK_TEXT];
	if (!usec)
		return;
	clock_format(usec, text);
	output_print("%-10s %s%s%s\n", name, text, *span ? "   " : "", span);
}

static void print_lack(const struct admin_run *run)
{
	char *with = show_needs(run->needs ? run->needs : "");
	output_print("%-10s for %sa worker%s%s\n", "waits",
		run->suspect_at ? "a process of its own, started by " : "",
		*with ? " with " : "", with);
	free(with);
}

/* It is due, and nobody takes it. */
static bool waits_for_worker(const struct admin_run *run)
{
	return !run->host &&
	       (run->phase == PHASE_PENDING ||
		       (run->phase == PHASE_WAITING && run->due && run->due <= run->now));
}

static void print_worker(const struct admin_run *run)
{
	char age[SPAN_TEXT], *host = output_safe(run->host);
	output_print("%-10s %s, process %lld", "worker", host, (long long)run->pid);
	free(host);
	if (run->gone) {
		show_span(run->seen_at, run->now, age);
		output_print(": gone, last seen %s ago; %s", age,
			run->live_workers ? "another one takes the run over"
					  : "no worker lives");
	}
	output_print("\n");
}

static void print_waiting(const struct admin_run *run)
{
	char at[CLOCK_TEXT], left[SPAN_TEXT] = "now";
	int64_t due = run->suspect_at ? run->suspect_at : run->due;
	clock_format(due, at);
	if (due > run->now)
		duration_format(due - run->now, left, sizeof left);
	if (due > run->now &&
		(run->phase == PHASE_WAITING || run->phase == PHASE_PENDING))
		output_print("%-10s %s   in %s\n", "due", at, left);
	else if (waits_for_worker(run))
		print_lack(run);
	print_field("reason", run->reason);
	if (run->host)
		print_worker(run);
	if (run->request)
		output_print("%-10s %s, not yet done\n", "asked for", run->request);
}

static void print_error(const char *error)
{
	char *instance = problem_instance(error),
	     *text = error ? show_problem(error) : NULL;
	if (text)
		output_print("%-10s %s\n", "error", text);
	if (instance)
		output_print("%-10s %s\n", "at", instance);
	free(text);
	free(instance);
}

static void print_descendant(void *ctx, const struct admin_descendant *d)
{
	char id[SHORT_ID];
	int64_t *count = ctx;
	if ((*count)++ == 0)
		output_print("\nstarted\n");
	if (*count > DESCENDANTS) {
		output_print("  ... and more: wfctl list --parent RUN\n");
		return;
	}
	char *path = output_safe(d->path ? d->path : "");
	show_short_id(d->run.id, id);
	output_print("%*s", (int)(d->depth < 20 ? 2 * d->depth : 40), "");
	output_colour(show_colour(d->run.phase));
	output_print("%s", phase_symbol(d->run.phase, false));
	output_colour(COLOUR_NONE);
	output_print(" %s  %-9s  %s/%s:%s  by %s\n", id, phase_name(d->run.phase),
		d->run.namespace, d->run.name, d->run.version, path);
	free(path);
}

/* What a person does whom a retry does not help: another run would do again what may have
 * taken effect. Caller frees. */
static char *say_way_out(const struct admin_steps *steps)
{
	const struct admin_step *s = show_first_uncertain(steps);
	char *text = s ? xasprintf("%s may have taken effect: find out where it was sent,"
				   " before anything sends it anew",
				 s->name)
		       : xstrdup(ANOTHER_RUN);
	char *safe = output_safe(text);
	free(text);
	return safe;
}

static void print_retry(struct db_client *c, const struct admin_run *run,
	const struct admin_steps *steps, const char *id)
{
	bool helps = true;
	char *outlook = retry_outlook(c, run, steps, &helps);
	char *safe = outlook ? output_safe(outlook) : NULL;
	if (helps)
		output_print("\n%-10s wfctl retry %s\n", "next", id);
	if (safe && helps)
		output_print("%-10s %s\n", "", safe);
	char *way_out = say_way_out(steps);
	if (safe && !helps)
		output_print("\n%-10s %s:\n%-10s %s\n", "next", safe, "", way_out);
	free(way_out);
	free(outlook);
	free(safe);
}

/* What is held was done or not, which a person has to find out. */
static void print_release(const struct admin_steps *steps, const char *id)
{
	const struct admin_step *held = admin_held_step(steps);
	char *name = held ? output_safe(held->name) : NULL;
	output_print("\n%-10s wfctl %s %s\n", "next", held ? "retry" : "resume", id);
	if (name)
		output_print(
			"%-10s it sends %s again; if it was done:\n%-10s wfctl resume "
			"%s --answer JSON\n",
			"", name, "", id);
	free(name);
}

static void print_next(
	struct db_client *c, const struct admin_run *run, const struct admin_steps *steps)
{
	char id[SHORT_ID];
	show_short_id(run->id, id);
	switch (run->phase) {
	case PHASE_FAULTED: print_retry(c, run, steps, id); break;
	case PHASE_SUSPENDED: print_release(steps, id); break;
	case PHASE_PENDING:
	case PHASE_RUNNING:
	case PHASE_WAITING:
		if ((run->gone || waits_for_worker(run)) && !run->live_workers)
			output_print("\n%-10s wfctl worker, or wfctl dev: no worker "
				     "lives\n",
				"next");
		else
			output_print("\n%-10s wfctl status -w %s\n", "next", id);
		break;
	case PHASE_COMPLETED:
	case PHASE_CANCELLED:
	case PHASE_SKIPPED: break;
	}
}

/* What people asked of the run, and who they were. */
static void print_orders(const char *orders)
{
	struct json array, order;
	if (!orders || !json_check(orders, strlen(orders), NULL, &array, NULL, NULL) ||
		json_type(array) != JSON_ARRAY)
		return;
	struct json_iter it = json_iter(array);
	while (json_next_element(&it, &order)) {
		char *change = json_strdup(json_get(order, "change"));
		char *at = json_strdup(json_get(order, "at"));
		char *by = json_strdup(json_get(order, "by"));
		char *line = xasprintf("%s by %s, %.19sZ", change ? change : "",
			by ? by : "", at ? at : "");
		print_field("ordered", line);
		free(change);
		free(at);
		free(by);
		free(line);
	}
}

static void print_head(const struct admin_run *run)
{
	char id[UUID_TEXT], span[SPAN_TEXT];
	uuid_format(run->id, id);
	show_span(run->started_at, run->ended_at, span);
	output_print("%-10s %s\n%-10s %s/%s:%s\n%-10s ", "run", id, "workflow",
		run->namespace, run->name, run->version, "status");
	output_colour(show_colour(run->phase));
	output_print("%s", phase_name(run->phase));
	output_colour(COLOUR_NONE);
	output_print("\n");
	print_field("key", run->key);
	if (run->has_parent) {
		uuid_format(run->parent, id);
		print_field("parent", id);
	}
	print_time("created", run->created_at, "");
	print_time("started", run->started_at, "");
	print_time("ended", run->ended_at, span);
	print_orders(run->orders);
}

bool show_text(struct db_client *c, const struct admin_run *run,
	const struct admin_steps *steps, bool all, const struct attempts *attempts,
	struct error *err)
{
	int64_t count = 0;
	print_head(run);
	if (!phase_has_ended(run->phase))
		print_waiting(run);
	if (run->error)
		print_error(run->error);
	show_steps(steps, all, attempts, run->ended_at ? run->ended_at : run->now);
	bool ok = admin_each_descendant(
		c, run->id, DESCENDANTS + 1, print_descendant, &count, err);
	if (run->output) {
		output_print("\n%-10s ", "output");
		output_payload(run->output);
	}
	print_next(c, run, steps);
	return ok;
}

/* ---- Outcomes ---- */

static int code_of(enum phase p)
{
	switch (p) {
	case PHASE_COMPLETED: return EXIT_DONE;
	case PHASE_FAULTED: return EXIT_RUN_FAULTED;
	case PHASE_CANCELLED: return EXIT_RUN_CANCELLED;
	case PHASE_PENDING:
	case PHASE_RUNNING:
	case PHASE_WAITING:
	case PHASE_SUSPENDED:
	case PHASE_SKIPPED: break;
	}
	return EXIT_WAIT_OVER;
}

static void say_fault(
	struct db_client *c, const struct admin_run *run, const struct admin_steps *steps)
{
	bool helps = true;
	char id[UUID_TEXT], end[SHORT_ID];
	char *outlook = retry_outlook(c, run, steps, &helps);
	char *safe = outlook ? output_safe(outlook) : NULL;
	char *problem = show_problem(run->error),
	     *instance = problem_instance(run->error);
	uuid_format(run->id, id);
	show_short_id(run->id, end);
	output_say("wfctl: run %s faulted: %s", id, problem);
	if (instance)
		output_say("  at %s", instance);
	output_say("  look at it: wfctl status %s", end);
	if (helps)
		output_say("  let it go on: wfctl retry %s", end);
	char *way_out = say_way_out(steps);
	if (!helps)
		output_say("  %s:\n  %s", safe, way_out);
	free(way_out);
	free(outlook);
	free(safe);
	free(problem);
	free(instance);
}

static void say_suspended(const struct admin_run *run, const struct admin_steps *steps)
{
	char end[SHORT_ID];
	char *reason =
		output_safe(run->reason ? run->reason : "an operator asked for it");
	show_short_id(run->id, end);
	output_say("wfctl: run %s is suspended: %s", end, reason);
	bool held = admin_held_step(steps) != NULL;
	output_say("  let it go on: wfctl %s %s", held ? "retry" : "resume", end);
	if (held)
		output_say("  or, if it was done: wfctl resume %s --answer JSON", end);
	free(reason);
}

int show_outcome(struct db_client *c, const struct admin_run *run,
	const struct admin_steps *steps, enum output form)
{
	char id[UUID_TEXT];
	uuid_format(run->id, id);
	if (form == OUTPUT_JSON || form == OUTPUT_JSONL)
		output_object(show_object(run, steps));
	else if (form == OUTPUT_TEXT && run->phase == PHASE_COMPLETED)
		output_payload(run->output);
	if (run->phase == PHASE_FAULTED)
		say_fault(c, run, steps);
	else if (run->phase == PHASE_CANCELLED)
		output_say("wfctl: run %s was cancelled", id);
	else if (run->phase == PHASE_SUSPENDED)
		say_suspended(run, steps);
	return code_of(run->phase);
}
