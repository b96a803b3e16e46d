/* Snapshots of the frames are written. A value is written as its place, [seq, op,
 * "field"], or, if the journal holds it nowhere, as {"v": value}. */
#include "run/snapshot.h"

#include "run/snapshot_table.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const struct state_word frame_words[] = {
	[FRAME_ENTER] = {"enter", 0},
	[FRAME_NEXT] = {"next", 1},
	[FRAME_READY] = {"ready", 2},
	[FRAME_QUEUED] = {"queued", 3},
	[FRAME_ACTIVE] = {"active", 4},
	[FRAME_WAITING] = {"waiting", 5},
	[FRAME_HELD] = {"held", 6},
	[FRAME_ANSWERED] = {"answered", NO_NUMBER},
	[FRAME_LISTENING] = {"listening", 7},
	{NULL, 0},
};

const struct state_word run_words[] = {
	[RUN_RUNNING] = {"running", 0},
	[RUN_SUSPENDED] = {"suspended", 1},
	[RUN_COMPLETED] = {"completed", 2},
	[RUN_FAULTED] = {"faulted", 3},
	[RUN_CANCELLED] = {"cancelled", 4},
	{NULL, 0},
};

#define RUN(name, kind, field) MEMBER(name, kind, struct run, field)
#define RUN_NONE(field) MEMBER(#field, MEMBER_NONE, struct run, field)

const struct member run_members[] = {
	RUN("status", MEMBER_OWN, status),
	RUN("context", MEMBER_VALUE, context),
	RUN("error", MEMBER_VALUE, error),
	RUN("open", MEMBER_OWN, root),
	RUN("failed", MEMBER_OWN, failed),
	RUN("doubts", MEMBER_OWN, doubts),
	RUN("raised", MEMBER_BIT, raised),
	RUN("noRetry", MEMBER_BIT, no_retry),
	RUN("limitHit", MEMBER_BIT, limit_hit),
	RUN("held", MEMBER_BIT, held),
	/* Of its row, and of what is loaded. */
	RUN_NONE(id),
	RUN_NONE(question), /* between decisions it is empty */
	RUN_NONE(definition),
	RUN_NONE(raw_input),
	RUN_NONE(created_at),
	RUN_NONE(started_at),
	RUN_NONE(output), /* a run that has one has ended */
	RUN_NONE(at),
	/* Only its owner's. */
	RUN_NONE(leaves),
	RUN_NONE(seq),
	RUN_NONE(durable_seq),
	RUN_NONE(claimed_seq),
	RUN_NONE(frames_seq),
	RUN_NONE(tail_bytes),
	RUN_NONE(frames_bytes),
	RUN_NONE(ops),
	RUN_NONE(op_count),
	RUN_NONE(head),
	RUN_NONE(head_path),
	RUN_NONE(request),
	RUN_NONE(reason),
	RUN_NONE(costly),
	RUN_NONE(remark),
	RUN_NONE(retry_after),
	RUN_NONE(now),
	RUN_NONE(put_off),
	RUN_NONE(asked),
	RUN_NONE(error_waits),
	RUN_NONE(owes_intent),
	RUN_NONE(barrier_seq),
	RUN_NONE(host),
	RUN_NONE(inbox),
	RUN_NONE(takings),
	RUN_NONE(taken_count),
	RUN_NONE(emitted),
	RUN_NONE(waits),
	RUN_NONE(spent),
	RUN_NONE(under_way),
	RUN_NONE(agenda),
	RUN_NONE(dropped_effect),
	{NULL},
};

#define FRAME(name, kind, field) MEMBER(name, kind, struct frame, field)
#define FRAME_NONE(field) MEMBER(#field, MEMBER_NONE, struct frame, field)

