/*
 * From a claim to a run in memory: the definition (while it is kept; not here, if workers
 * died of it), the journal from its last snapshot on, the few older entries that the
 * snapshot names. Nothing is evaluated here.
 */
#include "pool.h"

#include "bounds.h"
#include "clock.h"
#include "log.h"
#include "places.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

/* Claimed runs whose definitions and journals are being read, some at a time. */
struct load {
	struct worker *worker;
	struct uuid *ids; /* all of them */
	size_t count;
	struct uuid *definitions; /* one statement each, in the first batch */
	size_t definition_count;
	struct uuid *behind;       /* those with entries, or an input, to be read */
	bool *inputs;              /* likewise: whether that is its input too */
	size_t behind_count, read; /* read: so many of them were */
};

/* One run whose snapshot names older entries. */
struct place_load {
	struct worker *worker;
	struct uuid id;
	struct places *places;
	bool asked; /* in the batch under way */
};

/* ---- Replay ---- */

static bool replay_ops(struct run *r, struct json ops, int64_t seq, struct error *err)
{
	struct json_iter it = json_iter(ops);
	struct json text;
	for (unsigned number = 0; json_next_element(&it, &text); number++) {
		struct op op;
		if (!op_read(text, seq, number, &op, err))
			return false;
		bool ok = run_apply(r, &op, err);
		op_finish(&op);
		if (!ok)
			return false;
	}
	return true;
}

/* The entries in rows first..last, in order; the first may be a snapshot. */
static bool replay(struct run *r, const struct db_result *rows, int first, int last,
	struct places *places, struct error *err)
{
	for (int row = first; row <= last; row++) {
		struct json ops;
		int64_t seq = db_int(rows, row, 1);
		r->at = db_int(rows, row, 2);
		if (!json_check(db_text(rows, row, 4), db_length(rows, row, 4),
			    &entry_limits, &ops, NULL, err))
			return error_prefix(err, "journal entry %lld", (long long)seq);
		bool snapshot = strcmp(db_text(rows, row, 3), "frames") == 0;
		if (snapshot && row == first) {
			struct json frames = json_get(json_at(ops, 0), "frames");
			if (!frames_restore(r, frames, places_fetch, places, err))
				return false;
		} else if (!snapshot && !replay_ops(r, ops, seq, err)) {
			return false;
		}
		r->tail_bytes += db_length(rows, row, 4);
		if (snapshot) {
			r->frames_seq = seq;
			r->frames_bytes = r->tail_bytes = db_length(rows, row, 4);
		}
		r->seq = r->durable_seq = seq;
	}
	return true;
}

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

static void stand_in(struct owned *o)
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

static void refuse(struct owned *o, const struct fault *fault)
{
	stand_in(o);
	owned_refuse(o, fault);
}

/* What was read ends with another worker's entries: it has taken the run over since we
 * claimed it, and who appends behind what it wrote would not meet the fence. */
static void lose(struct owned *o)
{
	char id[UUID_TEXT];
	uuid_format(o->id, id);
	log_line(LOG_WARNING, "run %s belongs to another worker now", id);
	owned_drop(o);
}

static void suspend(struct owned *o, const char *reason)
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
static void leave(struct owned *o, const struct definition_slot *slot)
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

static void become_run(struct owned *o, const struct db_result *rows, int first, int last,
	struct places *places)
{
	if (rows && (last < first || db_int(rows, last, 1) != o->claimed_seq)) {
		lose(o);
		return;
	}
	struct definition_slot *slot =
		definitions_find(&o->worker->definitions, o->definition_id);
	struct fault fault = {0};
	struct error err = {0};
	struct json input;
	char id[UUID_TEXT];
	if (slot->left) {
		leave(o, slot);
		return;
	}
	if (!slot->definition) {
		refuse(o, &slot->fault);
		return;
	}
	if (!json_check(o->input->s, o->input->n, NULL, &input, NULL, &err)) {
		fault_set(&fault, PROBLEM_VALIDATION, "the input: %.800s", err.text);
		refuse(o, &fault);
		return;
	}
	o->input->seq = 0;
	struct run *r = run_create(
		o->id, slot->definition, o->input, o->created_at, o->started_at);
	r->seq = r->durable_seq = o->claimed_seq;
	r->claimed_seq = o->claimed_seq;
	if (rows && !replay(r, rows, first, last, places, &err)) {
		uuid_format(o->id, id);
		log_line(LOG_ERROR, "run %s: %s", id, err.text);
		run_destroy(r);
		suspend(o, "its journal cannot be replayed by this version");
		return;
	}
	owned_live(o, r);
}

/* ---- Older entries ---- */

static void ask_places(struct place_load *p);

static void place_load_destroy(struct place_load *p)
{
	places_destroy(p->places);
	free(p);
}

