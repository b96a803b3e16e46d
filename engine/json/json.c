/* Reading and writing slices of verified text (scan.c verifies it). */
#include "json/json.h"

#include "json/scan.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

/* From behind a bracket to behind the one that closes it. */
static const char *after_brackets(const char *p)
{
	static const signed char turns[256] = {
		['{'] = 1, ['['] = 1, ['}'] = -1, [']'] = -1, ['"'] = 2};
	for (int depth = 1; depth > 0;) {
		while (!turns[(unsigned char)*p])
			p++;
		if (*p == '"') {
			p = after_string(p);
		} else {
			depth += turns[(unsigned char)*p];
			p++;
		}
	}
	return p;
}

/* The end of an element or member: inside brackets, so a delimiter always follows. */
static const char *after_value(const char *p)
{
	if (*p == '"')
		return after_string(p);
	if (*p == '{' || *p == '[')
		return after_brackets(p + 1);
	while (!strchr(",:]} \t\n\r", *p))
		p++;
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
		return (struct json_iter){NULL, false, NULL};
	const char *p = after_space(v.s + 1);
	bool empty = *p == ']' || *p == '}';
	return (struct json_iter){
		empty ? NULL : p, type == JSON_OBJECT, empty ? p : NULL};
}

/* On to what is behind a value that ends there. */
static inline void go_behind(struct json_iter *it, const char *to)
{
	const char *p = after_space(to);
	it->p = *p == ',' ? after_space(p + 1) : NULL;
	it->end = p;
}

/* The value at it->p; moves on to the next one. */
static inline struct json take_value(struct json_iter *it)
{
	const char *from = it->p, *to = after_value(from);
	go_behind(it, to);
	return (struct json){from, (size_t)(to - from)};
}

static inline bool next_key(struct json_iter *it, struct json *ret_key)
{
	if (!it->p || !it->object)
		return false;
	const char *to = after_string(it->p);
	*ret_key = (struct json){it->p, (size_t)(to - it->p)};
	it->p = after_space(after_space(to) + 1); /* past the colon */
	return true;
}

bool json_next_member(struct json_iter *it, struct json *ret_key, struct json *ret_value)
{
	if (!next_key(it, ret_key))
		return false;
	*ret_value = take_value(it);
	return true;
}

bool json_next_element(struct json_iter *it, struct json *ret_value)
{
	if (!json_has_element(it))
		return false;
	*ret_value = take_value(it);
	return true;
}

bool json_next_key(struct json_iter *it, struct json *ret_key)
{
	return next_key(it, ret_key);
}

bool json_has_element(const struct json_iter *it)
{
	return it->p && !it->object;
}

struct json json_take(struct json_iter *it)
{
	return take_value(it);
}

struct json_iter json_go_into(const struct json_iter *it)
{
	return json_iter((struct json){it->p, 1}); /* how long it is nobody asks */
}

void json_leave(struct json_iter *it, const struct json_iter *inner)
{
	assert(!inner->p);
	if (inner->end)
		go_behind(it, inner->end + 1);
	else
		(void)take_value(it);
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

const char *json_pointer_token(const char *p, struct buf *token)
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
		pointer = json_pointer_token(pointer + 1, &token);
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
	unsigned c = (unsigned)json_hex4(p + 1, p + 5);
	p += 5;
	if (c >= 0xD800 && c <= 0xDBFF) {
		unsigned low = (unsigned)json_hex4(p + 2, p + 6);
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

const char *json_string_place(struct json v, size_t at)
{
	assert(json_type(v) == JSON_STRING);
	const char *p = v.s + 1, *end = v.s + v.n - 1;
	struct buf escape = {0};
	while (p < end) {
		buf_clear(&escape);
		const char *next = *p == '\\' ? put_escape(&escape, p + 1) : p + 1;
		size_t n = *p == '\\' ? escape.len : 1;
		if (at < n)
			break;
		at -= n;
		p = next;
	}
	buf_finish(&escape);
	return p;
}

char *json_strdup(struct json v)
{
	if (json_type(v) != JSON_STRING)
		return NULL;
	struct buf b = {0}, whole = {0};
	json_string(v, &b);
	size_t from = strlen(buf_text(&b));
	if (from == b.len)
		return buf_take(&b);
	buf_add(&whole, b.data, from);
	for (size_t i = from; i < b.len; i++) {
		if (b.data[i])
			buf_putc(&whole, b.data[i]);
		else
			buf_puts(&whole, "\xEF\xBF\xBD");
	}
	buf_finish(&b);
	return buf_take(&whole);
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
	size_t n = 0, cap = 0;
	struct member *members = NULL;
	struct json_iter it = json_iter(v);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		struct buf b = {0};
		if (n == cap) {
			cap = cap ? cap * 2 : 8;
			members = xrealloc(members, cap * sizeof *members);
		}
		json_string(key, &b);
		size_t len = b.len;
		members[n++] = (struct member){.key = buf_take(&b), len, value};
	}
	if (n > 1)
		qsort(members, n, sizeof *members, compare_members);
	buf_putc(out, '{');
	for (size_t i = 0; i < n; i++) {
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
