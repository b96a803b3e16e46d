/*
 * Which steps of a long loop are left out where people read: iterations that completed,
 * but for each loop's last three. Only the outermost loop around a step counts.
 */
#ifndef STEPWELL_FOLD_H
#define STEPWELL_FOLD_H

#include "admin/runs.h"

struct fold {
	const struct admin_steps *steps;
	struct fold_loop *loops;
	size_t count;
};

/* Borrows the steps until fold_finish. */
void fold_init(struct fold *f, const struct admin_steps *steps);
void fold_finish(struct fold *f);

/* Whether step i is left out. The first one of its loop that is has ret_iterations set to
 * how many iterations of the loop are left out; else it is 0. */
bool fold_hides(struct fold *f, size_t i, int64_t *ret_iterations);

#endif
