/*
 * URLs of `call: http`. A URL is checked once, when the request is rendered (or a
 * redirect names it), and is then sent as it stands. Failures are ERROR_INPUT without the
 * URL in the text, because a query may hold what is nobody's business.
 */
#ifndef STEPWELL_HTTP_URL_H
#define STEPWELL_HTTP_URL_H

#include "base/buf.h"
#include "base/error.h"

/*
 * Checks that it is an absolute http or https URL of RFC 3986, without user or password,
 * and gives it without its fragment and with bytes above 127 percent-encoded. Caller
 * frees.
 */
MUST_CHECK bool http_url_check(const char *url, size_t n, char **ret, struct error *err);

/* The URL that a Location header names, relative to the URL that gave it; checked as
 * above, and not from https to http. Caller frees. */
MUST_CHECK bool http_url_follow(
	const char *url, const char *location, char **ret, struct error *err);

/* Same scheme, host and port. */
bool http_url_same_origin(const char *a, const char *b);

/* Appends the URL without its query, or, where it is secret, that it is: for messages. */
void http_url_put_shown(struct buf *out, const char *url, bool secret);

/* Appends everything but the unreserved characters of RFC 3986 percent-encoded. */
void http_url_put_escaped(struct buf *out, const char *s, size_t n);

#endif
