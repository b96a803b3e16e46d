/*
 * HTTP transfers on the worker's loop: libcurl's multi interface, driven by libuv. One
 * client serves all effects of a worker, so connections are kept and reused between them.
 * There are as many connections as the worker has effects (--concurrency): a transfer
 * that waited for one would spend its time limit on that.
 *
 * The client also is the one place that says what no transfer may do: other protocols
 * than http and https, proxies and passwords from the environment, TLS below 1.2 or
 * unverified, refused addresses (http_address.h), redirects by itself.
 */
#ifndef STEPWELL_HTTP_CLIENT_H
#define STEPWELL_HTTP_CLIENT_H

#include <curl/curl.h>
#include <stdbool.h>
#include <uv.h>

#define HTTP_CONNECTIONS_KEPT 256 /* idle ones */

struct http_client;

struct http_transfer {
	CURL *easy;
	bool allow_link_local;
	/* The transfer is over and out of the client; it may be added again, or finished.
	 */
	void (*on_end)(struct http_transfer *t, CURLcode code);
	char refused[160];           /* why an address was refused, else "" */
	char error[CURL_ERROR_SIZE]; /* libcurl's text, or "" */
	bool active;                 /* between http_client_add and its end */
};

struct http_client *http_client_create(uv_loop_t *loop);
/* No transfer may be active. The memory goes with the next turns of the loop, which must
 * be run once more. */
void http_client_destroy(struct http_client *client);

/* Makes t->easy with every rule above; t must be zeroed and not move until it is
 * finished. */
void http_transfer_init(struct http_transfer *t, bool allow_link_local);
void http_transfer_finish(struct http_transfer *t); /* not while active */

/* Starts it; on_end comes from the loop, never from inside this call. */
void http_client_add(struct http_client *client, struct http_transfer *t);
/* Aborts it, if active, without on_end. */
void http_client_remove(struct http_client *client, struct http_transfer *t);

#endif
