/*
 * The steps of a run as the tree that they are: each behind the one that it is in,
 * siblings in the order of their start.
 */
#ifndef STEPWELL_STEP_TREE_H
#define STEPWELL_STEP_TREE_H

#include "admin/runs.h"

struct step_place {
	size_t index; /* in the steps */
	int depth;    /* 0: a task of the workflow's own list */
};

struct step_tree {
	struct step_place *items;
	size_t count;
};

/* All of the steps, once each. */
void step_tree_init(struct step_tree *t, const struct admin_steps *steps);
void step_tree_finish(struct step_tree *t);

#endif
