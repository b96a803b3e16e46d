/*
 * The headers of an HTTP request or answer: names and values in order. What goes in has
 * been checked with http_token_is and http_value_is (requests) or is bounded in size
 * (answers); names and values are C strings that the list owns.
 */
#ifndef STEPWELL_HTTP_HEADERS_H
#define STEPWELL_HTTP_HEADERS_H

#include "base/buf.h"

#include <stdbool.h>

struct http_header {
	char *name;
	char *value;
	bool author; /* the definition's own: not sent to another origin */
};

struct http_headers {
	struct http_header *items;
	size_t count;
};

/* Wipes the values before it frees them: they may be secret. */
void http_headers_finish(struct http_headers *h);
/* Copies name and value. */
void http_headers_add(struct http_headers *h, const char *name, const char *value);
/* The first value of that name in any case, or NULL. */
const char *http_headers_get(const struct http_headers *h, const char *name);

/* RFC 9110, 5.6.2: what a method or a header's name may be. */
bool http_token_is(const char *s, size_t n);
/* A header's value that cannot break out of its line: no control characters but tab. */
bool http_value_is(const char *s, size_t n);
/* Whether the header's name tells that its value is a secret (Authorization, Cookie,
 * ...). */
bool http_header_is_secret(const char *name);
/* Whether a WWW-Authenticate offers that scheme, in any case: one line may have several
 * challenges (RFC 9110, 11.6.1). */
bool http_challenge_offers(const char *value, const char *scheme);
/* application/json, text/json or anything that ends in +json, with or without parameters.
 */
bool http_media_is_json(const char *content_type);
/* The content type without its parameters is this one. */
bool http_media_is(const char *content_type, const char *media);

#endif
