/*
 * Renders a request. Order: credentials first, as the rest may ask for $authorization;
 * headers before the body, because the content type decides how it is written.
 */
#include "http/request.h"

#include "http/uri_template.h"
#include "http/url.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FORM "application/x-www-form-urlencoded"
#define HTTP_HEADERS_SENT 200u /* a definition's own, in one request */

static void destroy(struct request *base)
{
	struct http_request *r = (struct http_request *)base;
	if (!r)
		return;
	free(r->method);
	if (r->url)
		explicit_bzero(r->url, strlen(r->url));
	free(r->url);
	http_headers_finish(&r->headers);
	buf_wipe(&r->body);
	http_credentials_finish(&r->credentials);
	free(r);
}

/* The expression's value stays in out; an absent expression gives an absent value. */
static bool eval(const struct render *in, struct expression *e, const char *what,
	struct buf *out, struct json *ret, struct fault *f)
{
	struct error err = {0};
	*ret = in->arguments.s ? json_get(in->arguments, what) : (struct json){0};
	if (!e || in->arguments.s)
		return true;
	if (!expression_eval(e, in->scope, out, &err))
		return fault_set(f, PROBLEM_EXPRESSION, "%s: %.700s", what, err.text);
	*ret = (struct json){buf_text(out), out->len};
	return true;
}

/* The text of a scalar: a string's content, a number as it stands; false for others. */
static bool scalar_text(struct json v, struct buf *out)
{
	enum json_type type = json_type(v);
	if (type == JSON_STRING) {
		json_string(v, out);
		return true;
	}
	if (type != JSON_NUMBER && type != JSON_TRUE && type != JSON_FALSE)
		return false;
	buf_add(out, v.s, v.n);
	return true;
}

static bool render_method(
	const struct render *in, struct http_request *r, struct fault *f)
{
	const struct http_arguments *a = in->task->spec;
	struct buf json = {0}, text = {0};
	struct json v;
	bool ok = eval(in, a->method, "method", &json, &v, f);
	if (ok && (json_type(v) != JSON_STRING || (json_string(v, &text), false) ||
			  !http_token_is(buf_text(&text), text.len) || text.len > 32 ||
			  strcasecmp(buf_text(&text), "CONNECT") == 0))
		ok = fault_set(f, PROBLEM_VALIDATION, "method: not an HTTP method");
	for (size_t i = 0; ok && i < text.len; i++)
		text.data[i] = (char)toupper((unsigned char)text.data[i]);
	if (ok)
		r->method = buf_take(&text);
	buf_finish(&text);
	buf_finish(&json);
	if (!ok)
		return false;
	r->safe = !strcmp(r->method, "GET") || !strcmp(r->method, "HEAD") ||
		  !strcmp(r->method, "OPTIONS");
	return true;
}

/* ---- URL ---- */

static bool put_pair(struct buf *out, struct json key, struct json value)
{
	struct buf k = {0}, v = {0};
	bool ok = scalar_text(value, &v);
	json_string(key, &k);
	if (ok) {
		if (out->len)
			buf_putc(out, '&');
		http_url_put_escaped(out, buf_text(&k), k.len);
		buf_putc(out, '=');
		http_url_put_escaped(out, buf_text(&v), v.len);
	}
	buf_finish(&k);
	buf_finish(&v);
	return ok;
}

/* name=value&...: null is left out, an array repeats its name. */
static bool put_pairs(struct buf *out, struct json object)
{
	struct json_iter it = json_iter(object);
	struct json key, value, element;
	if (json_type(object) != JSON_OBJECT)
		return json_type(object) <= JSON_NULL;
	while (json_next_member(&it, &key, &value)) {
		struct json_iter inner = json_iter(value);
		if (json_type(value) == JSON_NULL)
			continue;
		if (json_type(value) != JSON_ARRAY) {
			if (!put_pair(out, key, value))
				return false;
			continue;
		}
		while (json_next_element(&inner, &element)) {
			if (!put_pair(out, key, element))
				return false;
		}
	}
	return true;
}

