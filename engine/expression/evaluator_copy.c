/* Copies: what they are asked, what they answer, and what their death means. */
#include "expression/evaluator_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include "jq/child.h"

#define REASON_MAX 900 /* bytes */

static void unlink_copy(struct copy *c)
{
	struct copy **p = &c->of->copies;
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
}

void copy_free(struct copy *c)
{
	unlink_copy(c);
	evaluator_pool.copies--;
	channel_finish(&c->process.channel);
	slots_hold(c);
	free(c);
}

static void describe_death(const struct copy *c, int status, char *out, size_t size)
{
	unsigned ms = (unsigned)(c->limit / USEC_PER_MS);
	if (c->ending == ENDED_LATE)
		snprintf(out, size, "took longer than %u ms", ms);
	else if (c->ending == ENDED_STUCK)
		snprintf(out, size, "took longer than %d s by the clock",
			(int)(WALL_USEC / USEC_PER_SEC));
	else if (status != -1 && WIFEXITED(status) &&
		 WEXITSTATUS(status) == JQCHILD_NO_MEMORY)
		snprintf(out, size, "took more than %u MiB of memory",
			(unsigned)(c->process.bound >> 20));
	else if (status != -1 && WIFSIGNALED(status))
		snprintf(out, size, "it stopped libjq: signal %d (%s)", WTERMSIG(status),
			strsignal(WTERMSIG(status)));
	else
		snprintf(out, size, "it stopped libjq");
}

/* It goes on with what is left, if there is anything. */
static void go_on(struct evaluator *e, struct question *q)
{
	if (q->spent > TASK_USEC && !q->apart)
		evaluator_fail_rest(
			q, "the expressions of this task took 5 s of processor time");
	evaluator_skip_answered(q);
	if (q->answered < q->count)
		evaluator_enqueue(e, q, true);
	else
		evaluator_complete(q);
}

/* What is tried again alone, whatever it died of, does not wait for its end. */
static void let_go(struct copy *c)
{
	struct question *q = c->question;
	if (!q || q->alone || (c->ending != ENDED_BY_ITSELF && c->ending != ENDED_STUCK))
		return;
	c->question = NULL;
	q->alone = true;
	go_on(c->of, q);
}

/* It ends; what it was asked is answered when it is known how, or asked again. */
void copy_end(struct copy *c, enum ending ending)
{
	if (c->dying)
		return;
	c->dying = true;
	c->ending = ending;
	evaluator_process_kill(&c->process);
	channel_finish(&c->process.channel);
	slots_hold(c);
	evaluator_tick(true);
	let_go(c);
}

/* What was under way is tried again alone, if it was not, or is answered. */
static void answer_for(struct copy *c, int status)
{
	struct question *q = c->question;
	char text[128];
	bool again = !q->alone && !(c->ending == ENDED_LATE && q->answered == c->from);
	describe_death(c, status, text, sizeof text);
	q->alone = again;
	if (!again)
		evaluator_answer(q, EVALUATION_FAILED, text);
	if (c->ending == ENDED_LATE) {
		q->spent += c->limit;
		slots_note_time(c->of, c->limit);
	}
	go_on(c->of, q);
}

void copy_reaped(struct copy *c, int status)
{
	struct evaluator *e = c->of;
	struct question *q = c->question;
	bool wanted = c->ending != ENDED_UNWANTED && c->ending != ENDED_TAKEN;
	if (wanted)
		evaluator_drain_log(e, "an evaluator ended");
	if (q && wanted)
		answer_for(c, status);
	else if (q)
		go_on(e, q);
	copy_free(c);
	slots_serve();
	evaluator_work(e);
}

bool copy_is_idle(const struct copy *c)
{
	return !c->dying && !c->question && c != c->of->forking;
}

/* ---- Asking ---- */

static unsigned timeout_of(const struct evaluator *e)
{
	return e->timeout_ms               ? e->timeout_ms
	       : evaluator_pool.timeout_ms ? evaluator_pool.timeout_ms
					   : EVALUATOR_TIMEOUT_MS;
}

