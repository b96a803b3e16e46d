/* Snapshots of the frames. A value is written as its place, [seq, op, "field"], or, if
 * the journal holds it nowhere, as {"v": value}. */
#include "frames.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void put_value(struct buf *out, const char *key, const struct value *v)
{
	if (!v)
		return;
	json_put_key(out, key);
	if (v->seq < 0) {
		buf_puts(out, "{\"v\":");
		json_put(out, value_json(v));
		buf_putc(out, '}');
	} else {
		buf_printf(out, "[%lld,%u,\"%s\"]", (long long)v->seq, v->op,
			v->field ? v->field : "input");
	}
}

static void put_int(struct buf *out, const char *key, int64_t v)
{
	if (v == 0)
		return;
	json_put_key(out, key);
	buf_printf(out, "%lld", (long long)v);
}

static void put_visits(struct buf *out, const char *key, const uint32_t *visits, size_t n)
{
	if (!visits)
		return;
	json_put_key(out, key);
	for (size_t i = 0; i < n; i++)
		buf_printf(out, "%c%u", i ? ',' : '[', visits[i]);
	buf_puts(out, n ? "]" : "[]");
}

/* By branch: {"0": value, "2": value}. */
static void put_outputs(struct buf *out, const struct frame *f)
{
	char key[24];
	json_put_key(out, "outputs");
	buf_putc(out, '{');
	for (size_t i = 0; i < f->list->count; i++) {
		snprintf(key, sizeof key, "%zu", i);
		put_value(out, key, f->outputs[i]);
	}
	buf_putc(out, '}');
}

static void put_list_state(struct buf *out, const struct frame *f)
{
	put_int(out, "opened", f->opened);
	put_int(out, "handler", f->in_handler);
	put_int(out, "exited", f->exited);
	put_int(out, "position", f->position);
	if (f->leave != NEXT_OWN)
		put_int(out, "leave", f->leave);
	put_int(out, "leaves", f->leave != NEXT_OWN);
	put_int(out, "iteration", f->iteration + 1);
	put_visits(out, "visits", f->visits[0], f->task->body ? f->task->body->count : 0);
	put_visits(out, "handlerVisits", f->visits[1],
		f->task->handler ? f->task->handler->count : 0);
	if (f->outputs)
		put_outputs(out, f);
	if (f->step_count == 0)
		return;
	json_put_key(out, "steps");
	buf_putc(out, '{');
	for (size_t i = 0; i < f->step_count; i++)
		put_value(out, f->steps[i].name, f->steps[i].output);
	buf_putc(out, '}');
}

static void put_step_state(struct buf *out, const struct frame *f)
{
	put_int(out, "entryFailed", f->entry_failed);
	put_int(out, "attempt", f->attempt);
	put_int(out, "open", f->open);
	put_int(out, "generation", f->generation);
	put_int(out, "firstAttemptAt", f->first_attempt_at);
	put_int(out, "uncertain", f->was_uncertain);
	put_int(out, "lost", f->lost);
	put_int(out, "redo", f->redo);
	put_int(out, "force", f->force);
	put_int(out, "retries", f->retries);
	put_int(out, "conflicts", f->conflicts);
	put_int(out, "retrySince", f->retry_since);
	put_int(out, "due", f->due);
	put_int(out, "retrying", f->retrying);
	if (f->has_digest) {
		char hex[33];
		digest_hex(f->digest, sizeof f->digest, hex);
		json_put_key(out, "digest");
		json_put_text(out, hex);
	}
}

static void put_listening(struct buf *out, const struct listening *l)
{
	json_put_key(out, "listening");
	buf_putc(out, '{');
	put_value(out, "waits", l->waits);
	put_value(out, "correlated", l->correlated);
	put_value(out, "item", l->item);
	put_int(out, "met", (int64_t)l->met);
	put_int(out, "untilMet", (int64_t)l->until_met);
	put_int(out, "received", l->received);
	json_put_key(out, "taken");
	buf_putc(out, '[');
	for (size_t i = 0; i < l->count; i++) {
		buf_puts(out, i ? ",{" : "{");
		put_value(out, "t", l->taken[i]);
		buf_putc(out, '}');
	}
	buf_puts(out, "]}");
}

