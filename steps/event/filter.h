/*
 * What a listen waits for: a filter of an event's attributes, and correlations. An
 * attribute is compared with a text, matched by a regular expression that covers it
 * whole, or asked for by an expression, whose `.` is the attribute: true takes it, false
 * and null do not, any other result must equal it. In `data`, members of an object are
 * compared each by itself.
 */
#ifndef STEPWELL_EVENT_FILTER_H
#define STEPWELL_EVENT_FILTER_H

#include "run/run_scope.h"

struct pattern;

struct correlation {
	char *name;
	struct json from_node;
	struct expression *from, *expect; /* expect NULL: the first value that comes */
};

struct event_filter {
	struct pattern *with;
	struct correlation *correlations;
	size_t correlation_count;
};

/* What the regular expressions of one listener may cost with one event: 1 to 2 ms. */
#define EVENT_WORK 20000

struct event_budget {
	uint64_t work; /* steps that are left */
	bool met;      /* there were too few */
};

MUST_CHECK bool event_filter_compile(struct compiler *c, struct json node,
	struct event_filter *ret, struct error *err);
void event_filter_finish(struct event_filter *f);

/* Appends what can be looked up, as in struct listening's waits. */
MUST_CHECK bool event_filter_describe(const struct event_filter *f, int64_t number,
	struct run_scope *s, struct buf *out, struct fault *fault);

/* Appends the arguments that its expressions mention, but for those that are the same all
 * through the run: with the same of them it decides alike. */
void event_filter_see(const struct event_filter *f, struct run_scope *s, struct buf *out);

/* Whether the frame's filter takes the event. wait is its element of waits. What its
 * correlations bind anew is added to *correlated (takes and gives a reference). An
 * expression that fails does not take it, nor does a regular expression that is stopped
 * because what one event may cost is used up: then budget->met. */
bool event_filter_takes(const struct event_filter *f, struct run_scope *s,
	struct json wait, struct json event, struct event_budget *budget,
	struct value **correlated);

#endif
