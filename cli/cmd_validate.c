/* wfctl validate: judges definitions; needs no database. */
#include "command.h"
#include "definition_file.h"
#include "output.h"

#include <stdlib.h>

static int validate_file(const struct options *o, const char *path)
{
	struct definition_file f;
	struct error err;
	bool runnable = options_given(o, "runnable");
	if (!definition_file_open(path, &f, &err))
		return command_fail(&err);
	bool valid = definition_file_valid(&f, runnable);
	if (output_form(o) == OUTPUT_TEXT) {
		definition_file_print(&f, runnable, true);
		if (valid) {
			char *safe = output_safe(path);
			output_print("%s: valid\n", safe);
			free(safe);
		}
	} else {
		output_object(definition_file_object(&f, runnable));
	}
	definition_file_finish(&f);
	return valid ? EXIT_DONE : EXIT_INVALID;
}

static int run(const struct options *o)
{
	int result = EXIT_DONE;
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
		"refuse also what this runtime does not support yet"},
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_validate = {
	.name = "validate",
	.arguments = "FILE|DIR...",
	.summary = "say what is wrong with definitions",
	.help = "Prints every problem as file:line:col: error: /pointer: text; exit 6 if "
		"there is an\n"
		"error. What is valid but not supported by this runtime is a warning.\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
