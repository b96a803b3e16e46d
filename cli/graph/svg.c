/*
 * The drawing. What comes from the document only goes through pen_text; positions come
 * from graph_layout.
 */
#include "base/escape.h"
#include "graph/layout.h"
#include "graph/measure.h"
#include "graph/paint.h"
#include "graph/pen.h"
#include "graph/state.h"
#include "graph/write.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define HEAD_SIZE 17.0
#define HEAD_MIN 620.0 /* a narrower picture may have a head as wide as this */
#define MARGIN 28.0
#define INK "#0f172a"
#define WIRE "#64748b"
#define BACK "#0e7490"
#define ERROR_INK "#b91c1c"

struct drawing {
	const struct graph *g;
	struct buf *out;
};

/* ---- Arrows ---- */

static double toward(double a, double b, double most)
{
	double d = b - a, half = fabs(d) / 2;
	return a + (d < 0 ? -1 : 1) * fmin(most, half);
}

/* With round corners. The last part stops short of the arrow's point. */
static void put_way(struct buf *out, const struct graph_route *r)
{
	const struct graph_point *p = r->points;
	pen_point(out, "M", p[0].x, p[0].y);
	for (size_t i = 1; i + 1 < r->count; i++) {
		pen_point(out, "L", toward(p[i].x, p[i - 1].x, 7),
			toward(p[i].y, p[i - 1].y, 7));
		pen_point(out, "Q", p[i].x, p[i].y);
		pen_point(out, " ", toward(p[i].x, p[i + 1].x, 7),
			toward(p[i].y, p[i + 1].y, 7));
	}
	const struct graph_point *last = &p[r->count - 1];
	pen_point(out, "L", last->x, last->y - (r->arrow ? 4 : 0));
}

/* Half way up, where it is the longest way. */
static struct graph_point middle_of(const struct graph_route *r)
{
	struct graph_point best = r->points[0];
	double longest = 0;
	for (size_t i = 1; i < r->count; i++) {
		const struct graph_point *a = &r->points[i - 1], *b = &r->points[i];
		if (a->y - b->y <= longest)
			continue;
		longest = a->y - b->y;
		best = (struct graph_point){a->x, (a->y + b->y) / 2 - 4};
	}
	return best;
}

static void draw_route(struct drawing *d, const struct graph_route *r)
{
	bool back = r->kind == GRAPH_BACKWARD;
	const char *ink = back ? BACK : WIRE;
	buf_puts(d->out, "<path d=\"");
	put_way(d->out, r);
	buf_printf(
		d->out, "\" fill=\"none\" stroke=\"%s\" stroke-width=\"1.5\"/>\n", ink);
	if (r->arrow)
		pen_head(d->out, r->points[r->count - 1], 0, 1, ink);
	if (back)
		pen_head(d->out, middle_of(r), 0, -1, ink);
}

/* ---- Symbols ---- */

static void draw_pill(struct drawing *d, const struct graph_symbol *s, const char *rect,
	const char *ink, double r)
{
	const struct {
		const char *text, *weight, *ink;
	} lines[] = {{s->label, "bold", ink}, {s->more, "normal", ink}};
	struct graph_point at = {s->box.x + s->box.w / 2, s->box.y + 15};
	pen_rect(d->out, s->box, r, rect);
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		if (!lines[i].text)
			continue;
		char *more = xasprintf("text-anchor=\"middle\" font-weight=\"%s\" "
				       "fill=\"%s\"",
			lines[i].weight, lines[i].ink);
		pen_line(d->out, at, 11, more, lines[i].text);
		free(more);
		at.y += 15.5;
	}
}

static void draw_symbol(
	struct drawing *d, const struct graph_list *list, const struct graph_symbol *s)
{
	buf_puts(d->out, "<g>");
	switch (s->kind) {
	case GRAPH_ENTRY:
		if (d->g->trigger)
			pen_title(d->out, "start", d->g->trigger);
		draw_pill(d, s, "fill=\"#334155\"", "#ffffff", 11);
		break;
	case GRAPH_STOP:
		draw_pill(d, s,
			"fill=\"#ffffff\" stroke=\"#334155\" stroke-width=\"2.5\"",
			"#334155", 11);
		break;
	case GRAPH_LEAVE:
		pen_title(d->out, "leaves this list", NULL);
		pen_rect(d->out, s->box, s->box.w / 2,
			"fill=\"#ffffff\" stroke=\"#334155\" stroke-width=\"2\"");
		break;
	case GRAPH_LABEL:
		pen_title(d->out, list->edges[s->edge].label,
			list->edges[s->edge].condition);
		draw_pill(d, s, "fill=\"#ffffff\" stroke=\"#94a3b8\"", "#334155", 9);
		break;
	case GRAPH_JUMP:
		draw_pill(d, s,
			"fill=\"#ffffff\" stroke=\"" BACK "\" stroke-dasharray=\"4 3\"",
			BACK, 11);
		break;
	case GRAPH_BAR: pen_rect(d->out, s->box, 2.5, "fill=\"#334155\""); break;
	}
	buf_puts(d->out, "</g>\n");
}

