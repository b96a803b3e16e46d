/*
 * Options of a command, by its table: --name VALUE, --name=VALUE, -x VALUE, -xVALUE; `--`
 * ends them; they may stand before, between and after the arguments. Values are checked
 * while they are read. A later value of an option replaces an earlier one, except in
 * lists.
 */
#ifndef STEPWELL_OPTIONS_H
#define STEPWELL_OPTIONS_H

#include "base/buf.h"
#include "base/error.h"

#include <stddef.h>
#include <stdint.h>

struct command;

enum option_kind {
	OPTION_FLAG,     /* no value */
	OPTION_TEXT,     /* any but the empty one */
	OPTION_LIST,     /* the same, may be repeated */
	OPTION_COUNT,    /* a whole number from 0 */
	OPTION_DURATION, /* 500ms, 2s, 5m, 1h, 7d, PT5S */
	OPTION_SIZE,     /* bytes: 4096, 64KiB, 1MiB */
	OPTION_TIME,     /* RFC 3339 */
	OPTION_CHOICE,   /* one of the words of `value`, between | */
};

struct option {
	const char *name; /* long, without hyphens; NULL ends a table */
	char letter;      /* 0: none */
	enum option_kind kind;
	const char *value; /* what help calls its value */
	const char *help;
};

/* Rows that several commands have. */
#define OPTION_ROW_DB                                                                \
	{                                                                            \
		"db", 0, OPTION_TEXT, "CONNINFO",                                    \
			"the database (default: DATABASE_URL, PG*, the private one)" \
	}
#define OPTION_ROW_OUTPUT                                        \
	{                                                        \
		"output", 'o', OPTION_CHOICE, "text|json|jsonl", \
			"form of what is printed"                \
	}
#define OPTION_ROW_HELP                                     \
	{                                                   \
		"help", 'h', OPTION_FLAG, NULL, "this text" \
	}

struct option_value {
	const struct option *option;
	const char *text;
	int64_t number; /* count, microseconds or bytes */
};

struct options {
	const struct command *command;
	const char *
		build; /* version of this program, with what tells it from other builds */
	struct option_value *values;
	size_t value_count;
	const char **arguments; /* NULL-ended */
	int argument_count;
};

/* Reads the words after the command's name. ERROR_INPUT says what is wrong. Texts borrow
 * from argv. */
MUST_CHECK bool options_parse(const struct command *command, int argc, char *const argv[],
	struct options *ret, struct error *err);
void options_finish(struct options *o);

/* The name must stand in the command's table. */
bool options_given(const struct options *o, const char *name);
/* Whether the command has it at all: the others may only be asked of what it has. */
bool options_has(const struct options *o, const char *name);
const char *options_text(const struct options *o, const char *name); /* NULL: not given */
int64_t options_number(const struct options *o, const char *name, int64_t fallback);
/* The values of a list, NULL-ended; caller frees the array, not the texts. */
char **options_list(const struct options *o, const char *name);

/* The column of options in a command's help. */
void options_describe(const struct option *table, struct buf *out);

#endif
