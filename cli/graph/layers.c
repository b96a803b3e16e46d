/*
 * From a list to cells in layers. Cells are made in the order of the document, which is
 * one in which every wire but those that lead back goes on: so one pass over them gives
 * each the layer below all that lead to it.
 */
#include "graph/sheet.h"

#include "graph/measure.h"

#include <stdlib.h>
#include <string.h>

#define LABEL_MAX 190.0 /* width of a label's text */
#define ENTRY_MAX 320.0
#define LABEL_SIZE 11.0
#define SIGN_GAP 20.0 /* above a sign that hangs below a cell: an arrow */

/* ---- Cells and symbols ---- */

size_t sheet_add_cell(
	struct sheet *s, enum cell_kind kind, size_t ref, double w, double h)
{
	if (s->count == s->cap) {
		s->cap = s->cap ? 2 * s->cap : 32;
		s->cells = xrealloc(s->cells, s->cap * sizeof *s->cells);
	}
	s->cells[s->count] = (struct cell){.kind = kind,
		.ref = ref,
		.next = NO_CELL,
		.w = w,
		.h = h,
		.sign = NO_CELL};
	return s->count++;
}

static struct wire *add_wire(struct sheet *s, size_t from, size_t to)
{
	if (s->wire_count == s->wire_cap) {
		s->wire_cap = s->wire_cap ? 2 * s->wire_cap : 32;
		s->wires = xrealloc(s->wires, s->wire_cap * sizeof *s->wires);
	}
	struct wire *w = &s->wires[s->wire_count++];
	*w = (struct wire){.from = from, .to = to, .back = NO_CELL, .arrow = true};
	return w;
}

static size_t add_symbol(struct sheet *s, struct graph_symbol symbol)
{
	struct graph_list *list = s->list;
	if ((list->symbol_count & (list->symbol_count + 1)) == 0)
		list->symbols = xrealloc(list->symbols,
			2 * (list->symbol_count + 1) * sizeof *list->symbols);
	list->symbols[list->symbol_count] = symbol;
	return sheet_add_cell(
		s, CELL_SYMBOL, list->symbol_count++, symbol.box.w, symbol.box.h);
}

/* A symbol that is as large as its text. */
static size_t add_pill(struct sheet *s, enum graph_symbol_kind kind, size_t edge,
	const char *label, const char *more)
{
	struct graph_symbol p = {.kind = kind, .edge = edge};
	double most = kind == GRAPH_ENTRY ? ENTRY_MAX : LABEL_MAX;
	p.label = measure_fit(label, MEASURE_BOLD, LABEL_SIZE, most);
	p.box.w = measure_width(p.label, MEASURE_BOLD, LABEL_SIZE);
	p.box.h = 22;
	if (more) {
		p.more = measure_fit(more, MEASURE_REGULAR, LABEL_SIZE, most);
		double w = measure_width(p.more, MEASURE_REGULAR, LABEL_SIZE);
		p.box.w = w > p.box.w ? w : p.box.w;
		p.box.h = 38;
	}
	p.box.w += 20;
	return add_symbol(s, p);
}

static size_t add_ring(struct sheet *s)
{
	return add_symbol(
		s, (struct graph_symbol){.kind = GRAPH_LEAVE, .box = {.w = 14, .h = 14}});
}

/* ---- The list ---- */

/* The cells of a list before there are wires. */
struct plan {
	bool shows_exit;
	size_t entry, end; /* or NO_CELL */
	size_t *tasks;
	size_t *labels; /* of each edge, or NO_CELL */
};

static bool edge_leaves(const struct sheet *s, const struct graph_edge *e)
{
	return e->to == GRAPH_EXIT || (s->is_top && e->to == GRAPH_END);
}

/* Whether the edge ends inside a box without a sign of its own. */
static bool edge_fades(
	const struct sheet *s, const struct plan *p, const struct graph_edge *e)
{
	return e->to == GRAPH_EXIT && !s->is_top && !p->shows_exit;
}

static void plan_edge(struct sheet *s, struct plan *p, size_t index)
{
	const struct graph_edge *e = &s->list->edges[index];
	p->labels[index] = NO_CELL;
	if (e->label)
		p->labels[index] =
			add_pill(s, GRAPH_LABEL, index, e->label, e->condition);
}

