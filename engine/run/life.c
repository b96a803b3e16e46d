/*
 * A run as an object: made, destroyed, and asked for its frames.
 */
#include "run/doubt.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct run *run_create(struct uuid id, struct definition *d, struct value *input,
	int64_t created_at, int64_t started_at)
{
	struct run *r = xcalloc(1, sizeof *r);
	r->id = id;
	r->definition = definition_ref(d);
	r->raw_input = value_ref(input);
	r->created_at = created_at;
	r->started_at = started_at;
	r->question = xcalloc(1, sizeof *r->question);
	return r;
}

void run_destroy(struct run *r)
{
	if (!r)
		return;
	question_finish(r->question);
	free(r->question);
	frame_destroy(r->root);
	agenda_finish(&r->agenda);
	value_unref(r->raw_input);
	value_unref(r->output);
	value_unref(r->error);
	value_unref(r->context);
	definition_unref(r->definition);
	buf_finish(&r->ops);
	arrivals_destroy(r->inbox);
	takings_destroy(r->takings);
	emissions_destroy(r->emitted);
	free(r->waits);
	free(r->head_path);
	buf_finish(&r->leaves);
	buf_finish(&r->doubts);
	free(r->remark);
	free(r);
}

void run_remark(struct run *r, const char *format, ...)
{
	va_list args;
	if (r->remark)
		return;
	va_start(args, format);
	int n = vasprintf(&r->remark, format, args);
	va_end(args);
	assert(n >= 0);
}

/* Mostly it is the one that the operation at hand is about, which was looked for. */
struct frame *run_find(const struct run *r, const char *path)
{
	struct frame *f = r->agenda.at;
	if (f && strcmp(f->path, path) == 0)
		return f;
	f = r->root;
	while (f && strcmp(f->path, path) != 0)
		f = frame_child_towards(f, path);
	return f;
}

struct frame *run_find_parent(const struct run *r, const char *path)
{
	struct frame *f = NULL, *next = r->root;
	while (next && strcmp(next->path, path) != 0) {
		f = next;
		next = frame_child_towards(f, path);
	}
	return f;
}

void run_step_id(const struct run *r, const struct frame *f, char out[UUID_TEXT])
{
	char *path = xstrndup(f->path, strlen(f->path) - f->task->wraps);
	uuid_format(uuid_step(r->id, path, f->generation), out);
	free(path);
}

int64_t run_deadline(const struct run *r, struct frame **ret)
{
	if (r->error_waits)
		return doubt_deadline(r, ret);
	*ret = agenda_first(&r->agenda, AGENDA_DEADLINE);
	return *ret ? (*ret)->note.times[AGENDA_DEADLINE] : 0;
}
