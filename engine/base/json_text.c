/* Texts written as JSON. */
#include "base/json_text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* Not 0 if a byte of the word is 0. */
static inline uint64_t has_zero(uint64_t word)
{
	return (word - EACH_BYTE(1)) & ~word & EACH_BYTE(0x80);
}

/* Whether one of the eight bytes at s has to be escaped. */
static inline bool escapes_in(const char *s)
{
	uint64_t word;
	memcpy(&word, s, sizeof word);
	uint64_t control = (word - EACH_BYTE(0x20)) & ~word & EACH_BYTE(0x80);
	return (control | has_zero(word ^ EACH_BYTE('"')) |
		       has_zero(word ^ EACH_BYTE('\\'))) != 0;
}

/* How many bytes at s need no escape. */
static inline size_t plain_length(const char *s, size_t n)
{
	size_t i = 0;
	while (i + 8 <= n && !escapes_in(s + i))
		i += 8;
	while (i < n && (unsigned char)s[i] >= 0x20 && s[i] != '"' && s[i] != '\\')
		i++;
	return i;
}

static void put_escaped(struct buf *out, unsigned char c)
{
	static const char hex[] = "0123456789abcdef", plain[] = "\"\\\b\f\n\r\t";
	const char *at = c ? strchr(plain, c) : NULL;
	char esc[7] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
	if (at)
		buf_add(out, (char[]){'\\', "\"\\bfnrt"[at - plain]}, 2);
	else
		buf_add(out, esc, 6);
}

void json_put_string(struct buf *out, const char *s, size_t n)
{
	buf_reserve(out, n + 2);
	buf_putc(out, '"');
	for (size_t i = 0; i < n;) {
		size_t plain = plain_length(s + i, n - i);
		buf_add(out, s + i, plain);
		i += plain;
		if (i < n)
			put_escaped(out, (unsigned char)s[i++]);
	}
	buf_putc(out, '"');
}

void json_put_text(struct buf *out, const char *s)
{
	if (s)
		json_put_string(out, s, strlen(s));
	else
		buf_puts(out, "null");
}

void json_put_key(struct buf *out, const char *key)
{
	char last = out->len ? out->data[out->len - 1] : '{';
	if (last != '{' && last != '[' && last != ',')
		buf_putc(out, ',');
	json_put_text(out, key);
	buf_putc(out, ':');
}
