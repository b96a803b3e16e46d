/*
 * Several workers of one command: N child processes, restarted when they die.
 */
#ifndef STEPWELL_POSTGRES_PROCESSES_H
#define STEPWELL_POSTGRES_PROCESSES_H

/* What a child does; its return value is its exit code. */
typedef int (*process_work)(void *ctx);

/* Forks `count` children that work, and returns when all have ended by themselves (exit
 * 0) or after SIGTERM or SIGINT, which are passed on. One that dies is started again
 * after 1 s, doubling up to 30 s. Returns the exit code: 0, or the last child's own. The
 * caller must hold no connection and no thread. */
int processes_run(int count, process_work work, void *ctx);

#endif
