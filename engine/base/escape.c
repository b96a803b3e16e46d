/* Escapes for terminals and logs (CWE-150). Backslashes pass as they are: the aim is that
 * nothing of a run can move the cursor or forge a line, not that the text can be read
 * back. */
#include "base/escape.h"

#include <stdint.h>
#include <string.h>

/* The length of the well-formed UTF-8 sequence at s (n bytes are there), 0 if there is
 * none; the table of The Unicode Standard, 3-7. */
static size_t sequence(const unsigned char *s, size_t n, uint32_t *ret_char)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xC2 ? 0
		     : s[0] < 0xE0 ? 2
		     : s[0] < 0xF0 ? 3
				   : 4;
	if (len == 0 || len > n || s[0] > 0xF4)
		return 0;
	uint32_t c = len == 1 ? s[0] : s[0] & (0x7Fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3F);
	}
	if ((len == 3 && (c < 0x800 || (c >= 0xD800 && c < 0xE000))) ||
		(len == 4 && (c < 0x10000 || c > 0x10FFFF)))
		return 0;
	*ret_char = c;
	return len;
}

static bool is_dangerous(uint32_t c)
{
	return c < 0x20 || (c >= 0x7F && c < 0xA0) || c == 0x061C || c == 0x200E ||
	       c == 0x200F || (c >= 0x2028 && c <= 0x202E) ||
	       (c >= 0x2066 && c <= 0x2069) || c == 0xFEFF;
}

static void escape_char(uint32_t c, struct buf *out)
{
	if (c == '\n')
		buf_puts(out, "\\n");
	else if (c == '\t')
		buf_puts(out, "\\t");
	else if (c == '\r')
		buf_puts(out, "\\r");
	else
		buf_printf(out, c < 0x20 ? "\\x%02x" : "\\u%04x", c);
}

void escape_text(const char *text, size_t n, bool keep_lines, struct buf *out)
{
	const unsigned char *s = (const unsigned char *)text;
	for (size_t i = 0; i < n;) {
		uint32_t c = 0;
		size_t len = sequence(s + i, n - i, &c);
		if (len == 0) {
			buf_printf(out, "\\x%02x", s[i++]);
			continue;
		}
		if (is_dangerous(c) && !(keep_lines && (c == '\n' || c == '\t')))
			escape_char(c, out);
		else
			buf_add(out, text + i, len);
		i += len;
	}
}
