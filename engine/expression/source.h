/*
 * A piece of jq source in a definition: what ${ } holds, or a string that is an
 * expression as a whole. It is either plain (path.h) or a unit of an evaluator
 * (evaluator.h). Failures are ERROR_INPUT with the source before the message.
 */
#ifndef STEPWELL_EXPRESSION_SOURCE_H
#define STEPWELL_EXPRESSION_SOURCE_H

#include "expression/evaluator.h"
#include "expression/path.h"
#include "jq/check.h"
#include "jq/scan.h"

/* Of a source that is not plain: libjq takes time in proportion to its square. */
#define CODE_BYTES (64u << 10)

struct source {
	char *source;  /* without comments */
	char *located; /* with $__loc__ written out, for libjq; NULL: as it is */
	struct jqscan scan;
	bool is_plain;
	struct path plain;
	struct evaluator *evaluator;
	unsigned unit; /* unless it is plain or refused */
};

/* Copies the source. Must outlive the evaluator, unless it is plain. */
struct source *source_create(struct evaluator *e, const char *source, size_t n);
void source_destroy(struct source *c);

/*
 * Whether it compiles; nothing is kept: jqcheck passes nearly all; what it does not
 * pass, libjq compiles alone, because it has the last word. That takes 30 ms, and
 * *compilations counts how often it was done: beyond CODE_COMPILATIONS jqcheck is
 * believed. options (may be NULL) are jqcheck's.
 */
#define CODE_COMPILATIONS 32u
bool source_judge(struct source *c, const struct jqcheck_options *options,
	unsigned *compilations, struct jqfault *ret);
/* Appends the result's JSON text. *ret_faulty is set where it does not compile. Where the
 * scope has a question, that may be wanting afterwards: then it is not known yet. */
MUST_CHECK bool source_eval(const struct source *c, const struct scope *scope,
	struct buf *out, bool *ret_faulty, struct error *err);
/* Puts a source before the error, on one line and cut between characters; returns false.
 */
bool source_blame(const char *source, struct error *err);

#endif
