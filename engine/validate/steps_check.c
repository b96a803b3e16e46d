/*
 * What $steps.NAME can be where an expression stands, by the rule of run/run_scope.c: the
 * tasks of the list it stands in that can have ended by then, of the lists around it, of
 * a `try` in its `catch`, and of a task's own lists in what is evaluated at its end. Any
 * other name would be null at every run.
 */
#include "validate/inspection.h"

#include <stdlib.h>
#include <string.h>

static const char *const ends[] = {
	"output", "export", "while", "listen", "foreach", "catch", NULL};

/* ---- The names of a list ---- */

/* A jump of task `from` to one that comes no later: all between them may end before. */
static void note_jump(struct step_scope *s, size_t from, struct json then)
{
	const struct name *target =
		json_type(then) == JSON_STRING ? names_find(&s->names, then) : NULL;
	if (target && target->index <= from)
		s->until[target->index] = from + 1;
}

static void note_jumps(struct step_scope *s, size_t from, struct json task)
{
	struct json cases = json_get(task, "switch"), item, key, value;
	struct json_iter it = json_iter(cases);
	note_jump(s, from, json_get(task, "then"));
	note_jump(s, from, json_get(json_get(task, "catch"), "then"));
	while (json_type(cases) == JSON_ARRAY && json_next_element(&it, &item)) {
		struct json_iter member = json_iter(item);
		while (json_type(item) == JSON_OBJECT &&
			json_next_member(&member, &key, &value))
			note_jump(s, from, json_get(value, "then"));
	}
}

static struct json task_of(struct json item, struct json *ret_name)
{
	struct json_iter it = json_iter(item);
	struct json task;
	if (json_type(item) != JSON_OBJECT || !json_next_member(&it, ret_name, &task))
		return (struct json){0};
	return task;
}

/* until[i]: tasks before that place can have ended when task i begins again; 0: it does
 * not. */
static void read_list(struct step_scope *s)
{
	struct json_iter it = json_iter(s->list);
	struct json item, name, task;
	size_t count = 0, last = 0;
	for (; json_next_element(&it, &item); count++) {
		if (task_of(item, &name).s)
			names_add(&s->names, name, count);
	}
	names_sort(&s->names);
	s->until = xcalloc(count + 1, sizeof *s->until);
	it = json_iter(s->list);
	for (size_t i = 0; json_next_element(&it, &item); i++) {
		if ((task = task_of(item, &name)).s)
			note_jumps(s, i, task);
	}
	for (size_t i = 0; i < count; i++) {
		last = s->until[i] > last ? s->until[i] : last;
		s->until[i] = last > i ? last : 0;
	}
	for (size_t i = count; i-- > 1;) {
		if (s->until[i - 1] > i)
			s->until[i - 1] = s->until[i];
	}
	s->ready = true;
}

/* Whether the list's task of that name can have ended before the one that is walked. */
static bool list_gives(struct step_scope *s, struct json name)
{
	if (!s->ready)
		read_list(s);
	const struct name *found = names_find(&s->names, name);
	if (!found || s->branches)
		return false;
	return found->index < s->at || found->index < s->until[s->at];
}

static bool list_has(struct json list, const char *name)
{
	struct json_iter it = json_iter(list);
	struct json item, key;
	if (json_type(list) != JSON_ARRAY)
		return false;
	while (json_next_element(&it, &item)) {
		if (task_of(item, &key).s && json_string_is(key, name))
			return true;
	}
	return false;
}

/* ---- The names around ---- */

static bool task_has(struct json task, const char *name)
{
	return list_has(json_get(task, "do"), name) ||
	       list_has(json_get(task, "try"), name) ||
	       list_has(json_get(json_get(task, "catch"), "do"), name) ||
	       list_has(json_get(json_get(task, "foreach"), "do"), name) ||
	       list_has(json_get(json_get(task, "fork"), "branches"), name);
}

static bool is_at(const struct step_scope *s, const char *const *members)
{
	for (size_t i = 0; s->member && members[i]; i++) {
		if (strcmp(s->member, members[i]) == 0)
			return true;
	}
	return false;
}

/* All names of tasks in a value, however deep. */
static void collect(struct json v, struct names *names)
{
	struct json_iter it = json_iter(v);
	struct json key, value;
	if (json_type(v) == JSON_OBJECT) {
		while (json_next_member(&it, &key, &value))
			collect(value, names);
	} else if (json_type(v) == JSON_ARRAY) {
		while (json_next_element(&it, &value)) {
			if (json_type(task_of(value, &key)) == JSON_OBJECT)
				names_add(names, key, 0);
			collect(value, names);
		}
	}
}

static bool is_below(const struct spot *place, const char *key, const char *outer)
{
	for (; place && place->up; place = place->up) {
		if (place->key.s && json_string_is(place->key, key) && place->up->key.s &&
			json_string_is(place->up->key, outer))
			return true;
	}
	return false;
}

/* A policy's conditions are asked at the task that failed, wherever in the block. */
static bool block_gives(
	const struct step_scope *s, const struct spot *place, struct json name)
{
	struct names inside = {0};
	if (!is_at(s, (const char *const[]){"catch", NULL}) ||
		!is_below(place, "retry", "catch"))
		return false;
	collect(json_get(s->task, "try"), &inside);
	names_sort(&inside);
	bool found = names_find(&inside, name);
	names_finish(&inside);
	return found;
}

/* In `use`, outside of functions, nobody knows what is around: any task may be. */
static bool is_open(const struct step_scope *s)
{
	return s->member && strcmp(s->member, "use") == 0 && !s->up;
}

static bool is_given(const struct inspection *in, const struct spot *place,
	const char *step, struct json name, bool *ret_open)
{
	static const char *const handler[] = {"catch", NULL};
	struct step_scope *s = in->steps;
	*ret_open = s && is_open(s);
	if (s && ((is_at(s, ends) && task_has(s->task, step)) ||
			 block_gives(s, place, name)))
		return true;
	for (; s; s = s->up) {
		*ret_open = is_open(s);
		if (is_at(s, handler) && list_has(json_get(s->task, "try"), step))
			return true;
		if (!s->list.s)
			return false;
		if (list_gives(s, name))
			return true;
	}
	return false;
}

/* ---- The scopes of the walk ---- */

void step_scope_finish(struct step_scope *s)
{
	names_finish(&s->names);
	free(s->until);
}

void steps_check(
	struct inspection *in, const struct spot *place, struct json at, const char *step)
{
	struct buf text = {0};
	bool open;
	json_put_text(&text, step);
	struct json name = {text.data, text.len};
	if (!in->steps || is_given(in, place, step, name, &open)) {
		buf_finish(&text);
		return;
	}
	if (!in->tasks.count) {
		collect(in->judged, &in->tasks);
		names_sort(&in->tasks);
	}
	char guess[GUESS_SIZE];
	guess_name(in, &in->tasks, name, guess);
	if (!names_find(&in->tasks, name))
		inspection_report(in, FINDING_UNSUPPORTED, place, at,
			"$steps.%.64s would always be null: no task has this name%s",
			step, guess);
	else if (!open)
		inspection_report(in, FINDING_UNSUPPORTED, place, at,
			"$steps.%.64s would always be null here: the output of a task is "
			"seen after it in its own list, in what that contains, and in "
			"the \"catch\" of its \"try\"; further out hand it on with "
			"\"output\", or with \"export\" and $context",
			step);
	buf_finish(&text);
}
