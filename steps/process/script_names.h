/*
 * Arguments that have names: a small program that is run before the script and gives it
 * each name as a variable with its JSON value, and as an option in argv for programs that
 * read their command line: --NAME=VALUE, --NAME for true, nothing for false and null.
 * They stand in no real argv, which is bounded and everybody can read.
 */
#ifndef STEPWELL_PROCESS_SCRIPT_NAMES_H
#define STEPWELL_PROCESS_SCRIPT_NAMES_H

#include "base/buf.h"

/* Its text; names: a JSON object. */
void script_names_js(const char *names, struct buf *out);     /* for node --require */
void script_names_python(const char *names, struct buf *out); /* python3 IT SCRIPT */

#endif
