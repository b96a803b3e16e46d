/*
 * Writes the elements of an svg: numbers with at most one decimal, text with the escapes
 * of XML. `more` is further attributes, which are not escaped. Only svg.c uses it.
 */
#ifndef STEPWELL_GRAPH_PEN_H
#define STEPWELL_GRAPH_PEN_H

#include "graph/graph.h"

/* Safe to show already (base/escape.h). */
void pen_text(struct buf *out, const char *s);
void pen_number(struct buf *out, double v);
void pen_attribute(struct buf *out, const char *name, double v);
/* A command of a path with a point: "M", "L", "Q". */
void pen_point(struct buf *out, const char *command, double x, double y);

void pen_rect(struct buf *out, struct graph_box b, double r, const char *more);
/* A <text> without its content and end. */
void pen_open_text(struct buf *out, double x, double y, double size, const char *more);
void pen_line(struct buf *out, struct graph_point at, double size, const char *more,
	const char *text);
/* The head of an arrow towards (dx, dy), with its point at p. */
void pen_head(struct buf *out, struct graph_point p, int dx, int dy, const char *ink);
/* A <title> of one line or two; b may be NULL. */
void pen_title(struct buf *out, const char *a, const char *b);

#endif
