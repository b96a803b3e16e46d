/*
 * The formats that the DSL's schema asks of strings, as its regular expressions and the
 * formats of JSON Schema define them.
 */
#ifndef STEPWELL_JSON_FORMAT_H
#define STEPWELL_JSON_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/* Bits: a shape may allow several. */
enum text_format {
	FORMAT_EXPRESSION = 1 << 0, /* ${ ... }, in one line */
	FORMAT_URI = 1 << 1, /* "uriTemplate": a URI reference or template, no ${ */
	FORMAT_URI_TEMPLATE = 1 << 2, /* RFC 6570 */
	FORMAT_POINTER = 1 << 3,      /* JSON Pointer, RFC 6901 */
	FORMAT_DATE_TIME = 1 << 4,    /* RFC 3339 */
	FORMAT_DURATION = 1 << 5,     /* ISO 8601, as the schema's pattern narrows it */
	FORMAT_LABEL = 1 << 6,        /* letters, digits, inner hyphens, up to 63 */
	FORMAT_HOST = 1 << 7,         /* the same with dots */
	FORMAT_SEMVER = 1 << 8,       /* semver.org 2.0.0 */
	FORMAT_NOT_EMPTY = 1 << 9,
	FORMAT_HEADER = 1 << 10, /* name of an HTTP header, RFC 9110 */
	FORMAT_SQL = 1 << 11,    /* judged by sql_text_check, not here */
};

/* Whether the text (UTF-8, may contain NUL) has one of the formats. */
bool text_has_format(const char *s, size_t n, unsigned formats);

#endif
