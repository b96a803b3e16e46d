/* Documents that a definition refers to, read when it is registered: by http, https or
 * file. Never while a run goes on. */
#ifndef STEPWELL_FETCH_H
#define STEPWELL_FETCH_H

#include "buf.h"
#include "error.h"

#define FETCH_MAX (16u << 20) /* bytes */
#define FETCH_SECONDS 30

/* The bytes at a URL. ERROR_INPUT where there is nothing, or too much; link-local
 * addresses are refused, and a redirect leads to http or https only. */
MUST_CHECK bool fetch_url(
	const char *url, bool allow_link_local, struct buf *out, struct error *err);

#endif
