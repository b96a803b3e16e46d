/*
 * The inside of evaluators, shared by evaluator.c (who asks, what can be done, time),
 * evaluator_copy.c and evaluator_template.c.
 */
#ifndef STEPWELL_EVALUATOR_INSIDE_H
#define STEPWELL_EVALUATOR_INSIDE_H

#include "clock.h"
#include "evaluator_process.h"
#include "jqvm.h"
#include "question.h"
#include "verdicts.h"

#define COPIES_MAX 16u /* of all evaluators together */
#define COPIES_EACH 4u /* of one */
#define TEMPLATES_MAX 24u
#define SPIN_USEC 50
#define TICK_MS 10
#define WALL_USEC (10 * USEC_PER_SEC)
#define TASK_USEC (5 * USEC_PER_SEC)     /* of processor time for one question */
#define COMPILE_USEC (10 * USEC_PER_SEC) /* of processor time for one group */
#define COMPILE_WALL (60 * USEC_PER_SEC)
#define MEMORY ((uint64_t)128 << 20)
#define COMPILE_MEMORY ((uint64_t)512 << 20)
#define PATIENCE_USEC (10 * USEC_PER_MS) /* until another copy is made */
#define BATCH 256u                       /* evaluations of a message */
#define ANSWER_MAX ((uint32_t)1 << 28)

struct unit {
	const char *source;
	const struct jqscan *scan;
	char *fault; /* why it does not compile */
	bool known;
};

struct group {
	bool compiled;
	unsigned deaths; /* of templates that compiled it */
};

enum ending { ENDED_BY_ITSELF, ENDED_LATE, ENDED_STUCK, ENDED_UNWANTED };

struct copy {
	struct evaluator_process process;
	struct evaluator *of;
	struct copy *next;
	struct question *question; /* NULL: idle */
	uint32_t from, end;        /* of its evaluations */
	uint64_t seq;
	int64_t asked_at, used_at; /* CLOCK_BOOTTIME */
	int64_t time_at, limit;    /* processor time */
	unsigned generation, evaluations;
	bool dying;
	enum ending ending;
};

enum template_state { TEMPLATE_NONE, TEMPLATE_IDLE, TEMPLATE_COMPILES, TEMPLATE_FORKS };

struct evaluator {
	unsigned timeout_ms;
	size_t result_bytes;
	struct unit *units;
	unsigned count;
	struct group *groups;
	struct evaluator_process template;
	enum template_state state;
	bool template_dying, template_late, served;
	unsigned group;     /* that is being compiled */
	int64_t begun_at;   /* what it does */
	int64_t begun_time; /* its processor time then */
	int log;            /* what its processes have to say, or -1 */
	bool quiet;         /* nobody wants to know */
	uint32_t refused;   /* the last system call that one of its processes was */
	unsigned generation, failures;
	struct copy *copies;
	struct copy *forking;
	struct question *first, **last;
	int64_t waits_since, used_at;
	/* evaluator_try: */
	struct evaluator *tries_of;
	unsigned tries;
	struct evaluator *next;
};

struct evaluator_pool {
	uv_loop_t *loop;
	uv_timer_t *timer;
	struct evaluator *all, *judge;
	struct question *asking; /* who waits in evaluator_ask */
	unsigned copies, templates, timeout_ms;
	struct verdicts verdicts;
	uint32_t refused; /* the last system call that was */
	bool ticks;
	uint64_t seq;
};

extern struct evaluator_pool evaluator_pool; /* once in a process */

/* evaluator.c */
void evaluator_work(struct evaluator *e); /* does what can be done */
/* Something takes time; soon: it ends. */
void evaluator_tick(bool soon);
void evaluator_enqueue(struct evaluator *e, struct question *q, bool in_front);
void evaluator_complete(struct question *q);
/* Answers the next evaluation, and those that are open. */
void evaluator_answer(struct question *q, enum evaluation_state state, const char *text);
void evaluator_skip_answered(struct question *q);
void evaluator_fail_rest(struct question *q, const char *text);
void evaluator_fail_all(struct evaluator *e, const char *text);
/* What its processes have said of themselves goes to the log. */
void evaluator_drain_log(struct evaluator *e, const char *what);
void evaluator_note_refused(struct evaluator *e, uint32_t call);

/* evaluator_probe.c */
/* Whether questions of it may be answered: not before the probe was, which this begins.
 */
bool probe_allows(struct evaluator *e);
struct evaluator *probe_awaited(void); /* its, while it is under way */
void probe_end(void);

/* evaluator_copy.c */
void copy_free(struct copy *c);
void copy_end(struct copy *c, enum ending ending);
void copy_reaped(struct copy *c, int status);
bool copy_is_idle(const struct copy *c);
bool copy_make_room(void); /* for one more */
void copy_ask(struct copy *c, struct question *q, uint32_t end);
void copy_ready(void *ctx); /* something has come */

/* evaluator_template.c */
void template_start(struct evaluator *e);
void template_end(struct evaluator *e);
void template_gone(struct evaluator *e);
void template_reaped(struct evaluator *e, int status);
/* of: whose units; try: one of them, and nothing is kept. */
void template_compile(struct evaluator *e, const struct evaluator *of, unsigned first,
	unsigned n, bool try);
void template_compile_group(struct evaluator *e, unsigned group);
void template_fork(struct evaluator *e);
void template_ready(void *ctx);

#endif
