/*
 * From a claim to a run in memory: the definition (while it is kept; not here, if workers
 * died of it), the journal from its last snapshot on, the few older entries that the
 * snapshot names. What was read is replayed in as many turns as it takes. Nothing is
 * evaluated here.
 */
#include "worker/inside.h"

#include "base/bounds.h"
#include "base/clock.h"
#include "base/log.h"
#include "journal/store.h"
#include "worker/places.h"
#include "worker/replay.h"

#include <stdlib.h>
#include <string.h>

/* A run whose rows are there. */
struct replaying {
	struct uuid id;
	int64_t claimed_seq;
	struct replay *replay; /* NULL: none is being read */
};

/* Claimed runs whose definitions and journals are being read, some at a time. */
struct load {
	struct load_part part; /* first */
	struct worker *worker;
	struct uuid *ids; /* all of them */
	size_t count;
	struct uuid *definitions; /* one statement each, in the first batch */
	size_t definition_count;
	struct uuid *behind;       /* those with entries, or an input, to be read */
	bool *inputs;              /* likewise: whether that is its input too */
	size_t behind_count, read; /* read: so many of them were */
	struct db_batch *batch;    /* being replayed */
	int row;                   /* of its rows, the first that was not */
	struct replaying replaying;
};

/* One run whose snapshot names older entries. */
struct place_load {
	struct load_part part; /* first */
	struct worker *worker;
	struct uuid id;
	int64_t claimed_seq; /* of the claim that it belongs to */
	struct places *places;
	bool asked; /* in the batch under way */
	struct db_batch *batch;
	struct replaying replaying;
};

/* ---- Becoming a run ---- */

/* A definition with nothing in it stands in where the real one cannot be had, so that the
 * run can be faulted and its error seen. */
static struct definition *placeholder(void)
{
	static const char text[] = "{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":"
				   "\"stepwell\",\"name\":\"none\","
				   "\"version\":\"0.0.0\"},\"do\":[]}";
	struct definition *d;
	if (!definition_create(text, sizeof text - 1, NULL, &d, NULL))
		abort();
	return d;
}

static void stand_in(struct owned_run *o)
{
	struct definition *d = placeholder();
	struct value *none = value_create(JSON_LITERAL("null"));
	o->run = run_create(o->id, d, none, o->created_at, o->started_at);
	o->run->seq = o->run->durable_seq = o->claimed_seq;
	o->run->frames_seq = o->claimed_seq; /* its frames are nobody's snapshot */
	o->state = OWNED_LIVE;
	value_unref(none);
	definition_unref(d);
}

static void refuse(struct owned_run *o, const struct fault *fault)
{
	stand_in(o);
	owned_refuse(o, fault);
}

/* What was read ends with another worker's entries: it has taken the run over since we
 * claimed it, and who appends behind what it wrote would not meet the fence. */
static void lose(struct owned_run *o)
{
	char id[UUID_TEXT];
	uuid_format(o->id, id);
	log_line(LOG_WARNING, "run %s belongs to another worker now", id);
	owned_drop(o);
}

static void suspend(struct owned_run *o, const char *reason)
{
	stand_in(o);
	if (o->request == REQUEST_CANCEL)
		owned_cancel(o);
	else
		owned_suspend(o, reason);
}

static void on_left(struct db_batch *b)
{
	if (b->err.kind !=
		ERROR_NONE) /* the lease is found in our name (fence, rule 5) */
		log_line(LOG_WARNING, "letting a run wait: %s", b->err.text);
	db_batch_destroy(b);
}

/* Its definition is not to be compiled in this process, or in none. */
static void leave(struct owned_run *o, const struct definition_slot *slot)
{
	struct worker *w = o->worker;
	if (slot->left == DEFINITION_PARKED) {
		suspend(o, "processes that compiled its definition died");
		return;
	}
	struct db_batch *b = db_batch_create(on_left, NULL);
	store_wait_alone(b, o->id, w->id);
	owned_drop(o);
	db_send(w->control, b);
}

