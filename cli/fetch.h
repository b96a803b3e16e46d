/* Documents that a definition refers to, read when it is registered: by http, https or
 * file. Never while a run goes on. */
#ifndef STEPWELL_FETCH_H
#define STEPWELL_FETCH_H

#include "buf.h"
#include "error.h"

#define FETCH_MAX (16u << 20) /* bytes */
#define FETCH_SECONDS 30

/* Zeroed: none. They do not follow a redirect to another host. */
struct fetch_credentials {
	char *username, *password; /* basic */
	char *token;               /* bearer */
};

/* The bytes at a URL. ERROR_INPUT where there is nothing, or too much; link-local
 * addresses are refused, and a redirect leads to http or https only. */
MUST_CHECK bool fetch_url(const char *url, const struct fetch_credentials *credentials,
	struct buf *out, struct error *err);

#endif
