/* From ECMA 262's regular expressions (Unicode mode) to those of PCRE2. */
#ifndef STEPWELL_JSON_SCHEMA_DIALECT_H
#define STEPWELL_JSON_SCHEMA_DIALECT_H

#include "base/buf.h"
#include "base/error.h"

/* Appends the expression in PCRE2's words; ERROR_INPUT for what ECMA 262 does not know.
 * *ret_count is the largest number in a quantifier, 0 if there is none. */
MUST_CHECK bool json_schema_dialect(
	const char *s, size_t n, struct buf *out, size_t *ret_count, struct error *err);

#endif
