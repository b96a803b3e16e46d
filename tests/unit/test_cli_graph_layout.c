/*
 * The layout of pictures, over the examples, random documents and hand-made extremes: no
 * two boxes of a list overlap, what is inside a box is inside it, every arrow begins and
 * ends at what it joins and passes through nothing else, text is within its box.
 */
#include "graph/layout.h"

#include "graph/measure.h"
#include "graph_documents.h"
#include "suite.h"

#include <check.h>
#include <math.h>
#include <time.h>

#define EPSILON 1.01 /* places are whole pixels, sizes are not */

static const char *subject; /* the document that is judged */

static size_t crossed; /* arrows that lie on another's line, over all documents */

/* ---- Boxes ---- */

static bool overlap(const struct graph_box *a, const struct graph_box *b)
{
	return a->x + EPSILON < b->x + b->w && b->x + EPSILON < a->x + a->w &&
	       a->y + EPSILON < b->y + b->h && b->y + EPSILON < a->y + a->h;
}

static bool within(const struct graph_box *in, const struct graph_box *out)
{
	return in->x >= out->x - EPSILON && in->y >= out->y - EPSILON &&
	       in->x + in->w <= out->x + out->w + EPSILON &&
	       in->y + in->h <= out->y + out->h + EPSILON;
}

static size_t box_count(const struct graph_list *list)
{
	return list->count + list->symbol_count;
}

static const struct graph_box *box_at(const struct graph_list *list, size_t i)
{
	return i < list->count ? &list->nodes[i].box
			       : &list->symbols[i - list->count].box;
}

static const struct graph_box *end_box(const struct graph_list *list, size_t end)
{
	return end < GRAPH_SYMBOL ? &list->nodes[end].box
				  : &list->symbols[end - GRAPH_SYMBOL].box;
}

static void check_boxes(const struct graph_list *list)
{
	for (size_t i = 0; i < box_count(list); i++) {
		const struct graph_box *a = box_at(list, i);
		ck_assert_msg(a->w > 0 && a->h > 0, "%s: a box without size", subject);
		ck_assert_msg(within(a, &list->box), "%s: box %zu is outside its list",
			subject, i);
		for (size_t k = 0; k < i; k++)
			if (overlap(a, box_at(list, k)))
				ck_abort_msg(
					"%s: boxes %zu and %zu overlap", subject, k, i);
	}
}

/* ---- Text ---- */

/* In a diamond, every corner of the text must be between the slanted edges. */
static bool text_fits(const struct graph_node *n, const struct graph_line *l)
{
	const struct graph_box *b = &n->box;
	double top = l->y - graph_line_size(l->style) * 0.75, bottom = l->y + 3;
	double left = l->x, right = l->x + l->w;
	if (n->kind != GRAPH_SWITCH)
		return left >= b->x + 5 && right <= b->x + b->w - 5 && top >= b->y &&
		       bottom <= b->y + b->h;
	double middle = b->x + b->w / 2, half = b->y + b->h / 2;
	double dx = fmax(fabs(left - middle), fabs(right - middle)) / (b->w / 2);
	double dy = fmax(fabs(top - half), fabs(bottom - half)) / (b->h / 2);
	return dx + dy <= 1.02;
}

static void check_text(const struct graph_node *n)
{
	for (size_t i = 0; i < n->line_count; i++)
		ck_assert_msg(text_fits(n, &n->lines[i]), "%s: \"%s\" is outside its box",
			subject, n->lines[i].text);
}

/* ---- Arrows ---- */

/* On the edge of the box: a diamond is met at its lowest and highest point. */
static bool touches(const struct graph_point *p, const struct graph_box *b, bool below)
{
	double y = below ? b->y + b->h : b->y;
	return fabs(p->y - y) < EPSILON && p->x >= b->x - EPSILON &&
	       p->x <= b->x + b->w + EPSILON;
}

static bool passes(const struct graph_point *a, const struct graph_point *b,
	const struct graph_box *box)
{
	struct graph_box line = {fmin(a->x, b->x) - EPSILON, fmin(a->y, b->y) - EPSILON,
		fabs(a->x - b->x) + 2 * EPSILON, fabs(a->y - b->y) + 2 * EPSILON};
	return overlap(&line, box);
}

