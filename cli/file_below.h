/*
 * Files that others name: regular ones, in a folder or below it. No link leads out of it,
 * nothing is waited for (a pipe, a device), nothing is read that is too large.
 */
#ifndef STEPWELL_FILE_BELOW_H
#define STEPWELL_FILE_BELOW_H

#include "base/buf.h"
#include "base/error.h"

/* folder, path: absolute; the path may name the folder through links. ERROR_INPUT says
 * what is wrong with the file. */
MUST_CHECK bool file_below_read(const char *folder, const char *path, size_t most,
	struct buf *out, struct error *err);

/* A descriptor, or -1 with errno; relative: to the folder. The second is for kernels
 * without openat2 (before 5.6): it follows no link at all. */
int file_below_open(int folder, const char *relative);
int file_below_walk(int folder, const char *relative);

#endif
