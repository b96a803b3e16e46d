/*
 * Evaluators: processes in which libjq works on what nobody has checked (jq/child.h). A
 * program has a `struct evaluator`: its units, one template process that has compiled
 * them, and copies of that which evaluate. A copy serves one program only, at most
 * EVALUATOR_EVALUATIONS, and a question about secrets alone. What is evaluated is asked
 * in questions (question.h).
 *
 * There are as many templates and copies as evaluator_inside.h says: who wants one waits
 * for his turn, and whose evaluations take long comes after others. The system's own
 * limits fail nobody either: what it refuses is tried again. Answers are read while there
 * is room for them.
 *
 * Bounds are set from outside: memory, and processor time of the copy over the whole
 * question. What was under way when a copy died, or had no time left, is tried once more
 * alone in a fresh copy; dies that too, it is the expression's error. A host that is
 * busy, or was stopped, fails nobody: only what does nothing for WALL_USEC by the clock
 * is ended.
 *
 * There is one set of processes, for the process that first needs it; on a loop (see
 * evaluators_begin) answers come from that, without one the asker waits. It survives no
 * fork: end it before.
 */
#ifndef STEPWELL_EXPRESSION_EVALUATOR_H
#define STEPWELL_EXPRESSION_EVALUATOR_H

#include <uv.h>

#include "base/error.h"
#include "jq/scan.h"

#define EVALUATOR_EVALUATIONS 10000u /* of one copy */
#define EVALUATOR_TIMEOUT_MS 1000u   /* of processor time, and 0.2 s for each MiB */

struct evaluator;
struct question;

/* Questions are asked on this loop from now on. */
void evaluators_begin(uv_loop_t *loop);
/* Ends all processes. Programs stay; what is open is not answered any more. */
void evaluators_end(void);
/* Whom to tell, until evaluators_end, that they cannot work here: the first question of a
 * process is a probe of our own (one copy evaluates, another one aborts). Where it fails,
 * questions on the loop stay open; those whose asker waits, and all where nobody watches,
 * fail. */
void evaluators_watch(void (*on_unfit)(void *ctx, const struct error *err), void *ctx);
/* The number of the last system call that an evaluator was refused; 0: none. */
unsigned evaluators_refused(void);
/* Of one question; 0: EVALUATOR_TIMEOUT_MS. */
void evaluators_set_timeout(unsigned ms);

struct evaluator *evaluator_create(unsigned timeout_ms, size_t result_bytes);
/* What is asked of it must have been finished. */
void evaluator_destroy(struct evaluator *e);
unsigned evaluator_count(const struct evaluator *e); /* units */
/* Adds a source that passed jqscan_read; both are borrowed. Returns its number. */
unsigned evaluator_add(
	struct evaluator *e, const char *source, const struct jqscan *scan);
const struct jqscan *evaluator_scan(const struct evaluator *e, unsigned unit);
size_t evaluator_result_bytes(const struct evaluator *e);

/* Waits until it is known whether a unit compiles, alone; on failure jq's message. */
MUST_CHECK bool evaluator_try(struct evaluator *e, unsigned unit, struct error *err);

/* Starts its template, and has it compile what comes first: nobody waits for that yet. */
void evaluator_prepare(struct evaluator *e);

/* For question.c: answers what is not answered yet. True: all is; false: on_answered will
 * be called. Without a loop it waits. */
MUST_CHECK bool evaluator_ask(struct question *q);
/* Nobody wants the answer any more. */
void evaluator_forget(struct question *q);
/* What was answered is not needed any more. */
void evaluator_give_back(struct question *q);
/* Whether its evaluations took long of late: those of others come first. */
bool evaluator_is_slow(const struct evaluator *e);
/* Of answers that are under way, or that somebody still has. */
size_t evaluators_bytes(void);

#endif