static void put_frame(struct buf *out, const struct frame *f)
{
	buf_puts(out, "{\"path\":");
	json_put_text(out, f->path);
	if (f->parent && frame_is_concurrent(f->parent))
		put_int(out, "branch", (int64_t)frame_branch(f));
	/* An effect under way is, for whoever reads this, one with an intent. */
	put_int(out, "state", f->state == FRAME_ACTIVE ? FRAME_READY : f->state);
	put_int(out, "startedAt", f->started_at);
	put_int(out, "deadline", f->deadline);
	put_int(out, "attemptDeadline", f->attempt_deadline);
	put_int(out, "timeLimit", f->time_limit);
	put_int(out, "attemptLimit", f->attempt_limit);
	put_int(out, "attemptAt", f->attempt_at);
	put_list_state(out, f);
	put_step_state(out, f);
	put_value(out, "raw", f->raw);
	put_value(out, "input", f->input);
	put_value(out, "cursor", f->cursor);
	put_value(out, "items", f->items);
	put_value(out, "error", f->error);
	if (f->listening)
		put_listening(out, f->listening);
	buf_putc(out, '}');
}

void frames_write(const struct run *r, struct buf *out)
{
	buf_printf(out, "{\"status\":%d", (int)r->status);
	put_value(out, "context", r->context);
	put_value(out, "error", r->error);
	if (r->failed) {
		json_put_key(out, "failed");
		json_put_text(out, r->failed->path);
	}
	put_int(out, "raised", r->raised);
	put_int(out, "noRetry", r->no_retry);
	put_int(out, "limitHit", r->limit_hit);
	put_int(out, "held", r->held);
	json_put_key(out, "open");
	buf_putc(out, '[');
	for (const struct frame *f = r->root; f; f = frame_after(f, r->root)) {
		if (f != r->root)
			buf_putc(out, ',');
		put_frame(out, f);
	}
	buf_puts(out, "]}");
}

static void place_of(struct json v, void (*on_seq)(void *, int64_t), void *ctx)
{
	int64_t seq;
	if (json_type(v) == JSON_ARRAY && json_int(json_at(v, 0), &seq) && seq > 0)
		on_seq(ctx, seq);
}

static void frame_places(struct json frame, void (*on_seq)(void *, int64_t), void *ctx)
{
	static const char *const fields[] = {"raw", "input", "cursor", "items", "error"};
	static const char *const maps[] = {"steps", "outputs"};
	struct json key, v;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		place_of(json_get(frame, fields[i]), on_seq, ctx);
	for (size_t i = 0; i < sizeof maps / sizeof *maps; i++) {
		struct json_iter it = json_iter(json_get(frame, maps[i]));
		while (json_next_member(&it, &key, &v))
			place_of(v, on_seq, ctx);
	}
	struct json listening = json_get(frame, "listening");
	struct json_iter it = json_iter(json_get(listening, "taken"));
	place_of(json_get(listening, "waits"), on_seq, ctx);
	place_of(json_get(listening, "correlated"), on_seq, ctx);
	place_of(json_get(listening, "item"), on_seq, ctx);
	while (json_next_element(&it, &v))
		place_of(json_get(v, "t"), on_seq, ctx);
}

void frames_places(struct json snapshot, void (*on_seq)(void *, int64_t), void *ctx)
{
	struct json_iter it = json_iter(json_get(snapshot, "open"));
	struct json frame;
	place_of(json_get(snapshot, "context"), on_seq, ctx);
	place_of(json_get(snapshot, "error"), on_seq, ctx);
	while (json_next_element(&it, &frame))
		frame_places(frame, on_seq, ctx);
}

