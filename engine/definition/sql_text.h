/*
 * What can be said of a `call: sql` statement without a server: that it is one statement
 * of a kind that belongs into a step's transaction. Strings, dollar quotes, comments and
 * quoted identifiers are honoured as PostgreSQL does with standard_conforming_strings on.
 */
#ifndef STEPWELL_DEFINITION_SQL_TEXT_H
#define STEPWELL_DEFINITION_SQL_TEXT_H

#include "base/error.h"

#include <stdint.h>

/* One statement of SELECT, INSERT, UPDATE, DELETE, MERGE, WITH, VALUES, CALL or DO,
 * without
 * ${ }: values come as parameters. On failure err is ERROR_INPUT. */
MUST_CHECK bool sql_text_check(const char *statement, struct error *err);

/* Which parameters a statement that was accepted names: bit n is $n+1, of the first 64.
 */
struct sql_named {
	uint64_t first;
	long highest; /* 0: none is named */
};
struct sql_named sql_text_named(const char *statement);

#endif
