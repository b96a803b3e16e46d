/* Snapshots are read: the frames, parents first, with the values that they name. */
#include "run/snapshot.h"

#include "run/snapshot_table.h"

#include <stdlib.h>
#include <string.h>

#define SEEN_MIN 64 /* a power of two */

struct place {
	int64_t seq;
	unsigned op;
	const char *field; /* as op_value_field gives it */
};

/* One value per place, as it was before: a hash table with open addressing. */
struct seen {
	struct place place;
	struct value *value; /* NULL: free */
};

struct frames_restore {
	struct run *run;
	frames_fetch fetch;
	void *ctx;
	struct seen *seen;
	size_t count, size;
	struct json_iter members, open; /* of the snapshot; its frames */
	bool inside;                    /* among the frames */
	struct json stands, status, failed;
};

/* What of a frame is written in a way of its own, found in one pass over it: a snapshot
 * may have very many frames. */
enum part {
	PART_PATH,
	PART_BRANCH,
	PART_STATE,
	PART_STANDS,
	PART_VISITS,
	PART_HANDLER_VISITS,
	PART_STEPS,
	PART_LEAVE,
	PART_LEAVES,
	PART_OUTPUTS,
	PART_LISTENING,
	PART_ITERATION,
	PARTS
};

static const struct member part_members[] = {
	[PART_PATH] = {.name = "path"},
	[PART_BRANCH] = {.name = "branch"},
	[PART_STATE] = {.name = "state"},
	[PART_STANDS] = {.name = "stands"},
	[PART_VISITS] = {.name = "visits"},
	[PART_HANDLER_VISITS] = {.name = "handlerVisits"},
	[PART_STEPS] = {.name = "steps"},
	[PART_LEAVE] = {.name = "leave"},
	[PART_LEAVES] = {.name = "leaves"},
	[PART_OUTPUTS] = {.name = "outputs"},
	[PART_LISTENING] = {.name = "listening"},
	[PART_ITERATION] = {.name = "iteration"},
	[PARTS] = {.name = NULL},
};

/* Leaves the iterator at its end. */
static void find_parts(struct json_iter *it, struct json parts[PARTS])
{
	struct json key, v;
	memset(parts, 0, PARTS * sizeof *parts);
	while (json_next_member(it, &key, &v)) {
		const struct member *m = member_find(part_members, key);
		if (m && !parts[m - part_members].s)
			parts[m - part_members] = v;
	}
}

static bool misfit(struct error *err)
{
	return error_set(err, ERROR_PERMANENT, "a snapshot does not fit the definition");
}

/* ---- Values ---- */

static struct seen *seen_at(const struct frames_restore *s, const struct place *p)
{
	uint64_t hash = (uint64_t)p->seq * 0x9e3779b97f4a7c15u + p->op * 0x85ebca6bu +
			(uint64_t)(uintptr_t)p->field;
	for (size_t i = hash >> 20;; i++) {
		struct seen *e = &s->seen[i & (s->size - 1)];
		if (!e->value || (e->place.seq == p->seq && e->place.op == p->op &&
					 e->place.field == p->field))
			return e;
	}
}

static void make_room(struct frames_restore *s)
{
	struct seen *old = s->seen;
	size_t size = s->size;
	if (2 * s->count < s->size)
		return;
	s->size = size ? 2 * size : SEEN_MIN;
	s->seen = xcalloc(s->size, sizeof *s->seen);
	for (size_t i = 0; i < size; i++) {
		if (old[i].value)
			*seen_at(s, &old[i].place) = old[i];
	}
	free(old);
}

