/*
 * Boxes from the inside out: lists first, then the boxes around them; then everything is
 * moved from its place in its list to its place in the picture.
 */
#include "graph/layout.h"

#include "graph/sheet.h"

#include "graph/measure.h"
#include "graph/state.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 235.0   /* width of a line in a box */
#define ICON 22.0        /* its square, left of the lines */
#define PAD 10.0         /* from a box's edge to what is in it */
#define INSIDE 16.0      /* the same of lists */
#define SECTION_GAP 46.0 /* between lists side by side: an arrow */
#define BRANCH_GAP 24.0
#define BAR 5.0
#define MARGIN 28.0 /* of the picture */

/* ---- Lines ---- */

static const struct {
	double size, height;
	enum measure_font font;
} styles[GRAPH_STYLES] = {
	[GRAPH_NAME] = {13, 18, MEASURE_BOLD},
	[GRAPH_WORD] = {11.5, 16, MEASURE_REGULAR},
	[GRAPH_NOTE] = {11, 15, MEASURE_REGULAR},
	[GRAPH_STATE] = {10.5, 20, MEASURE_BOLD},
};

double graph_line_size(enum graph_style style)
{
	return styles[style].size;
}

void graph_lines_destroy(struct graph_line *lines, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(lines[i].text);
	free(lines);
}

void graph_symbols_destroy(struct graph_symbol *symbols, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free(symbols[i].label);
		free(symbols[i].more);
	}
	free(symbols);
}

void graph_routes_destroy(struct graph_route *routes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		free(routes[i].points);
	free(routes);
}

/* Lines under way. */
struct page {
	struct graph_line *lines;
	size_t count;
	double w, h;
};

static struct graph_line *add_line(
	struct page *p, enum graph_style style, const char *text)
{
	p->lines = xrealloc(p->lines, (p->count + 1) * sizeof *p->lines);
	struct graph_line *l = &p->lines[p->count++];
	*l = (struct graph_line){.style = style};
	l->text = measure_fit(text, styles[style].font, styles[style].size, TEXT_MAX);
	l->w = measure_width(l->text, styles[style].font, styles[style].size);
	if (style == GRAPH_STATE)
		l->w += 16;
	l->y = p->h + styles[style].height * 0.78;
	p->h += styles[style].height;
	p->w = fmax(p->w, l->w);
	return l;
}

/* Where the first of two lines ends: after a word, or else after a part of a URL, if one
 * ends late enough. */
static size_t find_break(const char *text, enum graph_style style)
{
	size_t most =
		measure_prefix(text, styles[style].font, styles[style].size, TEXT_MAX);
	if (!text[most])
		return most;
	for (size_t n = most; n > most / 2; n--)
		if (text[n] == ' ')
			return n;
	for (size_t n = most; n > most / 2; n--)
		if (strchr("/,.;?&=|)_-", text[n - 1]) && text[n] != '/')
			return n;
	return most;
}

/* In one line or two. Returns the first. */
static struct graph_line *add_lines(
	struct page *p, enum graph_style style, const char *text)
{
	size_t n = find_break(text, style), first = p->count;
	char *head = xstrndup(text, n);
	add_line(p, style, head);
	free(head);
	while (text[n] == ' ')
		n++;
	if (text[n])
		add_line(p, style, text + n);
	return &p->lines[first];
}

static void add_word(struct page *p, const struct graph_node *n)
{
	char *text = xasprintf("%s%s%s", n->word, *n->detail ? " " : "", n->detail);
	struct graph_line *l = add_lines(p, GRAPH_WORD, text);
	free(text);
	l->head = strlen(n->word);
	l->w += measure_width(n->word, MEASURE_BOLD, styles[GRAPH_WORD].size) -
		measure_width(n->word, MEASURE_REGULAR, styles[GRAPH_WORD].size);
	p->w = fmax(p->w, l->w);
}

