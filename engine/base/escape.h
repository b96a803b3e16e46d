/*
 * Text from outside, made safe to show on a terminal or in a line of a log: control
 * characters (C0, C1, DEL), bidirectional overrides and isolates, line and paragraph
 * separators and bytes that are not UTF-8 become visible escapes (\n, \x1b, \u202e).
 * In JSON text, where raw C0 characters are only white space, what keep_lines lets
 * through of it stays the same value.
 */
#ifndef STEPWELL_BASE_ESCAPE_H
#define STEPWELL_BASE_ESCAPE_H

#include "base/buf.h"

#include <stdbool.h>

/* Appends the n bytes to out. keep_lines leaves line feeds and tabs as they are. */
void escape_text(const char *text, size_t n, bool keep_lines, struct buf *out);

#endif