/* NULL: it has become something else. */
static struct run *make_run(struct owned_run *o)
{
	struct definition_slot *slot =
		definitions_find(&o->worker->definitions, o->definition_id);
	struct fault fault = {0};
	struct error err = {0};
	struct json input;
	if (slot->left) {
		leave(o, slot);
		return NULL;
	}
	if (!slot->definition) {
		refuse(o, &slot->fault);
		return NULL;
	}
	if (!json_check(o->input->s, o->input->n, NULL, &input, NULL, &err)) {
		fault_set(&fault, PROBLEM_VALIDATION, "the input: %.800s", err.text);
		refuse(o, &fault);
		return NULL;
	}
	o->input->seq = 0;
	struct run *r = run_create(
		o->id, slot->definition, o->input, o->created_at, o->started_at);
	r->seq = r->durable_seq = o->claimed_seq;
	r->claimed_seq = o->claimed_seq;
	return r;
}

static void become_fresh(struct owned_run *o)
{
	struct run *r = make_run(o);
	if (r)
		owned_live(o, r);
}

/* ---- Replay ---- */

static void begin_replay(struct replaying *g, struct owned_run *o,
	const struct db_result *rows, int first, int last, struct places *places)
{
	if (last < first || db_int(rows, last, 1) != o->claimed_seq) {
		lose(o);
		return;
	}
	struct run *r = make_run(o);
	if (!r)
		return;
	g->id = o->id;
	g->claimed_seq = o->claimed_seq;
	g->replay = replay_create(r, rows, first, last, places);
}

static void end_replay(struct replaying *g)
{
	replay_destroy(g->replay);
	g->replay = NULL;
}

/* The run that is being read, unless it was claimed anew meanwhile, or is gone. */
static struct owned_run *reader(struct worker *w, const struct replaying *g)
{
	struct owned_run *o = owned_find(w, g->id);
	bool waits = o && o->state == OWNED_LOADING && o->claimed_seq == g->claimed_seq;
	return waits ? o : NULL;
}

static void refuse_replay(struct owned_run *o, const struct error *err)
{
	log_run(LOG_ERROR, o->id, "%s", err->text);
	suspend(o, "its journal cannot be replayed by this version");
}

static void ask_places(struct place_load *p);

static void read_places(struct owned_run *o, struct places *places)
{
	struct place_load *p = xcalloc(1, sizeof *p);
	p->worker = o->worker;
	p->id = o->id;
	p->claimed_seq = o->claimed_seq;
	p->places = places;
	ask_places(p);
}

/* True: it has ended. */
static bool read_some(struct worker *w, struct replaying *g, int64_t until)
{
	struct owned_run *o = reader(w, g);
	struct error err = {0};
	enum replay_progress p = REPLAY_FAILED;
	if (o) {
		p = replay_go_on(g->replay, until, &err);
		if (p == REPLAY_MORE)
			return false;
	}
	struct run *r = p == REPLAY_DONE ? replay_take_run(g->replay) : NULL;
	if (p == REPLAY_PLACES)
		read_places(o, replay_take_places(g->replay));
	end_replay(g);
	if (r)
		owned_live(o, r);
	else if (o && p == REPLAY_FAILED)
		refuse_replay(o, &err);
	return true;
}

/* What is to be replayed goes on in the turns to come. */
static void go_on_later(struct worker *w, struct load_part *part,
	bool (*go_on)(struct load_part *, int64_t))
{
	part->go_on = go_on;
	part->next = NULL;
	*w->parts_tail = part;
	w->parts_tail = &part->next;
}

bool load_go_on(struct worker *w, int64_t until)
{
	struct load_part *part;
	while ((part = w->parts)) {
		w->parts = part->next;
		if (!w->parts)
			w->parts_tail = &w->parts;
		if (!part->go_on(part, until))
			go_on_later(w, part, part->go_on);
		if (clock_boottime() >= until)
			break;
	}
	return w->parts != NULL;
}

