/*
 * The runs in memory. Events wake a run; once per turn of the loop each run that was
 * woken advances, its entry goes to the journal, and all entries of the turn leave
 * together. An effect starts when everything of its run is durable, there is a slot, and
 * the lease holds.
 */
#include "worker/inside.h"

#include "base/bounds.h"
#include "base/clock.h"
#include "base/log.h"
#include "run/snapshot.h"
#include "run/transaction.h"
#include "run/wait_reason.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A run that waits no longer than this stays in memory. */
#define STAY_USEC (2 * USEC_PER_SEC)
#define SNAPSHOT_EVERY 256
#define SNAPSHOT_ON_LEAVING 32
/* What of an entry is kept back while its run evaluates. */
#define HELD_OPS 64
#define HELD_BYTES ((size_t)64 << 10)

static struct owned_run **bucket(struct worker *w, struct uuid id)
{
	return &w->buckets[(id.b[14] << 8 | id.b[15]) % OWNED_BUCKETS];
}

struct owned_run *owned_find(struct worker *w, struct uuid id)
{
	struct owned_run *o = *bucket(w, id);
	while (o && !uuid_equal(o->id, id))
		o = o->hash_next;
	return o;
}

static void on_log(
	struct outbox *outbox, enum outbox_end end, int64_t seq, const struct error *err);

static void on_timer(uv_timer_t *timer)
{
	struct owned_run *o = timer->data;
	o->rests = false;
	if (o->state == OWNED_DOUBT)
		claim_doubted(o->worker);
	else
		owned_wake(o);
}

struct owned_run *owned_create(struct worker *w, struct uuid id)
{
	struct owned_run *o = xcalloc(1, sizeof *o);
	struct owned_run **slot = bucket(w, id);
	o->worker = w;
	o->id = id;
	outbox_init(&o->outbox, on_log);
	uv_timer_init(&w->loop, &o->timer);
	o->timer.data = o;
	o->hash_next = *slot;
	*slot = o;
	w->owned_count++;
	return o;
}

void owned_each(struct worker *w, void (*f)(struct owned_run *))
{
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (struct owned_run *o = w->buckets[i], *next; o; o = next) {
			next = o->hash_next;
			f(o);
		}
	}
}

void owned_wake(struct owned_run *o)
{
	if (o->woken)
		return;
	o->woken = true;
	o->next_woken = NULL;
	*o->worker->woken_tail = o;
	o->worker->woken_tail = &o->next_woken;
}

/* Slots are held by effects under way, and by frames that were granted one. */
static void count_slots(struct owned_run *o)
{
	int n = 0;
	for (const struct run_effect *e = o->kept; e; e = e->next)
		n += !e->done;
	for (const struct run_effect *e = o->run ? o->run->under_way : NULL; e;
		e = e->next)
		n += !e->done;
	if (o->run)
		n += (int)o->run->agenda.granted;
	o->worker->effects_running += n - o->slots;
	o->slots = n;
}

