/* The whole life of one worker of the pool. */
#include "pool_worker.h"

#include "base/clock.h"
#include "command.h"

#include "base/log.h"
#include "worker/suspect.h"

#include <sys/resource.h>
#include <unistd.h>

#define CONNECT_TIMEOUT (60 * USEC_PER_SEC)

/* An effect takes a connection, or the pipes of a process. */
static void allow_files(int effects)
{
	struct rlimit limit;
	rlim_t needed = 256 + 8 * (rlim_t)effects;
	if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur >= needed)
		return;
	limit.rlim_cur = needed < limit.rlim_max ? needed : limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

static bool work(struct worker *w, struct error *err)
{
	char id[UUID_TEXT];
	uuid_format(worker_id(w), id);
	log_line(LOG_INFO, "worker %s, process %d, is ready", id, (int)getpid());
	enum worker_end end = worker_run(w, 0, err);
	if (end != WORKER_FAILED)
		log_line(LOG_INFO, "worker %s has ended", id);
	return end != WORKER_FAILED;
}

int pool_worker_run(const struct worker_options *settings)
{
	struct error err;
	int code = EXIT_DONE;
	allow_files(settings->concurrency);
	struct worker *w = NULL;
	bool connected = worker_create(settings, &w, &err) &&
			 worker_connect(w, CONNECT_TIMEOUT, &err);
	bool fine = connected && work(w, &err);
	if (!fine)
		code = command_fail(&err);
	if (!fine && settings->suspect)
		code = SUSPECT_CANNOT_CONNECT; /* no run is to blame */
	worker_destroy(w);
	return code;
}