/* ---- Older entries ---- */

static void place_load_destroy(struct place_load *p)
{
	places_destroy(p->places);
	free(p);
}

static void end_places(struct place_load *p)
{
	struct worker *w = p->worker;
	db_batch_destroy(p->batch);
	place_load_destroy(p);
	w->loads--;
	worker_check_done(w);
}

static bool place_load_go_on(struct load_part *part, int64_t until)
{
	struct place_load *p = (struct place_load *)part;
	if (!read_some(p->worker, &p->replaying, until))
		return false;
	end_places(p);
	return true;
}

static void on_places(struct db_batch *b)
{
	struct place_load *p = b->ctx;
	struct worker *w = p->worker;
	struct owned_run *o = owned_find(w, p->id);
	/* What was claimed anew meanwhile has a snapshot and places of its own. */
	bool waits = o && o->state == OWNED_LOADING && o->claimed_seq == p->claimed_seq;
	bool ok = b->err.kind == ERROR_NONE;
	p->batch = b;
	if (waits && ok && p->asked) {
		w->loads--;
		places_take(p->places, b->statements[0].result);
		ask_places(p);
		db_batch_destroy(b);
		return;
	}
	if (waits && ok) {
		const struct db_result *rows = b->statements[0].result;
		begin_replay(&p->replaying, o, rows, 0, db_rows(rows) - 1, p->places);
	} else if (waits) {
		owned_doubt(o);
		claim_doubted(w);
	}
	if (p->replaying.replay)
		go_on_later(w, &p->part, place_load_go_on);
	else
		end_places(p);
}

/* The next places; after them the run's rows anew, since those that named them went with
 * the batch they came in. */
static void ask_places(struct place_load *p)
{
	static const bool without_input = false;
	struct db_batch *b = db_batch_create(on_places, p);
	p->asked = places_ask(p->places, p->id, b);
	if (!p->asked)
		store_load_entries(b, &p->id, &without_input, 1, BOUND_LOAD);
	p->worker->loads++;
	db_send(p->worker->control, b);
}

/* ---- The batch ---- */

static void load_destroy(struct load *l)
{
	free(l->ids);
	free(l->definitions);
	free(l->behind);
	free(l->inputs);
	free(l);
}

static bool is_fresh(const struct owned_run *o)
{
	return o->claimed_seq == 2 && !o->by_own_claim;
}

/* One run's rows: its input, if that was asked for, then its entries. */
static void take_run(struct replaying *g, struct owned_run *o,
	const struct db_result *rows, int first, int last)
{
	if (strcmp(db_text(rows, first, 3), "input") == 0) {
		struct json input = {db_text(rows, first, 4), db_length(rows, first, 4)};
		value_set(&o->input, value_create(input));
		first++;
	}
	if (is_fresh(o))
		become_fresh(o);
	else
		begin_replay(g, o, rows, first, last, NULL);
}

/* The next run in the rows. */
static void take_next(struct load *l, const struct db_result *rows)
{
	int first = l->row, last = first;
	struct uuid id = db_uuid(rows, first, 0);
	while (last + 1 < db_rows(rows) && uuid_equal(db_uuid(rows, last + 1, 0), id))
		last++;
	while (l->read < l->behind_count && !uuid_equal(l->behind[l->read++], id))
		; /* nothing of it is there */
	l->row = last + 1;
	struct owned_run *o = owned_find(l->worker, id);
	if (o && o->state == OWNED_LOADING)
		take_run(&l->replaying, o, rows, first, last);
}

/* Those of which nothing else has to be read. */
static void take_fresh(struct load *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct owned_run *o = owned_find(l->worker, l->ids[i]);
		if (o && o->state == OWNED_LOADING && is_fresh(o) && o->input)
			become_fresh(o);
	}
	l->count = 0;
}

