/* Frames: their memory, their paths, their place in a loop. */
#include "run/frame.h"

#include "journal/op.h"
#include "run/wrapping.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* The last of its siblings. */
static void link_frame(struct frame *f, struct frame *parent)
{
	f->before = parent->last;
	*(f->before ? &f->before->sibling : &parent->child) = f;
	parent->last = f;
	if (!frame_is_concurrent(parent))
		return;
	if (!parent->branches)
		parent->branches = xcalloc(parent->list->count, sizeof(struct frame *));
	parent->branches[frame_branch(f)] = f;
}

struct frame *frame_push(
	struct agenda *a, struct frame *parent, const struct task *task, char *path)
{
	struct frame *f = xcalloc(1, sizeof *f);
	f->parent = parent;
	f->task = task;
	f->path = path;
	f->iteration = -1;
	f->leave = NEXT_OWN;
	f->agenda = a;
	if (parent) {
		link_frame(f, parent);
		agenda_touch(parent); /* it has its bits before there are marks below */
	}
	return f;
}

void frame_forget_steps(struct frame *f)
{
	for (size_t i = 0; i < f->step_count; i++) {
		free(f->steps[i].name);
		value_unref(f->steps[i].output);
	}
	f->step_count = 0;
}

static void forget_outputs(struct frame *f)
{
	for (size_t i = 0; f->outputs && i < f->list->count; i++)
		value_unref(f->outputs[i]);
	free(f->outputs);
	f->outputs = NULL;
}

static void unlink_frame(struct frame *f)
{
	struct frame *parent = f->parent;
	if (!parent)
		return;
	*(f->before ? &f->before->sibling : &parent->child) = f->sibling;
	*(f->sibling ? &f->sibling->before : &parent->last) = f->before;
	if (parent->branches)
		parent->branches[frame_branch(f)] = NULL;
}

void frame_destroy_children(struct frame *f)
{
	while (f->child)
		frame_destroy(f->child);
}

void frame_destroy(struct frame *f)
{
	if (!f)
		return;
	assert(!f->effect);
	struct frame *parent = f->parent;
	frame_destroy_children(f);
	agenda_leave(f);
	unlink_frame(f);
	if (parent && (!f->agenda || parent != f->agenda->at))
		agenda_touch(parent);
	forget_outputs(f);
	if (f->request)
		f->request->destroy(f->request);
	frame_forget_steps(f);
	free(f->steps);
	listening_destroy(f->listening);
	free(f->visits[0]);
	free(f->visits[1]);
	value_unref(f->raw);
	value_unref(f->input);
	value_unref(f->cursor);
	value_unref(f->items);
	value_unref(f->error);
	value_unref(f->context);
	value_unref(f->answer);
	free(f->branches);
	free(f->put_off);
	free(f->path);
	free(f);
}

struct frame *frame_after(const struct frame *f, const struct frame *top)
{
	if (f->child)
		return f->child;
	while (f != top && !f->sibling)
		f = f->parent;
	return f == top ? NULL : f->sibling;
}

struct frame *frame_leaf(struct frame *top)
{
	while (top && top->child)
		top = top->child;
	return top;
}

struct frame *frame_leaf_after(const struct frame *f, const struct frame *top)
{
	return frame_leaf(frame_after(f, top));
}

bool frame_is_below(const struct frame *f, const struct frame *top)
{
	while (f && f != top)
		f = f->parent;
	return f != NULL;
}

/* strchr finds the end of the string, too. */
static bool leads_through(const char *path, const struct frame *f)
{
	size_t n = strlen(f->path) - f->task->wraps;
	return strncmp(f->path, path, n) == 0 && strchr("/[!", path[n]);
}

/* The branch that the path says below a frame that is no loop: "/fork/branches/7/x". */
static struct frame *branch_towards(const struct frame *f, const char *path)
{
	size_t place = strlen(f->path) - f->task->wraps + 1 + strlen(f->list->key) + 1;
	if (strlen(path) <= place)
		return NULL;
	unsigned long i = strtoul(path + place, NULL, 10);
	return i < f->list->count ? f->branches[i] : NULL;
}

