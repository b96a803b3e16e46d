/*
 * The arrows of a list: where its tasks lead. Only graph.c uses it.
 */
#ifndef STEPWELL_GRAPH_FLOW_H
#define STEPWELL_GRAPH_FLOW_H

#include "graph/graph.h"

/* keys: the names of the list's tasks as JSON strings; tasks: their values; both in the
 * order of its nodes. */
void graph_flow(
	struct graph_list *list, const struct json *keys, const struct json *tasks);

#endif
