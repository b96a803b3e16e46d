/*
 * Before the first question of a process is answered, another is: an update of a library
 * may need a system call that the filter does not know. It is asked beside the first
 * template that a definition needs; who needs none never pays for it.
 */
#include "expression/evaluator_inside.h"

#include <assert.h>
#include <string.h>

#define TRIES 3u /* a machine that was stopped proves nothing */

/* Memory, regular expressions, dates, sorting, text. */
#define WORKS                                                                     \
	"[(0 | todate), (\"ab\" | test(\"b\")), ([3, 1] | sort), (.x | tojson), " \
	"([range(1000)] | length), now]"
#define WORKED "[\"1970-01-01T00:00:00Z\",true,[1,3],\"{}\",1000,1.5]"
/* A NaN as the bound of a slice: an assertion of libjq 1.6. */
#define ENDS ".x | tojson | .[(-1 | sqrt):]"

enum { UNIT_WORKS, UNIT_ENDS, UNITS };

enum proof { PROOF_NONE, PROOF_ASKED, PROOF_FIT, PROOF_UNFIT };

struct probe {
	enum proof proof;
	unsigned tries;
	struct evaluator *evaluator; /* NULL: nothing was asked yet, or it is over */
	char sources[UNITS][256];
	struct jqscan scans[UNITS];
	struct question question;
	struct error error; /* why it is unfit */
	void (*on_unfit)(void *ctx, const struct error *err);
	void *ctx;
};

static struct probe probe; /* once in a process */

/* ---- The question ---- */

static bool judge(const struct evaluation *works, const struct evaluation *ends)
{
	struct error *err = &probe.error;
	if (works->state != EVALUATION_VALUE)
		return error_set(err, ERROR_DENIED, "%.300s", buf_text(&works->text));
	if (strcmp(buf_text(&works->text), WORKED) != 0)
		return error_set(
			err, ERROR_DENIED, "it gives %.200s", buf_text(&works->text));
	if (ends->state != EVALUATION_VALUE && !strstr(buf_text(&ends->text), "signal 6"))
		return error_set(err, ERROR_DENIED, "%.300s", buf_text(&ends->text));
	if (probe.evaluator->refused)
		return error_set(err, ERROR_DENIED, "it needs system call %u",
			probe.evaluator->refused);
	return true;
}

static void put(void)
{
	struct scope scope = {.dot = JSON_LITERAL("{\"x\":{}}"), .now = 1500000};
	struct question *q = &probe.question;
	struct error err;
	question_clear(q);
	for (unsigned i = 0; i < UNITS; i++) {
		const struct evaluation *e =
			question_look(q, probe.evaluator, i, &scope, &err);
		assert(e); /* they have no arguments */
	}
	q->asked = q->wanting = true;
	evaluator_enqueue(probe.evaluator, q, false);
}

/* What it used is not needed again. */
static void end_processes(void)
{
	for (struct copy *c = probe.evaluator->copies; c; c = c->next)
		copy_end(c, ENDED_UNWANTED);
	template_end(probe.evaluator);
}

static void on_answered(void *ctx)
{
	const struct question *q = &probe.question;
	(void)ctx;
	bool fit = judge(&q->list[UNIT_WORKS], &q->list[UNIT_ENDS]);
	if (!fit && ++probe.tries < TRIES) {
		put();
	} else {
		probe.proof = fit ? PROOF_FIT : PROOF_UNFIT;
		question_clear(&probe.question);
		end_processes();
	}
	evaluator_tick(true); /* everybody's questions go on */
	if (probe.proof != PROOF_UNFIT)
		return;
	error_prefix(&probe.error, "expressions cannot be evaluated here");
	if (probe.on_unfit)
		probe.on_unfit(probe.ctx, &probe.error);
}

static void add_unit(unsigned unit, const char *source)
{
	size_t n = strlen(source);
	memcpy(probe.sources[unit], source, n + 1);
	jqscan_read(&probe.scans[unit], probe.sources[unit], n);
	unsigned number =
		evaluator_add(probe.evaluator, probe.sources[unit], &probe.scans[unit]);
	assert(number == unit);
}

static void begin(void)
{
	probe.evaluator = evaluator_create(EVALUATOR_TIMEOUT_MS, JSON_BYTES_DEFAULT);
	probe.evaluator->quiet = true;
	probe.proof = PROOF_ASKED;
	probe.tries = 0;
	probe.question.on_answered = on_answered;
	add_unit(UNIT_WORKS, WORKS);
	add_unit(UNIT_ENDS, ENDS);
	put();
	evaluator_work(probe.evaluator);
}

/* ---- Who asks ---- */

bool probe_allows(struct evaluator *e)
{
	if (e == probe.evaluator)
		return true;
	if (probe.proof == PROOF_NONE)
		begin();
	/* Whoever watches lets its runs go: what is wrong is no error of theirs. */
	if (probe.proof == PROOF_UNFIT && e->first &&
		!(probe.on_unfit && e->first->on_answered))
		evaluator_fail_all(e, probe.error.text);
	return probe.proof == PROOF_FIT;
}

struct evaluator *probe_awaited(void)
{
	return probe.proof == PROOF_ASKED ? probe.evaluator : NULL;
}

void probe_end(void)
{
	question_finish(&probe.question);
	evaluator_destroy(probe.evaluator);
	for (unsigned i = 0; i < UNITS; i++)
		jqscan_finish(&probe.scans[i]);
	probe.evaluator = NULL;
	probe.on_unfit = NULL;
	if (probe.proof == PROOF_ASKED)
		probe.proof = PROOF_NONE;
}

void evaluators_watch(void (*on_unfit)(void *ctx, const struct error *err), void *ctx)
{
	probe.on_unfit = on_unfit;
	probe.ctx = ctx;
}
