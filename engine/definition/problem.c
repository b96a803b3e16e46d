/* Problem documents and the spellings of the standard error types. */
#include "definition/problem.h"

#include "json/names.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
	const char *name, *title;
	int status;
} types[] = {
	[PROBLEM_CONFIGURATION] = {"configuration", "Configuration error", 400},
	[PROBLEM_VALIDATION] = {"validation", "Validation error", 400},
	[PROBLEM_EXPRESSION] = {"expression", "Expression error", 400},
	[PROBLEM_AUTHENTICATION] = {"authentication", "Authentication error", 401},
	[PROBLEM_AUTHORIZATION] = {"authorization", "Authorization error", 403},
	[PROBLEM_TIMEOUT] = {"timeout", "Timeout", 408},
	[PROBLEM_COMMUNICATION] = {"communication", "Communication error", 500},
	[PROBLEM_RUNTIME] = {"runtime", "Runtime error", 500},
};

bool fault_set(struct fault *f, enum problem_type type, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	f->type = type;
	vsnprintf(f->detail, sizeof f->detail, format, args);
	va_end(args);
	return false;
}

/* Text cut by snprintf may end inside a UTF-8 sequence; what is not valid becomes '?'. */
static void put_clean_string(struct buf *out, const char *s)
{
	struct buf text = {0};
	struct json ignored;
	json_put_text(&text, s);
	if (!json_check(text.data, text.len, NULL, &ignored, NULL, NULL)) {
		for (size_t i = 0; i < text.len; i++) {
			if ((unsigned char)text.data[i] >= 0x80)
				text.data[i] = '?';
		}
	}
	buf_add(out, text.data, text.len);
	buf_finish(&text);
}

struct value *problem_create(const struct fault *f, const char *instance)
{
	struct buf b = {0};
	buf_printf(&b, "{\"type\":\"" PROBLEM_BASE "%s\",\"status\":%d,\"title\":",
		types[f->type].name, f->status ? f->status : types[f->type].status);
	put_clean_string(&b, *f->title ? f->title : types[f->type].title);
	if (*f->detail) {
		buf_puts(&b, ",\"detail\":");
		put_clean_string(&b, f->detail);
	}
	buf_puts(&b, ",\"instance\":");
	json_put_text(&b, instance);
	buf_putc(&b, '}');
	struct value *v = value_create((struct json){b.data, b.len});
	buf_finish(&b);
	return v;
}

/* The name of a standard error, or NULL: both bases and both paths are in use. */
static const char *standard_name(const char *uri)
{
	static const char *const prefixes[] = {
		PROBLEM_BASE,
		"https://open-workflow-specification.org/dsl/errors/types/",
		"https://serverlessworkflow.io/spec/1.0.0/errors/",
		"https://serverlessworkflow.io/dsl/errors/types/",
	};
	for (size_t i = 0; i < sizeof prefixes / sizeof *prefixes; i++) {
		size_t n = strlen(prefixes[i]);
		if (strncmp(uri, prefixes[i], n) != 0)
			continue;
		for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
			if (strcmp(uri + n, types[t].name) == 0)
				return types[t].name;
		}
	}
	return NULL;
}

/* What stands behind the last "/" of an address of the specification, or a name alone. */
static const char *last_part(const char *type)
{
	static const char *const hosts[] = {"open-workflow-specification.org/spec/",
		"open-workflow-specification.org/dsl/", "serverlessworkflow.io/spec/",
		"serverlessworkflow.io/dsl/"};
	const char *host = strstr(type, "://");
	if (!host)
		return strpbrk(type, ":/") ? NULL : type;
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		if (strncmp(host + 3, hosts[i], strlen(hosts[i])) == 0)
			return strrchr(type, '/') + 1;
	}
	return NULL;
}

const char *problem_type_meant(const char *type)
{
	const char *name = last_part(type), *best = NULL;
	unsigned distance = 3;
	if (!name || standard_name(type))
		return NULL;
	for (size_t t = 0; t < sizeof types / sizeof *types; t++) {
		unsigned d = word_distance(name, types[t].name);
		if (d < distance) {
			distance = d;
			best = types[t].name;
		}
	}
	return best;
}

bool problem_type_equal(const char *a, const char *b)
{
	const char *x = standard_name(a), *y = standard_name(b);
	return x && y ? x == y : strcmp(a, b) == 0;
}
