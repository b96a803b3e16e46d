/*
 * Judges a document by the Open Workflow DSL 1.0.x: every problem at once, each with its
 * place. Pure: needs no database and no compilation. What the DSL allows but this runtime
 * does not run is a finding of its own class, so that `validate` can warn and `apply`,
 * `run` and `start` can refuse.
 */
#ifndef STEPWELL_VALIDATE_VALIDATE_H
#define STEPWELL_VALIDATE_VALIDATE_H

#include "json/json.h"

enum finding_class {
	FINDING_ERROR,       /* the document is not valid */
	FINDING_UNSUPPORTED, /* valid, but not supported by this runtime */
	FINDING_WARNING,     /* valid, but probably not what is meant */
};

struct finding {
	enum finding_class class;
	unsigned line, column; /* from 1 */
	char *pointer;         /* JSON Pointer of what it is about, "" for the document */
	char *text;            /* what is wrong, and what would be right */
};

struct findings {
	struct finding *items; /* in the order of the text; 1,000 at most */
	size_t count;
	size_t errors, unsupported; /* of these classes, listed or not */
};

void findings_finish(struct findings *f);

/* text: the file as read, of any content; *ret_document is the checked value if it is
 * JSON at all, else absent (then there is exactly one finding). */
/* A function in a file of its own: a task, which may name what is in the document's
 * `use`. */
void validate_function(const char *text, size_t n, struct json document,
	struct json *ret_function, struct findings *ret);

void validate(
	const char *text, size_t n, struct json *ret_document, struct findings *ret);

#endif
