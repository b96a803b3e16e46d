/* Frames: their memory, their paths, their place in a loop. */
#include "frame.h"

#include "extension.h"
#include "op.h"

#include <stdlib.h>
#include <string.h>

struct frame *frame_push(struct frame *parent, const struct task *task, char *path)
{
	struct frame *f = xcalloc(1, sizeof *f);
	f->parent = parent;
	f->task = task;
	f->path = path;
	f->iteration = -1;
	f->leave = NEXT_OWN;
	if (parent)
		parent->child = f;
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

void frame_destroy(struct frame *f)
{
	if (!f)
		return;
	frame_destroy(f->child);
	if (f->parent)
		f->parent->child = NULL;
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
	free(f->path);
	free(f);
}

struct frame *frame_leaf(struct frame *f)
{
	while (f && f->child)
		f = f->child;
	return f;
}

/* JSON Pointer's escapes, and our own for the marks of a path: [ is ~2, # is ~3, ! is ~4.
 */
static void put_name(struct buf *b, const char *name)
{
	static const char marks[] = "~/[#!";
	for (const char *p = name; *p; p++) {
		const char *at = strchr(marks, *p);
		if (at)
			buf_printf(b, "~%d", (int)(at - marks));
		else
			buf_putc(b, *p);
	}
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
	if (parent->iteration >= 0)
		buf_printf(&b, "[%lld]", (long long)parent->iteration);
	if (mark)
		buf_puts(&b, mark);
	else
		buf_printf(&b, "%s%s/%zu/", *key ? "/" : "", key, index);
	if (!mark || mark[strlen(mark) - (*mark != '\0')] == '/')
		put_name(&b, task->name);
	if (visit > 1)
		buf_printf(&b, "#%u", visit);
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

void frame_open_list(struct frame *f, const struct task_list *list)
{
	f->list = list;
	f->opened = true;
	f->position = list->count ? 0 : NEXT_EXIT;
	if (f->task->wraps)
		extension_seek(f, 0);
}

void frame_set_iteration(struct frame *f, int64_t i)
{
	if (i != f->iteration + 1 || i == 0) {
		f->rest = json_iter(value_json(f->items));
		for (int64_t skip = 0; skip < i; skip++)
			json_next_element(&f->rest, &f->item);
	}
	json_next_element(&f->rest, &f->item);
	f->iteration = i;
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