/* ---- Restoring ---- */

struct restore {
	struct run *run;
	frames_fetch fetch;
	void *ctx;
	struct {
		int64_t seq;
		unsigned op;
		char field[12];
		struct value *value;
	} * seen; /* one value per place, as it was before */
	size_t count;
};

static const char *const field_names[] = {
	"input", "output", "context", "items", "error", "correlated"};

static bool misfit(struct error *err)
{
	return error_set(err, ERROR_PERMANENT, "a snapshot does not fit the definition");
}

static struct value *make_value(
	struct restore *s, int64_t seq, unsigned op, const char *name)
{
	const char *field = NULL;
	for (size_t i = 0; i < sizeof field_names / sizeof *field_names; i++) {
		if (strcmp(field_names[i], name) == 0)
			field = field_names[i];
	}
	struct json text =
		seq > 0 && field ? s->fetch(s->ctx, seq, op, field) : (struct json){0};
	if (!text.s)
		return NULL;
	struct value *v = value_create(text);
	v->seq = seq;
	v->op = op;
	v->field = field;
	return v;
}

/* The value of a place, with a reference for the caller; NULL if there is none. */
static struct value *place_value(
	struct restore *s, int64_t seq, unsigned op, const char *name)
{
	if (seq == 0)
		return value_ref(s->run->raw_input);
	for (size_t i = 0; i < s->count; i++) {
		if (s->seen[i].seq == seq && s->seen[i].op == op &&
			strcmp(s->seen[i].field, name) == 0)
			return value_ref(s->seen[i].value);
	}
	struct value *v = make_value(s, seq, op, name);
	if (!v)
		return NULL;
	s->seen = xrealloc(s->seen, (s->count + 1) * sizeof *s->seen);
	s->seen[s->count].seq = seq;
	s->seen[s->count].op = op;
	memcpy(s->seen[s->count].field, name, strlen(name) + 1);
	s->seen[s->count++].value = value_ref(v);
	return v;
}

static bool get_value(struct restore *s, struct json object, const char *key,
	struct value **slot, struct error *err)
{
	struct json v = json_get(object, key);
	int64_t seq, op;
	if (!v.s)
		return true;
	struct json own = json_get(v, "v");
	if (own.s) {
		value_set(slot, value_create(own));
		return true;
	}
	char *field = json_strdup(json_at(v, 2));
	struct value *value = NULL;
	if (field && strlen(field) < 12 && json_int(json_at(v, 0), &seq) &&
		json_int(json_at(v, 1), &op))
		value = place_value(s, seq, (unsigned)op, field);
	free(field);
	if (!value)
		return error_set(err, ERROR_PERMANENT,
			"the journal lacks a value that its snapshot names (%.*s)",
			(int)v.n, v.s);
	value_set(slot, value);
	return true;
}

static int64_t get_int(struct json object, const char *key)
{
	int64_t n = 0;
	(void)json_int(json_get(object, key), &n);
	return n;
}

static void get_visits(struct json array, size_t n, uint32_t **slot)
{
	struct json_iter it = json_iter(array);
	struct json e;
	int64_t v;
	if (!array.s)
		return;
	*slot = xcalloc(n, sizeof **slot);
	for (size_t i = 0; i < n && json_next_element(&it, &e); i++)
		(*slot)[i] = json_int(e, &v) ? (uint32_t)v : 0;
}

