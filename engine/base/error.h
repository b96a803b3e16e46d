/*
 * What went wrong inside the engine, as the caller needs it: a kind that says what to do
 * and one line of text that says what happened. Errors of a workflow (problem documents)
 * are not these: see definition/problem.h.
 *
 * A function that can fail returns bool and takes `struct error *err` last; it writes to
 * it only on failure. err may be NULL where the caller has no use for the text.
 */
#ifndef STEPWELL_BASE_ERROR_H
#define STEPWELL_BASE_ERROR_H

#include <stdbool.h>

#define MUST_CHECK __attribute__((warn_unused_result))

enum error_kind {
	ERROR_NONE = 0,
	ERROR_INPUT,     /* what came from outside is wrong: tell, do not repeat */
	ERROR_TRANSIENT, /* may work when repeated: connection, deadlock, server restart
			  */
	ERROR_CONFLICT,  /* a uniqueness rule refused it */
	ERROR_FENCED,    /* the journal's key did: somebody else has written to the run */
	ERROR_NOT_FOUND,
	ERROR_DENIED,    /* rights or configuration forbid it */
	ERROR_PERMANENT, /* will not work when repeated */
};

struct error {
	enum error_kind kind;
	char sqlstate[6]; /* where the database said so, else "" */
	char text[1024];  /* one line, no newline at the end */
};

/* Writes kind and text, cut to fit; returns false, so that `return error_set(...)` fails.
 */
bool error_set(struct error *err, enum error_kind kind, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Puts "prefix: " before the text that is there; returns false. */
bool error_prefix(struct error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
