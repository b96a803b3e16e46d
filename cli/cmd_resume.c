/* wfctl resume RUN... */
#include "change.h"
#include "command.h"

static int run(const struct options *o)
{
	return change_runs(o, CHANGE_RESUME);
}

static const struct option options[] = {CHANGE_OPTIONS};

const struct command command_resume = {
	.name = "resume",
	.arguments = "RUN...",
	.summary = "let suspended runs go on",
	.help = "An order to suspend that is not obeyed yet is taken back.\n"
		"Where a step is held, only wfctl retry lets the run go on: it sends the "
		"step again.\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
