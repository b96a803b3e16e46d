/*
 * One list of tasks being laid out: cells in layers, and wires between them. A cell is a
 * task, a symbol, or a lane: the place where a wire passes a layer. All wires to one cell
 * share their lanes, and so do all to the labels of one task. Wires that lead back are no
 * part of the layers: they go up in backs, at the right of all cells. Only layout.c
 * and the files named here use it, in this order.
 */
#ifndef STEPWELL_GRAPH_SHEET_H
#define STEPWELL_GRAPH_SHEET_H

#include "graph/layout.h"

#define NO_CELL SIZE_MAX

enum cell_kind { CELL_TASK, CELL_SYMBOL, CELL_LANE };

struct cell {
	enum cell_kind kind;
	size_t ref;   /* index of the task or of the symbol */
	size_t next;  /* of a lane: the cell below it */
	double w, h;  /* a lane's h is that of its layer */
	size_t sign;  /* the symbol that hangs below it, instead of a wire; or NO_CELL */
	double hang;  /* so much of h is for the sign */
	size_t layer; /* from 0, the uppermost */
	size_t slot;  /* its place in the layer, from 0 at the left */
	double x, y;  /* middle of its upper edge */
	bool hidden;  /* only a hidden wire comes to it from above */
};

struct wire {
	size_t from, to; /* cells; to NO_CELL until it is cut short at a sign */
	size_t first;    /* the cell of the next layer that it goes to */
	size_t back;     /* or the back that it goes up in; else NO_CELL */
	bool hidden;     /* keeps a task in its place that nothing leads to */
	bool arrow;
};

/* From below the lowest layer that leads back to a task up to above that task. */
struct back {
	size_t to;
	size_t top, bottom; /* layers */
	double x;
	size_t first_turn; /* of its turns, one below each of its layers */
};

/* The cells that one is joined to in the next layer, those of all cells in one array. */
struct neighbours {
	size_t *first; /* of cell c: items[first[c]] .. items[first[c + 1]] */
	size_t *items;
};

struct sheet {
	struct graph_list *list;
	bool is_top; /* the workflow's own list */
	const char *trigger;
	struct cell *cells;
	size_t count, cap;
	struct wire *wires;
	size_t wire_count, wire_cap;
	struct back *backs;
	size_t back_count;
	size_t layers;
	size_t *order; /* the cells of layer l: order[first[l]] .. order[first[l + 1]] */
	size_t *first;
	struct neighbours ups, downs;
	double width, height;
};

/* Cells, wires, layers (layers.c). The sizes of the tasks' boxes are known. */
void sheet_init(
	struct sheet *s, struct graph_list *list, bool is_top, const char *trigger);
void sheet_finish(struct sheet *s);
void sheet_join(struct sheet *s);  /* lanes, backs, neighbours (lanes.c) */
void sheet_order(struct sheet *s); /* slots: few crossings (order.c) */
void sheet_place(struct sheet *s); /* x of cells (place.c) */
/* Backs, y of cells; then boxes and routes of the list (wire.c). */
void sheet_wire(struct sheet *s);

size_t sheet_add_cell(
	struct sheet *s, enum cell_kind kind, size_t ref, double w, double h);
bool sheet_is_label(const struct sheet *s, size_t cell);
/* The cell in the layer below, on the way from w->first to w->to. */
size_t wire_next(const struct sheet *s, const struct wire *w, size_t cell);
double sheet_gap(const struct cell *left, const struct cell *right);

#endif
