/*
 * Regular expressions of ECMA 262 in its Unicode mode, as JSON Schema wants them, done by
 * PCRE2: the expression is rewritten, because the two differ in many small things. What
 * ECMA 262 does not know is refused; look-behind needs a fixed length, as PCRE2's does.
 */
#ifndef STEPWELL_JSON_SCHEMA_PATTERN_H
#define STEPWELL_JSON_SCHEMA_PATTERN_H

#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct json_schema_pattern;

enum json_schema_match {
	JSON_SCHEMA_MATCH_NO,
	JSON_SCHEMA_MATCH_YES,
	JSON_SCHEMA_MATCH_STOPPED, /* the work was used up before there was an answer */
};

MUST_CHECK bool json_schema_pattern_compile(
	const char *s, size_t n, struct json_schema_pattern **ret, struct error *err);
/* An expression as PCRE2 has it, which matches the whole text or nothing. */
MUST_CHECK bool json_schema_pattern_compile_whole(
	const char *s, size_t n, struct json_schema_pattern **ret, struct error *err);
void json_schema_pattern_destroy(struct json_schema_pattern *p);
/* Searches in valid UTF-8. Every step of the search is taken from *work. */
enum json_schema_match json_schema_pattern_match(
	const struct json_schema_pattern *p, const char *s, size_t n, uint64_t *work);

#endif
