/*
 * A growable run of bytes, always followed by a NUL that does not count, so that text in
 * it can be read as a C string. A zeroed struct buf is an empty one. Growth aborts when
 * memory runs out (a restart is the recovery that is tested).
 */
#ifndef STEPWELL_BASE_BUF_H
#define STEPWELL_BASE_BUF_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buf {
	char *data; /* NULL while nothing was written */
	size_t len; /* bytes, without the closing NUL */
	size_t cap;
};

void buf_finish(struct buf *b);
void buf_wipe(struct buf *b);  /* buf_finish, after overwriting what it held */
void buf_clear(struct buf *b); /* len = 0, memory kept */
void buf_reserve(struct buf *b, size_t more);
static inline void buf_add(struct buf *b, const void *data, size_t len);
static inline void buf_puts(struct buf *b, const char *s);
static inline void buf_putc(struct buf *b, char c);
void buf_int(struct buf *b, int64_t v); /* in decimal */
void buf_printf(struct buf *b, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* The text as a C string ("" when empty); valid until the next write. */
const char *buf_text(const struct buf *b);
/* Hands the memory over: caller frees with free(); b is empty afterwards. Never NULL. */
char *buf_take(struct buf *b);

/* Allocation that aborts instead of returning NULL. */
void *xmalloc(size_t n);
void *xcalloc(size_t n, size_t size);
void *xrealloc(void *p, size_t n);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Most of what a worker does for a step is to add a few bytes to a buffer that has room.
 */
static inline void buf_add(struct buf *b, const void *data, size_t len)
{
	if (len >= b->cap - b->len)
		buf_reserve(b, len);
	if (len)
		memcpy(b->data + b->len, data, len);
	b->data[b->len += len] = '\0';
}

static inline void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

static inline void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

#endif
