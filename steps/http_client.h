/*
 * HTTP transfers on the worker's loop: libcurl's multi interface, driven by libuv. One
 * client serves all effects of a worker, so connections are kept and reused between them.
 * At most HTTP_CONNECTIONS transfers are under way; the others wait without a handle of
 * libcurl's, which is what costs memory, and their time does not run.
 *
 * The client also is the one place that says what no transfer may do: other protocols
 * than http and https, proxies and passwords that nobody asked for, TLS below 1.2 or
 * unverified, refused addresses (http_address.h), redirects by itself.
 */
#ifndef STEPWELL_HTTP_CLIENT_H
#define STEPWELL_HTTP_CLIENT_H

#include <assert.h>
#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

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
	bool allow_link_local;
	/* Its turn has come: sets what it sends on t->easy, which has every rule above.
	 * False: it is too late for that, and it ends with CURLE_OPERATION_TIMEDOUT. */
	bool (*on_begin)(struct http_transfer *t);
	/* The transfer is over and out of the client; it may be added again. */
	void (*on_end)(struct http_transfer *t, CURLcode code);
	struct http_reasons *why; /* NULL before its turn */
	/* Its handle stays with it from one turn to the next, with what libcurl learnt of
	 * a challenge. */
	bool keeps;
	const struct settings
		*settings;          /* authorities and proxy; NULL: the environment's */
	bool active, queued;        /* between http_client_add and its end, either */
	struct http_transfer *next; /* in the queue */
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

/* In on_begin: whether an address that is written out in the URL is refused, and a proxy
 * would connect to it; then t->why->refused says so. */
bool http_transfer_is_refused(struct http_transfer *t, const char *url);

/* For a transfer without a client: makes t->easy with every rule above; t must be zeroed
 * but for allow_link_local, and not move until it is closed. */
void http_transfer_open(struct http_transfer *t);
void http_transfer_close(struct http_transfer *t);

#endif
