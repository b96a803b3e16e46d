/*
 * Stops an evaluation that runs for too long or makes the process grow too much. Time is
 * that of the evaluating thread's own processor clock, so a paused or crowded machine
 * fails nobody. A thread looks at what is armed every few milliseconds, and sleeps after
 * a second without work. It is there before the first evaluation, which so never has to
 * go without. Arming costs two uncontended locks.
 */
#ifndef STEPWELL_WATCHDOG_H
#define STEPWELL_WATCHDOG_H

#include <stddef.h>

struct watchdog;

enum watchdog_verdict {
	WATCHDOG_FINE,
	WATCHDOG_LATE, /* halted: more than the timeout */
	WATCHDOG_FAT,  /* halted: the process grew by more than growth_bytes */
};

/* NULL where the machine gives no thread; errno says why. */
struct watchdog *watchdog_create(size_t growth_bytes);
void watchdog_destroy(struct watchdog *w);

/* From here on halt(ctx) may be called from the other thread, at most once. */
void watchdog_arm(
	struct watchdog *w, unsigned timeout_ms, void (*halt)(void *), void *ctx);
/* Afterwards it is not called any more. */
enum watchdog_verdict watchdog_disarm(struct watchdog *w);

#endif
