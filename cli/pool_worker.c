/* The whole life of one worker of the pool. */
#include "pool_worker.h"

#include "clock.h"
#include "command.h"

#define CONNECT_TIMEOUT (60 * USEC_PER_SEC)

int pool_worker_run(const struct worker_options *settings)
{
	struct error err;
	int code = EXIT_DONE;
	struct worker *w = worker_create(settings);
	if (!worker_connect(w, CONNECT_TIMEOUT, &err) ||
		worker_run(w, 0, &err) == WORKER_FAILED)
		code = command_fail(&err);
	worker_destroy(w);
	return code;
}
