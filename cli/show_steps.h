/* The steps of a run as a tree, for people. */
#ifndef STEPWELL_SHOW_STEPS_H
#define STEPWELL_SHOW_STEPS_H

#include "attempts.h"

/* With a heading, or nothing where there are none. all: with every iteration of long
 * loops (fold.h). attempts: those that failed stand below their step, and its output;
 * NULL: neither. now: until when what is open has lasted. */
void show_steps(const struct admin_steps *steps, bool all,
	const struct attempts *attempts, int64_t now);

/* Whether an attempt of the step may have taken effect, and none has completed it. */
bool show_uncertain(const struct admin_step *s);
/* The first such step, the innermost of its kind; NULL: there is none. */
const struct admin_step *show_first_uncertain(const struct admin_steps *steps);

#endif
