/*
 * Run ids and stepIds (RFC 9562). A run id is version 7: time-ordered. A stepId is
 * version 8: the 48 time bits of its run id, then SHA-256 over run id, path and
 * generation, so it is the same wherever and however often it is computed.
 */
#ifndef STEPWELL_BASE_UUID_H
#define STEPWELL_BASE_UUID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct uuid {
	uint8_t b[16];
};

#define UUID_TEXT 37 /* 36 characters and NUL */

struct uuid uuid_v4(void);
struct uuid uuid_v7(int64_t usec);
struct uuid uuid_step(struct uuid run, const char *path, unsigned generation);
void uuid_format(struct uuid id, char out[UUID_TEXT]);
unsigned uuid_version(struct uuid id);
bool uuid_parse(const char *text, struct uuid *ret); /* 36 characters, any case */
bool uuid_equal(struct uuid a, struct uuid b);
int uuid_compare(struct uuid a, struct uuid b);

/* SHA-256 of the bytes. */
void digest_sha256(const void *data, size_t n, uint8_t out[32]);
/* Lower-case hexadecimal of n bytes; out holds 2 n + 1. */
void digest_hex(const uint8_t *bytes, size_t n, char *out);

#endif
