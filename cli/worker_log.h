/* What workers say on stderr: which lines, in which form, and what they are at the start.
 */
#ifndef STEPWELL_WORKER_LOG_H
#define STEPWELL_WORKER_LOG_H

#include "db/db.h"
#include "options.h"
#include "worker/worker.h"

#define WORKER_FLAGS_LOG                                             \
	{"log-level", 0, OPTION_CHOICE, "error|warning|info|debug",  \
		"leave out what matters less (default info)"},       \
	{                                                            \
		"log-format", 0, OPTION_CHOICE, "text|json",         \
			"form of its lines on stderr (default text)" \
	}

/* By the options of WORKER_FLAGS_LOG. */
void worker_log_choose(const struct options *o);
/* Which build it is, which database it works for (never its password), what it can do,
 * how many processes of it there are. */
void worker_log_begin(
	const struct db_client *c, const struct worker_options *w, int processes);

#endif
