/* wfctl validate: judges definitions; needs no database. */
#include "command.h"
#include "definition_file.h"
#include "output.h"

#include <stdlib.h>
#include <string.h>

static enum output form(const struct options *o)
{
	const char *format = options_text(o, "format");
	return format ? output_by_name(format) : output_form(o);
}

static int validate_file(const struct options *o, const char *path)
{
	struct definition_file f;
	struct error err;
	bool runnable = options_given(o, "runnable");
	if (!definition_file_open(path, &f, &err))
		return command_fail(&err);
	bool valid = definition_file_valid(&f, runnable);
	if (form(o) == OUTPUT_TEXT) {
		definition_file_print(&f, runnable, true);
		char *safe = output_safe(path);
		if (valid)
			output_print("%s: valid%s\n", safe,
				f.definition ? ""
					     : ", but apply, run and start refuse it");
		free(safe);
	} else {
		output_object(definition_file_object(&f, runnable));
	}
	definition_file_finish(&f);
	return valid ? EXIT_DONE : EXIT_INVALID;
}

static int run(const struct options *o)
{
	const char *format = options_text(o, "format"),
		   *output = options_text(o, "output");
	int result = EXIT_DONE;
	if (format && output && strcmp(format, output) != 0)
		return command_misuse(
			o, "--format is another name of --output: give one");
	for (const char **path = o->arguments; *path; path++) {
		struct error err;
		char **files;
		if (!definition_file_expand(*path, &files, &err)) {
			result = command_fail(&err);
			continue;
		}
		for (char **file = files; *file; file++) {
			int code = validate_file(o, *file);
			result = code ? code : result;
			free(*file);
		}
		free(files);
	}
	return result;
}

static const struct option options[] = {
	{"runnable", 0, OPTION_FLAG, NULL,
		"refuse also what apply, run and start refuse"},
	OPTION_ROW_OUTPUT,
	{"format", 0, OPTION_CHOICE, "text|json|jsonl", "another name of --output"},
	OPTION_ROW_HELP,
	{0},
};

const struct command command_validate = {
	.name = "validate",
	.arguments = "FILE|DIR...",
	.summary = "say what is wrong with definitions",
	.help = "Prints every problem as file:line:col: error: /pointer: text; exit 6 if "
		"there is an\n"
		"error. An error is what the specification's schema refuses. The rest is "
		"a warning: what\n"
		"apply, run and start refuse all the same (names that lead nowhere, "
		"expressions that do not\n"
		"compile, what this runtime does not support), and what is probably not "
		"meant. In JSON: an\n"
		"object per file with file, valid, runnable and findings [{class, line, "
		"column, pointer,\n"
		"text}].\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