/* In the order that set_layers needs: every cell after all that lead on to it. */
static void plan_cells(struct sheet *s, struct plan *p)
{
	struct graph_list *list = s->list;
	size_t edge = 0;
	bool leaves = s->is_top && list->count == 0;
	p->entry = p->end = NO_CELL;
	if (s->is_top)
		p->entry = add_pill(s, GRAPH_ENTRY, SIZE_MAX, "start", s->trigger);
	for (size_t i = 0; i < list->count; i++) {
		const struct graph_box *box = &list->nodes[i].box;
		p->tasks[i] = sheet_add_cell(s, CELL_TASK, i, box->w, box->h);
		for (; edge < list->edge_count && list->edges[edge].from == i; edge++) {
			plan_edge(s, p, edge);
			leaves = leaves || (edge_leaves(s, &list->edges[edge]) &&
						   !edge_fades(s, p, &list->edges[edge]));
		}
	}
	if (leaves)
		p->end = s->is_top ? add_pill(s, GRAPH_STOP, SIZE_MAX, "end", NULL)
				   : add_ring(s);
}

static void add_edge(struct sheet *s, const struct plan *p, size_t index)
{
	const struct graph_edge *e = &s->list->edges[index];
	size_t from = p->tasks[e->from];
	if (edge_fades(s, p, e))
		return;
	if (p->labels[index] != NO_CELL) {
		add_wire(s, from, p->labels[index])->arrow = false;
		from = p->labels[index];
	}
	if (edge_leaves(s, e))
		add_wire(s, from, p->end);
	else if (e->to == GRAPH_END)
		add_wire(s, from, NO_CELL);
	else
		add_wire(s, from, p->tasks[e->to])->back = e->to <= e->from ? 0 : NO_CELL;
}

/* A task that nothing leads to stands below the one before it. */
static void add_hidden(struct sheet *s, const struct plan *p)
{
	bool *reached = xcalloc(s->count + 1, sizeof *reached);
	for (size_t i = 0; i < s->wire_count; i++)
		if (s->wires[i].back == NO_CELL && s->wires[i].to != NO_CELL)
			reached[s->wires[i].to] = true;
	for (size_t i = 1; i < s->list->count; i++) {
		if (reached[p->tasks[i]])
			continue;
		add_wire(s, p->tasks[i - 1], p->tasks[i])->hidden = true;
		s->cells[p->tasks[i]].hidden = true;
	}
	free(reached);
}

static void read_list(struct sheet *s)
{
	struct graph_list *list = s->list;
	struct plan p = {.shows_exit = graph_shows_exit(list)};
	p.tasks = xcalloc(list->count + 1, sizeof *p.tasks);
	p.labels = xcalloc(list->edge_count + 1, sizeof *p.labels);
	plan_cells(s, &p);
	if (p.entry != NO_CELL)
		add_wire(s, p.entry, list->count > 0 ? p.tasks[0] : p.end);
	for (size_t i = 0; i < list->edge_count; i++)
		add_edge(s, &p, i);
	add_hidden(s, &p);
	free(p.tasks);
	free(p.labels);
}

/* ---- Layers ---- */

/* The wires that leave each cell: those of cell c are order[first[c]] .. */
static void sort_wires(const struct sheet *s, size_t *first, size_t *order)
{
	memset(first, 0, (s->count + 2) * sizeof *first);
	for (size_t i = 0; i < s->wire_count; i++)
		first[s->wires[i].from + 2]++;
	for (size_t c = 2; c < s->count + 2; c++)
		first[c] += first[c - 1];
	for (size_t i = 0; i < s->wire_count; i++)
		order[first[s->wires[i].from + 1]++] = i;
}

static void set_layers(struct sheet *s)
{
	size_t *first = xcalloc(s->count + 2, sizeof *first);
	size_t *order = xcalloc(s->wire_count + 1, sizeof *order);
	double *used = xcalloc(2 * s->count + 1, sizeof *used);
	sort_wires(s, first, order);
	for (size_t c = 0; c < s->count; c++) {
		struct cell *cell = &s->cells[c];
		while (used[cell->layer] > 0 &&
			used[cell->layer] + cell->w > GRAPH_WIDTH_MAX)
			cell->layer++;
		used[cell->layer] += cell->w + sheet_gap(cell, cell);
		if (cell->layer + 1 > s->layers)
			s->layers = cell->layer + 1;
		for (size_t i = first[c]; i < first[c + 1]; i++) {
			const struct wire *w = &s->wires[order[i]];
			if (w->back == NO_CELL && w->to != NO_CELL &&
				s->cells[w->to].layer <= cell->layer)
				s->cells[w->to].layer = cell->layer + 1;
		}
	}
	free(first);
	free(order);
	free(used);
}

/* ---- Long ways ---- */

bool sheet_is_label(const struct sheet *s, size_t cell)
{
	const struct cell *c = &s->cells[cell];
	return c->kind == CELL_SYMBOL && s->list->symbols[c->ref].kind == GRAPH_LABEL;
}