/* The value of a place, with a reference for the caller; NULL if there is none. */
static struct value *place_value(struct frames_restore *s, const struct place *p)
{
	if (p->seq == 0)
		return value_ref(s->run->raw_input);
	make_room(s);
	struct seen *e = seen_at(s, p);
	if (e->value)
		return value_ref(e->value);
	struct json text = p->seq > 0 && p->field
				   ? s->fetch(s->ctx, p->seq, p->op, p->field)
				   : (struct json){0};
	if (!text.s)
		return NULL;
	*e = (struct seen){*p, value_create(text)};
	e->value->seq = p->seq;
	e->value->op = p->op;
	e->value->field = p->field;
	s->count++;
	return value_ref(e->value);
}

/* v: as snapshot.c writes a value. */
static bool get_value(
	struct frames_restore *s, struct json v, struct value **slot, struct error *err)
{
	struct json own = json_get(v, "v"), part[3] = {{0}};
	struct json_iter it = json_iter(v);
	int64_t op;
	if (own.s) {
		value_set(slot, value_create(own));
		return true;
	}
	for (int i = 0; i < 3 && json_next_element(&it, &part[i]);)
		i++;
	struct value *value = NULL;
	struct place p = {.field = op_value_field(part[2])};
	if (json_int(part[0], &p.seq) && json_int(part[1], &op)) {
		p.op = (unsigned)op;
		value = place_value(s, &p);
	}
	if (!value)
		return error_set(err, ERROR_PERMANENT,
			"the journal lacks a value that its snapshot names (%.*s)",
			(int)v.n, v.s);
	value_set(slot, value);
	return true;
}

/* Members of no struct: they go with another one. */
static bool is_beside(struct json key)
{
	return json_string_is(key, "stands") || json_string_is(key, "leaves") ||
	       json_string_is(key, "handlerVisits");
}

/* What is not known here would be missing in the next snapshot: the run is left to a
 * version that knows it. */
static bool unknown_member(struct json key, struct error *err)
{
	return error_set(err, ERROR_PERMANENT,
		"a snapshot has a member that this program does not know (%.*s)",
		key.n > 100 ? 100 : (int)key.n, key.s);
}

static bool get_member(struct frames_restore *s, const struct member *table,
	struct json key, struct json v, void *object, struct error *err)
{
	const struct member *m = member_find(table, key);
	if (!m && is_beside(key))
		return true;
	if (!m || m->kind == MEMBER_NONE)
		return unknown_member(key, err);
	if (m->kind == MEMBER_VALUE && !get_value(s, v, member_value(m, object), err))
		return false;
	return member_read(m, v, object) || misfit(err);
}

/* All members that are read in a common way. */
static bool get_members(struct frames_restore *s, struct json_iter it,
	const struct member *table, void *object, struct error *err)
{
	struct json key, v;
	while (json_next_member(&it, &key, &v)) {
		if (!get_member(s, table, key, v, object, err))
			return false;
	}
	return true;
}

/* ---- What is written in a way of its own ---- */

static int64_t int_of(struct json v)
{
	int64_t n = 0;
	(void)json_int(v, &n);
	return n;
}

