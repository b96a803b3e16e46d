/*
 * The formats of JSON Schema, for those who ask for them to be asserted. Formats of
 * internationalized names (idn-*, iri*) are not judged, nor are unknown ones.
 */
#ifndef STEPWELL_JSON_SCHEMA_FORMAT_H
#define STEPWELL_JSON_SCHEMA_FORMAT_H

#include <stdbool.h>
#include <stddef.h>

/* The text is valid UTF-8 followed by a NUL, and may contain others. */
bool json_schema_format_holds(const char *format, const char *s, size_t n);

#endif