/* The sign that a wire is cut short with: where it would lead. */
static size_t add_sign(struct sheet *s, const struct wire *w)
{
	const struct cell *to = w->to == NO_CELL ? NULL : &s->cells[w->to];
	bool down = to && s->cells[w->from].layer < to->layer;
	if (!to)
		return add_pill(s, GRAPH_STOP, SIZE_MAX, "end", NULL);
	if (to->kind == CELL_SYMBOL)
		return add_pill(s, GRAPH_STOP, SIZE_MAX,
			s->list->symbols[to->ref].kind == GRAPH_LEAVE ? "exit" : "end",
			NULL);
	char *text = xasprintf("%s %s", down ? "↓" : "↑", s->list->nodes[to->ref].name);
	size_t sign = add_pill(s, GRAPH_JUMP, SIZE_MAX, text, NULL);
	free(text);
	return sign;
}

/* Hangs the sign below the wire's cell, as a part of it. The cell that was made for the
 * sign is the last one. */
static void hang(struct sheet *s, size_t from, size_t sign)
{
	struct cell *cell = &s->cells[from], *pill = &s->cells[sign];
	cell->sign = pill->ref;
	cell->hang = SIGN_GAP + pill->h;
	cell->h += cell->hang;
	cell->w = pill->w > cell->w ? pill->w : cell->w;
	s->count--;
}

/* Cuts the wire short. alone: it is the only one below its cell. Returns whether there
 * still is a wire. */
static bool cut(struct sheet *s, struct wire *w, bool alone)
{
	size_t sign = add_sign(s, w);
	if (alone) {
		hang(s, w->from, sign);
		return false;
	}
	w->to = sign;
	w->back = NO_CELL;
	s->cells[sign].layer = s->cells[w->from].layer + 1;
	if (s->cells[sign].layer + 1 > s->layers)
		s->layers = s->cells[sign].layer + 1;
	return true;
}

/* A hidden wire to a task that something leads to after all, or that is far away. */
static bool is_needless(const struct sheet *s, const struct wire *w)
{
	return w->hidden && (!s->cells[w->to].hidden ||
				    s->cells[w->from].layer + 1 < s->cells[w->to].layer);
}

/* What leads back in the document may lead on in the picture. */
static void turn_wires(struct sheet *s)
{
	for (size_t i = 0; i < s->wire_count; i++) {
		struct wire *w = &s->wires[i];
		if (w->back == NO_CELL ||
			s->cells[w->from].layer >= s->cells[w->to].layer)
			continue;
		w->back = NO_CELL;
		s->cells[w->to].hidden = false;
	}
}

static bool is_far(const struct sheet *s, const struct wire *w)
{
	if (w->to == NO_CELL)
		return true;
	size_t from = s->cells[w->from].layer, to = s->cells[w->to].layer;
	size_t span = from < to ? to - from : from - to;
	return span > GRAPH_SPAN_MAX && !sheet_is_label(s, w->to);
}

static void cut_wires(struct sheet *s)
{
	size_t count = 0, *below = xcalloc(s->count + 1, sizeof *below);
	turn_wires(s);
	for (size_t i = 0; i < s->wire_count; i++)
		below[s->wires[i].from] += !s->wires[i].hidden;
	for (size_t i = 0; i < s->wire_count; i++) {
		struct wire *w = &s->wires[i];
		if (is_needless(s, w))
			continue;
		if (!is_far(s, w) || cut(s, w, below[w->from] == 1))
			s->wires[count++] = *w;
	}
	s->wire_count = count;
	free(below);
}

/* ---- All ---- */

double sheet_gap(const struct cell *left, const struct cell *right)
{
	bool lanes = left->kind == CELL_LANE && right->kind == CELL_LANE;
	bool lane = left->kind == CELL_LANE || right->kind == CELL_LANE;
	bool symbols = left->kind == CELL_SYMBOL && right->kind == CELL_SYMBOL;
	return lanes ? 12 : lane ? 18 : symbols ? 14 : 28;
}

void sheet_init(
	struct sheet *s, struct graph_list *list, bool is_top, const char *trigger)
{
	*s = (struct sheet){.list = list, .is_top = is_top, .trigger = trigger};
	read_list(s);
	set_layers(s);
	cut_wires(s);
}

void sheet_finish(struct sheet *s)
{
	free(s->cells);
	free(s->wires);
	free(s->backs);
	free(s->order);
	free(s->first);
	free(s->ups.first);
	free(s->ups.items);
	free(s->downs.first);
	free(s->downs.items);
}
