/*
 * The answer to one HTTP request while it comes in, and what is made of it: the task's
 * output or a fault. Both its headers and its body are bounded.
 */
#ifndef STEPWELL_HTTP_ANSWER_H
#define STEPWELL_HTTP_ANSWER_H

#include "definition/problem.h"
#include "http/headers.h"
#include "http/request.h"

#define HTTP_BODY_LIMIT (1u << 20)     /* bytes, where the settings say nothing */
#define HTTP_HEADERS_LIMIT (64u << 10) /* bytes of all header lines of one transfer */
#define HTTP_HEADERS_COUNT 200u        /* these lines, without those of a status */

struct http_answer {
	int status;
	struct http_headers headers;
	bool headers_ended; /* they are whole; what comes now are trailers, which are
			       ignored */
	struct buf body;
	size_t header_bytes, header_lines;
	size_t body_limit;
	bool headers_too_large, body_too_large; /* then the rest was not read */
};

/* As before the first byte; body_limit stays. */
void http_answer_clear(struct http_answer *a);
void http_answer_finish(struct http_answer *a);

/* One header line, the status line too, as libcurl gives them: a new status line begins a
 * new answer (1xx, authentication). False once they are too large. */
MUST_CHECK bool http_answer_add_header(struct http_answer *a, const char *line, size_t n);
/* A part of the body. False once it is too large; then it is full up to its limit. */
MUST_CHECK bool http_answer_add_body(struct http_answer *a, const char *data, size_t n);

/* Whether Content-Length, if there is any, says one length (RFC 9112, 6.3). libcurl reads
 * on until the connection closes where it is too long a number, and then a body that was
 * cut off looks whole. */
bool http_answer_has_sound_length(const struct http_answer *a);

/* Appends the body as text: decoded where its charset is declared and known, without a
 * byte order mark; else as it came. */
void http_answer_text(const struct http_answer *a, struct buf *out);

/* What the task outputs, in effect->output. url is the last one that was asked. A body
 * that is labelled as JSON and is none is a fault, uncertain like any output that is
 * refused: the effect has happened, and what may happen once only must not be sent again.
 */
MUST_CHECK bool http_answer_output(const struct http_answer *a,
	const struct http_request *request, const char *url, struct effect *effect);

/* The fault that an error status is: detail with method, URL without query and the
 * answer's first 200 bytes, and Retry-After of 429 and 503. */
void http_answer_fault(const struct http_answer *a, const struct task *task,
	const struct http_request *request, const char *url, struct fault *ret);

#endif