struct frame *frame_child_towards(const struct frame *f, const char *path)
{
	struct frame *child = f->branches ? branch_towards(f, path) : f->child;
	return child && leads_through(path, child) ? child : NULL;
}

size_t frame_branch(const struct frame *f)
{
	return (size_t)(f->task - f->parent->list->tasks);
}

bool frame_is_for_person(const struct frame *f)
{
	return f->lost && !f->redo && f->task->metadata.on_uncertain == UNCERTAIN_HOLD;
}

bool frame_goes_on(const struct frame *f)
{
	return f->due == DUE_WOKEN || f->repeats;
}

bool frame_is_concurrent(const struct frame *f)
{
	return f->list && f->list->concurrent;
}

/* JSON Pointer's escapes, and our own for the marks of a path: [ is ~2, # is ~3, ! is ~4.
 */
static void put_name(struct buf *b, const char *name)
{
	static const char marks[] = "~/[#!";
	for (const char *p = name; *p;) {
		size_t n = strcspn(p, marks);
		buf_add(b, p, n);
		p += n;
		if (*p) {
			buf_putc(b, '~');
			buf_int(b, strchr(marks, *p++) - marks);
		}
	}
}

static void put_place(struct buf *b, const char *key, size_t index)
{
	if (*key)
		buf_putc(b, '/');
	buf_puts(b, key);
	buf_putc(b, '/');
	buf_int(b, (int64_t)index);
	buf_putc(b, '/');
}

char *frame_child_path(const struct frame *parent, size_t index, unsigned visit)
{
	const struct task *task = &parent->list->tasks[index];
	const char *key = parent->list->key, *mark = task->mark;
	struct buf b = {0};
	buf_add(&b, parent->path, strlen(parent->path) - parent->task->wraps);
	if (parent->listening) { /* "foreach" stands before the iteration */
		buf_puts(&b, "/foreach");
		key += strlen("foreach/");
	}
	if (parent->iteration >= 0) {
		buf_putc(&b, '[');
		buf_int(&b, parent->iteration);
		buf_putc(&b, ']');
	}
	if (mark)
		buf_puts(&b, mark);
	else
		put_place(&b, key, index);
	if (!mark || mark[strlen(mark) - (*mark != '\0')] == '/')
		put_name(&b, task->name);
	if (visit > 1) {
		buf_putc(&b, '#');
		buf_int(&b, visit);
	}
	if (task->wraps)
		buf_putc(&b, '!');
	return buf_take(&b);
}

uint32_t *frame_visits(struct frame *f)
{
	uint32_t **visits = &f->visits[f->in_handler];
	if (!*visits)
		*visits = xcalloc(f->list->count, sizeof **visits);
	return *visits;
}

void frame_grant(struct frame *f, bool granted)
{
	f->granted = granted;
	agenda_touch(f);
}

void frame_open_list(struct frame *f, const struct task_list *list)
{
	f->state = FRAME_NEXT;
	f->list = list;
	f->opened = true;
	f->position = list->count ? 0 : NEXT_EXIT;
	if (f->task->wraps)
		wrapping_seek(f, 0);
	if (list->concurrent && !f->outputs)
		f->outputs = xcalloc(list->count, sizeof(struct value *));
	agenda_touch(f);
}

bool frame_set_iteration(struct frame *f, int64_t i)
{
	bool there = true;
	if (i != f->iteration + 1 || i == 0) {
		f->rest = json_iter(value_json(f->items));
		for (int64_t skip = 0; skip < i && there; skip++)
			there = json_next_element(&f->rest, &f->item);
	}
	if (!there || !json_next_element(&f->rest, &f->item))
		return false;
	f->iteration = i;
	return true;
}

void frame_keep_step(struct frame *f, const char *name, struct value *output)
{
	for (size_t i = 0; i < f->step_count; i++) {
		if (strcmp(f->steps[i].name, name) == 0) {
			value_set(&f->steps[i].output, value_ref(output));
			return;
		}
	}
	f->steps = xrealloc(f->steps, (f->step_count + 1) * sizeof *f->steps);
	f->steps[f->step_count++] = (struct kept_step){xstrdup(name), value_ref(output)};
}
