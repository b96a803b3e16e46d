/*
 * The ways of wires. Between two layers is a gap, in which wires turn: what comes from
 * one task to several labels, or from several cells to one, shares a bus, a line across
 * the gap. A task has at most one arrow without a label, so at most two buses below it.
 */
#include "graph/bus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define BACK_GAP 18.0 /* between what goes up and what is left of it */
#define PORT_GAP 26.0 /* between the two buses below a task */
#define PORT_MIN 40.0 /* a narrower box has only one place for lines */

struct wiring {
	struct sheet *s;
	struct buses buses;
	size_t *source, *direct; /* below each cell: of its labels; of its other wire */
	size_t *target;          /* above each cell */
	size_t *turns;           /* of the backs: the buses below each of their layers */
	double *source_shift, *direct_shift,
		*target_shift; /* of these, from their place */
	size_t *ins, *outs;    /* of each cell: what comes from above, goes below */
	double *layer_y;
};

/* ---- Which bus ---- */

static bool is_shown(const struct sheet *s, size_t down)
{
	return !s->cells[down].hidden;
}

/* Of a link between two cells. */
static size_t *slot_of(struct wiring *w, size_t up, size_t down)
{
	return w->outs[up] > 1 && w->ins[down] == 1 ? &w->source[up] : &w->target[down];
}

static void count_ends(struct wiring *w)
{
	const struct sheet *s = w->s;
	for (size_t c = 0; c < s->count; c++) {
		for (size_t i = s->downs.first[c]; i < s->downs.first[c + 1]; i++) {
			if (!is_shown(s, s->downs.items[i]))
				continue;
			w->outs[c]++;
			w->ins[s->downs.items[i]]++;
		}
	}
	for (size_t i = 0; i < s->wire_count; i++)
		if (s->wires[i].back != NO_CELL)
			w->outs[s->wires[i].from]++;
	for (size_t b = 0; b < s->back_count; b++)
		w->ins[s->backs[b].to]++;
}

static size_t *turn_of(struct wiring *w, const struct wire *wire)
{
	const struct back *b = &w->s->backs[wire->back];
	return &w->turns[b->first_turn + w->s->cells[wire->from].layer - b->top];
}

static size_t bus_in(struct wiring *w, size_t *slot, size_t gap)
{
	if (*slot == NO_BUS)
		*slot = buses_add(&w->buses, gap);
	return *slot;
}

static void make_buses(struct wiring *w)
{
	const struct sheet *s = w->s;
	for (size_t c = 0; c < s->count; c++) {
		for (size_t i = s->downs.first[c]; i < s->downs.first[c + 1]; i++) {
			size_t down = s->downs.items[i];
			if (!is_shown(s, down))
				continue;
			size_t *slot = slot_of(w, c, down);
			size_t bus = bus_in(w, slot, s->cells[down].layer);
			bus_add_aim(&w->buses.items[bus], s->cells[down].x);
			if (slot != &w->source[c])
				w->direct[c] = bus;
		}
	}
	for (size_t i = 0; i < s->wire_count; i++) {
		const struct wire *wire = &s->wires[i];
		if (wire->back == NO_CELL)
			continue;
		size_t gap = s->cells[wire->from].layer + 1;
		size_t bus = bus_in(w, turn_of(w, wire), gap);
		bus_add_aim(&w->buses.items[bus], s->backs[wire->back].x);
		w->direct[wire->from] = bus;
	}
	for (size_t b = 0; b < s->back_count; b++)
		bus_in(w, &w->target[s->backs[b].to], s->backs[b].top);
}

/* ---- Where buses are joined ---- */

