/*
 * The worker's end of the evaluators' protocol: a copy and a template that say anything,
 * in pieces of any size. What they are asked is answered once, with JSON or a reason;
 * what is no answer ends them; no process but theirs is named to the kernel.
 */
#include "expression/evaluator_inside.h"
#include "fuzz.h"
#include "script.h"

#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define UNITS 3
#define RESULT 256

struct talk {
	struct script in;
	struct evaluator *evaluator;
	struct jqscan scans[UNITS];
	int far; /* the other end of the socket pair, or -1 */
	struct buf said;
	unsigned told; /* answers in what was said to this copy */
};

static bool lookup(void *ctx, const char *name, struct json *ret)
{
	(void)ctx;
	(void)name;
	*ret = JSON_LITERAL("{\"y\":1}");
	return true;
}

static void close_far(struct talk *t)
{
	if (t->far >= 0)
		close(t->far);
	t->far = -1;
}

static int open_pair(struct talk *t)
{
	int pair[2];
	must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0, "a pair");
	close_far(t);
	t->far = pair[1];
	t->told = 0;
	buf_clear(&t->said);
	fcntl(pair[1], F_SETFL, O_NONBLOCK);
	return pair[0];
}

/* Nothing is asked of a copy before evaluators have proved, once, that they work here. */
static void prove(void)
{
	static bool proved;
	struct json node = JSON_LITERAL("\"1 | tojson\"");
	struct scope scope = {.now = 1};
	struct expression *e;
	struct buf out = {0};
	struct error err;
	if (proved)
		return;
	struct program *p = program_create(NULL);
	must(program_add(p, node, EXPRESSION_BARE, &e, &err) &&
			expression_eval(e, &scope, &out, &err),
		"%s", err.text);
	buf_finish(&out);
	program_destroy(p);
	evaluators_end();
	proved = true;
}

/* An evaluator whose template is busy, so that it starts no process. */
static void talk_init(struct talk *t, const char *data, size_t n)
{
	static char sources[UNITS][20] = {".a", "$context.y + 1", ".b | length"};
	prove();
	*t = (struct talk){.far = -1};
	t->in = (struct script){(const uint8_t *)data, (const uint8_t *)data + n};
	t->evaluator = evaluator_create(0, RESULT);
	for (unsigned i = 0; i < UNITS; i++) {
		jqscan_read(&t->scans[i], sources[i], strlen(sources[i]));
		evaluator_add(t->evaluator, sources[i], &t->scans[i]);
	}
	t->evaluator->groups[0].compiled = true;
	t->evaluator->state = TEMPLATE_COMPILES;
	t->evaluator->template.channel.fd = -1;
	t->evaluator->served = true;
	evaluator_pool.templates++;
}

static void talk_finish(struct talk *t)
{
	close_far(t);
	evaluator_destroy(t->evaluator);
	for (unsigned i = 0; i < UNITS; i++)
		jqscan_finish(&t->scans[i]);
	buf_finish(&t->said);
}

/* What was said arrives in pieces; whoever listens is told of each. */
static void deliver(struct talk *t, void (*on_ready)(void *), void *who)
{
	for (size_t at = 0; at < t->said.len && t->far >= 0;) {
		size_t n = script_piece(&t->in, t->said.len - at);
		ssize_t sent = send(t->far, t->said.data + at, n, MSG_NOSIGNAL);
		if (sent <= 0)
			break;
		at += (size_t)sent;
		on_ready(who);
	}
	buf_clear(&t->said);
}

/* ---- A copy ---- */

static void copy_add(struct talk *t)
{
	struct evaluator *e = t->evaluator;
	struct copy *c = xcalloc(1, sizeof *c);
	c->of = e;
	c->generation = e->generation;
	c->next = e->copies;
	e->copies = c;
	evaluator_pool.copies++;
	channel_init(&c->process.channel, open_pair(t), NULL, copy_ready, c);
	evaluator_work(e);
}

static void copy_says(struct talk *t, const struct copy *c)
{
	static const char *const values[] = {"1", "{\"a\":[1,\"x\"]}", "nan", "[1,",
		"1 2", "\"\xff\"", "", "{\"a\":1,\"a\":2}", "\"\\u0000\"", "1e999",
		"  7  "};
	unsigned type = script_next(&t->in, 8), kind = script_next(&t->in, 16);
	struct jqwire_header h = {.seq = c->seq,
		.count = t->told++,
		.type = (uint16_t)(type < 5    ? JQWIRE_VALUE
				   : type == 5 ? script_next(&t->in, 9)
					       : JQWIRE_FAILURE)};
	size_t begin = jqwire_begin(&t->said, &h);
	if (kind != 15)
		jqwire_put_u32(&t->said, script_next(&t->in, 2));
	if (kind < sizeof values / sizeof *values)
		buf_puts(&t->said, values[kind]);
	else
		script_put_bytes(&t->in, SIZE_MAX, &t->said);
	for (unsigned i = kind == 14 ? RESULT : 0; i; i--)
		buf_putc(&t->said, '7');
	script_end_message(&t->in, begin, &t->said);
}

