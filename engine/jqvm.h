/*
 * The boundary to libjq (1.6). Sources are numbered units; up to 64 of them are compiled
 * into one jq program, at the first use of one of them. Everything of libjq runs on a
 * stack of its own, because libjq frees nested values by recursion, and under a watchdog.
 *
 * What cannot be stopped is one builtin that is written in C ([range(1e5)] -
 * [range(1e5)], or tojson of a value that holds itself many times over): the watchdog
 * waits for its end. A NaN as the bound of a slice aborts libjq 1.6. libjq also reads
 * definitions from ~/.jq. All evaluations of a process belong on one thread.
 */
#ifndef STEPWELL_JQVM_H
#define STEPWELL_JQVM_H

#include "expression.h"
#include "jqscan.h"

struct jqvm;

/*
 * What every evaluation of this process runs in: the stack and the watchdog's thread. The
 * first evaluation makes it; whoever must not fail there makes it at the start. It
 * survives no fork: leave it before one, when all programs are gone.
 */
MUST_CHECK bool jqvm_place(struct error *err);
void jqvm_place_leave(void);

/* The options' defaults must have been filled in. */
struct jqvm *jqvm_create(const struct program_options *options);
void jqvm_destroy(struct jqvm *vm);
unsigned jqvm_count(const struct jqvm *vm); /* sources */

/* Adds a source that passed jqscan_read; both are borrowed. Returns its number. */
unsigned jqvm_add(struct jqvm *vm, const char *source, const struct jqscan *scan);

/* Compiles it, with its neighbours where possible; on failure jq's message. */
MUST_CHECK bool jqvm_compile(struct jqvm *vm, unsigned unit, struct error *err);

/* Compiles it alone, to know whether it can be, and keeps nothing. */
MUST_CHECK bool jqvm_try(struct jqvm *vm, unsigned unit, struct error *err);

/* Compiles and evaluates; appends the result's JSON text, checked. */
MUST_CHECK bool jqvm_eval(struct jqvm *vm, unsigned unit, const struct scope *scope,
	struct buf *out, struct error *err);

#endif
