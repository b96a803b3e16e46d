/*
 * The ways of wires through the layers: lanes, backs, and which cells of neighbouring
 * layers are joined.
 */
#include "graph/sheet.h"

#include <stdlib.h>
#include <string.h>

/* ---- Lanes ---- */

static size_t add_lane(struct sheet *s, size_t layer, size_t next)
{
	size_t lane = sheet_add_cell(s, CELL_LANE, 0, 2, 0);
	s->cells[lane].layer = layer;
	s->cells[lane].next = next;
	return lane;
}

/* For each cell, the uppermost layer that a wire to it comes from; for one with labels
 * below it, the lowest layer of these. SIZE_MAX, 0: none. */
static void find_reach(const struct sheet *s, size_t *top, size_t *bottom)
{
	memset(top, 0xFF, s->count * sizeof *top);
	memset(bottom, 0, s->count * sizeof *bottom);
	for (size_t i = 0; i < s->wire_count; i++) {
		const struct wire *w = &s->wires[i];
		size_t from = s->cells[w->from].layer, to = s->cells[w->to].layer;
		if (w->back != NO_CELL)
			continue;
		if (sheet_is_label(s, w->to))
			bottom[w->from] = to > bottom[w->from] ? to : bottom[w->from];
		else
			top[w->to] = from < top[w->to] ? from : top[w->to];
	}
}

/* Wires to one cell share the lanes above it; wires to labels share those below the task
 * that they come from. lanes[c]: the lane next to the cell; the others follow it. */
static void lay_lanes(struct sheet *s)
{
	size_t count = s->count;
	size_t *above = xcalloc(count + 1, sizeof *above),
	       *top = xcalloc(count + 1, sizeof *top);
	size_t *below = xcalloc(count + 1, sizeof *below);
	size_t *bottom = xcalloc(count + 1, sizeof *bottom);
	find_reach(s, top, bottom);
	for (size_t c = 0; c < count; c++) {
		size_t layer = s->cells[c].layer, next = c;
		above[c] = s->count;
		for (size_t l = layer; top[c] != SIZE_MAX && l-- > top[c] + 1;)
			next = add_lane(s, l, next);
		below[c] = s->count;
		for (size_t l = layer + 1; l < bottom[c]; l++)
			add_lane(s, l, l + 1 < bottom[c] ? s->count + 1 : NO_CELL);
	}
	for (size_t i = 0; i < s->wire_count; i++) {
		struct wire *w = &s->wires[i];
		size_t from = s->cells[w->from].layer, to = s->cells[w->to].layer;
		w->first = w->back != NO_CELL         ? NO_CELL
			   : from + 1 == to           ? w->to
			   : sheet_is_label(s, w->to) ? below[w->from]
						      : above[w->to] + (to - from - 2);
	}
	free(above);
	free(below);
	free(top);
	free(bottom);
}

size_t wire_next(const struct sheet *s, const struct wire *w, size_t cell)
{
	return s->cells[cell].layer + 1 == s->cells[w->to].layer ? w->to
								 : s->cells[cell].next;
}

static void add_backs(struct sheet *s)
{
	size_t *of = xcalloc(s->count + 1, sizeof *of);
	memset(of, 0xFF, s->count * sizeof *of);
	for (size_t i = 0; i < s->wire_count; i++) {
		struct wire *w = &s->wires[i];
		size_t layer = s->cells[w->from].layer;
		if (w->back == NO_CELL)
			continue;
		if (of[w->to] == SIZE_MAX) {
			of[w->to] = s->back_count++;
			s->backs = xrealloc(s->backs, s->back_count * sizeof *s->backs);
			s->backs[of[w->to]] =
				(struct back){.to = w->to, .top = s->cells[w->to].layer};
		}
		w->back = of[w->to];
		if (s->backs[w->back].bottom < layer)
			s->backs[w->back].bottom = layer;
	}
	free(of);
}

/* ---- Neighbours ---- */

/* Every pair of cells in neighbouring layers that wires join, once. */
static size_t list_links(const struct sheet *s, size_t (*links)[2])
{
	size_t n = 0;
	bool *seen = xcalloc(s->count + 1, sizeof *seen);
	for (size_t i = 0; i < s->wire_count; i++) {
		const struct wire *w = &s->wires[i];
		size_t c = w->first, up = w->from;
		if (w->back != NO_CELL)
			continue;
		/* Lanes below a task are one way for all its labels. */
		for (bool shared = sheet_is_label(s, w->to); shared && c != w->to;) {
			if (!seen[c]) {
				links[n][0] = up;
				links[n++][1] = c;
			}
			seen[c] = true;
			up = c;
			c = wire_next(s, w, c);
		}
		links[n][0] = up;
		links[n++][1] = c;
		for (; c != w->to && !seen[c]; c = s->cells[c].next) {
			seen[c] = true;
			links[n][0] = c;
			links[n++][1] = s->cells[c].next;
		}
	}
	free(seen);
	return n;
}

static void fill(struct neighbours *n, size_t (*links)[2], size_t link_count,
	size_t count, int side)
{
	n->first = xcalloc(count + 2, sizeof *n->first);
	n->items = xcalloc(link_count + 1, sizeof *n->items);
	for (size_t i = 0; i < link_count; i++)
		n->first[links[i][side] + 2]++;
	for (size_t c = 2; c < count + 2; c++)
		n->first[c] += n->first[c - 1];
	for (size_t i = 0; i < link_count; i++)
		n->items[n->first[links[i][side] + 1]++] = links[i][1 - side];
}

static void list_neighbours(struct sheet *s)
{
	size_t(*links)[2] = xcalloc(s->wire_count + s->count + 1, sizeof *links);
	size_t n = list_links(s, links);
	fill(&s->downs, links, n, s->count, 0);
	fill(&s->ups, links, n, s->count, 1);
	free(links);
	s->first = xcalloc(s->layers + 2, sizeof *s->first);
	s->order = xcalloc(s->count + 1, sizeof *s->order);
	for (size_t c = 0; c < s->count; c++)
		s->first[s->cells[c].layer + 2]++;
	for (size_t l = 2; l < s->layers + 2; l++)
		s->first[l] += s->first[l - 1];
	for (size_t c = 0; c < s->count; c++)
		s->order[s->first[s->cells[c].layer + 1]++] = c;
}

/* ---- All ---- */

void sheet_join(struct sheet *s)
{
	lay_lanes(s);
	add_backs(s);
	list_neighbours(s);
}
