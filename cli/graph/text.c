/*
 * The picture as a tree: a row for each task, below it what is inside it. Arrows are
 * words at the end of a row, where they lead elsewhere than to the next one.
 */
#include "graph/measure.h"
#include "graph/state.h"
#include "graph/write.h"

#include <stdlib.h>
#include <string.h>

enum {
	NAME_MAX_COLUMN = 46, /* where what is said of a task begins, at most */
	STATE_COLUMNS = 11,   /* as wide as "not reached" */
	LEAST = 20,           /* columns of a text that is cut */
};

/* What the tree is drawn with. */
struct signs {
	const char *fork, *last, *trunk, *blank;
	const char *to, *back, *dots, *ball;
	bool ascii; /* phase_symbol's */
};

static const struct signs fine = {"├─ ", "└─ ", "│  ", "   ", "→", "↑", "…", "●", false};

static const struct signs plain = {
	"|- ", "`- ", "|  ", "   ", "->", "^", "...", "*", true};

struct writer {
	const struct graph *g;
	const struct signs *signs;
	bool colours;
	struct buf *out;
	struct buf prefix; /* of the rows at this depth */
	size_t column;     /* where what is said of tasks begins */
};

/* ---- Rows ---- */

static const char *colour_of(enum phase p)
{
	switch (p) {
	case PHASE_COMPLETED: return "\x1b[32m";
	case PHASE_FAULTED: return "\x1b[31m";
	case PHASE_RUNNING:
	case PHASE_WAITING:
	case PHASE_SUSPENDED: return "\x1b[33m";
	case PHASE_PENDING:
	case PHASE_CANCELLED:
	case PHASE_SKIPPED: break;
	}
	return "\x1b[2m";
}

static void put_coloured(struct writer *w, const enum phase *p, const char *text)
{
	bool coloured = w->colours && *text;
	if (coloured)
		buf_puts(w->out, p ? colour_of(*p) : "\x1b[2m");
	buf_puts(w->out, text);
	if (coloured)
		buf_puts(w->out, "\x1b[0m");
}

static void put_spaces(struct writer *w, size_t n)
{
	while (n-- > 0)
		buf_putc(w->out, ' ');
}

/* Cut to the columns that are left of a line; returns those that it takes. */
static size_t put_cut(struct writer *w, const char *text, size_t used, size_t reserved)
{
	size_t left = used + reserved + LEAST < GRAPH_COLUMNS
			      ? GRAPH_COLUMNS - used - reserved
			      : LEAST;
	char *cut = measure_cut(text, left, w->signs->dots);
	buf_puts(w->out, cut);
	size_t n = measure_columns(cut);
	free(cut);
	return n;
}

/* The beginning of a row; rows below it are drawn deeper until close_row. */
static size_t open_row(struct writer *w, bool last)
{
	size_t depth = measure_columns(buf_text(&w->prefix));
	buf_puts(w->out, buf_text(&w->prefix));
	buf_puts(w->out, last ? w->signs->last : w->signs->fork);
	buf_puts(&w->prefix, last ? w->signs->blank : w->signs->trunk);
	return depth + 3;
}

static void close_row(struct writer *w, bool last)
{
	w->prefix.len -= strlen(last ? w->signs->blank : w->signs->trunk);
	if (w->prefix.data)
		w->prefix.data[w->prefix.len] = '\0';
}

/* A name, then what is said of it from the common column on. Returns the column. */
static size_t put_name(struct writer *w, const char *name, size_t used)
{
	size_t most = w->column > used + 2 ? w->column - used - 2 : 0;
	char *cut = measure_cut(name, most > LEAST ? most : LEAST, w->signs->dots);
	buf_puts(w->out, cut);
	used += measure_columns(cut);
	free(cut);
	size_t spaces = used + 2 <= w->column ? w->column - used : 2;
	put_spaces(w, spaces);
	return used + spaces;
}

