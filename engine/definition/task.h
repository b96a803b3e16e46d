/*
 * The interface between the engine and a kind of task. One file in steps/ per kind, each
 * with one `const struct task_kind`, listed in steps/table.c. The engine knows this
 * interface and the table, never one kind.
 *
 * There are two families. A control kind (do, set, switch, for, try, raise, wait) decides
 * what happens next, without leaving the process: it has `enter` and, where it runs a
 * list of tasks, `next`. An effect kind (call, run) does something in the world: it has
 * `effect`.
 */
#ifndef STEPWELL_DEFINITION_TASK_H
#define STEPWELL_DEFINITION_TASK_H

#include "base/uuid.h"
#include "definition/problem.h"
#include "expression/expression.h"

#define KEY_WINDOW_DEFAULT (86400LL * 1000000) /* a day */

#include <uv.h>

struct run;
struct frame;
struct compiler;
struct task;
struct host;
struct json_schema;

/* A list of tasks: the value of a `do`, a `try`, a `catch.do`. */
struct task_list {
	const char *key; /* its place below its task: "do", "try", "catch/do" */
	bool concurrent; /* all at once, each its own branch, not one after the other */
	bool compete;    /* ... and the first that completes is the only one */
	size_t count;
	struct task *tasks;
};

enum flow { FLOW_CONTINUE, FLOW_EXIT, FLOW_END, FLOW_TASK };

/* A flow directive; `task` is the index in its list for FLOW_TASK. */
struct then {
	enum flow flow;
	size_t task;
};

enum on_uncertain { UNCERTAIN_RETRY, UNCERTAIN_HOLD, UNCERTAIN_FAIL };
enum on_conflict { CONFLICT_DEFAULT, CONFLICT_RETRY, CONFLICT_SUCCESS, CONFLICT_FAIL };

/* `metadata` of a task, as far as it is ours (docs/language/metadata.md). */
struct task_metadata {
	enum on_uncertain on_uncertain;
	enum on_conflict on_conflict;
	int64_t key_window; /* microseconds; KEY_WINDOW_DEFAULT if not given */
	char *key_header;   /* NULL: Idempotency-Key */
	bool no_key;        /* idempotencyKey: "none" */
	bool checkpoint;
	const struct retry_policy *retry_policy; /* what applies outside a try, or NULL */
	bool retry_block, retry_step;            /* of a try */
};

/* A duration: fixed, or an expression that gives one. */
struct task_duration {
	int64_t usec; /* where expression is NULL */
	struct expression *expression;
	bool present;
};

/* What a try catches, and what it does then. An absent filter member matches anything. */
struct catcher {
	char *type, *title, *detail, *instance;
	int64_t status; /* -1: any */
	struct expression *when, *except_when;
	const struct retry_policy *retry;
	bool has_then; /* else the try's own counts */
	struct then then;
};

struct task {
	const struct task_kind *kind;
	char *name;
	char *reference;               /* JSON Pointer: "/do/0/charge" */
	struct json node;              /* the task's object in the definition's text */
	struct expression *condition;  /* if */
	struct expression *input_from; /* NULL: as it is; so with the next two */
	struct expression *output_as;
	struct expression *export_as;
	/* The definition's: of its raw input, its output, the context then; NULL: any. */
	const struct json_schema *input_schema, *output_schema, *export_schema;
	struct then then;
	struct task_duration timeout;
	struct task_metadata metadata;
	bool in_try;  /* some enclosing task catches errors */
	bool is_kept; /* some expression asks for its output by $steps */
	/* Its path below the one that contains it, where it is in no list of the
	 * document: "!call", "!before/" (its name follows), "" (the same); else NULL. */
	const char *mark;
	bool is_function; /* it is called: it does not see what is around the call */
	bool wraps;       /* a task with its extensions: see extension.h */
	bool listens;     /* it waits for events: see run/listening.h */
	/* What a task that contains others runs; compiled by its kind. */
	struct task_list *body;    /* do, for.do, try; NULL for a leaf */
	struct task_list *handler; /* catch.do */
	struct catcher *catcher;   /* of a try */
	struct words secrets;      /* their names: those that its request takes */
	/* Its input.from uses one: it is evaluated only for the request, and f->input
	 * is the raw input. */
	bool secret_input;
	/* Arguments that the task binds for what is inside it, NULL: none. */
	char *item_name, *index_name; /* a loop's each and at */
	char *error_name;             /* a handler's as */
	void *spec;                   /* the kind's own, made by compile */
};

/* Whether a kind is through with its task for the moment. */
enum progress {
	PROGRESS_AGAIN, /* run_advance goes on with the run */
	PROGRESS_WAIT,  /* nothing to do until an event wakes the run */
};

