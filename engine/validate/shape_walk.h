/*
 * Walks a shape (dsl.h) and a value together and reports where they do not fit. The
 * scalars are judged in shape_scalar.c.
 */
#ifndef STEPWELL_VALIDATE_SHAPE_WALK_H
#define STEPWELL_VALIDATE_SHAPE_WALK_H

#include "validate/inspection.h"

void shape_walk(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place);

/* The parts of it for strings and for integers. */
void shape_string(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place);
void shape_integer(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place);

/* Of what has the form of a duration: that it can be one. */
void shape_check_duration(struct inspection *in, struct json v, const struct spot *place);

/* Of `with` of a statement, whose members are valid: that $1, $2 ... and the parameters
 * are the same, where these are written out. */
void shape_check_sql(struct inspection *in, struct json v, const struct spot *place);

/* ---- shape_report.c ---- */

enum { SHAPE_MEMBERS = 64 }; /* named in one shape: a bit for each */

/* The member of that name, and its bit (may be NULL); NULL if the shape has none. */
const struct member *shape_member(
	const struct shape *shape, struct json key, uint64_t *ret_bit);
/* "a duration such as ...", "an object with \"uri\"" */
void shape_put_what(const struct shape *shape, struct buf *out);
/* "must be a string, not a number" */
void shape_report_type(struct inspection *in, const struct shape *shape, struct json v,
	const struct spot *place);
/* A member that the shape does not name, by its rule for them. */
void shape_report_unknown(struct inspection *in, const struct shape *shape,
	struct json key, const struct spot *place);

#endif
