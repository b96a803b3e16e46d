/*
 * Control groups, of version 1 or 2: how much memory is left in ours, and one of its own
 * for a process of which it is to be told whether the kernel killed it for its memory.
 * `root` stands before /proc and /sys: "" but in tests.
 */
#ifndef STEPWELL_BASE_CONTROL_GROUP_H
#define STEPWELL_BASE_CONTROL_GROUP_H

#include "base/error.h"

#include <stdbool.h>
#include <stdint.h>

#define CONTROL_GROUP_PATH 1200

struct group_memory {
	uint64_t limit, used; /* bytes */
};

/* Of ours and those around it the one with the least left; false: none has a limit. */
bool group_memory(const char *root, struct group_memory *ret);

/* Makes one below ours that may have that much memory, and writes its path; false: none
 * can be made here whose kills are counted. name: "stepwell.ID"; empty ones with the same
 * beginning are removed. */
MUST_CHECK bool group_make(
	const char *root, const char *name, uint64_t limit, char ret[CONTROL_GROUP_PATH]);
void group_remove(const char *path); /* it must be empty, else it stays */
/* Moves this process into it. */
MUST_CHECK bool group_enter(const char *path);
/* How many of its processes the kernel has killed, if it had no memory left itself: where
 * others took what there was, and the kernel chose one of this group, 0. */
uint64_t group_kills(const char *path);

#endif