const struct member frame_members[] = {
	FRAME("path", MEMBER_OWN, path),
	FRAME("branch", MEMBER_OWN, task), /* below a fork; else its parent's position */
	FRAME("state", MEMBER_OWN, state),
	FRAME("raw", MEMBER_VALUE, raw),
	FRAME("input", MEMBER_VALUE, input),
	FRAME("entryFailed", MEMBER_BIT, entry_failed),
	FRAME("startedAt", MEMBER_NUMBER, started_at),
	FRAME("deadline", MEMBER_NUMBER, deadline),
	FRAME("attemptDeadline", MEMBER_NUMBER, attempt_deadline),
	FRAME("timeLimit", MEMBER_NUMBER, time_limit),
	FRAME("attemptLimit", MEMBER_NUMBER, attempt_limit),
	FRAME("handler", MEMBER_BIT, in_handler),
	FRAME("opened", MEMBER_BIT, opened),
	FRAME("exited", MEMBER_BIT, exited),
	FRAME("position", MEMBER_NUMBER, position),
	FRAME("visits", MEMBER_OWN, visits), /* and handlerVisits */
	FRAME("cursor", MEMBER_VALUE, cursor),
	FRAME("steps", MEMBER_OWN, steps),
	FRAME("error", MEMBER_VALUE, error),
	FRAME("leave", MEMBER_OWN, leave), /* and leaves, if it leads anywhere */
	FRAME("outputs", MEMBER_OWN, outputs),
	FRAME("items", MEMBER_VALUE, items),
	FRAME("listening", MEMBER_OWN, listening),
	FRAME("iteration", MEMBER_OWN, iteration), /* counted from 1 */
	FRAME("attempt", MEMBER_COUNT, attempt),
	FRAME("open", MEMBER_BIT, open),
	FRAME("generation", MEMBER_COUNT, generation),
	MEMBER_HEX("digest", struct frame, digest, has_digest),
	FRAME("firstAttemptAt", MEMBER_NUMBER, first_attempt_at),
	FRAME("attemptAt", MEMBER_NUMBER, attempt_at),
	FRAME("uncertain", MEMBER_BIT, was_uncertain),
	FRAME("lost", MEMBER_BIT, lost),
	FRAME("redo", MEMBER_BIT, redo),
	FRAME("force", MEMBER_BIT, force),
	FRAME("retries", MEMBER_NUMBER, retries),
	FRAME("conflicts", MEMBER_NUMBER, conflicts),
	FRAME("retrySince", MEMBER_NUMBER, retry_since),
	FRAME("due", MEMBER_NUMBER, due),
	FRAME("retrying", MEMBER_BIT, retrying),
	FRAME("context", MEMBER_VALUE, context),
	FRAME("answer", MEMBER_VALUE, answer),
	FRAME("repeats", MEMBER_NUMBER, repeats),
	FRAME("endedBefore", MEMBER_NUMBER, ended_before),
	FRAME("endedAt", MEMBER_NUMBER, ended_at),
	/* They follow from the others. */
	FRAME_NONE(parent),
	FRAME_NONE(child),
	FRAME_NONE(sibling),
	FRAME_NONE(before),
	FRAME_NONE(last),
	FRAME_NONE(branches),
	FRAME_NONE(list),
	FRAME_NONE(step_count),
	FRAME_NONE(item),
	FRAME_NONE(rest),
	FRAME_NONE(has_digest),
	/* Only the owner's. */
	FRAME_NONE(request),
	FRAME_NONE(intent_seq),
	FRAME_NONE(granted),
	FRAME_NONE(effect),
	FRAME_NONE(asked),
	FRAME_NONE(agenda),
	FRAME_NONE(note),
	FRAME_NONE(put_off),
	{NULL},
};

#define LISTENING(name, kind, field) MEMBER(name, kind, struct listening, field)

const struct member listening_members[] = {
	LISTENING("waits", MEMBER_VALUE, waits),
	LISTENING("taken", MEMBER_OWN, taken),
	LISTENING("count", MEMBER_NONE, count), /* of taken */
	LISTENING("correlated", MEMBER_VALUE, correlated),
	LISTENING("met", MEMBER_NUMBER, met),
	LISTENING("untilMet", MEMBER_NUMBER, until_met),
	LISTENING("item", MEMBER_VALUE, item),
	LISTENING("received", MEMBER_NUMBER, received),
	LISTENING("context", MEMBER_VALUE, context),
	LISTENING("place", MEMBER_NONE, place),
	LISTENING("stored", MEMBER_NONE, stored),
	LISTENING("upto", MEMBER_NONE, upto),
	LISTENING("passed", MEMBER_NONE, passed),
	LISTENING("since", MEMBER_NONE, since),
	LISTENING("look", MEMBER_NONE, look),
	LISTENING("attended", MEMBER_NONE, attended),
	{NULL},
};

