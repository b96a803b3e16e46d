/*
 * HTTP transfers on the worker's loop: libcurl's multi interface, driven by libuv. One
 * client serves all effects of a worker, so connections are kept and reused between them.
 * At most HTTP_CONNECTIONS transfers are under way; the others wait without a handle of
 * libcurl's, which is what costs memory, and their time does not run.
 *
 * The client also is the one place that says what no transfer may do: other protocols
 * than http and https, proxies and passwords that nobody asked for, TLS below 1.2 or
 * unverified, places where no request may go (reach.h), redirects by itself.
 */
#ifndef STEPWELL_HTTP_CLIENT_H
#define STEPWELL_HTTP_CLIENT_H

#include "base/error.h"

#include <assert.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

struct http_reach;
struct settings;

#define HTTP_CONNECTIONS 1024     /* at once, to whatever hosts */
#define HTTP_CONNECTIONS_KEPT 256 /* idle ones */

/* curl_easy_setopt that aborts when out of memory, as we do everywhere: without one of
 * its options a request would be another one. */
#define http_set(easy, option, value)                                           \
	do {                                                                    \
		CURLcode http_set_code = curl_easy_setopt(easy, option, value); \
		assert(http_set_code != CURLE_OUT_OF_MEMORY);                   \
	} while (0)

struct http_client;

struct http_reasons {
	char refused[160];           /* why an address was refused, else "" */
	char error[CURL_ERROR_SIZE]; /* libcurl's text, or "" */
};

struct http_transfer {
	CURL *easy; /* while it is active, or from http_transfer_open on */
	const struct http_reach *reach; /* borrowed; NULL: the rules for everybody */
	/* Its turn has come: sets what it sends on t->easy, which has every rule above,
	 * and where to by http_transfer_url. False: it is too late for that, or refused,
	 * and it ends with CURLE_OPERATION_TIMEDOUT. */
	bool (*on_begin)(struct http_transfer *t);
	/* The request goes out now, on whichever connection; false: it must not, and it
	 * ends with CURLE_ABORTED_BY_CALLBACK. NULL: always. */
	bool (*on_send)(struct http_transfer *t);
	/* CLOCK_BOOTTIME, set by on_begin; 0: none. What is at the socket by then counts,
	 * however late the loop looks: it ends with CURLE_OPERATION_TIMEDOUT when a turn
	 * of the loop behind that has brought no byte. */
	int64_t deadline;
	/* The transfer is over and out of the client; it may be added again. */
	void (*on_end)(struct http_transfer *t, CURLcode code);
	struct http_reasons *why; /* NULL before its turn */
	/* Its handle stays with it from one turn to the next, with what libcurl learnt of
	 * a challenge. */
	bool keeps;
	const struct settings
		*settings;   /* authorities and proxy; NULL: the environment's */
	bool proxied;        /* its socket is a proxy's */
	bool allowed;        /* by the name of its host (reach.h) */
	bool active, queued; /* between http_client_add and its end, either */
	bool overdue;        /* its deadline was met in an earlier turn */
	int64_t seen;        /* bytes that had come by then */
	int64_t checked_at;  /* when that was looked at last */
	struct http_transfer *prev, *after; /* of those that are active */
	struct http_transfer *next;         /* in the queue */
};

struct http_client *http_client_create(uv_loop_t *loop);
/* No transfer may be active. The memory goes with the next turns of the loop, which must
 * be run once more. */
void http_client_destroy(struct http_client *client);

/* Starts it, now or when its turn comes; on_end comes from the loop, never from inside
 * this call. t must not move meanwhile. */
void http_client_add(struct http_client *client, struct http_transfer *t);
/* Aborts it, if it has not ended, without on_end. Each transfer that was added is
 * removed. */
void http_client_remove(struct http_client *client, struct http_transfer *t);

/* Where its request goes, in on_begin or after http_transfer_open. False: what the URL
 * itself says is refused, and t->why->refused says so; nothing must be sent then. */
MUST_CHECK bool http_transfer_url(struct http_transfer *t, const char *url);

/* The proxy that everything goes through; "": none. given: what the settings say, or
 * NULL. */
const char *http_proxy(const char *given);

/* For a transfer without a client: makes t->easy with every rule above; t must be zeroed
 * but for reach, and not move until it is closed. */
void http_transfer_open(struct http_transfer *t);
void http_transfer_close(struct http_transfer *t);

#endif