static void stop_effects(struct run_effect *e)
{
	while (e) {
		struct run_effect *next = e->next;
		run_effect_stop(e);
		e = next;
	}
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

/* Takes it out of all queues and frees it; its outbox is not in flight. */
static void forget(struct owned_run *o)
{
	struct worker *w = o->worker;
	for (struct owned_run **p = bucket(w, o->id); *p; p = &(*p)->hash_next) {
		if (*p == o) {
			*p = o->hash_next;
			break;
		}
	}
	if (o->woken) {
		struct owned_run **p = &w->woken;
		while (*p != o)
			p = &(*p)->next_woken;
		*p = o->next_woken;
		if (w->woken_tail == &o->next_woken)
			w->woken_tail = p;
	}
	if (o->in_slot_queue) {
		struct owned_run **p = &w->slot_head;
		while (*p != o)
			p = &(*p)->next_slot;
		*p = o->next_slot;
		if (w->slot_tail == &o->next_slot)
			w->slot_tail = p;
	}
	count_slots(o);
	attend_forget(o);
	if (o->outbox.queued)
		journal_withdraw(w->journal, &o->outbox);
	outbox_finish(&o->outbox);
	value_unref(o->input);
	w->owned_count--;
	uv_close((uv_handle_t *)&o->timer, on_timer_closed);
	worker_check_done(w);
}

void owned_drop(struct owned_run *o)
{
	struct worker *w = o->worker;
	bool adopted = w->has_adopted && uuid_equal(w->adopted, o->id);
	if (o->run)
		stop_effects(run_effects_take(o->run));
	stop_effects(o->kept);
	o->kept = NULL;
	run_destroy(o->run);
	o->run = NULL;
	forget(o);
	if (adopted)
		worker_leave(w, WORKER_RUN_LOST);
}

/* They happen with their entry, or not at all. */
static void stop_transactional(struct owned_run *o)
{
	for (struct run_effect **p = &o->kept; *p;) {
		struct run_effect *e = *p;
		if (!run_effect_is_transactional(e)) {
			p = &e->next;
			continue;
		}
		*p = e->next;
		run_effect_stop(e);
	}
}

void owned_doubt(struct owned_run *o)
{
	journal_withdraw(o->worker->journal, &o->outbox);
	if (o->run) {
		o->dropped_effect |= o->run->dropped_effect;
		o->kept = run_effects_take(o->run);
		run_destroy(o->run);
		o->run = NULL;
	}
	stop_transactional(o);
	count_slots(o);
	o->state = OWNED_DOUBT;
	o->need = NEED_FLUSH;
	uv_timer_stop(&o->timer);
}

/* ---- Entries ---- */

static struct entry *make_entry(struct owned_run *o, int64_t at)
{
	return entry_create(o->id, ++o->run->seq, at);
}

static struct entry *take_snapshot(struct owned_run *o)
{
	struct run *r = o->run;
	struct entry *e = make_entry(o, r->now);
	e->kind = "frames";
	buf_puts(&e->data, "[{\"op\":\"frames\",\"frames\":");
	frames_write(r, &e->data);
	buf_puts(&e->data, "}]");
	r->frames_seq = e->seq;
	r->tail_bytes = 0;
	r->frames_bytes = e->data.len; /* they are added with the entry */
	return e;
}

/* The listeners that begin or end, since the database was told last. */
static struct waiting *changed_waits(struct run *r)
{
	struct buf waits = {0};
	struct waiting *list = NULL;
	const char *before = r->waits ? r->waits : "";
	if (!r->agenda.retold)
		return NULL;
	r->agenda.retold = false;
	listening_describe(r, &waits);
	if (strcmp(buf_text(&waits), before) != 0) {
		list = listening_changes(r, before, buf_text(&waits));
		free(r->waits);
		r->waits = xstrdup(buf_text(&waits));
	}
	buf_finish(&waits);
	return list;
}

/* What the operations did with events goes with their entry. */
static void take_events(struct owned_run *o, struct entry *e)
{
	struct run *r = o->run;
	e->emitted = r->emitted;
	e->takings = r->takings;
	r->emitted = NULL;
	r->takings = NULL;
	if (o->alone) /* the next entry has it */
		return;
	if (r->status == RUN_RUNNING || r->status == RUN_SUSPENDED)
		e->waits = changed_waits(r);
	else
		e->unlists = r->definition->listens;
}

/* The pending operations become an entry; NULL if there are none. */
static struct entry *take_ops(struct owned_run *o)
{
	struct run *r = o->run;
	if (r->op_count == 0)
		return NULL;
	struct entry *e = make_entry(o, r->at);
	take_events(o, e);
	buf_putc(&r->ops, ']');
	e->kind = op_entry_kind(&r->head);
	e->path = r->head_path;
	r->head_path = NULL;
	e->leaves = r->leaves;
	r->leaves = (struct buf){0};
	e->attempt = r->head.attempt;
	e->data = r->ops;
	if (e->data.len >= BOUND_CHAIN) /* its bytes are gone before there are more */
		r->barrier_seq = e->seq;
	r->ops = (struct buf){0};
	r->op_count = 0;
	return e;
}

static void append(struct owned_run *o, struct entry *e)
{
	if (!e)
		return;
	o->run->tail_bytes += e->data.len;
	outbox_add(&o->outbox, e);
}

/* What whoever takes the run over has to read: so many entries, or so much. A snapshot of
 * many frames is written again only when what is behind it is worth it. */
static bool wants_snapshot(const struct run *r, int64_t entries)
{
	size_t last = r->frames_bytes, grown = r->tail_bytes - last;
	return (r->seq - r->frames_seq >= entries && grown >= last / 4) ||
	       (grown >= BOUND_SNAPSHOT && grown >= last);
}

/* What was appended goes out: with the transaction of the effect whose outcome it holds,
 * or with the next flush. */
static void dispatch(struct owned_run *o, struct transaction *transaction)
{
	if (!transaction) {
		journal_queue(o->worker->journal, &o->outbox);
		return;
	}
	o->carries = true;
	outbox_send(&o->outbox, SIZE_MAX);
	transaction->commit(transaction, &o->outbox);
}

static const char *final_status(const struct run *r)
{
	return r->status == RUN_COMPLETED ? "completed"
	       : r->status == RUN_FAULTED ? "faulted"
					  : "cancelled";
}

static void end_with(struct owned_run *o, struct entry *e)
{
	struct run *r = o->run;
	e->change = LEASE_END;
	e->state = final_status(r);
	e->output = value_ref(r->status == RUN_COMPLETED ? r->output : NULL);
	e->error = value_ref(r->status == RUN_FAULTED ? r->error : NULL);
	e->started_at = r->started_at;
}

/* The run leaves memory with its last entry, whose change says how. */
static void leave(struct owned_run *o, struct entry *e, enum lease_change change,
	int64_t due, const char *state)
{
	struct run *r = o->run;
	uv_timer_stop(&o->timer);
	o->state = OWNED_LEAVING;
	count_slots(o);
	if (!e || (change != LEASE_END && wants_snapshot(r, SNAPSHOT_ON_LEAVING))) {
		append(o, e);
		e = take_snapshot(o);
	}
	e->change = change;
	e->due = due == DUE_WOKEN ? INT64_MAX : due;
	e->state = state;
	free(e->reason);
	e->reason = r->reason ? xstrdup(r->reason) : NULL;
	e->asked = r->asked;
	if (change == LEASE_END)
		end_with(o, e);
	else
		e->readings = listening_readings(r);
	append(o, e);
}

/* The run waits, as it says by `put_reason`; due: until when at most. */
static void leave_waiting(struct owned_run *o, struct entry *e, int64_t due,
	void (*put_reason)(const struct run *r, struct buf *out))
{
	struct buf reason = {0};
	put_reason(o->run, &reason);
	o->run->reason = buf_text(&reason); /* the entry has a copy */
	leave(o, e, LEASE_RELEASE, due, "waiting");
	o->run->reason = NULL;
	buf_finish(&reason);
}

/* The run leaves for the pool; e holds what was decided just now, or is NULL. */
static void hand_back(struct owned_run *o, struct entry *e)
{
	struct run *r = o->run;
	append(o, e);
	r->now = worker_now(o->worker);
	run_take_back(r, r->now); /* the rest is lost: without an outcome */
	o->dropped_effect |= run_is_busy(r);
	struct run_effect *spent = r->spent; /* until that is durable */
	r->spent = NULL;
	stop_effects(run_effects_take(r));
	r->spent = spent;
	r->reason = "handed back";
	leave(o, take_ops(o), LEASE_RELEASE, r->now, "pending");
}

void owned_hand_back(struct owned_run *o)
{
	if (o->state != OWNED_LIVE)
		return;
	hand_back(o, take_ops(o));
	dispatch(o, NULL);
}

/* ---- Advancing ---- */

static void on_effect_done(struct effect *effect)
{
	struct owned_run *o = effect->owner;
	struct run_effect *e = (struct run_effect *)effect; /* its first member */
	e->done = true;
	count_slots(o);
	owned_wake(o);
	owned_start_effects(o->worker);
}

static void wants_slot(struct owned_run *o)
{
	struct worker *w = o->worker;
	if (o->in_slot_queue || !run_next_effect(o->run, false))
		return;
	o->in_slot_queue = true;
	o->next_slot = NULL;
	*w->slot_tail = o;
	w->slot_tail = &o->next_slot;
}

static void start_effect(struct owned_run *o, struct frame *f)
{
	struct run_effect *e =
		run_effect_create(o->run, f, &o->worker->host, worker_now(o->worker));
	e->effect.on_done = on_effect_done;
	e->effect.owner = o;
	o->need |= NEED_EFFECT;
	suspected_note(o->worker, f->path);
	e->effect.task->kind->effect->start(&e->effect);
	count_slots(o);
	if (run_due(o->run))
		owned_wake(o); /* to set its deadline */
}

/* One effect of the run gets a slot; for more, it waits its turn again. */
static void take_slot(struct owned_run *o)
{
	struct frame *f = o->state == OWNED_LIVE ? run_next_effect(o->run, false) : NULL;
	if (!f)
		return;
	if (f->state == FRAME_READY) {
		start_effect(o, f);
	} else {
		frame_grant(f, true); /* it writes its intent first */
		count_slots(o);
		owned_wake(o);
	}
	wants_slot(o);
}

void owned_start_effects(struct worker *w)
{
	while (w->slot_head && w->effects_running < w->options.concurrency &&
		worker_lease_holds(w) && !w->draining) {
		struct owned_run *o = w->slot_head;
		w->slot_head = o->next_slot;
		if (!w->slot_head)
			w->slot_tail = &w->slot_head;
		o->in_slot_queue = false;
		take_slot(o);
	}
}

/* The intents of effects that announce themselves late are durable: now they may be sent,
 * if the lease still holds. */
static void start_granted(struct owned_run *o)
{
	for (struct frame *f; (f = run_next_effect(o->run, true));) {
		if (f->state == FRAME_QUEUED)
			break; /* woken: it writes its intent */
		if (worker_lease_holds(o->worker) && !o->worker->draining)
			start_effect(o, f);
		else
			frame_grant(f, false);
	}
	count_slots(o);
}

/* More is durable, or nothing was to be written: what did the run wait for? */
static void on_durable(struct owned_run *o)
{
	struct run *r = o->run;
	run_effects_forget(r);
	if (outbox_is_clear(&o->outbox))
		attend_forget(o);
	if ((o->need & NEED_FLUSH) ||
		(outbox_is_clear(&o->outbox) && run_effect_carrying(r)))
		owned_wake(o);
	if (o->need & NEED_EVENT)
		o->worker->attend_wanted = true;
	if (o->need & NEED_SLOT) {
		start_granted(o);
		wants_slot(o);
	}
}

static void set_timer(struct owned_run *o, int64_t due)
{
	int64_t usec = due - worker_now(o->worker);
	if (usec < 0)
		usec = 0;
	uv_timer_start(&o->timer, on_timer, (uint64_t)((usec + 999) / USEC_PER_MS), 0);
}

/* What the run needs decides what happens to its entry, and to the run. */
static void settle(struct owned_run *o, struct entry *e)
{
	struct run *r = o->run;
	int64_t due = run_due(r), now = worker_now(o->worker);
	if (o->need == NEED_NOTHING) {
		leave(o, e, r->status == RUN_SUSPENDED ? LEASE_SUSPEND : LEASE_END, 0,
			NULL);
		return;
	}
	bool far = !due || due - now > STAY_USEC;
	bool asks = o->asks || o->asking; /* the answer is for a run in memory */
	if (!asks && (o->need & NEED_EVENT) &&
		!(o->need & ~(unsigned)(NEED_EVENT | NEED_TIMER)) && far &&
		listening_is_attended(r) && worker_has_pool(o->worker)) {
		leave_waiting(o, e, due ? due : INT64_MAX, wait_reason_events);
		return;
	}
	if (!asks && o->need == NEED_TIMER && (due - now > STAY_USEC || r->put_off) &&
		worker_has_pool(o->worker)) {
		leave_waiting(o, e, due, wait_reason_time);
		return;
	}
	append(o, e);
	if (wants_snapshot(r, SNAPSHOT_EVERY))
		append(o, take_snapshot(o));
	if (due)
		set_timer(o, due);
	else
		uv_timer_stop(&o->timer);
}

static void say_remark(struct run *r)
{
	if (!r->remark)
		return;
	log_run(LOG_WARNING, r->id, "%s", r->remark);
	free(r->remark);
	r->remark = NULL;
}

/* Lets the run decide. A transaction of an effect takes the entry along when nothing else
 * of the run is in flight, and only with a success. */
static struct transaction *decide(struct owned_run *o)
{
	struct worker *w = o->worker;
	struct run *r = o->run;
	struct advance a = {.now = worker_now(w), .host = &w->host};
	struct transaction *transaction = NULL;
	if (outbox_is_clear(&o->outbox) && r->op_count == 0 && !r->owes_intent)
		a.carried = run_effect_carrying(r);
	if (a.carried)
		transaction = a.carried->effect.transaction;
	o->need = run_advance(r, &a);
	say_remark(r);
	if (transaction && !a.carried->recorded && (o->need & NEED_ANSWER))
		return NULL; /* its transaction waits for the answer too */
	if (!transaction || !a.carried->recorded ||
		(r->op_count && r->head.kind == OP_COMPLETED))
		return transaction;
	transaction->roll_back(transaction);
	return NULL;
}

static void on_answered(void *ctx)
{
	owned_wake(ctx);
}

void owned_advance(struct owned_run *o)
{
	struct worker *w = o->worker;
	if (o->state != OWNED_LIVE)
		return;
	struct run *r = o->run;
	bool leaves = w->draining || suspected_leaves(o);
	if (leaves && !run_is_busy(r)) {
		owned_hand_back(o);
		return;
	}
	if (run_is_evaluating(r))
		return; /* it is woken when the answers are there */
	struct transaction *transaction = decide(o);
	count_slots(o);
	/* What was decided so far shares its entry with what comes next, if that is soon
	 * and it is not much. */
	if ((o->need & NEED_ANSWER) && !transaction && r->op_count < HELD_OPS &&
		r->ops.len < HELD_BYTES)
		return;
	o->alone = transaction && transaction->sole;
	if (leaves && !o->alone && !(o->need & NEED_EFFECT) && o->need != NEED_NOTHING)
		hand_back(o, take_ops(o));
	else
		settle(o, take_ops(o));
	o->alone = false;
	dispatch(o, transaction);
	if (o->state == OWNED_LIVE && outbox_is_clear(&o->outbox))
		on_durable(o);
}

/* ---- Transactions of effects that were not committed ---- */

/* The pool, and who looks at it, are to know. */
static bool leaves_refused(struct owned_run *o)
{
	struct run *r = o->run;
	if (!owned_is_refused(o) || !worker_has_pool(o->worker) || run_is_busy(r) ||
		r->status != RUN_RUNNING)
		return false;
	r->now = worker_now(o->worker);
	r->reason = "its step's transaction is repeated: it could not be committed";
	leave(o, take_ops(o), LEASE_RELEASE, r->now + owned_refusal_usec(o), "waiting");
	dispatch(o, NULL);
	return true;
}

/* ---- From its journal to its end ---- */

static void attach_kept(struct owned_run *o)
{
	struct run_effect *e = o->kept;
	o->kept = NULL;
	while (e) {
		struct run_effect *next = e->next;
		if (!run_effect_attach(o->run, e))
			run_effect_stop(e);
		e = next;
	}
	count_slots(o);
}

void owned_live(struct owned_run *o, struct run *run)
{
	struct buf waits = {0};
	o->run = run;
	o->state = OWNED_LIVE;
	run->question->on_answered = on_answered;
	run->question->ctx = o;
	listening_describe(run, &waits); /* as its journal, so the database */
	free(run->waits);
	run->waits = buf_take(&waits);
	run->request = o->request;
	attach_kept(o);
	children_expect(o);
	if (o->was_live && o->by_own_claim && !o->dropped_effect)
		run_take_back(
			run, worker_now(o->worker)); /* we know that it was not begun */
	else
		run_mark_lost(run, worker_now(o->worker));
	o->was_live = true;
	if (!leaves_refused(o))
		owned_wake(o);
}

/* The end of a run that is known by its claim alone. */
static void end_unread(struct owned_run *o, struct entry *e)
{
	o->need = NEED_NOTHING;
	settle(o, e);
	dispatch(o, NULL);
}

void owned_refuse(struct owned_run *o, const struct fault *f)
{
	struct run *r = o->run;
	run_refuse(r, worker_now(o->worker), f);
	end_unread(o, take_ops(o));
}

void owned_suspend(struct owned_run *o, const char *reason)
{
	run_suspend(o->run, worker_now(o->worker), reason);
	end_unread(o, take_ops(o));
}

void owned_cancel(struct owned_run *o)
{
	run_begin_entry(o->run, worker_now(o->worker));
	run_cancel(o->run);
	struct entry *e = take_ops(o);
	e->unlists = true; /* whatever it was that it waited for */
	end_unread(o, e);
}

/* ---- Answers of the journal ---- */

void owned_look_again(struct owned_run *o)
{
	if (o->state != OWNED_LIVE)
		return;
	/* A child that is being looked at just now may have ended since. */
	for (struct run_effect *e = o->run->under_way; e; e = e->next)
		e->frame->asked = false;
	if (o->need & NEED_TIMER)
		children_ask(o);
}

/* What needs a person. (Who waits for a run alone says it himself.) */
static void say_stopped(const struct owned_run *o)
{
	const struct run *r = o->run;
	if (!worker_has_pool(o->worker))
		return;
	if (r->status == RUN_SUSPENDED)
		log_run(LOG_WARNING, o->id, "suspended: %s",
			r->reason ? r->reason : "it was asked for");
	if (r->status != RUN_FAULTED || !r->error)
		return;
	struct json error = value_json(r->error);
	char *title = json_strdup(json_get(error, "title"));
	char *instance = json_strdup(json_get(error, "instance"));
	log_run(LOG_WARNING, o->id, "faulted: %s (%lld)%s%s", title ? title : "error",
		(long long)run_error_status(r), instance && *instance ? " at " : "",
		instance ? instance : "");
	free(title);
	free(instance);
}

static void on_left(struct owned_run *o)
{
	struct worker *w = o->worker;
	bool adopted = w->has_adopted && uuid_equal(w->adopted, o->id);
	bool ended = o->need == NEED_NOTHING;
	bool is_child = uuid_version(o->id) == 8;
	say_stopped(o);
	stop_effects(run_effects_take(o->run));
	run_destroy(o->run);
	o->run = NULL;
	forget(o);
	if (ended && !worker_has_pool(w))
		owned_each(w, owned_look_again); /* one may have waited for it */
	else if (ended && is_child)
		claim_due(w); /* for the run that waited */
	if (adopted && ended)
		worker_leave(w, WORKER_RUN_ENDED);
}

/* Suspends the run as the journal knows it; what could not be stored is lost with memory.
 */
static void on_unstorable(struct owned_run *o, const struct error *err)
{
	char id[UUID_TEXT];
	uuid_format(o->id, id);
	log_line(LOG_ERROR, "run %s: its entry cannot be stored: %s", id, err->text);
	if (o->unstorable) {
		owned_drop(o);
		return;
	}
	o->unstorable = true;
	uv_timer_stop(&o->timer);
	stop_effects(run_effects_take(o->run));
	count_slots(o);
	o->run->seq = o->run->durable_seq;
	struct entry *e = make_entry(o, worker_now(o->worker));
	e->kind = "suspended";
	e->change = LEASE_SUSPEND;
	e->reason = xstrdup("the database refuses to store its next entry");
	buf_printf(&e->data, "[{\"op\":\"suspended\",\"reason\":\"%s\"}]", e->reason);
	o->state = OWNED_LEAVING;
	o->need = NEED_NOTHING;
	append(o, e);
	dispatch(o, NULL);
}

static void on_log(
	struct outbox *outbox, enum outbox_end end, int64_t seq, const struct error *err)
{
	struct owned_run *o =
		(struct owned_run *)((char *)outbox - offsetof(struct owned_run, outbox));
	char id[UUID_TEXT];
	bool carried = o->carries;
	o->carries = false;
	if (o->stale && end == OUTBOX_DURABLE)
		end = OUTBOX_AMBIGUOUS; /* it was ours then; who knows since */
	switch (end) {
	case OUTBOX_DURABLE:
		if (carried)
			o->refusals = 0;
		o->run->durable_seq = seq;
		journal_queue(o->worker->journal, outbox);
		if (o->state != OWNED_LEAVING)
			on_durable(o);
		else if (outbox_is_clear(outbox))
			on_left(o);
		break;
	case OUTBOX_CONFLICT:
		uuid_format(o->id, id);
		log_line(LOG_WARNING, "run %s belongs to another worker now", id);
		owned_drop(o);
		break;
	case OUTBOX_AMBIGUOUS:
		owned_doubt(o);
		if (carried && err) {
			owned_refused(o, err);
			uv_timer_start(&o->timer, on_timer,
				(uint64_t)(owned_refusal_usec(o) / USEC_PER_MS), 0);
		}
		claim_doubted(o->worker);
		break;
	case OUTBOX_UNSTORABLE: on_unstorable(o, err); break;
	}
}
