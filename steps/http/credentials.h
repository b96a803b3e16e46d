/*
 * endpoint.authentication of `call: http`: basic, bearer and digest, written out or by
 * the name of a secret ({"use": NAME}): an object with `username` and `password`, or with
 * `token`; for bearer also the token as a text. The policy is compiled with the task; the
 * credentials are evaluated for each attempt, are no part of the request's digest, and
 * appear in no error text.
 */
#ifndef STEPWELL_HTTP_CREDENTIALS_H
#define STEPWELL_HTTP_CREDENTIALS_H

#include "definition/task.h"

enum http_scheme { HTTP_ANONYMOUS, HTTP_BASIC, HTTP_BEARER, HTTP_DIGEST };

struct http_policy {
	enum http_scheme scheme;
	struct expression *username; /* basic, digest */
	struct expression *secret;   /* the password, or the bearer's token */
	char *name;                  /* of the secret that has them; or NULL */
	bool secret_value;           /* some of it comes from a secret */
};

struct http_credentials {
	enum http_scheme scheme;
	char *username;  /* NULL for bearer */
	char *secret;    /* the password, or the token */
	char *parameter; /* what follows the scheme in Authorization; NULL for digest */
	bool secret_value;
};

/* node: the `authentication` object, {"use": NAME} too; absent: HTTP_ANONYMOUS. */
MUST_CHECK bool http_policy_compile(
	struct compiler *c, struct json node, struct http_policy *ret, struct error *err);
void http_policy_finish(struct http_policy *p);

/* A missing (null) value is PROBLEM_AUTHORIZATION, one that cannot be sent
 * PROBLEM_VALIDATION. ret must be zeroed; http_credentials_finish it whatever the result.
 */
MUST_CHECK bool http_credentials_eval(const struct http_policy *policy,
	const struct scope *scope, struct http_credentials *ret, struct fault *ret_fault);
void http_credentials_finish(struct http_credentials *c); /* wipes */

/* A scope that has $authorization besides: what the rest of a request is evaluated in.
 * Borrows both; use as &a->scope where it was initialised. */
struct http_authorized {
	struct scope scope;
	const struct scope *outer;
	const struct http_credentials *credentials;
	struct buf text;
};
void http_authorized_init(struct http_authorized *a, const struct scope *outer,
	const struct http_credentials *c);
void http_authorized_finish(struct http_authorized *a); /* wipes */
/* Whether the expression, which may be NULL, holds what nobody is to be shown: $secrets,
 * $authorization. */
bool http_is_secret(const struct expression *e);

/* "Bearer", ...; "" for HTTP_ANONYMOUS. */
const char *http_scheme_name(enum http_scheme scheme);
/* Appends what $authorization is, or nothing: {"scheme":"Bearer","parameter":"..."}, with
 * null where a secret is in the parameter. */
void http_credentials_describe(const struct http_credentials *c, struct buf *out);

#endif