/* Where the bus leaves the cell above it. */
static double port(const struct wiring *w, size_t c, size_t bus)
{
	const struct cell *cell = &w->s->cells[c];
	size_t labels = w->source[c], direct = w->direct[c];
	double shift = bus == direct ? w->direct_shift[c] : w->source_shift[c];
	if (cell->kind == CELL_LANE)
		return cell->x + w->target_shift[c];
	if (labels == NO_BUS || direct == NO_BUS)
		return cell->x + shift;
	double side = w->buses.items[direct].aim < w->buses.items[labels].aim ? -1 : 1;
	double step = fmin(PORT_GAP, cell->w / 2) / 2;
	return cell->x + (bus == direct ? side : -side) * round(step) + shift;
}

/* Where it arrives at the one below it. */
static double landing(const struct wiring *w, size_t c)
{
	return w->s->cells[c].x + w->target_shift[c];
}

/* A lane moves as a whole, where it begins. A diamond is left and met at its points, and
 * small signs in their middle. */
static double *movable(const struct wiring *w, size_t c, double *shifts)
{
	const struct cell *cell = &w->s->cells[c];
	const struct graph_node *n = &w->s->list->nodes[cell->ref];
	if (cell->kind == CELL_LANE)
		return shifts == w->target_shift ? &shifts[c] : NULL;
	bool pointed = cell->kind == CELL_TASK && n->kind == GRAPH_SWITCH;
	return pointed || cell->w < PORT_MIN ? NULL : &shifts[c];
}

static void add_joint(struct wiring *w, size_t bus, struct joint joint)
{
	if (bus != NO_BUS)
		bus_add_joint(&w->buses.items[bus], joint);
}

/* Below the cells of the layer above a gap. */
static void join_upper(struct wiring *w, size_t layer)
{
	const struct sheet *s = w->s;
	for (size_t i = s->first[layer]; i < s->first[layer + 1]; i++) {
		size_t c = s->order[i];
		add_joint(w, w->source[c],
			(struct joint){port(w, c, w->source[c]), true,
				movable(w, c, w->source_shift)});
		add_joint(w, w->direct[c],
			(struct joint){port(w, c, w->direct[c]), true,
				movable(w, c, w->direct_shift)});
		for (size_t k = s->downs.first[c]; k < s->downs.first[c + 1]; k++) {
			size_t down = s->downs.items[k];
			if (is_shown(s, down) && slot_of(w, c, down) == &w->source[c])
				add_joint(w, w->source[c],
					(struct joint){s->cells[down].x, false,
						movable(w, down, w->target_shift)});
		}
	}
}

static void join_lower(struct wiring *w, size_t layer)
{
	const struct sheet *s = w->s;
	for (size_t i = s->first[layer]; i < s->first[layer + 1]; i++) {
		size_t c = s->order[i];
		add_joint(w, w->target[c],
			(struct joint){
				s->cells[c].x, false, movable(w, c, w->target_shift)});
	}
}

static void join_backs(struct wiring *w)
{
	for (size_t b = 0; b < w->s->back_count; b++) {
		const struct back *back = &w->s->backs[b];
		add_joint(w, w->target[back->to], (struct joint){back->x, false, NULL});
		for (size_t l = 0; l <= back->bottom - back->top; l++)
			add_joint(w, w->turns[back->first_turn + l],
				(struct joint){back->x, true, NULL});
	}
}

/* ---- Backs ---- */

static int compare_backs(const void *a, const void *b)
{
	const struct back *x = *(struct back *const *)a, *y = *(struct back *const *)b;
	size_t n = x->bottom - x->top, m = y->bottom - y->top;
	return n != m ? (n < m ? -1 : 1) : x->to < y->to ? -1 : x->to > y->to;
}

