/* What is wrong with the expressions of a program. */
#include "expression/node.h"

struct check {
	program_on_fault on_fault;
	void *ctx;
	unsigned compilations, faults;
};

static void report(struct check *c, const struct node *n, size_t at, const char *message)
{
	c->faults++;
	c->on_fault(c->ctx, n->json, at, message);
}

static void check_node(struct check *c, const struct node *n)
{
	struct jqfault fault;
	if (n->fault)
		report(c, n, n->fault_at, n->fault);
	if (n->code && !source_judge(n->code, NULL, &c->compilations, &fault))
		report(c, n, n->at + (size_t)fault.at, fault.text);
	for (size_t i = 0; i < n->nitems; i++)
		check_node(c, &n->items[i]);
}

unsigned program_check(struct program *p, program_on_fault on_fault, void *ctx)
{
	struct check c = {.on_fault = on_fault, .ctx = ctx};
	for (size_t i = 0; i < p->n && !p->options.loose; i++)
		check_node(&c, &p->expressions[i]->root);
	return c.faults;
}

static bool node_is_of_dot(const struct node *n)
{
	bool is = !n->fault && !(n->code && n->code->scan.beyond);
	for (size_t i = 0; is && i < n->nitems; i++)
		is = node_is_of_dot(&n->items[i]);
	return is;
}

bool expression_is_of_dot(const struct expression *e)
{
	return node_is_of_dot(&e->root);
}