struct task_kind {
	const char
		*name; /* "set", "call:http": in messages, and in a definition's needs */
	/* Fills task->spec from task->node, which `validate` has accepted. */
	bool (*compile)(struct compiler *c, struct task *task, struct error *err);
	void (*discard)(void *spec); /* frees what compile made; NULL: free() */
	enum progress (*enter)(struct run *run, struct frame *frame);
	enum progress (*next)(struct run *run, struct frame *frame);
	const struct effect_kind *effect;
};

extern const struct task_kind *const task_kinds[]; /* steps/table.c, ends with NULL */

/* ---- What compile may ask of the compiler (definition.c) ---- */

/* The definition's program gets an expression; an absent node gives *ret = NULL. */
MUST_CHECK bool compiler_expression(struct compiler *c, struct json node,
	enum expression_form form, struct expression **ret, struct error *err);
/* A list of tasks below `task`; key as in struct task_list. The task owns *ret. */
MUST_CHECK bool compiler_list(struct compiler *c, const struct task *task,
	const char *key, struct json node, struct task_list **ret, struct error *err);
/* The list of a try, under the key "try": its tasks know that errors are caught. */
MUST_CHECK bool compiler_try_list(struct compiler *c, const struct task *task,
	struct json node, struct task_list **ret, struct error *err);
/* The function that a call names: of use.functions, or one that was pinned with the
 * definition. An absent *ret: it is not here yet, and noted as missing. */
MUST_CHECK bool compiler_function(
	struct compiler *c, struct json name, struct json *ret, struct error *err);
/* A document that a call names by its endpoint, likewise. */
MUST_CHECK bool compiler_document(
	struct compiler *c, struct json endpoint, struct json *ret, struct error *err);
/* The same for a text, which is given as a string. */
MUST_CHECK bool compiler_text(
	struct compiler *c, struct json endpoint, struct json *ret, struct error *err);
/* What was made of a document lasts until the definition is compiled: it is read once,
 * however many tasks ask. NULL: nothing was kept yet. */
void *compiler_kept(const struct compiler *c, struct json text);
void compiler_keep(
	struct compiler *c, struct json text, void *what, void (*destroy)(void *what));
/* A schema of the data flow; absent gives NULL, as does one that is not here yet, which
 * is noted as missing. It belongs to the definition. */
MUST_CHECK bool compiler_schema(struct compiler *c, struct json node,
	const struct json_schema **ret, struct error *err);
/* A function as the only task of a body, under the mark "!call". */
MUST_CHECK bool compiler_call(struct compiler *c, const struct task *task,
	struct json name, struct json function, struct task_list **ret,
	struct error *err);
/* A flow directive of a task in the list that is being compiled; absent: continue. */
MUST_CHECK bool compiler_then(
	struct compiler *c, struct json node, struct then *ret, struct error *err);
/* A retry policy: inline, or the name of one of use.retries; absent gives NULL. It
 * belongs to the definition. */
MUST_CHECK bool compiler_retry(struct compiler *c, struct json node,
	const struct retry_policy **ret, struct error *err);
/* A duration (ISO 8601, object, or expression); absent gives present = false. */
MUST_CHECK bool compiler_duration(struct compiler *c, struct json node,
	struct task_duration *ret, struct error *err);
/* use.<section>.<name> of the document; absent if not there. */
struct json compiler_use(struct compiler *c, const char *section, const char *name);
/* What a worker must have to run this definition: "shell", "database:NAME". */
void compiler_need(struct compiler *c, const char *need);
/* Of the definition. */
const char *compiler_namespace(const struct compiler *c);
/* The task waits for events. */
void compiler_listens(struct compiler *c);
/* The request of the task that is being compiled takes this secret; expressions say so
 * by themselves. */
MUST_CHECK bool compiler_secret(
	struct compiler *c, struct json node, const char *name, struct error *err);
/* Says that the document is wrong at node ("file:line:col: /pointer: text"); returns
 * false. */
bool compiler_refuse(struct compiler *c, struct json node, struct error *err,
	const char *format, ...) __attribute__((format(printf, 4, 5)));

/* ---- Effects ---- */

/*
 * A rendered request: everything that the effect sends, all expressions evaluated.
 * Embedded as the first member of the kind's own struct. The digest covers all that must
 * be the same at each attempt (for HTTP: method, URL, body, headers but Authorization).
 */
struct request {
	uint8_t digest[16];
	void (*destroy)(struct request *);
};

/* What a kind sees while it renders: nothing of the attempt, so that every attempt of a
 * step renders the same. */
struct render {
	const struct task *task;
	const struct scope *scope; /* `.` is the transformed input */
	const char *step_id;       /* 36 characters */
	struct host *host;
	/* Absent, or an object of evaluated arguments that stand in for those of the
	 * task: for a kind that renders by way of another. */
	struct json arguments;
	/* For the digest alone: the values of secrets are stand-ins. What the digest does
	 * not cover may be left out. */
	bool by_reference;
};