/* The shortest are the innermost. */
static void place_backs(struct sheet *s)
{
	struct back **order = xcalloc(s->back_count + 1, sizeof *order);
	/* Ends at the right, of gap 0, layer 0, gap 1, layer 1 ... */
	double *right = xcalloc(2 * s->layers + 2, sizeof *right);
	size_t turns = 0;
	for (size_t c = 0; c < s->count; c++) {
		double end = s->cells[c].x + s->cells[c].w / 2;
		size_t l = 2 * s->cells[c].layer + 1;
		right[l] = fmax(right[l], end);
	}
	for (size_t b = 0; b < s->back_count; b++) {
		order[b] = &s->backs[b];
		s->backs[b].first_turn = turns;
		turns += s->backs[b].bottom - s->backs[b].top + 1;
	}
	qsort(order, s->back_count, sizeof *order, compare_backs);
	for (size_t i = 0; i < s->back_count; i++) {
		struct back *b = order[i];
		for (size_t l = 2 * b->top; l <= 2 * b->bottom + 2; l++)
			b->x = fmax(b->x, right[l]);
		b->x = round(b->x + BACK_GAP);
		for (size_t l = 2 * b->top; l <= 2 * b->bottom + 2; l++)
			right[l] = b->x;
		s->width = fmax(s->width, b->x + 2);
	}
	free(order);
	free(right);
}

/* ---- Heights ---- */

static void set_heights(struct wiring *w)
{
	struct sheet *s = w->s;
	double y = 0, *h = xcalloc(s->layers + 1, sizeof *h);
	for (size_t c = 0; c < s->count; c++)
		h[s->cells[c].layer] = fmax(h[s->cells[c].layer], s->cells[c].h);
	/* Downwards: what moves in one gap is where it is in the next. */
	for (size_t gap = 0; gap <= s->layers; gap++) {
		bool outer = gap == 0 || gap == s->layers;
		if (gap > 0)
			join_upper(w, gap - 1);
		if (gap < s->layers)
			join_lower(w, gap);
		y += buses_settle(&w->buses, gap, y, outer);
		w->layer_y[gap] = y;
		y += h[gap];
	}
	for (size_t c = 0; c < s->count; c++) {
		struct cell *cell = &s->cells[c];
		cell->y = w->layer_y[cell->layer];
		if (cell->kind == CELL_LANE)
			cell->h = h[cell->layer];
	}
	s->height = y;
	free(h);
}

/* ---- Writing ---- */

static void add_point(struct graph_route *r, double x, double y)
{
	struct graph_point *p = r->points;
	size_t n = r->count;
	if (n > 0 && p[n - 1].x == x && p[n - 1].y == y)
		return;
	/* The one before lies on the way. */
	if (n > 1 && ((p[n - 1].x == x && p[n - 2].x == x) ||
			     (p[n - 1].y == y && p[n - 2].y == y))) {
		p[n - 1] = (struct graph_point){x, y};
		return;
	}
	if ((n & (n + 1)) == 0)
		r->points = xrealloc(p, 2 * (n + 1) * sizeof *p);
	r->points[r->count++] = (struct graph_point){x, y};
}

static void write_forward(
	struct wiring *w, const struct wire *wire, struct graph_route *r)
{
	const struct sheet *s = w->s;
	size_t c = wire->from, d = wire->first;
	for (;; c = d, d = wire_next(s, wire, c)) {
		size_t bus = *slot_of(w, c, d);
		double x = port(w, c, bus), y = w->buses.items[bus].y;
		if (c == wire->from)
			add_point(r, x, s->cells[c].y + s->cells[c].h);
		add_point(r, x, y);
		add_point(r, landing(w, d), y);
		if (d == wire->to)
			break;
	}
	add_point(r, landing(w, d), s->cells[d].y);
}

static void write_backward(
	struct wiring *w, const struct wire *wire, struct graph_route *r)
{
	const struct sheet *s = w->s;
	const struct cell *from = &s->cells[wire->from], *to = &s->cells[wire->to];
	size_t turn = *turn_of(w, wire);
	double x = port(w, wire->from, turn), y = w->buses.items[turn].y;
	double top = w->buses.items[w->target[wire->to]].y, up = s->backs[wire->back].x;
	r->kind = GRAPH_BACKWARD;
	add_point(r, x, from->y + from->h);
	add_point(r, x, y);
	add_point(r, up, y);
	add_point(r, up, top);
	add_point(r, landing(w, wire->to), top);
	add_point(r, landing(w, wire->to), to->y);
}

