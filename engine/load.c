/*
 * From a claim to a run in memory: the definition (once per worker), the journal from its
 * last snapshot on, the few older entries that the snapshot names. Nothing is evaluated
 * here.
 */
#include "pool.h"

#include "clock.h"
#include "frames.h"
#include "log.h"
#include "store.h"

#include <stdlib.h>
#include <string.h>

/* A text of our own making: it nests payloads, which were checked at the door. */
static const struct json_limits own_limits = {.bytes = (size_t)1 << 30, .depth = 512};

/* Claimed runs whose definitions and entries are being read, in one batch. */
struct load {
	struct worker *worker;
	struct uuid *ids; /* all of them */
	size_t count;
	struct uuid *definitions; /* one statement each, first in the batch */
	size_t definition_count;
	bool has_entries; /* the last statement */
};

/* One run whose snapshot names older entries. */
struct place_load {
	struct worker *worker;
	struct uuid id;
	int64_t *seqs;
	size_t count;
};

/* ---- Definitions ---- */

static struct definition_slot *find_definition(struct worker *w, struct uuid id)
{
	struct definition_slot *s = w->definitions;
	while (s && !uuid_equal(s->id, id))
		s = s->next;
	return s;
}

static void keep_definition(
	struct worker *w, struct uuid id, const struct db_result *rows)
{
	struct definition_slot *s = xcalloc(1, sizeof *s);
	struct error err = {0};
	s->id = id;
	s->next = w->definitions;
	w->definitions = s;
	if (db_rows(rows) == 0)
		fault_set(&s->fault, PROBLEM_CONFIGURATION,
			"its definition is not there any more");
	else if (!definition_create_with(
			 (struct json){db_text(rows, 0, 0), db_length(rows, 0, 0)},
			 db_is_null(rows, 0, 2) ? NULL : db_text(rows, 0, 2), NULL,
			 &s->definition, &err))
		fault_set(&s->fault, PROBLEM_CONFIGURATION,
			"this worker cannot read the definition: %.800s", err.text);
}

/* ---- Replay ---- */

struct fetcher {
	const struct db_result *places;
};

