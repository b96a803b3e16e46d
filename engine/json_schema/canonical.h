/*
 * Equality as JSON Schema defines it: numbers by value, objects without order. Equal
 * values have the same canonical text, others do not.
 */
#ifndef STEPWELL_JSON_SCHEMA_CANONICAL_H
#define STEPWELL_JSON_SCHEMA_CANONICAL_H

#include "json/json.h"

/* Unlike json_canonical, numbers are rewritten; the text is for comparing only. */
void json_schema_canonical(struct json v, struct buf *out);
/* Whether two of the values are equal; says which, *ret_i < *ret_j. */
bool json_schema_canonical_pair(
	const struct json *values, size_t n, size_t *ret_i, size_t *ret_j);

#endif