/*
 * One attempt of a step in the world. The engine fills the first part and calls start;
 * the kind ends it with effect_succeed or effect_fail, once, from the loop (never from
 * inside start). `sent` is set by the kind as soon as the world may have seen something
 * of it, `safe` before that.
 */
struct effect {
	const struct task *task;
	struct request *request; /* borrowed from the engine */
	struct uuid run_id;
	const char *path;
	const char *step_id;
	const char *reference;
	unsigned attempt;     /* 1, 2, ... */
	int64_t announced;    /* seq of the entry that holds its intent */
	bool after_uncertain; /* an earlier attempt of this step had an uncertain outcome
			       */
	struct host *host;
	void (*on_done)(struct effect *);
	void *owner; /* the engine's */

	bool sent;
	bool safe;   /* it changes nothing, so that doing it twice does no harm */
	void *state; /* the kind's own while it runs */

	/* An open transaction that is to take the outcome's entries along, or NULL. */
	struct transaction *transaction;

	/* Instead of an outcome, on success: the run waits until it is woken, or for
	 * wait_usec where that is not 0, and then begins the same attempt again. */
	bool waits;
	int64_t wait_usec;
	char *wait_reason;  /* not NULL: it is undone and repeated, at intervals that
			       grow; for people, freed with the effect */
	bool ended_session; /* and what it ran in, a connection, ended with it */

	bool succeeded;
	struct buf output;        /* on success: verified JSON text */
	struct buf authorization; /* $authorization for output.as, or empty (JSON text) */
	struct fault *fault;      /* on failure: effect_fault; else maybe NULL */
};

struct effect_kind {
	/* Evaluates the task's arguments. On failure ret_fault is filled
	 * (PROBLEM_EXPRESSION for an expression, PROBLEM_VALIDATION for a value that
	 * cannot be used). */
	bool (*render)(
		const struct render *in, struct request **ret, struct fault *ret_fault);
	void (*start)(struct effect *effect);
	/* Ends it without an outcome (timeout, cancel, lost lease): afterwards the effect
	 * is not touched any more. What needs longer (a process to reap) lives on by
	 * itself. */
	void (*stop)(struct effect *effect);
	/* Whether the effect commits together with its outcome, so that one without an
	 * outcome did not happen. NULL: never. */
	bool (*is_transactional)(const struct task *task);
	/* What it began may still go on when it waits, and where it is cut off. */
	bool outlives;
};

/* Whether the world may have changed by it. */
static inline bool effect_may_have_happened(const struct effect *effect)
{
	return effect->sent && !effect->safe;
}

/* effect->output holds the result. */
void effect_succeed(struct effect *effect);
/* The reason is in effect_fault(effect). */
void effect_fail(struct effect *effect);
/* Where a reason is written. It is made at the first call (most effects need none) and
 * goes with the effect. */
struct fault *effect_fault(struct effect *effect);
void effect_finish(struct effect *effect);

/* ---- What the effects of one worker share ---- */

struct http_reach;  /* steps/http/reach.h */
struct http_client; /* steps/http/client.c: libcurl's multi interface on the loop */
struct sql_steps;   /* steps/call_sql.c: the connections of `call: sql` */

struct secrets; /* run/secrets.h */

struct settings {
	struct secrets *secrets;  /* NULL: none */
	bool allow_run;           /* run: shell is on */
	bool allow_sql;           /* call: sql on the journal's database is on */
	char **shell_environment; /* names of variables that shells inherit; NULL-ended */
	struct http_reach *reach; /* where requests may go; NULL: the rules for all */
	const char
		*ca_file;  /* authorities that TLS trusts besides the system's, or NULL */
	const char *proxy; /* URL; NULL: none */
	size_t body_limit; /* of an HTTP answer or a process's output, bytes */
	int64_t http_timeout; /* of one request, microseconds, where the task has none */
	int sql_connections;
	const char *database; /* conninfo of the journal's database */
	char **databases;  /* NAME=conninfo, NULL-ended: further connections of call: sql
			    */
	char **sql_logins; /* NAMESPACE=conninfo, NULL-ended: whom call: sql on the
			      journal's database logs in as */
	char *sql_role;    /* SET LOCAL ROLE for call: sql, or NULL */
};

struct host {
	uv_loop_t *loop;
	const struct settings *settings;
	struct http_client *http;
	struct sql_steps *sql;
	struct db *control; /* of the worker, for short statements */
	struct uuid worker;
	int64_t lease; /* the worker's, microseconds */
	/* Whether a request may go out, asked right before its first byte: the worker's
	 * lease, read afresh. */
	bool (*may_send)(const struct host *host);
	bool keeps_children; /* it executes the runs it starts itself */
	void (*adopt)(struct host *host, struct uuid run); /* it was started just now */
	/* What a run does next, in a process for suspects; elsewhere NULL. */
	void (*note)(struct host *host, const char *path);
	void *owner; /* the engine's */
};

#endif
