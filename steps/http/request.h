/*
 * The request of one `call: http`: its arguments as compiled, and one rendering of them,
 * in which everything that is sent is decided. Two renderings of the same step have the
 * same digest unless an expression's value changed; credentials are not in it.
 */
#ifndef STEPWELL_HTTP_REQUEST_H
#define STEPWELL_HTTP_REQUEST_H

#include "definition/task.h"
#include "http/credentials.h"
#include "http/headers.h"

enum http_output { HTTP_CONTENT, HTTP_RAW, HTTP_RESPONSE };

/* `with`, compiled: task->spec. */
struct http_arguments {
	struct expression *method;
	char *uri_template;          /* NULL: the endpoint is an expression */
	struct expression *endpoint; /* NULL: it is a template */
	struct expression *headers;  /* NULL: none; so with the next two */
	struct expression *query;
	struct expression *body;
	struct http_policy authentication;
	enum http_output output;
	bool redirect; /* 3xx is no error, and is followed for GET and HEAD */
	/* Which parts may hold secrets (they mention $secrets, or the input does): not
	 * shown to anybody. */
	bool secret_endpoint, secret_query, secret_headers, secret_body;
};

struct http_request {
	struct request base;
	char *method; /* upper case */
	char *url;
	struct http_headers headers; /* in the order of sending, without Authorization */
	struct buf body;
	bool has_body;
	bool safe; /* GET, HEAD, OPTIONS: asks, changes nothing */
	struct http_credentials credentials;
};

MUST_CHECK bool http_arguments_compile(struct compiler *c, const struct task *task,
	struct http_arguments *ret, struct error *err);
void http_arguments_finish(struct http_arguments *a);

/* struct effect_kind's render. */
MUST_CHECK bool http_request_render(
	const struct render *in, struct request **ret, struct fault *ret_fault);

#endif
