/*
 * Runtime expressions: jq, evaluated in one place. Every expression of one definition
 * belongs to one `struct program`. Literals, plain paths (".a.b[0]", "$context.x",
 * "$workflow.id"), objects and arrays of these, their comparisons, and `and`, `or`, `not`
 * of all that never go to libjq (path.h): they cut slices out of the text, so numbers
 * and strings pass unchanged. The rest is evaluated in another process (evaluator.h).
 *
 * What an expression sees: `.` and the named arguments below, and nothing of the process:
 * env, $ENV, input, inputs, debug, stderr, halt, halt_error, include, import, module,
 * get_search_list, input_filename, input_line_number, modulemeta, $__prog_args and every
 * function whose name begins with _ are refused. `now` is the step's recorded time. A
 * result over `result_bytes` or deeper than JSON may be is an error. All failures are
 * ERROR_INPUT with the expression in the text, but without jq's own message where a
 * secret is involved, because it repeats values. Numbers that went through libjq are
 * doubles of 17 digits.
 */
#ifndef STEPWELL_EXPRESSION_EXPRESSION_H
#define STEPWELL_EXPRESSION_EXPRESSION_H

#include "jq/scan.h"
#include "json/json.h"

struct expression;
struct program;
struct question;

enum expression_form {
	EXPRESSION_BARE,  /* a string is an expression with or without ${ } (if, when,
			     while, for.in, input.from, output.as, export.as, ...); an
			     object or array is a template */
	EXPRESSION_VALUE, /* a template: strings are literal unless inside ${ }, and
			     "Hello ${ .name }!" interpolates; members of objects and
			     elements of arrays are templates again */
};

struct program_options {
	bool loose;          /* a string that does not compile is a literal, and so is one
				that fails unless it stands where only an expression
				may */
	unsigned timeout_ms; /* of what is asked at once; 0: see evaluator.h */
	size_t result_bytes; /* of one result; 0: 16 MiB */
};

/* NULL: defaults. */
struct program *program_create(const struct program_options *options);
void program_destroy(struct program *p);
unsigned program_jq_count(const struct program *p); /* expressions that jq evaluates */
/* What it evaluates will be wanted soon. */
void program_prepare(struct program *p);

/*
 * Adds the expression that the node stands for. The node's text is borrowed for the life
 * of the program (it is the definition's own text). The result belongs to the program. It
 * is parsed as far as literals, plain paths and ${ } are concerned; jq itself is not
 * compiled yet. Fails for unbalanced ${ }, which in loose mode is a literal. What is
 * refused or does not compile fails later, in program_check and at evaluation.
 */
MUST_CHECK bool program_add(struct program *p, struct json node,
	enum expression_form form, struct expression **ret, struct error *err);

/*
 * Reports each expression that does not compile, those too that program_add refused: the
 * string in which it stands, the byte of the string's content where it goes wrong, and
 * why. Returns the number of reports, in loose mode always 0.
 */
typedef void (*program_on_fault)(
	void *ctx, struct json node, size_t at, const char *message);
unsigned program_check(struct program *p, program_on_fault on_fault, void *ctx);

/* What an evaluation sees. `lookup` is asked for a named argument ("context", "input",
 * "item", ...; without $) when the expression mentions it, and returns false for one that
 * does not exist: the evaluation fails, as it does in jq. Slices must stay valid during
 * the evaluation. */
struct scope {
	struct json dot; /* `.`; absent: null */
	int64_t now;     /* microseconds since 1970: what jq's `now` answers */
	bool (*lookup)(void *ctx, const char *name, struct json *ret);
	void *ctx;
	bool discreet; /* what it sees is secret: errors do not repeat it */
	/* Where what is evaluated is noted and found (question.h): an evaluation fails
	 * while it is wanting. NULL: whoever evaluates waits. */
	struct question *question;
	/* Of `.`, where much is looked up in it; NULL: it is read through each time. */
	struct json_index *index;
};

/* Appends the result's JSON text to out (exactly one value; a jq expression that yields
 * nothing gives null, one that yields several gives the first). */
MUST_CHECK bool expression_eval(struct expression *e, const struct scope *scope,
	struct buf *out, struct error *err);
/* Evaluates a condition: false for false and null. */
MUST_CHECK bool expression_test(
	struct expression *e, const struct scope *scope, bool *ret, struct error *err);

/* Whether the expression mentions $name (at all, for `program`: any of its expressions).
 */
bool expression_mentions(const struct expression *e, const char *name);
bool program_mentions(const struct program *p, const char *name);
/* Adds the members of $secrets that it mentions to ret; false where some use of $secrets
 * does not say which (`$secrets[.x]`). */
bool expression_secrets(const struct expression *e, struct words *ret);
/* Whether `.` alone decides what it gives: it mentions no $name, and does not ask for the
 * time. */
bool expression_is_of_dot(const struct expression *e);
/* Appends to ret the members of $steps that are mentioned ("$steps.charge.id" mentions
 * charge), each as often as it is: the list is the caller's to free, the names are
 * borrowed. False: some use cannot be read off ($steps[.x]), and mentions every name. */
bool program_steps(const struct program *p, const char ***ret, size_t *ret_n);

#endif