static void copy_talks(struct talk *t)
{
	struct copy *c = t->evaluator->copies;
	switch (script_next(&t->in, 8)) {
	case 0: script_put_bytes(&t->in, SIZE_MAX, &t->said); break;
	case 1: close_far(t); break;
	case 2: deliver(t, copy_ready, c); break;
	default: copy_says(t, c);
	}
	if (t->said.len > 1000 || t->in.p >= t->in.end)
		deliver(t, copy_ready, c);
	if (t->far < 0)
		copy_ready(c);
}

static void check_answers(const struct question *q)
{
	must(!q->asked && q->answered == q->count, "%u of %u", q->answered, q->count);
	for (uint32_t i = 0; i < q->count; i++) {
		const struct evaluation *v = &q->list[i];
		must(v->state != EVALUATION_WANTED, "one is not answered");
		must(v->text.len, "neither a value nor a reason");
		if (v->state == EVALUATION_VALUE) {
			must(v->text.len <= RESULT, "%zu bytes", v->text.len);
			fuzz_must_be_json(v->text.data, v->text.len, "a value");
		} else {
			must(strlen(v->text.data) == v->text.len, "a reason with NUL");
		}
	}
}

static void ask_copies(struct talk *t)
{
	struct question q = {0};
	static const char *const dots[] = {"{\"a\":1,\"b\":[]}", "null"};
	struct evaluator *e = t->evaluator;
	for (unsigned i = 1 + script_next(&t->in, 5); i; i--) {
		const char *dot = dots[i & 1];
		struct scope scope = {{dot, strlen(dot)}, 1, lookup, NULL};
		question_look(&q, e, i % UNITS, &scope, NULL);
	}
	q.asked = true;
	evaluator_enqueue(e, &q, false);
	while (q.asked) {
		struct copy *c = e->copies;
		if (!c)
			copy_add(t);
		else if (c->dying)
			copy_reaped(c, -1);
		else if (t->in.p < t->in.end)
			copy_talks(t);
		else
			copy_end(c, ENDED_BY_ITSELF);
	}
	check_answers(&q);
	question_finish(&q);
}

/* ---- A template ---- */

static void template_says(struct talk *t)
{
	struct evaluator *e = t->evaluator;
	bool compiles = e->state == TEMPLATE_COMPILES;
	unsigned right = script_next(&t->in, 4), more = script_next(&t->in, 8);
	struct jqwire_header h = {
		.type = compiles == (right != 0) ? JQWIRE_COMPILED : JQWIRE_FORKED,
		.count = more == 7     ? UINT32_MAX
			 : more == 6   ? 2
			 : e->tries_of ? 1
				       : UNITS};
	size_t begin = jqwire_begin(&t->said, &h);
	jqwire_put_u32(&t->said, 0);
	for (unsigned i = 0; i < UNITS && h.type == JQWIRE_COMPILED; i++) {
		struct buf fault = {0};
		script_put_bytes(&t->in, SIZE_MAX, &fault);
		jqwire_put_text(&t->said, fault.data, fault.len);
		buf_finish(&fault);
	}
	if (h.type == JQWIRE_FORKED) /* ourselves: who is ended by name, ends here */
		jqwire_put_u32(&t->said, more ? (uint32_t)getpid() : 0);
	script_end_message(&t->in, begin, &t->said);
}

static void ask_template(struct talk *t)
{
	struct evaluator *e = t->evaluator;
	channel_init(&e->template.channel, open_pair(t), NULL, template_ready, e);
	if (script_next(&t->in, 2)) { /* it is asked about the last one alone */
		e->tries_of = e;
		e->tries = UNITS - 1;
	}
	while (t->in.p < t->in.end && !e->template_dying && e->state != TEMPLATE_IDLE) {
		if (script_next(&t->in, 8))
			template_says(t);
		else
			script_put_bytes(&t->in, SIZE_MAX, &t->said);
		deliver(t, template_ready, e);
	}
	for (unsigned i = 0; i < UNITS; i++) {
		const char *fault = e->units[i].fault;
		must(!fault || (*fault && e->units[i].known), "a fault without a text");
	}
	if (e->state == TEMPLATE_IDLE)
		e->state = TEMPLATE_COMPILES; /* so that it ends as what it is */
}

/* The first byte chooses who talks; FORKED never names a process of ours here. */
void fuzz_jqparent(const char *data, size_t n)
{
	struct talk t;
	talk_init(&t, data, n);
	if (script_next(&t.in, 2))
		ask_template(&t);
	else
		ask_copies(&t);
	talk_finish(&t);
}
