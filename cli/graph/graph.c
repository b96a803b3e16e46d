/*
 * Reading a document into boxes. A task's path is made as the journal makes it
 * (run/frame.h), without iterations and visits, so that steps find their box.
 */
#include "graph/graph.h"

#include "graph/describe.h"
#include "graph/flow.h"
#include "graph/layout.h"

#include <stdlib.h>
#include <string.h>

struct reader {
	struct json use;
	struct graph_uses uses;
};

static void read_task(
	struct reader *r, struct json task, char *path, struct graph_node *n);

/* ---- Paths ---- */

/* As in the journal: the pointer's escapes, and those of its own marks. A name ends at a
 * NUL there. */
static void add_name(struct buf *out, struct json key)
{
	static const char marks[] = "~/[#!";
	char *name = json_strdup(key);
	for (const char *p = name; p && *p; p++) {
		const char *mark = strchr(marks, *p);
		if (mark)
			buf_printf(out, "~%d", (int)(mark - marks));
		else
			buf_putc(out, *p);
	}
	free(name);
}

static char *path_of(const char *base, size_t index, struct json key)
{
	struct buf b = {0};
	buf_printf(&b, "%s/%zu/", base, index);
	add_name(&b, key);
	return buf_take(&b);
}

static char *path_with(const char *base, struct json key)
{
	struct buf b = {0};
	buf_puts(&b, base);
	add_name(&b, key);
	return buf_take(&b);
}

/* ---- Lists ---- */

static char *shown_name(struct json key)
{
	char *name = graph_shown(key);
	if (*name)
		return name;
	free(name);
	return xstrdup("(no name)");
}

/* The only member of an item. */
static bool read_item(struct json item, struct json *ret_key, struct json *ret_task)
{
	struct json_iter it = json_iter(item);
	return json_type(item) == JSON_OBJECT && json_next_member(&it, ret_key, ret_task);
}

static void read_list(struct reader *r, struct json array, enum graph_role role,
	const char *base, struct graph_list *list)
{
	size_t count = json_type(array) == JSON_ARRAY ? json_count(array) : 0;
	struct json *keys = xcalloc(count + 1, sizeof *keys);
	struct json *tasks = xcalloc(count + 1, sizeof *tasks);
	struct json_iter it = json_iter(array);
	struct json item;
	list->role = role;
	list->nodes = xcalloc(count + 1, sizeof *list->nodes);
	for (size_t i = 0; i < count && json_next_element(&it, &item); i++) {
		struct graph_node *n = &list->nodes[list->count];
		if (!read_item(item, &keys[list->count], &tasks[list->count]))
			continue;
		n->name = shown_name(keys[list->count]);
		char *path = path_of(base, i, keys[list->count]);
		read_task(r, tasks[list->count], path, n);
		list->count++;
	}
	if (role != GRAPH_BRANCHES)
		graph_flow(list, keys, tasks);
	free(keys);
	free(tasks);
}

/* A list below the task's path. */
static struct graph_list *add_list(struct reader *r, struct graph_node *n,
	struct json array, enum graph_role role, const char *key)
{
	n->lists = xrealloc(n->lists, (n->list_count + 1) * sizeof *n->lists);
	struct graph_list *list = &n->lists[n->list_count++];
	*list = (struct graph_list){0};
	char *base = xasprintf("%s%s", n->path, key);
	read_list(r, array, role, base, list);
	free(base);
	return list;
}

/* ---- Tasks ---- */

static enum graph_kind kind_of(struct json task)
{
	static const struct {
		const char *key;
		enum graph_kind kind;
	} kinds[] = {{"call", GRAPH_CALL}, {"for", GRAPH_FOR}, {"fork", GRAPH_FORK},
		{"emit", GRAPH_EMIT}, {"listen", GRAPH_LISTEN}, {"raise", GRAPH_RAISE},
		{"run", GRAPH_RUN}, {"set", GRAPH_SET}, {"switch", GRAPH_SWITCH},
		{"try", GRAPH_TRY}, {"wait", GRAPH_WAIT}, {"do", GRAPH_DO}};
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (json_get(task, kinds[i].key).s)
			return kinds[i].kind;
	return GRAPH_OTHER;
}

