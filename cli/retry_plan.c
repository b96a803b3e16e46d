/* The plan of a retry, from the journal's steps and the definition. */
#include "retry_plan.h"

#include "definition/duration.h"
#include "definition/task.h"

#include <stdlib.h>
#include <string.h>

static bool holds(const char *path, const char *inner)
{
	size_t n = strlen(path);
	return strncmp(path, inner, n) == 0 && inner[n] && strchr("/[!", inner[n]);
}

static const struct admin_step *last_faulted(
	const struct admin_steps *steps, struct json instance)
{
	for (size_t i = steps->count; i-- > 0;) {
		const struct admin_step *s = &steps->items[i];
		if (s->phase == PHASE_FAULTED &&
			(!instance.s || json_string_is(instance, s->reference)))
			return s;
	}
	return NULL;
}

/* What failed the run: the step that the error names, or what ended with it inside of it;
 * where it names none, what ended with the run. Of several the last to start, which is
 * the innermost. Others may have failed and been caught. */
static const struct admin_step *failed_step(
	const struct admin_run *run, const struct admin_steps *steps)
{
	struct json error = {0}, instance;
	if (!run->error ||
		!json_check(run->error, strlen(run->error), NULL, &error, NULL, NULL))
		return last_faulted(steps, error);
	instance = json_get(error, "instance");
	const struct admin_step *named =
		instance.s ? last_faulted(steps, instance) : NULL;
	int64_t ended = named ? named->ended_at : run->ended_at;
	for (size_t i = steps->count; i-- > 0;) {
		const struct admin_step *s = &steps->items[i];
		bool inside = !named || s == named || holds(named->path, s->path);
		if (inside && s->phase == PHASE_FAULTED && s->ended_at == ended)
			return s;
	}
	return named ? named : last_faulted(steps, (struct json){0});
}

bool retry_plan_create(
	struct db_client *c, struct uuid id, struct retry_plan *ret, struct error *err)
{
	struct retry_plan p = {0};
	char *name = NULL;
	bool ok = admin_find_run(c, id, &p.run, err) &&
		  admin_find_steps(c, id, &p.steps, err);
	if (ok) {
		name = xasprintf("%s/%s:%s", p.run.namespace, p.run.name, p.run.version);
		ok = admin_find_definition(c, name, &p.workflow, err) &&
		     json_check(p.workflow.document, strlen(p.workflow.document), NULL,
			     &p.document, NULL, err);
		free(name);
	}
	if (!ok) {
		retry_plan_finish(&p);
		return false;
	}
	p.target = p.run.phase == PHASE_FAULTED ? failed_step(&p.run, &p.steps)
						: admin_held_step(&p.steps);
	*ret = p;
	return true;
}

void retry_plan_finish(struct retry_plan *p)
{
	admin_run_finish(&p->run);
	admin_steps_finish(&p->steps);
	admin_definition_finish(&p->workflow);
}

/* ---- Whether ---- */

static int64_t key_window(const struct retry_plan *p)
{
	struct json task = json_pointer(p->document, p->target->reference);
	struct json window = json_get(json_get(task, "metadata"), "keyWindow");
	int64_t usec;
	if (!task.s)
		return INT64_MAX; /* of a function or an extension */
	return window.s && duration_read(window, &usec, NULL) ? usec : KEY_WINDOW_DEFAULT;
}

bool retry_plan_check(const struct retry_plan *p, bool force, struct error *err)
{
	char window[32], age[32];
	if (p->run.phase != PHASE_FAULTED && p->run.phase != PHASE_SUSPENDED)
		return error_set(err, ERROR_CONFLICT,
			"it is %s; only a faulted or suspended run can be retried",
			phase_name(p->run.phase));
	if (p->run.request && strcmp(p->run.request, "cancel") == 0)
		return error_set(err, ERROR_CONFLICT,
			"it is to be cancelled: that cannot be taken back");
	if (force || !p->target || !p->target->uncertain)
		return true;
	int64_t since = p->run.now - p->target->started_at;
	if (since <= key_window(p))
		return true;
	duration_format(key_window(p), window, sizeof window);
	duration_format(since, age, sizeof age);
	return error_set(err, ERROR_CONFLICT,
		"step %s may have been done %s ago, and its key is only relied on for "
		"%s: find out "
		"whether it was, then retry with --force",
		p->target->path, age, window);
}

