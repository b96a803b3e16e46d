/* Steps to boxes. A step in a function or an extension belongs to the one box of that
 * function or extension, wherever it was called. */
#include "graph/state.h"

#include "graph/describe.h"

#include <stdlib.h>
#include <string.h>

/* The boxes by path. */
struct folder {
	const char *path;
	struct graph_node *node;
};

struct places {
	struct folder *items;
	size_t count, cap;
};

static void add_list(struct places *p, struct graph_list *list)
{
	for (size_t i = 0; i < list->count; i++) {
		struct graph_node *n = &list->nodes[i];
		if (p->count == p->cap) {
			p->cap = p->cap ? 2 * p->cap : 64;
			p->items = xrealloc(p->items, p->cap * sizeof *p->items);
		}
		n->marks = (struct graph_marks){0};
		p->items[p->count++] = (struct folder){n->path, n};
		for (size_t k = 0; k < n->list_count; k++)
			add_list(p, &n->lists[k]);
	}
}

static int compare_places(const void *a, const void *b)
{
	return strcmp(((const struct folder *)a)->path, ((const struct folder *)b)->path);
}

static struct graph_node *find(const struct places *p, const char *path)
{
	struct folder key = {.path = path};
	struct folder *found =
		bsearch(&key, p->items, p->count, sizeof *p->items, compare_places);
	return found ? found->node : NULL;
}

/* ---- Paths of steps ---- */

/* The length of "[12]" or "#2", 0 for anything else. */
static size_t mark_length(const char *p)
{
	size_t digits = *p == '[' || *p == '#' ? strspn(p + 1, "0123456789") : 0;
	if (digits == 0)
		return 0;
	return *p == '#' ? 1 + digits : p[1 + digits] == ']' ? 2 + digits : 0;
}

/* Goes on in a function's box, or in an extension's. */
static size_t enter(const struct places *p, const char *mark, struct buf *key)
{
	static const char *const blocks[] = {"!before/", "!after/"};
	if (strncmp(mark, "!call", 5) == 0) {
		const struct graph_node *caller = find(p, buf_text(key));
		if (!caller || !caller->function)
			return 0;
		buf_clear(key);
		buf_printf(key, "!call/%s", caller->function);
		return 5;
	}
	for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) {
		size_t n = strlen(blocks[i]);
		if (strncmp(mark, blocks[i], n) != 0)
			continue;
		buf_clear(key);
		buf_add(key, blocks[i], n - 1);
		return n - 1;
	}
	return 0;
}

/* NULL: the document has no such task, as in a function that is not pinned with it. */
static struct graph_node *resolve(const struct places *p, const char *path, size_t n)
{
	struct buf key = {0};
	struct graph_node *node = NULL;
	for (size_t i = 0; i < n;) {
		size_t mark = mark_length(path + i);
		if (path[i] == '!') {
			mark = enter(p, path + i, &key);
			if (mark == 0)
				goto out;
		} else if (mark == 0) {
			buf_putc(&key, path[i]);
			mark = 1;
		}
		i += mark;
	}
	node = find(p, buf_text(&key));
out:
	buf_finish(&key);
	return node;
}

/* ---- Steps ---- */

static void count_step(struct graph_marks *m, const struct admin_step *s)
{
	bool open = m->steps > 0 && !phase_has_ended(m->phase);
	m->reason = m->steps == 0 ? s->reason : NULL;
	m->counts[s->phase]++;
	m->steps++;
	m->attempts += s->attempts > 1 ? s->attempts : 1;
	if (!open || !phase_has_ended(s->phase))
		m->phase = s->phase;
}

/* A task of a loop's own list, in one of its iterations. */
struct round {
	const char *path; /* "/do/1/each[3]" is its beginning */
	size_t n;
	size_t number; /* in the order of start */
	enum phase phase;
};

static bool read_round(const struct admin_step *s, size_t number, struct round *ret)
{
	const char *open = strrchr(s->path, '[');
	size_t mark = open ? mark_length(open) : 0;
	if (mark == 0 || strncmp(open + mark, "/do/", 4) != 0)
		return false;
	const char *name = strchr(open + mark + 4, '/');
	if (!name || strpbrk(name + 1, "/!"))
		return false;
	*ret = (struct round){s->path, (size_t)(open - s->path) + mark, number, s->phase};
	return true;
}