static size_t end_of(const struct sheet *s, size_t c)
{
	const struct cell *cell = &s->cells[c];
	return cell->kind == CELL_TASK ? cell->ref : GRAPH_SYMBOL + cell->ref;
}

static void write_routes(struct wiring *w)
{
	struct graph_list *list = w->s->list;
	list->routes =
		xcalloc(w->s->wire_count + list->symbol_count + 1, sizeof *list->routes);
	for (size_t i = 0; i < w->s->wire_count; i++) {
		const struct wire *wire = &w->s->wires[i];
		if (wire->hidden)
			continue;
		struct graph_route *r = &list->routes[list->route_count++];
		r->from = end_of(w->s, wire->from);
		r->to = end_of(w->s, wire->to);
		r->arrow = wire->arrow;
		if (wire->back == NO_CELL)
			write_forward(w, wire, r);
		else
			write_backward(w, wire, r);
	}
}

/* The sign that hangs below a cell, and the arrow to it. */
static void write_sign(const struct sheet *s, size_t c)
{
	const struct cell *cell = &s->cells[c];
	struct graph_list *list = s->list;
	struct graph_box *box = &list->symbols[cell->sign].box;
	struct graph_route *r = &list->routes[list->route_count++];
	box->x = cell->x - box->w / 2;
	box->y = cell->y + cell->h - box->h;
	*r = (struct graph_route){
		.from = end_of(s, c), .to = GRAPH_SYMBOL + cell->sign, .arrow = true};
	add_point(r, cell->x, cell->y + cell->h - cell->hang);
	add_point(r, cell->x, box->y);
}

static void write_boxes(const struct sheet *s)
{
	struct graph_list *list = s->list;
	for (size_t c = 0; c < s->count; c++) {
		const struct cell *cell = &s->cells[c];
		if (cell->kind == CELL_LANE)
			continue;
		struct graph_box *box = cell->kind == CELL_TASK
						? &list->nodes[cell->ref].box
						: &list->symbols[cell->ref].box;
		box->x = cell->x - box->w / 2;
		box->y = cell->y;
		if (cell->sign != NO_CELL)
			write_sign(s, c);
	}
	list->box.w = s->width;
	list->box.h = s->height;
}

/* ---- All ---- */

static size_t *make_slots(size_t n)
{
	size_t *slots = xcalloc(n + 1, sizeof *slots);
	for (size_t i = 0; i <= n; i++)
		slots[i] = NO_BUS;
	return slots;
}

void sheet_wire(struct sheet *s)
{
	struct wiring w = {.s = s};
	place_backs(s);
	size_t turns = 0;
	for (size_t b = 0; b < s->back_count; b++)
		turns += s->backs[b].bottom - s->backs[b].top + 1;
	w.source = make_slots(s->count);
	w.direct = make_slots(s->count);
	w.target = make_slots(s->count);
	w.turns = make_slots(turns);
	w.source_shift = xcalloc(s->count + 1, sizeof *w.source_shift);
	w.direct_shift = xcalloc(s->count + 1, sizeof *w.direct_shift);
	w.target_shift = xcalloc(s->count + 1, sizeof *w.target_shift);
	w.ins = xcalloc(s->count + 1, sizeof *w.ins);
	w.outs = xcalloc(s->count + 1, sizeof *w.outs);
	w.layer_y = xcalloc(s->layers + 1, sizeof *w.layer_y);
	count_ends(&w);
	make_buses(&w);
	w.buses.width = s->width;
	join_backs(&w);
	set_heights(&w);
	write_routes(&w);
	write_boxes(s);
	buses_finish(&w.buses);
	free(w.source);
	free(w.direct);
	free(w.target);
	free(w.turns);
	free(w.source_shift);
	free(w.direct_shift);
	free(w.target_shift);
	free(w.ins);
	free(w.outs);
	free(w.layer_y);
}