/* A further line of a row. */
static void put_note(struct writer *w, const char *note)
{
	size_t used = measure_columns(buf_text(&w->prefix));
	buf_puts(w->out, buf_text(&w->prefix));
	size_t spaces = used < w->column ? w->column - used : 2;
	put_spaces(w, spaces);
	put_cut(w, note, used + spaces, 0);
	buf_putc(w->out, '\n');
}

/* ---- Arrows ---- */

/* "→ confirm"; without a label, "" where it leads to the next task. Caller frees. */
static char *arrow_text(
	const struct writer *w, const struct graph_list *list, const struct graph_edge *e)
{
	size_t next = e->from + 1 < list->count ? e->from + 1 : GRAPH_EXIT;
	if (!e->label && e->to == next)
		return xstrdup("");
	if (e->to == GRAPH_EXIT || e->to == GRAPH_END)
		return xasprintf(
			"%s %s", w->signs->to, e->to == GRAPH_END ? "end" : "exit");
	char *name = measure_cut(list->nodes[e->to].name, 30, w->signs->dots);
	char *text = xasprintf(
		"%s %s", e->to <= e->from ? w->signs->back : w->signs->to, name);
	free(name);
	return text;
}

/* Of the task's own arrow, or of what it catches; "" for none. */
static char *arrow_of(
	const struct writer *w, const struct graph_list *list, size_t first, bool caught)
{
	for (size_t i = first; i < list->edge_count; i++) {
		const struct graph_edge *e = &list->edges[i];
		if (e->from != list->edges[first].from)
			break;
		if (caught ? e->kind == GRAPH_CAUGHT : !e->label)
			return arrow_text(w, list, e);
	}
	return xstrdup("");
}

/* ---- Tasks ---- */

static void put_state(struct writer *w, const struct graph_node *n, size_t *used)
{
	if (!w->g->run)
		return;
	char *state = graph_state_text(&n->marks);
	const char *text = *state ? state : "not reached";
	size_t columns = measure_columns(text);
	put_coloured(w, n->marks.steps ? &n->marks.phase : NULL, text);
	size_t spaces = columns < STATE_COLUMNS ? STATE_COLUMNS - columns + 2 : 2;
	put_spaces(w, spaces);
	*used += columns + spaces;
	free(state);
}

/* The row itself, but for what is below it. arrow: takes it. */
static void put_task(struct writer *w, const struct graph_node *n, bool last, char *arrow)
{
	size_t used = open_row(w, last);
	if (w->g->run) {
		const enum phase *p = n->marks.steps ? &n->marks.phase : NULL;
		put_coloured(w, p, p ? phase_symbol(*p, w->signs->ascii) : " ");
		buf_putc(w->out, ' ');
		used += 2;
	}
	used = put_name(w, n->name, used);
	put_state(w, n, &used);
	size_t tail = *arrow ? measure_columns(arrow) + 2 : 0;
	char *text = xasprintf("%s%s%s", n->word, *n->detail ? " " : "", n->detail);
	put_cut(w, text, used, tail);
	free(text);
	if (*arrow)
		buf_printf(w->out, "  %s", arrow);
	buf_putc(w->out, '\n');
	free(arrow);
}

static void put_list(struct writer *w, const struct graph_list *list, bool more);

/* A catch, or a block of an extension. */
static void put_titled(
	struct writer *w, const struct graph_list *list, bool last, char *arrow)
{
	size_t used = open_row(w, last);
	put_cut(w, list->title, used, measure_columns(arrow) + 2);
	if (*arrow)
		buf_printf(w->out, "  %s", arrow);
	buf_putc(w->out, '\n');
	free(arrow);
	for (char **note = list->notes; note && *note; note++)
		put_note(w, *note);
	put_list(w, list, false);
	close_row(w, last);
}

static void put_cases(
	struct writer *w, const struct graph_list *list, size_t i, size_t first)
{
	for (size_t e = first; e < list->edge_count && list->edges[e].from == i; e++) {
		const struct graph_edge *edge = &list->edges[e];
		bool last = e + 1 == list->edge_count || list->edges[e + 1].from != i;
		if (!edge->label || edge->kind == GRAPH_CAUGHT)
			continue;
		size_t used = open_row(w, last);
		used = put_name(w, edge->label, used);
		char *arrow = arrow_text(w, list, edge);
		if (edge->condition)
			put_cut(w, edge->condition, used, measure_columns(arrow) + 2);
		buf_printf(w->out, "%s%s\n", edge->condition ? "  " : "", arrow);
		free(arrow);
		close_row(w, last);
	}
}

