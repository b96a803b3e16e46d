/*
 * A verb of the command line: its name, its help, its options and what it does. One file
 * cmd_<verb>.c holds one `const struct command`; commands.c lists them.
 */
#ifndef STEPWELL_COMMAND_H
#define STEPWELL_COMMAND_H

#include "base/error.h"
#include "options.h"

struct command {
	const char *name;
	const char *arguments; /* as usage shows them; "" for none */
	const char *summary;   /* one line */
	const char *help;      /* paragraphs with line breaks, or NULL */
	const struct option *options;
	int least, most;                     /* number of arguments; most -1: any */
	int (*run)(const struct options *o); /* returns the exit code */
};

extern const struct command *const commands[]; /* in the order of help, NULL-ended */

const struct command *command_find(const char *name);
/* The command that was probably meant, or NULL. */
const struct command *command_nearest(const char *name);

/* Exit codes: docs/operations.md lists them. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_UNEXPECTED = 1,
	EXIT_USAGE = 2,
	EXIT_NOT_FOUND = 3,
	EXIT_DENIED = 4,
	EXIT_CONFLICT = 5,
	EXIT_INVALID = 6,
	EXIT_DATABASE = 7,
	EXIT_WAIT_OVER = 8,
	EXIT_RUN_FAULTED = 10,
	EXIT_RUN_CANCELLED = 11,
};

/* Says the error on stderr and returns the exit code that it means. */
int command_fail(const struct error *err);
/* The same for a mistake in the arguments. */
int command_misuse(const struct options *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

#endif