/* ---- Boxes ---- */

static void put_shape(struct buf *out, const struct graph_node *n)
{
	const struct graph_box *b = &n->box;
	double right = b->x + b->w, bottom = b->y + b->h, middle = b->y + b->h / 2;
	buf_puts(out, "<path d=\"");
	if (n->kind == GRAPH_SWITCH) {
		pen_point(out, "M", b->x + b->w / 2, b->y);
		pen_point(out, "L", right, middle);
		pen_point(out, "L", b->x + b->w / 2, bottom);
		pen_point(out, "L", b->x, middle);
	} else if (n->kind == GRAPH_RAISE) {
		pen_point(out, "M", b->x + 9, b->y);
		pen_point(out, "L", right - 9, b->y);
		pen_point(out, "L", right, b->y + 9);
		pen_point(out, "L", right, bottom - 9);
		pen_point(out, "L", right - 9, bottom);
		pen_point(out, "L", b->x + 9, bottom);
		pen_point(out, "L", b->x, bottom - 9);
		pen_point(out, "L", b->x, b->y + 9);
	} else {
		bool emits = n->kind == GRAPH_EMIT;
		pen_point(out, "M", b->x, b->y);
		pen_point(out, "L", emits ? right - 12 : right, b->y);
		pen_point(out, "L", right, emits ? middle : b->y);
		pen_point(out, "L", emits ? right - 12 : right, bottom);
		pen_point(out, "L", b->x, bottom);
		if (!emits)
			pen_point(out, "L", b->x + 10, middle);
	}
	buf_puts(out, "Z\"");
}

static bool has_shape(const struct graph_node *n)
{
	return n->list_count == 0 &&
	       (n->kind == GRAPH_SWITCH || n->kind == GRAPH_RAISE ||
		       n->kind == GRAPH_EMIT || n->kind == GRAPH_LISTEN);
}

static void draw_outline(
	struct drawing *d, const struct graph_node *n, const struct graph_paint *paint)
{
	char *more = xasprintf("fill=\"%s\"%s stroke=\"%s\" stroke-width=\"%s\" "
			       "stroke-linejoin=\"round\"%s",
		n->list_count > 0 && !d->g->run ? "#f8fafc" : paint->fill,
		n->list_count > 0 ? " fill-opacity=\"0.4\"" : "", paint->line,
		d->g->run && n->marks.steps ? "2" : "1.4",
		paint->dashed ? " stroke-dasharray=\"5 3\"" : "");
	if (has_shape(n)) {
		put_shape(d->out, n);
		buf_printf(d->out, " %s/>\n", more);
	} else {
		pen_rect(d->out, n->box,
			n->list_count > 0       ? 10
			: n->kind == GRAPH_WAIT ? fmin(n->box.h / 2, 24)
						: 6,
			more);
	}
	free(more);
}

/* The coloured square with the sign of the kind. */
static void draw_sign(struct drawing *d, const struct graph_node *n, const char *ink)
{
	double x = n->lines[0].x - 32, y = n->box.y + 10;
	if (n->kind == GRAPH_SWITCH && n->list_count == 0)
		return;
	if (n->list_count == 0)
		y = n->box.y + (n->box.h - 22) / 2;
	char *fill = xasprintf("fill=\"%s\"", ink);
	pen_rect(d->out, (struct graph_box){x, y, 22, 22}, n->kind == GRAPH_WAIT ? 11 : 5,
		fill);
	free(fill);
	buf_puts(d->out, "<path transform=\"translate(");
	pen_number(d->out, x + 3.8);
	buf_putc(d->out, ' ');
	pen_number(d->out, y + 3.8);
	buf_printf(d->out,
		") scale(.9)\" d=\"%s\" fill=\"none\" stroke=\"#ffffff\" "
		"stroke-width=\"1.6\" stroke-linecap=\"round\" "
		"stroke-linejoin=\"round\"/>\n",
		graph_sign(n));
}

static void draw_chip(struct drawing *d, const struct graph_line *l, const char *ink)
{
	char *fill = xasprintf("fill=\"%s\"", ink);
	pen_rect(d->out, (struct graph_box){l->x, l->y - 12, l->w, 16}, 8, fill);
	free(fill);
	pen_line(d->out, (struct graph_point){l->x + l->w / 2, l->y},
		graph_line_size(l->style),
		"text-anchor=\"middle\" font-weight=\"bold\" fill=\"#ffffff\"", l->text);
}

