/*
 * The strict scanner, and reading and writing slices of the text it accepted. The scanner
 * is recursive by value with an explicit depth limit; duplicate members are found by
 * comparing hashes of decoded keys in one list per object.
 */
#include "json.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
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
static int hex4(const char *p, const char *end)
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
	int v = hex4(p + 1, s->end);
	if (v < 0)
		return fail(s, "\\u needs four hexadecimal digits");
	s->p = p + 5;
	if (v >= 0xDC00 && v <= 0xDFFF)
		return fail(s, "unpaired surrogate escape");
	if (v < 0xD800 || v > 0xDBFF)
		return true;
	int low = s->end - s->p >= 6 && s->p[0] == '\\' && s->p[1] == 'u'
			  ? hex4(s->p + 2, s->end)
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
	skip_space(&s);
	if (ok && s.p != s.end)
		ok = fail(&s, "something follows the JSON value");
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
	return error_set(
		err, ERROR_INPUT, "%s at line %u, column %u", s.fault, line, col);
}

/* Skipping over verified text. */

static const char *after_space(const char *p)
{
	while (*p == ' ' || *p == '\t' || *p == '\n' || *p == '\r')
		p++;
	return p;
}

static const char *after_string(const char *p)
{
	for (p++; *p != '"'; p++) {
		if (*p == '\\')
			p++;
	}
	return p + 1;
}

/* The end of an element or member: inside brackets, so a delimiter always follows. */
static const char *after_value(const char *p)
{
	int depth = 0;
	do {
		switch (*p) {
		case '"': p = after_string(p); break;
		case '{':
		case '[':
			depth++;
			p++;
			break;
		case '}':
		case ']':
			depth--;
			p++;
			break;
		case ',':
		case ':':
		case ' ':
		case '\t':
		case '\n':
		case '\r': p++; break;
		default:
			while (!strchr(",:]} \t\n\r", *p))
				p++;
		}
	} while (depth > 0);
	return p;
}

enum json_type json_type(struct json v)
{
	if (!v.s || v.n == 0)
		return JSON_NONE;
	switch (*v.s) {
	case '{': return JSON_OBJECT;
	case '[': return JSON_ARRAY;
	case '"': return JSON_STRING;
	case 't': return JSON_TRUE;
	case 'f': return JSON_FALSE;
	case 'n': return JSON_NULL;
	default: return JSON_NUMBER;
	}
}

bool json_is(struct json v, const char *text)
{
	return v.s && strlen(text) == v.n && memcmp(v.s, text, v.n) == 0;
}

bool json_string_is(struct json v, const char *text)
{
	if (json_type(v) != JSON_STRING)
		return false;
	size_t n = strlen(text);
	if (!memchr(v.s, '\\', v.n))
		return v.n - 2 == n && memcmp(v.s + 1, text, n) == 0;
	struct buf b = {0};
	json_string(v, &b);
	bool same = b.len == n && memcmp(buf_text(&b), text, n) == 0;
	buf_finish(&b);
	return same;
}

struct json_iter json_iter(struct json v)
{
	enum json_type type = json_type(v);
	if (type != JSON_ARRAY && type != JSON_OBJECT)
		return (struct json_iter){NULL};
	const char *p = after_space(v.s + 1);
	return (struct json_iter){*p == ']' || *p == '}' ? NULL : p};
}

/* The value at it->p; moves on to the next one. */
static struct json take_value(struct json_iter *it)
{
	const char *from = it->p, *to = after_value(from);
	const char *p = after_space(to);
	it->p = *p == ',' ? after_space(p + 1) : NULL;
	return (struct json){from, (size_t)(to - from)};
}

bool json_next_member(struct json_iter *it, struct json *ret_key, struct json *ret_value)
{
	if (!it->p)
		return false;
	const char *to = after_string(it->p);
	*ret_key = (struct json){it->p, (size_t)(to - it->p)};
	it->p = after_space(after_space(to) + 1); /* past the colon */
	*ret_value = take_value(it);
	return true;
}

bool json_next_element(struct json_iter *it, struct json *ret_value)
{
	if (!it->p)
		return false;
	*ret_value = take_value(it);
	return true;
}

struct json json_get(struct json object, const char *key)
{
	if (json_type(object) != JSON_OBJECT)
		return (struct json){0};
	struct json_iter it = json_iter(object);
	struct json k, v;
	while (json_next_member(&it, &k, &v)) {
		if (json_string_is(k, key))
			return v;
	}
	return (struct json){0};
}

struct json json_at(struct json array, size_t index)
{
	if (json_type(array) != JSON_ARRAY)
		return (struct json){0};
	struct json_iter it = json_iter(array);
	struct json v;
	while (json_next_element(&it, &v)) {
		if (index-- == 0)
			return v;
	}
	return (struct json){0};
}

size_t json_count(struct json v)
{
	struct json_iter it = json_iter(v);
	struct json k, e;
	size_t n = 0;
	bool object = json_type(v) == JSON_OBJECT;
	while (object ? json_next_member(&it, &k, &e) : json_next_element(&it, &e))
		n++;
	return n;
}

/* One reference token of a JSON Pointer, ~1 and ~0 resolved. */
static const char *pointer_token(const char *p, struct buf *token)
{
	buf_clear(token);
	for (; *p && *p != '/'; p++) {
		if (p[0] == '~' && (p[1] == '0' || p[1] == '1'))
			buf_putc(token, *++p == '1' ? '/' : '~');
		else
			buf_putc(token, *p);
	}
	return p;
}

