/* The table of commands, and how errors become exit codes. */
#include "command.h"

#include "db/db.h"
#include "output.h"
#include "json/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define COMMANDS(X)  \
	X(run)       \
	X(start)     \
	X(status)    \
	X(list)      \
	X(history)   \
	X(emit)      \
	X(retry)     \
	X(cancel)    \
	X(suspend)   \
	X(resume)    \
	X(validate)  \
	X(graph)     \
	X(apply)     \
	X(workflows) \
	X(worker)    \
	X(dev)       \
	X(migrate)   \
	X(doctor)    \
	X(gc)        \
	X(version)   \
	X(help)

#define DECLARE(verb) extern const struct command command_##verb;
#define LIST(verb) &command_##verb,

COMMANDS(DECLARE)

const struct command *const commands[] = {COMMANDS(LIST) NULL};

const struct command *command_find(const char *name)
{
	for (const struct command *const *c = commands; *c; c++)
		if (strcmp((*c)->name, name) == 0)
			return *c;
	return NULL;
}

/* What other programs call it. */
static const struct {
	const char *word, *command;
} habits[] = {{"ps", "list"}, {"ls", "list"}, {"runs", "list"}, {"get", "status"},
	{"show", "status"}, {"describe", "status"}, {"inspect", "status"},
	{"stat", "status"}, {"top", "status"}, {"ui", "graph"}, {"draw", "graph"},
	{"logs", "history"}, {"log", "history"}, {"journal", "history"},
	{"stop", "cancel"}, {"kill", "cancel"}, {"pause", "suspend"},
	{"continue", "resume"}, {"rerun", "retry"}, {"exec", "run"}, {"up", "dev"},
	{"server", "dev"}, {"serve", "worker"}, {"deploy", "apply"}, {"create", "apply"},
	{"lint", "validate"}, {"check", "validate"}, {"send", "emit"},
	{"publish", "emit"}, {"signal", "emit"}, {"init", "migrate"},
	{"upgrade", "migrate"}, {"prune", "gc"}, {"clean", "gc"}};

const struct command *command_nearest(const char *name)
{
	const struct command *best = NULL;
	unsigned distance = 3;
	for (size_t i = 0; i < sizeof habits / sizeof *habits; i++)
		if (strcmp(name, habits[i].word) == 0)
			return command_find(habits[i].command);
	for (const struct command *const *c = commands; *c; c++) {
		unsigned d = word_distance(name, (*c)->name);
		if (d < distance) {
			distance = d;
			best = *c;
		}
	}
	return best;
}

/* A table, function or schema that is not there. */
static bool is_schema_error(const struct error *err)
{
	return err->kind == ERROR_PERMANENT && db_error_is_drift(err);
}

static int code_of(const struct error *err)
{
	switch (err->kind) {
	case ERROR_INPUT: return EXIT_INVALID;
	case ERROR_TRANSIENT: return EXIT_DATABASE;
	case ERROR_CONFLICT:
	case ERROR_FENCED: return EXIT_CONFLICT;
	case ERROR_NOT_FOUND: return EXIT_NOT_FOUND;
	case ERROR_DENIED: return EXIT_DENIED;
	case ERROR_NONE:
	case ERROR_PERMANENT: break;
	}
	return is_schema_error(err) ? EXIT_DATABASE : EXIT_UNEXPECTED;
}

int command_fail(const struct error *err)
{
	int code = code_of(err);
	output_wrong(err->text);
	if (is_schema_error(err))
		output_say("the schema is missing or old; run: wfctl migrate");
	return code;
}

int command_misuse(const struct options *o, const char *format, ...)
{
	char text[512];
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	output_wrong(text);
	output_say("usage: wfctl %s%s%s", o->command->name,
		*o->command->arguments ? " " : "", o->command->arguments);
	return EXIT_USAGE;
}
