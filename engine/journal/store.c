/* Parameters into the embedded queries; nothing else knows their text. */
#include "journal/store.h"

#include "queries.h"

#include <stdio.h>
#include <string.h>

static void add_ids(struct db_params *p, const struct uuid *ids, size_t count)
{
	struct db_array a;
	db_array_init(&a, DB_OID_UUID);
	for (size_t i = 0; i < count; i++)
		db_array_uuid(&a, ids[i]);
	db_add_array(p, &a);
	db_array_finish(&a);
}

static void add_words(struct db_params *p, char *const *words)
{
	struct db_array a;
	db_array_init(&a, DB_OID_TEXT);
	for (; words && *words; words++)
		db_array_text(&a, *words, strlen(*words));
	db_add_array(p, &a);
	db_array_finish(&a);
}

static void put_text(struct db_array *a, const char *text)
{
	if (text)
		db_array_text(a, text, strlen(text));
	else
		db_array_null(a);
}

static void put_value(struct db_array *a, const struct value *v)
{
	if (v)
		db_array_text(a, v->s, v->n);
	else
		db_array_null(a);
}

static size_t count_changes(
	struct entry *const *entries, size_t count, enum lease_change change)
{
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += entries[i]->change == change;
	return n;
}

static void release(struct db_batch *b, struct entry *const *entries, size_t count)
{
	struct db_array id, due, state, reason;
	struct db_params *p = db_batch_add(b, sql_release_leases);
	db_array_init(&id, DB_OID_UUID);
	db_array_init(&due, DB_OID_TIMESTAMPTZ);
	db_array_init(&state, DB_OID_TEXT);
	db_array_init(&reason, DB_OID_TEXT);
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entries[i];
		if (e->change != LEASE_RELEASE)
			continue;
		db_array_uuid(&id, e->run_id);
		db_array_time(&due, e->due);
		put_text(&state, e->state);
		put_text(&reason, e->reason);
	}
	db_add_array(p, &id);
	db_add_array(p, &due);
	db_add_array(p, &state);
	db_add_array(p, &reason);
	db_array_finish(&id);
	db_array_finish(&due);
	db_array_finish(&state);
	db_array_finish(&reason);
}

static void suspend(struct db_batch *b, struct entry *const *entries, size_t count)
{
	struct db_array id, reason, asked;
	struct db_params *p = db_batch_add(b, sql_suspend_leases);
	db_array_init(&id, DB_OID_UUID);
	db_array_init(&reason, DB_OID_TEXT);
	db_array_init(&asked, DB_OID_INT4);
	for (size_t i = 0; i < count; i++) {
		if (entries[i]->change != LEASE_SUSPEND)
			continue;
		db_array_uuid(&id, entries[i]->run_id);
		put_text(&reason, entries[i]->reason);
		db_array_int4(&asked, entries[i]->asked);
	}
	db_add_array(p, &id);
	db_add_array(p, &reason);
	db_add_array(p, &asked);
	db_array_finish(&id);
	db_array_finish(&reason);
	db_array_finish(&asked);
}

static void end_runs(struct db_batch *b, struct entry *const *entries, size_t count)
{
	struct db_array id, status, output, error, started, ended;
	struct db_params *p = db_batch_add(b, sql_end_runs);
	struct db_array *all[] = {&id, &status, &output, &error, &started, &ended};
	static const uint32_t types[] = {DB_OID_UUID, DB_OID_TEXT, DB_OID_TEXT,
		DB_OID_TEXT, DB_OID_TIMESTAMPTZ, DB_OID_TIMESTAMPTZ};
	for (size_t i = 0; i < 6; i++)
		db_array_init(all[i], types[i]);
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entries[i];
		if (e->change != LEASE_END)
			continue;
		db_array_uuid(&id, e->run_id);
		put_text(&status, e->state);
		put_value(&output, e->output);
		put_value(&error, e->error);
		db_array_time(&started, e->started_at);
		db_array_time(&ended, e->at);
	}
	for (size_t i = 0; i < 6; i++) {
		db_add_array(p, all[i]);
		db_array_finish(all[i]);
	}
}

/* Whoever waits for a run that has ended otherwise than by success, or whose task's time
 * is over, waits no more. */
static bool leaves_children(const struct entry *e)
{
	return e->leaves.len ||
	       (e->change == LEASE_END && strcmp(e->state, "completed") != 0);
}

