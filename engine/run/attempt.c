/*
 * The attempts of an effect: announced, ended, put off, lost.
 */
#include "run/attempt.h"

#include "base/clock.h"
#include "run/complete.h"
#include "run/doubt.h"
#include "run/render.h"
#include "run/route.h"
#include "run/run_effect.h"
#include "run/run_scope.h"
#include "run/transaction.h"

#include <stdlib.h>
#include <string.h>

bool attempt_timeout(
	struct run *r, const struct frame *f, int64_t *ret, struct fault *fault)
{
	struct run_scope s;
	int64_t after;
	*ret = 0;
	if (!f->task->timeout.present)
		return true;
	run_scope_init(&s, r, f, value_json(f->input));
	bool ok = run_scope_duration(&s, &f->task->timeout, &after, fault);
	run_scope_finish(&s);
	if (ok) /* what was waited for to evaluate it does not count */
		*ret = r->now + after;
	return ok;
}

/* Fills op, a `started`, with the next attempt's intent. False: it was recorded
 * otherwise. */
bool attempt_prepare(struct run *r, struct frame *f, struct host *host, struct op *op,
	struct fault *fault)
{
	if (!run_render(r, f, host, fault) ||
		!attempt_timeout(r, f, &op->deadline, fault))
		return false;
	if (frame_goes_on(f) && f->deadline)
		op->deadline = f->deadline;
	op->attempt = f->attempt + 1;
	op->generation = f->generation;
	op->has_digest = true;
	memcpy(op->digest, f->request->digest, sizeof op->digest);
	if (frame_goes_on(f) && f->attempt_deadline)
		op->attempt_deadline = f->attempt_deadline;
	else if (f->task->metadata.retry_policy)
		op->attempt_deadline = route_attempt_deadline(r, f, r->at);
	return true;
}

/* Begins the next attempt of an effect whose frame is open. */
enum progress attempt_begin(struct run *r, struct frame *f, struct host *host)
{
	struct fault fault = {0};
	struct op op = op_make(OP_STARTED, f->path);
	if (f->was_uncertain && !f->force &&
		r->now - f->first_attempt_at > f->task->metadata.key_window) {
		run_hold(r, f, "the key window of an uncertain attempt has passed");
		return PROGRESS_AGAIN;
	}
	if (!f->redo && doubt_is_noted(r, f->task)) {
		run_hold(r, f, "an earlier step was cut off, and may have taken effect");
		return PROGRESS_AGAIN;
	}
	if (!attempt_prepare(r, f, host, &op, &fault) || run_wants_answer(r))
		return run_fail(r, f, &fault);
	if (f->has_digest && memcmp(f->digest, op.digest, sizeof op.digest) != 0) {
		run_hold(r, f,
			"the request changed since an earlier attempt of this step");
		return PROGRESS_AGAIN;
	}
	run_record(r, &op);
	f->asked = true; /* who wakes it from now on asks for another look */
	return PROGRESS_AGAIN;
}

/* An effect that may be sent at most once, or only after a look, announces itself when
 * its turn has come, so that its intent means that it was sent. */
bool attempt_announces_late(const struct task *t)
{
	return t->kind->effect && t->metadata.on_uncertain != UNCERTAIN_RETRY;
}

/* Until what was undone is repeated: no longer than a lease, since what was in its way
 * may be gone by then. */
static int64_t put_off_usec(const struct frame *f, const struct effect *e)
{
	int64_t usec = (e->ended_session ? 1 : 4) * USEC_PER_SEC;
	for (int64_t i = 0; i < f->repeats && usec < e->host->lease; i++)
		usec *= 2;
	return usec < e->host->lease ? usec : e->host->lease;
}

static enum progress wait_again(struct run *r, struct frame *f, const struct effect *e)
{
	struct op op = op_make(OP_WAITING, f->path);
	if (e->ended_session && f->ended_before &&
		r->now - f->ended_before <= 3600 * USEC_PER_SEC) {
		run_hold(r, f,
			"it ended the database session it ran in three times within an "
			"hour");
		return PROGRESS_AGAIN;
	}
	op.due = e->wait_reason ? r->now + put_off_usec(f, e)
		 : e->wait_usec ? r->now + e->wait_usec
				: DUE_WOKEN;
	op.deadline = f->deadline;
	op.again = true;
	op.repeats = e->wait_reason ? f->repeats + 1 : 0;
	op.backend = e->ended_session;
	free(f->put_off);
	op.reason = f->put_off = e->wait_reason ? xstrdup(e->wait_reason) : NULL;
	r->put_off = e->wait_reason != NULL;
	run_record(r, &op);
	return PROGRESS_AGAIN;
}

enum progress attempt_end(struct run *r, struct frame *f, const struct advance *a)
{
	struct run_effect *e = f->effect;
	if (!e || !e->done || (e->effect.transaction && e != a->carried))
		return PROGRESS_WAIT;
	struct json output = {e->effect.output.data, e->effect.output.len};
	if (e->effect.succeeded && !e->effect.waits)
		return complete_task(r, f, value_create(output), e, NULL);
	run_effect_spend(r, f);
	if (e->effect.waits)
		return wait_again(r, f, &e->effect);
	return run_fail_effect(r, f, effect_fault(&e->effect),
		"nobody knows whether the last attempt took effect");
}

/* The last attempt may have taken effect, and must not be made again by itself. */
enum progress attempt_settle_lost(struct run *r, struct frame *f)
{
	struct fault fault = {.uncertain = true};
	if (f->task->metadata.on_uncertain == UNCERTAIN_HOLD) {
		run_hold(r, f, "nobody knows whether the last attempt took effect");
		return PROGRESS_AGAIN;
	}
	fault_set(&fault, PROBLEM_RUNTIME,
		"the worker was lost during attempt %u; it may have taken effect",
		f->attempt);
	return run_fail(r, f, &fault);
}
