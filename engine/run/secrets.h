/*
 * The secrets that a worker can give to requests: files of one folder, each named as its
 * secret, and variables of the environment with one prefix. A value is read when it is
 * needed, so a file that was replaced counts from the next attempt on; of a name in both
 * places the file counts. Variables are taken out of the process's environment once, so
 * that nothing started later inherits them.
 *
 * A value is JSON if its text is a JSON object or array, else it is a string: the text
 * without one line break at its end. It is UTF-8, of SECRET_BYTES at most.
 */
#ifndef STEPWELL_RUN_SECRETS_H
#define STEPWELL_RUN_SECRETS_H

#include "json/json.h"

#define SECRET_BYTES (64u << 10)

struct secrets;

/* What may be a prefix: the beginning of a variable's name. */
bool secret_prefix_is(const char *s);

/*
 * folder, prefix: NULL for none; borrowed. With a prefix, the variables disappear from
 * the environment, and from what /proc shows of it. The process is not dumped any more:
 * no core file, and no process of the same user reads its memory.
 */
struct secrets *secrets_create(const char *folder, const char *prefix);
void secrets_destroy(struct secrets *s); /* wipes */
/* How many variables were taken; ret, unless it is NULL, gets as many texts NAME=VALUE,
 * which the caller wipes and frees: for another process of this program. s NULL: none. */
size_t secrets_variables(const struct secrets *s, char **ret);

/* Appends the secret's value, verified JSON text, to out. ERROR_NOT_FOUND, ERROR_DENIED:
 * there is none of that name, or none for us; ERROR_INPUT: it is not of use. The texts
 * say no part of a value. s NULL: there are none. */
MUST_CHECK bool secrets_read(
	const struct secrets *s, const char *name, struct buf *out, struct error *err);

/* Appends what stands in for a value where it must not be known: the same shape, each
 * string "secret.NAME", each number 1, each boolean false. */
void secret_put_reference(const char *name, struct json value, struct buf *out);

#endif
