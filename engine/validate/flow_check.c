/*
 * What the schema cannot say of a list of tasks: names are distinct, `then` leads to a
 * task of the same list, and every task can be reached. Reachability is judged by the
 * obvious paths only: what an expression decides is taken as possible.
 */
#include "validate/inspection.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The members of a task that lead somewhere, read once. */
struct flow_task {
	struct spot item, place; /* the element of the list, the task in it */
	struct json then, condition, cases, catch;
	bool raises;
};

struct flow {
	struct inspection *in;
	struct flow_task *tasks; /* their place.key is absent where an item is no task */
	size_t count;
	struct names names;
	bool *reached;
	size_t *stack, depth; /* reached, but its successors are not yet */
	bool reporting;       /* first pass: report; second: follow */
};

static const struct json THEN = JSON_LITERAL("\"then\"");

static void flow_finish(struct flow *f)
{
	names_finish(&f->names);
	free(f->tasks);
	free(f->reached);
	free(f->stack);
}

static void read_task(struct flow_task *t, struct json task)
{
	struct json_iter it = json_iter(task);
	struct json key, value;
	if (json_type(task) != JSON_OBJECT)
		return;
	while (json_next_member(&it, &key, &value)) {
		if (json_string_is(key, "then"))
			t->then = value;
		else if (json_string_is(key, "if"))
			t->condition = value;
		else if (json_string_is(key, "switch"))
			t->cases = value;
		else if (json_string_is(key, "catch"))
			t->catch = value;
		else if (json_string_is(key, "raise"))
			t->raises = true;
	}
}

static void flow_init(struct flow *f, struct json list, const struct spot *place)
{
	struct json_iter it = json_iter(list);
	struct json item, *items = NULL;
	for (size_t cap = 0; json_next_element(&it, &item); f->count++) {
		if (f->count == cap) {
			cap = cap ? cap * 2 : 16;
			items = xrealloc(items, cap * sizeof *items);
		}
		items[f->count] = item;
	}
	f->tasks = xcalloc(f->count, sizeof *f->tasks);
	f->reached = xcalloc(f->count, sizeof *f->reached);
	f->stack = xcalloc(f->count, sizeof *f->stack);
	for (size_t i = 0; i < f->count; i++) {
		struct flow_task *t = &f->tasks[i];
		struct json_iter members = json_iter(items[i]);
		struct json task;
		t->item = (struct spot){.up = place, .index = i};
		t->place.up = &t->item;
		if (json_type(items[i]) != JSON_OBJECT ||
			!json_next_member(&members, &t->place.key, &task) || members.p) {
			t->place.key = (struct json){0};
			continue;
		}
		names_add(&f->names, t->place.key, i);
		read_task(t, task);
	}
	free(items);
	names_sort(&f->names);
}

static void reach(struct flow *f, size_t i)
{
	if (i >= f->count || f->reached[i])
		return;
	f->reached[i] = true;
	f->stack[f->depth++] = i;
}

static bool is_directive(struct json then)
{
	return json_string_is(then, "continue") || json_string_is(then, "exit") ||
	       json_string_is(then, "end");
}

static void report_target(struct flow *f, struct json then, const struct spot *place)
{
	char quoted[QUOTE_SIZE], guess[GUESS_SIZE];
	static const char *const directives[] = {"continue", "exit", "end", NULL};
	const char *near = word_nearest(directives, then);
	quote_json(then, quoted, sizeof quoted);
	guess_name(f->in, &f->names, then, guess);
	if (near && !*guess)
		snprintf(guess, sizeof guess, "; did you mean \"%s\"?", near);
	inspection_report(f->in, FINDING_UNSUPPORTED, place, then,
		"no task %s in this list%s", quoted,
		*guess ? guess
		       : "; \"then\" takes continue, exit, end or the name of a task "
			 "beside it");
}

/* Goes where a `then` of task i leads; up is the object that it is a member of. */
static void follow(struct flow *f, size_t i, struct json then, const struct spot *up)
{
	if (json_type(then) != JSON_STRING || json_string_is(then, "continue")) {
		reach(f, i + 1);
		return;
	}
	if (json_string_is(then, "exit") || json_string_is(then, "end"))
		return;
	const struct name *target = names_find(&f->names, then);
	if (target)
		reach(f, target->index);
	else if (f->reporting)
		report_target(f, then, &(struct spot){.up = up, .key = THEN});
	else
		reach(f, i + 1);
}

