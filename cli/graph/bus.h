/*
 * The buses of a sheet: lines across the gaps between its layers (gap g is above layer
 * g). wire.c says what each of them joins; buses_settle gives each a height of its
 * own where it would touch another, in an order with few crossings. Where no order keeps
 * two lines apart, it moves one of them a little at the box where it ends.
 */
#ifndef STEPWELL_GRAPH_BUS_H
#define STEPWELL_GRAPH_BUS_H

#include "graph/sheet.h"

#define NO_BUS SIZE_MAX

struct joint {
	double x;
	bool above;    /* what is joined comes from above */
	double *shift; /* so much it was moved from where it was; NULL: it cannot move */
};

struct bus {
	size_t gap;
	struct joint *joints;
	size_t count, cap;
	double min, max; /* from joint to joint */
	double aim;      /* mean x of what it leads to */
	size_t aims;     /* so many were added */
	size_t track;    /* from 0 at the top */
	double y;
};

struct buses {
	struct bus *items;
	size_t count, cap;
	size_t *first, *order; /* by gap, once buses_settle was called */
	size_t gaps;
	double width; /* nothing is moved out of 0 .. width */
};

size_t buses_add(struct buses *b, size_t gap);
void bus_add_joint(struct bus *b, struct joint joint);
void bus_add_aim(struct bus *b, double x);

/* Puts the buses of a gap below y; returns the height of the gap. outer: it is 0 where
 * there is none. */
double buses_settle(struct buses *b, size_t gap, double y, bool outer);
void buses_finish(struct buses *b);

#endif
