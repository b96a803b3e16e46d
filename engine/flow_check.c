/*
 * What the schema cannot say of a list of tasks: names are distinct, `then` leads to a
 * task of the same list, and every task can be reached. Reachability is judged by the
 * obvious paths only: what an expression decides is taken as possible.
 */
#include "inspection.h"

#include <stdlib.h>
#include <string.h>

struct flow {
	struct inspection *in;
	struct json *keys, *tasks; /* absent where an item is not a task at all */
	struct place *items;       /* the elements of the list */
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
	free(f->keys);
	free(f->tasks);
	free(f->items);
	free(f->reached);
	free(f->stack);
}

static void flow_init(struct flow *f, struct json list, const struct place *place)
{
	f->count = json_count(list);
	f->keys = xcalloc(f->count, sizeof *f->keys);
	f->tasks = xcalloc(f->count, sizeof *f->tasks);
	f->items = xcalloc(f->count, sizeof *f->items);
	f->reached = xcalloc(f->count, sizeof *f->reached);
	f->stack = xcalloc(f->count, sizeof *f->stack);
	struct json_iter it = json_iter(list);
	struct json item;
	for (size_t i = 0; json_next_element(&it, &item); i++) {
		f->items[i] = (struct place){.up = place, .index = i};
		struct json_iter members = json_iter(item);
		if (json_type(item) != JSON_OBJECT ||
			!json_next_member(&members, &f->keys[i], &f->tasks[i]))
			continue;
		names_add(&f->names, f->keys[i], i);
	}
	names_sort(&f->names);
}

static void reach(struct flow *f, size_t i)
{
	if (i >= f->count || f->reached[i])
		return;
	f->reached[i] = true;
	f->stack[f->depth++] = i;
}

static void report_target(struct flow *f, struct json then, const struct place *place)
{
	char quoted[QUOTE_SIZE];
	quote_json(then, quoted, sizeof quoted);
	const char *near = names_nearest(&f->names, then);
	if (near)
		inspection_report(f->in, FINDING_UNSUPPORTED, place, then,
			"no task %s in this list; did you mean \"%s\"?", quoted, near);
	else
		inspection_report(f->in, FINDING_UNSUPPORTED, place, then,
			"no task %s in this list; \"then\" takes continue, exit, end or "
			"the "
			"name of a task beside it",
			quoted);
}

/* Goes where a `then` of task i leads; up is the object that it is a member of. */
static void follow(struct flow *f, size_t i, struct json then, const struct place *up)
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
		report_target(f, then, &(struct place){.up = up, .key = THEN});
	else
		reach(f, i + 1);
}

/* The cases of a switch; true if one of them always matches. */
static bool follow_cases(
	struct flow *f, size_t i, struct json cases, const struct place *task)
{
	struct place list = {.up = task, .key = JSON_LITERAL("\"switch\"")};
	struct place item = {.up = &list};
	struct json_iter it = json_iter(cases);
	struct json element, value;
	bool matched = false;
	for (; json_type(cases) == JSON_ARRAY && json_next_element(&it, &element);
		item.index++) {
		struct place name = {.up = &item};
		struct json_iter members = json_iter(element);
		if (json_type(element) != JSON_OBJECT ||
			!json_next_member(&members, &name.key, &value))
			continue;
		if (matched && f->reporting)
			inspection_report(f->in, FINDING_WARNING, &name, name.key,
				"this case is never reached: one before it has no "
				"\"when\" and "
				"always matches");
		follow(f, i, json_get(value, "then"), &name);
		matched = matched ||
			  (json_type(value) == JSON_OBJECT && !json_get(value, "when").s);
	}
	return matched;
}

static void follow_task(struct flow *f, size_t i)
{
	struct json task = f->tasks[i];
	struct place place = {.up = &f->items[i], .key = f->keys[i]};
	struct json cases = json_get(task, "switch"), catch = json_get(task, "catch");
	struct json then = json_get(task, "then");
	bool leaves = json_get(task, "raise").s != NULL;
	if (json_get(task, "if").s)
		reach(f, i + 1);
	if (cases.s && follow_cases(f, i, cases, &place))
		leaves = true;
	if (!leaves || f->reporting)
		follow(f, i, then, &place);
	if (json_get(catch, "then").s) {
		struct place caught = {.up = &place, .key = JSON_LITERAL("\"catch\"")};
		follow(f, i, json_get(catch, "then"), &caught);
	}
}

static void check_names(struct flow *f)
{
	char quoted[QUOTE_SIZE];
	const struct name *names = f->names.items;
	for (size_t i = 1; i < f->names.count; i++) {
		if (names[i].n != names[i - 1].n ||
			memcmp(names[i].s, names[i - 1].s, names[i].n) != 0)
			continue;
		size_t index = names[i].index;
		struct json key = f->keys[index];
		struct place place = {.up = &f->items[index], .key = key};
		inspection_report(f->in, FINDING_UNSUPPORTED, &place, key,
			"another task of this list is named %s too: the names in a list "
			"must "
			"differ",
			quote_json(key, quoted, sizeof quoted));
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
		struct place place = {.up = &f->items[i], .key = f->keys[i]};
		if (!f->reached[i] && f->keys[i].s)
			inspection_report(f->in, FINDING_WARNING, &place, f->keys[i],
				"this task is never reached: what comes before it always "
				"goes "
				"elsewhere, and no \"then\" leads here");
	}
}

void flow_check(struct inspection *in, struct json list, const struct place *place)
{
	struct flow f = {.in = in, .reporting = true};
	flow_init(&f, list, place);
	if (f.count == 0)
		inspection_report(in, FINDING_WARNING, place, list,
			"an empty list of tasks does nothing");
	check_names(&f);
	for (size_t i = 0; i < f.count; i++)
		follow_task(&f, i);
	check_reached(&f);
	flow_finish(&f);
}
