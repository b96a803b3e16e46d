/*
 * The picture of a workflow: a definition's document as boxes and arrows. graph_create
 * reads the document, graph_mark adds the states of a run (state.h), graph_layout
 * gives everything its place (layout.h), and graph_text, graph_mermaid, graph_dot
 * and graph_svg write it (write.h).
 *
 * It reads a document as such: what this runtime does not run is drawn too, and what has
 * another shape than expected is left out. Every `then` leads to a task of the same list,
 * so arrows never leave their list: a list is drawn inside the box of its task.
 *
 * All texts are UTF-8, safe to show (base/escape.h), on one line and of bounded length;
 * they still need the escapes of the format that they are written to.
 */
#ifndef STEPWELL_GRAPH_GRAPH_H
#define STEPWELL_GRAPH_GRAPH_H

#include "admin/admin.h"

enum graph_kind {
	GRAPH_CALL,
	GRAPH_DO,
	GRAPH_EMIT,
	GRAPH_EXTENSION, /* of use.extensions: its lists are before and after */
	GRAPH_FOR,
	GRAPH_FORK,
	GRAPH_LISTEN,
	GRAPH_RAISE,
	GRAPH_RUN,
	GRAPH_SET,
	GRAPH_SWITCH,
	GRAPH_TRY,
	GRAPH_WAIT,
	GRAPH_OTHER, /* no task that we know */
};

struct graph_box {
	double x, y, w, h; /* the upper left corner; y grows downwards */
};

struct graph_point {
	double x, y;
};

/* What became of a task in a run: all its visits and iterations together. */
struct graph_marks {
	size_t counts[PHASE_SKIPPED + 1]; /* steps by phase */
	size_t steps;                     /* 0: not reached */
	int64_t attempts;                 /* of all steps */
	enum phase phase;                 /* what it does now, or how it ended last */
	/* Of a loop: its iterations by what became of them. */
	size_t rounds[PHASE_SKIPPED + 1];
	const char *reason; /* why its only step was cancelled, or NULL; the step's */
};

enum graph_edge_kind {
	GRAPH_NEXT,   /* on to the next task of the list */
	GRAPH_THEN,   /* the task's own `then` */
	GRAPH_CASE,   /* of a switch; label: the case, condition: its `when` or NULL */
	GRAPH_SKIP,   /* past a task whose `if` does not hold, where it leads elsewhere */
	GRAPH_CAUGHT, /* catch.then */
};

/* Targets beside the indexes of tasks. */
#define GRAPH_EXIT (SIZE_MAX - 1) /* the list is over */
#define GRAPH_END SIZE_MAX        /* the run is over */

struct graph_edge {
	enum graph_edge_kind kind;
	size_t from, to;         /* tasks of the list, or GRAPH_EXIT, GRAPH_END */
	char *label, *condition; /* NULL: none */
};

enum graph_role {
	GRAPH_BODY,     /* of a do, a for, the workflow; foreach of listen */
	GRAPH_TRIED,    /* what try tries */
	GRAPH_CATCH,    /* catch.do; may be empty */
	GRAPH_BRANCHES, /* all at once: no edges */
	GRAPH_BEFORE,   /* of an extension */
	GRAPH_AFTER,
	GRAPH_SHELF, /* what is beside the workflow: functions, extensions */
};

struct graph_line; /* layout.h */
struct graph_symbol;
struct graph_route;

struct graph_list {
	enum graph_role role;
	char *title;  /* "catch timeout 408 as error", or NULL */
	char **notes; /* further lines about it, NULL-ended */
	struct graph_node *nodes;
	size_t count;
	struct graph_edge *edges;
	size_t edge_count;
	/* By graph_layout: */
	struct graph_box box;
	struct graph_line *lines; /* title and notes, as they are shown */
	size_t line_count;
	struct graph_symbol *symbols;
	size_t symbol_count;
	struct graph_route *routes;
	size_t route_count;
};

struct graph_node {
	enum graph_kind kind;
	char *name;
	char *word;   /* "http", "sql", "for", "wait": what stands beside the name */
	char *detail; /* "POST https://example.com/orders", "24h"; "" for none */
	char **notes; /* "if .total > 10", "retry 5 times", NULL-ended */
	/* Of its steps in a run, without [i] and #n; in a function from "!call/NAME" on.
	 * With the names as the journal has them, so not safe to show. */
	char *path;
	char *function; /* of a call: what "!call/" goes on with; else NULL */
	struct graph_list *lists;
	size_t list_count;
	struct graph_marks marks;
	/* By graph_layout: */
	struct graph_box box;
	struct graph_line *lines;
	size_t line_count;
};

struct graph {
	char *name;    /* "shop/checkout:1.0.0" */
	char *title;   /* of the document, or NULL */
	char *trigger; /* "every 5m", "cron 0 0 * * *": what starts it, or NULL */
	struct graph_list body, functions, extensions;
	char *run; /* its id: marks are filled; or NULL */
	enum phase phase;
	struct graph_box box; /* by graph_layout */
};

/* document: verified JSON. resources: an object of the functions that are pinned with it,
 * by name, or absent. Both are only borrowed until return. */
struct graph *graph_create(struct json document, struct json resources);
void graph_destroy(struct graph *g);

/* Whether a list inside a box shows where it is left: that its last task leaves it is no
 * news. */
bool graph_shows_exit(const struct graph_list *list);

#endif
