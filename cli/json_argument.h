/* A JSON value as an option's argument: the text itself, @FILE, or - for standard input;
 * a file may be YAML. */
#ifndef STEPWELL_JSON_ARGUMENT_H
#define STEPWELL_JSON_ARGUMENT_H

#include "error.h"

/* Verified JSON text; caller frees. Errors begin with the option's name. */
MUST_CHECK bool json_argument_read(
	const char *given, const char *option, char **ret, struct error *err);

#endif
