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

static int validate_file(const struct options *o, const char *path, struct output_list *l)
{
	struct definition_file f;
	struct error err;
	bool runnable = !options_given(o, "spec");
	if (!definition_file_open(path, &f, &err))
		return command_fail(&err);
	bool valid = definition_file_valid(&f, runnable);
	if (l->form == OUTPUT_TEXT) {
		definition_file_print(&f, runnable, true);
		char *safe = output_safe(path);
		if (valid)
			output_print("%s: valid%s\n", safe,
				f.definition ? ""
					     : " by the specification, but apply, run "
					       "and start refuse it");
		free(safe);
	} else {
		output_item(l, definition_file_object(&f, runnable));
	}
	definition_file_finish(&f);
	return valid ? EXIT_DONE : EXIT_INVALID;
}

static int run(const struct options *o)
{
	const char *format = options_text(o, "format"),
		   *output = options_text(o, "output");
	int result = EXIT_DONE;
	struct output_list l = {.form = form(o)};
	if (options_given(o, "spec") && options_given(o, "runnable"))
		return command_misuse(
			o, "--runnable is the opposite of --spec: give one");
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
			int code = validate_file(o, *file, &l);
			result = code ? code : result;
			free(*file);
		}
		free(files);
	}
	output_list_end(&l, result == EXIT_DONE);
	return result;
}

static const struct option options[] = {
	{"spec", 0, OPTION_FLAG, NULL,
		"refuse only what the specification's schema refuses"},
	{"runnable", 0, OPTION_FLAG, NULL, "the default: as apply, run and start"},
	OPTION_ROW_OUTPUT,
	{"format", 0, OPTION_CHOICE, "text|json|jsonl", "another name of --output"},
	OPTION_ROW_HELP,
	{0},
};

const struct command command_validate = {
	.name = "validate",
	.arguments = "FILE|DIR|-...",
	.summary = "say what is wrong with definitions",
	.help = "Prints every problem as file:line:col: error: /pointer: text; exit 6 if "
		"there is an\n"
		"error. An error is what apply, run and start refuse: what the "
		"specification's schema\n"
		"refuses, names that lead nowhere, expressions that do not compile, what "
		"this runtime\n"
		"does not support. What is probably not meant is a warning. With --spec "
		"only what the\n"
		"schema refuses is an error. - is standard input, JSON or YAML. In JSON: "
		"an "
		"array with\n"
		"an object per file: file, valid (by the schema), runnable and findings "
		"[{class, line,\n"
		"column, pointer, text}].\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
