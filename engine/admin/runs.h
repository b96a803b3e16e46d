/*
 * Runs, their steps and their journals, as an operator asks for them; see admin.h for
 * what holds for all of these.
 */
#ifndef STEPWELL_ADMIN_RUNS_H
#define STEPWELL_ADMIN_RUNS_H

#include "admin/admin.h"

/* ---- Runs (runs.c) ---- */

struct admin_run {
	struct db_result *rows; /* NULL in a list */
	struct uuid id;
	enum phase phase;
	const char *namespace, *name, *version, *key; /* key: NULL without */
	int64_t created_at, started_at, ended_at;
	const char *reason; /* of its lease, why it waits or was suspended; or NULL */
	int64_t due, now;   /* by the database's clock */
	int64_t suspect_at; /* it waits for a process of its own; 0: it does not */
	/* Not in a list: */
	const char *input, *output, *error; /* JSON text or NULL */
	const char *request, *needs, *host; /* of its lease; host: its owner's */
	int64_t pid, seen_at;               /* of its owner */
	bool gone;                          /* its owner, without a word */
	int64_t live_workers;               /* of the pool */
	const char *orders; /* JSON array of at, change, by; NULL: none was given */
	struct uuid parent; /* the run that started it, where has_parent */
	bool has_parent;
	struct uuid workflow_id;
};

void admin_run_finish(struct admin_run *r);

/* A full id, a unique ending of one (6 hexadecimal digits or more), or @last.
 * ERROR_NOT_FOUND; ERROR_CONFLICT for an ending of several runs; ERROR_INPUT for what is
 * no such name. */
MUST_CHECK bool admin_resolve_run(
	struct db_client *c, const char *name, struct uuid *ret, struct error *err);
MUST_CHECK bool admin_find_run(
	struct db_client *c, struct uuid id, struct admin_run *ret, struct error *err);

struct admin_filter {
	const char *const *statuses;            /* NULL-ended; NULL: any */
	const char *namespace, *name, *version; /* NULL: any */
	const char *key;           /* only the runs that it stands for; NULL: any */
	int64_t since;             /* 0: any */
	const struct uuid *parent; /* only runs that it started, or NULL */
	const struct uuid *before; /* the cursor; NULL: the newest */
	int limit;
};

/* Newest first. */
MUST_CHECK bool admin_each_run(struct db_client *c, const struct admin_filter *f,
	void (*on_row)(void *ctx, const struct admin_run *r), void *ctx,
	struct error *err);

/* A run that was started below another one. */
struct admin_descendant {
	struct admin_run run; /* as admin_each_run gives it */
	int64_t depth;        /* 1: by the run itself */
	const char *path;     /* of the task that started it */
};

/* As a tree: each follows the one that has started it; at most `limit` of them. */
MUST_CHECK bool admin_each_descendant(struct db_client *c, struct uuid run, int limit,
	void (*on_row)(void *ctx, const struct admin_descendant *d), void *ctx,
	struct error *err);

struct admin_start {
	struct uuid run_id, workflow_id;
	const char *input; /* JSON text */
	const char *key;   /* NULL: none */
	const struct uuid *owner;
	int64_t due, delay; /* one of them, or 0 */
	int64_t key_ttl;    /* 0: as long as the run */
	bool named;         /* this version was asked for, no other will do for the key */
};

/* An id by the database's clock. */
MUST_CHECK bool admin_new_id(struct db_client *c, struct uuid *ret, struct error *err);
/* Safe to repeat with the same run_id. ret_id differs from it when the key has a run
 * already. ERROR_CONFLICT for a key with another input or, where one was named, another
 * version, or one whose first start is in progress. */
MUST_CHECK bool admin_create_run(struct db_client *c, const struct admin_start *s,
	struct uuid *ret_id, struct error *err);
/* Tells waiting workers; a hint, whose failure does no harm. */
void admin_notify(struct db_client *c);
/* The same for a run that was just started: not more often than workers can use it. */
void admin_notify_start(struct db_client *c, struct uuid run_id);

enum admin_change {
	CHANGE_CANCEL,
	CHANGE_SUSPEND,
	CHANGE_RESUME,
	CHANGE_RETRY,
	CHANGE_ANSWER, /* a held step was done */
};

/* ret_done: false when the run's state does not allow it; an order of cancel stays, no
 * other is taken after it. cancel and suspend are requests to its owner, or to the next
 * worker. new_id and force are of retry, path and answer of an answer. */
struct admin_order {
	enum admin_change change;
	const char *by; /* who asks; noted in the run */
	bool new_id, force;
	const char *path, *answer; /* the step, and JSON text */
};
MUST_CHECK bool admin_change_run(struct db_client *c, struct uuid id,
	const struct admin_order *order, bool *ret_done, struct error *err);

/* ---- Steps and entries (steps.c) ---- */

struct admin_step {
	const char *path, *reference, *name;
	struct uuid step_id;
	enum phase phase;
	int64_t attempts, started_at, ended_at;
	const char *output, *error;    /* JSON text or NULL */
	const char *reason, *ended_by; /* why it was cancelled, and the path of the task
					* that caused it ("": the run); or NULL */
	bool goes_on;   /* it is open, or will be when its run is retried */
	bool uncertain; /* one of its attempts may have taken effect, and did not complete
			   it */
};

struct admin_steps {
	struct db_result *rows;
	struct admin_step *items; /* in the order of their start */
	size_t count;
};

void admin_steps_finish(struct admin_steps *s);
MUST_CHECK bool admin_find_steps(
	struct db_client *c, struct uuid run, struct admin_steps *ret, struct error *err);
/* The one that is held, the last to start of several; NULL: none is. */
const struct admin_step *admin_held_step(const struct admin_steps *s);

struct admin_entry {
	int64_t seq, at;
	const char *kind, *data; /* data: a JSON array of operations, or NULL */
};

/* From the one behind seq `after` on; 0: all. */
MUST_CHECK bool admin_each_entry(struct db_client *c, struct uuid run, int64_t after,
	void (*on_row)(void *ctx, const struct admin_entry *e), void *ctx,
	struct error *err);

#endif