static void read_try(struct reader *r, struct graph_node *n, struct json task)
{
	struct json catch = json_get(task, "catch");
	add_list(r, n, json_get(task, "try"), GRAPH_TRIED, "/try");
	struct graph_list *list =
		add_list(r, n, json_get(catch, "do"), GRAPH_CATCH, "/catch/do");
	list->title = graph_catch_title(catch);
	list->notes = graph_catch_notes(catch, &r->uses);
}

static void read_lists(struct reader *r, struct graph_node *n, struct json task)
{
	struct json foreach = json_get(task, "foreach");
	struct json subscription = json_get(json_get(task, "with"), "subscription");
	switch (n->kind) {
	case GRAPH_DO:
	case GRAPH_FOR: add_list(r, n, json_get(task, "do"), GRAPH_BODY, "/do"); break;
	case GRAPH_FORK:
		add_list(r, n, json_get(json_get(task, "fork"), "branches"),
			GRAPH_BRANCHES, "/fork/branches");
		break;
	case GRAPH_LISTEN:
		if (json_get(foreach, "do").s)
			add_list(
				r, n, json_get(foreach, "do"), GRAPH_BODY, "/foreach/do");
		break;
	case GRAPH_CALL:
		foreach
			= json_get(subscription, "foreach");
		if (json_get(foreach, "do").s)
			add_list(
				r, n, json_get(foreach, "do"), GRAPH_BODY, "/foreach/do");
		break;
	case GRAPH_TRY: read_try(r, n, task); break;
	case GRAPH_EMIT:
	case GRAPH_EXTENSION:
	case GRAPH_RAISE:
	case GRAPH_RUN:
	case GRAPH_SET:
	case GRAPH_SWITCH:
	case GRAPH_WAIT:
	case GRAPH_OTHER: break;
	}
}

/* Takes the path. */
static void read_task(
	struct reader *r, struct json task, char *path, struct graph_node *n)
{
	n->path = path;
	n->kind = kind_of(task);
	graph_describe(n, task);
	n->notes = graph_notes(task, &r->uses);
	if (n->kind == GRAPH_CALL)
		n->function = path_with("", json_get(task, "call"));
	read_lists(r, n, task);
}

/* ---- Beside the workflow ---- */

static void read_functions(struct reader *r, struct json object, struct graph_list *list)
{
	struct json_iter it = json_iter(object);
	struct json key, task;
	if (json_type(object) != JSON_OBJECT)
		return;
	list->nodes = xrealloc(list->nodes,
		(list->count + json_count(object) + 1) * sizeof *list->nodes);
	while (json_next_member(&it, &key, &task)) {
		if (kind_of(task) == GRAPH_OTHER)
			continue; /* an API's description */
		struct graph_node *n = &list->nodes[list->count++];
		*n = (struct graph_node){.name = shown_name(key)};
		read_task(r, task, path_with("!call/", key), n);
	}
}

static void read_extension(
	struct reader *r, struct json key, struct json body, struct graph_node *n)
{
	static const struct {
		const char *member, *base;
		enum graph_role role;
	} lists[] = {
		{"before", "!before/", GRAPH_BEFORE}, {"after", "!after/", GRAPH_AFTER}};
	struct json when = json_get(body, "when");
	struct buf b = {0};
	n->kind = GRAPH_EXTENSION;
	n->name = shown_name(key);
	graph_describe(n, body);
	if (when.s) {
		buf_puts(&b, "when");
		graph_say(&b, when);
		graph_add_line(&n->notes, graph_said(&b));
	}
	for (size_t i = 0; i < sizeof lists / sizeof *lists; i++) {
		struct json array = json_get(body, lists[i].member);
		if (!array.s)
			continue;
		free(n->path);
		n->path = path_with(lists[i].base, key);
		add_list(r, n, array, lists[i].role, "")->title =
			xstrdup(lists[i].member);
	}
	if (!n->path)
		n->path = path_with("!extension/", key);
}

