/*
 * The strict scanner. It is recursive by value with an explicit depth limit; duplicate
 * members are found by comparing hashes of decoded keys in one list per object.
 */
#include "json/scan.h"

#include "json/json.h"

#include <stdlib.h>
#include <string.h>

struct key {
	uint64_t hash;
	const char *s; /* with its quotes */
	size_t n;
};

struct scanner {
	const char *start, *p, *end;
	unsigned depth, max_depth;
	struct key *keys; /* stack of the keys of the objects that are open */
	size_t nkeys, capkeys;
	const char *fault; /* why it stopped, NULL while all is well */
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Four hexadecimal digits at p; -1 if they are not. */
int json_hex4(const char *p, const char *end)
{
	int v = 0;
	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		int d = hex_digit(p[i]);
		if (d < 0)
			return -1;
		v = v * 16 + d;
	}
	return v;
}

static bool fail(struct scanner *s, const char *why)
{
	if (!s->fault)
		s->fault = why;
	return false;
}

static void skip_space(struct scanner *s)
{
	while (s->p < s->end &&
		(*s->p == ' ' || *s->p == '\t' || *s->p == '\n' || *s->p == '\r'))
		s->p++;
}

/* Length of the UTF-8 sequence at p, 0 if it is not one (RFC 3629: shortest form, no
 * surrogates, up to U+10FFFF). */
static size_t utf8_length(const char *text, const char *end)
{
	const unsigned char *p = (const unsigned char *)text;
	size_t left = (size_t)(end - text);
	size_t n = p[0] < 0x80   ? 1
		   : p[0] < 0xC2 ? 0
		   : p[0] < 0xE0 ? 2
		   : p[0] < 0xF0 ? 3
		   : p[0] < 0xF5 ? 4
				 : 0;
	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++) {
		if ((p[i] & 0xC0) != 0x80)
			return 0;
	}
	if ((p[0] == 0xE0 && p[1] < 0xA0) || (p[0] == 0xED && p[1] > 0x9F) ||
		(p[0] == 0xF0 && p[1] < 0x90) || (p[0] == 0xF4 && p[1] > 0x8F))
		return 0;
	return n;
}

static bool scan_escape(struct scanner *s)
{
	const char *p = s->p + 1;
	if (p == s->end)
		return fail(s, "unfinished string");
	if (*p != 'u') {
		if (!*p || !strchr("\"\\/bfnrt", *p))
			return fail(s, "unknown escape in a string");
		s->p = p + 1;
		return true;
	}
	int v = json_hex4(p + 1, s->end);
	if (v < 0)
		return fail(s, "\\u needs four hexadecimal digits");
	s->p = p + 5;
	if (v >= 0xDC00 && v <= 0xDFFF)
		return fail(s, "unpaired surrogate escape");
	if (v < 0xD800 || v > 0xDBFF)
		return true;
	int low = s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u'
			  ? json_hex4(s->p + 2, s->end)
			  : -1;
	if (low < 0xDC00 || low > 0xDFFF)
		return fail(s, "unpaired surrogate escape");
	s->p += 6;
	return true;
}

static bool scan_string(struct scanner *s)
{
	s->p++;
	while (s->p < s->end) {
		unsigned char c = (unsigned char)*s->p;
		if (c == '"') {
			s->p++;
			return true;
		}
		if (c == '\\') {
			if (!scan_escape(s))
				return false;
		} else if (c < 0x20) {
			return fail(s, "control character in a string");
		} else if (c < 0x80) {
			s->p++;
		} else {
			size_t n = utf8_length(s->p, s->end);
			if (n == 0)
				return fail(s, "invalid UTF-8");
			s->p += n;
		}
	}
	return fail(s, "unfinished string");
}

static size_t scan_digits(struct scanner *s)
{
	const char *from = s->p;
	while (s->p < s->end && *s->p >= '0' && *s->p <= '9')
		s->p++;
	return (size_t)(s->p - from);
}

static bool scan_number(struct scanner *s)
{
	if (*s->p == '-')
		s->p++;
	if (s->p < s->end && *s->p == '0') {
		s->p++;
	} else if (scan_digits(s) == 0) {
		return fail(s, "a value is expected");
	}
	if (s->p < s->end && *s->p == '.') {
		s->p++;
		if (scan_digits(s) == 0)
			return fail(s, "a digit is expected after the decimal point");
	}
	if (s->p < s->end && (*s->p == 'e' || *s->p == 'E')) {
		s->p++;
		if (s->p < s->end && (*s->p == '+' || *s->p == '-'))
			s->p++;
		if (scan_digits(s) == 0)
			return fail(s, "a digit is expected in the exponent");
	}
	return true;
}

