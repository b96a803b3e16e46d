/*
 * Two passes: the first finds each loop's last iteration and those that did not just
 * complete, the second answers step by step, in order.
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

static struct fold_loop *find_loop(struct fold *f, const char *path, size_t n)
{
	for (size_t i = f->count; i-- > 0;) {
		if (f->loops[i].n == n && strncmp(f->loops[i].path, path, n) == 0)
			return &f->loops[i];
	}
	return NULL;
}

static struct fold_loop *add_loop(struct fold *f, const char *path, size_t n)
{
	struct fold_loop *l = find_loop(f, path, n);
	if (l)
		return l;
	f->loops = xrealloc(f->loops, (f->count + 1) * sizeof *f->loops);
	l = &f->loops[f->count++];
	*l = (struct fold_loop){.path = path, .n = n};
	return l;
}

static void add_unusual(struct fold_loop *l, int64_t iteration)
{
	if (l->unusual_count && l->unusual[l->unusual_count - 1] == iteration)
		return;
	if ((l->unusual_count & (l->unusual_count - 1)) == 0)
		l->unusual = xrealloc(
			l->unusual, (2 * l->unusual_count + 1) * sizeof *l->unusual);
	l->unusual[l->unusual_count++] = iteration;
}

void fold_init(struct fold *f, const struct admin_steps *steps)
{
	*f = (struct fold){.steps = steps};
	for (size_t i = 0; i < steps->count; i++) {
		const struct admin_step *s = &steps->items[i];
		size_t n;
		int64_t iteration;
		if (!find_iteration(s->path, &n, &iteration))
			continue;
		struct fold_loop *l = add_loop(f, s->path, n);
		if (iteration > l->last)
			l->last = iteration;
		if (s->phase != PHASE_COMPLETED && s->phase != PHASE_SKIPPED)
			add_unusual(l, iteration);
	}
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
