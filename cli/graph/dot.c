/*
 * The picture for graphviz. A box with lists is a cluster; arrows from and to it are tied
 * to points inside it (lhead, ltail need compound=true).
 */
#include "graph/paint.h"
#include "graph/state.h"
#include "graph/write.h"

#include <stdlib.h>
#include <string.h>

struct writer {
	const struct graph *g;
	struct buf *out;
	unsigned count;
};

/* Where arrows begin and end at a box: a node, and the cluster it stands for, or 0. */
struct anchor {
	unsigned in, out, cluster;
};

/* In a quoted string, whose escapes and entities graphviz reads. */
static void put_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		if (*s == '&')
			buf_puts(out, "&amp;");
		else if (*s == '"' || *s == '\\')
			buf_printf(out, "\\%c", *s);
		else
			buf_putc(out, *s);
	}
}

static void put_label(struct writer *w, const struct graph_node *n, const char *end)
{
	char *state = graph_state_text(&n->marks);
	buf_puts(w->out, "label=\"");
	put_text(w->out, n->name);
	buf_printf(w->out, "%s", end);
	put_text(w->out, n->word);
	buf_puts(w->out, " ");
	put_text(w->out, n->detail);
	for (char **note = n->notes; note && *note; note++) {
		buf_printf(w->out, "%s", end);
		put_text(w->out, *note);
	}
	if (*state) {
		buf_printf(w->out, "%s", end);
		put_text(w->out, state);
	}
	buf_printf(w->out, "%s\"", strcmp(end, "\\l") == 0 ? end : "");
	free(state);
}

static void put_paint(struct writer *w, const struct graph_node *n)
{
	struct graph_paint p = graph_paint(w->g, n);
	buf_printf(w->out,
		" color=\"%s\" fillcolor=\"%s\" fontcolor=\"%s\" style=\"%sfilled%s\"",
		p.line, p.fill, p.text, n->kind == GRAPH_SWITCH ? "" : "rounded,",
		p.dashed ? ",dashed" : "");
}

static const char *shape_of(const struct graph_node *n)
{
	switch (n->kind) {
	case GRAPH_SWITCH: return "diamond";
	case GRAPH_RAISE: return "octagon";
	case GRAPH_EMIT: return "cds";
	case GRAPH_LISTEN: return "note";
	case GRAPH_RUN: return "component";
	case GRAPH_CALL:
	case GRAPH_DO:
	case GRAPH_EXTENSION:
	case GRAPH_FOR:
	case GRAPH_FORK:
	case GRAPH_SET:
	case GRAPH_TRY:
	case GRAPH_WAIT:
	case GRAPH_OTHER: break;
	}
	return "box";
}

/* A place for arrows, which is not seen. */
static unsigned put_point(struct writer *w)
{
	unsigned id = ++w->count;
	buf_printf(w->out, "n%u [shape=point style=invis width=0]\n", id);
	return id;
}

static struct anchor put_list(struct writer *w, const struct graph_list *list);

/* A cluster around a list, with arrows' points above and below it. */
static struct anchor put_section(struct writer *w, const struct graph_list *list)
{
	struct anchor a = {.cluster = ++w->count};
	buf_printf(w->out,
		"subgraph cluster_%u {\nstyle=\"rounded%s\" color=\"%s\" label=\"",
		a.cluster, list->role == GRAPH_CATCH ? ",dashed" : "",
		list->role == GRAPH_CATCH ? "#b91c1c" : "#cbd5e1");
	put_text(w->out, list->title ? list->title : "try");
	for (char **note = list->notes; note && *note; note++) {
		buf_puts(w->out, "\\l");
		put_text(w->out, *note);
	}
	buf_puts(w->out, "\\l\" labeljust=l\n");
	struct anchor inner = put_list(w, list);
	buf_puts(w->out, "}\n");
	a.in = inner.in;
	a.out = inner.out;
	return a;
}

static struct anchor put_lists(struct writer *w, const struct graph_node *n)
{
	struct anchor all = {0}, before = {0};
	for (size_t i = 0; i < n->list_count; i++) {
		const struct graph_list *list = &n->lists[i];
		bool framed = n->list_count > 1 || list->title;
		struct anchor a = framed ? put_section(w, list) : put_list(w, list);
		if (list->role == GRAPH_CATCH)
			buf_printf(w->out,
				"n%u -> n%u [ltail=cluster_%u lhead=cluster_%u "
				"style=dashed "
				"color=\"#b91c1c\" constraint=false]\n",
				before.out, a.in, before.cluster, a.cluster);
		if (i == 0)
			all = a;
		before = a;
	}
	return all;
}

static struct anchor put_node(struct writer *w, const struct graph_node *n)
{
	struct anchor a = {.in = ++w->count};
	if (n->list_count == 0) {
		a.out = a.in;
		buf_printf(w->out, "n%u [shape=%s ", a.in, shape_of(n));
		put_label(w, n, "\\n");
		put_paint(w, n);
		buf_puts(w->out, "]\n");
		return a;
	}
	a.cluster = a.in;
	buf_printf(w->out, "subgraph cluster_%u {\n", a.cluster);
	put_label(w, n, "\\l");
	buf_puts(w->out, " labeljust=l");
	put_paint(w, n);
	buf_puts(w->out, "\n");
	struct anchor inner = put_lists(w, n);
	buf_puts(w->out, "}\n");
	a.in = inner.in;
	a.out = inner.out;
	return a;
}

