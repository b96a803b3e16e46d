/*
 * Runtime expressions: jq, evaluated in one place. Every expression of one definition belongs
 * to one `struct program`; the expressions that need libjq are compiled together as one jq
 * program, lazily, at the first evaluation that needs it (15 to 20 ms once per worker).
 * Literals and plain paths (".a.b[0]", "$context.x", "$workflow.id") never go to libjq: they
 * cut a slice out of the text, so numbers and strings pass unchanged.
 *
 * What an expression sees: `.` and the named arguments below, and nothing of the process:
 * env, $ENV, input, inputs, debug, stderr, halt, halt_error, include, import,
 * get_search_list, input_filename, modulemeta and $__prog_args are refused at compilation.
 * `now` is the step's recorded time. A watchdog halts an evaluation that takes longer than
 * `timeout_ms`; a result over `result_bytes` is an error. All failures are ERROR_INPUT with
 * the expression in the text.
 */
#ifndef STEPWELL_EXPRESSION_H
#define STEPWELL_EXPRESSION_H

#include "json.h"

struct program;
struct expression;

enum expression_form {
	EXPRESSION_BARE,   /* a string is an expression with or without ${ } (if, when, while,
			      for.in, input.from, output.as, export.as, ...); an object or array
			      is a template */
	EXPRESSION_VALUE, /* a template: strings are literal unless inside ${ }, and
			     "Hello ${ .name }!" interpolates; members of objects and elements
			     of arrays are templates again */
};

struct program_options {
	bool loose;           /* evaluation mode `loose`: a string that does not compile is a literal */
	unsigned timeout_ms;  /* of one evaluation; 0: 1000 */
	size_t result_bytes;  /* of one result; 0: 16 MiB */
};

struct program *program_create(const struct program_options *options); /* NULL: defaults */
void program_destroy(struct program *p);

/*
 * Adds the expression that the node stands for. The node's text is borrowed for the life of
 * the program (it is the definition's own text). The result belongs to the program. It is
 * parsed as far as literals, plain paths and ${ } are concerned; jq itself is not compiled yet.
 * Fails for unbalanced ${ }.
 */
MUST_CHECK bool program_add(struct program *p, struct json node, enum expression_form form,
	struct expression **ret, struct error *err);

/*
 * Compiles every expression by itself (not only together), and reports each one that does not
 * compile: the node's slice and jq's own message. Returns the number of reports.
 */
typedef void (*program_on_fault)(void *ctx, struct json node, const char *message);
unsigned program_check(struct program *p, program_on_fault on_fault, void *ctx);

/* What an evaluation sees. `lookup` is asked for a named argument ("context", "input",
 * "item", ...; without $) when the expression mentions it, and returns false for one that
 * does not exist, which then reads as null. Slices must stay valid during the evaluation. */
struct scope {
	struct json dot; /* `.`; absent: null */
	int64_t now;     /* microseconds since 1970: what jq's `now` answers */
	bool (*lookup)(void *ctx, const char *name, struct json *ret);
	void *ctx;
};

/* Appends the result's JSON text to out (exactly one value; a jq expression that yields
 * nothing gives null, one that yields several gives the first). */
MUST_CHECK bool expression_eval(struct expression *e, const struct scope *scope,
	struct buf *out, struct error *err);
/* Evaluates a condition: false for false and null. */
MUST_CHECK bool expression_test(struct expression *e, const struct scope *scope,
	bool *ret, struct error *err);

/* Whether the expression mentions $name (at all, for `program`: any of its expressions). */
bool expression_mentions(const struct expression *e, const char *name);
bool program_mentions(const struct program *p, const char *name);
/* A literal without any expression in it. */
bool expression_is_literal(const struct expression *e);
/* The members of $steps that are mentioned ("$steps.charge.id" mentions charge); a use that
 * cannot be read off ($steps[.x]) mentions every name. */
bool program_mentions_step(const struct program *p, const char *step_name);

#endif
