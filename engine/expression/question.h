/*
 * What is to be evaluated, and what came of it. Whoever decides something evaluates as if
 * all answers were there: what is not there yet is noted, fails, and makes the question
 * `wanting`; nothing may be decided then. The question is asked, and the same is decided
 * again, now with the answers at hand. They are found by what was evaluated and what it
 * saw, so that it does not matter which way leads to them.
 */
#ifndef STEPWELL_EXPRESSION_QUESTION_H
#define STEPWELL_EXPRESSION_QUESTION_H

#include "expression/evaluator.h"
#include "expression/expression.h"

enum evaluation_state {
	EVALUATION_WANTED,
	EVALUATION_VALUE,
	EVALUATION_FAILED,
	EVALUATION_FAULTY, /* it does not compile */
};

struct evaluation {
	enum evaluation_state state;
	unsigned unit;
	int64_t now;
	uint32_t dot;               /* the number of a slice */
	uint32_t *arguments, count; /* likewise */
	struct buf text;            /* the value, or why there is none */
	uint32_t next;              /* in its bucket; from 1 */
};

struct question_slice {
	struct buf text;
	uint32_t sent; /* its number in the message that is being made; from 1 */
	uint32_t hash, next;
};

struct question {
	bool wanting;                   /* something is not answered, or not asked */
	bool asked;                     /* and under way */
	void (*on_answered)(void *ctx); /* NULL: whoever asks waits */
	void *ctx;

	/* The rest is that of question.c and evaluator.c. */
	struct evaluator *of;
	struct evaluation *list;
	uint32_t count, room;
	uint32_t answered; /* all before it are */
	struct question_slice *slices;
	uint32_t slice_count, slice_room;
	uint32_t *buckets, bucket_count; /* grows with count */
	uint32_t *slice_buckets, slice_bucket_count;
	struct json dot; /* where `.` of this expression was found */
	uint32_t dot_slice;
	bool secret;   /* it may hold one */
	int64_t spent; /* of processor time, microseconds */
	size_t bytes;  /* of its answers */
	bool alone;    /* the next evaluation is tried again, by itself */
	bool apart;    /* set by who asks: each for somebody else, so that time is bounded
			  for each, not for all together; stays */
	struct question *next;
};

/* Zeroed, it is empty. Keeps on_answered, ctx and apart. */
void question_clear(struct question *q);
void question_finish(struct question *q);
/* Another expression is evaluated: another text may be where its `.` was. */
void question_begin(struct question *q);
/* Answers what is wanting; false: later, on_answered says when. */
MUST_CHECK bool question_ask(struct question *q);

/* Whether it waits behind others, because what is evaluated with it takes long, and what
 * it has noted is small. */
bool question_waits_long(const struct question *q);

/* The evaluation of a unit in a scope, noted if it is new. NULL: an argument is not
 * there, err says so. */
struct evaluation *question_look(struct question *q, struct evaluator *e, unsigned unit,
	const struct scope *scope, struct error *err);

/* Appends an EVALUATE with the evaluations from..end; returns the bytes of its slices. */
size_t question_put(
	struct question *q, uint32_t from, uint32_t end, uint64_t seq, struct buf *out);

#endif
