/*
 * Errors on their way out. A step's own policy comes first, then each enclosing try whose
 * catch matches: its retry while the policy allows, else its handler. What nobody catches
 * faults the run.
 */
#include "run/route.h"

#include "base/clock.h"
#include "definition/retry.h"
#include "run/decision.h"
#include "run/doubt.h"
#include "run/run_scope.h"
#include "run/stop.h"

#include <stdlib.h>
#include <string.h>

static bool member_matches(const struct run *r, const char *name, const char *wanted)
{
	if (!wanted)
		return true;
	char *have = json_strdup(json_get(value_json(r->error), name));
	bool same = have && (strcmp(name, "type") == 0 ? problem_type_equal(have, wanted)
						       : strcmp(have, wanted) == 0);
	free(have);
	return same;
}

static bool filter_matches(const struct run *r, const struct catcher *c)
{
	return member_matches(r, "type", c->type) &&
	       member_matches(r, "title", c->title) &&
	       member_matches(r, "detail", c->detail) &&
	       member_matches(r, "instance", c->instance) &&
	       (c->status < 0 || c->status == run_error_status(r));
}

static void bind_error(struct run_scope *s, const struct run *r, const struct frame *f)
{
	s->error_name = f->task->error_name ? f->task->error_name : "error";
	s->error = value_json(r->error);
	s->of_attempt = true;
}

/* when and exceptWhen of a catch or a policy, seen from frame f: `.` is the error. An
 * expression that fails replaces the error that is on its way. */
static bool conditions_hold(struct run *r, const struct frame *f,
	const struct frame *seen, struct expression *when, struct expression *except)
{
	struct run_scope s;
	struct fault fault = {0};
	bool holds = true, excepted = false;
	run_scope_init(&s, r, seen, value_json(r->error));
	bind_error(&s, r, f);
	bool ok = (!when || run_scope_test(&s, when, &holds, &fault)) &&
		  (!except || run_scope_test(&s, except, &excepted, &fault));
	run_scope_finish(&s);
	if (run_wants_answer(r))
		return false;
	if (!ok)
		value_set(&r->error, problem_create(&fault, f->task->reference));
	return ok && holds && !excepted;
}

static bool policy_terms(struct run *r, const struct frame *f,
	const struct retry_policy *p, struct retry_terms *ret)
{
	struct run_scope s;
	struct fault fault = {0};
	run_scope_init(&s, r, f, value_json(f->input));
	bind_error(&s, r, f);
	ret->duration = -1;
	bool ok = run_scope_duration(&s, &p->delay, &ret->delay, &fault) &&
		  run_scope_duration(&s, &p->jitter_from, &ret->jitter_from, &fault) &&
		  run_scope_duration(&s, &p->jitter_to, &ret->jitter_to, &fault) &&
		  (!p->duration.present ||
			  run_scope_duration(&s, &p->duration, &ret->duration, &fault));
	run_scope_finish(&s);
	if (run_wants_answer(r))
		return false;
	if (!ok)
		value_set(&r->error, problem_create(&fault, f->task->reference));
	return ok;
}

/* All attempts of a budget have their time from here on. */
static int64_t budget_start(const struct frame *f)
{
	return f->retry_since ? f->retry_since : f->started_at;
}

static int64_t sooner(int64_t a, int64_t b)
{
	return !a || (b && b < a) ? b : a;
}

/* Where a policy's limit ends what begins at `from`; 0: nowhere, or only an error of the
 * attempt will tell. */
static int64_t limit_end(
	struct run_scope *s, const struct task_duration *limit, int64_t from)
{
	struct fault fault = {0};
	int64_t usec;
	if (!limit->present || !run_scope_duration(s, limit, &usec, &fault))
		return 0;
	return from + usec;
}

static int64_t attempt_deadline(
	struct run *r, const struct frame *f, const struct retry_policy *p, int64_t from)
{
	struct run_scope s;
	if (!p || (!p->attempt_duration.present && !p->duration.present))
		return 0;
	run_scope_init(&s, r, f, value_json(f->input));
	int64_t one = limit_end(&s, &p->attempt_duration, from);
	int64_t all = limit_end(&s, &p->duration, budget_start(f));
	run_scope_finish(&s);
	/* What a try around retries after the budget is spent has no budget to end it. */
	return sooner(one, all > from ? all : 0);
}

int64_t route_attempt_deadline(struct run *r, const struct frame *f, int64_t from)
{
	const struct retry_policy *p = f->task->catcher ? f->task->catcher->retry
							: f->task->metadata.retry_policy;
	return attempt_deadline(r, f, p, from);
}

/* Whether a whole block runs again, or its failed step goes on. */
static bool is_block_pass(const struct run *r, const struct frame *f)
{
	if (!f->task->body)
		return false;
	if (f->task->metadata.retry_block)
		return true;
	return r->raised && !f->task->metadata.retry_step;
}

/* Whether the error cannot leave behind yet what is below the frame; nothing is recorded
 * then. */
static bool waits_below(struct run *r, const struct frame *f)
{
	r->error_waits = doubt_is_below(r, f);
	return r->error_waits;
}