static bool scan_word(struct scanner *s, const char *word)
{
	size_t n = strlen(word);
	if ((size_t)(s->end - s->p) < n || memcmp(s->p, word, n) != 0)
		return fail(s, "a value is expected");
	s->p += n;
	return true;
}

static uint64_t hash_bytes(const char *s, size_t n)
{
	uint64_t h = 1469598103934665603u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)s[i]) * 1099511628211u;
	return h;
}

static uint64_t key_hash(const char *s, size_t n)
{
	if (!memchr(s, '\\', n))
		return hash_bytes(s + 1, n - 2);
	struct buf b = {0};
	json_string((struct json){s, n}, &b);
	uint64_t h = hash_bytes(buf_text(&b), b.len);
	buf_finish(&b);
	return h;
}

static bool keys_equal(const struct key *a, const struct key *b)
{
	if (a->hash != b->hash)
		return false;
	struct buf x = {0}, y = {0};
	json_string((struct json){a->s, a->n}, &x);
	json_string((struct json){b->s, b->n}, &y);
	bool equal = x.len == y.len && memcmp(buf_text(&x), buf_text(&y), x.len) == 0;
	buf_finish(&x);
	buf_finish(&y);
	return equal;
}

static int compare_keys(const void *a, const void *b)
{
	const struct key *x = a, *y = b;
	return x->hash < y->hash   ? -1
	       : x->hash > y->hash ? 1
	       : x->s < y->s       ? -1
				   : x->s > y->s;
}

static bool push_key(struct scanner *s, size_t base, const char *text, size_t n)
{
	if (s->nkeys == s->capkeys) {
		s->capkeys = s->capkeys ? s->capkeys * 2 : 32;
		s->keys = xrealloc(s->keys, s->capkeys * sizeof *s->keys);
	}
	struct key *k = &s->keys[s->nkeys++];
	*k = (struct key){key_hash(text, n), text, n};
	/* Small objects are compared as they come, large ones sorted at their end. */
	for (size_t i = base; i < s->nkeys - 1 && s->nkeys - base <= 16; i++) {
		if (keys_equal(&s->keys[i], k)) {
			s->p = text;
			return fail(s, "duplicate member");
		}
	}
	return true;
}

static bool pop_keys(struct scanner *s, size_t base)
{
	size_t n = s->nkeys - base;
	s->nkeys = base;
	if (n <= 16)
		return true;
	struct key *keys = s->keys + base;
	qsort(keys, n, sizeof *keys, compare_keys);
	for (size_t i = 1; i < n; i++) {
		if (keys_equal(&keys[i - 1], &keys[i])) {
			s->p = keys[i].s;
			return fail(s, "duplicate member");
		}
	}
	return true;
}

static bool scan_value(struct scanner *s);

static bool scan_member(struct scanner *s, size_t base)
{
	skip_space(s);
	if (s->p == s->end || *s->p != '"')
		return fail(s, "a member's name in quotes is expected");
	const char *key = s->p;
	if (!scan_string(s) || !push_key(s, base, key, (size_t)(s->p - key)))
		return false;
	skip_space(s);
	if (s->p == s->end || *s->p != ':')
		return fail(s, "a colon is expected");
	s->p++;
	skip_space(s);
	return scan_value(s);
}

static bool scan_items(struct scanner *s, char close)
{
	size_t base = s->nkeys;
	s->p++;
	skip_space(s);
	if (s->p < s->end && *s->p == close) {
		s->p++;
		return true;
	}
	for (;;) {
		skip_space(s);
		if (!(close == '}' ? scan_member(s, base) : scan_value(s)))
			return false;
		skip_space(s);
		if (s->p < s->end && *s->p == close) {
			s->p++;
			return pop_keys(s, base);
		}
		if (s->p == s->end || *s->p != ',')
			return fail(s, close == '}' ? "a comma or } is expected"
						    : "a comma or ] is expected");
		s->p++;
	}
}

