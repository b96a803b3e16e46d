/* Members to text and back. */
#include "json/member.h"

#include "base/uuid.h"

#include <assert.h>
#include <string.h>

static const void *place(const struct member *m, const void *object)
{
	return (const char *)object + m->offset;
}

/* Whether the member has the value that stands for none, as most of an operation have. */
static inline bool is_absent(const struct member *m, const void *object)
{
	uint64_t word;
	memcpy(&word, (const char *)object + m->word, sizeof word);
	return (word & m->mask) == (uint64_t)m->absent;
}

static inline bool is_zero(const void *bytes, size_t n)
{
	uint64_t any = 0, word;
	assert(n % sizeof word == 0);
	for (size_t i = 0; i < n; i += sizeof word) {
		memcpy(&word, (const char *)bytes + i, sizeof word);
		any |= word;
	}
	return any == 0;
}

static void put_flag(struct buf *out, const char *name, const char *text)
{
	json_put_key(out, name);
	buf_puts(out, text);
}

static void put_number(struct buf *out, const char *name, int64_t v)
{
	json_put_key(out, name);
	buf_int(out, v);
}

static void put_text(struct buf *out, const char *name, const char *v)
{
	json_put_key(out, name);
	json_put_text(out, v);
}

static void put_digest(struct buf *out, const struct member *m, const void *object)
{
	char hex[33];
	assert(m->size == 16);
	digest_hex(place(m, object), 16, hex);
	put_text(out, m->name, hex);
}

void member_write(const struct member *m, const void *object, struct buf *out)
{
	const void *p = place(m, object);
	switch (m->kind) {
	case MEMBER_FLAG: put_flag(out, m->name, "true"); break;
	case MEMBER_BIT: put_flag(out, m->name, "1"); break;
	case MEMBER_COUNT: put_number(out, m->name, *(const unsigned *)p); break;
	case MEMBER_NUMBER: put_number(out, m->name, *(const int64_t *)p); break;
	case MEMBER_TEXT: put_text(out, m->name, *(char *const *)p); break;
	case MEMBER_DIGEST: put_digest(out, m, object); break;
	case MEMBER_VALUE:
	case MEMBER_OWN:
	case MEMBER_NONE: break;
	}
}

const struct member *member_next(
	const struct member *table, const struct member *m, const void *object)
{
	m = m ? m + 1 : table;
	while (m->name) {
		if (m->span && is_zero(place(m, object), m->span))
			m += m->spanned;
		else if (is_absent(m, object))
			m++;
		else
			return m;
	}
	return NULL;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *p = c ? strchr(digits, c) : NULL;
	return p ? (int)(p - digits) : -1;
}

static bool read_digest(const struct member *m, struct json v, void *object)
{
	uint8_t *out = (uint8_t *)object + m->offset;
	if (v.n != 34)
		return false;
	for (int i = 0; i < 16; i++) {
		int high = hex_digit(v.s[1 + 2 * i]), low = hex_digit(v.s[2 + 2 * i]);
		if (high < 0 || low < 0)
			return false;
		out[i] = (uint8_t)(high << 4 | low);
	}
	return *(bool *)((char *)object + m->flag) = true;
}

static int64_t number_of(struct json v)
{
	int64_t n;
	return json_int(v, &n) ? n : 0;
}

bool member_read(const struct member *m, struct json v, void *object)
{
	void *p = (char *)object + m->offset;
	switch (m->kind) {
	case MEMBER_FLAG: *(bool *)p = json_type(v) == JSON_TRUE; break;
	case MEMBER_BIT: *(bool *)p = number_of(v) != 0; break;
	case MEMBER_COUNT: *(unsigned *)p = (unsigned)number_of(v); break;
	case MEMBER_NUMBER: *(int64_t *)p = number_of(v); break;
	case MEMBER_TEXT: *(char **)p = json_strdup(v); break;
	case MEMBER_DIGEST: return read_digest(m, v, object);
	case MEMBER_VALUE:
	case MEMBER_OWN:
	case MEMBER_NONE: break;
	}
	return true;
}

/* Names in tables have no escapes. */
static inline bool is_named(const struct member *m, const char *text, size_t n)
{
	return m->name[0] == *text && strncmp(m->name, text, n) == 0 && !m->name[n];
}

const struct member *member_find(const struct member *table, struct json name)
{
	const struct member *m = table;
	if (json_type(name) != JSON_STRING)
		return NULL;
	if (memchr(name.s, '\\', name.n)) {
		while (m->name && !json_string_is(name, m->name))
			m++;
	} else {
		while (m->name && !is_named(m, name.s + 1, name.n - 2))
			m++;
	}
	return m->name ? m : NULL;
}

struct value **member_value(const struct member *m, const void *object)
{
	assert(m->kind == MEMBER_VALUE);
	return (struct value **)((char *)object + m->offset);
}
