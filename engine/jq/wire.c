/* Byte by byte, so that both sides read alike on any machine. */
#include "jq/wire.h"

#include <string.h>

void jqwire_put_u32(struct buf *out, uint32_t v)
{
	char b[4];
	for (int i = 0; i < 4; i++)
		b[i] = (char)(v >> 8 * i);
	buf_add(out, b, sizeof b);
}

void jqwire_put_u64(struct buf *out, uint64_t v)
{
	jqwire_put_u32(out, (uint32_t)v);
	jqwire_put_u32(out, (uint32_t)(v >> 32));
}

void jqwire_put_text(struct buf *out, const char *s, size_t n)
{
	jqwire_put_u32(out, (uint32_t)n);
	buf_add(out, s, n);
}

static uint32_t read_u32(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 |
	       (uint32_t)b[3] << 24;
}

void jqwire_set_u32(struct buf *out, size_t at, uint32_t v)
{
	for (size_t i = 0; i < 4; i++)
		out->data[at + i] = (char)(v >> 8 * i);
}

size_t jqwire_begin(struct buf *out, const struct jqwire_header *h)
{
	size_t begin = out->len;
	jqwire_put_u32(out, 0);
	jqwire_put_u32(out, h->type);
	jqwire_put_u64(out, h->seq);
	jqwire_put_u32(out, h->generation);
	jqwire_put_u32(out, h->count);
	return begin;
}

void jqwire_end(struct buf *out, size_t begin)
{
	jqwire_set_u32(out, begin, (uint32_t)(out->len - begin - JQWIRE_HEADER));
}

bool jqwire_read_header(const char *bytes, struct jqwire_header *ret)
{
	uint32_t type = read_u32(bytes + 4);
	*ret = (struct jqwire_header){.len = read_u32(bytes),
		.type = (uint16_t)type,
		.seq = read_u32(bytes + 8) | (uint64_t)read_u32(bytes + 12) << 32,
		.generation = read_u32(bytes + 16),
		.count = read_u32(bytes + 20)};
	return type >= JQWIRE_COMPILE && type <= JQWIRE_FAILURE && ret->len <= JQWIRE_MAX;
}

static const char *take(struct jqwire_reader *r, size_t n)
{
	const char *p = r->p;
	if (r->bad || (size_t)(r->end - p) < n) {
		r->bad = true;
		return NULL;
	}
	r->p += n;
	return p;
}

uint32_t jqwire_u32(struct jqwire_reader *r)
{
	const char *p = take(r, 4);
	return p ? read_u32(p) : 0;
}

uint64_t jqwire_u64(struct jqwire_reader *r)
{
	uint64_t low = jqwire_u32(r);
	return low | (uint64_t)jqwire_u32(r) << 32;
}

const char *jqwire_text(struct jqwire_reader *r, size_t *ret_n)
{
	size_t n = jqwire_u32(r);
	const char *p = take(r, n);
	*ret_n = p ? n : 0;
	return p ? p : "";
}

uint32_t jqwire_count(struct jqwire_reader *r, size_t each)
{
	uint32_t n = jqwire_u32(r);
	if (n <= (size_t)(r->end - r->p) / each)
		return n;
	r->bad = true;
	return 0;
}