/* ---- Writing ---- */

static void put_value(struct buf *out, const char *key, const struct value *v)
{
	if (!v)
		return;
	json_put_key(out, key);
	if (v->seq < 0) {
		buf_puts(out, "{\"v\":");
		json_put(out, value_json(v));
		buf_putc(out, '}');
	} else {
		buf_printf(out, "[%lld,%u,\"%s\"]", (long long)v->seq, v->op,
			v->field ? v->field : "input");
	}
}

static void put_members(struct buf *out, const struct member *table, const void *object)
{
	for (const struct member *m = NULL; (m = member_next(table, m, object));) {
		if (m->kind == MEMBER_VALUE)
			put_value(out, m->name, *member_value(m, object));
		else
			member_write(m, object, out);
	}
}

static void put_int(struct buf *out, const char *key, int64_t v)
{
	if (v == 0)
		return;
	json_put_key(out, key);
	buf_int(out, v);
}

static void put_state(struct buf *out, const char *key, const struct state_word *state)
{
	put_int(out, "state", state->number);
	json_put_key(out, key);
	json_put_text(out, state->word);
}

static void put_visits(struct buf *out, const char *key, const uint32_t *visits, size_t n)
{
	if (!visits)
		return;
	json_put_key(out, key);
	for (size_t i = 0; i < n; i++) {
		buf_putc(out, i ? ',' : '[');
		buf_int(out, visits[i]);
	}
	buf_puts(out, n ? "]" : "[]");
}

/* By branch: {"0": value, "2": value}. */
static void put_outputs(struct buf *out, const struct frame *f)
{
	char key[24];
	json_put_key(out, "outputs");
	buf_putc(out, '{');
	for (size_t i = 0; i < f->list->count; i++) {
		snprintf(key, sizeof key, "%zu", i);
		put_value(out, key, f->outputs[i]);
	}
	buf_putc(out, '}');
}

static void put_list(struct buf *out, const struct frame *f)
{
	put_int(out, "leave", f->leave);
	put_int(out, "leaves", f->leave != NEXT_OWN);
	put_int(out, "iteration", f->iteration + 1);
	put_visits(out, "visits", f->visits[0], f->task->body ? f->task->body->count : 0);
	put_visits(out, "handlerVisits", f->visits[1],
		f->task->handler ? f->task->handler->count : 0);
	if (f->outputs)
		put_outputs(out, f);
	if (f->step_count == 0)
		return;
	json_put_key(out, "steps");
	buf_putc(out, '{');
	for (size_t i = 0; i < f->step_count; i++)
		put_value(out, f->steps[i].name, f->steps[i].output);
	buf_putc(out, '}');
}

static void put_listening(struct buf *out, const struct listening *l)
{
	json_put_key(out, "listening");
	buf_putc(out, '{');
	put_members(out, listening_members, l);
	json_put_key(out, "taken");
	buf_putc(out, '[');
	for (size_t i = 0; i < l->count; i++) {
		buf_puts(out, i ? ",{" : "{");
		put_value(out, "t", l->taken[i]);
		buf_putc(out, '}');
	}
	buf_puts(out, "]}");
}

static void put_frame(struct buf *out, const struct frame *f)
{
	/* An effect under way is, for whoever reads this, one with an intent. */
	enum frame_state state = f->state == FRAME_ACTIVE ? FRAME_READY : f->state;
	buf_puts(out, "{\"path\":");
	json_put_text(out, f->path);
	if (f->parent && frame_is_concurrent(f->parent))
		put_int(out, "branch", (int64_t)frame_branch(f));
	put_state(out, "stands", &frame_words[state]);
	put_members(out, frame_members, f);
	put_list(out, f);
	if (f->listening)
		put_listening(out, f->listening);
	buf_putc(out, '}');
}

