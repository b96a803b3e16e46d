/*
 * Documents that a definition refers to, read when it is registered: by http, https or
 * file. Never while a run goes on. What one registration may read is bounded in number,
 * bytes and time, redirects included.
 */
#ifndef STEPWELL_FETCH_H
#define STEPWELL_FETCH_H

#include "base/buf.h"
#include "base/error.h"

#include <stdint.h>

#define FETCH_MAX (16u << 20) /* bytes of one document */
#define FETCH_SECONDS 30      /* for one document */
#define FETCH_REDIRECTS 5     /* of one document */

#define FETCHES_MAX 200 /* requests and files */
#define FETCHES_BYTES (32u << 20)
#define FETCHES_SECONDS 120

struct settings;

struct fetcher {
	const struct settings *ways; /* reach, ca_file and proxy; borrowed */
	char *folder;                /* of the definition: files are below it */
	unsigned count;
	size_t bytes;     /* read so far */
	int64_t budget;   /* microseconds for all; FETCHES_SECONDS */
	int64_t deadline; /* by clock_boottime; 0: nothing was asked yet */
};

/* Zeroed: none. They do not follow a redirect to another origin. */
struct fetch_credentials {
	char *username, *password; /* basic */
	char *token;               /* bearer */
};

/* definition: the path of its file, or "-". */
void fetcher_init(struct fetcher *f, const char *definition, const struct settings *ways);
void fetcher_finish(struct fetcher *f);

/* Counts one document more; false once there are too many, or it took too long. */
MUST_CHECK bool fetcher_count(struct fetcher *f, struct error *err);
/* The bytes at a URL, counted. ERROR_INPUT where there is nothing, or it is refused, or
 * too much. */
MUST_CHECK bool fetch_url(struct fetcher *f, const char *url,
	const struct fetch_credentials *credentials, struct buf *out, struct error *err);

#endif
