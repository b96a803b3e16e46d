/* Authentication policies: compiling them, evaluating them, and what $authorization
 * shows. */
#include "http/credentials.h"

#include "http/base64.h"
#include "http/headers.h"

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

static bool mentions_secrets(const struct expression *e)
{
	return e && expression_mentions(e, "secrets");
}

static bool compile_scheme(
	struct compiler *c, struct json node, struct http_policy *p, struct error *err)
{
	const char *secret = p->scheme == HTTP_BEARER ? "token" : "password";
	p->name = json_strdup(json_get(node, "use"));
	if (p->name) {
		p->secret_value = true;
		return compiler_secret(c, node, p->name, err);
	}
	if (json_type(json_get(node, secret)) != JSON_STRING)
		return compiler_refuse(c, node, err, "authentication needs a %s", secret);
	if (!compiler_expression(
		    c, json_get(node, "username"), EXPRESSION_VALUE, &p->username, err))
		return false;
	if (!p->username && p->scheme != HTTP_BEARER)
		return compiler_refuse(c, node, err, "authentication needs a username");
	if (!compiler_expression(
		    c, json_get(node, secret), EXPRESSION_VALUE, &p->secret, err))
		return false;
	p->secret_value = mentions_secrets(p->username) || mentions_secrets(p->secret);
	return true;
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

void http_policy_finish(struct http_policy *p)
{
	if (p)
		free(p->name);
}

/* A string or a number as the text that is sent. */
static bool take_text(struct json v, const char *what, char **ret, struct fault *f)
{
	struct buf text = {0};
	bool ok = json_type(v) == JSON_STRING || json_type(v) == JSON_NUMBER;
	if (json_type(v) == JSON_STRING)
		json_string(v, &text);
	else if (ok)
		buf_add(&text, v.s, v.n);
	if (json_type(v) <= JSON_NULL)
		fault_set(
			f, PROBLEM_AUTHORIZATION, "authentication: there is no %s", what);
	else if (!ok || !http_value_is(buf_text(&text), text.len))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"authentication: the %s must be a string without control "
			"characters",
			what);
	if (ok)
		*ret = xstrndup(buf_text(&text), text.len);
	buf_wipe(&text);
	return ok;
}

/* The expression's own error text could hold a part of the secret: it is not passed on.
 */
static bool eval_text(struct expression *e, const char *what, const struct scope *scope,
	char **ret, struct fault *f)
{
	struct buf json = {0};
	bool ok = expression_eval(e, scope, &json, NULL)
			  ? take_text((struct json){buf_text(&json), json.len}, what, ret,
				    f)
			  : fault_set(f, PROBLEM_EXPRESSION,
				    "authentication: the expression of the %s failed",
				    what);
	buf_wipe(&json);
	return ok;
}

/* From a secret as a whole. */
static bool take_secret(const struct http_policy *policy, const struct scope *scope,
	struct http_credentials *ret, struct fault *f)
{
	struct json all = {0};
	bool bearer = policy->scheme == HTTP_BEARER;
	if (!scope->lookup || !scope->lookup(scope->ctx, "secrets", &all))
		all = (struct json){0};
	struct json v = json_get(all, policy->name);
	if (bearer && json_type(v) == JSON_STRING)
		return take_text(v, "token", &ret->secret, f);
	if (json_type(v) != JSON_OBJECT)
		return fault_set(f, PROBLEM_AUTHORIZATION,
			"authentication: the secret \"%s\" must be a JSON object with %s",
			policy->name,
			bearer ? "\"token\", or the token itself"
			       : "\"username\" and \"password\"");
	return (bearer || take_text(json_get(v, "username"), "username", &ret->username,
				  f)) &&
	       take_text(json_get(v, bearer ? "token" : "password"),
		       bearer ? "token" : "password", &ret->secret, f);
}

static bool eval_policy(const struct http_policy *policy, const struct scope *scope,
	struct http_credentials *ret, struct fault *f)
{
	bool bearer = policy->scheme == HTTP_BEARER;
	if (policy->name)
		return take_secret(policy, scope, ret, f);
	return (bearer || eval_text(policy->username, "username", scope, &ret->username,
				  f)) &&
	       eval_text(policy->secret, bearer ? "token" : "password", scope,
		       &ret->secret, f);
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
	ret->secret_value = policy->secret_value;
	return policy->scheme == HTTP_ANONYMOUS ||
	       (eval_policy(policy, scope, ret, ret_fault) &&
		       make_parameter(ret, ret_fault));
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
	if (c->secret_value)
		buf_puts(out, "null");
	else
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