/* Whether the decision about the error is to be made again. */
static bool is_put_off(const struct run *r)
{
	return run_wants_answer(r) || r->error_waits;
}

/* Records a retry at frame f by policy p, if it allows one. */
static bool schedule(struct run *r, struct frame *f, const struct retry_policy *p)
{
	struct retry_terms terms;
	int64_t due, since = budget_start(f);
	if (!p || r->no_retry ||
		!conditions_hold(r, f, r->failed, p->when, p->except_when) ||
		!policy_terms(r, f, p, &terms) ||
		!retry_due(p, &terms, f->retries, since, r->now, r->retry_after, &due))
		return false;
	bool again = is_block_pass(r, f);
	if (again && waits_below(r, f))
		return false;
	struct op op = op_make(OP_RETRY, f->path);
	op.due = due;
	op.attempt_deadline = sooner(f->attempt_limit ? due + f->attempt_limit : 0,
		terms.duration >= 0 ? since + terms.duration : 0);
	op.again = again;
	if (again)
		run_cancel_others(r, f, r->failed);
	run_record(r, &op);
	return true;
}

/* A policy that is not a try's own applies to what may pass: timeouts, and communication
 * errors with status 408, 425, 429 or 500 and above. */
static bool is_passing_trouble(const struct run *r)
{
	int64_t status = run_error_status(r);
	char *type = json_strdup(json_get(value_json(r->error), "type"));
	bool timeout = type && problem_type_equal(type, PROBLEM_BASE "timeout");
	bool call = type && problem_type_equal(type, PROBLEM_BASE "communication");
	free(type);
	return timeout || (call && (status == 408 || status == 425 || status == 429 ||
					   status >= 500));
}

static bool retry_by_own_policy(struct run *r)
{
	struct frame *f = r->failed;
	const struct retry_policy *p = f->task->metadata.retry_policy;
	return p && f->task->kind->effect && is_passing_trouble(r) && schedule(r, f, p);
}

#define CONFLICT_RETRIES 8

/* A 409 after an uncertain attempt of ours may be that very attempt, still under way: it
 * is asked again for a while, then an operator has to look (onConflict:
 * docs/language/metadata.md). */
static bool retry_conflict(struct run *r)
{
	static const struct retry_policy policy = {
		.backoff = BACKOFF_EXPONENTIAL, .count = CONFLICT_RETRIES};
	struct retry_terms terms = {.delay = 500 * USEC_PER_MS, .duration = -1};
	struct frame *f = r->failed;
	enum on_conflict rule = f->task->metadata.on_conflict;
	bool ours = rule == CONFLICT_DEFAULT && f->was_uncertain;
	if (!f->task->kind->effect || run_error_status(r) != 409 || r->no_retry ||
		(rule != CONFLICT_RETRY && !ours))
		return false;
	struct op op = op_make(OP_RETRY, f->path);
	if (retry_due(&policy, &terms, f->conflicts, r->now, r->now, r->retry_after,
		    &op.due)) {
		run_record(r, &op);
		return true;
	}
	if (!ours)
		return false;
	op = op_make(OP_HELD, f->path);
	op.reason = r->reason =
		"the endpoint keeps answering 409 after an uncertain attempt";
	run_record(r, &op);
	return true;
}

/* A try that has spent its retries and has nothing else to do lets the error pass. */
static bool stops_here(const struct catcher *c)
{
	return !c->retry || c->has_then;
}

static bool catch_at(struct run *r, struct frame *f)
{
	const struct catcher *c = f->task->catcher;
	if (!c || f->in_handler || !filter_matches(r, c) ||
		!conditions_hold(r, f, f, c->when, c->except_when))
		return false;
	if (schedule(r, f, c->retry))
		return true;
	if (is_put_off(r) || (!f->task->handler && !stops_here(c)) || waits_below(r, f))
		return false;
	struct op op = op_make(OP_CAUGHT, f->path);
	run_cancel_others(r, f, r->failed);
	if (r->error->seq < 0) /* a condition failed on the way: that is the error now */
		op.values[OP_ERROR] = value_ref(r->error);
	run_record(r, &op);
	return true;
}

enum progress run_route(struct run *r)
{
	struct frame *from = r->failed;
	struct value *error = value_ref(r->error); /* a condition may replace it */
	r->error_waits = false;
	bool routed = !from->child && (retry_conflict(r) || retry_by_own_policy(r));
	/* A policy's limit on one attempt of a block is the block's own to handle. */
	struct frame *f = r->limit_hit && from->task->catcher ? from : from->parent;
	for (; !routed && f && !is_put_off(r); f = f->parent)
		routed = catch_at(r, f);
	if (is_put_off(r) || (!routed && waits_below(r, r->root))) {
		value_set(&r->error, error);
		return PROGRESS_WAIT;
	}
	value_unref(error);
	r->retry_after = 0;
	if (routed)
		return PROGRESS_AGAIN;
	run_give_up_attempts(r);
	struct op op = op_make(OP_FAULTED, "");
	op.values[OP_ERROR] = value_ref(r->error);
	run_record(r, &op);
	return PROGRESS_AGAIN;
}
