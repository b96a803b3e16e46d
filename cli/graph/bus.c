/* The heights of buses. */
#include "graph/bus.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GAP 30.0     /* between layers, without a turn */
#define LEAD 13.0    /* from a layer to the first bus below it */
#define TRACK 12.0   /* from bus to bus */
#define LANDING 19.0 /* from the last bus to the layer below: an arrow's head */
#define NEAR 7.0     /* lines that are nearer than this look like one */
#define STEP 9.0     /* by which a line is moved away from another */
#define TOUCHES 1000

enum { MANY = 200 }; /* more buses in one gap are not put in a good order */

size_t buses_add(struct buses *b, size_t gap)
{
	if (b->count == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 64;
		b->items = xrealloc(b->items, b->cap * sizeof *b->items);
	}
	b->items[b->count] = (struct bus){.gap = gap, .min = INFINITY, .max = -INFINITY};
	return b->count++;
}

void bus_add_joint(struct bus *b, struct joint joint)
{
	if (b->count == b->cap) {
		b->cap = b->cap ? 2 * b->cap : 4;
		b->joints = xrealloc(b->joints, b->cap * sizeof *b->joints);
	}
	b->joints[b->count++] = joint;
	b->min = fmin(b->min, joint.x);
	b->max = fmax(b->max, joint.x);
}

void bus_add_aim(struct bus *b, double x)
{
	b->aim = (b->aim * (double)b->aims + x) / (double)(b->aims + 1);
	b->aims++;
}

void buses_finish(struct buses *b)
{
	for (size_t i = 0; i < b->count; i++)
		free(b->items[i].joints);
	free(b->items);
	free(b->first);
	free(b->order);
	*b = (struct buses){0};
}

/* ---- Order ---- */

static bool is_straight(const struct bus *b)
{
	return b->max - b->min < 0.5;
}

/* What it costs that `high` is above `low`: lines of one that go through the other, and,
 * far worse, lines that would lie on one another. */
static unsigned cost(const struct bus *high, const struct bus *low)
{
	unsigned sum = 0;
	for (size_t i = 0; i < low->count; i++) {
		const struct joint *l = &low->joints[i];
		if (!l->above)
			continue;
		sum += l->x > high->min && l->x < high->max;
		for (size_t k = 0; k < high->count; k++)
			if (!high->joints[k].above &&
				fabs(high->joints[k].x - l->x) < NEAR)
				sum += TOUCHES;
	}
	for (size_t k = 0; k < high->count; k++) {
		const struct joint *h = &high->joints[k];
		sum += !h->above && h->x > low->min && h->x < low->max;
	}
	return sum;
}

/* Whether they can have the same height. */
static bool is_apart(const struct bus *a, const struct bus *b)
{
	return a->max + NEAR < b->min || b->max + NEAR < a->min;
}

/* Puts the bus where it costs least among those that are there. */
static void insert(struct bus **order, size_t count, struct bus *b)
{
	unsigned above = 0, least;
	size_t best = 0;
	for (size_t i = 0; i < count; i++)
		above += cost(b, order[i]);
	least = above;
	for (size_t i = 0; i < count; i++) {
		above += cost(order[i], b) - cost(b, order[i]);
		if (above < least) {
			least = above;
			best = i + 1;
		}
	}
	memmove(order + best + 1, order + best, (count - best) * sizeof *order);
	order[best] = b;
}

static int compare(const void *a, const void *b)
{
	const struct bus *x = *(struct bus *const *)a, *y = *(struct bus *const *)b;
	return x->min != y->min  ? (x->min < y->min ? -1 : 1)
	       : x->max < y->max ? -1
				 : x->max > y->max;
}

static size_t set_tracks(struct bus **order, size_t count)
{
	size_t tracks = 0;
	for (size_t i = 0; i < count; i++) {
		order[i]->track = 0;
		for (size_t k = 0; k < i; k++)
			if (!is_apart(order[k], order[i]) &&
				order[k]->track >= order[i]->track)
				order[i]->track = order[k]->track + 1;
		if (order[i]->track + 1 > tracks)
			tracks = order[i]->track + 1;
	}
	return tracks;
}