static void give_up(struct load *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct owned_run *o = owned_find(l->worker, l->ids[i]);
		if (o && o->state == OWNED_LOADING)
			owned_doubt(o);
	}
	for (size_t i = l->read; i < l->behind_count; i++) {
		struct owned_run *o = owned_find(l->worker, l->behind[i]);
		if (o && o->state == OWNED_LOADING)
			owned_doubt(o);
	}
	claim_doubted(l->worker);
}

/* A run that is being loaded finds its definition. */
static bool is_awaited(void *ctx, struct uuid id)
{
	const struct worker *w = ctx;
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (const struct owned_run *o = w->buckets[i]; o; o = o->hash_next) {
			if (o->state == OWNED_LOADING && uuid_equal(o->definition_id, id))
				return true;
		}
	}
	return false;
}

static void read_on(struct load *l);

static void on_settled(struct db_batch *b)
{
	db_batch_destroy(b); /* else the next one compiles it as if it were the first */
}

/* That we are about to is committed. */
static void compile(struct worker *w, struct uuid id, const struct db_result *rows)
{
	bool first = db_rows(rows) && db_bool(rows, 0, 3);
	suspected_compiles(w, &id);
	definitions_add(&w->definitions, id, rows);
	struct definition *d = w->definitions.head->definition;
	if (d)
		program_prepare(d->program);
	suspected_compiles(w, NULL);
	if (!first)
		return;
	struct db_batch *b = db_batch_create(on_settled, w);
	store_settle_definition(b, id, w->options.version);
	db_send(w->control, b);
}

static void end_batch(struct load *l)
{
	struct worker *w = l->worker;
	struct db_batch *b = l->batch;
	w->loads--;
	l->batch = NULL;
	read_on(l);
	db_batch_destroy(b);
	worker_check_done(w);
}

/* The runs in the rows: those that are left come with the next batch. */
static bool load_some(struct load_part *part, int64_t until)
{
	struct load *l = (struct load *)part;
	const struct db_result *rows = l->batch->statements[l->batch->count - 1].result;
	do {
		if (l->replaying.replay && !read_some(l->worker, &l->replaying, until))
			return false;
		if (l->replaying.replay == NULL && l->row < db_rows(rows))
			take_next(l, rows);
		if (l->replaying.replay == NULL && l->row >= db_rows(rows)) {
			end_batch(l);
			return true;
		}
	} while (clock_boottime() < until);
	return false;
}

static void on_loaded(struct db_batch *b)
{
	struct load *l = b->ctx;
	struct worker *w = l->worker;
	l->batch = b;
	if (b->err.kind != ERROR_NONE) {
		w->loads--;
		give_up(l);
		load_destroy(l);
		db_batch_destroy(b);
		worker_check_done(w);
	} else if (l->definition_count) {
		for (size_t i = 0; i < l->definition_count; i++)
			compile(w, l->definitions[i], b->statements[i].result);
		l->definition_count = 0;
		take_fresh(l);
		end_batch(l);
	} else {
		take_fresh(l);
		l->row = 0;
		if (!db_rows(b->statements[b->count - 1].result))
			l->read = l->behind_count;
		go_on_later(w, &l->part, load_some);
	}
}

/* In a batch of its own, so that nobody waits for what is noted of a definition while
 * journals are read. */
static void ask_definitions(struct load *l, struct db_batch *b)
{
	struct worker *w = l->worker;
	struct compiler c = {.worker = w->id,
		.version = w->options.version,
		.careful = w->options.claim && w->options.suspect_argv};
	for (size_t i = 0; i < l->definition_count; i++)
		store_take_definition(b, l->definitions[i], &c);
}

