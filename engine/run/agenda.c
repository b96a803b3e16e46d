/* Marks, times and counts of a run's frames. */
#include "run/agenda.h"

#include "journal/op.h"
#include "run/frame.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define WORD 64

/* ---- Times: heaps ---- */

/* At the same time an outer frame comes before those inside. */
static bool comes_before(
	const struct frame *f, const struct frame *g, enum agenda_time time)
{
	const struct agenda_note *a = &f->note, *b = &g->note;
	if (a->times[time] != b->times[time])
		return a->times[time] < b->times[time];
	if (time == AGENDA_DUE)
		return false;
	return a->depth != b->depth ? a->depth < b->depth : strcmp(f->path, g->path) < 0;
}

static void put_at(struct agenda_heap *h, size_t i, struct frame *f, enum agenda_time t)
{
	h->frames[i] = f;
	f->note.slots[t] = i + 1;
}

static void sift(struct agenda_heap *h, size_t i, enum agenda_time t)
{
	struct frame *f = h->frames[i];
	for (size_t up; i > 0 && comes_before(f, h->frames[up = (i - 1) / 2], t); i = up)
		put_at(h, i, h->frames[up], t);
	for (size_t down; (down = 2 * i + 1) < h->count; i = down) {
		if (down + 1 < h->count &&
			comes_before(h->frames[down + 1], h->frames[down], t))
			down++;
		if (!comes_before(h->frames[down], f, t))
			break;
		put_at(h, i, h->frames[down], t);
	}
	put_at(h, i, f, t);
}

static void take_out(struct agenda_heap *h, struct frame *f, enum agenda_time t)
{
	size_t i = f->note.slots[t];
	if (i-- == 0)
		return;
	f->note.slots[t] = 0;
	struct frame *last = h->frames[--h->count];
	if (last == f)
		return;
	put_at(h, i, last, t);
	sift(h, i, t);
}

static void move_time(struct frame *f, enum agenda_time t, int64_t at)
{
	struct agenda_heap *h = &f->agenda->heaps[t];
	take_out(h, f, t);
	f->note.times[t] = at;
	if (at == 0)
		return;
	if (h->count == h->room) {
		h->room = h->room ? 2 * h->room : 8;
		h->frames = xrealloc(h->frames, h->room * sizeof(struct frame *));
	}
	put_at(h, h->count, f, t);
	sift(h, h->count++, t);
}

/* Most touches change no time. */
static inline void set_time(struct frame *f, enum agenda_time t, int64_t at)
{
	if (f->note.times[t] != at || (at && !f->note.slots[t]))
		move_time(f, t, at);
}

struct frame *agenda_first(const struct agenda *a, enum agenda_time time)
{
	const struct agenda_heap *h = &a->heaps[time];
	return h->count ? h->frames[0] : NULL;
}

/* ---- Marks ---- */

static void show_mark(struct frame *f, enum agenda_mark mark)
{
	for (struct frame *up; (up = f->parent); f = up) {
		uint64_t *bits = up->note.branches[mark];
		if (bits)
			bits[frame_branch(f) / WORD] |= UINT64_C(1)
							<< frame_branch(f) % WORD;
	}
}

/* A mark that is set is shown in all bits above it: they are cleared only when nothing
 * below has it, and made before there are frames below. */
static inline void set_mark(struct frame *f, enum agenda_mark mark, bool marked)
{
	if (f->note.marks[mark] == marked)
		return;
	f->note.marks[mark] = marked;
	if (marked)
		show_mark(f, mark);
}

/* The first branch from `from` on whose bit is set; the list's count: none. */
static size_t next_branch(const struct frame *f, size_t from, enum agenda_mark mark)
{
	const uint64_t *bits = f->note.branches[mark];
	size_t n = f->list->count;
	while (from < n) {
		uint64_t word = bits[from / WORD] >> from % WORD;
		if (word)
			return from + (size_t)__builtin_ctzll(word);
		from = (from / WORD + 1) * WORD;
	}
	return n;
}

static struct frame *first_in(struct frame *f, enum agenda_mark mark);

/* The first one below f, from a branch on. A bit is cleared when nothing is there any
 * more. */