static struct page node_page(const struct graph_node *n)
{
	struct page p = {0};
	char *state = graph_state_text(&n->marks);
	add_line(&p, GRAPH_NAME, n->name);
	add_word(&p, n);
	for (char **note = n->notes; note && *note; note++)
		add_lines(&p, GRAPH_NOTE, *note);
	if (*state)
		add_line(&p, GRAPH_STATE, state);
	free(state);
	return p;
}

static struct page list_page(const struct graph_list *list)
{
	struct page p = {0};
	if (list->title)
		add_lines(&p, GRAPH_NOTE, list->title);
	for (char **note = list->notes; note && *note; note++)
		add_lines(&p, GRAPH_NOTE, *note);
	return p;
}

static void move_lines(struct page *p, double x, double y)
{
	for (size_t i = 0; i < p->count; i++) {
		p->lines[i].x += x;
		p->lines[i].y += y;
	}
}

/* ---- Lists ---- */

static void lay_node(struct graph_node *n);

static struct graph_symbol bar(double x, double y, double w)
{
	return (struct graph_symbol){.kind = GRAPH_BAR, .box = {x, y, w, BAR}};
}

static void add_leg(
	struct graph_list *list, size_t from, size_t to, double x, const double y[2])
{
	struct graph_route *r = &list->routes[list->route_count++];
	*r = (struct graph_route){.from = from, .to = to, .arrow = to < GRAPH_SYMBOL};
	r->points = xcalloc(2, sizeof *r->points);
	r->count = 2;
	r->points[0] = (struct graph_point){x, y[0]};
	r->points[1] = (struct graph_point){x, y[1]};
}

/* One row of branches: nodes first .. last, between two bars. */
static void lay_row(struct graph_list *list, size_t first, size_t last, double *y)
{
	double x = 0, h = 0, top = *y + BAR + 22, right;
	for (size_t i = first; i < last; i++) {
		struct graph_node *n = &list->nodes[i];
		n->box.x = x;
		n->box.y = top;
		x += n->box.w + BRANCH_GAP;
		h = fmax(h, n->box.h);
	}
	right = x - BRANCH_GAP;
	double bottom = top + h + 16;
	size_t symbol = GRAPH_SYMBOL + list->symbol_count;
	list->symbols[list->symbol_count++] = bar(0, *y, right);
	list->symbols[list->symbol_count++] = bar(0, bottom, right);
	for (size_t i = first; i < last; i++) {
		const struct graph_box *b = &list->nodes[i].box;
		double middle = b->x + b->w / 2;
		add_leg(list, symbol, i, middle, (double[]){*y + BAR, b->y});
		add_leg(list, i, symbol + 1, middle, (double[]){b->y + b->h, bottom});
	}
	list->box.w = fmax(list->box.w, right);
	*y = bottom + BAR;
}

static void lay_branches(struct graph_list *list)
{
	double y = 0;
	list->symbols = xcalloc(2 * list->count + 1, sizeof *list->symbols);
	list->routes = xcalloc(2 * list->count + 1, sizeof *list->routes);
	for (size_t first = 0, last; first < list->count; first = last) {
		double w = list->nodes[first].box.w;
		for (last = first + 1; last < list->count; last++) {
			w += BRANCH_GAP + list->nodes[last].box.w;
			if (w > GRAPH_WIDTH_MAX)
				break;
		}
		y += first > 0 ? 18 : 0;
		lay_row(list, first, last, &y);
	}
	list->box.h = y;
}

/* One below the other: nothing leads from one to the next. */
static void lay_shelf(struct graph_list *list)
{
	double y = 0;
	for (size_t i = 0; i < list->count; i++) {
		struct graph_node *n = &list->nodes[i];
		n->box.x = 0;
		n->box.y = y;
		y += n->box.h + 20;
		list->box.w = fmax(list->box.w, n->box.w);
	}
	list->box.h = fmax(0, y - 20);
}

