/* A JSON value as an option's argument: the text itself, @FILE, or - for standard input;
 * a file may be YAML. */
#ifndef STEPWELL_JSON_ARGUMENT_H
#define STEPWELL_JSON_ARGUMENT_H

#include "base/error.h"

#include <stddef.h>

/* The text of a file or, as -, of standard input: YAML as JSON, what is no YAML by its
 * name as it is and not verified; caller frees. Errors of YAML begin with the option's
 * name (NULL: none). */
MUST_CHECK bool json_file_read(const char *path, const char *option, char **ret,
	size_t *ret_n, struct error *err);
/* Verified JSON text; caller frees. Errors begin with the option's name. */
MUST_CHECK bool json_argument_read(
	const char *given, const char *option, char **ret, struct error *err);

#endif
