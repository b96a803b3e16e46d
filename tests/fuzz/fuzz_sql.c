/* The statement of a `call: sql`. What is accepted must be one statement: no transaction
 * control can begin one. */
#include "fuzz.h"

#include "definition/sql_text.h"

#include <stdlib.h>
#include <string.h>

void fuzz_sql(const char *data, size_t n)
{
	static const char *const forbidden[] = {
		"commit", "rollback", "begin", "set ", "reset", "copy", "create", "drop"};
	char *text = xstrndup(data, n);
	struct error err = {0};
	bool ok = sql_text_check(text, &err);
	must(ok || (err.kind == ERROR_INPUT && *err.text), "no reason");
	for (size_t i = 0; ok && i < sizeof forbidden / sizeof *forbidden; i++)
		must(strncasecmp(text, forbidden[i], strlen(forbidden[i])) != 0,
			"accepted: %s", text);
	free(text);
}
