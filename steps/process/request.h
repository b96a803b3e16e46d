/*
 * The request of a `run` task that starts a process (shell, script, container): what the
 * definition says of any process, and the rendered result. Texts go to the process as
 * they are: nothing is quoted, trimmed or parsed. A kind embeds both structs as the first
 * member of its own, and renders what is its own into argv.
 */
#ifndef STEPWELL_PROCESS_REQUEST_H
#define STEPWELL_PROCESS_REQUEST_H

#include "definition/task.h"
#include "process/list.h"

enum process_return {
	RETURN_STDOUT,
	RETURN_STDERR,
	RETURN_CODE,
	RETURN_ALL,
	RETURN_NONE
};

/* What the definition says. Freed with free(). */
struct process_spec {
	const char *key;                /* "shell": the member of `run`, for messages */
	struct expression *arguments;   /* gives an array, or NULL */
	struct expression *environment; /* gives an object, or NULL */
	struct expression *input;       /* or NULL: no stdin */
	enum process_return ret;
	bool await;
};

struct process_request {
	struct request base;
	const struct process_spec *spec;
	struct buf argv; /* a list (list.h): what the digest covers, arguments included */
	struct buf envp; /* a list of "NAME=value": the definition's */
	struct buf input;
	bool has_input;
	struct buf dot; /* the output where nothing is awaited */
};

/* Fills *spec from the task's `run`, but for the kind's own members. */
MUST_CHECK bool process_spec_compile(struct process_spec *spec, const char *key,
	struct compiler *c, struct json run, struct error *err);

/* Takes zeroed memory. False: processes are off in this worker. */
MUST_CHECK bool process_request_init(
	struct process_request *r, const struct render *in, struct fault *f);
void process_request_finish(struct process_request *r);
/* Renders environment and stdin. */
MUST_CHECK bool process_request_surroundings(
	struct process_request *r, const struct render *in, struct fault *f);
/* Appends the arguments to argv. */
MUST_CHECK bool process_request_arguments(
	struct process_request *r, const struct render *in, struct fault *f);
/* Fills the digest; argv is complete. */
void process_request_seal(struct process_request *r);

/* Evaluates what must be a value of this type, as JSON text. */
MUST_CHECK bool process_evaluate(struct expression *e, const struct render *in,
	const char *what, enum json_type type, struct buf *ret, struct fault *f);
/* Evaluates a string to its content; caller frees *ret. */
MUST_CHECK bool process_evaluate_text(struct expression *e, const struct render *in,
	const char *what, char **ret, struct fault *f);
/* A value as a process can take it: a string's content, of all else the JSON text. */
MUST_CHECK bool process_value_text(const struct process_spec *spec, struct json v,
	const char *what, struct buf *out, struct fault *f);

#endif
