/* Compiles the `with` of `call: http`. validate has accepted its shape. */
#include "http/request.h"
#include "http/uri_template.h"

#include <stdlib.h>
#include <string.h>

/* "https://x/{id}" is a template; what has a ${ } anywhere is an expression instead. */
static bool compile_endpoint(
	struct compiler *c, struct json uri, struct http_arguments *a, struct error *err)
{
	char *text = json_strdup(uri);
	if (!text)
		return compiler_refuse(
			c, uri, err, "the endpoint's URI must be a string");
	if (strstr(text, "${")) {
		free(text);
		return compiler_expression(c, uri, EXPRESSION_VALUE, &a->endpoint, err);
	}
	a->uri_template = text;
	struct error why = {0};
	if (!uri_template_check(text, &why))
		return compiler_refuse(c, uri, err, "%s", why.text);
	return true;
}

static bool check_key_header(
	struct compiler *c, const struct task *task, struct error *err)
{
	const char *name = task->metadata.key_header;
	if (name && !http_token_is(name, strlen(name)))
		return compiler_refuse(c, json_get(task->node, "metadata"), err,
			"idempotencyKey: this cannot be the name of a header");
	return true;
}

static enum http_output read_output(struct json v)
{
	if (json_string_is(v, "raw"))
		return HTTP_RAW;
	return json_string_is(v, "response") ? HTTP_RESPONSE : HTTP_CONTENT;
}

bool http_arguments_compile(struct compiler *c, const struct task *task,
	struct http_arguments *a, struct error *err)
{
	struct json with = json_get(task->node, "with");
	struct json endpoint = json_get(with, "endpoint"), uri = endpoint, policy = {0};
	const struct {
		const char *key;
		struct expression **slot;
	} parts[] = {{"method", &a->method}, {"headers", &a->headers},
		{"query", &a->query}, {"body", &a->body}};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (!compiler_expression(c, json_get(with, parts[i].key),
			    EXPRESSION_VALUE, parts[i].slot, err))
			return false;
	}
	if (!a->method)
		return compiler_refuse(c, with, err, "a method is needed");
	if (json_type(endpoint) == JSON_OBJECT) {
		uri = json_get(endpoint, "uri");
		policy = json_get(endpoint, "authentication");
	}
	if (!compile_endpoint(c, uri, a, err) ||
		!http_policy_compile(c, policy, &a->authentication, err))
		return false;
	a->output = read_output(json_get(with, "output"));
	a->redirect = json_type(json_get(with, "redirect")) == JSON_TRUE;
	bool input = task->secret_input;
	a->secret_endpoint = input || http_is_secret(a->endpoint);
	a->secret_query = input || http_is_secret(a->query);
	a->secret_headers = input || http_is_secret(a->headers);
	a->secret_body = input || http_is_secret(a->body);
	a->authentication.secret_value |= input;
	return check_key_header(c, task, err);
}

void http_arguments_finish(struct http_arguments *a)
{
	if (!a)
		return;
	free(a->uri_template);
	http_policy_finish(&a->authentication);
}
