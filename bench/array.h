/*
 * A PostgreSQL array in binary form (array_recv), one dimension: a parameter of a
 * statement. Its text is complete after each element, so it can be sent at any time.
 */
#ifndef STEPWELL_BENCH_ARRAY_H
#define STEPWELL_BENCH_ARRAY_H

#include "base/buf.h"

#define ARRAY_TEXT 25u /* oids of the elements' types */
#define ARRAY_INT8 20u
#define ARRAY_INT4 23u
#define ARRAY_UUID 2950u
#define ARRAY_TIMESTAMPTZ 1184u

struct array {
	struct buf data;
	uint32_t count;
};

void array_init(struct array *a, uint32_t type);
void array_finish(struct array *a);
void array_bytes(struct array *a, const void *data, size_t n);
void array_text(struct array *a, const char *text); /* NULL: null */
void array_int8(struct array *a, int64_t v);
void array_int4(struct array *a, int32_t v);    /* 0: null */
void array_time(struct array *a, int64_t usec); /* microseconds since 1970 */

#endif
