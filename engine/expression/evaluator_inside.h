/*
 * The inside of evaluators, shared by evaluator.c (who asks, what can be done, time),
 * evaluator_slots.c (whose turn it is), evaluator_copy.c and evaluator_template.c.
 */
#ifndef STEPWELL_EXPRESSION_EVALUATOR_INSIDE_H
#define STEPWELL_EXPRESSION_EVALUATOR_INSIDE_H

#include "base/clock.h"
#include "expression/evaluator_process.h"
#include "expression/question.h"
#include "expression/verdicts.h"
#include "jq/vm.h"

#define COPIES_MAX 16u /* of all evaluators together */
#define COPIES_EACH 4u /* of one */
#define SLOW_MAX 4u    /* copies of those whose evaluations take long */
#define TEMPLATES_MAX 24u
/* Until it is somebody else's turn, and how long nobody needs what is idle. */
#define COPY_TURN_USEC (10 * USEC_PER_MS)
#define TEMPLATE_TURN_USEC (300 * USEC_PER_MS)
#define IDLE_USEC (100 * USEC_PER_MS)
/* What takes more of the processor, and 25 ms for each MiB, takes long; who does, is slow
 * for that many times as long as it took. */
#define LONG_USEC (100 * USEC_PER_MS)
#define SLOW_FACTOR 8
#define SLOW_USEC (60 * USEC_PER_SEC) /* at most */
/* Between attempts at what the system refuses for now, and for how long one that waits
 * for it, without a loop, goes on. */
#define PAUSE_MIN_MS 50u
#define PAUSE_MAX_MS 2000u
#define TOLD_USEC (60 * USEC_PER_SEC) /* between lines of the log about it */
#define PAUSED_USEC (3 * USEC_PER_SEC)
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
/* Bytes of answers: of all questions that are under way; of one, before it counts; of the
 * values of one, in values; and what is read of a copy in a turn. */
#define ANSWERS_MAX ((size_t)64 << 20)
#define ANSWERS_EACH ((size_t)256 << 10)
#define ANSWERS_VALUES 4u
#define READ_TURN ((size_t)1 << 20)
#define ANSWER_HEAD 2048u                /* before its value; or why there is none */
#define COMPILED_MAX ((size_t)16 << 20)  /* of an answer of a template */
#define PROGRESS_USEC (10 * USEC_PER_MS) /* of WALL_USEC: less is none */

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

enum ending {
	ENDED_BY_ITSELF,
	ENDED_LATE,
	ENDED_STUCK,
	ENDED_UNWANTED,
	ENDED_TAKEN /* its place is somebody else's; what it was asked is asked again */
};

enum slot { SLOT_TEMPLATE, SLOT_COPY, SLOTS };

struct copy {
	struct evaluator_process process;
	struct evaluator *of;
	struct copy *next;
	struct question *question; /* NULL: idle */
	uint32_t from, end;        /* of its evaluations */
	uint64_t seq;
	int64_t made_at, asked_at, used_at; /* CLOCK_BOOTTIME */
	int64_t time_at, limit, is_long;    /* processor time */
	int64_t moved_at, moved_time;       /* when it was seen to do something */
	size_t held;                        /* bytes that count in the budget */
	bool slow, was_slow;                /* it takes long; from its beginning */
	bool held_back;                     /* it is not read, for want of bytes */
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
	unsigned ended; /* templates so far */
	struct copy *copies;
	struct copy *forking;
	struct question *first, **last;
	int64_t waits_since, used_at;
	/* evaluator_slots.c: */
	int64_t slow_until, template_at;
	bool in_line[SLOTS];
	bool yields; /* its template goes when what is under way is done */
	struct evaluator *next_in[SLOTS];
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
	struct evaluator *lines[SLOTS];
	int64_t pause_until, paused_since, told_at;
	unsigned pause_ms;            /* 0: nothing was refused */
	size_t bytes;                 /* of answers that somebody still has */
	const struct question *large; /* the one that may have more */
	bool holds_back;              /* some copy is not read */
	pid_t *groups;                /* of processes, that end */
	unsigned group_count;
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
void copy_ask(struct copy *c, struct question *q, uint32_t end);
void copy_ready(void *ctx); /* something has come */

/* evaluator_slots.c */
void slots_note_time(struct evaluator *e, int64_t used); /* that was long */
void slots_note_long(struct copy *c, int64_t used);      /* it takes long */
/* Whether there is one for it now, else it stands in line. */
bool slots_take(enum slot what, struct evaluator *e);
void slots_leave(enum slot what, struct evaluator *e); /* it wants none now */
void slots_forget(struct evaluator *e);
bool slots_have_room(void); /* for a template that nobody waits for */
bool slots_turn_is_over(const struct copy *c);
void slots_serve(void); /* some may be free */
/* The system has not enough for one more: all wait for a while. */
void slots_pause(const struct error *why);
bool slots_are_paused(void);
bool slots_give_up(void);
void slots_go_on(void);
/* How much of it may be read now; what it holds counts; an answer is kept. */
size_t slots_bytes_for(const struct copy *c);
void slots_hold(struct copy *c);
void slots_keep_answer(struct question *q, size_t bytes);

/* evaluator_template.c */
void template_start(struct evaluator *e);
void template_end(struct evaluator *e);
void template_gone(struct evaluator *e);
/* Reaps what came of templates that have ended; false: there is nothing left. */
bool templates_reap_groups(void);
void templates_await_group(pid_t group); /* whose template is reaped */
void template_reaped(struct evaluator *e, int status);
/* of: whose units; try: one of them, and nothing is kept. */
void template_compile(struct evaluator *e, const struct evaluator *of, unsigned first,
	unsigned n, bool try);
void template_compile_group(struct evaluator *e, unsigned group);
void template_fork(struct evaluator *e);
void template_ready(void *ctx);

#endif
