/*
 * Expressions that need no libjq because they only choose and place: literals, paths
 * (.a.b[0],
 * ."a b", $name["x"]), and objects and arrays of these ({a: .x, b: [1, $y.z]}). What they
 * choose is a slice of the text it stands in, so it keeps every byte. Meaning and errors
 * are jq's.
 */
#ifndef STEPWELL_PLAIN_H
#define STEPWELL_PLAIN_H

#include "expression.h"

enum plain_kind { PLAIN_LITERAL, PLAIN_PATH, PLAIN_ARRAY, PLAIN_OBJECT };

struct plain_step {
	char *name; /* of a member; NULL: an index */
	long index; /* from the end if negative */
};

struct plain {
	enum plain_kind kind;
	char *name;       /* what this is called in the object around it; or NULL */
	struct json json; /* the literal */
	char *root;       /* a path's variable; NULL: `.` */
	struct plain_step *steps;
	size_t nsteps;
	struct plain *items; /* of an array or object */
	size_t nitems;
};

/* False if the source, which passed jqscan_read, is more than that. It is borrowed as
 * long as *ret is used. */
MUST_CHECK bool plain_parse(char *source, size_t n, struct plain *ret);
void plain_finish(struct plain *p);

/* The error of a name that is not in the scope; returns false. */
bool plain_undefined(const char *name, struct error *err);
/* Follows a path to its slice; never absent. */
MUST_CHECK bool plain_find(const struct plain *path, const struct scope *scope,
	struct json *ret, struct error *err);
/* Appends the JSON text. */
MUST_CHECK bool plain_eval(const struct plain *p, const struct scope *scope,
	struct buf *out, struct error *err);

#endif