static bool render_endpoint(const struct render *in, struct buf *url, struct fault *f)
{
	const struct http_arguments *a = in->task->spec;
	if (a->uri_template)
		return uri_template_expand(a->uri_template, in->scope->dot, url, f);
	struct buf json = {0};
	struct json v;
	bool ok = eval(in, a->endpoint, "endpoint", &json, &v, f);
	if (ok && json_type(v) != JSON_STRING)
		ok = fault_set(f, PROBLEM_VALIDATION, "endpoint: must be a string");
	if (ok)
		json_string(v, url);
	buf_finish(&json);
	return ok;
}

static bool render_query(const struct render *in, struct buf *out, struct fault *f)
{
	const struct http_arguments *a = in->task->spec;
	struct buf json = {0};
	struct json v;
	bool ok = eval(in, a->query, "query", &json, &v, f);
	if (ok && !put_pairs(out, v))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"query: must be an object of strings, numbers and booleans");
	buf_finish(&json);
	return ok;
}

static bool render_url(const struct render *in, struct http_request *r, struct fault *f)
{
	struct buf url = {0}, query = {0};
	struct error err = {0};
	char *clean = NULL;
	bool ok = render_endpoint(in, &url, f) && render_query(in, &query, f);
	if (ok && !http_url_check(buf_text(&url), url.len, &clean, &err))
		ok = fault_set(f, PROBLEM_VALIDATION, "endpoint: %s", err.text);
	if (ok && query.len) {
		buf_clear(&url);
		buf_printf(&url, "%s%c%s", clean, strchr(clean, '?') ? '&' : '?',
			query.data);
		r->url = buf_take(&url);
	} else if (ok) {
		r->url = xstrdup(clean);
	}
	free(clean);
	buf_finish(&url);
	buf_finish(&query);
	return ok;
}

/* ---- Headers ---- */

/* What frames a message is libcurl's to say, or two readers could disagree about it. */
static bool is_framing(const char *name)
{
	static const char *const names[] = {"Content-Length", "Transfer-Encoding",
		"Connection", "Keep-Alive", "Proxy-Connection", "TE", "Trailer",
		"Upgrade", "Expect"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcasecmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

static bool add_author_header(const struct http_arguments *a, struct http_request *r,
	struct json key, struct json value, struct fault *f)
{
	struct buf name = {0}, text = {0};
	bool ok = true;
	json_string(key, &name);
	if (!http_token_is(buf_text(&name), name.len) || name.len > 256)
		ok = fault_set(f, PROBLEM_VALIDATION,
			"headers: a name has a character that no header's name may have");
	else if (is_framing(name.data))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"headers: %s is set by the engine and cannot be given",
			name.data);
	else if (!scalar_text(value, &text) || !http_value_is(buf_text(&text), text.len))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"headers: %s must be a string without line breaks and control "
			"characters",
			a->secret_headers ? "each" : name.data);
	if (ok) {
		http_headers_add(&r->headers, name.data, buf_text(&text));
		r->headers.items[r->headers.count - 1].author = true;
	}
	buf_finish(&name);
	buf_finish(&text);
	return ok;
}

static bool add_author_headers(
	const struct render *in, struct http_request *r, struct fault *f)
{
	const struct http_arguments *a = in->task->spec;
	struct buf json = {0};
	struct json v, key, value;
	bool ok = eval(in, a->headers, "headers", &json, &v, f);
	if (ok && json_type(v) > JSON_NULL && json_type(v) != JSON_OBJECT)
		ok = fault_set(f, PROBLEM_VALIDATION, "headers: must be an object");
	struct json_iter it = json_iter(v);
	while (ok && json_next_member(&it, &key, &value)) {
		if (json_type(value) == JSON_NULL)
			continue;
		ok = r->headers.count < HTTP_HEADERS_SENT
			     ? add_author_header(a, r, key, value, f)
			     : fault_set(f, PROBLEM_VALIDATION, "headers: more than %u",
				       HTTP_HEADERS_SENT);
	}
	buf_finish(&json);
	if (ok && a->authentication.scheme != HTTP_ANONYMOUS &&
		http_headers_get(&r->headers, "Authorization"))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"headers: Authorization is given by endpoint.authentication "
			"already");
	return ok;
}