static struct frame *first_below(struct frame *f, size_t branch, enum agenda_mark mark)
{
	uint64_t *bits = f->note.branches[mark];
	if (!bits)
		return f->child && branch == 0 ? first_in(f->child, mark) : NULL;
	size_t n = f->list->count;
	for (; (branch = next_branch(f, branch, mark)) < n; branch++) {
		struct frame *child = f->branches[branch];
		struct frame *found = child ? first_in(child, mark) : NULL;
		if (found)
			return found;
		bits[branch / WORD] &= ~(UINT64_C(1) << branch % WORD);
	}
	return NULL;
}

static struct frame *first_in(struct frame *f, enum agenda_mark mark)
{
	return f->note.marks[mark] ? f : first_below(f, 0, mark);
}

struct frame *agenda_next(struct frame *root, struct frame *f, enum agenda_mark mark)
{
	if (!f)
		return root ? first_in(root, mark) : NULL;
	struct frame *found = first_below(f, 0, mark);
	for (; !found && f != root; f = f->parent) {
		if (f->parent->note.branches[mark])
			found = first_below(f->parent, frame_branch(f) + 1, mark);
	}
	return found;
}

void agenda_calm(struct frame *f)
{
	set_mark(f, AGENDA_STIRRED, false);
}

void agenda_stir_due(struct agenda *a, int64_t now)
{
	struct agenda_heap *h = &a->heaps[AGENDA_DUE];
	while (h->count && h->frames[0]->note.times[AGENDA_DUE] <= now) {
		struct frame *f = h->frames[0];
		take_out(h, f, AGENDA_DUE);
		set_mark(f, AGENDA_STIRRED, true);
	}
}

/* ---- What a frame says ---- */

static bool is_point(const struct frame *f)
{
	return !f->child || (frame_is_concurrent(f) && f->position >= 0);
}

static enum agenda_wait wait_of(const struct frame *f)
{
	if (!is_point(f))
		return AGENDA_NOTHING;
	switch (f->state) {
	case FRAME_READY:
	case FRAME_QUEUED: return AGENDA_START;
	case FRAME_ACTIVE: return AGENDA_EFFECT;
	case FRAME_WAITING: return AGENDA_TIMER;
	case FRAME_LISTENING: return AGENDA_EVENT;
	case FRAME_ENTER: return frame_is_for_person(f) ? AGENDA_PERSON : AGENDA_DECISION;
	case FRAME_NEXT: return AGENDA_DECISION;
	case FRAME_HELD:
	case FRAME_ANSWERED: return AGENDA_PERSON;
	}
	return AGENDA_DECISION;
}

/* A step's time begins when it is sent, and ends with the attempt. */
static bool is_timed(const struct frame *f)
{
	return !f->task->kind->effect || f->state == FRAME_ACTIVE ||
	       (f->state == FRAME_WAITING && frame_goes_on(f));
}

static int64_t deadline_of(const struct frame *f)
{
	if (!is_timed(f))
		return 0;
	if (f->attempt_deadline && (!f->deadline || f->attempt_deadline < f->deadline))
		return f->attempt_deadline;
	return f->deadline;
}

static int64_t due_of(const struct frame *f)
{
	return f->state == FRAME_WAITING && !f->child ? f->due : 0;
}

static bool wants_slot(const struct frame *f)
{
	return !f->child && (f->state == FRAME_QUEUED ||
				    (f->state == FRAME_READY && f->open && !f->effect));
}

/* Counts it for what it waits for, and for its slot. */
static void count(struct frame *f, enum agenda_wait wait, bool granted)
{
	struct agenda *a = f->agenda;
	struct agenda_note *n = &f->note;
	if (n->wait == wait && n->is_granted == granted)
		return;
	a->waits[n->wait]--;
	a->waits[n->wait = wait]++;
	a->granted -= n->is_granted;
	a->granted += n->is_granted = granted;
}

static void count_listener(struct frame *f, const struct value *waits)
{
	struct agenda *a = f->agenda;
	struct agenda_note *n = &f->note;
	if (n->listens == (waits != NULL) &&
		(!waits || (n->told_seq == waits->seq && n->told_op == waits->op)))
		return;
	a->listeners -= n->listens;
	a->listeners += n->listens = waits != NULL;
	n->told_seq = waits ? waits->seq : 0;
	n->told_op = waits ? waits->op : 0;
	a->retold = true;
}

