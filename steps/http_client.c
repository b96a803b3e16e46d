/*
 * libcurl's multi interface on libuv. Owns the multi handle, its one timer, and one
 * uv_poll_t for each socket that libcurl wants watched. libcurl closes a socket right
 * after it has told us to forget it, so a poll handle is stopped at once and freed in its
 * close callback.
 */
#include "http_client.h"

#include "buf.h"
#include "http_address.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct http_client {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;
	unsigned active;
};

struct watch {
	uv_poll_t poll;
	struct http_client *client;
	curl_socket_t socket;
};

/* ---- What libcurl tells us to watch ---- */

/* Hands finished transfers back. An on_end may add and remove others, so each message is
 * read completely before it. */
static void hand_back(struct http_client *client)
{
	CURLMsg *message;
	int left;
	while ((message = curl_multi_info_read(client->multi, &left))) {
		if (message->msg != CURLMSG_DONE)
			continue;
		CURLcode code = message->data.result;
		struct http_transfer *t = NULL;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &t);
		http_client_remove(client, t);
		t->on_end(t, code);
	}
}

static void on_readable_or_writable(uv_poll_t *poll, int status, int events)
{
	struct watch *w = (struct watch *)poll;
	struct http_client *client = w->client;
	int running, flags = 0;
	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	flags |= status < 0 ? CURL_CSELECT_ERR : 0;
	curl_multi_socket_action(client->multi, w->socket, flags, &running);
	hand_back(client);
}

static void on_timer(uv_timer_t *timer)
{
	struct http_client *client = timer->data;
	int running;
	curl_multi_socket_action(client->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	hand_back(client);
}

static int on_set_timer(CURLM *multi, long timeout_ms, void *ctx)
{
	struct http_client *client = ctx;
	(void)multi;
	if (timeout_ms < 0)
		uv_timer_stop(&client->timer);
	else
		uv_timer_start(&client->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

static void on_poll_closed(uv_handle_t *handle)
{
	free(handle);
}

static struct watch *watch_create(struct http_client *client, curl_socket_t socket)
{
	struct watch *w = xcalloc(1, sizeof *w);
	w->client = client;
	w->socket = socket;
	if (uv_poll_init_socket(client->loop, &w->poll, socket) != 0)
		abort(); /* the socket is open and nobody else polls it */
	return w;
}

static void watch_destroy(struct watch *w)
{
	if (!w)
		return;
	uv_poll_stop(&w->poll);
	uv_close((uv_handle_t *)&w->poll, on_poll_closed);
}

static int on_watch_socket(
	CURL *easy, curl_socket_t socket, int what, void *ctx, void *socket_ctx)
{
	struct http_client *client = ctx;
	struct watch *w = socket_ctx;
	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		curl_multi_assign(client->multi, socket, NULL);
		watch_destroy(w);
		return 0;
	}
	if (!w) {
		w = watch_create(client, socket);
		curl_multi_assign(client->multi, socket, w);
	}
	int events = 0;
	events |= what != CURL_POLL_OUT ? UV_READABLE : 0;
	events |= what != CURL_POLL_IN ? UV_WRITABLE : 0;
	uv_poll_start(&w->poll, events, on_readable_or_writable);
	return 0;
}

/* ---- Transfers ---- */

static curl_socket_t on_open_socket(
	void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = ctx;
	(void)purpose;
	if (http_address_is_refused(
		    &address->addr, t->allow_link_local, t->refused, sizeof t->refused))
		return CURL_SOCKET_BAD;
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* CURLOPT_QUICK_EXIT: without it libcurl joins a resolver's thread when a transfer is
 * removed or times out, which would block the loop for as long as the name server is
 * silent. */
void http_transfer_init(struct http_transfer *t, bool allow_link_local)
{
	t->allow_link_local = allow_link_local;
	t->easy = curl_easy_init();
	assert(t->easy);
	curl_easy_setopt(t->easy, CURLOPT_PRIVATE, (void *)t);
	curl_easy_setopt(t->easy, CURLOPT_ERRORBUFFER, t->error);
	curl_easy_setopt(t->easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(t->easy, CURLOPT_QUICK_EXIT, 1L);
	curl_easy_setopt(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(t->easy, CURLOPT_PROXY, "");
	curl_easy_setopt(t->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(t->easy, CURLOPT_PATH_AS_IS, 1L);
	curl_easy_setopt(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	curl_easy_setopt(t->easy, CURLOPT_OPENSOCKETDATA, t);
}

void http_transfer_finish(struct http_transfer *t)
{
	assert(!t->active);
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
}

void http_client_add(struct http_client *client, struct http_transfer *t)
{
	assert(!t->active);
	t->refused[0] = t->error[0] = '\0';
	CURLMcode code = curl_multi_add_handle(client->multi, t->easy);
	assert(code == CURLM_OK);
	t->active = true;
	client->active++;
}

void http_client_remove(struct http_client *client, struct http_transfer *t)
{
	if (!t->active)
		return;
	curl_multi_remove_handle(client->multi, t->easy);
	t->active = false;
	client->active--;
}

/* ---- The client ---- */

static void set_limits(CURLM *multi)
{
	curl_multi_setopt(multi, CURLMOPT_MAXCONNECTS, (long)HTTP_CONNECTIONS_KEPT);
	curl_multi_setopt(multi, CURLMOPT_PIPELINING, (long)CURLPIPE_NOTHING);
}

struct http_client *http_client_create(uv_loop_t *loop)
{
	struct http_client *client = xcalloc(1, sizeof *client);
	CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
	assert(code == CURLE_OK);
	client->loop = loop;
	client->multi = curl_multi_init();
	assert(client->multi);
	uv_timer_init(loop, &client->timer);
	client->timer.data = client;
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	set_limits(client->multi);
	return client;
}

static void on_timer_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void http_client_destroy(struct http_client *client)
{
	if (!client)
		return;
	assert(client->active == 0);
	curl_multi_cleanup(client->multi);
	uv_close((uv_handle_t *)&client->timer, on_timer_closed);
	curl_global_cleanup();
}
