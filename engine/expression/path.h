/*
 * Expressions that need no libjq because they only choose, place and compare: literals,
 * paths (.a.b[0], ."a b", $name["x"]), objects and arrays of these ({a: .x, b: [1,
 * $y.z]}), comparisons of these (.status == 200), and `and`, `or`, `| not`. What they
 * choose is a slice of the text it stands in, so it keeps every byte. Meaning, order of
 * evaluation and errors are jq's; numbers are compared as the doubles that jq has.
 */
#ifndef STEPWELL_EXPRESSION_PATH_H
#define STEPWELL_EXPRESSION_PATH_H

#include "expression/expression.h"

enum plain_kind {
	PLAIN_LITERAL,
	PLAIN_PATH,
	PLAIN_ARRAY,
	PLAIN_OBJECT,
	PLAIN_COMPARISON, /* of two items */
	PLAIN_ALL,        /* `and` of its items */
	PLAIN_ANY,        /* `or` of its items */
	PLAIN_TRUTH,      /* of its item, or what is not, if negated */
};

enum plain_order {
	PLAIN_EQUAL,
	PLAIN_UNEQUAL,
	PLAIN_LESS,
	PLAIN_LESS_EQUAL,
	PLAIN_GREATER,
	PLAIN_GREATER_EQUAL,
};

struct plain_step {
	char *name; /* of a member; NULL: an index */
	long index; /* from the end if negative */
};

struct path {
	enum plain_kind kind;
	char *name;       /* what this is called in the object around it; or NULL */
	struct json json; /* the literal */
	char *root;       /* a path's variable; NULL: `.` */
	struct plain_step *steps;
	size_t nsteps;
	struct path *items; /* of what contains others */
	size_t nitems;
	enum plain_order order; /* of a comparison */
	bool negated;           /* of a truth */
	bool chooses; /* the whole: what it evaluates of itself depends on values */
};

/* False if the source, which passed jqscan_read, is more than that. It is borrowed as
 * long as *ret is used. */
MUST_CHECK bool path_parse(char *source, size_t n, struct path *ret);
void path_finish(struct path *p);

/* The error of a name that is not in the scope; returns false. */
bool path_undefined(const char *name, struct error *err);
/* Follows a path to its slice; never absent. */
MUST_CHECK bool path_find(const struct path *path, const struct scope *scope,
	struct json *ret, struct error *err);
/* Appends the JSON text. */
MUST_CHECK bool path_eval(const struct path *p, const struct scope *scope,
	struct buf *out, struct error *err);
/* Whether it gives anything but false and null. */
MUST_CHECK bool path_test(
	const struct path *p, const struct scope *scope, bool *ret, struct error *err);

#endif