/* The cases of a switch; true if one of them is taken where no other matches. */
static bool follow_cases(struct flow *f, size_t i)
{
	struct json cases = f->tasks[i].cases;
	struct spot list = {
		.up = &f->tasks[i].place,
		.key = JSON_LITERAL("\"switch\""),
	};
	struct spot item = {.up = &list};
	struct json_iter it = json_iter(cases);
	struct json element, value;
	bool has_default = false;
	for (; json_type(cases) == JSON_ARRAY && json_next_element(&it, &element);
		item.index++) {
		struct spot name = {.up = &item};
		struct json_iter members = json_iter(element);
		if (json_type(element) != JSON_OBJECT ||
			!json_next_member(&members, &name.key, &value))
			continue;
		bool is_default =
			json_type(value) == JSON_OBJECT && !json_get(value, "when").s;
		if (has_default && is_default && f->reporting)
			inspection_report(f->in, FINDING_UNSUPPORTED, &name, name.key,
				"a second case without \"when\": only one can be the "
				"default");
		follow(f, i, json_get(value, "then"), &name);
		has_default = has_default || is_default;
	}
	return has_default;
}

static void follow_task(struct flow *f, size_t i)
{
	const struct flow_task *t = &f->tasks[i];
	bool leaves = t->raises;
	if (t->condition.s)
		reach(f, i + 1);
	if (t->cases.s && follow_cases(f, i))
		leaves = true;
	if (!leaves || f->reporting)
		follow(f, i, t->then, &t->place);
	struct json caught = json_get(t->catch, "then");
	struct spot catch = {.up = &t->place, .key = JSON_LITERAL("\"catch\"")};
	if (caught.s)
		follow(f, i, caught, &catch);
}

static void check_names(struct flow *f)
{
	char quoted[QUOTE_SIZE];
	const struct name *names = f->names.items;
	for (size_t i = 1; i < f->names.count; i++) {
		if (names[i].n != names[i - 1].n ||
			memcmp(names[i].s, names[i - 1].s, names[i].n) != 0)
			continue;
		const struct spot *place = &f->tasks[names[i].index].place;
		inspection_report(f->in, FINDING_UNSUPPORTED, place, place->key,
			"another task of this list is named %s too: the names in a list "
			"must "
			"differ",
			quote_json(place->key, quoted, sizeof quoted));
	}
}

static void check_reached(struct flow *f)
{
	f->reporting = false;
	f->depth = 0;
	memset(f->reached, 0, f->count * sizeof *f->reached);
	reach(f, 0);
	while (f->depth > 0)
		follow_task(f, f->stack[--f->depth]);
	for (size_t i = 0; i < f->count; i++) {
		const struct spot *place = &f->tasks[i].place;
		if (!f->reached[i] && place->key.s)
			inspection_report(f->in, FINDING_WARNING, place, place->key,
				"this task is never reached: what comes before it always "
				"goes "
				"elsewhere, and no \"then\" leads here");
	}
}

void flow_check(struct inspection *in, struct json list, const struct spot *place)
{
	struct flow f = {.in = in, .reporting = true};
	flow_init(&f, list, place);
	if (f.count == 0)
		inspection_report(in, FINDING_UNSUPPORTED, place, list,
			"this list of tasks is empty: at least one task is needed");
	check_names(&f);
	for (size_t i = 0; i < f.count; i++)
		follow_task(&f, i);
	check_reached(&f);
	flow_finish(&f);
}

void branches_check(struct inspection *in, struct json list, const struct spot *place)
{
	struct flow f = {.in = in};
	flow_init(&f, list, place);
	if (f.count == 0)
		inspection_report(in, FINDING_WARNING, place, list,
			"a fork without branches does nothing");
	check_names(&f);
	for (size_t i = 0; i < f.count; i++) {
		struct json then = f.tasks[i].then;
		struct spot at = {.up = &f.tasks[i].place, .key = THEN};
		if (json_type(then) == JSON_STRING && !is_directive(then))
			inspection_report(in, FINDING_UNSUPPORTED, &at, then,
				"branches begin all at once: none is the next of "
				"another; use continue, exit or end");
	}
	flow_finish(&f);
}
