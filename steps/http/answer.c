/* Answers: taking in headers and body, and turning them into an output. */
#include "http/answer.h"

#include "http/base64.h"
#include "http/url.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void http_answer_clear(struct http_answer *a)
{
	size_t limit = a->body_limit;
	http_answer_finish(a);
	a->body_limit = limit;
}

void http_answer_finish(struct http_answer *a)
{
	http_headers_finish(&a->headers);
	buf_finish(&a->body);
	*a = (struct http_answer){0};
}

/* "HTTP/1.1 200 OK" */
static void begin(struct http_answer *a, const char *line)
{
	const char *space = strchr(line, ' ');
	http_headers_finish(&a->headers);
	buf_clear(&a->body);
	a->headers_ended = false;
	a->status = space ? (int)strtol(space, NULL, 10) : 0;
}

/* A line that begins with white space goes on with the value before it (obsolete
 * folding). */
static void fold(struct http_answer *a, const char *text)
{
	if (a->headers.count == 0)
		return;
	struct http_header *last = &a->headers.items[a->headers.count - 1];
	char *joined = xasprintf("%s %s", last->value, text);
	free(last->value);
	last->value = joined;
}

static void add_line(struct http_answer *a, char *line)
{
	size_t n = strcspn(line, "\r\n");
	while (n && strchr(" \t", line[n - 1]))
		n--;
	line[n] = '\0';
	if (!*line) {
		a->headers_ended = true;
		return;
	}
	if (*line == ' ' || *line == '\t') {
		fold(a, line + strspn(line, " \t"));
		return;
	}
	char *colon = strchr(line, ':');
	if (!colon)
		return;
	*colon = '\0';
	http_headers_add(&a->headers, line, colon + 1 + strspn(colon + 1, " \t"));
}

bool http_answer_add_header(struct http_answer *a, const char *line, size_t n)
{
	bool status = n > 5 && memcmp(line, "HTTP/", 5) == 0;
	a->header_bytes += n;
	a->header_lines += !status && n && !strchr("\r\n", *line);
	if (a->header_bytes > HTTP_HEADERS_LIMIT ||
		a->header_lines > HTTP_HEADERS_COUNT) {
		a->headers_too_large = true;
		return false;
	}
	char *copy = xstrndup(line, n);
	if (status)
		begin(a, copy);
	else if (!a->headers_ended)
		add_line(a, copy);
	free(copy);
	return true;
}

bool http_answer_add_body(struct http_answer *a, const char *data, size_t n)
{
	size_t room = a->body_limit - a->body.len;
	a->body_too_large = n > room;
	buf_add(&a->body, data, a->body_too_large ? room : n);
	return !a->body_too_large;
}

bool http_answer_has_sound_length(const struct http_answer *a)
{
	const char *first = NULL;
	for (size_t i = 0; i < a->headers.count; i++) {
		const char *value = a->headers.items[i].value;
		if (strcasecmp(a->headers.items[i].name, "Content-Length") != 0)
			continue;
		size_t digits = strspn(value, "0123456789");
		if (digits == 0 || digits > 18 || value[digits])
			return false;
		if (first && strcmp(first, value) != 0)
			return false;
		first = value;
	}
	return true;
}

/* ---- Output ---- */

/* Appends the text as a JSON string; false, and nothing, if it is not UTF-8. */
static bool put_utf8(struct buf *out, const char *s, size_t n)
{
	static const struct json_limits limits = {.bytes = SIZE_MAX};
	struct buf text = {0};
	struct json ignored;
	json_put_string(&text, s, n);
	bool ok = json_check(text.data, text.len, &limits, &ignored, NULL, NULL);
	if (ok)
		buf_add(out, text.data, text.len);
	buf_finish(&text);
	return ok;
}

static void put_base64(struct buf *out, const struct buf *body)
{
	buf_putc(out, '"');
	base64_put(out, body->data, body->len);
	buf_putc(out, '"');
}

/* JSON by its label, or by its looks, as it came; else text as a string; else base64. */
static bool put_content(const struct http_answer *a, struct buf *out, struct error *err)
{
	static const struct json_limits limits = {.bytes = SIZE_MAX};
	const char *type = http_headers_get(&a->headers, "Content-Type");
	struct buf text = {0};
	struct json v;
	bool ok = true;
	http_answer_text(a, &text);
	if (text.len == 0)
		buf_puts(out, "null");
	else if (json_check(text.data, text.len, &limits, &v, NULL, err))
		json_put(out, v);
	else if (type && http_media_is_json(type))
		ok = false;
	else if (!put_utf8(out, text.data, text.len))
		put_base64(out, &a->body);
	buf_finish(&text);
	return ok;
}

/* A header's value has no stated encoding: what is not UTF-8 is read as Latin-1. */
static void put_header_text(struct buf *out, const char *s)
{
	struct buf text = {0};
	if (put_utf8(out, s, strlen(s)))
		return;
	for (const unsigned char *p = (const unsigned char *)s; *p; p++) {
		if (*p >= 0x80)
			buf_putc(&text, (char)(0xc0 | *p >> 6));
		buf_putc(&text, (char)(*p < 0x80 ? *p : 0x80 | (*p & 0x3f)));
	}
	json_put_string(out, buf_text(&text), text.len);
	buf_finish(&text);
}