static void add_default(struct http_headers *h, const char *name, const char *value)
{
	if (!http_headers_get(h, name))
		http_headers_add(h, name, value);
}

static bool takes_key(const char *method)
{
	static const char *const methods[] = {"POST", "PUT", "PATCH", "DELETE"};
	for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
		if (strcmp(method, methods[i]) == 0)
			return true;
	}
	return false;
}

static bool has_body(const struct render *in)
{
	const struct http_arguments *a = in->task->spec;
	return in->arguments.s ? json_get(in->arguments, "body").s != NULL
			       : a->body != NULL;
}

static bool render_headers(
	const struct render *in, struct http_request *r, struct fault *f)
{
	const struct task_metadata *metadata = &in->task->metadata;
	if (!add_author_headers(in, r, f))
		return false;
	add_default(&r->headers, "User-Agent", "stepwell");
	add_default(&r->headers, "Accept", "*/*");
	if (has_body(in))
		add_default(&r->headers, "Content-Type", "application/json");
	if (takes_key(r->method) && !metadata->no_key)
		add_default(&r->headers,
			metadata->key_header ? metadata->key_header : "Idempotency-Key",
			in->step_id);
	return true;
}

/* ---- Body, digest ---- */

static bool render_body(const struct render *in, struct http_request *r, struct fault *f)
{
	const struct http_arguments *a = in->task->spec;
	if (!has_body(in))
		return true;
	if (strcmp(r->method, "HEAD") == 0)
		return fault_set(f, PROBLEM_VALIDATION, "body: a HEAD request has none");
	r->has_body = true;
	struct buf json = {0};
	struct json v;
	bool ok = eval(in, a->body, "body", &json, &v, f);
	const char *type = http_headers_get(&r->headers, "Content-Type");
	if (!ok)
		goto out;
	if (json_type(v) == JSON_STRING && !http_media_is_json(type))
		json_string(v, &r->body);
	else if (json_type(v) != JSON_OBJECT || !http_media_is(type, FORM))
		json_put(&r->body, v);
	else if (!put_pairs(&r->body, v))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"body: a form must be an object of strings, numbers and "
			"booleans");
out:
	buf_finish(&json);
	return ok;
}

/* The first 16 bytes of SHA-256 over method, URL, headers but Authorization, body. */
static void compute_digest(struct http_request *r)
{
	struct buf all = {0};
	uint8_t sum[32];
	buf_printf(&all, "%s %s\n", r->method, r->url);
	for (size_t i = 0; i < r->headers.count; i++) {
		const struct http_header *h = &r->headers.items[i];
		if (strcasecmp(h->name, "Authorization") != 0)
			buf_printf(&all, "%s: %s\n", h->name, h->value);
	}
	buf_putc(&all, '\n');
	buf_add(&all, r->body.data, r->body.len);
	digest_sha256(all.data, all.len, sum);
	memcpy(r->base.digest, sum, sizeof r->base.digest);
	explicit_bzero(all.data, all.len);
	buf_finish(&all);
}

bool http_request_render(
	const struct render *in, struct request **ret, struct fault *ret_fault)
{
	const struct http_arguments *a = in->task->spec;
	struct http_request *r = xcalloc(1, sizeof *r);
	struct http_authorized authorized;
	struct render inner = *in;
	r->base.destroy = destroy;
	http_authorized_init(&authorized, in->scope, &r->credentials);
	inner.scope = &authorized.scope;
	bool ok =
		(in->by_reference || http_credentials_eval(&a->authentication, in->scope,
					     &r->credentials, ret_fault)) &&
		render_method(&inner, r, ret_fault) && render_url(&inner, r, ret_fault) &&
		render_headers(&inner, r, ret_fault) && render_body(&inner, r, ret_fault);
	http_authorized_finish(&authorized);
	if (!ok) {
		destroy(&r->base);
		return false;
	}
	compute_digest(r);
	*ret = &r->base;
	return true;
}