static void draw_word(
	struct drawing *d, const struct graph_line *l, const struct graph_paint *paint)
{
	pen_open_text(d->out, l->x, l->y, graph_line_size(l->style), "fill=\"#475569\"");
	buf_printf(d->out, "<tspan font-weight=\"bold\" fill=\"%s\">%.*s</tspan>",
		paint->dashed ? paint->text : paint->line, (int)l->head, l->text);
	pen_text(d->out, l->text + l->head);
	buf_puts(d->out, "</text>\n");
}

static void draw_lines(
	struct drawing *d, const struct graph_node *n, const struct graph_paint *paint)
{
	for (size_t i = 0; i < n->line_count; i++) {
		const struct graph_line *l = &n->lines[i];
		struct graph_point at = {l->x, l->y};
		char *name = NULL;
		switch (l->style) {
		case GRAPH_NAME:
			name = xasprintf("font-weight=\"bold\" fill=\"%s\"", paint->text);
			pen_line(d->out, at, graph_line_size(l->style), name, l->text);
			free(name);
			break;
		case GRAPH_WORD: draw_word(d, l, paint); break;
		case GRAPH_NOTE:
			pen_line(d->out, at, graph_line_size(l->style),
				"font-style=\"italic\" fill=\"#475569\"", l->text);
			break;
		case GRAPH_STATE: draw_chip(d, l, paint->line); break;
		case GRAPH_STYLES: break;
		}
	}
}

/* All that is known of it, in full, for a pointer that rests on it. */
static void put_tooltip(struct drawing *d, const struct graph_node *n)
{
	struct buf b = {0};
	char *state = graph_state_text(&n->marks);
	buf_printf(&b, "%s %s", n->word, n->detail);
	for (char **note = n->notes; note && *note; note++)
		buf_printf(&b, "\n%s", *note);
	buf_putc(&b, '\n');
	escape_text(n->path, strlen(n->path), false, &b);
	if (d->g->run)
		buf_printf(&b, "\n%s", *state ? state : "not reached");
	pen_title(d->out, n->name, buf_text(&b));
	buf_finish(&b);
	free(state);
}

static void draw_list(struct drawing *d, const struct graph_list *list);

/* From what is tried to what catches. */
static void draw_error(struct drawing *d, const struct graph_node *n)
{
	const struct graph_box *a = &n->lists[0].box, *b = &n->lists[1].box;
	bool beside = b->x >= a->x + a->w;
	double y = fmin(b->y + 20, a->y + a->h / 2), x = a->x + a->w / 2;
	struct graph_point from = {beside ? a->x + a->w : x, beside ? y : a->y + a->h};
	struct graph_point to = {beside ? b->x : x, beside ? y : b->y};
	buf_puts(d->out, "<path d=\"");
	pen_point(d->out, "M", from.x, from.y);
	pen_point(d->out, "L", to.x - (beside ? 4 : 0), to.y - (beside ? 0 : 4));
	buf_puts(d->out, "\" fill=\"none\" stroke=\"" ERROR_INK
			 "\" stroke-width=\"1.5\" stroke-dasharray=\"5 3\"/>\n");
	pen_head(d->out, to, beside, !beside, ERROR_INK);
}

static void draw_node(struct drawing *d, const struct graph_node *n)
{
	struct graph_paint paint = graph_paint(d->g, n);
	struct buf path = {0};
	escape_text(n->path, strlen(n->path), false, &path);
	buf_puts(d->out, "<g data-path=\"");
	pen_text(d->out, buf_text(&path));
	buf_finish(&path);
	if (d->g->run)
		buf_printf(d->out, "\" data-state=\"%s",
			n->marks.steps ? phase_name(n->marks.phase) : "not reached");
	buf_puts(d->out, "\">");
	put_tooltip(d, n);
	draw_outline(d, n, &paint);
	draw_sign(d, n, paint.line);
	draw_lines(d, n, &paint);
	for (size_t i = 0; i < n->list_count; i++)
		draw_list(d, &n->lists[i]);
	if (n->kind == GRAPH_TRY)
		draw_error(d, n);
	buf_puts(d->out, "</g>\n");
}

/* ---- Lists ---- */

static void draw_frame(struct drawing *d, const struct graph_list *list)
{
	bool catch = list->role == GRAPH_CATCH;
	if (list->role == GRAPH_TRIED || catch || list->title)
		pen_rect(d->out, list->box, 8,
			catch ? "fill=\"#fff7f7\" stroke=\"#dc9a9a\" "
				"stroke-dasharray=\"5 3\""
			      : "fill=\"#ffffff\" stroke=\"#cbd5e1\"");
	for (size_t i = 0; i < list->line_count; i++)
		pen_line(d->out, (struct graph_point){list->lines[i].x, list->lines[i].y},
			graph_line_size(list->lines[i].style),
			catch ? "font-weight=\"bold\" fill=\"" ERROR_INK "\""
			      : "font-weight=\"bold\" fill=\"#475569\"",
			list->lines[i].text);
}

