/* The answer to a request, as libcurl hands it over: header lines, then the body in
 * pieces. What becomes of it is JSON, or a fault with a reason. */
#include "fuzz.h"

#include "http/answer.h"

#include <stdlib.h>
#include <string.h>

#define URL "https://api.test/a?q=secret"
#define RETRY_MOST INT64_C(86400000000)

static bool take_headers(struct http_answer *a, const char *s, size_t n)
{
	const char *end = s + n;
	while (s < end) {
		const char *newline = memchr(s, '\n', (size_t)(end - s));
		size_t length = (size_t)((newline ? newline + 1 : end) - s);
		if (!http_answer_add_header(a, s, length))
			return false;
		s += length;
	}
	return true;
}

static void take_body(struct http_answer *a, const char *s, size_t n)
{
	for (size_t at = 0, piece; at < n; at += piece) {
		piece = n - at < 13 ? n - at : 13;
		if (!http_answer_add_body(a, s + at, piece))
			break;
	}
	must(a->body.len <= a->body_limit, "the body has %zu bytes", a->body.len);
}

static void check_outcome(const struct http_answer *a, enum http_output output)
{
	struct http_arguments arguments = {.output = output};
	struct task task = {.spec = &arguments, .name = "t", .reference = "/do/0/t"};
	struct http_request request = {.method = "POST", .url = URL};
	struct fault fault = {0};
	struct effect effect = {.task = &task};
	const struct buf *out = &effect.output;
	http_headers_add(&request.headers, "X-Trace", "1");
	http_headers_add(&request.headers, "X-Api-Key", "hunter2hunter2");
	if (http_answer_output(a, &request, URL, &effect))
		fuzz_must_be_json(out->data, out->len, "an output");
	else
		must(out->len == 0 && *effect_fault(&effect)->detail, "no detail");
	http_answer_fault(a, &task, &request, URL, &fault);
	must(*fault.detail && !strstr(fault.detail, "hunter2hunter2"), "detail: %s",
		fault.detail);
	must(fault.retry_after >= 0 && fault.retry_after <= RETRY_MOST,
		"again after %lld", (long long)fault.retry_after);
	struct value *problem = problem_create(&fault, "/do/0/t");
	fuzz_must_be_json(value_json(problem).s, value_json(problem).n, "a problem");
	value_unref(problem);
	effect_finish(&effect);
	http_headers_finish(&request.headers);
}

/* Header lines, then the body. */
void fuzz_answer(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	struct http_answer a = {.body_limit = 4096};
	size_t length;
	char *headers = fuzz_part(&in, &length);
	if (take_headers(&a, headers, length)) {
		char *body = fuzz_part(&in, &length);
		take_body(&a, body, length);
		for (int o = HTTP_CONTENT; o <= HTTP_RESPONSE; o++)
			check_outcome(&a, (enum http_output)o);
		free(body);
	}
	http_answer_finish(&a);
	free(headers);
}
