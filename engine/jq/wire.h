/*
 * What a worker and its evaluators (child.h) say to each other: messages of a header
 * and a payload, little endian, over a socket pair. Whoever reads trusts nothing: what
 * does not fit is no message.
 *
 * COMPILE   first unit, flags; of each: its variables, its source -> COMPILED: of each ""
 *           or why it does not compile
 * FORK      with a descriptor for the copy -> FORKED: its process id
 * EVALUATE  now, largest result; slices; of each evaluation its unit, its `.` and its
 *           arguments, as numbers of slices -> for each, in order, VALUE or FAILURE
 */
#ifndef STEPWELL_JQ_WIRE_H
#define STEPWELL_JQ_WIRE_H

#include "base/buf.h"

#include <stdbool.h>

enum jqwire_type {
	JQWIRE_COMPILE = 1,
	JQWIRE_COMPILED,
	JQWIRE_FORK,
	JQWIRE_FORKED,
	JQWIRE_EVALUATE,
	JQWIRE_VALUE,
	JQWIRE_FAILURE,
};

#define JQWIRE_HEADER 24u
#define JQWIRE_MAX ((size_t)1 << 30) /* bytes of a message */
#define JQWIRE_NULL UINT32_MAX       /* instead of a slice: null */
#define JQWIRE_TRY 1u                /* a flag of COMPILE: nothing is kept */

struct jqwire_header {
	uint32_t len; /* of the payload */
	uint16_t type;
	uint16_t spare;      /* 0 */
	uint64_t seq;        /* of the question that it belongs to */
	uint32_t generation; /* of what is compiled */
	uint32_t count;      /* of units or evaluations; of an answer: which one */
};

/* Appends a header whose length is set by jqwire_end; returns where it begins. */
size_t jqwire_begin(struct buf *out, const struct jqwire_header *h);
void jqwire_end(struct buf *out, size_t begin);
void jqwire_put_u32(struct buf *out, uint32_t v);
void jqwire_set_u32(struct buf *out, size_t at, uint32_t v); /* in place of one */
void jqwire_put_u64(struct buf *out, uint64_t v);
void jqwire_put_text(struct buf *out, const char *s, size_t n);

/* JQWIRE_HEADER bytes; false: none of ours. */
bool jqwire_read_header(const char *bytes, struct jqwire_header *ret);

/* A payload that is read. What is not there is 0 or "", and `bad` is set. */
struct jqwire_reader {
	const char *p, *end;
	bool bad;
};
uint32_t jqwire_u32(struct jqwire_reader *r);
uint64_t jqwire_u64(struct jqwire_reader *r);
const char *jqwire_text(struct jqwire_reader *r, size_t *ret_n);
/* A number of things that take at least so many bytes each. */
uint32_t jqwire_count(struct jqwire_reader *r, size_t each);

#endif
