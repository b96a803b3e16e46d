/* A step's parent is the step whose path is the longest beginning of its own. */
#include "step_tree.h"

#include <stdlib.h>
#include <string.h>

#define NONE SIZE_MAX

/* Children of a node are linked in the order in which they were added. */
struct node {
	size_t first, last, next, parent;
};

struct name {
	const char *path;
	size_t n, index;
};

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = memcmp(x->path, y->path, x->n < y->n ? x->n : y->n);
	return order || x->n == y->n ? order : x->n < y->n ? -1 : 1;
}

/* NONE: it is in no other step. */
static size_t find_parent(const struct name *names, size_t count, const char *path)
{
	struct name key = {.path = path, .n = strlen(path)};
	while (key.n-- > 0) {
		if (!strchr("/[!", path[key.n]))
			continue;
		const struct name *found =
			bsearch(&key, names, count, sizeof *names, compare_names);
		if (found)
			return found->index;
	}
	return NONE;
}

static void add_child(struct node *nodes, size_t parent, size_t child)
{
	struct node *p = &nodes[parent];
	nodes[child].parent = parent;
	if (p->first == NONE)
		p->first = child;
	else
		nodes[p->last].next = child;
	p->last = child;
}

/* Nodes as items, from the first below the root on; each before what is in it. */
static void walk(const struct node *nodes, size_t root, struct step_tree *t)
{
	size_t at = nodes[root].first;
	int depth = 0;
	while (at != NONE) {
		t->items[t->count++] = (struct step_place){at, depth};
		if (nodes[at].first != NONE) {
			at = nodes[at].first;
			depth++;
			continue;
		}
		while (at != root && nodes[at].next == NONE) {
			at = nodes[at].parent;
			depth--;
		}
		at = at == root ? NONE : nodes[at].next;
	}
}

void step_tree_init(struct step_tree *t, const struct admin_steps *steps)
{
	size_t n = steps->count;
	struct name *names = xcalloc(n + 1, sizeof *names);
	struct node *nodes = xcalloc(n + 1, sizeof *nodes);
	*t = (struct step_tree){.items = xcalloc(n + 1, sizeof *t->items)};
	for (size_t i = 0; i <= n; i++)
		nodes[i] = (struct node){NONE, NONE, NONE, NONE};
	for (size_t i = 0; i < n; i++) {
		const char *path = steps->items[i].path;
		names[i] = (struct name){path, strlen(path), i};
	}
	qsort(names, n, sizeof *names, compare_names);
	for (size_t i = 0; i < n; i++) {
		size_t parent = find_parent(names, n, steps->items[i].path);
		add_child(nodes, parent == NONE ? n : parent, i);
	}
	walk(nodes, n, t);
	free(names);
	free(nodes);
}

void step_tree_finish(struct step_tree *t)
{
	free(t->items);
	*t = (struct step_tree){0};
}
