/*
 * What it costs that libjq works in another process: the same evaluation is done here, by
 * libjq in this process, and there, by an evaluator, in turns, and the difference is
 * printed. Alone: one question at a time, asked by a loop that had nothing to do for a
 * while. Together: eight evaluations in one message, likewise alone. Under load: always
 * so many questions open; what counts is the processor time of all processes. Restart:
 * a copy is killed, and the next question asked at once; its template must be the same
 * afterwards.
 *
 *	bench_evaluator [--rounds N] [--loaded N] [--restarts N]
 *
 * Prints one JSON object; microseconds, medians.
 */
#include "expression/evaluator_inside.h"
#include "jq/vm.h"

#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#define SOURCE "[.items[] | select(.count > 1) | .name] | join(\", \")"
#define DOT                                                                           \
	"{\"order\":%u,\"customer\":{\"name\":\"Ada\",\"city\":\"Bern\"},\"items\":[" \
	"{\"name\":\"bolt\",\"count\":12},{\"name\":\"nut\",\"count\":1},"            \
	"{\"name\":\"gear\",\"count\":3}]}"
#define RESULT "\"bolt, gear\""
#define RESULT_BYTES ((size_t)1 << 20)
#define NOW 1700000000500000
#define IDLE_MS 2 /* before a question that is alone */
#define TOGETHER 8u
#define OPEN 32u

struct asker {
	struct question question;
	bool ready; /* to ask */
	struct bench *bench;
};

struct bench {
	uv_loop_t loop;
	uv_prepare_t prepare;
	uv_timer_t timer; /* of what is asked later, or at the next turn */
	struct jqvm *vm;
	struct jqscan scan;
	struct evaluator *evaluator;
	struct asker askers[OPEN];
	unsigned open;     /* askers that are used */
	unsigned together; /* evaluations of one question */
	unsigned number;   /* of the document */
	size_t asked, answered, wanted;
	double began, took; /* of the question that is alone */
};

static _Noreturn void fail(const char *what, const char *why)
{
	fprintf(stderr, "bench_evaluator: %s: %s\n", what, why);
	exit(1);
}

