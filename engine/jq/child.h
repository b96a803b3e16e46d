/*
 * An evaluator: this program, started anew for one thing, to let libjq work on what
 * nobody has checked. It has no descriptors but its end of a socket pair and a pipe for
 * what it has to say of itself, no environment but TZ and LC_ALL, bounded memory, and
 * hardly a system call (filter.h). What it says is not trusted either
 * (expression/evaluator.h).
 *
 * A template compiles the units of one definition and makes copies of itself, which
 * evaluate. No data ever reaches a template, so that whatever spoils a copy ends with it.
 */
#ifndef STEPWELL_JQ_CHILD_H
#define STEPWELL_JQ_CHILD_H

/* The only argument of such a process; descriptors are as follows. */
extern const char jqchild_argument[];

#define JQCHILD_LOG 2
#define JQCHILD_SOCKET 3
#define JQCHILD_STACK ((unsigned long)256 << 20)
#define JQCHILD_NO_MEMORY 77 /* exit code */
#define JQCHILD_REFUSED 78   /* the filter could not be installed */

#endif