static void put_node(struct writer *w, const struct graph_list *list, size_t i,
	size_t first, bool last)
{
	const struct graph_node *n = &list->nodes[i];
	bool leads = first < list->edge_count && list->edges[first].from == i;
	put_task(w, n, last, leads ? arrow_of(w, list, first, false) : xstrdup(""));
	for (char **note = n->notes; note && *note; note++)
		put_note(w, *note);
	if (n->kind == GRAPH_SWITCH)
		put_cases(w, list, i, first);
	for (size_t k = 0; k < n->list_count; k++) {
		bool final = k + 1 == n->list_count;
		if (n->lists[k].title)
			put_titled(w, &n->lists[k], final,
				leads ? arrow_of(w, list, first, true) : xstrdup(""));
		else
			put_list(w, &n->lists[k], !final);
	}
	close_row(w, last);
}

/* more: something follows it at the same depth. */
static void put_list(struct writer *w, const struct graph_list *list, bool more)
{
	size_t edge = 0;
	for (size_t i = 0; i < list->count; i++) {
		while (edge < list->edge_count && list->edges[edge].from < i)
			edge++;
		put_node(w, list, i, edge, !more && i + 1 == list->count);
	}
}

/* ---- The whole ---- */

static size_t widest(const struct graph_list *list, size_t depth)
{
	size_t most = 0;
	for (size_t i = 0; i < list->edge_count; i++) {
		const char *label = list->edges[i].label;
		size_t n = label ? depth + 6 + measure_columns(label) : 0;
		most = n > most ? n : most;
	}
	for (size_t i = 0; i < list->count; i++) {
		const struct graph_node *node = &list->nodes[i];
		size_t n = depth + 3 + measure_columns(node->name);
		most = n > most ? n : most;
		for (size_t k = 0; k < node->list_count; k++) {
			bool deeper = node->lists[k].title;
			n = widest(&node->lists[k], depth + (deeper ? 6 : 3));
			most = n > most ? n : most;
		}
	}
	return most;
}

static void put_head(struct writer *w)
{
	const struct graph *g = w->g;
	put_cut(w, g->name, 0, 0);
	buf_putc(w->out, '\n');
	if (g->title) {
		put_cut(w, g->title, 0, 0);
		buf_putc(w->out, '\n');
	}
	if (g->run) {
		buf_printf(w->out, "run %s: ", g->run);
		put_coloured(w, &g->phase, phase_name(g->phase));
		buf_putc(w->out, '\n');
	}
	buf_printf(w->out, "\n%s start%s", w->signs->ball, g->trigger ? ": " : "");
	if (g->trigger)
		put_cut(w, g->trigger, 10, 0);
	buf_putc(w->out, '\n');
}

void graph_text(
	const struct graph *g, const struct graph_terminal *terminal, struct buf *out)
{
	struct writer w = {.g = g, .out = out, .colours = terminal->colours};
	const struct graph_list *shelves[] = {&g->functions, &g->extensions};
	w.signs = terminal->ascii ? &plain : &fine;
	w.column = widest(&g->body, 0);
	for (size_t i = 0; i < 2; i++)
		if (widest(shelves[i], 0) > w.column)
			w.column = widest(shelves[i], 0);
	w.column += g->run ? 4 : 2;
	w.column = w.column < NAME_MAX_COLUMN ? w.column : NAME_MAX_COLUMN;
	put_head(&w);
	put_list(&w, &g->body, true);
	buf_printf(out, "%s end\n", w.signs->ball);
	for (size_t i = 0; i < 2; i++) {
		if (shelves[i]->count == 0)
			continue;
		buf_printf(out, "\n%s\n", shelves[i]->title);
		put_list(&w, shelves[i], false);
	}
	buf_finish(&w.prefix);
}