static void lay_flow(struct graph_list *list, bool is_top, const char *trigger)
{
	struct sheet s;
	sheet_init(&s, list, is_top, trigger);
	sheet_join(&s);
	sheet_order(&s);
	sheet_place(&s);
	sheet_wire(&s);
	sheet_finish(&s);
}

static void forget_list(struct graph_list *list)
{
	graph_lines_destroy(list->lines, list->line_count);
	graph_symbols_destroy(list->symbols, list->symbol_count);
	graph_routes_destroy(list->routes, list->route_count);
	list->lines = NULL;
	list->symbols = NULL;
	list->routes = NULL;
	list->line_count = list->symbol_count = list->route_count = 0;
	list->box = (struct graph_box){0};
}

static void lay_list(struct graph_list *list, bool is_top, const char *trigger)
{
	forget_list(list);
	for (size_t i = 0; i < list->count; i++)
		lay_node(&list->nodes[i]);
	if (list->role == GRAPH_BRANCHES)
		lay_branches(list);
	else if (list->role == GRAPH_SHELF)
		lay_shelf(list);
	else
		lay_flow(list, is_top, trigger);
}

/* ---- Boxes ---- */

static void move_list(struct graph_list *list, double x, double y)
{
	for (size_t i = 0; i < list->count; i++) {
		list->nodes[i].box.x += x;
		list->nodes[i].box.y += y;
	}
	for (size_t i = 0; i < list->symbol_count; i++) {
		list->symbols[i].box.x += x;
		list->symbols[i].box.y += y;
	}
	for (size_t i = 0; i < list->route_count; i++) {
		for (size_t k = 0; k < list->routes[i].count; k++) {
			list->routes[i].points[k].x += x;
			list->routes[i].points[k].y += y;
		}
	}
}

/* A frame around the list, with its lines above it. */
static void frame_list(struct graph_list *list)
{
	struct page p = list_page(list);
	double inner = list->box.w, w = fmax(p.w, inner) + 2 * INSIDE;
	double head = p.count > 0 ? PAD + p.h : 0;
	w = fmax(w, 120);
	move_lines(&p, INSIDE, PAD - 2);
	move_list(list, round((w - inner) / 2), head + INSIDE - 2);
	list->lines = p.lines;
	list->line_count = p.count;
	list->box.w = w;
	list->box.h += head + (list->count > 0 ? 2 * INSIDE - 2 : PAD - 2);
}

/* Puts the lists at their places below the head of their box; returns how much room they
 * take together. */
static struct graph_box arrange(struct graph_node *n)
{
	struct graph_box all = {0};
	bool framed = n->list_count > 1 || n->lists[0].title;
	double sum = 0;
	for (size_t i = 0; i < n->list_count; i++) {
		lay_list(&n->lists[i], false, NULL);
		if (framed)
			frame_list(&n->lists[i]);
		sum += n->lists[i].box.w + (i > 0 ? SECTION_GAP : 0);
	}
	bool beside = sum <= GRAPH_WIDTH_MAX && n->kind == GRAPH_TRY;
	for (size_t i = 0; i < n->list_count; i++) {
		struct graph_box *b = &n->lists[i].box;
		double gap = i > 0 ? (beside ? SECTION_GAP : 30) : 0;
		b->x = beside ? all.w + gap : 0;
		b->y = beside ? 0 : all.h + gap;
		all.w = fmax(all.w, b->x + b->w);
		all.h = fmax(all.h, b->y + b->h);
	}
	for (size_t i = 0; i < n->list_count && !beside; i++)
		n->lists[i].box.x = round((all.w - n->lists[i].box.w) / 2);
	return all;
}

