/*
 * URI templates as the DSL has them: RFC 6570, simple string expansion only ("{petId}",
 * "{x,y}"). A name is a member of the variables, taken verbatim: "{pet.id}" is the member
 * "pet.id". Values are percent-encoded, so they cannot change the URL's structure.
 */
#ifndef STEPWELL_URI_TEMPLATE_H
#define STEPWELL_URI_TEMPLATE_H

#include "json.h"
#include "problem.h"

/* Braces are balanced and hold names only; else ERROR_INPUT. */
MUST_CHECK bool uri_template_check(const char *text, struct error *err);

/* Expands a checked template. A variable that is missing or null is the empty string, as
 * the DSL's reference says ("URI Template"); an array or object is PROBLEM_EXPRESSION. */
MUST_CHECK bool uri_template_expand(const char *text, struct json variables,
	struct buf *out, struct fault *ret_fault);

#endif
