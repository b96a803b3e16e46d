/* wfctl suspend RUN... */
#include "change.h"
#include "command.h"

static int run(const struct options *o)
{
	return change_runs(o, CHANGE_SUSPEND);
}

static const struct option options[] = {CHANGE_OPTIONS};

const struct command command_suspend = {
	.name = "suspend",
	.arguments = "RUN...",
	.summary = "let runs stop after the step they are at",
	.help = "A run that no worker has begun is suspended at once, another one when "
		"its worker has\n"
		"seen the request. It goes on with: wfctl resume RUN\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
