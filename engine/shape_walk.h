/*
 * Walks a shape (schema.h) and a value together and reports where they do not fit. The
 * scalars are judged in shape_scalar.c.
 */
#ifndef STEPWELL_SHAPE_WALK_H
#define STEPWELL_SHAPE_WALK_H

#include "inspection.h"

void shape_walk(struct inspection *in, const struct shape *shape, struct json v,
	const struct place *place);

/* The parts of it for strings and for integers. */
void shape_string(struct inspection *in, const struct shape *shape, struct json v,
	const struct place *place);
void shape_integer(struct inspection *in, const struct shape *shape, struct json v,
	const struct place *place);

/* "must be a string, not a number" */
void shape_report_type(struct inspection *in, const struct shape *shape, struct json v,
	const struct place *place);

#endif
