/* The table of targets and what they share. */
#include "fuzz.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TARGETS(X)    \
	X(answer)     \
	X(definition) \
	X(event)      \
	X(expression) \
	X(formats)    \
	X(journal)    \
	X(jq)         \
	X(jqchild)    \
	X(jqparent)   \
	X(json)       \
	X(openapi)    \
	X(reach)      \
	X(schema)     \
	X(sql)        \
	X(url)        \
	X(yaml)

#define DECLARE(name) void fuzz_##name(const char *data, size_t n);
#define LIST(name) {#name, fuzz_##name},

TARGETS(DECLARE)

const struct fuzz_target fuzz_targets[] = {TARGETS(LIST){NULL, NULL}};

const struct fuzz_target *fuzz_find(const char *name)
{
	for (const struct fuzz_target *t = fuzz_targets; t->name; t++)
		if (strcmp(t->name, name) == 0)
			return t;
	return NULL;
}

void fuzz_fail(const char *condition, const char *format, ...)
{
	va_list args;
	fprintf(stderr, "%s does not hold: ", condition);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	abort();
}

struct fuzz_parts fuzz_parts(const char *data, size_t n)
{
	return (struct fuzz_parts){data, data + n};
}

char *fuzz_part(struct fuzz_parts *in, size_t *ret_n)
{
	static const char mark[] = "\n----\n";
	const char *s = in->p ? in->p : "";
	size_t n = in->p ? (size_t)(in->end - in->p) : 0;
	const char *at = n ? memmem(s, n, mark, sizeof mark - 1) : NULL;
	if (at)
		n = (size_t)(at - s);
	in->p = at ? at + sizeof mark - 1 : NULL;
	char *copy = xmalloc(n ? n : 1);
	memcpy(copy, s, n);
	*ret_n = n;
	return copy;
}

char *fuzz_part_text(struct fuzz_parts *in)
{
	size_t n;
	char *part = fuzz_part(in, &n), *text = xstrndup(part, n);
	free(part);
	return text;
}

struct json fuzz_part_json(struct fuzz_parts *in, char **ret_text)
{
	struct json v;
	size_t n;
	*ret_text = fuzz_part(in, &n);
	return json_check(*ret_text, n, NULL, &v, NULL, NULL) ? v : (struct json){0};
}

uint32_t fuzz_hash(const char *data, size_t n)
{
	uint32_t h = 2166136261u;
	for (size_t i = 0; i < n; i++)
		h = (h ^ (unsigned char)data[i]) * 16777619u;
	return h >> 8;
}

void fuzz_must_be_json(const char *s, size_t n, const char *what)
{
	struct json v;
	struct error err = {0};
	must(json_check(s, n, &(struct json_limits){.bytes = SIZE_MAX, .depth = 200}, &v,
		     NULL, &err),
		"%s: %s: %.*s", what, err.text, (int)(n < 400 ? n : 400), s);
}
