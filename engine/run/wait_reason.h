/* For people: why a run has left memory to wait. */
#ifndef STEPWELL_RUN_WAIT_REASON_H
#define STEPWELL_RUN_WAIT_REASON_H

#include "base/buf.h"

struct run;

/* For a time, its next attempt, or another run. */
void wait_reason_time(const struct run *r, struct buf *out);
/* For events: of which types. Of a listener for all of several only what has not come;
 * three are named, the filters beyond them are counted. A few hundred bytes at most. */
void wait_reason_events(const struct run *r, struct buf *out);

#endif