static void draw_list(struct drawing *d, const struct graph_list *list)
{
	draw_frame(d, list);
	for (size_t i = 0; i < list->route_count; i++)
		draw_route(d, &list->routes[i]);
	for (size_t i = 0; i < list->symbol_count; i++)
		draw_symbol(d, list, &list->symbols[i]);
	for (size_t i = 0; i < list->count; i++)
		draw_node(d, &list->nodes[i]);
}

/* ---- The page ---- */

static const enum phase legend_phases[] = {PHASE_COMPLETED, PHASE_RUNNING, PHASE_WAITING,
	PHASE_SUSPENDED, PHASE_FAULTED, PHASE_CANCELLED, PHASE_SKIPPED};

/* In rows within the width; out NULL: only measures. */
static double draw_legend(struct buf *out, double width, double y)
{
	double x = MARGIN, top = y;
	size_t count = sizeof legend_phases / sizeof *legend_phases;
	for (size_t i = 0; i <= count; i++) {
		const char *name =
			i < count ? phase_name(legend_phases[i]) : "not reached";
		struct graph_paint p =
			graph_paint_phase(i < count ? &legend_phases[i] : NULL);
		double w = 22 + measure_width(name, MEASURE_REGULAR, 11.5) + 18;
		if (x > MARGIN && x + w > width - MARGIN + 18) {
			x = MARGIN;
			y += 22;
		}
		if (out) {
			char *more = xasprintf(
				"fill=\"%s\" stroke=\"%s\" stroke-width=\"1.6\"%s",
				p.fill, p.line,
				p.dashed ? " stroke-dasharray=\"3 2\"" : "");
			pen_rect(out, (struct graph_box){x, y, 15, 15}, 3, more);
			free(more);
			pen_line(out, (struct graph_point){x + 22, y + 12}, 11.5,
				"fill=\"#334155\"", name);
		}
		x += w;
	}
	return y + 22 - top;
}

/* A line above the picture, shortened to what it is wide. */
static double head_line(struct drawing *d, double y, double size, const char *text)
{
	double most = fmax(d->g->box.w, HEAD_MIN) - 2 * MARGIN;
	enum measure_font font = size == HEAD_SIZE ? MEASURE_BOLD : MEASURE_REGULAR;
	char *line = measure_fit(text, font, size, most);
	double w = measure_width(line, font, size);
	if (d->out)
		pen_line(d->out, (struct graph_point){MARGIN, y}, size,
			font == MEASURE_BOLD ? "font-weight=\"bold\" fill=\"" INK "\""
					     : "fill=\"#475569\"",
			line);
	free(line);
	return w;
}

/* Returns its width; *ret_height: where the picture begins. */
static double draw_head(struct drawing *d, double *ret_height)
{
	double y = 38, w = head_line(d, y, HEAD_SIZE, d->g->name);
	if (d->g->title)
		w = fmax(w, head_line(d, y += 20, 12.5, d->g->title));
	if (d->g->run) {
		char *run = xasprintf("run %s: %s", d->g->run, phase_name(d->g->phase));
		w = fmax(w, head_line(d, y += 20, 12.5, run));
		free(run);
	}
	*ret_height = y;
	return w + 2 * MARGIN;
}

void graph_svg(const struct graph *g, struct buf *out)
{
	struct drawing d = {g, NULL};
	double head, w = ceil(fmax(g->box.w, draw_head(&d, &head)));
	double legend = g->run ? draw_legend(NULL, w, 0) + 12 : 0;
	double h = ceil(head + g->box.h + legend);
	d.out = out;
	buf_puts(out, "<svg xmlns=\"http://www.w3.org/2000/svg\"");
	pen_attribute(out, "width", w);
	pen_attribute(out, "height", h);
	buf_puts(out, " viewBox=\"0 0 ");
	pen_number(out, w);
	buf_putc(out, ' ');
	pen_number(out, h);
	buf_puts(out, "\" role=\"img\" font-family=\"Helvetica, Arial, sans-serif\">");
	pen_title(out, g->name, g->title);
	pen_rect(out, (struct graph_box){0, 0, w, h}, 0, "fill=\"#ffffff\"");
	draw_head(&d, &head);
	buf_puts(out, "<g transform=\"translate(");
	pen_number(out, floor((w - g->box.w) / 2));
	buf_putc(out, ' ');
	pen_number(out, head);
	buf_puts(out, ")\">\n");
	draw_list(&d, &g->body);
	draw_list(&d, &g->functions);
	draw_list(&d, &g->extensions);
	buf_puts(out, "</g>\n");
	if (g->run)
		draw_legend(out, w, head + g->box.h);
	buf_puts(out, "</svg>\n");
}
