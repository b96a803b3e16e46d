/* Orders to runs. cancel and suspend are requests, which the run's owner or the next
 * worker carries out. */
#include "change.h"

#include "command.h"
#include "database.h"
#include "show_run.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct {
	const char *done;   /* what is said afterwards */
	enum phase already; /* the phase in which there is nothing to do */
} words[] = {
	[CHANGE_CANCEL] = {"cancel requested", PHASE_CANCELLED},
	[CHANGE_SUSPEND] = {"suspend requested", PHASE_SUSPENDED},
	[CHANGE_RESUME] = {"resumed", PHASE_SKIPPED},
};

char *change_author(void)
{
	char host[256] = "";
	const struct passwd *user = getpwuid(getuid());
	gethostname(host, sizeof host - 1);
	return user ? xasprintf("%s@%s", user->pw_name, host)
		    : xasprintf("user %u@%s", (unsigned)getuid(), host);
}

void change_print(struct uuid run, const char *word, struct output_list *l)
{
	char id[UUID_TEXT];
	uuid_format(run, id);
	if (l->form == OUTPUT_TEXT) {
		output_print("%s  %s\n", id, word);
		return;
	}
	cJSON *object = cJSON_CreateObject();
	object_text(object, "id", id);
	object_text(object, "result", word);
	output_item(l, object);
}

void change_refused(const char *name, const struct uuid *run, struct error *err,
	struct output_list *l)
{
	char id[UUID_TEXT];
	if (run)
		uuid_format(*run, id);
	if (l->form != OUTPUT_TEXT) {
		cJSON *object = cJSON_CreateObject();
		object_text(object, "id", run ? id : NULL);
		object_text(object, "run", name);
		object_text(object, "error", err->text);
		output_item(l, object);
	}
	error_prefix(err, "%s", run ? id : name);
}

/* Why there is nothing to change, and what there is to do. */
static bool refuse(struct uuid id, enum phase phase, struct error *err)
{
	char end[SHORT_ID];
	show_short_id(id, end);
	if (phase == PHASE_FAULTED)
		return error_set(err, ERROR_CONFLICT,
			"it is faulted; let it go on: wfctl retry %s", end);
	if (phase == PHASE_SUSPENDED)
		return error_set(err, ERROR_CONFLICT,
			"it is suspended; let it go on: wfctl resume %s", end);
	return error_set(err, ERROR_CONFLICT, "it is %s; see wfctl status %s",
		phase_name(phase), end);
}

/* What is held would stay so: only a retry sends it again, only an answer ends it. */
static bool check_resumable(struct db_client *c, struct uuid id, struct error *err)
{
	struct admin_steps steps;
	if (!admin_find_steps(c, id, &steps, err))
		return false;
	const struct admin_step *held = admin_held_step(&steps);
	if (held)
		error_set(err, ERROR_CONFLICT,
			"step %s is held: find out whether it was done; if so, let the "
			"run "
			"go on with --answer JSON, else with wfctl retry",
			held->path);
	admin_steps_finish(&steps);
	return !held;
}

static bool give_order(struct db_client *c, struct uuid id, enum admin_change change,
	bool *ret_done, struct error *err)
{
	char *author = change_author();
	struct admin_order order = {.change = change, .by = author};
	bool ok = admin_change_run(c, id, &order, ret_done, err);
	free(author);
	return ok;
}

/* The order met nothing: the run was as it was seen, or has got there meanwhile. */
static bool look_again(struct db_client *c, struct uuid id, enum admin_change change,
	const char **ret_word, struct error *err)
{
	struct admin_run run;
	if (!admin_find_run(c, id, &run, err))
		return false;
	enum phase phase = run.phase;
	admin_run_finish(&run);
	*ret_word = phase_name(phase);
	return phase == words[change].already || refuse(id, phase, err);
}

/* A run that nobody has begun is suspended by the order itself. */
static bool say_suspended(
	struct db_client *c, struct uuid id, const char **ret_word, struct error *err)
{
	struct admin_run run;
	admin_notify(c);
	if (!admin_find_run(c, id, &run, err))
		return false;
	if (run.phase == PHASE_SUSPENDED)
		*ret_word = phase_name(PHASE_SUSPENDED);
	admin_run_finish(&run);
	return true;
}

static bool change_run(struct db_client *c, struct uuid id, enum admin_change change,
	const char **ret_word, struct error *err)
{
	struct admin_run run;
	bool done;
	if (!admin_find_run(c, id, &run, err))
		return false;
	enum phase phase = run.phase;
	bool leaves = run.request && strcmp(run.request, "cancel") == 0;
	admin_run_finish(&run);
	*ret_word = phase_name(phase);
	if (phase == words[change].already && !(leaves && change == CHANGE_SUSPEND))
		return true;
	if (leaves && change != CHANGE_CANCEL)
		return error_set(err, ERROR_CONFLICT,
			"it is to be cancelled: that cannot be taken back");
	if (change == CHANGE_RESUME && phase == PHASE_SUSPENDED &&
		!check_resumable(c, id, err))
		return false;
	if (!give_order(c, id, change, &done, err))
		return false;
	bool withdrawn = change == CHANGE_RESUME && phase != PHASE_SUSPENDED;
	*ret_word = withdrawn ? "suspend taken back" : words[change].done;
	if (done && change == CHANGE_SUSPEND)
		return say_suspended(c, id, ret_word, err);
	if (done) {
		admin_notify(c);
		return true;
	}
	return look_again(c, id, change, ret_word, err);
}

int change_runs(const struct options *o, enum admin_change change)
{
	struct database d;
	struct error err;
	struct output_list l = {.form = output_form(o)};
	int result = database_open(o, DATABASE_READY, &d);
	if (result != EXIT_DONE)
		return result;
	for (const char **name = o->arguments; *name; name++) {
		struct uuid id;
		const char *word;
		bool known = admin_resolve_run(d.client, *name, &id, &err);
		if (known && change_run(d.client, id, change, &word, &err)) {
			change_print(id, word, &l);
			continue;
		}
		change_refused(*name, known ? &id : NULL, &err, &l);
		int code = command_fail(&err);
		result = result ? result : code;
	}
	output_list_end(&l, result == EXIT_DONE);
	database_close(&d);
	return result;
}