static bool came_before(const struct http_headers *h, size_t i)
{
	for (size_t j = 0; j < i; j++) {
		if (strcasecmp(h->items[j].name, h->items[i].name) == 0)
			return true;
	}
	return false;
}

/* All values of the name: after commas, or, where these are part of them, in an array. */
static void put_values(struct buf *out, const struct http_headers *h, size_t i)
{
	bool apart = strcasecmp(h->items[i].name, "Set-Cookie") == 0;
	struct buf value = {0};
	if (apart)
		buf_putc(out, '[');
	for (size_t j = i; j < h->count; j++) {
		if (strcasecmp(h->items[j].name, h->items[i].name) != 0)
			continue;
		if (j > i)
			buf_puts(apart ? out : &value, apart ? "," : ", ");
		if (apart)
			put_header_text(out, h->items[j].value);
		else
			buf_puts(&value, h->items[j].value);
	}
	if (apart)
		buf_putc(out, ']');
	else
		put_header_text(out, buf_text(&value));
	buf_finish(&value);
}

static void put_member(
	struct buf *out, const char *name, const struct http_headers *h, size_t i)
{
	if (out->data[out->len - 1] != '{')
		buf_putc(out, ',');
	put_header_text(out, name);
	buf_putc(out, ':');
	put_values(out, h, i);
}

/* Like-This, or like-this. */
static void spell(char *name, bool capitals)
{
	bool first = true;
	for (; *name; name++) {
		*name = (char)(capitals && first ? toupper((unsigned char)*name)
						 : tolower((unsigned char)*name));
		first = *name == '-';
	}
}

/* A header in its first spelling, and, for who looks it up in an answer, with capitals
 * and in small letters. */
static void put_headers(
	struct buf *out, const struct http_headers *h, size_t i, bool looked_up)
{
	const char *name = h->items[i].name;
	char *capitals = xstrdup(name), *small = xstrdup(name);
	spell(capitals, true);
	spell(small, false);
	put_member(out, name, h, i);
	if (looked_up && strcmp(capitals, name) != 0)
		put_member(out, capitals, h, i);
	if (looked_up && strcmp(small, name) != 0 && strcmp(small, capitals) != 0)
		put_member(out, small, h, i);
	free(capitals);
	free(small);
}

static void put_request(struct buf *out, const struct http_arguments *args,
	const struct http_request *request, const char *url)
{
	struct buf shown = {0};
	if (args->secret_endpoint || args->secret_query)
		http_url_put_shown(&shown, url, args->secret_endpoint);
	else
		buf_puts(&shown, url);
	buf_putc(out, '{');
	json_put_key(out, "method");
	json_put_text(out, request->method);
	json_put_key(out, "uri");
	json_put_text(out, buf_text(&shown));
	json_put_key(out, "headers");
	buf_putc(out, '{');
	for (size_t i = 0; i < request->headers.count; i++) {
		const struct http_header *h = &request->headers.items[i];
		bool secret = http_header_is_secret(h->name) ||
			      (h->author && args->secret_headers);
		if (!secret && !came_before(&request->headers, i))
			put_headers(out, &request->headers, i, false);
	}
	buf_puts(out, "}}");
	buf_finish(&shown);
}

static bool put_response(const struct http_answer *a, const struct http_arguments *args,
	const struct http_request *request, const char *url, struct buf *out,
	struct error *err)
{
	buf_putc(out, '{');
	json_put_key(out, "request");
	put_request(out, args, request, url);
	buf_printf(out, ",\"statusCode\":%d", a->status);
	json_put_key(out, "headers");
	buf_putc(out, '{');
	for (size_t i = 0; i < a->headers.count; i++) {
		if (!came_before(&a->headers, i))
			put_headers(out, &a->headers, i, true);
	}
	buf_putc(out, '}');
	json_put_key(out, "content");
	bool ok = put_content(a, out, err);
	buf_putc(out, '}');
	return ok;
}

bool http_answer_output(const struct http_answer *a, const struct http_request *request,
	const char *url, struct effect *effect)
{
	const struct http_arguments *args = effect->task->spec;
	struct buf *out = &effect->output;
	struct error err = {0};
	bool ok = true;
	switch (args->output) {
	case HTTP_RAW: put_base64(out, &a->body); break;
	case HTTP_CONTENT: ok = put_content(a, out, &err); break;
	case HTTP_RESPONSE: ok = put_response(a, args, request, url, out, &err); break;
	}
	if (ok)
		return true;
	buf_clear(out);
	struct buf shown = {0};
	http_url_put_shown(&shown, url, args->secret_endpoint);
	fault_set(effect_fault(effect), PROBLEM_COMMUNICATION,
		"%s %s answered %d with what is labelled JSON and is not: %s",
		request->method, buf_text(&shown), a->status, err.text);
	effect_fault(effect)->uncertain = !request->safe;
	buf_finish(&shown);
	return false;
}
