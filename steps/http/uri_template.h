/*
 * URI templates as the DSL has them: RFC 6570, simple string expansion only ("{petId}",
 * "{x,y}"). A name is a member of the variables, taken verbatim: "{pet.id}" is the member
 * "pet.id". Values are percent-encoded, so they cannot change the URL's structure.
 */
#ifndef STEPWELL_HTTP_URI_TEMPLATE_H
#define STEPWELL_HTTP_URI_TEMPLATE_H

#include "definition/problem.h"
#include "definition/task.h"

/* Whether a string of a definition is one with names in it, and no expression. */
bool uri_template_is(struct json v);
/* Braces are balanced and hold names only; else ERROR_INPUT. */
MUST_CHECK bool uri_template_check(const char *text, struct error *err);

/* Expands a checked template. A variable that is missing or null is the empty string, as
 * the DSL's reference says ("URI Template"); an array or object is PROBLEM_EXPRESSION. */
MUST_CHECK bool uri_template_expand(const char *text, struct json variables,
	struct buf *out, struct fault *ret_fault);

/* For a field of a definition: checks it if it is a template; expands one that is. */
MUST_CHECK bool uri_template_compile(
	struct compiler *c, struct json field, struct error *err);
MUST_CHECK bool uri_template_render(struct json field, struct json variables,
	struct buf *out, struct fault *ret_fault);

#endif