static void on_places(struct db_batch *b)
{
	struct place_load *p = b->ctx;
	struct worker *w = p->worker;
	struct owned *o = owned_find(w, p->id);
	bool waits = o && o->state == OWNED_LOADING, ok = b->err.kind == ERROR_NONE;
	w->loads--;
	if (waits && ok && p->asked) {
		places_take(p->places, b->statements[0].result);
		ask_places(p);
		p = NULL;
	} else if (waits && ok) {
		const struct db_result *rows = b->statements[0].result;
		become_run(o, rows, 0, db_rows(rows) - 1, p->places);
	} else if (waits) {
		owned_doubt(o);
		claim_doubted(w);
	}
	if (p)
		place_load_destroy(p);
	db_batch_destroy(b);
	worker_check_done(w);
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

/* Whether the run's first row is a snapshot that names older entries; then they are read.
 */
static bool needs_places(struct owned *o, const struct db_result *rows, int first)
{
	struct places *places = NULL;
	struct json ops;
	if (strcmp(db_text(rows, first, 3), "frames") == 0 &&
		json_check(db_text(rows, first, 4), db_length(rows, first, 4),
			&entry_limits, &ops, NULL, NULL))
		places = places_create(json_get(json_at(ops, 0), "frames"));
	if (!places)
		return false;
	struct place_load *p = xcalloc(1, sizeof *p);
	p->worker = o->worker;
	p->id = o->id;
	p->places = places;
	ask_places(p);
	return true;
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

static bool is_fresh(const struct owned *o)
{
	return o->claimed_seq == 2 && !o->by_own_claim;
}

/* One run's rows: its input, if that was asked for, then its entries. */
static void take_run(struct owned *o, const struct db_result *rows, int first, int last)
{
	if (strcmp(db_text(rows, first, 3), "input") == 0) {
		struct json input = {db_text(rows, first, 4), db_length(rows, first, 4)};
		value_set(&o->input, value_create(input));
		first++;
	}
	if (is_fresh(o))
		become_run(o, NULL, 0, -1, NULL);
	else if (first > last || !needs_places(o, rows, first))
		become_run(o, rows, first, last, NULL);
}

/* The runs in the rows: those that are left come with the next batch. */
static void take_rows(struct load *l, const struct db_result *rows)
{
	for (int first = 0, last; first < db_rows(rows); first = last + 1) {
		struct uuid id = db_uuid(rows, first, 0);
		for (last = first; last + 1 < db_rows(rows); last++) {
			if (!uuid_equal(db_uuid(rows, last + 1, 0), id))
				break;
		}
		while (l->read < l->behind_count && !uuid_equal(l->behind[l->read++], id))
			; /* nothing of it is there */
		struct owned *o = owned_find(l->worker, id);
		if (o && o->state == OWNED_LOADING)
			take_run(o, rows, first, last);
	}
	if (!db_rows(rows))
		l->read = l->behind_count;
}

/* Those of which nothing else has to be read. */
static void take_fresh(struct load *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct owned *o = owned_find(l->worker, l->ids[i]);
		if (o && o->state == OWNED_LOADING && is_fresh(o) && o->input)
			become_run(o, NULL, 0, -1, NULL);
	}
	l->count = 0;
}

static void give_up(struct load *l)
{
	for (size_t i = 0; i < l->count; i++) {
		struct owned *o = owned_find(l->worker, l->ids[i]);
		if (o && o->state == OWNED_LOADING)
			owned_doubt(o);
	}
	for (size_t i = l->read; i < l->behind_count; i++) {
		struct owned *o = owned_find(l->worker, l->behind[i]);
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
		for (const struct owned *o = w->buckets[i]; o; o = o->hash_next) {
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

static void on_loaded(struct db_batch *b)
{
	struct load *l = b->ctx;
	struct worker *w = l->worker;
	w->loads--;
	if (b->err.kind != ERROR_NONE) {
		give_up(l);
		load_destroy(l);
	} else if (l->definition_count) {
		for (size_t i = 0; i < l->definition_count; i++)
			compile(w, l->definitions[i], b->statements[i].result);
		l->definition_count = 0;
		take_fresh(l);
		read_on(l);
	} else {
		take_fresh(l);
		take_rows(l, b->statements[b->count - 1].result);
		read_on(l);
	}
	db_batch_destroy(b);
	worker_check_done(w);
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
 * listing finds that the lease is ours (design: fence, rule 5). */
static struct owned *take_row(
	struct worker *w, const struct db_result *rows, int row, bool own)
{
	struct uuid id = db_uuid(rows, row, 0);
	const char *request = db_text(rows, row, 3);
	struct owned *o = owned_find(w, id);
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
	if (o && o->log.sent)
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
		struct owned *o = take_row(w, rows, (int)i, own);
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
