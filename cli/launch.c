/* Starting runs. The client draws the run's id and sends it again after a lost
 * connection, so an answer that never came does no harm. */
#include "launch.h"

#include "base/clock.h"
#include "command.h"
#include "definition/data_schema.h"
#include "http/reach.h"
#include "json_argument.h"
#include "resolve.h"
#include "show_run.h"
#include "worker_flags.h"

#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define POLL (250 * USEC_PER_MS)
#define PATIENCE (60 * USEC_PER_SEC) /* with a server that does not answer */

/* ---- Arguments ---- */

static size_t word(const char *s, const char *more)
{
	size_t n = 0;
	while (isalnum((unsigned char)s[n]) || (n > 0 && s[n] && strchr(more, s[n])))
		n++;
	return n;
}

/* NAMESPACE/NAME[:VERSION] */
static bool is_workflow_name(const char *s)
{
	size_t n = word(s, "-_.");
	if (n == 0 || n > 128 || s[n] != '/')
		return false;
	s += n + 1;
	n = word(s, "-_.");
	if (n == 0 || n > 128)
		return false;
	return !s[n] || (s[n] == ':' && s[n + 1] && !s[n + 1 + word(s + n + 1, "-_.+")]);
}

static int read_arguments(const struct options *o, struct launch *l)
{
	struct error err;
	l->name = o->arguments[0];
	l->start.key = options_text(o, "key");
	l->start.key_ttl = options_number(o, "key-ttl", 0);
	const char *version = strchr(l->name, ':');
	if (l->start.key_ttl && !l->start.key)
		return command_misuse(o, "--key-ttl needs --key");
	bool file = definition_file_is(l->name);
	l->start.named = file || (version && strcmp(version, ":latest") != 0);
	if (!file && !is_workflow_name(l->name))
		return command_misuse(o,
			"\"%s\" is neither a file nor a workflow: "
			"NAMESPACE/NAME[:VERSION]",
			l->name);
	if (!ways_read(o, &l->ways, &err))
		return command_misuse(o, "%s", err.text);
	const char *input = options_text(o, "input");
	if (!json_argument_read(input ? input : "null", "--input", &l->input, &err))
		return command_fail(&err);
	l->start.input = l->input;
	return file ? definition_file_load(l->name, &l->file) : EXIT_DONE;
}

/* ---- Registering ---- */

/* On the private Postgres changed content of a known version is a version of its own. */
static bool apply_changed(struct launch *l, struct error *err)
{
	struct definition_file *f = &l->file;
	struct definition *changed;
	char suffix[16] = "dev.";
	bool new;
	digest_hex(f->definition->digest, 4, suffix + 4);
	if (!definition_create_with((struct json){f->text, f->n},
		    f->definition->resources_text, suffix, &changed, err))
		return false;
	definition_unref(f->definition);
	f->definition = changed;
	return admin_apply(l->database.client, changed, &new, err);
}

/* An input that does not fit is refused at the door: nothing is registered, no run is
 * made, no key is used up. */
static bool check_input(
	const struct launch *l, const struct definition *d, struct error *err)
{
	struct fault fault = {0};
	struct json input = {l->input, strlen(l->input)};
	return data_schema_fits(d->root.input_schema, "input", input, &fault) ||
	       error_set(err, ERROR_INPUT, "--input: %s", fault.detail);
}

static bool check_registered(
	const struct launch *l, const struct admin_definition *w, struct error *err)
{
	struct json document;
	struct definition *d;
	if (!json_check(w->document, strlen(w->document), NULL, &document, NULL, err))
		return false;
	if (!json_pointer(document, "/input/schema").s)
		return true;
	if (!admin_load_definition(l->database.client, w, &d, err))
		return false;
	bool ok = check_input(l, d, err);
	definition_unref(d);
	return ok;
}

static bool find_registered(struct launch *l, struct error *err)
{
	struct admin_definition w;
	if (!admin_find_definition(l->database.client, l->name, &w, err))
		return false;
	l->start.workflow_id = w.id;
	bool ok = check_registered(l, &w, err);
	admin_definition_finish(&w);
	return ok;
}

static bool find_workflow(struct launch *l, struct error *err)
{
	struct error why;
	bool new;
	if (!l->file.definition)
		return find_registered(l, err);
	if (!resolve_file(&l->file, l->database.client, &l->ways, err))
		return false;
	if (!check_input(l, l->file.definition, err))
		return false;
	if (!admin_apply(l->database.client, l->file.definition, &new, &why)) {
		*err = why;
		if (why.kind != ERROR_CONFLICT || !l->database.private)
			return false;
		if (!apply_changed(l, err))
			return false;
	}
	l->start.workflow_id = l->file.definition->id;
	return true;
}

