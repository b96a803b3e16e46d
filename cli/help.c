/* Help, made from the commands' tables, so that it cannot differ from what they do. */
#include "help.h"

#include "base/version.h"
#include "command.h"

#include <stdio.h>

static const char exit_codes[] =
	"Exit codes: 0 done, 1 unexpected, 2 usage, 3 not found, 4 not allowed, 5 "
	"conflict,\n"
	"6 invalid definition or input, 7 database unreachable or schema wrong, 8 our "
	"wait ran\n"
	"out while the run goes on, 10 the run faulted, 11 the run was cancelled.\n";

void help_all(void)
{
	printf("wfctl " STEPWELL_VERSION ": durable workflows on PostgreSQL\n\n"
	       "usage: wfctl COMMAND [OPTIONS] [ARGUMENTS]\n\n");
	for (const struct command *const *c = commands; *c; c++)
		printf("  %-10s %s\n", (*c)->name, (*c)->summary);
	printf("\nRUN is an id, the last 6 or more digits of one, or @last. The database "
	       "is --db,\n"
	       "else DATABASE_URL, else PGSERVICE/PG*, else the private one of this "
	       "folder,\nwhich run and dev make. With -o json the output is one JSON "
	       "value: an array where a "
	       "command may speak of\nseveral things, else an object; with jsonl it is "
	       "an "
	       "object a line.\n%s\n"
	       "More on a command: wfctl help COMMAND\n",
		exit_codes);
}

void help_command(const struct command *c)
{
	struct buf options = {0};
	options_describe(c->options, &options);
	printf("wfctl %s: %s\n\nusage: wfctl %s [OPTIONS]%s%s\n", c->name, c->summary,
		c->name, *c->arguments ? " " : "", c->arguments);
	if (c->help)
		printf("\n%s", c->help);
	printf("\nOptions:\n%s\n%s", buf_text(&options), exit_codes);
	buf_finish(&options);
}