static void check_route(const struct graph_list *list, const struct graph_route *r)
{
	const struct graph_box *from = end_box(list, r->from), *to = end_box(list, r->to);
	ck_assert_msg(r->count >= 2, "%s: an arrow without a way", subject);
	ck_assert_msg(touches(&r->points[0], from, true),
		"%s: an arrow does not begin at its box", subject);
	ck_assert_msg(touches(&r->points[r->count - 1], to, false),
		"%s: an arrow does not end at its box", subject);
	for (size_t i = 1; i < r->count; i++) {
		const struct graph_point *a = &r->points[i - 1], *b = &r->points[i];
		ck_assert_msg((fabs(a->x - b->x) < 0.01) != (fabs(a->y - b->y) < 0.01),
			"%s: a part of an arrow is slanted or has no length", subject);
		for (size_t k = 0; k < box_count(list); k++) {
			const struct graph_box *box = box_at(list, k);
			if (!passes(a, b, box) || (i == 1 && box == from) ||
				(i + 1 == r->count && box == to))
				continue;
			ck_abort_msg("%s: an arrow passes through box %zu", subject, k);
		}
		ck_assert_msg(b->x >= list->box.x - EPSILON &&
				      b->x <= list->box.x + list->box.w + EPSILON &&
				      b->y >= list->box.y - EPSILON &&
				      b->y <= list->box.y + list->box.h + EPSILON,
			"%s: an arrow leaves its list", subject);
	}
}

/* An upright part of an arrow. */
struct part {
	double x, top, bottom;
	const struct graph_route *route;
};

static int compare_parts(const void *a, const void *b)
{
	const struct part *p = a, *q = b;
	return p->x != q->x      ? (p->x < q->x ? -1 : 1)
	       : p->top < q->top ? -1
				 : p->top > q->top;
}

static struct part *list_parts(const struct graph_list *list, size_t *ret_count)
{
	size_t count = 0;
	for (size_t i = 0; i < list->route_count; i++)
		count += list->routes[i].count;
	struct part *parts = xcalloc(count + 1, sizeof *parts);
	count = 0;
	for (size_t i = 0; i < list->route_count; i++) {
		const struct graph_route *r = &list->routes[i];
		for (size_t k = 1; k < r->count; k++) {
			const struct graph_point *p = &r->points[k - 1],
						 *q = &r->points[k];
			if (p->x == q->x)
				parts[count++] = (struct part){
					p->x, fmin(p->y, q->y), fmax(p->y, q->y), r};
		}
	}
	qsort(parts, count, sizeof *parts, compare_parts);
	*ret_count = count;
	return parts;
}

/* Lines of arrows that have neither end in common may cross, but not lie on each other.
 */
static void count_touches(const struct graph_list *list)
{
	size_t count;
	struct part *parts = list_parts(list, &count);
	for (size_t i = 0; i < count; i++) {
		for (size_t k = i + 1; k < count && parts[k].x == parts[i].x &&
				       parts[k].top + 3 < parts[i].bottom;
			k++)
			crossed += parts[i].route->from != parts[k].route->from &&
				   parts[i].route->to != parts[k].route->to;
	}
	free(parts);
}

/* The way of an edge: its label stands on it, and it ends where the edge leads, or at a
 * sign that says so. */
static void check_edge(const struct graph_list *list, size_t index, bool shown)
{
	const struct graph_edge *e = &list->edges[index];
	size_t from = e->from;
	for (size_t i = 0; e->label && i < list->symbol_count; i++)
		if (list->symbols[i].kind == GRAPH_LABEL &&
			list->symbols[i].edge == index)
			from = GRAPH_SYMBOL + i;
	ck_assert_msg(!e->label || from != e->from, "%s: no label for \"%s\"", subject,
		e->label ? e->label : "");
	size_t found = 0;
	for (size_t i = 0; i < list->route_count; i++) {
		const struct graph_route *r = &list->routes[i];
		bool label = r->to >= GRAPH_SYMBOL &&
			     list->symbols[r->to - GRAPH_SYMBOL].kind == GRAPH_LABEL;
		if (r->from != from || label)
			continue;
		found++;
		ck_assert_msg(r->arrow, "%s: an arrow without a head", subject);
		if (r->to < GRAPH_SYMBOL)
			ck_assert_msg(
				r->to == e->to, "%s: an arrow to a wrong task", subject);
		else if (list->symbols[r->to - GRAPH_SYMBOL].kind == GRAPH_JUMP)
			ck_assert_msg(
				e->to < list->count, "%s: a jump to no task", subject);
		else
			ck_assert_msg(e->to >= GRAPH_EXIT, "%s: an end instead of a task",
				subject);
	}
	ck_assert_msg(found == shown, "%s: %zu arrows for one edge", subject, found);
}

/* ---- Lists ---- */

static void check_list(const struct graph_list *list, bool is_top);

