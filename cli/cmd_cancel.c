/* wfctl cancel RUN... */
#include "change.h"
#include "command.h"

static int run(const struct options *o)
{
	return change_runs(o, CHANGE_CANCEL);
}

static const struct option options[] = {CHANGE_OPTIONS};

const struct command command_cancel = {
	.name = "cancel",
	.arguments = "RUN...",
	.summary = "cancel runs that have not ended",
	.help = "The effect that is under way is stopped; completed steps stay as they "
		"are.\n"
		"The order is carried out when the run's worker looks next, at its "
		"heartbeat (2 s).\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
