/*
 * The picture as JSON: what the drawings show, for programs. Tasks stand in their lists
 * as in the document; an edge leads from a task of its list to another one of it, or to
 * "exit" or "end".
 */
#include "graph/write.h"

#include "base/escape.h"
#include "base/json_text.h"

static void put_list(struct buf *out, const struct graph *g, const struct graph_list *l);

static void put_text(struct buf *out, const char *name, const char *text)
{
	json_put_key(out, name);
	if (text)
		json_put_text(out, text);
	else
		buf_puts(out, "null");
}

static void put_notes(struct buf *out, char **notes)
{
	json_put_key(out, "notes");
	buf_putc(out, '[');
	for (char **note = notes; note && *note; note++) {
		buf_puts(out, note == notes ? "" : ",");
		json_put_text(out, *note);
	}
	buf_putc(out, ']');
}

static void put_marks(struct buf *out, const struct graph_marks *m)
{
	put_text(out, "status", m->steps ? phase_name(m->phase) : NULL);
	json_put_key(out, "steps");
	buf_int(out, (int64_t)m->steps);
	json_put_key(out, "attempts");
	buf_int(out, m->attempts);
	if (m->reason)
		put_text(out, "reason", m->reason);
}

static void put_lists(struct buf *out, const struct graph *g, const char *name,
	const struct graph_list *lists, size_t count)
{
	json_put_key(out, name);
	buf_putc(out, '[');
	for (size_t i = 0; i < count; i++) {
		buf_puts(out, i ? "," : "");
		put_list(out, g, &lists[i]);
	}
	buf_putc(out, ']');
}

static void put_node(struct buf *out, const struct graph *g, const struct graph_node *n)
{
	buf_putc(out, '{');
	put_text(out, "name", n->name);
	put_text(out, "kind", n->word);
	put_text(out, "detail", n->detail);
	put_notes(out, n->notes);
	put_text(out, "path", n->path);
	if (g->run)
		put_marks(out, &n->marks);
	put_lists(out, g, "lists", n->lists, n->list_count);
	buf_putc(out, '}');
}

static void put_edge(
	struct buf *out, const struct graph_list *l, const struct graph_edge *e)
{
	static const char *const kinds[] = {
		[GRAPH_NEXT] = "next",
		[GRAPH_THEN] = "then",
		[GRAPH_CASE] = "case",
		[GRAPH_SKIP] = "skip",
		[GRAPH_CAUGHT] = "caught",
	};
	buf_putc(out, '{');
	put_text(out, "kind", kinds[e->kind]);
	put_text(out, "from", l->nodes[e->from].name);
	put_text(out, "to",
		e->to == GRAPH_EXIT  ? "exit"
		: e->to == GRAPH_END ? "end"
				     : l->nodes[e->to].name);
	put_text(out, "label", e->label);
	put_text(out, "condition", e->condition);
	buf_putc(out, '}');
}

static void put_list(struct buf *out, const struct graph *g, const struct graph_list *l)
{
	static const char *const roles[] = {
		[GRAPH_BODY] = "body",
		[GRAPH_TRIED] = "try",
		[GRAPH_CATCH] = "catch",
		[GRAPH_BRANCHES] = "branches",
		[GRAPH_BEFORE] = "before",
		[GRAPH_AFTER] = "after",
		[GRAPH_SHELF] = "shelf",
	};
	buf_putc(out, '{');
	put_text(out, "role", roles[l->role]);
	put_text(out, "title", l->title);
	put_notes(out, l->notes);
	json_put_key(out, "tasks");
	buf_putc(out, '[');
	for (size_t i = 0; i < l->count; i++) {
		buf_puts(out, i ? "," : "");
		put_node(out, g, &l->nodes[i]);
	}
	buf_putc(out, ']');
	json_put_key(out, "edges");
	buf_putc(out, '[');
	for (size_t i = 0; i < l->edge_count; i++) {
		buf_puts(out, i ? "," : "");
		put_edge(out, l, &l->edges[i]);
	}
	buf_puts(out, "]}");
}

/* Paths have the names as they are; what could harm a terminal is escaped. */
void graph_json(const struct graph *g, struct buf *out)
{
	struct buf b = {0};
	buf_putc(&b, '{');
	put_text(&b, "workflow", g->name);
	put_text(&b, "title", g->title);
	put_text(&b, "trigger", g->trigger);
	put_text(&b, "run", g->run);
	if (g->run)
		put_text(&b, "status", phase_name(g->phase));
	json_put_key(&b, "body");
	put_list(&b, g, &g->body);
	json_put_key(&b, "functions");
	put_list(&b, g, &g->functions);
	json_put_key(&b, "extensions");
	put_list(&b, g, &g->extensions);
	buf_puts(&b, "}\n");
	escape_text(b.data, b.len, true, out);
	buf_finish(&b);
}
