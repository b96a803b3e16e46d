/*
 * The embedded queries, one typed function each; their text and their columns are
 * described in sql/queries. Batches are made here and sent by the caller (db_send).
 */
#ifndef STEPWELL_JOURNAL_STORE_H
#define STEPWELL_JOURNAL_STORE_H

#include "db/db.h"
#include "journal/journal.h"
#include "journal/signature.h"

/* Lease rows and run rows first, then the journal: the other order deadlocks with a
 * takeover (docs/design/fence.md, rule 2). */
void store_append(struct db_batch *b, struct entry *const *entries, size_t count);
/* Of one run, with nothing that changes with them, by a session that is not trusted: as
 * its only statement that writes for us. */
void store_append_step(struct db_batch *b, struct entry *const *entries, size_t count,
	const struct signature_key *key, const struct signer *signer);
/* The same for many bytes: streamed, in a transaction that the batch opens and commits.
 * The entries are borrowed until it is done. */
void store_append_large(struct db_batch *b, struct entry *const *entries, size_t count);
/* Fails unless the run's journal ends at seq and its last claim is the worker's (rule 4).
 */
void store_check_owner(
	struct db_batch *b, struct uuid run_id, int64_t seq, struct uuid worker);

/* Opens a transaction that is read committed whatever the role's default is; store_commit
 * ends it. */
void store_set_session(struct db_batch *b, int lock_timeout_ms, int statement_timeout_ms);
void store_commit(struct db_batch *b);
void store_register_worker(struct db_batch *b, struct uuid id, const char *host, int pid,
	const char *version, int64_t lease);
/* backend: db_backend_pid. */
void store_register_session(
	struct db_batch *b, struct uuid worker, const char *slot, int backend);
void store_end_session(struct db_batch *b, struct uuid worker, const char *slot);
/* A session of another login, whose process this is, takes its place under the slot; the
 * third statement's row has the newest key: signature.h. */
void store_register_login(
	struct db_batch *b, struct uuid worker, const char *slot, int backend);
void store_listen(struct db_batch *b);
void store_beat(struct db_batch *b, struct uuid worker, int64_t lease);
void store_poll(struct db_batch *b, struct uuid worker, char *const *has);
void store_release_worker(struct db_batch *b, struct uuid worker);
void store_drain_worker(struct db_batch *b, struct uuid worker);
void store_find_orphans(struct db_batch *b, struct uuid worker);
void store_end_sessions(struct db_batch *b, struct uuid worker);
void store_forget_worker(struct db_batch *b, struct uuid worker, bool lost);
void store_list_leases(
	struct db_batch *b, struct uuid worker, const struct uuid *ids, size_t count);

struct claim {
	struct uuid worker;
	int limit;
	char *const *has;       /* what the worker can do, NULL-ended */
	const char *from;       /* "due", "dead", "own", "suspect" */
	struct uuid dead;       /* "dead": whose; "suspect": who takes them */
	const struct uuid *ids; /* "own": which */
	size_t count;
	int64_t since; /* "due": nothing is due before, as of the last look */
};
void store_claim(struct db_batch *b, const struct claim *c);

/* A process for suspects that is about to be started. */
void store_register_suspect(
	struct db_batch *b, struct uuid id, struct uuid parent, int64_t lease);
/* What has become of one. */
struct verdict {
	struct uuid worker, process;
	const char *death; /* JSON; NULL: it did not die */
	bool loss, evidence;
	int poison_after;
	const char *reason; /* of a suspension */
	int runs;           /* that were in it at first */
	int64_t delay;      /* until another is started */
};
/* The one that routed events alone died of one. */
void store_judge_router(struct db_batch *b, struct uuid process);
void store_judge_suspects(struct db_batch *b, const struct verdict *v);

/* Of as many runs, or entries, from the first on as have so many bytes; at least one. */
void store_load_entries(struct db_batch *b, const struct uuid *ids, const bool *inputs,
	size_t count, size_t bytes);
void store_load_places(struct db_batch *b, struct uuid run_id, const int64_t *seqs,
	size_t count, size_t bytes);
/* Who is about to compile a definition. */
struct compiler {
	struct uuid worker;
	const char *version;
	bool careful; /* not one of which others died: a process for suspects does */
};
void store_take_definition(
	struct db_batch *b, struct uuid id, const struct compiler *compiler);
void store_settle_definition(struct db_batch *b, struct uuid id, const char *version);
void store_judge_definition(struct db_batch *b, struct uuid id, struct uuid process);
void store_wait_alone(struct db_batch *b, struct uuid run, struct uuid owner);
struct child_start {
	struct uuid parent, child, worker;
	const char *path, *workflow;
	struct json input;
	bool awaited, keep;
	unsigned attempt;
	int64_t announced; /* seq of the entry that holds its intent */
};
void store_run_child(struct db_batch *b, const struct child_start *c);
/* Ended children of these runs, of which they were not told: parent, child, path. */
void store_list_ended(struct db_batch *b, const struct uuid *parents, size_t count);
void store_mark_told(struct db_batch *b, const struct uuid *children, size_t count);
void store_make_partitions(struct db_batch *b);

/* ---- Events (store_events.c) ---- */

/* What the entries say of events; after the lease rows, before the journal rows. */
void store_entry_events(struct db_batch *b, struct entry *const *entries, size_t count);
/* A listener in memory, and how far it has read: list_arrivals.sql. */
struct listener {
	struct uuid run_id;
	const char *path, *since; /* since may be NULL */
	int64_t place;            /* -1: as it was stored */
};
void store_list_unindexed(struct db_batch *b, const struct uuid *runs, size_t count);
void store_list_arrivals(
	struct db_batch *b, const struct listener *listeners, size_t count);
void store_load_events(struct db_batch *b, const int64_t *places, size_t count);
void store_list_unrouted(struct db_batch *b, struct uuid worker, bool alone, bool first);
void store_wake_missed(struct db_batch *b);
void store_prune_events(struct db_batch *b);

/* An event and what its correlations by a shape came to. */
struct event_correlation {
	const char *source, *id;
	const char *shape, *base; /* NULL: none */
	char *expected;           /* NULL: it cannot be evaluated */
};
void store_add_event_keys(
	struct db_batch *b, const struct event_correlation *shapes, size_t count);
/* place 0: as before; whole: there are no more kept events. */
void store_mark_indexed(struct db_batch *b, const char *shape, const char *base,
	int64_t place, bool whole);
/* Rows of one event follow each other. Two statements. */
void store_route_events(
	struct db_batch *b, const struct event_correlation *shapes, size_t count);

#endif
