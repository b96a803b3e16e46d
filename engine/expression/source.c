/* Which of the two evaluators a source belongs to, and what its errors look like. */
#include "expression/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "expression/question.h"

struct source *source_create(struct evaluator *e, const char *source, size_t n)
{
	struct source *c = xcalloc(1, sizeof *c);
	c->evaluator = e;
	c->source = xstrndup(source, n);
	jqscan_read(&c->scan, c->source, n);
	if (strspn(c->source, " \t\n") == n)
		snprintf(c->scan.fault, sizeof c->scan.fault, "empty expression");
	if (*c->scan.fault)
		return c;
	c->is_plain = path_parse(c->source, n, &c->plain);
	if (!c->is_plain && n > CODE_BYTES) {
		c->scan.fault_at = 0;
		snprintf(c->scan.fault, sizeof c->scan.fault,
			"longer than %u KiB: too much for one expression",
			CODE_BYTES >> 10);
	} else if (!c->is_plain) {
		c->located = jqscan_locate(c->source, n);
		c->unit = evaluator_add(e, c->located ? c->located : c->source, &c->scan);
	}
	return c;
}

void source_destroy(struct source *c)
{
	if (!c)
		return;
	path_finish(&c->plain);
	jqscan_finish(&c->scan);
	free(c->source);
	free(c->located);
	free(c);
}

/* Fills in what jqcheck has not said. */
static bool take_fault(struct jqfault *ret, size_t at, const char *text)
{
	if (!*ret->text) {
		ret->at = (ptrdiff_t)at;
		snprintf(ret->text, sizeof ret->text, "%.255s", text);
	}
	return false;
}

bool source_judge(struct source *c, const struct jqcheck_options *options,
	unsigned *compilations, struct jqfault *ret)
{
	struct jqfault fault = {0};
	struct error err;
	*ret = (struct jqfault){0};
	bool fine = jqcheck(c->source, strlen(c->source), options, &fault);
	if (!c->scan.refuses_name)
		*ret = fault;
	if (*c->scan.fault)
		return take_fault(ret, c->scan.fault_at, c->scan.fault);
	if (fine || c->is_plain)
		return true;
	if (*compilations == CODE_COMPILATIONS)
		return !*fault.text;
	++*compilations;
	return evaluator_try(c->evaluator, c->unit, &err) ||
	       take_fault(ret, (size_t)fault.at, err.text);
}

bool source_blame(const char *source, struct error *err)
{
	char text[160];
	const char *s = source + strspn(source, " \t\n");
	size_t n = strlen(s), max = sizeof text - 1;
	bool cut = n > max;
	if (cut) {
		for (n = max; n && ((unsigned char)s[n] & 0xC0) == 0x80;)
			n--;
	}
	while (n && strchr(" \t\n", s[n - 1]))
		n--;
	for (size_t i = 0; i < n; i++)
		text[i] = (unsigned char)s[i] < 0x20 ? ' ' : s[i];
	return error_prefix(err, "%.*s%s", (int)n, text, cut ? "..." : "");
}

static bool take(
	const struct evaluation *v, struct buf *out, bool *ret_faulty, struct error *err)
{
	switch (v->state) {
	case EVALUATION_WANTED: break;
	case EVALUATION_VALUE: buf_add(out, v->text.data, v->text.len); return true;
	case EVALUATION_FAULTY: *ret_faulty = true; /* fall through */
	case EVALUATION_FAILED:
		return error_set(err, ERROR_INPUT, "%s", buf_text(&v->text));
	}
	return error_set(err, ERROR_INPUT, "it is being evaluated");
}

/* The answer, if it is there; who has no question waits for it. */
static bool ask(const struct source *c, const struct scope *scope, struct buf *out,
	bool *ret_faulty, struct error *err)
{
	struct question own = {0}, *q = scope->question ? scope->question : &own;
	struct evaluation *v = question_look(q, c->evaluator, c->unit, scope, err);
	bool ok = v != NULL;
	q->wanting |= v && v->state == EVALUATION_WANTED;
	if (q == &own && own.wanting)
		ok = question_ask(&own);
	ok = ok && take(v, out, ret_faulty, err);
	question_finish(&own);
	return ok;
}

bool source_eval(const struct source *c, const struct scope *scope, struct buf *out,
	bool *ret_faulty, struct error *err)
{
	bool ok;
	if (*c->scan.fault)
		ok = error_set(err, ERROR_INPUT, "%s", c->scan.fault);
	else if (c->is_plain)
		ok = path_eval(&c->plain, scope, out, err);
	else
		ok = ask(c, scope, out, ret_faulty, err);
	*ret_faulty |= *c->scan.fault != '\0';
	if (!ok && (scope->discreet || words_has(&c->scan.variables, "secrets") ||
			   words_has(&c->scan.variables, "authorization")))
		error_set(err, ERROR_INPUT,
			"it failed; why is not shown, because it uses a secret");
	return ok || source_blame(c->source, err);
}
