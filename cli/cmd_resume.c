/* wfctl resume RUN..., also with the answer to a held step. */
#include "change.h"
#include "command.h"
#include "database.h"
#include "json_argument.h"

#include <stdlib.h>
#include <string.h>

/* The held step of this name or path; NULL: the only one. */
static const struct admin_step *choose(
	const struct admin_steps *steps, const char *named, struct error *err)
{
	const struct admin_step *found = NULL;
	for (size_t i = 0; i < steps->count; i++) {
		const struct admin_step *s = &steps->items[i];
		if (s->phase != PHASE_SUSPENDED ||
			(named && strcmp(named, s->path) != 0 &&
				strcmp(named, s->name) != 0))
			continue;
		if (found) {
			error_set(err, ERROR_CONFLICT,
				"several steps are held: name one, --step %s or --step "
				"%s",
				found->path, s->path);
			return NULL;
		}
		found = s;
	}
	if (!found)
		error_set(err, ERROR_CONFLICT,
			"no step%s%s is held: there is nothing to answer for",
			named ? " " : "", named ? named : "");
	return found;
}

static bool give(struct db_client *c, struct uuid id, const struct admin_step *held,
	const char *answer, struct error *err)
{
	char *author = change_author();
	struct admin_order order = {.change = CHANGE_ANSWER,
		.by = author,
		.path = held->path,
		.answer = answer};
	bool done;
	bool ok = admin_change_run(c, id, &order, &done, err);
	free(author);
	if (ok && !done)
		return error_set(err, ERROR_CONFLICT,
			"it is to be cancelled, or somebody else was first; see wfctl "
			"status");
	return ok;
}

static bool answer_step(struct db_client *c, struct uuid id, const char *step,
	const char *answer, struct error *err)
{
	struct admin_run run;
	struct admin_steps steps;
	if (!admin_find_run(c, id, &run, err)) /* a run that is known may have no steps */
		return false;
	admin_run_finish(&run);
	if (!admin_find_steps(c, id, &steps, err))
		return false;
	const struct admin_step *held = choose(&steps, step, err);
	bool ok = held && give(c, id, held, answer, err);
	admin_steps_finish(&steps);
	if (ok)
		admin_notify(c);
	return ok;
}

static int answer(const struct options *o)
{
	struct database d;
	struct error err;
	struct uuid id;
	char *text;
	struct output_list l = {.form = output_form(o)};
	const char *name = o->arguments[0];
	if (o->argument_count > 1)
		return command_misuse(o, "--answer is of one run");
	if (!json_argument_read(options_text(o, "answer"), "--answer", &text, &err))
		return command_fail(&err);
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE) {
		free(text);
		return code;
	}
	bool known = admin_resolve_run(d.client, name, &id, &err);
	if (known && answer_step(d.client, id, options_text(o, "step"), text, &err)) {
		change_print(id, "answered", &l);
	} else {
		change_refused(name, known ? &id : NULL, &err, &l);
		code = command_fail(&err);
	}
	output_list_end(&l, code == EXIT_DONE);
	database_close(&d);
	free(text);
	return code;
}

static int run(const struct options *o)
{
	if (options_given(o, "answer"))
		return answer(o);
	if (options_given(o, "step"))
		return command_misuse(o, "--step needs --answer");
	return change_runs(o, CHANGE_RESUME);
}

static const struct option options[] = {
	{"answer", 0, OPTION_TEXT, "JSON",
		"the held step was done and gave this; @FILE, or - for stdin"},
	{"step", 0, OPTION_TEXT, "STEP",
		"which of several held steps: its name, or its path"},
	CHANGE_OPTIONS,
};

const struct command command_resume = {
	.name = "resume",
	.arguments = "RUN...",
	.summary = "let suspended runs go on",
	.help = "An order to suspend that is not obeyed yet is taken back.\n"
		"Where a step is held, find out whether it was done. If so, --answer is "
		"what it gave, as\n"
		"if it had just said so (output.as, schemas and export follow); else "
		"wfctl retry sends\n"
		"it again.\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