/* The next batch, or the end. */
static void read_on(struct load *l)
{
	size_t left = l->behind_count - l->read;
	definitions_trim(&l->worker->definitions, is_awaited, l->worker);
	if (l->definition_count == 0 && left == 0) {
		load_destroy(l);
		return;
	}
	struct db_batch *b = db_batch_create(on_loaded, l);
	if (l->definition_count)
		ask_definitions(l, b);
	else
		store_load_entries(
			b, l->behind + l->read, l->inputs + l->read, left, BOUND_LOAD);
	l->worker->loads++;
	db_send(l->worker->control, b);
}

static void want_definition(struct load *l, struct uuid id)
{
	if (definitions_find(&l->worker->definitions, id))
		return;
	for (size_t i = 0; i < l->definition_count; i++) {
		if (uuid_equal(l->definitions[i], id))
			return;
	}
	l->definitions[l->definition_count++] = id;
}

/* A lease without anything that it could be the lease of: the claim has suspended it. */
static void say_baseless(struct uuid run)
{
	char id[UUID_TEXT];
	uuid_format(run, id);
	log_line(LOG_ERROR,
		"run %s: its journal is not there; its lease is suspended (see: wfctl "
		"doctor)",
		id);
}

/* NULL: its last entry is on the way, and its answer comes later than this one. The next
 * listing finds that the lease is ours (docs/design/fence.md, rule 5). */
static struct owned_run *take_row(
	struct worker *w, const struct db_result *rows, int row, bool own)
{
	struct uuid id = db_uuid(rows, row, 0);
	const char *request = db_text(rows, row, 3);
	struct owned_run *o = owned_find(w, id);
	if (db_bool(rows, row, 8)) {
		suspects_seen(w);
		return NULL;
	}
	if (db_is_null(rows, row, 1)) {
		say_baseless(id);
		if (o)
			owned_drop(o);
		return NULL;
	}
	if (o && o->outbox.sent)
		return NULL;
	if (!o)
		o = owned_create(w, id);
	else if (o->state != OWNED_DOUBT)
		owned_doubt(o);
	o->state = OWNED_LOADING;
	o->stale = false;
	o->claimed_seq = db_int(rows, row, 1);
	o->leave_at = db_is_null(rows, row, 2) ? 0 : db_int(rows, row, 2);
	o->request = strcmp(request, "cancel") == 0    ? REQUEST_CANCEL
		     : strcmp(request, "suspend") == 0 ? REQUEST_SUSPEND
						       : REQUEST_NONE;
	o->definition_id = db_uuid(rows, row, 4);
	struct json input = {db_text(rows, row, 5), db_length(rows, row, 5)};
	value_set(&o->input, db_is_null(rows, row, 5) ? NULL : value_create(input));
	o->created_at = db_int(rows, row, 6);
	o->started_at = db_int(rows, row, 7);
	o->by_own_claim = own;
	return o;
}

static int compare_ids(const void *a, const void *b)
{
	return uuid_compare(*(const struct uuid *)a, *(const struct uuid *)b);
}

void load_claimed(struct worker *w, const struct db_result *rows, bool own)
{
	size_t n = (size_t)db_rows(rows);
	struct load *l = xcalloc(1, sizeof *l);
	l->worker = w;
	l->ids = xcalloc(n, sizeof *l->ids);
	l->definitions = xcalloc(n, sizeof *l->definitions);
	l->behind = xcalloc(n, sizeof *l->behind);
	l->inputs = xcalloc(n, sizeof *l->inputs);
	for (size_t i = 0; i < n; i++) {
		struct owned_run *o = take_row(w, rows, (int)i, own);
		if (!o)
			continue;
		l->ids[l->count++] = o->id;
		want_definition(l, o->definition_id);
		if (is_fresh(o) && o->input)
			continue;
		l->inputs[l->behind_count] = !o->input;
		l->behind[l->behind_count++] = o->id;
	}
	if (l->definition_count == 0)
		take_fresh(l);
	qsort(l->definitions, l->definition_count, sizeof *l->definitions,
		compare_ids); /* all note them in the same order: no deadlock */
	read_on(l);
}
