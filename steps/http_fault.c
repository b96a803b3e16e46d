/* What an error status becomes: the text for the author, and when to come again. */
#include "clock.h"
#include "http_answer.h"
#include "http_url.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXCERPT 200
#define RETRY_AFTER_MAX (86400 * USEC_PER_SEC)

/* Blots the secret out wherever the text repeats it; short ones would blot out anything.
 */
static void blot(struct buf *text, const char *secret)
{
	size_t n = secret ? strlen(secret) : 0;
	size_t from = 0;
	if (n < 4)
		return;
	while (from < text->len) {
		char *at = memmem(text->data + from, text->len - from, secret, n);
		if (!at)
			return;
		memset(at, '*', n);
		from = (size_t)(at - text->data) + n;
	}
}

/* An answer that repeats its request could show what that holds, in whatever form: only
 * the credentials of `authentication` are known well enough to blot them out. */
static bool is_shown(const struct http_arguments *args)
{
	return !args->secret_endpoint && !args->secret_query && !args->secret_headers &&
	       !args->secret_body;
}

static void blot_secrets(struct buf *text, const struct http_request *request)
{
	if (request->credentials.secret_value)
		blot(text, request->credentials.username);
	blot(text, request->credentials.secret);
	blot(text, request->credentials.parameter);
	for (size_t i = 0; i < request->headers.count; i++) {
		const struct http_header *h = &request->headers.items[i];
		if (http_header_is_secret(h->name))
			blot(text, h->value);
	}
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

/* Seconds, or a date that counts from the answer's own Date. Without that it says
 * nothing: the machine's wall clock is never asked. */
static int64_t read_retry_after(const struct http_answer *a)
{
	const char *text = http_headers_get(&a->headers, "Retry-After");
	const char *date = http_headers_get(&a->headers, "Date");
	int64_t then, now, wait = 0;
	if (!text)
		return 0;
	if (isdigit((unsigned char)*text)) {
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
	/* Enough that no secret is cut before it is recognised, and never the whole of 1
	 * MiB. */
	if (is_shown(args))
		buf_add(&text, a->body.data, a->body.len < 65536 ? a->body.len : 65536);
	blot_secrets(&text, request);
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