/* ---- What will come of it ---- */

/* Whether more than the run's own data decides how the task ends. */
static bool asks_outside(struct json task)
{
	static const char *const words[] = {"call", "run", "emit", "listen", "wait"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (json_get(task, words[i]).s)
			return true;
	}
	return false;
}

/* Whether the run's error is of a type of the specification, by its last word. */
static bool has_type(const struct admin_run *run, const char *word)
{
	struct json error;
	if (!run->error ||
		!json_check(run->error, strlen(run->error), NULL, &error, NULL, NULL))
		return false;
	char *type = json_strdup(json_get(error, "type"));
	const char *last = type ? strrchr(type, '/') : NULL;
	bool is = last && strcmp(last + 1, word) == 0;
	free(type);
	return is;
}

/* Nothing was sent, and the same data give the same. */
static bool is_of_data(const struct admin_run *run, const struct admin_step *s)
{
	return !s->uncertain &&
	       (has_type(run, "expression") || has_type(run, "validation"));
}

/* task: of the step that failed; absent where it stands in a function or an extension. */
static char *say_outlook(const struct admin_run *run, const struct admin_step *s,
	struct json task, bool *ret_helps)
{
	*ret_helps = !task.s || has_type(run, "timeout") ||
		     (asks_outside(task) && !is_of_data(run, s));
	if (*ret_helps)
		return xasprintf("it goes on from %s, under the same stepId", s->name);
	return xasprintf("a retry would %s, from the same data",
		json_get(task, "raise").s ? "raise the same error again"
					  : "evaluate the same again, and fail");
}

char *retry_outlook(struct db_client *c, const struct admin_run *run,
	const struct admin_steps *steps, bool *ret_helps)
{
	struct admin_definition w;
	struct json document;
	const struct admin_step *failed = failed_step(run, steps);
	char *text = NULL;
	if (!failed)
		return NULL;
	char *name = xasprintf("%s/%s:%s", run->namespace, run->name, run->version);
	if (admin_find_definition(c, name, &w, NULL)) {
		if (json_check(
			    w.document, strlen(w.document), NULL, &document, NULL, NULL))
			text = say_outlook(run, failed,
				json_pointer(document, failed->reference), ret_helps);
		admin_definition_finish(&w);
	}
	free(name);
	return text;
}

/* ---- What ---- */

struct line {
	const char *action, *path, *name;
	const struct uuid *step_id; /* NULL: not told */
};

static void print_line(const struct line *l, enum output form, cJSON *array)
{
	char id[UUID_TEXT] = "";
	if (l->step_id)
		uuid_format(*l->step_id, id);
	if (form == OUTPUT_TEXT) {
		char *path = output_safe(l->path);
		output_print("  %-8s %-40s %s\n", l->action, path, id);
		free(path);
		return;
	}
	cJSON *object = cJSON_CreateObject();
	object_text(object, "action", l->action);
	object_text(object, "path", l->path);
	object_text(object, "name", l->name);
	object_text(object, "stepId", *id ? id : NULL);
	cJSON_AddItemToArray(array, object);
}

/* The stepId of the next generation: generations are counted, so the present one is found
 * by trying. */
static struct uuid next_id(struct uuid run, const struct admin_step *s)
{
	unsigned generation = 0;
	while (generation < 1000 &&
		!uuid_equal(uuid_step(run, s->path, generation), s->step_id))
		generation++;
	return uuid_step(run, s->path, generation + 1);
}

static bool goes_on(const struct retry_plan *p, const struct admin_step *s)
{
	return s == p->target || s->goes_on ||
	       (p->target && holds(s->path, p->target->path));
}