static void lay_container(struct graph_node *n, struct page *p)
{
	struct graph_box inner = arrange(n);
	double head = PAD + p->h + 4;
	n->box.w = fmax(inner.w + 2 * INSIDE, p->w + ICON + 3 * PAD);
	n->box.h = head + inner.h + (inner.h > 0 ? INSIDE + 6 : 4);
	for (size_t i = 0; i < n->list_count; i++) {
		n->lists[i].box.x += round((n->box.w - inner.w) / 2);
		n->lists[i].box.y += head + 6;
	}
	move_lines(p, ICON + 2 * PAD, PAD);
}

/* Twice as wide as its text at least, so that the text is inside the slanted edges. */
static void lay_diamond(struct graph_node *n, struct page *p)
{
	n->box.h = round(fmax(2.2 * p->h, 76));
	n->box.w = round(p->w / (1 - p->h / n->box.h) + 16);
	for (size_t i = 0; i < p->count; i++)
		p->lines[i].x = (n->box.w - p->lines[i].w) / 2;
	move_lines(p, 0, (n->box.h - p->h) / 2);
}

static void lay_leaf(struct graph_node *n, struct page *p)
{
	bool round_ends = n->kind == GRAPH_WAIT;
	bool pointed = n->kind == GRAPH_EMIT || n->kind == GRAPH_LISTEN;
	double more = round_ends || pointed ? 12 : 0;
	n->box.h = fmax(p->h + 2 * PAD - 2, ICON + 2 * PAD);
	n->box.w = round(fmax(p->w + ICON + 3 * PAD + more, 120));
	move_lines(p, ICON + 2 * PAD + (n->kind == GRAPH_LISTEN || round_ends ? 6 : 0),
		(n->box.h - p->h) / 2);
}

static void lay_node(struct graph_node *n)
{
	struct page p = node_page(n);
	graph_lines_destroy(n->lines, n->line_count);
	n->box = (struct graph_box){0};
	if (n->list_count > 0)
		lay_container(n, &p);
	else if (n->kind == GRAPH_SWITCH)
		lay_diamond(n, &p);
	else
		lay_leaf(n, &p);
	n->lines = p.lines;
	n->line_count = p.count;
}

/* ---- The picture ---- */

/* From places in a list to places in the picture. */
static void settle_list(struct graph_list *list, double x, double y)
{
	list->box.x += x;
	list->box.y += y;
	move_list(list, list->box.x, list->box.y);
	for (size_t i = 0; i < list->line_count; i++) {
		list->lines[i].x += list->box.x;
		list->lines[i].y += list->box.y;
	}
	for (size_t i = 0; i < list->count; i++) {
		struct graph_node *n = &list->nodes[i];
		for (size_t k = 0; k < n->line_count; k++) {
			n->lines[k].x += n->box.x;
			n->lines[k].y += n->box.y;
		}
		for (size_t k = 0; k < n->list_count; k++)
			settle_list(&n->lists[k], n->box.x, n->box.y);
	}
}

void graph_layout(struct graph *g)
{
	struct graph_list *shelves[] = {&g->functions, &g->extensions};
	lay_list(&g->body, true, g->trigger);
	double w = g->body.box.w, h = g->body.box.h, y = 0;
	for (size_t i = 0; i < sizeof shelves / sizeof *shelves; i++) {
		struct graph_list *shelf = shelves[i];
		lay_list(shelf, false, NULL);
		if (shelf->count == 0)
			continue;
		frame_list(shelf);
		shelf->box.x = g->body.box.w + SECTION_GAP;
		shelf->box.y = y;
		y += shelf->box.h + BRANCH_GAP;
		w = fmax(w, shelf->box.x + shelf->box.w);
		h = fmax(h, y - BRANCH_GAP);
	}
	settle_list(&g->body, MARGIN, MARGIN);
	for (size_t i = 0; i < sizeof shelves / sizeof *shelves; i++)
		settle_list(shelves[i], MARGIN, MARGIN);
	g->box = (struct graph_box){0, 0, w + 2 * MARGIN, h + 2 * MARGIN};
}
