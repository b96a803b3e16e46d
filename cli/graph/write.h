/*
 * The forms that a picture is written in. Each escapes what its own format would take for
 * more than text.
 */
#ifndef STEPWELL_GRAPH_WRITE_H
#define STEPWELL_GRAPH_WRITE_H

#include "graph/graph.h"

/* A drawing that stands by itself, also within a page: no style sheet, no ids, no fonts
 * of its own. A task's <g> has data-path and, in a run, data-state. The graph is laid
 * out. */
void graph_svg(const struct graph *g, struct buf *out);

/* Needs no layout: mermaid and graphviz have their own. */
void graph_mermaid(const struct graph *g, struct buf *out);
void graph_dot(const struct graph *g, struct buf *out);

/* One object: the lists of tasks as the document has them, with the edges in each. */
void graph_json(const struct graph *g, struct buf *out);

/* A tree for a terminal of GRAPH_COLUMNS. */
enum { GRAPH_COLUMNS = 100 };
struct graph_terminal {
	bool ascii;   /* no other characters of our own */
	bool colours; /* by ANSI escapes */
};
void graph_text(
	const struct graph *g, const struct graph_terminal *terminal, struct buf *out);

#endif
