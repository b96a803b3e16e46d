/*
 * Two passes: the first finds each loop, its last iteration and those that did not just
 * complete, the second answers step by step.
 */
#include "fold.h"

#include <stdlib.h>
#include <string.h>

#define SHOWN 3 /* the last iterations of a loop */

struct fold_loop {
	const char *path; /* up to its iteration, of length: */
	size_t n;
	int64_t last;     /* iteration */
	int64_t *unusual; /* iterations that did not just complete, ascending */
	size_t unusual_count;
	bool told;
};

/* The outermost iteration of the path; false: it is in no loop. */
static bool find_iteration(const char *path, size_t *ret_n, int64_t *ret_index)
{
	const char *open = strchr(path, '[');
	if (!open)
		return false;
	*ret_n = (size_t)(open - path);
	*ret_index = strtoll(open + 1, NULL, 10);
	return true;
}

static int compare_loops(const void *a, const void *b)
{
	const struct fold_loop *x = a, *y = b;
	int order = memcmp(x->path, y->path, x->n < y->n ? x->n : y->n);
	return order || x->n == y->n ? order : x->n < y->n ? -1 : 1;
}

static struct fold_loop *find_loop(const struct fold *f, const char *path, size_t n)
{
	struct fold_loop key = {.path = path, .n = n};
	return bsearch(&key, f->loops, f->count, sizeof *f->loops, compare_loops);
}

/* Every loop once, in the order of their paths. */
static void find_loops(struct fold *f)
{
	size_t found = 0;
	f->loops = xcalloc(f->steps->count + 1, sizeof *f->loops);
	for (size_t i = 0; i < f->steps->count; i++) {
		struct fold_loop l = {.path = f->steps->items[i].path};
		int64_t iteration;
		if (find_iteration(l.path, &l.n, &iteration))
			f->loops[found++] = l;
	}
	qsort(f->loops, found, sizeof *f->loops, compare_loops);
	for (size_t i = 0; i < found; i++) {
		if (i == 0 || compare_loops(&f->loops[f->count - 1], &f->loops[i]) != 0)
			f->loops[f->count++] = f->loops[i];
	}
}

static void add_unusual(struct fold_loop *l, int64_t iteration)
{
	if ((l->unusual_count & (l->unusual_count - 1)) == 0)
		l->unusual = xrealloc(
			l->unusual, (2 * l->unusual_count + 1) * sizeof *l->unusual);
	l->unusual[l->unusual_count++] = iteration;
}

static int compare_iterations(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
	return (x > y) - (x < y);
}

/* Ascending, each once. */
static void sort_unusual(struct fold_loop *l)
{
	size_t n = 0;
	if (l->unusual_count == 0)
		return;
	qsort(l->unusual, l->unusual_count, sizeof *l->unusual, compare_iterations);
	for (size_t i = 0; i < l->unusual_count; i++) {
		if (n == 0 || l->unusual[n - 1] != l->unusual[i])
			l->unusual[n++] = l->unusual[i];
	}
	l->unusual_count = n;
}

void fold_init(struct fold *f, const struct admin_steps *steps)
{
	*f = (struct fold){.steps = steps};
	find_loops(f);
	for (size_t i = 0; i < steps->count; i++) {
		const struct admin_step *s = &steps->items[i];
		size_t n;
		int64_t iteration;
		if (!find_iteration(s->path, &n, &iteration))
			continue;
		struct fold_loop *l = find_loop(f, s->path, n);
		if (iteration > l->last)
			l->last = iteration;
		if (s->phase != PHASE_COMPLETED && s->phase != PHASE_SKIPPED)
			add_unusual(l, iteration);
	}
	for (size_t i = 0; i < f->count; i++)
		sort_unusual(&f->loops[i]);
}

void fold_finish(struct fold *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->loops[i].unusual);
	free(f->loops);
	*f = (struct fold){0};
}

/* How many of the loop's unusual iterations lie below this one, and whether it is one. */
static size_t count_unusual(const struct fold_loop *l, int64_t below, bool *ret_is)
{
	size_t from = 0, to = l->unusual_count;
	while (from < to) {
		size_t middle = (from + to) / 2;
		if (l->unusual[middle] < below)
			from = middle + 1;
		else
			to = middle;
	}
	*ret_is = from < l->unusual_count && l->unusual[from] == below;
	return from;
}

bool fold_hides(struct fold *f, size_t i, int64_t *ret_iterations)
{
	size_t n;
	int64_t iteration;
	bool unusual, at_end;
	*ret_iterations = 0;
	if (!find_iteration(f->steps->items[i].path, &n, &iteration))
		return false;
	struct fold_loop *l = find_loop(f, f->steps->items[i].path, n);
	int64_t shown_from = l->last - SHOWN + 1;
	(void)count_unusual(l, iteration, &unusual);
	if (iteration >= shown_from || unusual)
		return false;
	if (!l->told)
		*ret_iterations =
			shown_from - (int64_t)count_unusual(l, shown_from, &at_end);
	l->told = true;
	return true;
}