static void put_doubts(struct buf *out, const struct run *r)
{
	json_put_key(out, "doubts");
	for (size_t i = 0; i < r->doubts.len; i += strlen(r->doubts.data + i) + 1) {
		buf_putc(out, i ? ',' : '[');
		json_put_text(out, r->doubts.data + i);
	}
	buf_putc(out, ']');
}

void frames_write(const struct run *r, struct buf *out)
{
	buf_printf(out, "{\"status\":%d", run_words[r->status].number);
	json_put_key(out, "stands");
	json_put_text(out, run_words[r->status].word);
	put_members(out, run_members, r);
	if (r->failed) {
		json_put_key(out, "failed");
		json_put_text(out, r->failed->path);
	}
	if (r->doubts.len)
		put_doubts(out, r);
	json_put_key(out, "open");
	buf_putc(out, '[');
	for (const struct frame *f = r->root; f; f = frame_after(f, r->root)) {
		if (f != r->root)
			buf_putc(out, ',');
		put_frame(out, f);
	}
	buf_puts(out, "]}");
}

/* ---- Which entries it names ---- */

static void place_of(struct json v, frames_on_place on_place, void *ctx)
{
	struct json_iter it = json_iter(v);
	struct json part[3] = {{0}};
	int64_t seq, op;
	for (int i = 0; i < 3 && json_next_element(&it, &part[i]);)
		i++;
	if (json_int(part[0], &seq) && seq > 0 && json_int(part[1], &op))
		on_place(ctx, seq, (unsigned)op, op_value_field(part[2]));
}

static void listening_places(struct json listening, frames_on_place on_place, void *ctx)
{
	struct json_iter it = json_iter(listening), taken = {0};
	struct json key, v;
	while (json_next_member(&it, &key, &v)) {
		const struct member *m = member_find(listening_members, key);
		if (m && m->kind == MEMBER_VALUE)
			place_of(v, on_place, ctx);
		if (m && m->offset == offsetof(struct listening, taken))
			taken = json_iter(v);
	}
	while (json_next_element(&taken, &v))
		place_of(json_get(v, "t"), on_place, ctx);
}

static void map_places(struct json map, frames_on_place on_place, void *ctx)
{
	struct json_iter it = json_iter(map);
	struct json ignored, v;
	while (json_next_member(&it, &ignored, &v))
		place_of(v, on_place, ctx);
}

/* Those of a frame's values, and of all elements of its maps. */
static void frame_places(struct json_iter *it, frames_on_place on_place, void *ctx)
{
	struct json key, v;
	while (json_next_member(it, &key, &v)) {
		const struct member *m = member_find(frame_members, key);
		if (!m)
			continue;
		if (m->kind == MEMBER_VALUE)
			place_of(v, on_place, ctx);
		else if (m->offset == offsetof(struct frame, steps) ||
			 m->offset == offsetof(struct frame, outputs))
			map_places(v, on_place, ctx);
		else if (m->offset == offsetof(struct frame, listening))
			listening_places(v, on_place, ctx);
	}
}

struct frames_walk frames_walk(struct json snapshot)
{
	return (struct frames_walk){.members = json_iter(snapshot)};
}

/* The members up to the frames. */
static bool run_places(struct frames_walk *walk, frames_on_place on_place, void *ctx)
{
	struct json key;
	while (json_next_key(&walk->members, &key)) {
		const struct member *m = member_find(run_members, key);
		if (m && m->offset == offsetof(struct run, root)) {
			walk->open = json_go_into(&walk->members);
			return walk->inside = true;
		}
		struct json v = json_take(&walk->members);
		if (m && m->kind == MEMBER_VALUE)
			place_of(v, on_place, ctx);
	}
	return false;
}

bool frames_places(struct frames_walk *walk, frames_on_place on_place, void *ctx)
{
	if (!walk->inside)
		return run_places(walk, on_place, ctx);
	if (json_has_element(&walk->open)) {
		struct json_iter frame = json_go_into(&walk->open);
		frame_places(&frame, on_place, ctx);
		json_leave(&walk->open, &frame);
		return true;
	}
	json_leave(&walk->members, &walk->open);
	walk->inside = false;
	return true;
}