/* The state that the word says or, where there is none, the number; -1: unknown. */
static int get_state(const struct state_word *words, struct json word, int64_t number)
{
	for (int i = 0; words[i].word; i++) {
		bool same = word.s ? json_string_is(word, words[i].word)
				   : number == words[i].number && number != NO_NUMBER;
		if (same)
			return i;
	}
	return -1;
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

static bool get_outputs(
	struct frames_restore *s, struct json in, struct frame *f, struct error *err)
{
	struct json_iter it = json_iter(in);
	struct json key, v;
	f->outputs = xcalloc(f->list->count, sizeof(struct value *));
	while (json_next_member(&it, &key, &v)) {
		unsigned long i = strtoul(key.s + 1, NULL, 10);
		if (i >= f->list->count)
			return misfit(err);
		if (!get_value(s, v, &f->outputs[i], err))
			return false;
	}
	return true;
}

static bool get_steps(
	struct frames_restore *s, struct json steps, struct frame *f, struct error *err)
{
	struct json_iter it = json_iter(steps);
	struct json key, v;
	while (json_next_member(&it, &key, &v)) {
		char *name = json_strdup(key);
		struct value *output = NULL;
		bool ok = get_value(s, v, &output, err);
		if (ok)
			frame_keep_step(f, name, output);
		value_unref(output);
		free(name);
		if (!ok)
			return false;
	}
	return true;
}

static bool get_iteration(struct json in, struct frame *f, struct error *err)
{
	int64_t iteration = int_of(in) - 1;
	if (iteration >= 0 && f->items)
		return frame_set_iteration(f, iteration) || misfit(err);
	if (iteration >= 0 && f->listening) {
		f->iteration = iteration;
		f->item = value_json(f->listening->item);
	}
	return true;
}

static bool get_list(struct frames_restore *s, const struct json *in, struct frame *f,
	struct error *err)
{
	const struct task *t = f->task;
	if (int_of(in[PART_LEAVES]))
		f->leave = int_of(in[PART_LEAVE]);
	if (f->opened)
		f->list = f->in_handler && t->handler ? t->handler : t->body;
	if (f->opened && (!f->list || f->position >= (int64_t)f->list->count))
		return misfit(err);
	if (f->opened && f->list->concurrent && !get_outputs(s, in[PART_OUTPUTS], f, err))
		return false;
	get_visits(in[PART_VISITS], t->body ? t->body->count : 0, &f->visits[0]);
	get_visits(in[PART_HANDLER_VISITS], t->handler ? t->handler->count : 0,
		&f->visits[1]);
	return get_steps(s, in[PART_STEPS], f, err) &&
	       get_iteration(in[PART_ITERATION], f, err);
}

static bool get_listening(
	struct frames_restore *s, struct json in, struct frame *f, struct error *err)
{
	struct json_iter it = json_iter(json_get(in, "taken"));
	struct json element;
	if (!in.s)
		return true;
	if (!f->task->listens)
		return misfit(err);
	struct listening *l = f->listening = xcalloc(1, sizeof *l);
	l->place = l->stored = -1;
	l->taken = xcalloc(json_count(json_get(in, "taken")) * 2 + 1, sizeof *l->taken);
	while (json_next_element(&it, &element)) {
		struct json v = json_get(element, "t");
		if (v.s && !get_value(s, v, &l->taken[l->count++], err))
			return false;
	}
	return get_members(s, json_iter(in), listening_members, l, err);
}

/* ---- Frames ---- */

/* The task that a frame below parent executes, NULL if there is none. */
static const struct task *task_of(
	const struct run *r, const struct frame *parent, struct json branch)
{
	if (!parent)
		return r->root ? NULL : &r->definition->root;
	if (!parent->list)
		return NULL;
	int64_t i = parent->list->concurrent ? int_of(branch) : parent->position;
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
	case FRAME_ANSWERED: return alone && whole && f->answer && f->task->kind->effect;
	case FRAME_LISTENING: return alone && whole && f->listening;
	case FRAME_WAITING: return alone && whole && (f->retrying || f->task->kind->next);
	case FRAME_ENTER:
	case FRAME_HELD: return alone && whole && (!f->open || f->task->kind->effect);
	case FRAME_ACTIVE: break; /* never written */
	}
	return false;
}

static bool restore_frame(struct frames_restore *s, struct error *err)
{
	struct run *r = s->run;
	struct json parts[PARTS];
	struct json_iter in = json_go_into(&s->open), rest = in;
	find_parts(&rest, parts);
	json_leave(&s->open, &rest);
	char *path = json_strdup(parts[PART_PATH]);
	struct frame *parent = path ? run_find_parent(r, path) : NULL;
	const struct task *task = path ? task_of(r, parent, parts[PART_BRANCH]) : NULL;
	int state = get_state(frame_words, parts[PART_STANDS], int_of(parts[PART_STATE]));
	if (!task || state < 0) {
		free(path);
		return error_set(err, ERROR_PERMANENT,
			state < 0 ? "a snapshot's frame is in a state that this program "
				    "does not know"
				  : "a snapshot's frames do not fit");
	}
	struct frame *f = frame_push(&r->agenda, parent, task, path);
	if (!parent)
		r->root = f;
	f->state = (enum frame_state)state;
	bool ok = get_members(s, in, frame_members, f, err) &&
		  get_listening(s, parts[PART_LISTENING], f, err) &&
		  get_list(s, parts, f, err) && (fits(f) || misfit(err));
	agenda_touch(f);
	return ok;
}

