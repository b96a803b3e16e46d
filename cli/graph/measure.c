/* Widths of text. */
#include "graph/measure.h"

#include "base/buf.h"

#include <stdbool.h>
#include <string.h>

/* Thousandths of the font's size, from the space to the tilde. */
static const short widths[2][95] = {
	{318, 401, 460, 838, 636, 950, 780, 275, 390, 390, 500, 838, 318, 361, 318, 337,
		636, 636, 636, 636, 636, 636, 636, 636, 636, 636, 337, 337, 838, 838, 838,
		556, 1015, 684, 686, 722, 770, 667, 611, 778, 752, 295, 500, 667, 557,
		863, 748, 787, 667, 787, 722, 667, 611, 732, 684, 989, 685, 667, 685, 390,
		337, 390, 838, 556, 500, 613, 635, 550, 635, 615, 352, 635, 634, 278, 278,
		579, 278, 974, 634, 612, 635, 635, 411, 521, 392, 634, 592, 818, 592, 592,
		525, 636, 337, 636, 838},
	{348, 456, 521, 838, 696, 1002, 872, 306, 457, 457, 523, 838, 380, 415, 380, 365,
		696, 696, 696, 696, 696, 696, 696, 696, 696, 696, 400, 400, 838, 838, 838,
		611, 1000, 774, 762, 734, 830, 683, 683, 821, 837, 372, 556, 775, 637,
		995, 837, 850, 733, 850, 770, 720, 682, 812, 774, 1103, 771, 724, 725,
		457, 365, 457, 838, 556, 500, 675, 716, 593, 716, 678, 435, 716, 712, 343,
		343, 665, 343, 1042, 712, 687, 716, 716, 493, 595, 478, 712, 652, 924,
		645, 652, 582, 712, 365, 712, 838},
};

/* The next character; its bytes are well-formed. */
static unsigned next_char(const char **s)
{
	const unsigned char *p = (const unsigned char *)*s;
	unsigned c = *p++;
	if (c >= 0xC0) {
		for (c &= c < 0xE0 ? 0x1F : c < 0xF0 ? 0x0F : 0x07; (*p & 0xC0) == 0x80;)
			c = c << 6 | (*p++ & 0x3F);
	}
	*s = (const char *)p;
	return c;
}

/* Marks that stand on the letter before them, joiners, variation selectors. */
static bool is_mark(unsigned c)
{
	return (c >= 0x300 && c < 0x370) || (c >= 0x483 && c < 0x48A) ||
	       (c >= 0x591 && c < 0x5C8) || (c >= 0x610 && c < 0x61B) ||
	       (c >= 0x64B && c < 0x660) || (c >= 0x1AB0 && c < 0x1B00) ||
	       (c >= 0x1DC0 && c < 0x1E00) || (c >= 0x200B && c < 0x2010) ||
	       (c >= 0x20D0 && c < 0x2100) || (c >= 0xFE00 && c < 0xFE10) ||
	       (c >= 0xFE20 && c < 0xFE30);
}

/* East Asian wide characters and emoji. */
static bool is_wide(unsigned c)
{
	return (c >= 0x1100 && c < 0x1160) ||
	       (c >= 0x2E80 && c < 0xA4D0 && c != 0x303F) ||
	       (c >= 0xA960 && c < 0xA980) || (c >= 0xAC00 && c < 0xD7A4) ||
	       (c >= 0xF900 && c < 0xFB00) || (c >= 0xFE30 && c < 0xFE70) ||
	       (c >= 0xFF00 && c < 0xFF61) || (c >= 0xFFE0 && c < 0xFFE7) ||
	       (c >= 0x1F000 && c < 0x1FB00) || (c >= 0x20000 && c < 0x40000);
}

static unsigned thousandths(unsigned c, enum measure_font font)
{
	if (c >= ' ' && c <= '~')
		return (unsigned)widths[font][c - ' '];
	if (is_mark(c))
		return 0;
	/* Arabic ligatures that are as wide as a sentence. */
	if (c >= 0xFDF0 && c < 0xFE00)
		return 4000;
	return c < 0x250 ? 750 : c >= 0x1F000 && c < 0x20000 ? 1400 : 1050;
}

double measure_width(const char *s, enum measure_font font, double size)
{
	double sum = 0;
	while (*s)
		sum += thousandths(next_char(&s), font);
	return sum * size / 1000;
}

/* As many bytes of the text as are at most `most` wide, by either measure. */
static size_t prefix(const char *s, enum measure_font font, double most, bool columns)
{
	const char *p = s;
	double sum = 0;
	while (*p) {
		const char *next = p;
		unsigned c = next_char(&next);
		sum += columns ? (is_mark(c)          ? 0
					 : is_wide(c) ? 2
						      : 1)
			       : thousandths(c, font);
		if (sum > most)
			break;
		p = next;
	}
	return (size_t)(p - s);
}

size_t measure_prefix(const char *s, enum measure_font font, double size, double width)
{
	return prefix(s, font, width * 1000 / size, false);
}

static char *with_ellipsis(const char *s, size_t n, const char *ellipsis)
{
	struct buf b = {0};
	while (n > 0 && s[n - 1] == ' ')
		n--;
	buf_add(&b, s, n);
	buf_puts(&b, ellipsis);
	return buf_take(&b);
}

char *measure_fit(const char *s, enum measure_font font, double size, double width)
{
	if (measure_width(s, font, size) <= width)
		return xstrdup(s);
	return with_ellipsis(s, measure_prefix(s, font, size, width - size), "…");
}

size_t measure_columns(const char *s)
{
	size_t n = 0;
	while (*s) {
		unsigned c = next_char(&s);
		n += is_mark(c) ? 0 : is_wide(c) ? 2 : 1;
	}
	return n;
}

char *measure_cut(const char *s, size_t columns, const char *ellipsis)
{
	size_t dots = measure_columns(ellipsis);
	if (measure_columns(s) <= columns)
		return xstrdup(s);
	double most = columns > dots ? (double)(columns - dots) : 0;
	return with_ellipsis(s, prefix(s, MEASURE_REGULAR, most, true), ellipsis);
}
