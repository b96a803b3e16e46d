/*
 * Where cells stand in their layers: straight lines as far as they go (U. Brandes and B.
 * Koepf, Fast and Simple Horizontal Coordinate Assignment, 2001). Cells are joined to
 * blocks that share one x, four times: from above and from below, to the left and to the
 * right; what is in the middle of the four counts. Blocks are put side by side along the
 * longest paths of who stands at the left of whom, then moved together.
 *
 * A task follows other tasks rather than lanes, so that what is usually done is one
 * straight line.
 */
#include "graph/sheet.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

struct placer {
	const struct sheet *s;
	bool up, left;         /* of the four */
	size_t *root, *align;  /* of each cell: its block, the next cell of it */
	size_t *first, *right; /* of each block: those right of it */
	double *gaps;          /* to each of these, between the middles */
	size_t *queue, *degree;
	double *x;     /* of each block */
	bool *crossed; /* of each of s->ups: crosses a lane, gives way to it */
	bool *aside;   /* of each cell: a sign, or a label that leads to nothing else */
};

/* ---- Blocks ---- */

/* The slot of the lane above a lane; SIZE_MAX: there is none. */
static size_t lane_above(const struct sheet *s, size_t c)
{
	for (size_t i = s->ups.first[c]; i < s->ups.first[c + 1]; i++)
		if (s->cells[c].kind == CELL_LANE &&
			s->cells[s->ups.items[i]].kind == CELL_LANE)
			return s->cells[s->ups.items[i]].slot;
	return SIZE_MAX;
}

/* Marks the links that cross one between lanes (the paper's type 1 conflicts). */
static void mark_layer(struct placer *p, size_t layer)
{
	const struct sheet *s = p->s;
	size_t low = 0, scan = s->first[layer], end = s->first[layer + 1];
	size_t above = s->first[layer] - s->first[layer - 1];
	for (size_t i = s->first[layer]; i < end; i++) {
		size_t lane = lane_above(s, s->order[i]);
		size_t high = lane == SIZE_MAX ? above : lane;
		if (lane == SIZE_MAX && i + 1 < end)
			continue;
		for (; scan <= i; scan++) {
			size_t d = s->order[scan];
			for (size_t k = s->ups.first[d]; k < s->ups.first[d + 1]; k++) {
				const struct cell *u = &s->cells[s->ups.items[k]];
				bool lanes = u->kind == CELL_LANE &&
					     s->cells[d].kind == CELL_LANE;
				p->crossed[k] =
					!lanes && (u->slot < low || u->slot > high);
			}
		}
		low = lane == SIZE_MAX ? low : lane;
	}
}

/* How much a neighbour counts for a cell: a lane follows a lane, another cell what is no
 * lane and leads on. */
static int weight(const struct placer *p, size_t c, size_t neighbour)
{
	bool lane = p->s->cells[c].kind == CELL_LANE;
	bool alike = (p->s->cells[neighbour].kind == CELL_LANE) == lane;
	return alike ? (p->aside[neighbour] ? 1 : 2) : 0;
}

/* Those of the neighbours that count most, in the order of their slots. */
static size_t find_followed(const struct placer *p, size_t c, size_t *ret)
{
	const struct cell *cells = p->s->cells;
	const struct neighbours *n = p->up ? &p->s->ups : &p->s->downs;
	size_t count = 0;
	int most = 0;
	for (size_t i = n->first[c]; i < n->first[c + 1]; i++)
		if (weight(p, c, n->items[i]) > most)
			most = weight(p, c, n->items[i]);
	for (size_t i = n->first[c]; i < n->first[c + 1]; i++) {
		size_t d = n->items[i], k = count;
		if (weight(p, c, d) < most)
			continue;
		for (; k > 0 && cells[ret[k - 1]].slot > cells[d].slot; k--)
			ret[k] = ret[k - 1];
		ret[k] = d;
		count++;
	}
	return count;
}

static bool is_crossed(const struct placer *p, size_t c, size_t d)
{
	const struct neighbours *ups = &p->s->ups;
	size_t lower = p->up ? c : d, upper = p->up ? d : c;
	for (size_t i = ups->first[lower]; i < ups->first[lower + 1]; i++)
		if (ups->items[i] == upper)
			return p->crossed[i];
	return false;
}

/* Whether d has a neighbour on the side of c that counts more for it. */
static bool is_reserved(const struct placer *p, size_t c, size_t d)
{
	const struct neighbours *n = p->up ? &p->s->downs : &p->s->ups;
	int own = weight(p, d, c);
	for (size_t i = n->first[d]; own < 2 && i < n->first[d + 1]; i++)
		if (weight(p, d, n->items[i]) > own)
			return true;
	return false;
}

