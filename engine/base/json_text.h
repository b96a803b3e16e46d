/*
 * Texts written as JSON, by whoever knows nothing else of JSON.
 */
#ifndef STEPWELL_BASE_JSON_TEXT_H
#define STEPWELL_BASE_JSON_TEXT_H

#include "base/buf.h"

#include <stddef.h>

void json_put_string(struct buf *out, const char *s, size_t n); /* quotes, escapes */
void json_put_key(
	struct buf *out, const char *key); /* "key": with a comma if one is due */
void json_put_text(struct buf *out, const char *s); /* a C string; NULL: null */

#endif