static bool get_doubts(struct run *r, struct json in)
{
	struct json_iter it = json_iter(in);
	struct json v;
	while (json_next_element(&it, &v)) {
		char *reference = json_strdup(v);
		if (!reference)
			return false;
		buf_add(&r->doubts, reference, strlen(reference) + 1);
		free(reference);
	}
	return true;
}

/* The members of the snapshot up to its frames; *ret_more: they follow. */
static bool restore_run(struct frames_restore *s, bool *ret_more, struct error *err)
{
	struct json key;
	while (json_next_key(&s->members, &key)) {
		if (json_string_is(key, "open")) {
			s->open = json_go_into(&s->members);
			return *ret_more = s->inside = true;
		}
		struct json v = json_take(&s->members);
		struct json *slot = json_string_is(key, "stands")   ? &s->stands
				    : json_string_is(key, "status") ? &s->status
				    : json_string_is(key, "failed") ? &s->failed
								    : NULL;
		if (slot)
			*slot = v;
		else if (json_string_is(key, "doubts") && !get_doubts(s->run, v))
			return misfit(err);
		else if (!get_member(s, run_members, key, v, s->run, err))
			return false;
	}
	*ret_more = false;
	return true;
}

/* Before its first entry a run has neither frames nor a context. */
static bool end_run(struct frames_restore *s, struct error *err)
{
	struct run *r = s->run;
	int status = get_state(run_words, s->stands, int_of(s->status));
	if (status < 0)
		return error_set(err, ERROR_PERMANENT,
			"a snapshot's run is in a state that this program does not know");
	r->status = (enum run_status)status;
	char *failed = json_strdup(s->failed);
	r->failed = failed ? run_find(r, failed) : NULL;
	bool ok = (r->root != NULL) == (r->context != NULL) &&
		  (!failed || (r->failed && r->error));
	free(failed);
	return ok || misfit(err);
}

struct frames_restore *frames_restore_begin(
	struct run *r, struct json snapshot, frames_fetch fetch, void *ctx)
{
	struct frames_restore *s = xcalloc(1, sizeof *s);
	s->run = r;
	s->members = json_iter(snapshot);
	s->fetch = fetch;
	s->ctx = ctx;
	return s;
}

bool frames_restore_some(
	struct frames_restore *s, int frames, bool *ret_more, struct error *err)
{
	*ret_more = true;
	for (; s->inside && frames > 0; frames--) {
		if (json_has_element(&s->open)) {
			if (!restore_frame(s, err))
				return false;
			continue;
		}
		json_leave(&s->members, &s->open);
		s->inside = false;
	}
	return s->inside ||
	       (restore_run(s, ret_more, err) && (*ret_more || end_run(s, err)));
}

void frames_restore_destroy(struct frames_restore *s)
{
	for (size_t i = 0; s && i < s->size; i++)
		value_unref(s->seen[i].value);
	free(s ? s->seen : NULL);
	free(s);
}

bool frames_restore(struct run *r, struct json snapshot, frames_fetch fetch, void *ctx,
	struct error *err)
{
	struct frames_restore *s = frames_restore_begin(r, snapshot, fetch, ctx);
	bool more = true, ok = true;
	while (ok && more)
		ok = frames_restore_some(s, 1024, &more, err);
	frames_restore_destroy(s);
	return ok;
}