static void get_step_state(struct json in, struct frame *f)
{
	char *digest = json_strdup(json_get(in, "digest"));
	f->entry_failed = get_int(in, "entryFailed");
	f->attempt = (unsigned)get_int(in, "attempt");
	f->open = get_int(in, "open");
	f->generation = (unsigned)get_int(in, "generation");
	f->first_attempt_at = get_int(in, "firstAttemptAt");
	f->was_uncertain = get_int(in, "uncertain");
	f->lost = get_int(in, "lost");
	f->redo = get_int(in, "redo");
	f->force = get_int(in, "force");
	f->retries = get_int(in, "retries");
	f->conflicts = get_int(in, "conflicts");
	f->retry_since = get_int(in, "retrySince");
	f->due = get_int(in, "due");
	f->retrying = get_int(in, "retrying");
	f->has_digest = digest && strlen(digest) == 32;
	for (size_t i = 0; f->has_digest && i < 16; i++) {
		char hex[3] = {digest[2 * i], digest[2 * i + 1], '\0'};
		f->digest[i] = (uint8_t)strtoul(hex, NULL, 16);
	}
	free(digest);
}

static bool get_outputs(
	struct restore *s, struct json in, struct frame *f, struct error *err)
{
	char key[24];
	f->outputs = xcalloc(f->list->count, sizeof(struct value *));
	for (size_t i = 0; i < f->list->count; i++) {
		snprintf(key, sizeof key, "%zu", i);
		if (!get_value(s, json_get(in, "outputs"), key, &f->outputs[i], err))
			return false;
	}
	return true;
}

static bool get_list_state(
	struct restore *s, struct json in, struct frame *f, struct error *err)
{
	const struct task *t = f->task;
	struct json_iter it = json_iter(json_get(in, "steps"));
	struct json key, ignored;
	f->opened = get_int(in, "opened");
	f->in_handler = get_int(in, "handler");
	f->exited = get_int(in, "exited");
	f->position = get_int(in, "position");
	if (get_int(in, "leaves"))
		f->leave = get_int(in, "leave");
	if (f->opened)
		f->list = f->in_handler && t->handler ? t->handler : t->body;
	if (f->opened && (!f->list || f->position >= (int64_t)f->list->count))
		return misfit(err);
	if (f->opened && f->list->concurrent && !get_outputs(s, in, f, err))
		return false;
	get_visits(json_get(in, "visits"), t->body ? t->body->count : 0, &f->visits[0]);
	get_visits(json_get(in, "handlerVisits"), t->handler ? t->handler->count : 0,
		&f->visits[1]);
	while (json_next_member(&it, &key, &ignored)) {
		char *name = json_strdup(key);
		struct value *v = NULL;
		bool ok = get_value(s, json_get(in, "steps"), name, &v, err);
		if (ok)
			frame_keep_step(f, name, v);
		value_unref(v);
		free(name);
		if (!ok)
			return false;
	}
	int64_t iteration = get_int(in, "iteration") - 1;
	if (iteration >= 0 && f->items) {
		if (!frame_set_iteration(f, iteration))
			return misfit(err);
	} else if (iteration >= 0 && f->listening) {
		f->iteration = iteration;
		f->item = value_json(f->listening->item);
	}
	return true;
}

static bool get_listening(
	struct restore *s, struct json in, struct frame *f, struct error *err)
{
	struct json_iter it = json_iter(json_get(in, "taken"));
	struct json element;
	if (!in.s)
		return true;
	if (!f->task->listens)
		return misfit(err);
	struct listening *l = f->listening = xcalloc(1, sizeof *l);
	l->taken = xcalloc(json_count(json_get(in, "taken")) * 2 + 1, sizeof *l->taken);
	while (json_next_element(&it, &element)) {
		if (!get_value(s, element, "t", &l->taken[l->count++], err))
			return false;
	}
	l->met = (uint64_t)get_int(in, "met");
	l->until_met = (uint64_t)get_int(in, "untilMet");
	l->received = get_int(in, "received");
	return get_value(s, in, "waits", &l->waits, err) &&
	       get_value(s, in, "correlated", &l->correlated, err) &&
	       get_value(s, in, "item", &l->item, err);
}

