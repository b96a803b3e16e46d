/* wfctl: finds the command, reads its options, runs it, and sees that what it printed has
 * been written. */
#include "build_version.h"
#include "command.h"
#include "help.h"
#include "init.h"
#include "output.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int run_command(const struct command *command, int argc, char *argv[])
{
	struct options o;
	struct error err;
	if (!options_parse(command, argc, argv, &o, &err)) {
		output_wrong(err.text);
		return EXIT_USAGE;
	}
	int code = EXIT_DONE;
	o.build = BUILD_VERSION;
	if (options_given(&o, "help"))
		help_command(command);
	else
		code = command->run(&o);
	options_finish(&o);
	return code;
}

static int refuse(const char *word)
{
	const struct command *nearest = command_nearest(word);
	char *safe = output_safe(word);
	if (word[0] == '-')
		output_say("wfctl: options come after the command; see: wfctl help");
	else if (nearest)
		output_say("wfctl: there is no command \"%s\"; did you mean %s?", safe,
			nearest->name);
	else
		output_say("wfctl: there is no command \"%s\"; see: wfctl help", safe);
	free(safe);
	return EXIT_USAGE;
}

static int dispatch(int argc, char *argv[])
{
	if (argc < 2) {
		help_all();
		return EXIT_USAGE;
	}
	const char *word = argv[1];
	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0)
		word = "help";
	if (strcmp(word, "--version") == 0)
		word = "version";
	const struct command *command = command_find(word);
	return command ? run_command(command, argc - 2, argv + 2) : refuse(word);
}

/* What is opened later must not get the number of a standard stream that was closed: it
 * would be written to as that stream. Nothing can be written to what stands in for it. */
static bool fill_standard_streams(void)
{
	int fd;
	do {
		fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	} while (fd >= 0 && fd <= STDERR_FILENO && fcntl(fd, F_SETFD, 0) == 0);
	if (fd > STDERR_FILENO)
		close(fd);
	return fd > STDERR_FILENO;
}

int main(int argc, char *argv[])
{
	init_become();
	if (!fill_standard_streams())
		return EXIT_UNEXPECTED;
	/* A reader that went away must not end a run. */
	signal(SIGPIPE, SIG_IGN);
	int code = dispatch(argc, argv);
	if (!output_flush() && code == EXIT_DONE) {
		output_say("wfctl: what it has to say could not be written");
		code = EXIT_UNEXPECTED;
	}
	return code;
}
