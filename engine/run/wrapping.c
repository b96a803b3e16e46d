/* The way through the blocks of a wrapping task. */
#include "run/wrapping.h"

#include "journal/op.h"

/* Blocks before the task: its own place in the list. */
static int64_t middle(const struct frame *f)
{
	return (int64_t)f->list->count / 2;
}

void wrapping_seek(struct frame *f, int64_t position)
{
	int64_t n = middle(f), last = 2 * n;
	uint32_t *visits = frame_visits(f);
	for (f->position = position; f->position <= last; f->position++) {
		int64_t p = f->position;
		const struct task *t = &f->list->tasks[p];
		if (p == n)
			return;
		bool empty = t->body->count == 0;
		if (p < n && empty && !t->condition)
			visits[p] = 1; /* applies, and has nothing to do here */
		else if (p < n || (!empty && visits[last - p] > 0))
			return;
	}
	f->position = NEXT_EXIT;
}

void wrapping_pass_over(struct frame *f)
{
	frame_visits(f)[f->position] = 0;
	wrapping_seek(f, f->position + 1);
}

void wrapping_leave(struct frame *f, int64_t next, struct value *output)
{
	int64_t n = middle(f), p = f->position, to = p + 1;
	if (p == n || (p < n && next == NEXT_EXIT)) {
		value_set(&f->cursor, output);
		if (p == n)
			f->leave = next;
		to = 2 * n - p + 1;
	} else {
		value_unref(output);
	}
	wrapping_seek(f, to);
}

const struct frame *wrapping_described(const struct frame *f)
{
	for (const struct frame *g = f; g->parent; g = g->parent) {
		if (g->parent->task->wraps && *g->task->mark)
			return g->parent;
	}
	return f;
}

bool wrapping_has_ended(const struct frame *wrapping)
{
	return wrapping->list && wrapping->position > middle(wrapping);
}