static bool scan_value(struct scanner *s)
{
	if (s->p == s->end)
		return fail(s, "a value is expected, the text ends here");
	switch (*s->p) {
	case '{':
	case '[':
		if (++s->depth > s->max_depth)
			return fail(s, "nested too deeply");
		if (!scan_items(s, *s->p == '{' ? '}' : ']'))
			return false;
		s->depth--;
		return true;
	case '"': return scan_string(s);
	case 't': return scan_word(s, "true");
	case 'f': return scan_word(s, "false");
	case 'n': return scan_word(s, "null");
	default: return scan_number(s);
	}
}

/* ---- What is not JSON ---- */

static bool begins(const struct scanner *s, const char *text)
{
	size_t n = strlen(text);
	return (size_t)(s->end - s->p) >= n && memcmp(s->p, text, n) == 0;
}

static bool begins_with_any(const struct scanner *s, const char *const *words)
{
	for (; *words; words++) {
		if (begins(s, *words))
			return true;
	}
	return false;
}

static const char *string_hint(const struct scanner *s)
{
	if (begins(s, "\n") || begins(s, "\r"))
		return ": a line break in it is written \\n";
	return begins(s, "\t") ? ": a tab in it is written \\t" : "";
}

/* What most likely stands there instead of what was expected. */
static const char *hint(const struct scanner *s)
{
	static const char *const numbers[] = {"NaN", "nan", "Infinity", "inf", NULL};
	static const char *const words[] = {"True", "TRUE", "False", "FALSE", "None",
		"NULL", "Null", "nil", "undefined", NULL};
	const char *before = s->p;
	while (before > s->start && strchr(" \t\r\n", before[-1]))
		before--;
	char last = before > s->start ? before[-1] : '\0';
	if (strcmp(s->fault, "control character in a string") == 0)
		return string_hint(s);
	if (!strstr(s->fault, "expected") && !strstr(s->fault, "follows"))
		return "";
	if (s->p == s->end)
		return strstr(s->fault, "ends here") ? "" : ", the text ends here";
	if (begins(s, "\xEF\xBB\xBF"))
		return ": the file begins with a byte order mark, which does not belong "
		       "there";
	if (begins(s, "//") || begins(s, "/*") || begins(s, "#"))
		return ": JSON has no comments";
	if ((*s->p == '}' || *s->p == ']') && last == ',')
		return ": there is a comma too many before this bracket";
	if (*s->p == '\'' || *s->p == '`')
		return ": names and texts stand in double quotes";
	if (begins_with_any(s, numbers))
		return ": JSON has no NaN and no infinity";
	if (begins_with_any(s, words))
		return ": JSON has the words true, false and null";
	if (last == '0' && *s->p >= '0' && *s->p <= '9')
		return ": a number has no leading zero";
	if (*s->p == '.' || *s->p == '+')
		return ": a number begins with a digit or -";
	if ((*s->p | 32) >= 'a' && (*s->p | 32) <= 'z' && strstr(s->fault, "value"))
		return ": a text stands in double quotes";
	return "";
}

bool json_check(const char *text, size_t n, const struct json_limits *limits,
	struct json *ret, size_t *ret_offset, struct error *err)
{
	size_t max = limits && limits->bytes ? limits->bytes : JSON_BYTES_DEFAULT;
	struct scanner s = {.start = text, .p = text, .end = text + n};
	s.max_depth = limits && limits->depth ? limits->depth : JSON_DEPTH_DEFAULT;
	if (n > max) {
		if (ret_offset)
			*ret_offset = 0;
		return error_set(err, ERROR_INPUT,
			"%zu bytes of JSON are more than the limit of %zu", n, max);
	}
	skip_space(&s);
	const char *from = s.p;
	bool ok = scan_value(&s);
	const char *to = s.p;
	if (ok) {
		skip_space(&s);
		ok = s.p == s.end || fail(&s, "something follows the JSON value");
	}
	free(s.keys);
	if (ok) {
		*ret = (struct json){from, (size_t)(to - from)};
		return true;
	}
	unsigned line, col;
	size_t offset = (size_t)(s.p - text);
	json_position(text, offset, &line, &col);
	if (ret_offset)
		*ret_offset = offset;
	return error_set(err, ERROR_INPUT, "%s%s at line %u, column %u", s.fault,
		hint(&s), line, col);
}