/* Of runs that go on: what they start from now on counts. */
static void mark_recalled(struct db_batch *b, struct entry *const *entries, size_t count)
{
	struct db_array id, seq;
	struct db_params *p = db_batch_add(b, sql_mark_recalled);
	db_array_init(&id, DB_OID_UUID);
	db_array_init(&seq, DB_OID_INT8);
	for (size_t i = 0; i < count; i++) {
		if (!leaves_children(entries[i]))
			continue;
		db_array_uuid(&id, entries[i]->run_id);
		db_array_int8(&seq, entries[i]->seq);
	}
	db_add_array(p, &id);
	db_add_array(p, &seq);
	db_array_finish(&id);
	db_array_finish(&seq);
}

static void cancel_children(
	struct db_batch *b, struct entry *const *entries, size_t count)
{
	struct db_array id, path;
	size_t n = 0;
	for (size_t i = 0; i < count; i++)
		n += leaves_children(entries[i]);
	if (!n)
		return;
	mark_recalled(b, entries, count);
	struct db_params *p = db_batch_add(b, sql_cancel_children);
	db_array_init(&id, DB_OID_UUID);
	db_array_init(&path, DB_OID_TEXT);
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entries[i];
		if (!leaves_children(e))
			continue;
		bool some = e->change != LEASE_END;
		const char *from = some ? e->leaves.data : "";
		const char *end = some ? from + e->leaves.len : from + 1;
		for (; from < end; from += strlen(from) + 1) {
			db_array_uuid(&id, e->run_id);
			put_text(&path, from);
		}
	}
	db_add_array(p, &id);
	db_add_array(p, &path);
	db_array_finish(&id);
	db_array_finish(&path);
}

/* The columns of entries behind their run's id. */
static void add_columns(struct db_params *p, struct entry *const *entries, size_t count)
{
	struct db_array seq, at, kind, path, attempt, data;
	struct db_array *all[] = {&seq, &at, &kind, &path, &attempt, &data};
	static const uint32_t types[] = {DB_OID_INT8, DB_OID_TIMESTAMPTZ, DB_OID_TEXT,
		DB_OID_TEXT, DB_OID_INT4, DB_OID_TEXT};
	for (size_t i = 0; i < 6; i++)
		db_array_init(all[i], types[i]);
	for (size_t i = 0; i < count; i++) {
		const struct entry *e = entries[i];
		db_array_int8(&seq, e->seq);
		db_array_time(&at, e->at);
		put_text(&kind, e->kind);
		put_text(&path, e->path);
		if (e->attempt)
			db_array_int4(&attempt, (int32_t)e->attempt);
		else
			db_array_null(&attempt);
		db_array_text(&data, e->data.data, e->data.len);
	}
	for (size_t i = 0; i < 6; i++) {
		db_add_array(p, all[i]);
		db_array_finish(all[i]);
	}
}

static void append(struct db_batch *b, struct entry *const *entries, size_t count)
{
	struct db_array id;
	struct db_params *p = db_batch_add(b, sql_append_entries);
	db_array_init(&id, DB_OID_UUID);
	for (size_t i = 0; i < count; i++)
		db_array_uuid(&id, entries[i]->run_id);
	db_add_array(p, &id);
	db_array_finish(&id);
	add_columns(p, entries, count);
}

void store_append_step(struct db_batch *b, struct entry *const *entries, size_t count,
	const struct signature_key *key, const struct signer *signer)
{
	struct db_params *p = db_batch_add(b, sql_append_step);
	char mac[SIGNATURE_TEXT];
	signature_make(key, signer, entries, count, mac);
	db_add_uuid(p, entries[0]->run_id);
	add_columns(p, entries, count);
	db_add_uuid(p, signer->worker);
	db_add_text(p, mac);
}

/* What changes with the entries, before them. */
static void change(struct db_batch *b, struct entry *const *entries, size_t count)
{
	if (count_changes(entries, count, LEASE_RELEASE))
		release(b, entries, count);
	if (count_changes(entries, count, LEASE_SUSPEND))
		suspend(b, entries, count);
	if (count_changes(entries, count, LEASE_END))
		end_runs(b, entries, count);
	cancel_children(b, entries, count);
	store_entry_events(b, entries, count);
}

void store_append(struct db_batch *b, struct entry *const *entries, size_t count)
{
	change(b, entries, count);
	append(b, entries, count);
}

static void copy_entry(struct db_copy *c, const struct entry *e)
{
	db_copy_row(c, 7);
	db_copy_uuid(c, e->run_id);
	db_copy_int8(c, e->seq);
	db_copy_time(c, e->at);
	db_copy_text(c, e->kind);
	db_copy_text(c, e->path);
	if (e->attempt)
		db_copy_int4(c, (int32_t)e->attempt);
	else
		db_copy_null(c);
	db_copy_length(c, e->data.len);
	db_copy_borrow(c, e->data.data, e->data.len);
}

