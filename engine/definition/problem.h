/*
 * What went wrong in a run, for its author: a problem document (RFC 9457) with one of the
 * standard types of the Open Workflow DSL, "Standard Error Types". A `struct fault` is
 * what a kind of task reports; the engine makes the document of it, with the task's
 * reference as `instance`.
 */
#ifndef STEPWELL_DEFINITION_PROBLEM_H
#define STEPWELL_DEFINITION_PROBLEM_H

#include "json/value.h"

enum problem_type {
	PROBLEM_CONFIGURATION,  /* 400 */
	PROBLEM_VALIDATION,     /* 400 */
	PROBLEM_EXPRESSION,     /* 400 */
	PROBLEM_AUTHENTICATION, /* 401 */
	PROBLEM_AUTHORIZATION,  /* 403 */
	PROBLEM_TIMEOUT,        /* 408 */
	PROBLEM_COMMUNICATION,  /* 500, or the HTTP status */
	PROBLEM_RUNTIME,        /* 500 */
};

struct fault {
	enum problem_type type;
	int status;          /* 0: the type's own */
	char title[128];     /* "" : the type's own */
	char detail[896];    /* UTF-8, one or more lines */
	int64_t retry_after; /* microseconds to wait at least (Retry-After), 0: none said
			      */
	bool uncertain;      /* the effect may have happened all the same */
};

/* Fills type and detail, leaves the rest; returns false. */
bool fault_set(struct fault *f, enum problem_type type, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The problem document: type, status, title, detail, instance. */
struct value *problem_create(const struct fault *f, const char *instance);

#define PROBLEM_BASE "https://open-workflow-specification.org/spec/1.0.0/errors/"

/* Whether two error type URIs mean the same: equal, or the same standard error under any
 * of its published spellings. */
bool problem_type_equal(const char *a, const char *b);

/* The name of the standard error that the type is probably meant to be and is not: below
 * an address of the specification, or a name alone. NULL: none. */
const char *problem_type_meant(const char *type);

#endif
