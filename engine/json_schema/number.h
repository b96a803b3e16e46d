/*
 * Numbers of JSON as exact decimals: the text of a number, measured. It borrows the text.
 */
#ifndef STEPWELL_JSON_SCHEMA_NUMBER_H
#define STEPWELL_JSON_SCHEMA_NUMBER_H

#include "json/json.h"

/* Means 0.DIGITS * 10^exponent. */
struct json_schema_number {
	const char *digits; /* from the first to the last one that is not 0; a decimal
			     * point may be among them */
	size_t count;       /* digits, without the point; 0: the number is zero */
	int64_t exponent;   /* saturates near +-10^17 */
	bool negative;      /* false for zero */
};

#define JSON_SCHEMA_NUMBER_DIVISOR 300u /* digits of a divisor */

struct json_schema_number json_schema_number(struct json v);
int json_schema_number_compare(
	const struct json_schema_number *a, const struct json_schema_number *b);
bool json_schema_number_is_integer(const struct json_schema_number *n);
/* Whether a / b is an integer; b is not zero and within JSON_SCHEMA_NUMBER_DIVISOR. */
bool json_schema_number_is_multiple(
	const struct json_schema_number *a, const struct json_schema_number *b);
/* A non-negative integer, however it is written; what is larger is SIZE_MAX. */
bool json_schema_number_size(const struct json_schema_number *n, size_t *ret);
/* The same text for equal numbers, different ones otherwise. */
void json_schema_number_canonical(const struct json_schema_number *n, struct buf *out);

#endif
