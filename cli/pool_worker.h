/* A worker of the pool, in this process: what `worker` and `dev` do after their
 * preparations. */
#ifndef STEPWELL_POOL_WORKER_H
#define STEPWELL_POOL_WORKER_H

#include "worker/worker.h"

/* Connects, runs until it is told to end, and returns the exit code. */
int pool_worker_run(const struct worker_options *settings);

#endif
