/*
 * The boundary to libjq (1.6), inside of an evaluator (child.h). Sources are numbered
 * units; up to JQVM_GROUP of them are compiled into one jq program. What libjq does with
 * what it is given (it asserts, overflows, does not end) is bounded from outside.
 */
#ifndef STEPWELL_JQ_VM_H
#define STEPWELL_JQ_VM_H

#include "base/buf.h"
#include "base/error.h"

#include <jv.h>
#include <stdint.h>

#define JQVM_GROUP 64u

struct jqvm;

struct jqvm_source {
	const char *text;
	size_t variables; /* how many, and their names */
	char **names;
};

/* on_no_memory does not return. */
struct jqvm *jqvm_create(void (*on_no_memory)(void *));
void jqvm_destroy(struct jqvm *vm);

/* Compiles units first, first + 1, ... (of one group) in place of what was there.
 * ret_faults gets of each why it does not compile, or NULL; the caller frees. */
void jqvm_compile(struct jqvm *vm, unsigned first, const struct jqvm_source *sources,
	unsigned n, char **ret_faults);
/* Compiles it alone, and keeps nothing. */
char *jqvm_try(struct jqvm *vm, const struct jqvm_source *source);

struct jqvm_call {
	unsigned unit;
	int64_t now;         /* microseconds since 1970 */
	jv dot, arguments;   /* taken */
	size_t result_bytes; /* largest result */
};
/* Appends the result's JSON text: the first one, null where there is none. */
MUST_CHECK bool jqvm_evaluate(struct jqvm *vm, const struct jqvm_call *call,
	struct buf *out, struct error *err);

#endif