int launch_prepare(const struct options *o, enum database_need need, struct launch *ret)
{
	struct error err;
	struct launch l = {0};
	int code = read_arguments(o, &l);
	if (code == EXIT_DONE)
		code = database_open(o, need, &l.database);
	if (code == EXIT_DONE && !find_workflow(&l, &err))
		code = command_fail(&err);
	if (code == EXIT_DONE)
		*ret = l;
	else
		launch_finish(&l);
	return code;
}

void launch_finish(struct launch *l)
{
	definition_file_finish(&l->file);
	free(l->input);
	http_reach_destroy(l->ways.reach);
	if (l->database.conninfo)
		database_close(&l->database);
	*l = (struct launch){0};
}

/* ---- Creating ---- */

/* Connects anew after a loss, for as long as that may make sense; `since` is when trouble
 * began. err holds what happened. */
static bool recover(struct database *d, int64_t since, struct error *err)
{
	while (err->kind == ERROR_TRANSIENT && clock_boottime() - since < PATIENCE) {
		if (database_reopen(d, err))
			return true;
		usleep(500000);
	}
	return false;
}

bool launch_create(struct launch *l, struct error *err)
{
	int64_t since = clock_boottime();
	struct error why;
	struct uuid id;
	while (!admin_new_id(l->database.client, &l->start.run_id, &why)) {
		if (!recover(&l->database, since, &why))
			goto fail;
	}
	while (!admin_create_run(l->database.client, &l->start, &id, &why)) {
		if (!recover(&l->database, since, &why))
			goto fail;
	}
	l->created = uuid_equal(id, l->start.run_id);
	l->start.run_id = id;
	if (!l->start.owner)
		admin_notify_start(l->database.client, id);
	return true;
fail:
	*err = why;
	return false;
}

/* ---- Following ---- */

static volatile sig_atomic_t interrupted;

static void on_interrupt(int number)
{
	(void)number;
	interrupted = 1;
}

static void catch_interrupt(void)
{
	struct sigaction action = {.sa_handler = on_interrupt};
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
}

/* False also where that cannot be told. */
static bool nobody_works(struct database *d, struct uuid id)
{
	struct admin_run run;
	struct error err;
	if ((!d->client && !database_reopen(d, &err)) ||
		!admin_find_run(d->client, id, &run, &err))
		return false;
	bool none = run.live_workers == 0;
	admin_run_finish(&run);
	return none;
}

static void say_detached(struct database *d, struct uuid run)
{
	char id[UUID_TEXT], end[SHORT_ID];
	uuid_format(run, id);
	show_short_id(run, end);
	if (d->private)
		output_say("detached: run %s goes on when a worker runs here: wfctl dev",
			id);
	else if (nobody_works(d, run))
		output_say("detached: run %s goes on when a worker lives, and none does: "
			   "wfctl worker",
			id);
	else
		output_say("detached: run %s goes on with the pool", id);
	output_say("come back with: wfctl status %s", end);
}

static bool is_settled(const struct admin_run *run)
{
	return phase_has_ended(run->phase) || run->phase == PHASE_SUSPENDED;
}

/* The run, read again after every lost connection. */
static bool find_patiently(
	struct database *d, struct uuid id, struct admin_run *ret, struct error *err)
{
	int64_t since = clock_boottime();
	struct error why = {.kind = ERROR_TRANSIENT};
	while (!d->client || !admin_find_run(d->client, id, ret, &why)) {
		if (interrupted || !recover(d, since, &why)) {
			*err = why;
			return false;
		}
	}
	return true;
}

/* How it ended; of one that goes on without us, how to come back, and its object. */
static int print_outcome(
	struct database *d, const struct admin_run *run, enum output form)
{
	struct admin_steps steps;
	struct error err;
	bool settled = is_settled(run);
	if (!settled)
		say_detached(d, run->id);
	if (!settled && form == OUTPUT_TEXT)
		return EXIT_WAIT_OVER;
	if (!admin_find_steps(d->client, run->id, &steps, &err))
		return command_fail(&err);
	int code = show_outcome(d->client, run, &steps, form);
	admin_steps_finish(&steps);
	return settled ? code : EXIT_WAIT_OVER;
}

int launch_detach(struct database *d, struct uuid id, enum output form)
{
	struct admin_run run;
	struct error err;
	if (form == OUTPUT_TEXT || !find_patiently(d, id, &run, &err)) {
		say_detached(d, id);
		return EXIT_WAIT_OVER;
	}
	int code = print_outcome(d, &run, form);
	admin_run_finish(&run);
	return code;
}

int launch_follow(struct database *d, struct uuid id, int64_t timeout, enum output form)
{
	int64_t end = timeout ? clock_boottime() + timeout : INT64_MAX;
	struct admin_run run;
	struct error err;
	catch_interrupt();
	for (;;) {
		if (!find_patiently(d, id, &run, &err))
			return command_fail(&err);
		bool settled = is_settled(&run);
		if (settled || interrupted || clock_boottime() >= end)
			break;
		admin_run_finish(&run);
		usleep(POLL);
	}
	int code = print_outcome(d, &run, form);
	admin_run_finish(&run);
	return code;
}
