/* Binary arrays for the reference. The header is patched as elements come. */
#include "array.h"

#include <arpa/inet.h>
#include <endian.h>
#include <string.h>

/* 2000-01-01 00:00 UTC, where PostgreSQL counts from, in microseconds since 1970. */
#define POSTGRES_EPOCH INT64_C(946684800000000)
#define AT_NULLS 4 /* where in the header */
#define AT_COUNT 12

static void put_uint32(struct array *a, uint32_t v)
{
	uint32_t n = htonl(v);
	buf_add(&a->data, &n, sizeof n);
}

static void patch_uint32(struct array *a, size_t at, uint32_t v)
{
	uint32_t n = htonl(v);
	memcpy(a->data.data + at, &n, sizeof n);
}

void array_init(struct array *a, uint32_t type)
{
	*a = (struct array){0};
	put_uint32(a, 1); /* dimensions */
	put_uint32(a, 0); /* has nulls */
	put_uint32(a, type);
	put_uint32(a, 0); /* elements */
	put_uint32(a, 1); /* the first one's index */
}

void array_finish(struct array *a)
{
	buf_finish(&a->data);
	a->count = 0;
}

void array_bytes(struct array *a, const void *data, size_t n)
{
	put_uint32(a, (uint32_t)n);
	buf_add(&a->data, data, n);
	patch_uint32(a, AT_COUNT, ++a->count);
}

static void add_null(struct array *a)
{
	put_uint32(a, UINT32_MAX);
	patch_uint32(a, AT_NULLS, 1);
	patch_uint32(a, AT_COUNT, ++a->count);
}

void array_text(struct array *a, const char *text)
{
	if (text)
		array_bytes(a, text, strlen(text));
	else
		add_null(a);
}

void array_int8(struct array *a, int64_t v)
{
	uint64_t n = htobe64((uint64_t)v);
	array_bytes(a, &n, sizeof n);
}

void array_int4(struct array *a, int32_t v)
{
	uint32_t n = htonl((uint32_t)v);
	if (v)
		array_bytes(a, &n, sizeof n);
	else
		add_null(a);
}

void array_time(struct array *a, int64_t usec)
{
	array_int8(a, usec - POSTGRES_EPOCH);
}
