/*
 * Where tasks lead, read as validate/flow_check.c reads it: the next of the list, `then`,
 * the cases of a switch, catch.then. An `if` that does not hold passes the task's `then`
 * by.
 */
#include "graph/flow.h"

#include "graph/describe.h"
#include "json/names.h"

#include <stdlib.h>

struct flow_reader {
	struct graph_list *list;
	struct names names;
	size_t cap;
};

static struct graph_edge *add(
	struct flow_reader *f, size_t from, size_t to, enum graph_edge_kind kind)
{
	struct graph_list *list = f->list;
	if (list->edge_count == f->cap) {
		f->cap = f->cap ? 2 * f->cap : 16;
		list->edges = xrealloc(list->edges, f->cap * sizeof *list->edges);
	}
	struct graph_edge *edge = &list->edges[list->edge_count++];
	*edge = (struct graph_edge){.kind = kind, .from = from, .to = to};
	return edge;
}

static size_t next_of(const struct flow_reader *f, size_t i)
{
	return i + 1 < f->list->count ? i + 1 : GRAPH_EXIT;
}

/* A name that no task of the list has is as good as none. */
static size_t target(const struct flow_reader *f, size_t i, struct json then)
{
	if (json_string_is(then, "exit"))
		return GRAPH_EXIT;
	if (json_string_is(then, "end"))
		return GRAPH_END;
	const struct name *name =
		json_type(then) == JSON_STRING && !json_string_is(then, "continue")
			? names_find(&f->names, then)
			: NULL;
	return name ? name->index : next_of(f, i);
}

static void label(struct graph_edge *edge, const char *text)
{
	edge->label = xstrdup(text);
}

/* True if one of the cases always matches. */
static bool add_cases(struct flow_reader *f, size_t i, struct json cases)
{
	struct json_iter it = json_iter(cases);
	struct json item, key, value;
	bool always = false;
	while (json_type(cases) == JSON_ARRAY && json_next_element(&it, &item)) {
		struct json_iter members = json_iter(item);
		if (json_type(item) != JSON_OBJECT ||
			!json_next_member(&members, &key, &value))
			continue;
		struct json when = json_get(value, "when");
		struct graph_edge *edge =
			add(f, i, target(f, i, json_get(value, "then")), GRAPH_CASE);
		edge->label = graph_shown(key);
		edge->condition = when.s ? graph_shown(when) : NULL;
		always = always || !when.s;
	}
	return always;
}

/* catch.then, not the try's own; an error that is only retried goes on outwards. */
static void add_caught(struct flow_reader *f, size_t i, size_t usual, struct json catch)
{
	struct json then = json_get(catch, "then");
	size_t to = target(f, i, then);
	bool ends = json_get(catch, "do").s || then.s || !json_get(catch, "retry").s;
	if (ends && to != usual)
		label(add(f, i, to, GRAPH_CAUGHT), "caught");
}

static void follow(struct flow_reader *f, size_t i, struct json task)
{
	enum graph_kind kind = f->list->nodes[i].kind;
	struct json then = json_get(task, "then");
	size_t to = target(f, i, then), next = next_of(f, i);
	bool leads = kind != GRAPH_RAISE, cases = false;
	if (kind == GRAPH_SWITCH) {
		cases = true;
		leads = !add_cases(f, i, json_get(task, "switch"));
	}
	if (leads) {
		struct graph_edge *edge = add(f, i, to, then.s ? GRAPH_THEN : GRAPH_NEXT);
		if (cases)
			label(edge, "otherwise");
	}
	if (kind == GRAPH_TRY)
		add_caught(f, i, to, json_get(task, "catch"));
	if (json_get(task, "if").s && (!leads || to != next || cases))
		label(add(f, i, next, GRAPH_SKIP), "if not");
}

void graph_flow(
	struct graph_list *list, const struct json *keys, const struct json *tasks)
{
	struct flow_reader f = {.list = list};
	for (size_t i = 0; i < list->count; i++)
		names_add(&f.names, keys[i], i);
	names_sort(&f.names);
	for (size_t i = 0; i < list->count; i++)
		follow(&f, i, tasks[i]);
	names_finish(&f.names);
}