static struct json fetch_place(void *ctx, int64_t seq, unsigned op, const char *field)
{
	const struct fetcher *f = ctx;
	for (int row = 0; f->places && row < db_rows(f->places); row++) {
		struct json entry;
		if (db_int(f->places, row, 0) != seq ||
			!json_check(db_text(f->places, row, 1),
				db_length(f->places, row, 1), &own_limits, &entry, NULL,
				NULL))
			continue;
		return json_get(json_at(entry, op), field);
	}
	return (struct json){0};
}

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
	const struct db_result *places, struct error *err)
{
	struct fetcher fetcher = {places};
	for (int row = first; row <= last; row++) {
		struct json ops;
		int64_t seq = db_int(rows, row, 1);
		r->at = db_int(rows, row, 2);
		if (!json_check(db_text(rows, row, 4), db_length(rows, row, 4),
			    &own_limits, &ops, NULL, err))
			return error_prefix(err, "journal entry %lld", (long long)seq);
		bool snapshot = strcmp(db_text(rows, row, 3), "frames") == 0;
		if (snapshot && row == first) {
			struct json frames = json_get(json_at(ops, 0), "frames");
			if (!frames_restore(r, frames, fetch_place, &fetcher, err))
				return false;
		} else if (!snapshot && !replay_ops(r, ops, seq, err)) {
			return false;
		}
		r->tail_bytes += db_length(rows, row, 4);
		if (snapshot)
			r->frames_seq = seq;
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

static void become_run(struct owned *o, const struct db_result *rows, int first, int last,
	const struct db_result *places)
{
	if (rows && (last < first || db_int(rows, last, 1) != o->claimed_seq)) {
		lose(o);
		return;
	}
	struct definition_slot *slot = find_definition(o->worker, o->definition_id);
	struct fault fault = {0};
	struct error err = {0};
	struct json input;
	char id[UUID_TEXT];
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
		stand_in(o);
		if (o->request == REQUEST_CANCEL)
			owned_cancel(o);
		else
			owned_suspend(
				o, "its journal cannot be replayed by this version");
		return;
	}
	owned_live(o, r);
}

/* ---- Older entries ---- */

static void add_seq(void *ctx, int64_t seq)
{
	struct place_load *p = ctx;
	for (size_t i = 0; i < p->count; i++) {
		if (p->seqs[i] == seq)
			return;
	}
	p->seqs = xrealloc(p->seqs, (p->count + 1) * sizeof *p->seqs);
	p->seqs[p->count++] = seq;
}

static void on_places(struct db_batch *b)
{
	struct place_load *p = b->ctx;
	struct worker *w = p->worker;
	struct owned *o = owned_find(w, p->id);
	w->loads--;
	if (o && o->state == OWNED_LOADING && b->err.kind == ERROR_NONE) {
		const struct db_result *rows = b->statements[0].result;
		become_run(o, rows, 0, db_rows(rows) - 1, b->statements[1].result);
	} else if (o && o->state == OWNED_LOADING) {
		owned_doubt(o);
		claim_doubted(w);
	}
	free(p->seqs);
	free(p);
	db_batch_destroy(b);
	worker_check_done(w);
}

/* Whether the run's first row is a snapshot that names older entries; then they are read,
 * together with the rows anew, which go with the batch they came in. */
static bool needs_places(struct owned *o, const struct db_result *rows, int first)
{
	struct place_load *p = xcalloc(1, sizeof *p);
	struct json ops;
	p->worker = o->worker;
	p->id = o->id;
	if (strcmp(db_text(rows, first, 3), "frames") == 0 &&
		json_check(db_text(rows, first, 4), db_length(rows, first, 4),
			&own_limits, &ops, NULL, NULL))
		frames_places(json_get(json_at(ops, 0), "frames"), add_seq, p);
	if (p->count == 0) {
		free(p);
		return false;
	}
	struct db_batch *b = db_batch_create(on_places, p);
	store_load_entries(b, &p->id, 1);
	store_load_places(b, p->id, p->seqs, p->count);
	o->worker->loads++;
	db_send(o->worker->control, b);
	return true;
}

/* ---- The batch ---- */

static void load_destroy(struct load *l)
{
	free(l->ids);
	free(l->definitions);
	free(l);
}

static void replay_rows(struct worker *w, const struct db_result *rows)
{
	for (int first = 0, last; first < db_rows(rows); first = last + 1) {
		struct uuid id = db_uuid(rows, first, 0);
		for (last = first; last + 1 < db_rows(rows); last++) {
			if (!uuid_equal(db_uuid(rows, last + 1, 0), id))
				break;
		}
		struct owned *o = owned_find(w, id);
		if (o && o->state == OWNED_LOADING && !needs_places(o, rows, first))
			become_run(o, rows, first, last, NULL);
	}
}

static bool is_fresh(const struct owned *o)
{
	return o->claimed_seq == 2 && !o->by_own_claim;
}

static void finish_load(struct load *l, const struct db_batch *b)
{
	struct worker *w = l->worker;
	for (size_t i = 0; b && i < l->definition_count; i++)
		keep_definition(w, l->definitions[i], b->statements[i].result);
	for (size_t i = 0; i < l->count; i++) {
		struct owned *o = owned_find(w, l->ids[i]);
		if (o && o->state == OWNED_LOADING && is_fresh(o))
			become_run(o, NULL, 0, -1, NULL);
	}
	if (b && l->has_entries)
		replay_rows(w, b->statements[b->count - 1].result);
}

static void on_loaded(struct db_batch *b)
{
	struct load *l = b->ctx;
	struct worker *w = l->worker;
	w->loads--;
	if (b->err.kind == ERROR_NONE) {
		finish_load(l, b);
	} else {
		for (size_t i = 0; i < l->count; i++) {
			struct owned *o = owned_find(w, l->ids[i]);
			if (o && o->state == OWNED_LOADING)
				owned_doubt(o);
		}
		claim_doubted(w);
	}
	load_destroy(l);
	db_batch_destroy(b);
	worker_check_done(w);
}

static void want_definition(struct load *l, struct uuid id)
{
	if (find_definition(l->worker, id))
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
	o->losses = (int)db_int(rows, row, 2);
	o->request = strcmp(request, "cancel") == 0    ? REQUEST_CANCEL
		     : strcmp(request, "suspend") == 0 ? REQUEST_SUSPEND
						       : REQUEST_NONE;
	o->definition_id = db_uuid(rows, row, 4);
	struct json input = {db_text(rows, row, 5), db_length(rows, row, 5)};
	value_set(&o->input, value_create(input));
	o->created_at = db_int(rows, row, 6);
	o->started_at = db_int(rows, row, 7);
	o->by_own_claim = own;
	if (db_bool(rows, row, 8) && !o->suspect) {
		o->suspect = true;
		w->suspects++;
	}
	return o;
}

void load_claimed(struct worker *w, const struct db_result *rows, bool own)
{
	size_t n = (size_t)db_rows(rows), behind = 0;
	struct load *l = xcalloc(1, sizeof *l);
	l->worker = w;
	l->ids = xcalloc(n, sizeof *l->ids);
	l->definitions = xcalloc(n, sizeof *l->definitions);
	struct uuid *history = xcalloc(n, sizeof *history);
	for (size_t i = 0; i < n; i++) {
		struct owned *o = take_row(w, rows, (int)i, own);
		if (!o)
			continue;
		l->ids[l->count++] = o->id;
		want_definition(l, o->definition_id);
		if (!is_fresh(o))
			history[behind++] = o->id;
	}
	l->has_entries = behind > 0;
	if (l->definition_count == 0 && behind == 0) {
		finish_load(l, NULL);
		load_destroy(l);
	} else {
		struct db_batch *b = db_batch_create(on_loaded, l);
		for (size_t i = 0; i < l->definition_count; i++)
			store_load_definition(b, l->definitions[i]);
		if (behind)
			store_load_entries(b, history, behind);
		w->loads++;
		db_send(w->control, b);
	}
	free(history);
}
