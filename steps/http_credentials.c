/* Authentication policies: compiling them, evaluating them, and what $authorization
 * shows. */
#include "http_credentials.h"

#include "base64.h"
#include "http_headers.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *key, *name;
} schemes[] = {
	[HTTP_ANONYMOUS] = {"", ""},
	[HTTP_BASIC] = {"basic", "Basic"},
	[HTTP_BEARER] = {"bearer", "Bearer"},
	[HTTP_DIGEST] = {"digest", "Digest"},
};

const char *http_scheme_name(enum http_scheme scheme)
{
	return schemes[scheme].name;
}

static bool compile_scheme(
	struct compiler *c, struct json node, struct http_policy *p, struct error *err)
{
	const char *secret = p->scheme == HTTP_BEARER ? "token" : "password";
	if (json_type(json_get(node, secret)) != JSON_STRING)
		return compiler_refuse(c, node, err,
			"authentication by a secret's name is not supported");
	if (!compiler_expression(
		    c, json_get(node, "username"), EXPRESSION_VALUE, &p->username, err))
		return false;
	if (!p->username && p->scheme != HTTP_BEARER)
		return compiler_refuse(c, node, err, "authentication needs a username");
	return compiler_expression(
		c, json_get(node, secret), EXPRESSION_VALUE, &p->secret, err);
}

bool http_policy_compile(
	struct compiler *c, struct json node, struct http_policy *ret, struct error *err)
{
	*ret = (struct http_policy){0};
	if (json_type(node) == JSON_NONE)
		return true;
	struct json policy = node;
	char *name = json_strdup(json_get(node, "use"));
	if (name) {
		policy = compiler_use(c, "authentications", name);
		free(name);
	}
	if (json_type(policy) == JSON_NONE)
		return compiler_refuse(c, node, err,
			"use.authentications has no authentication of this name");
	for (enum http_scheme s = HTTP_BASIC; s <= HTTP_DIGEST; s++) {
		struct json scheme = json_get(policy, schemes[s].key);
		if (json_type(scheme) == JSON_NONE)
			continue;
		ret->scheme = s;
		return compile_scheme(c, scheme, ret, err);
	}
	return compiler_refuse(c, policy, err,
		"only basic, bearer and digest authentication are supported");
}

/* The expression's own error text could hold a part of the secret: it is not passed on.
 */
static bool eval_text(struct expression *e, const char *what, const struct scope *scope,
	char **ret, struct fault *f)
{
	struct buf json = {0}, text = {0};
	bool ok = expression_eval(e, scope, &json, NULL);
	struct json v = {buf_text(&json), json.len};
	if (!ok) {
		fault_set(f, PROBLEM_EXPRESSION,
			"authentication: the expression of the %s failed", what);
		goto out;
	}
	ok = json_type(v) == JSON_STRING || json_type(v) == JSON_NUMBER;
	if (json_type(v) == JSON_STRING)
		json_string(v, &text);
	else if (ok)
		buf_add(&text, v.s, v.n);
	if (json_type(v) == JSON_NULL)
		fault_set(
			f, PROBLEM_AUTHORIZATION, "authentication: there is no %s", what);
	else if (!ok || !http_value_is(buf_text(&text), text.len))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"authentication: the %s must be a string without control "
			"characters",
			what);
out:
	if (ok)
		*ret = xstrndup(buf_text(&text), text.len);
	if (text.data)
		explicit_bzero(text.data, text.cap);
	if (json.data)
		explicit_bzero(json.data, json.cap);
	buf_finish(&text);
	buf_finish(&json);
	return ok;
}

static bool make_parameter(struct http_credentials *c, struct fault *f)
{
	if (c->scheme == HTTP_BEARER)
		c->parameter = xstrdup(c->secret);
	if (c->scheme != HTTP_BASIC)
		return true;
	if (strchr(c->username, ':'))
		return fault_set(f, PROBLEM_VALIDATION,
			"authentication: the username of basic authentication has a "
			"colon");
	char *pair = xasprintf("%s:%s", c->username, c->secret);
	struct buf encoded = {0};
	base64_put(&encoded, pair, strlen(pair));
	c->parameter = buf_take(&encoded);
	explicit_bzero(pair, strlen(pair));
	free(pair);
	return true;
}

bool http_credentials_eval(const struct http_policy *policy, const struct scope *scope,
	struct http_credentials *ret, struct fault *ret_fault)
{
	ret->scheme = policy->scheme;
	if (policy->scheme == HTTP_ANONYMOUS)
		return true;
	bool bearer = policy->scheme == HTTP_BEARER;
	if (!bearer && !eval_text(policy->username, "username", scope, &ret->username,
			       ret_fault))
		return false;
	return eval_text(policy->secret, bearer ? "token" : "password", scope,
		       &ret->secret, ret_fault) &&
	       make_parameter(ret, ret_fault);
}

static void wipe(char *s)
{
	if (s)
		explicit_bzero(s, strlen(s));
	free(s);
}

void http_credentials_finish(struct http_credentials *c)
{
	if (!c)
		return;
	wipe(c->username);
	wipe(c->secret);
	wipe(c->parameter);
	*c = (struct http_credentials){0};
}

void http_credentials_describe(const struct http_credentials *c, struct buf *out)
{
	if (c->scheme == HTTP_ANONYMOUS)
		return;
	buf_putc(out, '{');
	json_put_key(out, "scheme");
	json_put_text(out, schemes[c->scheme].name);
	json_put_key(out, "parameter");
	json_put_text(out, c->parameter ? c->parameter : "");
	buf_putc(out, '}');
}

static bool lookup(void *ctx, const char *name, struct json *ret)
{
	struct http_authorized *a = ctx;
	const struct scope *outer = a->outer;
	if (strcmp(name, "authorization") != 0 ||
		a->credentials->scheme == HTTP_ANONYMOUS)
		return outer->lookup && outer->lookup(outer->ctx, name, ret);
	if (!a->text.len)
		http_credentials_describe(a->credentials, &a->text);
	*ret = (struct json){a->text.data, a->text.len};
	return true;
}

void http_authorized_init(struct http_authorized *a, const struct scope *outer,
	const struct http_credentials *c)
{
	*a = (struct http_authorized){.scope = *outer, .outer = outer, .credentials = c};
	a->scope.lookup = lookup;
	a->scope.ctx = a;
}

void http_authorized_finish(struct http_authorized *a)
{
	if (a->text.data)
		explicit_bzero(a->text.data, a->text.cap);
	buf_finish(&a->text);
}

bool http_is_secret(const struct expression *e)
{
	return e && (expression_mentions(e, "secrets") ||
			    expression_mentions(e, "authorization"));
}
