/*
 * How much room text takes: in a picture, by a table of the widths of letters, and on a
 * terminal, in columns. The table has the wider of two common families (Arial, DejaVu)
 * for each letter, so that a box that fits by it fits with the font that is there. Texts
 * are UTF-8.
 */
#ifndef STEPWELL_GRAPH_MEASURE_H
#define STEPWELL_GRAPH_MEASURE_H

#include <stddef.h>

enum measure_font { MEASURE_REGULAR, MEASURE_BOLD };

double measure_width(const char *s, enum measure_font font, double size);
/* As many of its bytes as are at most so wide. */
size_t measure_prefix(const char *s, enum measure_font font, double size, double width);
/* The text, or as much of it as fits with an ellipsis; caller frees. */
char *measure_fit(const char *s, enum measure_font font, double size, double width);

size_t measure_columns(const char *s);
/* The same in columns; ellipsis: "…", or one of ASCII. */
char *measure_cut(const char *s, size_t columns, const char *ellipsis);

#endif
