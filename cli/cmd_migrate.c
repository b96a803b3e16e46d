/* wfctl migrate: brings the database's schema up to this program. */
#include "command.h"
#include "database.h"
#include "output.h"

#include <stdio.h>

static int print_sql(void)
{
	struct buf sql = {0};
	admin_schema_sql(&sql);
	fputs(buf_text(&sql), stdout);
	buf_finish(&sql);
	return EXIT_DONE;
}

/* What we refuse ourselves (encoding, a newer schema) is a wrong database. */
static int fail(const struct error *err)
{
	int code = command_fail(err);
	return err->kind == ERROR_DENIED && !*err->sqlstate ? EXIT_DATABASE : code;
}

static int check(struct db_client *c)
{
	static const char *const texts[] = {
		[SCHEMA_CURRENT] = "up to date",
		[SCHEMA_MISSING] = "missing; run: wfctl migrate",
		[SCHEMA_OLD] = "older than this program; run: wfctl migrate",
		[SCHEMA_STALE] =
			"of this version, with other functions; run: wfctl migrate",
		[SCHEMA_NEWER] = "newer than this program: use a newer wfctl",
	};
	struct error err;
	enum schema_state state;
	if (!admin_schema_state(c, &state, &err))
		return fail(&err);
	output_print("the schema is %s\n", texts[state]);
	return state == SCHEMA_CURRENT ? EXIT_DONE : EXIT_DATABASE;
}

static int migrate(struct db_client *c)
{
	struct error err;
	int applied;
	if (!admin_migrate(c, &applied, &err))
		return fail(&err);
	if (applied)
		output_print("the schema is up to date: %d migration%s applied\n",
			applied, applied > 1 ? "s" : "");
	else
		output_print("the schema is up to date\n");
	return EXIT_DONE;
}

static int run(const struct options *o)
{
	struct database d;
	if (options_given(o, "print"))
		return print_sql();
	int code = database_open(o, DATABASE_ANY, &d);
	if (code != EXIT_DONE)
		return code;
	code = options_given(o, "check") ? check(d.client) : migrate(d.client);
	database_close(&d);
	return code;
}

static const struct option options[] = {
	{"check", 0, OPTION_FLAG, NULL,
		"only say whether it is up to date (exit 7 if not)"},
	{"print", 0, OPTION_FLAG, NULL, "only print the SQL for an empty database"},
	OPTION_ROW_DB,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_migrate = {
	.name = "migrate",
	.arguments = "",
	.summary = "create or update the schema in the database",
	.options = options,
	.run = run,
};
