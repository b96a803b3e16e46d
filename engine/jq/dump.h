/*
 * Writes a value of libjq as JSON, within limits: jv_dump_string has none, and a value
 * that holds itself many times over has no end of text. Numbers are written as jq writes
 * them.
 */
#ifndef STEPWELL_JQ_DUMP_H
#define STEPWELL_JQ_DUMP_H

#include <jv.h>

#include "json/json.h"

/* Appends at most `bytes`; false and ERROR_INPUT for more of them or for more depth than
 * JSON_DEPTH_DEFAULT. Borrows v. */
MUST_CHECK bool jqvm_dump(jv v, size_t bytes, struct buf *out, struct error *err);

#endif