/* ---- Arrows ---- */

static unsigned put_end(struct writer *w, bool end)
{
	unsigned id = ++w->count;
	if (end)
		buf_printf(w->out,
			"n%u [shape=box style=\"rounded,bold\" label=\"end\"]\n", id);
	else
		buf_printf(w->out, "n%u [shape=circle label=\"\" width=0.18]\n", id);
	return id;
}

static void put_arrow(struct writer *w, const struct anchor *from,
	const struct anchor *to, const struct graph_edge *e)
{
	buf_printf(w->out, "n%u -> n%u [", from->out, to->in);
	if (e->label) {
		buf_puts(w->out, "label=\" ");
		put_text(w->out, e->label);
		if (e->condition) {
			buf_puts(w->out, "\\n ");
			put_text(w->out, e->condition);
		}
		buf_puts(w->out, "\" ");
	}
	bool same = from->cluster == to->cluster;
	if (from->cluster && !same)
		buf_printf(w->out, "ltail=cluster_%u ", from->cluster);
	if (to->cluster && !same)
		buf_printf(w->out, "lhead=cluster_%u ", to->cluster);
	if (e->to <= e->from)
		buf_puts(w->out, "constraint=false color=\"#0e7490\"");
	buf_puts(w->out, "]\n");
}

static void put_edges(struct writer *w, const struct graph_list *list,
	const struct anchor *anchors, unsigned out)
{
	bool top = list == &w->g->body, exits = top || graph_shows_exit(list);
	unsigned end = 0;
	for (size_t i = 0; i < list->edge_count; i++) {
		const struct graph_edge *e = &list->edges[i];
		bool ends = e->to == GRAPH_EXIT || e->to == GRAPH_END;
		bool shared = top || e->to == GRAPH_EXIT;
		if (e->to == GRAPH_EXIT && !exits)
			continue;
		struct anchor to = {.in = end};
		if (!ends)
			to = anchors[e->to];
		if (ends && (!end || !shared))
			to.in = put_end(w, top || e->to == GRAPH_END);
		if (ends && shared)
			end = to.in;
		put_arrow(w, &anchors[e->from], &to, e);
	}
	if (end && out)
		buf_printf(w->out, "n%u -> n%u [style=invis]\n", end, out);
}

static struct anchor put_list(struct writer *w, const struct graph_list *list)
{
	struct anchor all = {.in = put_point(w)};
	struct anchor *anchors = xcalloc(list->count + 1, sizeof *anchors);
	for (size_t i = 0; i < list->count; i++)
		anchors[i] = put_node(w, &list->nodes[i]);
	all.out = put_point(w);
	bool flows = list->role != GRAPH_BRANCHES && list->role != GRAPH_SHELF;
	for (size_t i = 0; i < list->count; i++) {
		if (i == 0 || !flows)
			buf_printf(w->out, "n%u -> n%u [style=invis]\n", all.in,
				anchors[i].in);
		if (i + 1 == list->count || !flows)
			buf_printf(w->out, "n%u -> n%u [style=invis]\n", anchors[i].out,
				all.out);
	}
	if (list->count == 0)
		buf_printf(w->out, "n%u -> n%u [style=invis]\n", all.in, all.out);
	put_edges(w, list, anchors, all.out);
	if (list == &w->g->body && list->count > 0) {
		buf_printf(w->out, "start -> n%u", anchors[0].in);
		if (anchors[0].cluster)
			buf_printf(w->out, " [lhead=cluster_%u]", anchors[0].cluster);
		buf_puts(w->out, "\n");
	}
	free(anchors);
	return all;
}

void graph_dot(const struct graph *g, struct buf *out)
{
	struct writer w = {.g = g, .out = out};
	const struct graph_list *shelves[] = {&g->functions, &g->extensions};
	buf_puts(out, "digraph workflow {\n"
		      "graph [compound=true rankdir=TB fontname=\"sans-serif\" "
		      "fontsize=11 labelloc=t bgcolor=white label=\"");
	put_text(out, g->name);
	buf_puts(out, "\"]\n"
		      "node [fontname=\"sans-serif\" fontsize=11 margin=\"0.15,0.08\"]\n"
		      "edge [fontname=\"sans-serif\" fontsize=10 color=\"#64748b\"]\n"
		      "start [shape=box style=\"rounded,filled\" fillcolor=\"#334155\" "
		      "fontcolor=white label=\"start");
	if (g->trigger) {
		buf_puts(out, "\\n");
		put_text(out, g->trigger);
	}
	buf_puts(out, "\"]\n");
	put_list(&w, &g->body);
	for (size_t i = 0; i < 2; i++)
		if (shelves[i]->count > 0)
			put_section(&w, shelves[i]);
	buf_puts(out, "}\n");
}