struct json json_pointer(struct json v, const char *pointer)
{
	struct buf token = {0};
	while (*pointer == '/' && v.s) {
		pointer = pointer_token(pointer + 1, &token);
		if (json_type(v) == JSON_ARRAY) {
			char *end;
			size_t i = strtoul(buf_text(&token), &end, 10);
			v = token.len && !*end ? json_at(v, i) : (struct json){0};
		} else {
			v = json_get(v, buf_text(&token));
		}
	}
	buf_finish(&token);
	return v;
}

static void put_utf8(struct buf *out, unsigned c)
{
	char s[4];
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	static const unsigned char lead[] = {0, 0, 0xC0, 0xE0, 0xF0};
	for (size_t i = n; i-- > 1; c >>= 6)
		s[i] = (char)(0x80 | (c & 0x3F));
	s[0] = (char)(lead[n == 1 ? 0 : n] | c);
	buf_add(out, s, n);
}

static const char *put_escape(struct buf *out, const char *p)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	if (*p != 'u') {
		buf_putc(out, to[strchr(from, *p) - from]);
		return p + 1;
	}
	unsigned c = (unsigned)hex4(p + 1, p + 5);
	p += 5;
	if (c >= 0xD800 && c <= 0xDBFF) {
		unsigned low = (unsigned)hex4(p + 2, p + 6);
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
		p += 6;
	}
	put_utf8(out, c);
	return p;
}

void json_string(struct json v, struct buf *out)
{
	assert(json_type(v) == JSON_STRING);
	const char *p = v.s + 1, *end = v.s + v.n - 1;
	buf_reserve(out, v.n);
	out->data[out->len] = '\0'; /* nothing may follow */
	while (p < end) {
		const char *q = memchr(p, '\\', (size_t)(end - p));
		if (!q)
			q = end;
		buf_add(out, p, (size_t)(q - p));
		p = q < end ? put_escape(out, q + 1) : end;
	}
}

char *json_strdup(struct json v)
{
	if (json_type(v) != JSON_STRING)
		return NULL;
	struct buf b = {0};
	json_string(v, &b);
	return buf_take(&b);
}

bool json_int(struct json v, int64_t *ret)
{
	char text[24], *end;
	if (json_type(v) != JSON_NUMBER || v.n >= sizeof text)
		return false;
	memcpy(text, v.s, v.n);
	text[v.n] = '\0';
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (*end || errno)
		return false;
	*ret = n;
	return true;
}

bool json_truth(struct json v)
{
	enum json_type type = json_type(v);
	return type != JSON_NONE && type != JSON_NULL && type != JSON_FALSE;
}

void json_put(struct buf *out, struct json v)
{
	if (v.s)
		buf_add(out, v.s, v.n);
	else
		buf_puts(out, "null");
}

void json_put_string(struct buf *out, const char *s, size_t n)
{
	static const char hex[] = "0123456789abcdef";
	buf_reserve(out, n + 2);
	buf_putc(out, '"');
	size_t from = 0;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x20 && c != '"' && c != '\\')
			continue;
		buf_add(out, s + from, i - from);
		from = i + 1;
		static const char plain[] = "\"\\\b\f\n\r\t";
		const char *at = c ? strchr(plain, c) : NULL;
		char esc[7] = {'\\', 'u', '0', '0', hex[c >> 4], hex[c & 15]};
		if (at)
			buf_add(out, (char[]){'\\', "\"\\bfnrt"[at - plain]}, 2);
		else
			buf_add(out, esc, 6);
	}
	buf_add(out, s + from, n - from);
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

struct member {
	char *key;
	size_t len;
	struct json value;
};

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = memcmp(x->key, y->key, x->len < y->len ? x->len : y->len);
	return c ? c : x->len < y->len ? -1 : x->len > y->len;
}

static void canonical_string(struct buf *out, struct json v)
{
	struct buf s = {0};
	json_string(v, &s);
	json_put_string(out, buf_text(&s), s.len);
	buf_finish(&s);
}

static void canonical_object(struct json v, struct buf *out)
{
	size_t n = json_count(v), i = 0;
	struct member *members = xcalloc(n, sizeof *members);
	struct json_iter it = json_iter(v);
	struct json key;
	for (; json_next_member(&it, &key, &members[i].value); i++) {
		struct buf b = {0};
		json_string(key, &b);
		members[i].len = b.len;
		members[i].key = buf_take(&b);
		if (i + 1 == n)
			break;
	}
	qsort(members, n, sizeof *members, compare_members);
	buf_putc(out, '{');
	for (i = 0; i < n; i++) {
		if (i)
			buf_putc(out, ',');
		json_put_string(out, members[i].key, members[i].len);
		buf_putc(out, ':');
		json_canonical(members[i].value, out);
		free(members[i].key);
	}
	buf_putc(out, '}');
	free(members);
}

void json_canonical(struct json v, struct buf *out)
{
	struct json_iter it = json_iter(v);
	struct json e;
	switch (json_type(v)) {
	case JSON_OBJECT: canonical_object(v, out); return;
	case JSON_STRING: canonical_string(out, v); return;
	case JSON_ARRAY:
		buf_putc(out, '[');
		for (bool first = true; json_next_element(&it, &e); first = false) {
			if (!first)
				buf_putc(out, ',');
			json_canonical(e, out);
		}
		buf_putc(out, ']');
		return;
	case JSON_NONE:
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE:
	case JSON_NUMBER: json_put(out, v);
	}
}

void json_position(const char *text, size_t offset, unsigned *ret_line, unsigned *ret_col)
{
	unsigned line = 1, col = 1;
	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n') {
			line++;
			col = 1;
		} else if (((unsigned char)text[i] & 0xC0) != 0x80) {
			col++;
		}
	}
	*ret_line = line;
	*ret_col = col;
}