static void make_bits(struct frame *f)
{
	size_t words = f->list->count / WORD + 1;
	for (int mark = 0; mark < AGENDA_MARKS; mark++)
		f->note.branches[mark] = xcalloc(words, sizeof(uint64_t));
}

void agenda_touch(struct frame *f)
{
	if (!f->agenda)
		return; /* a probe: not in the tree */
	if (!f->note.is_there) {
		f->note.is_there = true;
		f->note.depth = f->parent ? f->parent->note.depth + 1 : 0;
		f->agenda->waits[f->note.wait = AGENDA_NOTHING]++;
	}
	if (f->branches && !f->note.branches[0])
		make_bits(f);
	bool wants = wants_slot(f);
	count(f, wait_of(f), f->granted);
	if (f->listening || f->note.listens)
		count_listener(f, f->listening ? f->listening->waits : NULL);
	set_time(f, AGENDA_DUE, due_of(f));
	set_time(f, AGENDA_DEADLINE, deadline_of(f));
	set_mark(f, AGENDA_STIRRED, true);
	set_mark(f, AGENDA_SLOT, wants && !f->granted);
	set_mark(f, AGENDA_GRANTED, wants && f->granted);
}

void agenda_leave(struct frame *f)
{
	struct agenda *a = f->agenda;
	if (a && f->note.is_there) {
		count(f, AGENDA_NOTHING, false);
		count_listener(f, NULL);
		set_time(f, AGENDA_DUE, 0);
		set_time(f, AGENDA_DEADLINE, 0);
		a->waits[AGENDA_NOTHING]--;
		if (a->watched == f)
			a->watched = NULL;
		if (a->at == f) {
			a->at = f->parent;
			a->at_own = false;
		}
	}
	for (int mark = 0; mark < AGENDA_MARKS; mark++)
		free(f->note.branches[mark]);
}

void agenda_finish(struct agenda *a)
{
	for (int t = 0; t < AGENDA_TIMES; t++)
		free(a->heaps[t].frames);
}

/* ---- For tests ---- */

static bool is_reached(const struct frame *f, enum agenda_mark mark)
{
	for (; f->note.marks[mark] && f->parent; f = f->parent) {
		const uint64_t *bits = f->parent->note.branches[mark];
		if (bits && !(bits[frame_branch(f) / WORD] >> frame_branch(f) % WORD & 1))
			return false;
	}
	return true;
}

/* A frame that is calm has nothing to decide until something is done to it. */
static bool may_be_calm(const struct frame *f)
{
	enum agenda_wait wait = wait_of(f);
	return f->note.marks[AGENDA_STIRRED] ||
	       (wait != AGENDA_DECISION && wait != AGENDA_PERSON);
}

static bool note_is_right(const struct frame *f)
{
	const struct agenda_note *n = &f->note;
	const struct value *waits = f->listening ? f->listening->waits : NULL;
	bool times = n->times[AGENDA_DUE] == due_of(f) &&
		     n->times[AGENDA_DEADLINE] == deadline_of(f) &&
		     !n->slots[AGENDA_DEADLINE] == !deadline_of(f) &&
		     (!due_of(f) || n->slots[AGENDA_DUE] || n->marks[AGENDA_STIRRED]);
	bool slot = n->marks[AGENDA_SLOT] == (wants_slot(f) && !f->granted) &&
		    n->marks[AGENDA_GRANTED] == (wants_slot(f) && f->granted);
	bool told = n->listens == (waits != NULL) &&
		    (!waits || (n->told_seq == waits->seq && n->told_op == waits->op));
	return n->wait == wait_of(f) && times && slot && told && may_be_calm(f) &&
	       is_reached(f, AGENDA_STIRRED) && is_reached(f, AGENDA_SLOT) &&
	       is_reached(f, AGENDA_GRANTED);
}

bool agenda_is_right(const struct agenda *a, struct frame *root)
{
	size_t waits[AGENDA_WAITS] = {0}, granted = 0, listeners = 0;
	for (struct frame *f = root; f; f = frame_after(f, root)) {
		if (!note_is_right(f))
			return false;
		waits[f->note.wait]++;
		granted += f->granted;
		listeners += f->note.listens;
	}
	return memcmp(waits, a->waits, sizeof waits) == 0 && granted == a->granted &&
	       listeners == a->listeners;
}
