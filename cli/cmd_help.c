/* wfctl help [COMMAND] */
#include "command.h"
#include "help.h"

static int run(const struct options *o)
{
	if (o->argument_count == 0) {
		help_all();
		return EXIT_DONE;
	}
	const struct command *c = command_find(o->arguments[0]);
	const struct command *nearest = command_nearest(o->arguments[0]);
	if (c)
		help_command(c);
	else if (nearest)
		return command_misuse(o, "there is no command \"%s\"; did you mean %s?",
			o->arguments[0], nearest->name);
	else
		return command_misuse(o, "there is no command \"%s\"", o->arguments[0]);
	return EXIT_DONE;
}

static const struct option options[] = {OPTION_ROW_HELP, {0}};

const struct command command_help = {
	.name = "help",
	.arguments = "[COMMAND]",
	.summary = "explain wfctl or one of its commands",
	.options = options,
	.most = 1,
	.run = run,
};