static int compare_rounds(const void *a, const void *b)
{
	const struct round *x = a, *y = b;
	int order = memcmp(x->path, y->path, x->n < y->n ? x->n : y->n);
	if (order == 0 && x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

/* The loop of "/do/1/each[3]" or "/do/2/wait/foreach[3]". */
static struct graph_node *find_loop(const struct places *p, const struct round *r)
{
	static const char foreach[] = "/foreach";
	size_t n = r->n, m = sizeof foreach - 1;
	while (r->path[--n] != '[')
		;
	if (n > m && strncmp(r->path + n - m, foreach, m) == 0) {
		struct graph_node *node = resolve(p, r->path, n - m);
		if (node && node->list_count > 0)
			return node;
	}
	return resolve(p, r->path, n);
}

/* What an iteration does now, or how its last task ended. */
static void count_rounds(const struct places *p, struct round *rounds, size_t count)
{
	qsort(rounds, count, sizeof *rounds, compare_rounds);
	for (size_t i = 0, next; i < count; i = next) {
		struct graph_marks m = {0};
		for (next = i; next < count; next++) {
			struct admin_step step = {.phase = rounds[next].phase};
			if (rounds[next].n != rounds[i].n ||
				memcmp(rounds[next].path, rounds[i].path, rounds[i].n) !=
					0)
				break;
			count_step(&m, &step);
		}
		struct graph_node *loop = find_loop(p, &rounds[i]);
		if (loop)
			loop->marks.rounds[m.phase == PHASE_SKIPPED ? PHASE_COMPLETED
								    : m.phase]++;
	}
}

void graph_mark(
	struct graph *g, const struct admin_run *run, const struct admin_steps *steps)
{
	struct places p = {0};
	struct round *rounds = xcalloc(steps->count + 1, sizeof *rounds);
	size_t count = 0;
	char id[UUID_TEXT];
	uuid_format(run->id, id);
	free(g->run);
	g->run = xstrdup(id);
	g->phase = run->phase;
	add_list(&p, &g->body);
	add_list(&p, &g->functions);
	add_list(&p, &g->extensions);
	if (p.count > 1)
		qsort(p.items, p.count, sizeof *p.items, compare_places);
	for (size_t i = 0; i < steps->count; i++) {
		const struct admin_step *s = &steps->items[i];
		struct graph_node *node = resolve(&p, s->path, strlen(s->path));
		if (node)
			count_step(&node->marks, s);
		count += read_round(s, i, &rounds[count]);
	}
	count_rounds(&p, rounds, count);
	free(rounds);
	free(p.items);
}

/* ---- Words ---- */

/* "3 completed, 1 running". */
static void say_counts(const size_t counts[PHASE_SKIPPED + 1], struct buf *out)
{
	static const enum phase order[] = {PHASE_COMPLETED, PHASE_RUNNING, PHASE_WAITING,
		PHASE_PENDING, PHASE_SUSPENDED, PHASE_FAULTED, PHASE_CANCELLED,
		PHASE_SKIPPED};
	const char *between = "";
	for (size_t i = 0; i < sizeof order / sizeof *order; i++) {
		if (counts[order[i]] == 0)
			continue;
		buf_printf(
			out, "%s%zu %s", between, counts[order[i]], phase_name(order[i]));
		between = ", ";
	}
}

static void say_reason(const char *reason, struct buf *out)
{
	struct buf b = {0};
	if (!reason)
		return;
	buf_puts(&b, reason);
	char *said = graph_said(&b);
	buf_printf(out, ", %s", said);
	free(said);
}

static size_t count_all(const size_t counts[PHASE_SKIPPED + 1])
{
	size_t sum = 0;
	for (int p = 0; p <= PHASE_SKIPPED; p++)
		sum += counts[p];
	return sum;
}

char *graph_state_text(const struct graph_marks *m)
{
	struct buf b = {0};
	if (count_all(m->rounds) > 0) {
		buf_puts(&b, "iterations: ");
		say_counts(m->rounds, &b);
	} else if (m->steps == 1) {
		buf_puts(&b, phase_name(m->phase));
		say_reason(m->reason, &b);
	} else {
		say_counts(m->counts, &b);
	}
	if (m->attempts > (int64_t)m->steps)
		buf_printf(&b, ", %lld attempts", (long long)m->attempts);
	return buf_take(&b);
}