void store_append_large(struct db_batch *b, struct entry *const *entries, size_t count)
{
	b->undo = sql_rollback_transaction;
	db_batch_add_once(b, sql_begin_transaction);
	db_batch_add_once(b, sql_lift_timeout);
	change(b, entries, count);
	struct db_copy *c = db_batch_add_copy(b, sql_copy_entries);
	for (size_t i = 0; i < count; i++)
		copy_entry(c, entries[i]);
	db_copy_end(c);
	db_batch_add_once(b, sql_commit_transaction);
}

void store_check_owner(
	struct db_batch *b, struct uuid run_id, int64_t seq, struct uuid worker)
{
	struct db_params *p = db_batch_add(b, sql_check_owner);
	char id[UUID_TEXT];
	uuid_format(worker, id);
	db_add_uuid(p, run_id);
	db_add_int(p, seq);
	db_add_text(p, id);
}

void store_set_session(struct db_batch *b, int lock_timeout_ms, int statement_timeout_ms)
{
	char text[16];
	db_add_null(db_batch_add(b, sql_pin_settings));
	struct db_params *p = db_batch_add(b, sql_set_session);
	snprintf(text, sizeof text, "%d", lock_timeout_ms);
	db_add_text(p, text);
	snprintf(text, sizeof text, "%d", statement_timeout_ms);
	db_add_text(p, text);
	db_batch_end_part(b); /* what is pinned counts from the next transaction on */
	db_batch_add_once(b, sql_begin_step);
}

void store_commit(struct db_batch *b)
{
	db_batch_add_once(b, sql_commit_transaction);
}

void store_register_worker(struct db_batch *b, struct uuid id, const char *host, int pid,
	const char *version, int64_t lease)
{
	struct db_params *p = db_batch_add(b, sql_register_worker);
	db_add_uuid(p, id);
	db_add_text(p, host);
	db_add_int(p, pid);
	db_add_text(p, version);
	db_add_int(p, lease);
}

void store_register_session(
	struct db_batch *b, struct uuid worker, const char *slot, int backend)
{
	struct db_params *p = db_batch_add(b, sql_register_session);
	db_add_uuid(p, worker);
	db_add_text(p, slot);
	db_add_int(p, backend);
}

void store_end_session(struct db_batch *b, struct uuid worker, const char *slot)
{
	struct db_params *p = db_batch_add(b, sql_end_session);
	db_add_uuid(p, worker);
	db_add_text(p, slot);
}

void store_register_login(
	struct db_batch *b, struct uuid worker, const char *slot, int backend)
{
	const char *const statements[] = {sql_end_login_session, sql_register_login};
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		struct db_params *p = db_batch_add(b, statements[i]);
		db_add_uuid(p, worker);
		db_add_text(p, slot);
		db_add_int(p, backend);
	}
	db_batch_add(b, sql_find_secret);
}

void store_listen(struct db_batch *b)
{
	db_batch_add_once(b, sql_listen);
}

void store_beat(struct db_batch *b, struct uuid worker, int64_t lease)
{
	struct db_params *p = db_batch_add(b, sql_beat_worker);
	db_add_uuid(p, worker);
	db_add_int(p, lease);
}

void store_release_worker(struct db_batch *b, struct uuid worker)
{
	db_add_uuid(db_batch_add(b, sql_release_worker), worker);
}

void store_drain_worker(struct db_batch *b, struct uuid worker)
{
	db_add_uuid(db_batch_add(b, sql_drain_worker), worker);
}

void store_find_orphans(struct db_batch *b, struct uuid worker)
{
	db_add_uuid(db_batch_add(b, sql_find_orphans), worker);
}

void store_end_sessions(struct db_batch *b, struct uuid worker)
{
	db_add_uuid(db_batch_add(b, sql_end_sessions), worker);
}

void store_forget_worker(struct db_batch *b, struct uuid worker, bool lost)
{
	struct db_params *p = db_batch_add(b, sql_forget_worker);
	db_add_uuid(p, worker);
	db_add_bool(p, lost);
}

void store_list_leases(
	struct db_batch *b, struct uuid worker, const struct uuid *ids, size_t count)
{
	struct db_params *p = db_batch_add(b, sql_list_leases);
	db_add_uuid(p, worker);
	add_ids(p, ids, count);
}