/* Joins the cells of a layer to blocks of the one that was done before. */
static void align_layer(struct placer *p, size_t layer, size_t *followed)
{
	const struct sheet *s = p->s;
	size_t n = s->first[layer + 1] - s->first[layer];
	double reached = p->left ? -1 : INFINITY;
	for (size_t i = 0; i < n; i++) {
		size_t at = s->first[layer] + (p->left ? i : n - 1 - i);
		size_t c = s->order[at], count = find_followed(p, c, followed);
		if (count == 0)
			continue;
		size_t middle[2] = {(count - 1) / 2, count / 2};
		for (int m = 0; m < 2 && p->align[c] == c; m++) {
			size_t d = followed[middle[p->left ? m : 1 - m]];
			double slot = (double)s->cells[d].slot;
			if (is_crossed(p, c, d) || is_reserved(p, c, d) ||
				(p->left ? slot <= reached : slot >= reached))
				continue;
			p->align[d] = c;
			p->root[c] = p->root[d];
			p->align[c] = p->root[c];
			reached = slot;
		}
	}
}

static void align(struct placer *p)
{
	const struct sheet *s = p->s;
	size_t *followed = xcalloc(s->count + 1, sizeof *followed);
	for (size_t c = 0; c < s->count; c++)
		p->root[c] = p->align[c] = c;
	for (size_t i = 1; i < s->layers; i++)
		align_layer(p, p->up ? i : s->layers - 1 - i, followed);
	free(followed);
}

/* ---- Side by side ---- */

static double distance(const struct cell *left, const struct cell *right)
{
	return left->w / 2 + sheet_gap(left, right) + right->w / 2;
}

/* For each pair of neighbours in a layer, their blocks: the second is right of the first
 * (left of it, where the right side comes first). */
static void list_pairs(struct placer *p)
{
	const struct sheet *s = p->s;
	memset(p->first, 0, (s->count + 2) * sizeof *p->first);
	memset(p->degree, 0, s->count * sizeof *p->degree);
	for (int pass = 0; pass < 2; pass++) {
		for (size_t l = 0; l < s->layers; l++) {
			for (size_t i = s->first[l]; i + 1 < s->first[l + 1]; i++) {
				size_t a = s->order[i], b = s->order[i + 1];
				size_t from = p->root[p->left ? a : b];
				size_t to = p->root[p->left ? b : a];
				if (pass == 0) {
					p->first[from + 2]++;
					p->degree[to]++;
					continue;
				}
				size_t k = p->first[from + 1]++;
				p->right[k] = to;
				p->gaps[k] = distance(&s->cells[a], &s->cells[b]);
			}
		}
		for (size_t c = 2; pass == 0 && c < s->count + 2; c++)
			p->first[c] += p->first[c - 1];
	}
}

static void compact(struct placer *p)
{
	const struct sheet *s = p->s;
	size_t head = 0, tail = 0;
	list_pairs(p);
	for (size_t c = 0; c < s->count; c++) {
		p->x[c] = 0;
		if (p->root[c] == c && p->degree[c] == 0)
			p->queue[tail++] = c;
	}
	while (head < tail) {
		size_t c = p->queue[head++];
		for (size_t k = p->first[c]; k < p->first[c + 1]; k++) {
			size_t to = p->right[k];
			p->x[to] = fmax(p->x[to], p->x[c] + p->gaps[k]);
			if (--p->degree[to] == 0)
				p->queue[tail++] = to;
		}
	}
	/* Back again: as near to what is at the right as it goes. */
	while (tail-- > 0) {
		size_t c = p->queue[tail];
		double most = INFINITY;
		for (size_t k = p->first[c]; k < p->first[c + 1]; k++)
			most = fmin(most, p->x[p->right[k]] - p->gaps[k]);
		if (most < INFINITY)
			p->x[c] = fmax(p->x[c], most);
	}
}

/* ---- The four together ---- */

/* Upwards, as what a label leads to is below it. */
static void find_aside(struct placer *p)
{
	const struct sheet *s = p->s;
	for (size_t i = s->first[s->layers]; i-- > 0;) {
		size_t c = s->order[i];
		p->aside[c] = s->cells[c].kind == CELL_SYMBOL;
		for (size_t k = s->downs.first[c]; k < s->downs.first[c + 1]; k++)
			p->aside[c] = p->aside[c] && p->aside[s->downs.items[k]];
	}
}