static void read_extensions(struct reader *r, struct json array, struct graph_list *list)
{
	size_t count = json_type(array) == JSON_ARRAY ? json_count(array) : 0;
	struct json_iter it = json_iter(array);
	struct json item, key, body;
	list->nodes = xcalloc(count + 1, sizeof *list->nodes);
	for (size_t i = 0; i < count && json_next_element(&it, &item); i++)
		if (read_item(item, &key, &body))
			read_extension(r, key, body, &list->nodes[list->count++]);
}

/* ---- The document ---- */

static char *read_name(struct json document)
{
	char *namespace = graph_shown(json_get(document, "namespace"));
	char *name = graph_shown(json_get(document, "name"));
	char *version = graph_shown(json_get(document, "version"));
	char *all = xasprintf("%s/%s:%s", namespace, name, version);
	free(namespace);
	free(name);
	free(version);
	return all;
}

struct graph *graph_create(struct json document, struct json resources)
{
	struct graph *g = xcalloc(1, sizeof *g);
	struct reader r = {.use = json_get(document, "use")};
	struct json about = json_get(document, "document"),
		    title = json_get(about, "title");
	r.uses.retries = json_get(r.use, "retries");
	g->name = read_name(about);
	g->title = title.s ? graph_shown(title) : NULL;
	g->trigger = graph_trigger(json_get(document, "schedule"));
	read_list(&r, json_get(document, "do"), GRAPH_BODY, "/do", &g->body);
	g->functions.role = g->extensions.role = GRAPH_SHELF;
	read_functions(&r, json_get(r.use, "functions"), &g->functions);
	read_functions(&r, resources, &g->functions);
	read_extensions(&r, json_get(r.use, "extensions"), &g->extensions);
	if (g->functions.count > 0)
		g->functions.title = xstrdup("functions");
	if (g->extensions.count > 0)
		g->extensions.title = xstrdup("extensions");
	json_index_finish(&r.uses.index);
	return g;
}

bool graph_shows_exit(const struct graph_list *list)
{
	for (size_t i = 0; i < list->edge_count; i++) {
		const struct graph_edge *e = &list->edges[i];
		if (e->to == GRAPH_EXIT && (e->from + 1 < list->count || e->label))
			return true;
	}
	return false;
}

static void list_finish(struct graph_list *list);

static void node_finish(struct graph_node *n)
{
	for (size_t i = 0; i < n->list_count; i++)
		list_finish(&n->lists[i]);
	graph_lines_destroy(n->lines, n->line_count);
	graph_free_lines(n->notes);
	free(n->lists);
	free(n->name);
	free(n->word);
	free(n->detail);
	free(n->path);
	free(n->function);
}

static void list_finish(struct graph_list *list)
{
	for (size_t i = 0; i < list->count; i++)
		node_finish(&list->nodes[i]);
	for (size_t i = 0; i < list->edge_count; i++) {
		free(list->edges[i].label);
		free(list->edges[i].condition);
	}
	graph_lines_destroy(list->lines, list->line_count);
	graph_symbols_destroy(list->symbols, list->symbol_count);
	graph_routes_destroy(list->routes, list->route_count);
	graph_free_lines(list->notes);
	free(list->title);
	free(list->nodes);
	free(list->edges);
}

void graph_destroy(struct graph *g)
{
	if (!g)
		return;
	list_finish(&g->body);
	list_finish(&g->functions);
	list_finish(&g->extensions);
	free(g->name);
	free(g->title);
	free(g->trigger);
	free(g->run);
	free(g);
}
