/* Colours that keep apart without red and green too: states differ in lightness and are
 * named in their box. */
#include "graph/paint.h"

#include <string.h>

static const struct graph_paint phases[] = {
	[PHASE_PENDING] = {"#64748b", "#f1f5f9", "#0f172a", false},
	[PHASE_RUNNING] = {"#1d4ed8", "#bfdbfe", "#0f172a", false},
	[PHASE_WAITING] = {"#b45309", "#fef3c7", "#0f172a", false},
	[PHASE_SUSPENDED] = {"#6d28d9", "#ddd6fe", "#0f172a", false},
	[PHASE_COMPLETED] = {"#15803d", "#dcfce7", "#0f172a", false},
	[PHASE_FAULTED] = {"#b91c1c", "#fecaca", "#0f172a", false},
	[PHASE_CANCELLED] = {"#475569", "#e2e8f0", "#334155", false},
	[PHASE_SKIPPED] = {"#64748b", "#ffffff", "#475569", true},
};

static const struct graph_paint unreached = {"#94a3b8", "#ffffff", "#64748b", true};

static const struct graph_paint kinds[] = {
	[GRAPH_CALL] = {"#1d4ed8", "#f5f9ff", "#0f172a", false},
	[GRAPH_DO] = {"#475569", "#f8fafc", "#0f172a", false},
	[GRAPH_EMIT] = {"#0f766e", "#f2fbf9", "#0f172a", false},
	[GRAPH_EXTENSION] = {"#475569", "#f8fafc", "#0f172a", false},
	[GRAPH_FOR] = {"#475569", "#f8fafc", "#0f172a", false},
	[GRAPH_FORK] = {"#475569", "#f8fafc", "#0f172a", false},
	[GRAPH_LISTEN] = {"#0f766e", "#f2fbf9", "#0f172a", false},
	[GRAPH_RAISE] = {"#b91c1c", "#fff5f5", "#0f172a", false},
	[GRAPH_RUN] = {"#7e22ce", "#fbf7ff", "#0f172a", false},
	[GRAPH_SET] = {"#475569", "#f8fafc", "#0f172a", false},
	[GRAPH_SWITCH] = {"#a16207", "#fffdf0", "#0f172a", false},
	[GRAPH_TRY] = {"#475569", "#f8fafc", "#0f172a", false},
	[GRAPH_WAIT] = {"#b45309", "#fffaf0", "#0f172a", false},
	[GRAPH_OTHER] = {"#475569", "#ffffff", "#0f172a", true},
};

struct graph_paint graph_paint_phase(const enum phase *p)
{
	return p ? phases[*p] : unreached;
}

struct graph_paint graph_paint(const struct graph *g, const struct graph_node *n)
{
	if (!g->run)
		return kinds[n->kind];
	return graph_paint_phase(n->marks.steps ? &n->marks.phase : NULL);
}

#define CIRCLE "M8 1.5a6.5 6.5 0 1 0 0 13a6.5 6.5 0 1 0 0-13z"

static const char *call_sign(const char *word)
{
	static const struct {
		const char *word, *path;
	} signs[] = {
		{"http", CIRCLE "M1.5 8h13M8 1.5c-4.3 4-4.3 9 0 13c4.3-4 4.3-9 0-13"},
		{"openapi", CIRCLE "M1.5 8h13M8 1.5c-4.3 4-4.3 9 0 13c4.3-4 4.3-9 0-13"},
		{"sql", "M2.5 4c0-2.8 11-2.8 11 0v8c0 2.8-11 2.8-11 0zc0 2.8 11 2.8 11 "
			"0M2.5 8c0 2.8 11 2.8 11 0"},
		{"call", "M6 2c-4 3-4 9 0 12M10 2c4 3 4 9 0 12M7.5 8h1"},
		{"shell", "M2.5 3.5l4.5 4.5-4.5 4.5M8.5 12.5h5"},
		{"script", "M5 4L1.5 8 5 12M11 4l3.5 4-3.5 4M9.3 3L6.7 13"},
		{"container", "M8 1.5l6 3v7l-6 3-6-3v-7zM2 4.5l6 3 6-3M8 7.5v7"},
		{"workflow", "M2 2h5v4H2zM9 10h5v4H9zM4.5 6v6H9"},
	};
	for (size_t i = 0; i < sizeof signs / sizeof *signs; i++)
		if (strcmp(signs[i].word, word) == 0)
			return signs[i].path;
	return "M2 5.5h11l-3-3M14 10.5H3l3 3";
}

const char *graph_sign(const struct graph_node *n)
{
	switch (n->kind) {
	case GRAPH_CALL:
	case GRAPH_RUN: return call_sign(n->word);
	case GRAPH_DO: return "M2.5 4h11M2.5 8h11M2.5 12h7";
	case GRAPH_EMIT: return "M8 10.5V2M4.5 5.5L8 2l3.5 3.5M2.5 9.5v4.5h11V9.5";
	case GRAPH_LISTEN: return "M8 2v8.5M4.5 7L8 10.5 11.5 7M2.5 9.5v4.5h11V9.5";
	case GRAPH_EXTENSION: return "M8 2.5v11M2.5 8h11";
	case GRAPH_FOR: return "M13 8a5 5 0 1 1-1.8-3.8M13 1.5v3.2H9.8";
	case GRAPH_FORK: return "M8 1.5v3.5M8 5c0 4-5 2-5 6v3M8 5c0 4 5 2 5 6v3";
	case GRAPH_RAISE: return "M8 1.8l6.5 12h-13zM8 6v4M8 11.6v.6";
	case GRAPH_SET:
		return "M6 2.5c-2.2 0-1.8 1.2-1.8 2.7s-.4 2.8-1.7 2.8c1.3 0 1.7 1.3 1.7 "
		       "2.8s-.4 2.7 1.8 2.7M10 2.5c2.2 0 1.8 1.2 1.8 2.7s.4 2.8 1.7 "
		       "2.8c-1.3 0-1.7 1.3-1.7 2.8s.4 2.7-1.8 2.7";
	case GRAPH_SWITCH: return "M8 1.5L14.5 8 8 14.5 1.5 8z";
	case GRAPH_TRY:
		return "M8 1.5l5.5 2v4c0 3.5-2.5 5.8-5.5 7c-3-1.2-5.5-3.5-5.5-7v-4z";
	case GRAPH_WAIT: return CIRCLE "M8 4.3V8l2.6 1.6";
	case GRAPH_OTHER: return "M5.5 6a2.5 2.5 0 1 1 2.5 2.7v1.5M8 12.4v.6";
	}
	return "";
}