void copy_ask(struct copy *c, struct question *q, uint32_t end)
{
	struct evaluator *e = c->of;
	uint32_t from = q->answered;
	struct buf *out = &c->process.channel.out;
	size_t bytes = question_put(q, from, end, ++evaluator_pool.seq, out);
	c->question = q;
	c->from = from;
	c->end = end;
	c->seq = evaluator_pool.seq;
	c->asked_at = c->moved_at = e->used_at = clock_boottime();
	c->limit = (int64_t)timeout_of(e) * USEC_PER_MS + (int64_t)(bytes / 5);
	c->is_long = LONG_USEC + (int64_t)(bytes / 40);
	evaluator_process_bound(&c->process, MEMORY + 12 * (uint64_t)bytes);
	c->time_at = c->moved_time = evaluator_process_time(&c->process);
	if (!channel_move(&c->process.channel, 0))
		copy_end(c, ENDED_BY_ITSELF);
	else
		channel_watch(&c->process.channel, true);
	evaluator_tick(false);
}

/* All that one decision evaluates: what it sees, what it gives, what is exported. */
static bool is_too_much(
	const struct question *q, const struct evaluator *e, size_t n, struct error *err)
{
	size_t most = ANSWERS_VALUES * e->result_bytes;
	return q->bytes + n > most &&
	       !error_set(err, ERROR_INPUT,
		       "what the expressions of this task give has more than %zu bytes "
		       "together",
		       most);
}

static void take_value(struct question *q, struct evaluation *v,
	const struct evaluator *e, const char *text, size_t n)
{
	struct json_limits limits = {.bytes = e->result_bytes};
	struct json checked;
	struct error err;
	buf_clear(&v->text);
	if (!is_too_much(q, e, n, &err) &&
		json_check(text, n, &limits, &checked, NULL, &err)) {
		v->state = EVALUATION_VALUE;
		buf_add(&v->text, checked.s, checked.n);
		slots_keep_answer(q, v->text.len);
	} else {
		v->state = EVALUATION_FAILED;
		buf_puts(&v->text, err.text);
	}
}

static void take_reason(struct evaluation *v, const char *text, size_t n)
{
	v->state = EVALUATION_FAILED;
	buf_clear(&v->text);
	buf_add(&v->text, text, strnlen(text, n < REASON_MAX ? n : REASON_MAX));
	if (!v->text.len)
		buf_puts(&v->text, "libjq gives no reason");
}

static void message_done(struct copy *c)
{
	struct question *q = c->question;
	bool secret = q->secret;
	int64_t now = clock_boottime(), used = 0;
	if (now - c->asked_at > USEC_PER_MS)
		used = evaluator_process_time(&c->process) - c->time_at;
	q->spent += used;
	if (used > c->is_long)
		slots_note_time(c->of, used);
	c->question = NULL;
	c->used_at = now;
	q->alone = false;
	if (secret || c->evaluations >= EVALUATOR_EVALUATIONS)
		copy_end(c, ENDED_UNWANTED);
	go_on(c->of, q);
}

static bool take_answer(
	struct copy *c, const struct jqwire_header *h, struct jqwire_reader *r)
{
	struct question *q = c->question;
	if (!q || h->seq != c->seq || h->count != q->answered - c->from ||
		(h->type != JQWIRE_VALUE && h->type != JQWIRE_FAILURE))
		return false;
	evaluator_note_refused(c->of, jqwire_u32(r));
	if (r->bad)
		return false;
	struct evaluation *v = &q->list[q->answered];
	size_t n = (size_t)(r->end - r->p);
	if (h->type == JQWIRE_VALUE) {
		take_value(q, v, c->of, r->p, n);
	} else {
		take_reason(v, r->p, n);
	}
	q->answered++;
	c->evaluations++;
	if (q->answered == c->end)
		message_done(c);
	return true;
}

/* For want of bytes it is not read until others have given some back; it is not to blame
 * for that. */
static void watch(struct copy *c)
{
	c->held_back = slots_bytes_for(c) == 0;
	if (c->held_back) {
		evaluator_pool.holds_back = true;
		c->moved_at = clock_boottime();
		evaluator_tick(false);
	}
	channel_watch(&c->process.channel, !c->held_back);
}

void copy_ready(void *ctx)
{
	struct copy *c = ctx;
	struct evaluator *e = c->of;
	struct jqwire_header h;
	struct jqwire_reader r;
	bool bad = false;
	if (c->dying || c == e->forking)
		return;
	size_t most = slots_bytes_for(c);
	bool there = channel_move(&c->process.channel, most);
	slots_hold(c);
	while (!bad && !c->dying && channel_take(&c->process.channel, &h, &r, &bad))
		bad = !take_answer(c, &h, &r);
	if (!c->dying)
		channel_drop(&c->process.channel);
	slots_hold(c);
	if (bad || !there)
		copy_end(c, ENDED_BY_ITSELF);
	else if (!c->dying)
		watch(c);
	evaluator_work(e);
	slots_serve();
}