static void check_node(const struct graph_node *n)
{
	check_text(n);
	for (size_t i = 0; i < n->list_count; i++) {
		ck_assert_msg(within(&n->lists[i].box, &n->box),
			"%s: a list of %s is outside its box", subject, n->name);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(!overlap(&n->lists[i].box, &n->lists[k].box),
				"%s: the lists of %s overlap", subject, n->name);
		check_list(&n->lists[i], false);
	}
}

static void check_list(const struct graph_list *list, bool is_top)
{
	bool exits = is_top || graph_shows_exit(list);
	check_boxes(list);
	for (size_t i = 0; i < list->route_count; i++)
		check_route(list, &list->routes[i]);
	if (list->role != GRAPH_BRANCHES && list->role != GRAPH_SHELF) {
		count_touches(list);
		for (size_t i = 0; i < list->edge_count; i++)
			check_edge(list, i, exits || list->edges[i].to != GRAPH_EXIT);
	}
	for (size_t i = 0; i < list->count; i++)
		check_node(&list->nodes[i]);
}

static struct graph *draw(const char *text)
{
	struct json_limits limits = {.depth = 1000};
	struct json document;
	struct error err;
	ck_assert_msg(json_check(text, strlen(text), &limits, &document, NULL, &err),
		"%s: %s", subject, err.text);
	struct graph *g = graph_create(document, (struct json){0});
	graph_layout(g);
	return g;
}

static void judge(const char *name, const char *text)
{
	subject = name;
	struct graph *g = draw(text);
	struct graph_list *lists[] = {&g->body, &g->functions, &g->extensions};
	for (size_t i = 0; i < 3; i++) {
		if (i > 0 && lists[i]->count == 0)
			continue;
		ck_assert_msg(within(&lists[i]->box, &g->box), "%s: outside", name);
		for (size_t k = 0; k < i; k++)
			ck_assert_msg(lists[k]->count == 0 ||
					      !overlap(&lists[i]->box, &lists[k]->box),
				"%s: its parts overlap", name);
		check_list(lists[i], i == 0);
	}
	graph_destroy(g);
}

/* ---- Cases ---- */

START_TEST(examples_are_laid_out)
{
	ck_assert_uint_gt(documents_each("examples", judge), 5);
	documents_each("../shared/openworkflow/examples", judge);
	ck_assert_uint_eq(crossed, 0);
}
END_TEST

START_TEST(random_documents_are_laid_out)
{
	for (uint64_t seed = 1; seed <= 80; seed++) {
		char *name = xasprintf("seed %llu", (unsigned long long)seed);
		char *text = document_random(seed, (int)(10 + seed % 60));
		judge(name, text);
		free(text);
		free(name);
	}
	ck_assert_uint_eq(crossed, 0);
}
END_TEST

#define HEAD                                                                   \
	"{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"n\",\"name\":\"x\"," \
	"\"version\":"                                                         \
	"\"1.0.0\"},\"do\":["

/* One task after the other, each made by the format with its number and another one. */
static char *repeat(int n, const char *format, int step)
{
	struct buf b = {0};
	buf_puts(&b, HEAD);
	for (int i = 0; i < n; i++) {
		buf_puts(&b, i ? "," : "");
		for (const char *p = format; *p; p++) {
			if (*p == '#')
				buf_printf(&b, "%d", i);
			else if (*p == '@')
				buf_printf(&b, "%d", (i * 7919 + step) % n);
			else
				buf_putc(&b, *p == '\'' ? '"' : *p);
		}
	}
	buf_puts(&b, "]}");
	return buf_take(&b);
}

static double width_of(const char *name, char *text)
{
	judge(name, text);
	struct graph *g = draw(text);
	double w = g->box.w;
	graph_destroy(g);
	free(text);
	return w;
}

START_TEST(what_leads_anywhere_stays_narrow)
{
	double most = 3 * GRAPH_WIDTH_MAX;
	ck_assert_double_lt(
		width_of("jumps", repeat(150, "{'t#':{'set':{'a':1},'then':'t@'}}", 5)),
		most);
	ck_assert_double_lt(
		width_of("choices",
			repeat(60,
				"{'t#':{'switch':[{'a':{'when':'.a','then':'t@'}},"
				"{'b':{'then':'end'}}]}}",
				3)),
		most);
	ck_assert_double_lt(
		width_of("loops", repeat(100, "{'t#':{'set':{'a':1},'then':'t0'}}", 0)),
		most);
	ck_assert_double_lt(
		width_of("ends", repeat(100,
					 "{'t#':{'if':'.a','wait':'PT1S','then':"
					 "'end'}}",
					 0)),
		most);
}
END_TEST