static void print_step(const struct retry_plan *p, const struct admin_step *s,
	bool new_id, enum output form, cJSON *array)
{
	struct line l = {.action = "skip", .path = s->path, .name = s->name};
	struct uuid id = s->step_id;
	if (s == p->target || (s->goes_on && s->uncertain)) {
		l.action = "resend"; /* what failed, and what was cut short with it */
		if (new_id)
			id = next_id(p->run.id, s);
		l.step_id = &id;
	} else if (goes_on(p, s)) {
		l.action = "continue";
	}
	print_line(&l, form, array);
}

/* How often the task was entered. */
static unsigned count_visits(const struct retry_plan *p, const char *path)
{
	size_t n = strlen(path);
	unsigned visits = 0;
	for (size_t i = 0; i < p->steps.count; i++) {
		const char *other = p->steps.items[i].path;
		visits += strncmp(other, path, n) == 0 &&
			  (!other[n] || (other[n] == '#' && !strchr(other + n, '/')));
	}
	return visits;
}

static void print_first(const struct retry_plan *p, char *path, const char *name,
	enum output form, cJSON *array)
{
	struct uuid id = uuid_step(p->run.id, path, 0);
	struct line l = {"first", path, name, &id};
	print_line(&l, form, array);
}

/* The tasks after the one at `index` in the list whose pointer is path[0..n); of
 * branches, all that have not begun. */
static void print_following(const struct retry_plan *p, const char *path, size_t n,
	size_t index, enum output form, cJSON *array)
{
	/* Iterations and visits are no part of a reference. */
	struct buf pointer = {0};
	bool branches = n > 9 && strncmp(path + n - 9, "/branches", 9) == 0;
	for (size_t i = 0; i < n; i++) {
		if (path[i] == '[' || path[i] == '#')
			i += strcspn(path + i, "/") - 1;
		else
			buf_putc(&pointer, path[i]);
	}
	struct json list = json_pointer(p->document, buf_text(&pointer));
	for (size_t i = index + 1; i < json_count(list); i++) {
		struct json_iter it = json_iter(json_at(list, i));
		struct json key, task;
		if (!json_next_member(&it, &key, &task))
			continue;
		char *name = json_strdup(key);
		char *full = xasprintf("%.*s/%zu/%s", (int)n, path, i, name);
		unsigned visits = count_visits(p, full);
		char *visit = xasprintf("%s#%u", full, visits + 1);
		if (visits == 0)
			print_first(p, full, name, form, array);
		else if (!branches)
			print_first(p, visit, name, form, array);
		free(visit);
		free(full);
		free(name);
	}
	buf_finish(&pointer);
}

/* What the definition has after a step, in its own list. */
static void print_rest(const struct retry_plan *p, const struct admin_step *s,
	enum output form, cJSON *array)
{
	for (size_t n = strlen(s->path); n-- > 0;) {
		size_t digits =
			s->path[n] == '/' ? strspn(s->path + n + 1, "0123456789") : 0;
		if (digits == 0 || s->path[n + 1 + digits] != '/')
			continue;
		print_following(
			p, s->path, n, strtoul(s->path + n + 1, NULL, 10), form, array);
		return;
	}
}

void retry_plan_print(const struct retry_plan *p, bool new_id, struct output_list *l)
{
	enum output form = l->form;
	cJSON *object = cJSON_CreateObject();
	char id[UUID_TEXT];
	uuid_format(p->run.id, id);
	object_text(object, "id", id);
	cJSON *array = cJSON_AddArrayToObject(object, "steps");
	if (form == OUTPUT_TEXT)
		output_print("%s\n", id);
	for (size_t i = 0; i < p->steps.count; i++)
		print_step(p, &p->steps.items[i], new_id, form, array);
	for (size_t i = p->steps.count; i-- > 0;) { /* from the innermost outwards */
		if (goes_on(p, &p->steps.items[i]))
			print_rest(p, &p->steps.items[i], form, array);
	}
	if (form == OUTPUT_TEXT)
		cJSON_Delete(object);
	else
		output_item(l, object);
}
