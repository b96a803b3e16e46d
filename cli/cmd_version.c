/* wfctl version */
#include "command.h"
#include "output.h"

static int run(const struct options *o)
{
	if (output_form(o) == OUTPUT_TEXT) {
		output_print("wfctl %s\n", o->build);
		return EXIT_DONE;
	}
	cJSON *object = cJSON_CreateObject();
	object_text(object, "version", o->build);
	output_object(object);
	return EXIT_DONE;
}

static const struct option options[] = {OPTION_ROW_OUTPUT, OPTION_ROW_HELP, {0}};

const struct command command_version = {
	.name = "version",
	.arguments = "",
	.summary = "print the version of this program",
	.options = options,
	.run = run,
};