START_TEST(many_cases_and_branches_go_into_rows)
{
	struct buf b = {0};
	buf_puts(&b, HEAD "{\"s\":{\"switch\":[");
	for (int i = 0; i < 200; i++)
		buf_printf(&b, "%s{\"c%d\":{\"when\":\".x\",\"then\":\"t%d\"}}",
			i ? "," : "", i, i);
	buf_puts(&b, "]}}");
	for (int i = 0; i < 200; i++)
		buf_printf(&b, ",{\"t%d\":{\"set\":{\"a\":1},\"then\":\"end\"}}", i);
	buf_puts(&b, "]}");
	ck_assert_double_lt(width_of("cases", buf_take(&b)), 3 * GRAPH_WIDTH_MAX);
	buf_puts(&b, HEAD "{\"f\":{\"fork\":{\"branches\":[");
	for (int i = 0; i < 200; i++)
		buf_printf(&b, "%s{\"b%d\":{\"set\":{\"a\":1}}}", i ? "," : "", i);
	buf_puts(&b, "]}}}]}");
	ck_assert_double_lt(width_of("branches", buf_take(&b)), 1.2 * GRAPH_WIDTH_MAX);
}
END_TEST

START_TEST(a_straight_flow_is_a_straight_line)
{
	char *text = repeat(20, "{'t#':{'set':{'a':1}}}", 0);
	subject = "straight";
	struct graph *g = draw(text);
	for (size_t i = 0; i < g->body.route_count; i++)
		ck_assert_uint_eq(g->body.routes[i].count, 2);
	ck_assert_uint_eq(g->body.route_count, 21);
	graph_destroy(g);
	free(text);
}
END_TEST

/* Nodes, places of arrows and boxes: everything that was placed. */
static void fingerprint(const struct graph_list *list, struct buf *out)
{
	for (size_t i = 0; i < box_count(list); i++)
		buf_printf(out, "%g %g ", box_at(list, i)->x, box_at(list, i)->y);
	for (size_t i = 0; i < list->route_count; i++)
		for (size_t k = 0; k < list->routes[i].count; k++)
			buf_printf(out, "%g %g ", list->routes[i].points[k].x,
				list->routes[i].points[k].y);
	for (size_t i = 0; i < list->count; i++)
		for (size_t k = 0; k < list->nodes[i].list_count; k++)
			fingerprint(&list->nodes[i].lists[k], out);
}

START_TEST(the_same_document_has_the_same_layout)
{
	char *text = document_random(7, 80);
	struct buf once = {0}, again = {0}, twice = {0};
	subject = "seed 7";
	struct graph *g = draw(text), *h = draw(text);
	fingerprint(&g->body, &once);
	fingerprint(&h->body, &again);
	graph_layout(g);
	fingerprint(&g->body, &twice);
	ck_assert_str_eq(buf_text(&once), buf_text(&again));
	ck_assert_str_eq(buf_text(&once), buf_text(&twice));
	graph_destroy(g);
	graph_destroy(h);
	buf_finish(&once);
	buf_finish(&again);
	buf_finish(&twice);
	free(text);
}
END_TEST

START_TEST(text_is_measured_by_the_wider_font)
{
	ck_assert_double_gt(measure_width("WWW", MEASURE_BOLD, 10),
		measure_width("WWW", MEASURE_REGULAR, 10));
	ck_assert_double_eq_tol(measure_width("", MEASURE_BOLD, 10), 0, 0.001);
	ck_assert_uint_eq(measure_columns("a\xCC\x81"
					  "日本"),
		5);
	char *cut = measure_cut("日本語テキスト", 8, "…");
	ck_assert_str_eq(cut, "日本語…");
	free(cut);
	cut = measure_fit("a name that is far too long", MEASURE_BOLD, 13, 60);
	ck_assert_double_le(measure_width(cut, MEASURE_BOLD, 13), 60);
	ck_assert(strstr(cut, "…"));
	free(cut);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("graph_layout");
	TCase *tests = tcase_create("graph_layout");
	tcase_add_test(tests, examples_are_laid_out);
	tcase_add_test(tests, random_documents_are_laid_out);
	tcase_add_test(tests, what_leads_anywhere_stays_narrow);
	tcase_add_test(tests, many_cases_and_branches_go_into_rows);
	tcase_add_test(tests, a_straight_flow_is_a_straight_line);
	tcase_add_test(tests, the_same_document_has_the_same_layout);
	tcase_add_test(tests, text_is_measured_by_the_wider_font);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
