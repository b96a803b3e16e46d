/*
 * Before the first question of a process is answered, another is: an update of a library
 * may need a system call that the filter does not know. It rides with the first evaluator
 * that is needed: its units are compiled in the same group, and it comes before the
 * questions of others. That it was answered well there is enough; if it was not, the
 * units beside it may be to blame, so it is asked again of an evaluator of its own, which
 * alone may say that evaluators cannot work. Who needs none never pays for it.
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

enum { UNIT_WORKS, UNIT_ENDS };

enum proof { PROOF_NONE, PROOF_ASKED, PROOF_FIT, PROOF_UNFIT };

struct probe {
	enum proof proof;
	unsigned tries;
	struct evaluator *evaluator;    /* that is asked; NULL: none */
	struct evaluator *own;          /* NULL: it rode so far */
	char sources[PROBE_UNITS][256]; /* as long as who was asked, like their scans */
	struct jqscan scans[PROBE_UNITS];
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

/* It comes before what others ask. */
static void put(void)
{
	struct scope scope = {.dot = JSON_LITERAL("{\"x\":{}}"), .now = 1500000};
	struct question *q = &probe.question;
	struct error err;
	question_clear(q);
	for (unsigned i = 0; i < PROBE_UNITS; i++) {
		const struct evaluation *e = question_look(
			q, probe.evaluator, probe.evaluator->probe_at + i, &scope, &err);
		assert(e); /* they have no arguments */
	}
	q->asked = q->wanting = true;
	evaluator_enqueue(probe.evaluator, q, true);
}

/* What it used is not needed again. */
static void end_processes(void)
{
	for (struct copy *c = probe.own->copies; c; c = c->next)
		copy_end(c, ENDED_UNWANTED);
	template_end(probe.own);
}

static void add_units(struct evaluator *e)
{
	static const char *const sources[PROBE_UNITS] = {WORKS, ENDS};
	e->probe_at = e->count;
	e->has_probe = true;
	for (unsigned i = 0; i < PROBE_UNITS; i++) {
		size_t n = strlen(sources[i]);
		if (!probe.sources[i][0]) {
			memcpy(probe.sources[i], sources[i], n + 1);
			jqscan_read(&probe.scans[i], probe.sources[i], n);
		}
		evaluator_add(e, probe.sources[i], &probe.scans[i]);
	}
}

static void on_answered(void *ctx);

static void ask_of(struct evaluator *e)
{
	if (!e->has_probe)
		add_units(e);
	e->quiet = true;
	probe.evaluator = e;
	probe.proof = PROOF_ASKED;
	probe.question.on_answered = on_answered;
	put();
}

static void ask_own(void)
{
	probe.own = evaluator_create(EVALUATOR_TIMEOUT_MS, JSON_BYTES_DEFAULT);
	probe.tries = 0;
	ask_of(probe.own);
	evaluator_work(probe.own);
}

/* Whether its units find room in the group that is compiled first. */
static bool may_ride(const struct evaluator *e)
{
	return e->has_probe ||
	       (e->count + PROBE_UNITS <= JQVM_GROUP && e->state != TEMPLATE_COMPILES);
}

/* The evaluator that it rode with is as any other from now on. */
static void get_off(void)
{
	question_clear(&probe.question);
	probe.evaluator->quiet = false;
	probe.evaluator = NULL;
}

static void on_answered(void *ctx)
{
	const struct question *q = &probe.question;
	(void)ctx;
	bool fit = judge(&q->list[UNIT_WORKS], &q->list[UNIT_ENDS]), rode = !probe.own;
	if (!fit && !rode && ++probe.tries < TRIES) {
		put();
	} else {
		get_off();
		if (rode && !fit)
			ask_own();
		else
			probe.proof = fit ? PROOF_FIT : PROOF_UNFIT;
		if (!rode)
			end_processes();
	}
	evaluator_tick(true); /* everybody's questions go on */
	if (probe.proof != PROOF_UNFIT)
		return;
	error_prefix(&probe.error, "expressions cannot be evaluated here");
	if (probe.on_unfit)
		probe.on_unfit(probe.ctx, &probe.error);
}

/* ---- Who asks ---- */

static bool comes_first(const struct evaluator *e)
{
	return e == probe.evaluator && e->first == &probe.question;
}

bool probe_allows(struct evaluator *e)
{
	if (probe.proof == PROOF_NONE && may_ride(e))
		ask_of(e);
	else if (probe.proof == PROOF_NONE)
		ask_own();
	if (comes_first(e))
		return true;
	/* Whoever watches lets its runs go: what is wrong is no error of theirs. */
	if (probe.proof == PROOF_UNFIT && e->first &&
		!(probe.on_unfit && e->first->on_answered))
		evaluator_fail_all(e, probe.error.text);
	return probe.proof == PROOF_FIT;
}

bool probe_fails(struct evaluator *e, const char *text)
{
	struct question *q = &probe.question;
	if (!comes_first(e))
		return false;
	evaluator_forget(q);
	evaluator_fail_rest(q, text);
	evaluator_complete(q);
	return true;
}

void probe_leaves(struct evaluator *e)
{
	if (e != probe.evaluator)
		return;
	evaluator_forget(&probe.question);
	get_off();
	probe.proof = PROOF_NONE;
	evaluator_tick(true); /* it is asked of another one */
}

struct evaluator *probe_awaited(void)
{
	return probe.proof == PROOF_ASKED ? probe.evaluator : NULL;
}

void probe_end(void)
{
	if (probe.evaluator)
		probe_leaves(probe.evaluator);
	question_finish(&probe.question);
	evaluator_destroy(probe.own);
	probe.own = NULL;
	probe.on_unfit = NULL;
}

void evaluators_watch(void (*on_unfit)(void *ctx, const struct error *err), void *ctx)
{
	probe.on_unfit = on_unfit;
	probe.ctx = ctx;
}
