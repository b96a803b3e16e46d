/*
 * What can be said of an expression without compiling it: that it mentions what must not
 * be there ($task.attempt in a request: the same stepId always carries the same request;
 * $secrets: see secret_check.c). The expression module judges the rest.
 */
#include "inspection.h"

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
	struct inspection *in, const char *s, struct json v, const struct place *place)
{
	if (in->in_request && mentions_attempt(s))
		inspection_report(in, FINDING_UNSUPPORTED, place, v,
			"$task.attempt would make a retry send another request than the "
			"first "
			"attempt did; use $task.stepId, or $task.attempt in output.as, "
			"export.as "
			"or a retry policy's when");
}

static void check_string(
	struct inspection *in, struct json v, const struct place *place, bool implicit)
{
	if (!memchr(v.s, '$', v.n) && !memchr(v.s, '\\', v.n))
		return;
	struct buf b = {0};
	json_string(v, &b);
	const char *s = after_spaces(buf_text(&b));
	if (implicit || in->loose || strstr(s, "${"))
		check_text(in, s, v, place);
	if (strstr(s, "secrets"))
		secret_check(in, v, place, implicit);
	buf_finish(&b);
}

void mention_check(
	struct inspection *in, struct json v, const struct place *place, bool implicit)
{
	enum json_type type = json_type(v);
	struct json_iter it = json_iter(v);
	struct place below = {.up = place};
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
