/*
 * What the kernel still does for a process that evaluates: it may read and write what is
 * open, get memory, and end. Files are not there (ENOENT); any other call is refused
 * (EPERM) and noted, so that an update of the C library which needs one is seen.
 */
#ifndef STEPWELL_JQ_FILTER_H
#define STEPWELL_JQ_FILTER_H

#include <stdbool.h>

enum jqfilter_for {
	JQFILTER_TEMPLATE, /* may make copies and take descriptors */
	JQFILTER_COPY,
};

/* Holds for the rest of the process's life; a second one may only be narrower. */
bool jqfilter_install(enum jqfilter_for whom);
/* The number of the last call that was refused; 0: none. */
int jqfilter_refused(void);

#endif