/* The task that a frame below parent executes, NULL if there is none. */
static const struct task *task_of(
	const struct run *r, const struct frame *parent, struct json in)
{
	if (!parent)
		return r->root ? NULL : &r->definition->root;
	if (!parent->list)
		return NULL;
	int64_t i = parent->list->concurrent ? get_int(in, "branch") : parent->position;
	return i >= 0 && i < (int64_t)parent->list->count ? &parent->list->tasks[i]
							  : NULL;
}

/* Whether the frame is in a state that its kind of task can be in. */
static bool fits(const struct frame *f)
{
	const struct frame *parent = f->parent;
	bool alone = !parent || parent->list->concurrent || parent->child == f;
	bool whole = f->raw && f->input && f->cursor && f->position >= NEXT_EXIT;
	switch (f->state) {
	case FRAME_NEXT: return alone && whole && f->opened;
	case FRAME_READY:
	case FRAME_QUEUED: return alone && whole && f->task->kind->effect;
	case FRAME_LISTENING: return alone && whole && f->listening;
	case FRAME_WAITING: return alone && whole && (f->retrying || f->task->kind->next);
	case FRAME_ENTER:
	case FRAME_HELD: return alone && whole && (!f->open || f->task->kind->effect);
	case FRAME_ACTIVE: break; /* never written */
	}
	return false;
}

static bool restore_frame(struct restore *s, struct json in, struct error *err)
{
	struct run *r = s->run;
	char *path = json_strdup(json_get(in, "path"));
	struct frame *parent = path ? run_find_parent(r, path) : NULL;
	const struct task *task = path ? task_of(r, parent, in) : NULL;
	if (!task) {
		free(path);
		return error_set(err, ERROR_PERMANENT, "a snapshot's frames do not fit");
	}
	struct frame *f = frame_push(parent, task, path);
	if (!parent)
		r->root = f;
	f->state = (enum frame_state)get_int(in, "state");
	f->started_at = get_int(in, "startedAt");
	f->deadline = get_int(in, "deadline");
	f->attempt_deadline = get_int(in, "attemptDeadline");
	f->time_limit = get_int(in, "timeLimit");
	f->attempt_limit = get_int(in, "attemptLimit");
	f->attempt_at = get_int(in, "attemptAt");
	get_step_state(in, f);
	return get_value(s, in, "raw", &f->raw, err) &&
	       get_value(s, in, "input", &f->input, err) &&
	       get_value(s, in, "cursor", &f->cursor, err) &&
	       get_value(s, in, "items", &f->items, err) &&
	       get_value(s, in, "error", &f->error, err) &&
	       get_listening(s, json_get(in, "listening"), f, err) &&
	       get_list_state(s, in, f, err) && (fits(f) || misfit(err));
}

bool frames_restore(struct run *r, struct json snapshot, frames_fetch fetch, void *ctx,
	struct error *err)
{
	struct restore s = {.run = r, .fetch = fetch, .ctx = ctx};
	struct json_iter it = json_iter(json_get(snapshot, "open"));
	struct json frame;
	char *failed = json_strdup(json_get(snapshot, "failed"));
	bool ok = get_value(&s, snapshot, "context", &r->context, err) &&
		  get_value(&s, snapshot, "error", &r->error, err);
	while (ok && json_next_element(&it, &frame))
		ok = restore_frame(&s, frame, err);
	r->status = (enum run_status)get_int(snapshot, "status");
	r->raised = get_int(snapshot, "raised");
	r->no_retry = get_int(snapshot, "noRetry");
	r->limit_hit = get_int(snapshot, "limitHit");
	r->held = get_int(snapshot, "held");
	r->failed = failed ? run_find(r, failed) : NULL;
	/* Before its first entry a run has neither frames nor a context. */
	if (ok && ((r->root != NULL) != (r->context != NULL) ||
			  (failed && (!r->failed || !r->error))))
		ok = misfit(err);
	free(failed);
	for (size_t i = 0; i < s.count; i++)
		value_unref(s.seen[i].value);
	free(s.seen);
	return ok;
}
