/*
 * Judges jq source without libjq, by the grammar of jq 1.6 and the names of its
 * functions: in microseconds, where libjq takes 15 ms to start, and with the very place
 * of a fault. What it passes compiles. What it faults, libjq may still take (a newer one
 * knows more), so libjq has the last word there.
 */
#ifndef STEPWELL_JQ_CHECK_H
#define STEPWELL_JQ_CHECK_H

#include <stdbool.h>
#include <stddef.h>

struct jqfault {
	ptrdiff_t at;   /* byte of the source; -2: of the ${ before it */
	char text[256]; /* what is wrong; "": only libjq can tell whether anything is */
};

/* Called for each use of a $name that the source does not bind itself. */
typedef void (*jqcheck_on_variable)(void *ctx, size_t at, const char *name, size_t n);

struct jqcheck_options {
	bool embedded; /* the source ends at the } of a ${, which must be there */
	jqcheck_on_variable on_variable; /* may be NULL */
	void *ctx;
};

/* Text of n bytes and a NUL; comments are blanked out. options may be NULL. */
bool jqcheck(char *source, size_t n, const struct jqcheck_options *options,
	struct jqfault *ret);

#endif
