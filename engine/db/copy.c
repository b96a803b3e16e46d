/* The data of a COPY, in PostgreSQL's binary form: a row is the number of its fields, a
 * field its length (-1: null) and its bytes. */
#include "db/libpq.h"

#include <arpa/inet.h>
#include <assert.h>
#include <endian.h>
#include <string.h>

static struct db_piece *add_piece(struct db_copy *c)
{
	c->pieces = xrealloc(c->pieces, (c->count + 1) * sizeof *c->pieces);
	c->pieces[c->count] = (struct db_piece){0};
	return &c->pieces[c->count++];
}

void db_copy_add(struct db_copy *c, const void *data, size_t n)
{
	struct db_piece *last = c->count ? &c->pieces[c->count - 1] : NULL;
	if (!last || last->borrowed) {
		last = add_piece(c);
		last->at = c->text.len;
	}
	buf_add(&c->text, data, n);
	last->n += n;
	c->bytes += n;
}

void db_copy_borrow(struct db_copy *c, const void *data, size_t n)
{
	struct db_piece *p = add_piece(c);
	p->borrowed = data;
	p->n = n;
	c->bytes += n;
}

void db_copy_row(struct db_copy *c, int fields)
{
	uint16_t n = htons((uint16_t)fields);
	db_copy_add(c, &n, sizeof n);
}

void db_copy_length(struct db_copy *c, size_t n)
{
	uint32_t length = htonl((uint32_t)n);
	assert(n <= INT32_MAX);
	db_copy_add(c, &length, sizeof length);
}

void db_copy_null(struct db_copy *c)
{
	uint32_t none = htonl((uint32_t)-1);
	db_copy_add(c, &none, sizeof none);
}

void db_copy_text(struct db_copy *c, const char *text)
{
	if (!text) {
		db_copy_null(c);
		return;
	}
	db_copy_length(c, strlen(text));
	db_copy_add(c, text, strlen(text));
}

void db_copy_int8(struct db_copy *c, int64_t v)
{
	uint64_t n = htobe64((uint64_t)v);
	db_copy_length(c, sizeof n);
	db_copy_add(c, &n, sizeof n);
}

void db_copy_int4(struct db_copy *c, int32_t v)
{
	uint32_t n = htonl((uint32_t)v);
	db_copy_length(c, sizeof n);
	db_copy_add(c, &n, sizeof n);
}

void db_copy_uuid(struct db_copy *c, struct uuid id)
{
	db_copy_length(c, sizeof id.b);
	db_copy_add(c, id.b, sizeof id.b);
}

void db_copy_time(struct db_copy *c, int64_t usec)
{
	db_copy_int8(c, db_time(usec));
}

void db_copy_end(struct db_copy *c)
{
	uint16_t end = htons((uint16_t)-1);
	db_copy_add(c, &end, sizeof end);
}
