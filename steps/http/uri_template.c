/* Simple string expansion of URI templates. */
#include "http/uri_template.h"

#include "http/url.h"

#include <stdlib.h>
#include <string.h>

/* The names between braces are no other level's operators or modifiers. */
static bool check_names(const char *names, size_t n, struct error *err)
{
	if (n == 0 || strchr("+#./;?&=,!@|", *names) || memchr(names, '*', n) ||
		memchr(names, ':', n) || memchr(names, '{', n))
		return error_set(err, ERROR_INPUT,
			"{%.*s}: only simple expansion, {name}, is supported in a URI "
			"template",
			(int)(n < 100 ? n : 100), names);
	return true;
}

bool uri_template_is(struct json v)
{
	char *text = json_strdup(v);
	bool is = text && strchr(text, '{') && !strstr(text, "${");
	free(text);
	return is;
}

bool uri_template_check(const char *text, struct error *err)
{
	for (const char *p = text; (p = strpbrk(p, "{}")); p++) {
		const char *end = *p == '{' ? strchr(p, '}') : NULL;
		if (!end)
			return error_set(err, ERROR_INPUT,
				"unbalanced braces in the URI template");
		if (!check_names(p + 1, (size_t)(end - p - 1), err))
			return false;
		p = end;
	}
	return true;
}

static bool put_value(
	const char *name, struct json value, struct buf *out, struct fault *f)
{
	struct buf text = {0};
	bool ok = true;
	switch (json_type(value)) {
	case JSON_NONE:
	case JSON_NULL: break;
	case JSON_TRUE:
	case JSON_FALSE:
	case JSON_NUMBER: buf_add(&text, value.s, value.n); break;
	case JSON_STRING: json_string(value, &text); break;
	case JSON_ARRAY:
	case JSON_OBJECT:
		ok = fault_set(f, PROBLEM_EXPRESSION,
			"URI: \"%s\" must be a string, number, boolean or null", name);
		break;
	}
	/* Unreserved, so not encoded; but as a path segment they would climb. */
	if (!strcmp(buf_text(&text), ".") || !strcmp(buf_text(&text), ".."))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"URI: \"%s\" is \"%s\", which would change the URL's path", name,
			buf_text(&text));
	if (ok)
		http_url_put_escaped(out, buf_text(&text), text.len);
	buf_finish(&text);
	return ok;
}

/* A member of that name, or what its parts between the dots lead to. */
static struct json find_value(struct json vars, const char *name)
{
	struct json v = json_get(vars, name);
	const char *dot = strchr(name, '.');
	if (v.s || !dot)
		return v;
	char *first = xstrndup(name, (size_t)(dot - name));
	v = json_get(vars, first);
	free(first);
	return find_value(v, dot + 1);
}

static bool put_names(const char *p, const char *end, struct json vars, struct buf *out,
	struct fault *f)
{
	for (;;) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		size_t n = (size_t)((comma ? comma : end) - p);
		char *name = xstrndup(p, n);
		bool ok = put_value(name, find_value(vars, name), out, f);
		free(name);
		if (!ok || !comma)
			return ok;
		buf_putc(out, ',');
		p = comma + 1;
	}
}

bool uri_template_expand(
	const char *text, struct json variables, struct buf *out, struct fault *ret_fault)
{
	const char *open;
	while ((open = strchr(text, '{'))) {
		buf_add(out, text, (size_t)(open - text));
		const char *end = strchr(open, '}');
		if (!put_names(open + 1, end, variables, out, ret_fault))
			return false;
		text = end + 1;
	}
	buf_puts(out, text);
	return true;
}

bool uri_template_compile(struct compiler *c, struct json field, struct error *err)
{
	struct error why = {0};
	if (!uri_template_is(field))
		return true;
	char *text = json_strdup(field);
	bool ok = uri_template_check(text, &why);
	free(text);
	return ok || compiler_refuse(c, field, err, "%s", why.text);
}

bool uri_template_render(struct json field, struct json variables, struct buf *out,
	struct fault *ret_fault)
{
	char *text = json_strdup(field);
	bool ok = uri_template_expand(text, variables, out, ret_fault);
	free(text);
	return ok;
}
