/* Elements of a drawing, and the escapes of XML. */
#include "graph/pen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* XML 1.0 has no U+FFFE and U+FFFF; other characters that it lacks are escaped before. */
void pen_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			buf_puts(out, "&amp;");
		else if (*s == '<')
			buf_puts(out, "&lt;");
		else if (*s == '>')
			buf_puts(out, "&gt;");
		else if (*s == '"')
			buf_puts(out, "&quot;");
		else if (strncmp(s, "\xEF\xBF\xBE", 3) == 0 ||
			 strncmp(s, "\xEF\xBF\xBF", 3) == 0)
			s += 2;
		else
			buf_putc(out, *s);
	}
}

/* With at most one decimal. */
void pen_number(struct buf *out, double v)
{
	long tenths = lround(v * 10);
	if (tenths < 0)
		buf_putc(out, '-');
	tenths = labs(tenths);
	buf_printf(out, "%ld", tenths / 10);
	if (tenths % 10)
		buf_printf(out, ".%ld", tenths % 10);
}

void pen_attribute(struct buf *out, const char *name, double v)
{
	buf_printf(out, " %s=\"", name);
	pen_number(out, v);
	buf_putc(out, '"');
}

void pen_point(struct buf *out, const char *command, double x, double y)
{
	buf_puts(out, command);
	pen_number(out, x);
	buf_putc(out, ' ');
	pen_number(out, y);
}

void pen_rect(struct buf *out, struct graph_box b, double r, const char *more)
{
	buf_puts(out, "<rect");
	pen_attribute(out, "x", b.x);
	pen_attribute(out, "y", b.y);
	pen_attribute(out, "width", b.w);
	pen_attribute(out, "height", b.h);
	if (r > 0)
		pen_attribute(out, "rx", r);
	buf_printf(out, " %s/>\n", more);
}

void pen_open_text(struct buf *out, double x, double y, double size, const char *more)
{
	buf_puts(out, "<text");
	pen_attribute(out, "x", x);
	pen_attribute(out, "y", y);
	pen_attribute(out, "font-size", size);
	buf_printf(out, " %s>", more);
}

void pen_line(struct buf *out, struct graph_point at, double size, const char *more,
	const char *text)
{
	pen_open_text(out, at.x, at.y, size, more);
	pen_text(out, text);
	buf_puts(out, "</text>\n");
}

/* Towards (dx, dy), with its point at (x, y). */
void pen_head(struct buf *out, struct graph_point p, int dx, int dy, const char *ink)
{
	double l = 8, w = 4;
	buf_puts(out, "<path d=\"");
	pen_point(out, "M", p.x, p.y);
	pen_point(out, "L", p.x - dx * l - dy * w, p.y - dy * l - dx * w);
	pen_point(out, "L", p.x - dx * l + dy * w, p.y - dy * l + dx * w);
	buf_printf(out, "Z\" fill=\"%s\"/>\n", ink);
}

void pen_title(struct buf *out, const char *a, const char *b)
{
	buf_puts(out, "<title>");
	pen_text(out, a);
	if (b && *b) {
		buf_puts(out, "\n");
		pen_text(out, b);
	}
	buf_puts(out, "</title>");
}
