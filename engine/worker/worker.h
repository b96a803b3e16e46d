/*
 * A worker: one process of the pool, with one loop. It claims runs, executes them, keeps
 * its leases alive and takes over the runs of dead workers. `wfctl run` is a worker too,
 * one that claims nothing and adopts the one run it has started.
 */
#ifndef STEPWELL_WORKER_WORKER_H
#define STEPWELL_WORKER_WORKER_H

#include "definition/task.h"

struct worker;
struct suspect;

struct worker_options {
	const char *conninfo;
	const char *version;        /* of this build; default: the program's version */
	int concurrency;            /* effects at once; default 64 */
	int64_t expression_timeout; /* of processor time, microseconds; 0: 1 s */
	int max_runs;               /* runs in memory at once; default 4096 */
	int64_t heartbeat;          /* microseconds; default 2 s */
	int64_t lease;              /* default 10 s */
	int64_t poll;               /* default 500 ms */
	int64_t drain_timeout;      /* default 30 s */
	int poison_after; /* deaths of its own process until a run is suspended; default
			     3; 0: never */
	bool claim;       /* takes runs from the pool */
	bool until_idle;  /* ends when nothing is due or running anywhere */
	struct settings settings;
	/* How a process for suspects is started (suspect.h): as a worker with these
	 * settings; NULL: this worker starts none. Borrowed. */
	char *const *suspect_argv;
	uint64_t suspect_memory;       /* bytes that it may have; default 2 GiB; 0: any */
	const struct suspect *suspect; /* this process is one; NULL: it is none */
};

/* Fills in the defaults. */
void worker_options_init(struct worker_options *o);

enum worker_end {
	WORKER_DRAINED,   /* SIGTERM or SIGINT: leases were given back */
	WORKER_IDLE,      /* until_idle */
	WORKER_RUN_ENDED, /* the adopted run has ended, or waits for an operator */
	WORKER_TIMED_OUT, /* the time given to worker_run is over; leases given back */
	WORKER_RUN_LOST,  /* the adopted run belongs to somebody else now */
	WORKER_FAILED,    /* cannot go on: err says why */
};

/* ERROR_TRANSIENT when the system is short of descriptors. */
MUST_CHECK bool worker_create(
	const struct worker_options *o, struct worker **ret, struct error *err);
void worker_destroy(struct worker *w);

/* Connects and registers; runs the loop until that is done. ERROR_TRANSIENT when it did
 * not succeed within timeout (microseconds). */
MUST_CHECK bool worker_connect(struct worker *w, int64_t timeout, struct error *err);
struct uuid worker_id(const struct worker *w);

/* The run was created with this worker as its owner (create_run with owner); worker_run
 * returns WORKER_RUN_ENDED when it has ended. */
void worker_adopt(struct worker *w, struct uuid run_id);

/* Runs until one of the ends above. timeout 0: none. Handles SIGTERM and SIGINT (drain;
 * the second one exits the process at once with status 1). */
enum worker_end worker_run(struct worker *w, int64_t timeout, struct error *err);

#endif
