/*
 * Gives everything of a picture its place. A list is drawn in layers from above to below:
 * a task stands below all that leads to it, arrows pass between layers and beside boxes,
 * never through one, and what leads back goes up at the right of its list. A task with
 * lists is a box around them; branches stand side by side, what is caught beside what is
 * tried. The same graph always gets the same places.
 *
 * Lengths are in pixels. Boxes are wide enough for their text in any common font
 * (measure.h). A list is about GRAPH_WIDTH_MAX wide at most: what would be wider goes
 * into further layers or rows. The time is about linear in the number of tasks.
 */
#ifndef STEPWELL_GRAPH_LAYOUT_H
#define STEPWELL_GRAPH_LAYOUT_H

#include "graph/graph.h"

#define GRAPH_WIDTH_MAX 1500.0
#define GRAPH_SPAN_MAX 24 /* layers; an arrow over more is cut in two at a GRAPH_JUMP */

/* A line of text in a box, shortened to fit. */
enum graph_style {
	GRAPH_NAME,
	GRAPH_WORD, /* word and detail */
	GRAPH_NOTE,
	GRAPH_STATE, /* "3 completed, 1 running" */
	GRAPH_STYLES
};

struct graph_line {
	enum graph_style style;
	char *text;
	size_t head; /* of GRAPH_WORD: so many bytes are the word */
	double x, y; /* its left end on the base line */
	double w;
};

/* What stands in a list beside its tasks. */
enum graph_symbol_kind {
	GRAPH_ENTRY, /* the workflow begins */
	GRAPH_LEAVE, /* the list is over */
	GRAPH_STOP,  /* the run is over */
	GRAPH_LABEL, /* of an edge: it stands on it */
	GRAPH_JUMP,  /* goes on at the task that it names, far away */
	GRAPH_BAR,   /* branches begin or end */
};

struct graph_symbol {
	enum graph_symbol_kind kind;
	struct graph_box box;
	char *label, *more; /* texts, shortened; NULL: none */
	size_t edge;        /* of GRAPH_LABEL */
};

/* A way from one box to another; at the end is an arrow. */
enum graph_route_kind { GRAPH_FORWARD, GRAPH_BACKWARD };

struct graph_route {
	enum graph_route_kind kind;
	/* What it joins: tasks of the list, or its symbols (GRAPH_SYMBOL + their index)
	 */
	size_t from, to;
	bool arrow;
	struct graph_point *points;
	size_t count;
};

#define GRAPH_SYMBOL (SIZE_MAX / 2)

/* May be called again, as after graph_mark. */
void graph_layout(struct graph *g);

/* The size of a line's text. */
double graph_line_size(enum graph_style style);

void graph_lines_destroy(struct graph_line *lines, size_t count);
void graph_symbols_destroy(struct graph_symbol *symbols, size_t count);
void graph_routes_destroy(struct graph_route *routes, size_t count);

#endif
