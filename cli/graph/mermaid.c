/*
 * The picture as a mermaid flowchart. Boxes are n1, n2 ... in the order of the document;
 * everything from the document stands in quoted labels, in which mermaid reads #NN; as a
 * character.
 */
#include "graph/paint.h"
#include "graph/state.h"
#include "graph/write.h"

#include <stdlib.h>
#include <string.h>

struct writer {
	const struct graph *g;
	struct buf *out;
	unsigned count; /* boxes so far */
	unsigned depth;
};

/* Letters, digits and what means nothing to mermaid stand for themselves. */
static void put_text(struct buf *out, const char *s)
{
	for (; *s; s++) {
		unsigned char c = (unsigned char)*s;
		bool safe = c >= 0x80 || (c >= '0' && c <= '9') ||
			    (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
			    strchr(" .,:/=+-_", c);
		if (safe)
			buf_putc(out, *s);
		else
			buf_printf(out, "#%u;", c);
	}
}

static void indent(struct writer *w)
{
	for (unsigned i = 0; i <= w->depth; i++)
		buf_puts(w->out, "  ");
}

/* In the heads of groups there is room for one line only. */
static void put_label(struct writer *w, const struct graph_node *n)
{
	const char *between = n->list_count > 0 ? ", " : "<br/>";
	char *state = graph_state_text(&n->marks);
	buf_puts(w->out, "\"");
	put_text(w->out, n->name);
	buf_puts(w->out, between);
	put_text(w->out, n->word);
	buf_puts(w->out, " ");
	put_text(w->out, n->detail);
	for (char **note = n->notes; note && *note; note++) {
		buf_puts(w->out, between);
		put_text(w->out, *note);
	}
	if (*state) {
		buf_puts(w->out, between);
		put_text(w->out, state);
	}
	buf_puts(w->out, "\"");
	free(state);
}

static void put_class(struct writer *w, const struct graph_node *n, unsigned id)
{
	if (!w->g->run)
		return;
	indent(w);
	buf_printf(w->out, "class n%u %s\n", id,
		n->marks.steps ? phase_name(n->marks.phase) : "unreached");
}

static void put_leaf(struct writer *w, const struct graph_node *n, unsigned id)
{
	static const char *const shapes[][2] = {
		[GRAPH_CALL] = {"[", "]"},
		[GRAPH_DO] = {"[", "]"},
		[GRAPH_EMIT] = {">", "]"},
		[GRAPH_EXTENSION] = {"[", "]"},
		[GRAPH_FOR] = {"[", "]"},
		[GRAPH_FORK] = {"[", "]"},
		[GRAPH_LISTEN] = {">", "]"},
		[GRAPH_RAISE] = {"{{", "}}"},
		[GRAPH_RUN] = {"[[", "]]"},
		[GRAPH_SET] = {"[", "]"},
		[GRAPH_SWITCH] = {"{", "}"},
		[GRAPH_TRY] = {"[", "]"},
		[GRAPH_WAIT] = {"([", "])"},
		[GRAPH_OTHER] = {"[", "]"},
	};
	indent(w);
	buf_printf(w->out, "n%u%s", id, shapes[n->kind][0]);
	put_label(w, n);
	buf_printf(w->out, "%s\n", shapes[n->kind][1]);
	put_class(w, n, id);
}

static void open_group(struct writer *w, unsigned id)
{
	indent(w);
	buf_printf(w->out, "subgraph n%u[", id);
	w->depth++;
}

static void close_group(struct writer *w)
{
	w->depth--;
	indent(w);
	buf_puts(w->out, "end\n");
}

static void put_list(struct writer *w, const struct graph_list *list);

/* The box of a catch and what it stands beside, or a block of an extension. */
static unsigned put_section(struct writer *w, const struct graph_list *list)
{
	unsigned id = ++w->count;
	open_group(w, id);
	buf_puts(w->out, "\"");
	put_text(w->out, list->title ? list->title : "try");
	for (char **note = list->notes; note && *note; note++) {
		buf_puts(w->out, ", ");
		put_text(w->out, *note);
	}
	buf_puts(w->out, "\"]\n");
	put_list(w, list);
	close_group(w);
	return id;
}

static void put_node(struct writer *w, const struct graph_node *n, unsigned id)
{
	unsigned tried = 0;
	if (n->list_count == 0) {
		put_leaf(w, n, id);
		return;
	}
	open_group(w, id);
	put_label(w, n);
	buf_puts(w->out, "]\n");
	for (size_t i = 0; i < n->list_count; i++) {
		unsigned section = 0;
		if (n->list_count > 1 || n->lists[i].title)
			section = put_section(w, &n->lists[i]);
		else
			put_list(w, &n->lists[i]);
		if (n->lists[i].role == GRAPH_CATCH) {
			indent(w);
			buf_printf(w->out, "n%u -. error .-> n%u\n", tried, section);
		}
		tried = section;
	}
	close_group(w);
	put_class(w, n, id);
}

/* ---- Arrows ---- */

/* Each edge to the end has an end of its own, but in the workflow's own list. */
static unsigned put_end(struct writer *w, const struct graph_list *list, size_t to)
{
	unsigned id = ++w->count;
	indent(w);
	buf_printf(w->out, "n%u%s\n", id,
		to == GRAPH_END || list == &w->g->body ? "([\"end\"])" : "((\" \"))");
	return id;
}

/* Mermaid draws no arrow from a group to itself. */
static void put_loop(struct writer *w, unsigned id, const struct graph_edge *e)
{
	unsigned knot = ++w->count;
	indent(w);
	buf_printf(w->out, "n%u((\" \"))\n", knot);
	indent(w);
	buf_printf(w->out, "n%u -->|\"", id);
	put_text(w->out, e->label ? e->label : "again");
	buf_printf(w->out, "\"| n%u --> n%u\n", knot, id);
}

static void put_arrow(
	struct writer *w, unsigned from, unsigned to, const struct graph_edge *e)
{
	indent(w);
	buf_printf(w->out, "n%u -->", from);
	if (e->label) {
		buf_puts(w->out, "|\"");
		put_text(w->out, e->label);
		if (e->condition) {
			buf_puts(w->out, "<br/>");
			put_text(w->out, e->condition);
		}
		buf_puts(w->out, "\"|");
	}
	buf_printf(w->out, " n%u\n", to);
}

static void put_edges(
	struct writer *w, const struct graph_list *list, const unsigned *ids)
{
	bool top = list == &w->g->body, exits = top || graph_shows_exit(list);
	unsigned end = 0;
	for (size_t i = 0; i < list->edge_count; i++) {
		const struct graph_edge *e = &list->edges[i];
		bool ends = e->to == GRAPH_EXIT || e->to == GRAPH_END;
		if (e->to == GRAPH_EXIT && !exits)
			continue;
		if (e->to == e->from) {
			put_loop(w, ids[e->from], e);
			continue;
		}
		bool shared = top || e->to == GRAPH_EXIT;
		if (ends && (!end || !shared)) {
			unsigned own = put_end(w, list, e->to);
			end = shared ? own : end;
			put_arrow(w, ids[e->from], own, e);
		} else {
			put_arrow(w, ids[e->from], ends ? end : ids[e->to], e);
		}
	}
}

static void put_list(struct writer *w, const struct graph_list *list)
{
	unsigned *ids = xcalloc(list->count + 1, sizeof *ids);
	if (list->count == 0) {
		indent(w);
		buf_printf(w->out, "n%u[\" \"]\n", ++w->count);
	}
	for (size_t i = 0; i < list->count; i++) {
		ids[i] = ++w->count;
		put_node(w, &list->nodes[i], ids[i]);
	}
	if (list == &w->g->body && list->count > 0) {
		indent(w);
		buf_printf(w->out, "start --> n%u\n", ids[0]);
	}
	put_edges(w, list, ids);
	free(ids);
}

static void put_classes(struct writer *w)
{
	if (!w->g->run)
		return;
	for (int i = 0; i <= PHASE_SKIPPED + 1; i++) {
		enum phase p = (enum phase)i;
		bool reached = i <= PHASE_SKIPPED;
		struct graph_paint paint = graph_paint_phase(reached ? &p : NULL);
		buf_printf(w->out, "  classDef %s fill:%s,stroke:%s,color:%s%s\n",
			reached ? phase_name(p) : "unreached", paint.fill, paint.line,
			paint.text, paint.dashed ? ",stroke-dasharray:5 3" : "");
	}
}

void graph_mermaid(const struct graph *g, struct buf *out)
{
	struct writer w = {.g = g, .out = out};
	const struct graph_list *shelves[] = {&g->functions, &g->extensions};
	buf_puts(out, "flowchart TB\n");
	buf_puts(out, "  start([\"start");
	if (g->trigger) {
		buf_puts(out, "<br/>");
		put_text(out, g->trigger);
	}
	buf_puts(out, "\"])\n");
	put_classes(&w);
	put_list(&w, &g->body);
	for (size_t i = 0; i < 2; i++) {
		if (shelves[i]->count == 0)
			continue;
		put_section(&w, shelves[i]);
	}
}
