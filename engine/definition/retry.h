/*
 * Retry policies of the DSL ("Retry" in its reference), as arithmetic: given how often
 * and for how long, when is the next attempt due, if any. Whether a policy applies to an
 * error is decided in run/route.c.
 */
#ifndef STEPWELL_DEFINITION_RETRY_H
#define STEPWELL_DEFINITION_RETRY_H

#include "definition/task.h"

enum backoff { BACKOFF_CONSTANT, BACKOFF_LINEAR, BACKOFF_EXPONENTIAL };

struct retry_policy {
	char *name; /* in use.retries, or NULL */
	struct expression *when, *except_when;
	struct task_duration delay;
	enum backoff backoff;
	int64_t count; /* retries after the first try; -1: no limit */
	struct task_duration attempt_duration, duration;
	struct task_duration jitter_from, jitter_to;
	struct retry_policy *next; /* the definition's list */
};

/* A policy's durations, evaluated. */
struct retry_terms {
	int64_t delay, duration, jitter_from, jitter_to; /* duration -1: no limit */
};

/*
 * Whether there is a further attempt after `retries` of them, the first of which began
 * at `since`: none begins when the time of all is over; *ret_due is its time: the delay
 * (constant; linear: times the number of the retry; exponential: doubled each time), plus
 * jitter, at least `at_least` after now. All microseconds.
 */
bool retry_due(const struct retry_policy *p, const struct retry_terms *terms,
	int64_t retries, int64_t since, int64_t now, int64_t at_least, int64_t *ret_due);

#endif
