/*
 * A value of a run: immutable, verified JSON text that is shared by counting references.
 * Once it stands in the journal it knows where (origin), so that a `frames` entry can
 * name it instead of repeating it.
 */
#ifndef STEPWELL_JSON_VALUE_H
#define STEPWELL_JSON_VALUE_H

#include "json/json.h"

struct value {
	unsigned refs;
	/* Where the journal holds it: entry `seq`, its op number `op`, that op's member
	 * `field`. seq is 0 for the run's input and -1 for what is in no entry. */
	int64_t seq;
	unsigned op;
	const char *field; /* a static string */
	size_t n;
	char s[]; /* n bytes and a NUL */
};

/* A new value with one reference; copies the text, which must be verified JSON. */
struct value *value_create(struct json text);
struct value *value_ref(struct value *v); /* NULL stays NULL */
void value_unref(struct value *v);
/* Drops what *slot holds and puts v there, whose reference it takes. */
void value_set(struct value **slot, struct value *v);
struct json value_json(const struct value *v); /* NULL: the literal null */

#endif
