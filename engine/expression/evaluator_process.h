/*
 * One process of an evaluator, template or copy: its start, its bounds, its end. For
 * evaluator.c.
 */
#ifndef STEPWELL_EXPRESSION_EVALUATOR_PROCESS_H
#define STEPWELL_EXPRESSION_EVALUATOR_PROCESS_H

#include <sys/types.h>

#include "base/error.h"
#include "jq/channel.h"

struct evaluator_process {
	pid_t pid;   /* 0: not known yet, or none */
	pid_t group; /* a template's, and of all that came of it */
	struct channel channel;
	clockid_t clock; /* its processor time */
	uint64_t base;   /* bytes of addresses before it does anything */
	uint64_t bound;  /* what it may have more, as it was set last */
};

/* Two ends of a socket pair, the first one for us. */
MUST_CHECK bool evaluator_process_pair(int ret[2], struct error *err);
/* Starts a template, in a process group of its own. ret_log is the end of its pipe, which
 * is read without waiting. ERROR_TRANSIENT: the system may let it do so later. */
MUST_CHECK bool evaluator_process_start(
	pid_t *ret_pid, int *ret_fd, int *ret_log, struct error *err);
/* Passes a descriptor with the header of a message. */
MUST_CHECK bool evaluator_process_pass(int fd, const void *head, size_t n, int passed);

/* The process is that one. */
void evaluator_process_know(struct evaluator_process *p, pid_t pid);
/* It may take so many bytes of memory more than it had. */
void evaluator_process_bound(struct evaluator_process *p, uint64_t bytes);
/* Microseconds of processor time. */
int64_t evaluator_process_time(const struct evaluator_process *p);
/* Others of this program come first from now on. */
void evaluator_process_lower(const struct evaluator_process *p);
/* Kills it; a template with all that came of it. */
void evaluator_process_kill(struct evaluator_process *p);
/* How it ended, as waitpid has it; false: it has not yet. -1: nobody knows. */
MUST_CHECK bool evaluator_process_reap(struct evaluator_process *p, int *ret_status);
/* Whether a process is of that group, and not its template. */
bool evaluator_process_is_of(pid_t pid, pid_t group);
/* One of the group that has ended and that nobody has reaped; 0: none; -1: there will be
 * none. */
pid_t evaluator_process_left(pid_t group);

#endif
