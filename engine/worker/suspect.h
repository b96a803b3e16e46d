/*
 * The process that executes suspects: runs whose workers died. It is the same program,
 * started by a worker, which it ends with. What it does stands in memory that both share,
 * so that the worker knows it whatever becomes of the process; it asks nothing.
 */
#ifndef STEPWELL_WORKER_SUSPECT_H
#define STEPWELL_WORKER_SUSPECT_H

#include "base/control_group.h"
#include "base/error.h"
#include "base/uuid.h"
#include "run/secrets.h"

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SUSPECT_STEP 1024
#define SUSPECT_CANNOT_CONNECT 75 /* its exit code: nothing was executed */

/* What both see. The worker writes the first part before it starts the process. */
struct black_box {
	pid_t worker;
	uint64_t memory;                /* bytes of data it may have; 0: any */
	bool routes;                    /* it has no runs, but events */
	char group[CONTROL_GROUP_PATH]; /* a control group of its own; "": none */
	bool grouped;                   /* it is in there */
	char compiles[UUID_TEXT];       /* the definition; "": none now */
	_Atomic uint64_t turns;         /* of its loop */
	char step[SUSPECT_STEP]; /* the path of what it began last, or the event; "":
				    nothing */
};

/* ---- In the worker ---- */

struct suspect_process {
	pid_t pid;
	int lifeline; /* closed: the process drains and ends; -1: it was */
	struct black_box *box;
	uint64_t kills; /* in its control group, when it was seen alive last */
};

/* How one has ended. */
struct death {
	int signal, code; /* signal 0: it exited with code */
	uint64_t rss;     /* the most memory it had, bytes */
	bool hung;        /* killed, since it used the processor and did not turn */
	bool starved; /* its own control group had no memory left, and the kernel killed
		       */
};

struct suspect_start {
	char *const *argv; /* of a worker with this one's settings */
	const char *conninfo;
	const struct secrets *secrets; /* NULL: none */
	struct uuid id;
	uint64_t memory;    /* the most it may have, 0: any; less where there is less */
	bool routes, alone; /* alone: it has one run */
};

MUST_CHECK bool suspect_start(
	const struct suspect_start *s, struct suspect_process *ret, struct error *err);
void suspect_finish(struct suspect_process *p); /* closes what is open */
void suspect_drain(struct suspect_process *p);
/* Whether it has ended; it is reaped then. */
bool suspect_has_ended(struct suspect_process *p, struct death *ret);
/* Processor time that it has used, microseconds. */
int64_t suspect_cpu(const struct suspect_process *p);

/* Whether the death was the process's own doing, not somebody's who killed it. */
bool death_is_evidence(const struct death *d, const struct black_box *box);
/* {"signal":..,"code":..,"step":..,"rss":..}, and the same for people: "killed by SIGSEGV
 * in /do/0/x, with 12 MiB". Caller frees. */
char *death_object(const struct death *d, const struct black_box *box);
char *death_text(const struct death *d, const struct black_box *box);

/* ---- In the process ---- */

struct suspect {
	struct uuid id;
	char *conninfo;
	int lifeline;
	struct black_box *box;
};

/* Takes over what suspect_start has left for it, bounds its memory, and binds it to its
 * worker. ERROR_INPUT: nobody has started it so. */
MUST_CHECK bool suspect_begin(struct suspect *ret, struct error *err);
void suspect_end(struct suspect *s);
/* What is begun now. */
void suspect_note(struct black_box *box, const char *step);

#endif
