/* From ECMA 262's regular expressions (Unicode mode) to those of PCRE2. */
#ifndef STEPWELL_JSON_SCHEMA_DIALECT_H
#define STEPWELL_JSON_SCHEMA_DIALECT_H

#include "buf.h"
#include "error.h"

/* Appends the expression in PCRE2's words; ERROR_INPUT for what ECMA 262 does not know.
 */
MUST_CHECK bool json_schema_dialect(
	const char *s, size_t n, struct buf *out, struct error *err);

#endif