void store_claim(struct db_batch *b, const struct claim *c)
{
	struct db_params *p = db_batch_add(b, sql_claim_runs);
	db_add_uuid(p, c->worker);
	db_add_int(p, c->limit);
	add_words(p, c->has);
	db_add_text(p, c->from);
	db_add_uuid(p, c->dead);
	add_ids(p, c->ids, c->count);
	db_add_time(p, c->since);
}

void store_register_suspect(
	struct db_batch *b, struct uuid id, struct uuid parent, int64_t lease)
{
	struct db_params *p = db_batch_add(b, sql_register_suspect);
	db_add_uuid(p, id);
	db_add_uuid(p, parent);
	db_add_int(p, lease);
}

void store_judge_router(struct db_batch *b, struct uuid process)
{
	db_add_uuid(db_batch_add(b, sql_judge_router), process);
}

void store_judge_suspects(struct db_batch *b, const struct verdict *v)
{
	struct db_params *p = db_batch_add(b, sql_judge_suspects);
	db_add_uuid(p, v->worker);
	db_add_uuid(p, v->process);
	db_add_text(p, v->death);
	db_add_bool(p, v->loss);
	db_add_bool(p, v->evidence);
	db_add_int(p, v->poison_after);
	db_add_text(p, v->reason);
	db_add_int(p, v->runs);
	db_add_int(p, v->delay);
}

void store_load_entries(struct db_batch *b, const struct uuid *ids, const bool *inputs,
	size_t count, size_t bytes)
{
	struct db_params *p = db_batch_add(b, sql_load_entries);
	struct db_array input;
	add_ids(p, ids, count);
	db_array_init(&input, DB_OID_INT4);
	for (size_t i = 0; i < count; i++)
		db_array_int4(&input, inputs[i]);
	db_add_array(p, &input);
	db_array_finish(&input);
	db_add_int(p, (int64_t)bytes);
}

void store_load_places(struct db_batch *b, struct uuid run_id, const int64_t *seqs,
	size_t count, size_t bytes)
{
	struct db_params *p = db_batch_add(b, sql_load_places);
	struct db_array a;
	db_add_uuid(p, run_id);
	db_array_init(&a, DB_OID_INT8);
	for (size_t i = 0; i < count; i++)
		db_array_int8(&a, seqs[i]);
	db_add_array(p, &a);
	db_array_finish(&a);
	db_add_int(p, (int64_t)bytes);
}

void store_take_definition(
	struct db_batch *b, struct uuid id, const struct compiler *compiler)
{
	struct db_params *p = db_batch_add(b, sql_take_definition);
	db_add_uuid(p, id);
	db_add_uuid(p, compiler->worker);
	db_add_text(p, compiler->version);
	db_add_bool(p, compiler->careful);
}

void store_settle_definition(struct db_batch *b, struct uuid id, const char *version)
{
	struct db_params *p = db_batch_add(b, sql_settle_definition);
	db_add_uuid(p, id);
	db_add_text(p, version);
}

void store_judge_definition(struct db_batch *b, struct uuid id, struct uuid process)
{
	struct db_params *p = db_batch_add(b, sql_judge_definition);
	db_add_uuid(p, id);
	db_add_uuid(p, process);
}

void store_wait_alone(struct db_batch *b, struct uuid run, struct uuid owner)
{
	struct db_params *p = db_batch_add(b, sql_wait_alone);
	db_add_uuid(p, run);
	db_add_uuid(p, owner);
}

void store_poll(struct db_batch *b, struct uuid worker, char *const *has)
{
	struct db_params *p = db_batch_add(b, sql_poll);
	db_add_uuid(p, worker);
	add_words(p, has);
}

void store_run_child(struct db_batch *b, const struct child_start *c)
{
	struct db_params *p = db_batch_add(b, sql_run_child);
	db_add_uuid(p, c->parent);
	db_add_text(p, c->path);
	db_add_uuid(p, c->child);
	db_add_text(p, c->workflow);
	db_add_bytes(p, c->input.s, c->input.n);
	db_add_bool(p, c->awaited);
	db_add_int(p, c->attempt);
	db_add_uuid(p, c->worker);
	db_add_bool(p, c->keep);
	db_add_int(p, c->announced);
}

void store_list_ended(struct db_batch *b, const struct uuid *parents, size_t count)
{
	add_ids(db_batch_add(b, sql_list_ended), parents, count);
}

void store_mark_told(struct db_batch *b, const struct uuid *children, size_t count)
{
	add_ids(db_batch_add(b, sql_mark_told), children, count);
}

void store_make_partitions(struct db_batch *b)
{
	db_batch_add(b, sql_make_partitions);
}