static void add_layout(struct placer *p, double *xs, int index, double ends[2])
{
	const struct sheet *s = p->s;
	ends[0] = INFINITY;
	ends[1] = -INFINITY;
	for (size_t c = 0; c < s->count; c++) {
		double x = p->x[p->root[c]];
		xs[4 * c + (size_t)index] = x = p->left ? x : -x;
		ends[0] = fmin(ends[0], x - s->cells[c].w / 2);
		ends[1] = fmax(ends[1], x + s->cells[c].w / 2);
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return x < y ? -1 : x > y;
}

/* Puts all on the narrowest one: those to the left at its left end, the others at its
 * right end. */
static void merge(struct sheet *s, double *xs, double ends[4][2])
{
	int narrow = 0;
	double left = INFINITY;
	for (int i = 1; i < 4; i++)
		if (ends[i][1] - ends[i][0] < ends[narrow][1] - ends[narrow][0])
			narrow = i;
	for (size_t c = 0; c < s->count; c++) {
		double *four = xs + 4 * c;
		for (int i = 0; i < 4; i++)
			four[i] += i % 2 == 0 ? ends[narrow][0] - ends[i][0]
					      : ends[narrow][1] - ends[i][1];
		qsort(four, 4, sizeof *four, compare);
		s->cells[c].x = (four[1] + four[2]) / 2;
		left = fmin(left, s->cells[c].x - s->cells[c].w / 2);
	}
	s->width = 0;
	for (size_t c = 0; c < s->count; c++) {
		s->cells[c].x = round(s->cells[c].x - left);
		s->width = fmax(s->width, s->cells[c].x + s->cells[c].w / 2);
	}
}

static double row_width(const struct sheet *s, size_t layer)
{
	double w = 0;
	for (size_t i = s->first[layer]; i < s->first[layer + 1]; i++) {
		const struct cell *cell = &s->cells[s->order[i]];
		w += cell->w;
		if (i > s->first[layer])
			w += sheet_gap(&s->cells[s->order[i - 1]], cell);
	}
	return w;
}

/* Straight lines may drift apart where nearly everything leads to somewhere else: then
 * each layer is packed for itself. */
static void pack_where_wide(struct sheet *s)
{
	double widest = 0;
	for (size_t l = 0; l < s->layers; l++)
		widest = fmax(widest, row_width(s, l));
	if (s->width <= fmax(2 * widest, GRAPH_WIDTH_MAX))
		return;
	for (size_t l = 0; l < s->layers; l++) {
		double x = (widest - row_width(s, l)) / 2;
		for (size_t i = s->first[l]; i < s->first[l + 1]; i++) {
			struct cell *cell = &s->cells[s->order[i]];
			if (i > s->first[l])
				x += sheet_gap(&s->cells[s->order[i - 1]], cell);
			cell->x = round(x + cell->w / 2);
			x += cell->w;
		}
	}
	s->width = widest;
}

void sheet_place(struct sheet *s)
{
	size_t n = s->count + 2, links = s->ups.first[s->count] + 1;
	struct placer p = {.s = s};
	double ends[4][2], *xs = xcalloc(4 * n, sizeof *xs);
	p.root = xcalloc(n, sizeof *p.root);
	p.align = xcalloc(n, sizeof *p.align);
	p.first = xcalloc(n, sizeof *p.first);
	p.right = xcalloc(n, sizeof *p.right);
	p.gaps = xcalloc(n, sizeof *p.gaps);
	p.queue = xcalloc(n, sizeof *p.queue);
	p.degree = xcalloc(n, sizeof *p.degree);
	p.x = xcalloc(n, sizeof *p.x);
	p.crossed = xcalloc(links, sizeof *p.crossed);
	p.aside = xcalloc(n, sizeof *p.aside);
	find_aside(&p);
	for (size_t l = 1; l < s->layers; l++)
		mark_layer(&p, l);
	for (int i = 0; i < 4; i++) {
		p.up = i < 2;
		p.left = i % 2 == 0;
		align(&p);
		compact(&p);
		add_layout(&p, xs, i, ends[i]);
	}
	if (s->count > 0) {
		merge(s, xs, ends);
		pack_where_wide(s);
	}
	free(xs);
	free(p.root);
	free(p.align);
	free(p.first);
	free(p.right);
	free(p.gaps);
	free(p.queue);
	free(p.degree);
	free(p.x);
	free(p.crossed);
	free(p.aside);
}
