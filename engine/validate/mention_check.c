/*
 * What can be said of an expression without compiling it: that it mentions what must not
 * be there ($task.attempt in a request: the same stepId always carries the same request;
 * $secrets: see secret_check.c). The expression module judges the rest.
 */
#include "expression/source.h"
#include "validate/inspection.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool ends_word(char c)
{
	return !isalnum((unsigned char)c) && c != '_';
}

static const char *after_spaces(const char *p)
{
	while (isspace((unsigned char)*p))
		p++;
	return p;
}

static bool mentions_attempt(const char *s)
{
	for (const char *p = s; (p = strstr(p, "$task")); p++) {
		const char *q = after_spaces(p + 5);
		if (*q == '.')
			q = after_spaces(q + 1);
		if (*q == '[')
			q = after_spaces(q + 1);
		if (*q == '"')
			q++;
		if (q > p + 5 && strncmp(q, "attempt", 7) == 0 && ends_word(q[7]))
			return true;
	}
	return false;
}

static void check_text(
	struct inspection *in, const char *s, struct json v, const struct spot *place)
{
	if (in->in_request && mentions_attempt(s))
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"$task.attempt would make a retry send another request than the "
			"first "
			"attempt did; use $task.stepId, or $task.attempt in output.as, "
			"export.as "
			"or a retry policy's when");
}

/* An expression: where it stands, and the byte of the string's content where it begins.
 */
struct mention {
	struct inspection *in;
	struct json v;
	const struct spot *place;
	size_t at;
};

static struct json find(const struct mention *m, ptrdiff_t at)
{
	return (struct json){json_string_place(m->v, m->at + (size_t)at), 1};
}

static void suspect(const struct mention *m, const struct jqfault *fault)
{
	if (!m->in->loose)
		inspection_suspect(m->in, m->place, find(m, fault->at), fault->text);
}

/* A $name that nobody binds is null: most likely it is misspelt. */
static void on_variable(void *ctx, size_t at, const char *s, size_t n)
{
	const struct mention *m = ctx;
	struct buf name = {0};
	if (m->in->count >= INSPECTION_MAX) { /* to find each place takes its time */
		m->in->cut = true;
		return;
	}
	json_put_string(&name, s, n);
	struct json string = {name.data, name.len};
	if (!names_find(&m->in->arguments, string)) {
		const char *near = names_nearest(&m->in->arguments, string);
		inspection_report(m->in, FINDING_WARNING, m->place,
			find(m, (ptrdiff_t)at),
			"$%.*s is bound by nothing here: the expression would fail%s%s%s",
			n > 64 ? 64 : (int)n, s, near ? "; did you mean $" : "",
			near ? near : "", near ? "?" : "");
	}
	buf_finish(&name);
}

/* Where the source first names that step, for the finding. */
static ptrdiff_t find_step(const char *source, size_t n, const char *step)
{
	const char *steps = memmem(source, n, "$steps", 6);
	size_t rest = steps ? n - (size_t)(steps - source) : 0;
	const char *at = steps ? memmem(steps, rest, step, strlen(step)) : NULL;
	return at ? at - source : 0;
}

static void check_steps(
	const struct mention *m, const struct source *code, const char *source, size_t n)
{
	const struct words *names = &code->scan.steps.names;
	for (size_t i = 0; i < names->n && !words_has(&code->scan.bound, "steps"); i++)
		steps_check(m->in, m->place,
			find(m, find_step(source, n, names->items[i])), names->items[i]);
}

static void check_code(struct mention *m, const char *source, size_t n)
{
	struct jqcheck_options options = {.on_variable = on_variable, .ctx = m};
	struct evaluator *none = evaluator_create(0, 0);
	struct source *code = source_create(none, source, n);
	struct jqfault fault;
	if (!m->in->loose)
		check_steps(m, code, source, n);
	/* In loose mode it may be text all the same. */
	if (!source_judge(
		    code, m->in->loose ? NULL : &options, &m->in->compilations, &fault))
		suspect(m, &fault);
	evaluator_destroy(none);
	source_destroy(code);
}

static void check_segments(struct mention *m, char *s, size_t n)
{
	size_t length;
	for (m->at = 0; jqscan_find(s, n, &m->at, &length); m->at += length + 1) {
		if (length != SIZE_MAX) {
			check_code(m, s + m->at, length);
			continue;
		}
		struct jqfault fault;
		jqcheck(s + m->at, n - m->at, &(struct jqcheck_options){.embedded = true},
			&fault);
		suspect(m, &fault);
		return;
	}
}

static void check_string(
	struct inspection *in, struct json v, const struct spot *place, bool implicit)
{
	struct mention m = {in, v, place, 0};
	struct buf b = {0};
	if (!implicit && !in->loose && v.n > 1 && v.s[1] != '.' &&
		!isspace((unsigned char)v.s[1]) && !memchr(v.s, '$', v.n) &&
		!memchr(v.s, '\\', v.n) && !memchr(v.s, '{', v.n))
		return;
	json_string(v, &b);
	const char *s = after_spaces(buf_text(&b));
	bool marked = implicit ? strncmp(s, "${", 2) == 0 : strstr(s, "${") != NULL;
	if (implicit || in->loose || marked)
		check_text(in, s, v, place);
	if (strstr(s, "secrets"))
		secret_check(in, v, place, implicit);
	if (marked)
		check_segments(&m, b.data, b.len);
	else if (implicit || (in->loose && b.len))
		check_code(&m, buf_text(&b), b.len);
	else
		habit_check_text(in, s, v, place);
	buf_finish(&b);
}

void mention_check(
	struct inspection *in, struct json v, const struct spot *place, bool implicit)
{
	enum json_type type = json_type(v);
	struct json_iter it = json_iter(v);
	struct spot below = {.up = place};
	struct json value;
	if (type == JSON_STRING) {
		check_string(in, v, place, implicit);
	} else if (type == JSON_OBJECT) {
		while (json_next_member(&it, &below.key, &value))
			mention_check(in, value, &below, false);
	} else if (type == JSON_ARRAY) {
		for (; json_next_element(&it, &value); below.index++)
			mention_check(in, value, &below, false);
	}
}
