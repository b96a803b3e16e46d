/*
 * The states of a run in a picture: steps find the box of their task by their path, all
 * iterations and visits of it together.
 */
#ifndef STEPWELL_GRAPH_STATE_H
#define STEPWELL_GRAPH_STATE_H

#include "admin/runs.h"
#include "graph/graph.h"

void graph_mark(
	struct graph *g, const struct admin_run *run, const struct admin_steps *steps);

/* "3 completed, 1 running", "completed, 2 attempts"; "" where it was not reached. Caller
 * frees. */
char *graph_state_text(const struct graph_marks *m);

#endif