/* ---- Moving ---- */

/* The buses of a gap that turn, from above to below. */
struct gap {
	struct bus **order;
	size_t count;
	double width;
};

/* Whether a line at x would be alone in the gap. */
static bool is_free(const struct gap *g, const struct joint *but, double x)
{
	for (size_t i = 0; i < g->count; i++)
		for (size_t k = 0; k < g->order[i]->count; k++)
			if (&g->order[i]->joints[k] != but &&
				fabs(g->order[i]->joints[k].x - x) < NEAR)
				return false;
	return x > 0 && x < g->width;
}

static bool move_joint(const struct gap *g, struct bus *b, size_t at)
{
	static const double steps[] = {STEP, -STEP};
	struct joint *j = &b->joints[at];
	for (size_t i = 0; j->shift && i < sizeof steps / sizeof *steps; i++) {
		if (!is_free(g, j, j->x + steps[i]))
			continue;
		j->x += steps[i];
		*j->shift += steps[i];
		j->shift = NULL;
		b->min = fmin(b->min, j->x);
		b->max = fmax(b->max, j->x);
		return true;
	}
	return false;
}

/* Where a line of the bus above would lie on one of the bus below. */
static void keep_apart(const struct gap *g, struct bus *high, struct bus *low)
{
	for (size_t i = 0; i < high->count; i++) {
		for (size_t k = 0; k < low->count && !high->joints[i].above; k++) {
			if (!low->joints[k].above ||
				fabs(low->joints[k].x - high->joints[i].x) >= NEAR)
				continue;
			if (!move_joint(g, low, k))
				move_joint(g, high, i);
		}
	}
}

/* ---- Gaps ---- */

static void sort_by_gap(struct buses *b)
{
	for (size_t i = 0; i < b->count; i++)
		b->gaps = b->items[i].gap + 1 > b->gaps ? b->items[i].gap + 1 : b->gaps;
	b->first = xcalloc(b->gaps + 2, sizeof *b->first);
	b->order = xcalloc(b->count + 1, sizeof *b->order);
	for (size_t i = 0; i < b->count; i++)
		b->first[b->items[i].gap + 2]++;
	for (size_t g = 2; g < b->gaps + 2; g++)
		b->first[g] += b->first[g - 1];
	for (size_t i = 0; i < b->count; i++)
		b->order[b->first[b->items[i].gap + 1]++] = i;
}

double buses_settle(struct buses *b, size_t gap, double y, bool outer)
{
	if (!b->first)
		sort_by_gap(b);
	size_t n = gap < b->gaps ? b->first[gap + 1] - b->first[gap] : 0, count = 0;
	struct bus **turning = xcalloc(n + 1, sizeof *turning);
	struct bus **order = xcalloc(n + 1, sizeof *order);
	for (size_t i = 0; i < n; i++) {
		struct bus *bus = &b->items[b->order[b->first[gap] + i]];
		bus->y = y + LEAD;
		if (!is_straight(bus))
			turning[count++] = bus;
	}
	qsort(turning, count, sizeof *turning, compare);
	for (size_t i = 0; i < count; i++) {
		if (count > MANY)
			order[i] = turning[i];
		else
			insert(order, i, turning[i]);
	}
	struct gap turns = {order, count, b->width};
	for (size_t i = 0; i < count && count <= MANY; i++)
		for (size_t k = 0; k < i; k++)
			keep_apart(&turns, order[k], order[i]);
	size_t tracks = set_tracks(order, count);
	for (size_t i = 0; i < count; i++)
		order[i]->y = y + LEAD + TRACK * (double)order[i]->track;
	free(turning);
	free(order);
	if (tracks == 0)
		return outer && n == 0 ? 0 : GAP;
	return LEAD + TRACK * (double)(tracks - 1) + LANDING;
}
