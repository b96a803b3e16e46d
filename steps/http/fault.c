/* What an error status becomes: the text for the author, and when to come again. */
#include "base/clock.h"
#include "http/answer.h"
#include "http/url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXCERPT 200
#define RECOGNISED 6 /* letters and digits in a row */
#define RETRY_AFTER_MAX (86400 * USEC_PER_SEC)

/* Whether the text repeats the value, in whatever writing: escapes leave letters and
 * digits as they are. One that has too few of them in a row could be anywhere. */
static bool repeats(const struct buf *text, const char *value)
{
	bool known = false;
	for (size_t i = 0, row = 0; value[i]; i++) {
		row = isascii(value[i]) && isalnum((unsigned char)value[i]) ? row + 1 : 0;
		if (row < RECOGNISED)
			continue;
		known = true;
		if (memmem(buf_text(text), text->len, value + i + 1 - RECOGNISED,
			    RECOGNISED))
			return true;
	}
	return !known;
}

static bool repeats_credentials(
	const struct buf *text, const struct http_request *request)
{
	const struct http_credentials *c = &request->credentials;
	const char *values[] = {
		c->secret_value ? c->username : NULL, c->secret, c->parameter};
	for (size_t i = 0; i < sizeof values / sizeof *values; i++)
		if (values[i] && repeats(text, values[i]))
			return true;
	for (size_t i = 0; i < request->headers.count; i++) {
		const struct http_header *h = &request->headers.items[i];
		const char *scheme = strchr(h->value, ' ');
		if (http_header_is_secret(h->name) &&
			repeats(text, scheme ? scheme : h->value))
			return true;
	}
	return false;
}

/* An answer that repeats its request could show what that holds, in whatever form: only
 * the credentials of `authentication` are known well enough to be recognised. */
static bool is_shown(const struct buf *text, const struct http_request *request,
	const struct http_arguments *args)
{
	return !args->secret_endpoint && !args->secret_query && !args->secret_headers &&
	       !args->secret_body && !repeats_credentials(text, request);
}

/* Not longer than EXCERPT, not cut inside a character, no control characters. */
static void make_printable(struct buf *text)
{
	if (text->len > EXCERPT) {
		text->len = EXCERPT;
		while (text->len && ((unsigned char)text->data[text->len] & 0xc0) == 0x80)
			text->len--;
	}
	for (size_t i = 0; i < text->len; i++) {
		if ((unsigned char)text->data[i] < 0x20 || text->data[i] == 0x7f)
			text->data[i] = ' ';
	}
	if (text->data)
		text->data[text->len] = '\0';
}

/* A whole number of seconds, or a date of HTTP that counts from the answer's own Date:
 * the machine's wall clock is never asked. Anything else ("1.5", another form of date)
 * says nothing. */
static int64_t read_retry_after(const struct http_answer *a)
{
	const char *text = http_headers_get(&a->headers, "Retry-After");
	const char *date = http_headers_get(&a->headers, "Date");
	int64_t then, now, wait = 0;
	if (!text)
		return 0;
	if (*text && !text[strspn(text, "0123456789")]) {
		unsigned long long seconds = strtoull(text, NULL, 10);
		wait = seconds > 86400 ? RETRY_AFTER_MAX
				       : (int64_t)seconds * USEC_PER_SEC;
	} else if (date && clock_parse_http(text, &then) &&
		   clock_parse_http(date, &now)) {
		wait = then - now;
	}
	if (wait < 0)
		return 0;
	return wait < RETRY_AFTER_MAX ? wait : RETRY_AFTER_MAX;
}

void http_answer_fault(const struct http_answer *a, const struct task *task,
	const struct http_request *request, const char *url, struct fault *ret)
{
	const struct http_arguments *args = task->spec;
	struct buf shown = {0}, text = {0};
	http_url_put_shown(&shown, url, args->secret_endpoint);
	http_answer_text(a, &text);
	text.len = text.len <= EXCERPT ? text.len : EXCERPT + 1;
	if (!is_shown(&text, request, args))
		buf_clear(&text);
	make_printable(&text);
	fault_set(ret, PROBLEM_COMMUNICATION, "%s %.400s answered %d%s%s",
		request->method, buf_text(&shown), a->status, text.len ? ": " : "",
		buf_text(&text));
	ret->status = a->status;
	snprintf(ret->title, sizeof ret->title, "HTTP %d", a->status);
	ret->uncertain = false;
	ret->retry_after = a->status == 429 || a->status == 503 ? read_retry_after(a) : 0;
	buf_finish(&shown);
	buf_finish(&text);
}
