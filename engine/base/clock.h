/*
 * Time. Durable times are microseconds since 1970 UTC by the database's clock; the engine
 * learns its offset to CLOCK_BOOTTIME from each heartbeat and never reads the machine's
 * wall clock, but to tell how far it is off. Local waits use CLOCK_BOOTTIME, which goes
 * on while the machine sleeps.
 */
#ifndef STEPWELL_BASE_CLOCK_H
#define STEPWELL_BASE_CLOCK_H

#include "base/buf.h"

#include <stdbool.h>

#define USEC_PER_MS 1000LL
#define USEC_PER_SEC 1000000LL

int64_t clock_boottime(void); /* microseconds; the one place that asks the kernel */

/* The machine's wall clock, microseconds since 1970: only to be compared with the
 * database's (doctor). */
int64_t clock_processor(void); /* that this thread has used, microseconds */
int64_t clock_wall(void);

/* "2026-11-22T21:15:40.123456Z" (27 characters and NUL), RFC 3339. */
#define CLOCK_TEXT 28
void clock_format(int64_t usec, char out[CLOCK_TEXT]);
/* RFC 3339 with any offset and 0 to 9 digits of a second. */
bool clock_parse(const char *text, int64_t *ret_usec);
/* An HTTP date in any of the three forms of RFC 9110, 5.6.7. */
bool clock_parse_http(const char *text, int64_t *ret_usec);

/* A duration for people: "1.5s", "2m 3s", "3d 4h"; at least one unit, at most two. */
void duration_format(int64_t usec, char *out, size_t size);

/* Random 64 bits for ids and jitter: the one place that asks the kernel. */
uint64_t random_u64(void);

#endif