static double usec_of(clockid_t clock)
{
	struct timespec t;
	clock_gettime(clock, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;
	return (x > y) - (x < y);
}

static double median(double *values, size_t n)
{
	qsort(values, n, sizeof *values, compare);
	return n ? values[n / 2] : 0;
}

/* ---- Here ---- */

static void on_no_memory(void *ctx)
{
	(void)ctx;
	fail("libjq", "no memory");
}

static void compile_here(struct bench *b)
{
	struct jqvm_source source = {.text = SOURCE};
	char *fault;
	b->vm = jqvm_create(on_no_memory);
	jqvm_compile(b->vm, 0, &source, 1, &fault);
	if (fault)
		fail("compiling", fault);
}

static size_t document(struct bench *b, char *out, size_t size)
{
	return (size_t)snprintf(out, size, DOT, b->number++ % 10000);
}

/* From text to text. */
static double evaluate_here(struct bench *b, unsigned times)
{
	struct buf out = {0};
	struct error err;
	double began = usec_of(CLOCK_MONOTONIC);
	for (unsigned i = 0; i < times; i++) {
		char text[512];
		size_t n = document(b, text, sizeof text);
		struct jqvm_call call = {.now = NOW, .result_bytes = RESULT_BYTES};
		call.dot = jv_parse_sized(text, (int)n);
		call.arguments = jv_array();
		buf_clear(&out);
		if (!jqvm_evaluate(b->vm, &call, &out, &err))
			fail("evaluating", err.text);
	}
	double took = usec_of(CLOCK_MONOTONIC) - began;
	if (strcmp(buf_text(&out), RESULT) != 0)
		fail("the result is", buf_text(&out));
	buf_finish(&out);
	return took;
}

/* ---- There ---- */

static void take(struct asker *a)
{
	struct bench *b = a->bench;
	b->took = usec_of(CLOCK_MONOTONIC) - b->began;
	for (unsigned i = 0; i < b->together; i++) {
		const struct evaluation *e = &a->question.list[i];
		if (e->state != EVALUATION_VALUE ||
			strcmp(buf_text(&e->text), RESULT) != 0)
			fail("an evaluator gives", buf_text(&e->text));
	}
	b->answered++;
	a->ready = true;
}

/* As a worker does it: recorded here, and gone on with before the loop would block. */
static void on_answered(void *ctx)
{
	take(ctx);
}

static void on_timer(uv_timer_t *timer)
{
	(void)timer;
}

static void ask(struct asker *a)
{
	struct bench *b = a->bench;
	struct error err;
	a->ready = false;
	b->asked++;
	b->began = usec_of(CLOCK_MONOTONIC);
	question_clear(&a->question);
	for (unsigned i = 0; i < b->together; i++) {
		char text[512];
		struct scope scope = {.now = NOW};
		scope.dot = (struct json){text, document(b, text, sizeof text)};
		question_begin(&a->question);
		if (!question_look(&a->question, b->evaluator, 0, &scope, &err))
			fail("asking", err.text);
	}
	a->question.wanting = true;
	if (question_ask(&a->question))
		take(a);
}

static void on_prepare(uv_prepare_t *prepare)
{
	struct bench *b = prepare->data;
	bool any = false;
	for (unsigned i = 0; i < b->open; i++) {
		struct asker *a = &b->askers[i];
		if (a->ready && b->asked < b->wanted)
			ask(a);
		any |= a->ready;
	}
	if (b->answered == b->wanted)
		uv_stop(&b->loop);
	else if (any && b->asked < b->wanted)
		uv_timer_start(&b->timer, on_timer, 0, 0);
}

/* So many questions, of which so many are open at any time. */
static void evaluate_there(struct bench *b, unsigned open, unsigned together, size_t n)
{
	b->open = open;
	b->together = together;
	b->asked = b->answered = 0;
	b->wanted = n;
	for (unsigned i = 0; i < OPEN; i++)
		b->askers[i].ready = true;
	uv_prepare_start(&b->prepare, on_prepare);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	uv_prepare_stop(&b->prepare);
}

static void rest(struct bench *b)
{
	uv_timer_start(&b->timer, on_timer, IDLE_MS, 0);
	uv_run(&b->loop, UV_RUN_ONCE);
}

static void on_unfit(void *ctx, const struct error *err)
{
	(void)ctx;
	fail("evaluators", err->text);
}

static void begin(struct bench *b)
{
	uv_loop_init(&b->loop);
	uv_timer_init(&b->loop, &b->timer);
	uv_prepare_init(&b->loop, &b->prepare);
	b->prepare.data = b;
	evaluators_begin(&b->loop);
	evaluators_watch(on_unfit, b);
	compile_here(b);
	jqscan_read(&b->scan, SOURCE, strlen(SOURCE));
	b->evaluator = evaluator_create(0, RESULT_BYTES);
	evaluator_add(b->evaluator, SOURCE, &b->scan);
	for (unsigned i = 0; i < OPEN; i++) {
		struct asker *a = &b->askers[i];
		*a = (struct asker){.bench = b};
		a->question.on_answered = on_answered;
		a->question.ctx = a;
	}
}

static void end(struct bench *b)
{
	for (unsigned i = 0; i < OPEN; i++)
		question_finish(&b->askers[i].question);
	evaluator_destroy(b->evaluator);
	evaluators_end();
	uv_close((uv_handle_t *)&b->timer, NULL);
	uv_close((uv_handle_t *)&b->prepare, NULL);
	uv_run(&b->loop, UV_RUN_DEFAULT);
	uv_loop_close(&b->loop);
	jqscan_finish(&b->scan);
	jqvm_destroy(b->vm);
}

/* ---- Figures ---- */

/* Of an evaluation, by the clock, beyond what it takes here. */
static double measure_alone(struct bench *b, unsigned together, size_t rounds)
{
	double *more = xcalloc(rounds, sizeof *more);
	for (size_t i = 0; i < rounds; i++) {
		double here = evaluate_here(b, together);
		rest(b);
		evaluate_there(b, 1, together, 1);
		more[i] = (b->took - here) / together;
	}
	double middle = median(more, rounds);
	free(more);
	return middle;
}

/* All that the evaluator's copies have used so far. */
static double used_there(const struct bench *b)
{
	double used = 0;
	for (const struct copy *c = b->evaluator->copies; c; c = c->next)
		used += usec_of(c->process.clock);
	return used;
}

struct loaded {
	double here, worker, copies, clock; /* of one evaluation */
};

/* In parts, so that no copy ends within one, and both sides meet the same machine. */
static struct loaded measure_loaded(struct bench *b, size_t rounds)
{
	enum { PARTS = 15 };
	double here[PARTS], worker[PARTS], copies[PARTS], clock[PARTS];
	unsigned each = (unsigned)(rounds / PARTS ? rounds / PARTS : 1);
	for (unsigned i = 0; i < PARTS; i++) {
		here[i] = evaluate_here(b, each) / each;
		evaluate_there(b, OPEN, 1, OPEN); /* so that there are as many copies */
		double began = usec_of(CLOCK_MONOTONIC), there = used_there(b);
		double own = usec_of(CLOCK_PROCESS_CPUTIME_ID);
		evaluate_there(b, OPEN, 1, each);
		worker[i] = (usec_of(CLOCK_PROCESS_CPUTIME_ID) - own) / each;
		copies[i] = (used_there(b) - there) / each;
		clock[i] = (usec_of(CLOCK_MONOTONIC) - began) / each;
	}
	return (struct loaded){median(here, PARTS), median(worker, PARTS),
		median(copies, PARTS), median(clock, PARTS)};
}

static double measure_restart(struct bench *b, size_t rounds)
{
	double *took = xcalloc(rounds, sizeof *took);
	pid_t template = b->evaluator->template.pid;
	for (size_t i = 0; i < rounds; i++) {
		rest(b);
		for (const struct copy *c = b->evaluator->copies; c; c = c->next)
			kill(c->process.pid, SIGKILL);
		evaluate_there(b, 1, 1, 1);
		took[i] = b->took;
		if (b->evaluator->template.pid != template)
			fail("a restart", "the template is another one");
	}
	double middle = median(took, rounds);
	free(took);
	return middle;
}

static size_t number(const char *text)
{
	char *end_of;
	unsigned long n = strtoul(text, &end_of, 10);
	if (*end_of || n < 1 || n > 10000000)
		fail(text, "not a number, or out of range");
	return n;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"rounds", required_argument, NULL, 'r'},
		{"loaded", required_argument, NULL, 'l'},
		{"restarts", required_argument, NULL, 'd'},
		{0},
	};
	static struct bench b;
	size_t rounds = 500, loaded = 30000, restarts = 100;
	int option;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'r': rounds = number(optarg); break;
		case 'l': loaded = number(optarg); break;
		case 'd': restarts = number(optarg); break;
		default: return 2;
		}
	}
	begin(&b);
	evaluate_there(&b, 1, 1, 10);
	double alone = measure_alone(&b, 1, rounds);
	double together = measure_alone(&b, TOGETHER, rounds);
	struct loaded l = measure_loaded(&b, loaded);
	double restart = measure_restart(&b, restarts);
	printf("{\"here\": %.2f, \"alone\": %.2f, \"together\": %.2f, \"worker\": %.2f, "
	       "\"copies\": %.2f, \"clock\": %.2f, \"restart\": %.2f}\n",
		l.here, alone, together, l.worker, l.copies, l.clock, restart);
	end(&b);
	return 0;
}
