/*
 * The colours and signs of a drawing. Only svg.c uses it.
 */
#ifndef STEPWELL_GRAPH_PAINT_H
#define STEPWELL_GRAPH_PAINT_H

#include "graph/graph.h"

struct graph_paint {
	const char *line, *fill; /* of the box; line also of its sign */
	const char *text;        /* of its name */
	bool dashed;
};

/* By what became of it in the run, or else by its kind. */
struct graph_paint graph_paint(const struct graph *g, const struct graph_node *n);
/* NULL: not reached. */
struct graph_paint graph_paint_phase(const enum phase *p);
/* The path of its sign, drawn with lines in a square of 16. */
const char *graph_sign(const struct graph_node *n);

#endif
