/*
 * The order of cells in their layers, for few crossings: it begins as a walk from above
 * meets them, then each layer is sorted by the middle of its cells' neighbours, downwards
 * and upwards in turn (the barycentre method of Sugiyama, Tagawa and Toda). The best
 * order that came up stays.
 */
#include "graph/sheet.h"

#include <stdlib.h>
#include <string.h>

enum { ROUNDS = 6 };

struct sorter {
	struct sheet *s;
	double *middle; /* of each cell's neighbours */
	size_t *tree;   /* sums for counting */
	size_t *best;   /* copy of order */
};

static void number(struct sheet *s)
{
	for (size_t l = 0; l < s->layers; l++)
		for (size_t i = s->first[l]; i < s->first[l + 1]; i++)
			s->cells[s->order[i]].slot = i - s->first[l];
}

/* ---- The walk ---- */

struct walk {
	struct sheet *s;
	bool *met, *leads_back; /* of each cell */
	size_t *next;           /* of each layer: the place for the next cell */
	size_t *stack, depth;
};

/* What leads back goes up at the right: it comes last. */
static void push_downs(struct walk *w, size_t c)
{
	const struct neighbours *n = &w->s->downs;
	for (int back = 1; back >= 0; back--) {
		for (size_t i = n->first[c + 1]; i-- > n->first[c];) {
			size_t down = n->items[i];
			if (!w->met[down] && w->leads_back[down] == back)
				w->stack[w->depth++] = down;
		}
	}
}

static void walk_from(struct walk *w, size_t root)
{
	w->stack[w->depth++] = root;
	while (w->depth > 0) {
		size_t c = w->stack[--w->depth];
		if (w->met[c])
			continue;
		w->met[c] = true;
		w->s->order[w->next[w->s->cells[c].layer]++] = c;
		push_downs(w, c);
	}
}

static void begin(struct sheet *s)
{
	struct walk w = {.s = s};
	w.met = xcalloc(s->count + 1, sizeof *w.met);
	w.leads_back = xcalloc(s->count + 1, sizeof *w.leads_back);
	w.next = xcalloc(s->layers + 1, sizeof *w.next);
	w.stack = xcalloc(s->downs.first[s->count] + s->count + 1, sizeof *w.stack);
	memcpy(w.next, s->first, s->layers * sizeof *w.next);
	for (size_t i = 0; i < s->wire_count; i++)
		if (s->wires[i].back != NO_CELL)
			w.leads_back[s->wires[i].from] = true;
	for (size_t c = 0; c < s->count; c++)
		if (s->ups.first[c] == s->ups.first[c + 1])
			walk_from(&w, c);
	free(w.met);
	free(w.leads_back);
	free(w.next);
	free(w.stack);
	number(s);
}

/* ---- Crossings ---- */

static int compare_slots(const void *a, const void *b)
{
	size_t x = *(const size_t *)a, y = *(const size_t *)b;
	return x < y ? -1 : x > y;
}

/* Of the links between a layer and the next: pairs in opposite orders, by a binary
 * indexed tree over the lower slots. */
static size_t count_between(struct sorter *o, size_t layer)
{
	const struct sheet *s = o->s;
	size_t below = s->first[layer + 2] - s->first[layer + 1], sum = 0, passed = 0;
	size_t *slots = o->tree + below + 1;
	memset(o->tree, 0, (below + 1) * sizeof *o->tree);
	for (size_t i = s->first[layer]; i < s->first[layer + 1]; i++) {
		size_t c = s->order[i], n = 0;
		for (size_t k = s->downs.first[c]; k < s->downs.first[c + 1]; k++)
			slots[n++] = s->cells[s->downs.items[k]].slot;
		qsort(slots, n, sizeof *slots, compare_slots);
		for (size_t k = 0; k < n; k++) {
			size_t before = 0;
			for (size_t t = slots[k] + 1; t > 0; t &= t - 1)
				before += o->tree[t];
			sum += passed - before;
		}
		for (size_t k = 0; k < n; k++, passed++)
			for (size_t t = slots[k] + 1; t <= below; t += t & -t)
				o->tree[t]++;
	}
	return sum;
}

static size_t count_all(struct sorter *o)
{
	size_t sum = 0;
	for (size_t l = 0; l + 1 < o->s->layers; l++)
		sum += count_between(o, l);
	return sum;
}

/* ---- Sorting ---- */

static void find_middle(struct sorter *o, size_t c, const struct neighbours *n)
{
	const struct cell *cells = o->s->cells;
	size_t count = n->first[c + 1] - n->first[c];
	double sum = 0;
	for (size_t i = n->first[c]; i < n->first[c + 1]; i++)
		sum += (double)cells[n->items[i]].slot;
	o->middle[c] = count ? sum / (double)count : (double)cells[c].slot;
}

/* By insertion: layers are short, and nearly sorted. */
static void sort_layer(struct sorter *o, size_t layer, const struct neighbours *n)
{
	struct sheet *s = o->s;
	size_t *order = s->order + s->first[layer];
	size_t count = s->first[layer + 1] - s->first[layer];
	for (size_t i = 0; i < count; i++)
		find_middle(o, order[i], n);
	for (size_t i = 1; i < count; i++) {
		size_t c = order[i], k = i;
		for (; k > 0 && o->middle[order[k - 1]] > o->middle[c]; k--)
			order[k] = order[k - 1];
		order[k] = c;
	}
	for (size_t i = 0; i < count; i++)
		s->cells[order[i]].slot = i;
}

static void sweep(struct sorter *o, bool down)
{
	struct sheet *s = o->s;
	for (size_t i = 1; i < s->layers; i++)
		sort_layer(o, down ? i : s->layers - 1 - i, down ? &s->ups : &s->downs);
}

void sheet_order(struct sheet *s)
{
	struct sorter o = {.s = s};
	begin(s);
	o.middle = xcalloc(s->count + 1, sizeof *o.middle);
	o.tree = xcalloc(2 * s->count + 2, sizeof *o.tree);
	o.best = xcalloc(s->count + 1, sizeof *o.best);
	size_t least = count_all(&o);
	memcpy(o.best, s->order, s->count * sizeof *o.best);
	for (int round = 0; round < ROUNDS && least > 0; round++) {
		sweep(&o, round % 2 == 0);
		size_t crossings = count_all(&o);
		if (crossings < least) {
			least = crossings;
			memcpy(o.best, s->order, s->count * sizeof *o.best);
		}
	}
	memcpy(s->order, o.best, s->count * sizeof *o.best);
	number(s);
	free(o.middle);
	free(o.tree);
	free(o.best);
}
