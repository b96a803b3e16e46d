/*
 * libcurl's multi interface on libuv. Owns the multi handle, its one timer, one uv_poll_t
 * for each socket that libcurl wants watched, and easy handles to be used again: making
 * one costs more than a small request. libcurl closes a socket right after it has told us
 * to forget it, so a poll handle is stopped at once and freed in its close callback.
 * Deadlines are ours, not libcurl's, which looks at the time before it reads: an answer
 * that came in time would be lost whenever the loop is late.
 */
#include "http/client.h"

#include "base/buf.h"
#include "base/clock.h"
#include "definition/task.h"
#include "http/address.h"
#include "http/authorities.h"
#include "http/reach.h"

#include <arpa/inet.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SPARES_MAX 64

struct http_client {
	uv_loop_t *loop;
	CURLM *multi;
	uv_timer_t timer;                /* libcurl's */
	uv_timer_t turn;                 /* fires when a queued transfer may begin */
	uv_timer_t due;                  /* at the earliest deadline */
	struct http_transfer *transfers; /* those that are active */
	int open_handles;
	unsigned active;
	struct http_transfer *head, **tail; /* those that wait */
	CURL *spares[SPARES_MAX];
	size_t spare_count;
};

struct watch {
	uv_poll_t poll;
	struct http_client *client;
	curl_socket_t socket;
	int events; /* that libcurl waits for */
};

/* ---- What libcurl tells us to watch ---- */

static void begin_queued(struct http_client *client);
static void end(struct http_client *client, struct http_transfer *t);

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
		end(client, t);
		t->on_end(t, code);
	}
	begin_queued(client);
}

/* Without memory libcurl would forget to have a socket watched, and the transfer hang. */
static void act(struct http_client *client, curl_socket_t socket, int flags)
{
	int running;
	CURLMcode code = curl_multi_socket_action(client->multi, socket, flags, &running);
	assert(code != CURLM_OUT_OF_MEMORY);
	hand_back(client);
}

/* Of a socket with an error libuv does not say what there is besides, and watches it no
 * more. An answer may have come before the reset: libcurl has to read until it meets the
 * error itself. */
static void on_readable_or_writable(uv_poll_t *poll, int status, int events)
{
	struct watch *w = (struct watch *)poll;
	int flags = 0;
	if (status < 0) {
		events = w->events;
		uv_poll_start(poll, events, on_readable_or_writable);
	}
	flags |= events & UV_READABLE ? CURL_CSELECT_IN : 0;
	flags |= events & UV_WRITABLE ? CURL_CSELECT_OUT : 0;
	flags |= status < 0 ? CURL_CSELECT_ERR : 0;
	act(w->client, w->socket, flags);
}

static void on_timer(uv_timer_t *timer)
{
	act(timer->data, CURL_SOCKET_TIMEOUT, 0);
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
	w->events = events;
	int rc = uv_poll_start(&w->poll, events, on_readable_or_writable);
	assert(rc == 0);
	return 0;
}

/* ---- Deadlines ---- */

static void on_due(uv_timer_t *timer);

/* Headers and body. */
static int64_t bytes_of(const struct http_transfer *t)
{
	curl_off_t body = 0;
	long headers = 0;
	curl_easy_getinfo(t->easy, CURLINFO_SIZE_DOWNLOAD_T, &body);
	curl_easy_getinfo(t->easy, CURLINFO_HEADER_SIZE, &headers);
	return (int64_t)body + headers;
}

static void set_due(struct http_client *client)
{
	int64_t now = clock_boottime(), first = INT64_MAX;
	for (struct http_transfer *t = client->transfers; t; t = t->after) {
		int64_t left = t->deadline - now;
		left = t->overdue || left < 0 ? 0 : left;
		first = t->deadline && left < first ? left : first;
	}
	/* Never 0: the sockets are to be read before. */
	if (first == INT64_MAX)
		uv_timer_stop(&client->due);
	else
		uv_timer_start(
			&client->due, on_due, (uint64_t)(first / USEC_PER_MS) + 1, 0);
}

/* Timers come before sockets in a turn of the loop: whoever is late has the rest of this
 * one, and another as long as bytes come. */
static bool is_over(struct http_transfer *t, int64_t now)
{
	if (!t->deadline || now < t->deadline)
		return false;
	int64_t bytes = bytes_of(t);
	bool over = t->overdue && bytes == t->seen;
	t->overdue = true;
	t->seen = bytes;
	return over;
}

static struct http_transfer *find_over(struct http_client *client, int64_t now)
{
	struct http_transfer *t = client->transfers;
	while (t && (t->checked_at == now || !is_over(t, now))) {
		t->checked_at = now;
		t = t->after;
	}
	return t;
}

static void on_due(uv_timer_t *timer)
{
	struct http_client *client = timer->data;
	struct http_transfer *t;
	int64_t now = clock_boottime();
	while ((t = find_over(client, now))) { /* an on_end may add and remove others */
		end(client, t);
		t->on_end(t, CURLE_OPERATION_TIMEDOUT);
	}
	set_due(client);
}

static void enter(struct http_client *client, struct http_transfer *t)
{
	t->prev = NULL;
	t->after = client->transfers;
	if (t->after)
		t->after->prev = t;
	client->transfers = t;
	t->overdue = false;
	t->checked_at = 0;
	int64_t left = (t->deadline - clock_boottime()) / USEC_PER_MS;
	if (t->deadline && (!uv_is_active((uv_handle_t *)&client->due) ||
				   left < (int64_t)uv_timer_get_due_in(&client->due)))
		set_due(client);
}

static void leave(struct http_client *client, struct http_transfer *t)
{
	*(t->prev ? &t->prev->after : &client->transfers) = t->after;
	if (t->after)
		t->after->prev = t->prev;
	if (!client->transfers)
		uv_timer_stop(&client->due);
}

/* ---- Transfers ---- */

const char *http_proxy(const char *given)
{
	const char *proxy = given ? given : getenv("STEPWELL_PROXY");
	return proxy ? proxy : "";
}

static const char *proxy_of(const struct http_transfer *t)
{
	return http_proxy(t->settings ? t->settings->proxy : NULL);
}

static bool is_refused(struct http_transfer *t, const struct sockaddr *address)
{
	return http_reach_refuses(
		t->reach, address, t->allowed, t->why->refused, sizeof t->why->refused);
}

/* The operator has named the proxy: its address needs no judgement. */
static curl_socket_t on_open_socket(
	void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct http_transfer *t = ctx;
	(void)purpose;
	if (!t->proxied && is_refused(t, &address->addr))
		return CURL_SOCKET_BAD;
	return socket(
		address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* An address as text, with or without brackets; false: it is a name. */
static bool take_address(const char *text, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;
	char bare[ADDRESS_SHOWN];
	size_t n = strlen(text);
	bool bracket = n > 2 && *text == '[' && text[n - 1] == ']';
	if (n >= sizeof bare)
		return false;
	memcpy(bare, text + bracket, n + 1 - bracket);
	if (bracket)
		bare[n - 2] = '\0';
	*ret = (struct sockaddr_storage){.ss_family = AF_INET};
	v4->sin_port = htons(port);
	if (inet_pton(AF_INET, bare, &v4->sin_addr) == 1)
		return true;
	*ret = (struct sockaddr_storage){.ss_family = AF_INET6};
	v6->sin6_port = htons(port);
	return inet_pton(AF_INET6, bare, &v6->sin6_addr) == 1;
}

/* On a connection that was kept, too: it may have been opened for who may go where this
 * one may not. */
static int on_request(
	void *ctx, char *remote, char *local, int remote_port, int local_port)
{
	struct http_transfer *t = ctx;
	struct sockaddr_storage address;
	(void)local, (void)local_port;
	if (!t->proxied && take_address(remote, (uint16_t)remote_port, &address) &&
		is_refused(t, (struct sockaddr *)&address))
		return CURL_PREREQFUNC_ABORT;
	t->why->refused[0] = '\0'; /* another of the host's addresses was */
	return !t->on_send || t->on_send(t) ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static const char *authorities_of(const struct http_transfer *t)
{
	return http_authorities(t->settings ? t->settings->ca_file : NULL);
}

/* An address in any spelling that a resolver takes, with a dot behind it, too. */
static bool spells_address(const char *host, uint16_t port, struct sockaddr_storage *ret)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)ret;
	char bare[ADDRESS_SHOWN];
	size_t n = strlen(host);
	while (n && host[n - 1] == '.')
		n--;
	if (take_address(host, port, ret))
		return true;
	if (n >= sizeof bare)
		return false;
	memcpy(bare, host, n);
	bare[n] = '\0';
	*ret = (struct sockaddr_storage){.ss_family = AF_INET};
	v4->sin_port = htons(port);
	return inet_aton(bare, &v4->sin_addr) != 0;
}

/* Through a proxy nobody here sees to which address a name leads; one that is written out
 * is judged all the same. */
static bool judge_host(struct http_transfer *t, const char *host, uint16_t port)
{
	struct sockaddr_storage address;
	t->allowed = false;
	if (spells_address(host, port, &address))
		return !t->proxied || !is_refused(t, (struct sockaddr *)&address);
	enum reach_name name = http_reach_judge_name(t->reach, host, port, t->proxied,
		t->why->refused, sizeof t->why->refused);
	t->allowed = name == REACH_ALLOWED;
	return name != REACH_DENIED;
}

bool http_transfer_url(struct http_transfer *t, const char *url)
{
	char *host = NULL, *port = NULL;
	bool fine = false;
	http_set(t->easy, CURLOPT_URL, url);
	if (!t->reach && !t->proxied)
		return true;
	CURLU *parts = curl_url();
	assert(parts);
	if (curl_url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK &&
		curl_url_get(parts, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT) ==
			CURLUE_OK)
		fine = judge_host(t, host, (uint16_t)strtoul(port, NULL, 10));
	else
		snprintf(t->why->refused, sizeof t->why->refused, "no URL");
	curl_free(host);
	curl_free(port);
	curl_url_cleanup(parts);
	return fine;
}

/* CURLOPT_QUICK_EXIT: without it libcurl joins a resolver's thread when a transfer is
 * removed or times out, which would block the loop for as long as the name server is
 * silent. */
static void set_rules(struct http_transfer *t)
{
	if (!t->why)
		t->why = xmalloc(sizeof *t->why);
	t->why->refused[0] = t->why->error[0] = '\0';
	http_set(t->easy, CURLOPT_PRIVATE, (void *)t);
	http_set(t->easy, CURLOPT_ERRORBUFFER, t->why->error);
	http_set(t->easy, CURLOPT_NOSIGNAL, 1L);
	http_set(t->easy, CURLOPT_QUICK_EXIT, 1L);
	http_set(t->easy, CURLOPT_PROTOCOLS_STR, "http,https");
	http_set(t->easy, CURLOPT_FOLLOWLOCATION, 0L);
	t->proxied = *proxy_of(t);
	http_set(t->easy, CURLOPT_PROXY, proxy_of(t));
	http_set(t->easy, CURLOPT_NOPROXY, "");
	http_set(t->easy, CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L);
	http_set(t->easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	http_set(t->easy, CURLOPT_PATH_AS_IS, 1L);
	http_set(t->easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	http_set(t->easy, CURLOPT_SSL_VERIFYPEER, 1L);
	http_set(t->easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (authorities_of(t))
		http_set(t->easy, CURLOPT_CAINFO, authorities_of(t));
	http_set(t->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	http_set(t->easy, CURLOPT_OPENSOCKETFUNCTION, on_open_socket);
	http_set(t->easy, CURLOPT_OPENSOCKETDATA, t);
	http_set(t->easy, CURLOPT_PREREQFUNCTION, on_request);
	http_set(t->easy, CURLOPT_PREREQDATA, t);
}

void http_transfer_open(struct http_transfer *t)
{
	t->easy = curl_easy_init();
	assert(t->easy);
	set_rules(t);
}

static void close_handle(struct http_transfer *t)
{
	curl_easy_cleanup(t->easy);
	t->easy = NULL;
}

void http_transfer_close(struct http_transfer *t)
{
	close_handle(t);
	free(t->why);
	t->why = NULL;
}

static void take_handle(struct http_client *client, struct http_transfer *t)
{
	if (t->easy) { /* it was kept */
		set_rules(t);
	} else if (client->spare_count) {
		t->easy = client->spares[--client->spare_count];
		set_rules(t);
	} else {
		http_transfer_open(t);
	}
}

static void give_handle_back(struct http_client *client, struct http_transfer *t)
{
	if (client->spare_count == SPARES_MAX) {
		close_handle(t);
		return;
	}
	curl_easy_reset(t->easy);
	client->spares[client->spare_count++] = t->easy;
	t->easy = NULL;
}

static bool begin(struct http_client *client, struct http_transfer *t)
{
	take_handle(client, t);
	if (!t->on_begin(t)) {
		if (!t->keeps)
			give_handle_back(client, t);
		return false;
	}
	CURLMcode code = curl_multi_add_handle(client->multi, t->easy);
	assert(code == CURLM_OK);
	t->active = true;
	client->active++;
	enter(client, t);
	return true;
}

static void begin_queued(struct http_client *client)
{
	struct http_transfer *t;
	while ((t = client->head) && client->active < HTTP_CONNECTIONS) {
		client->head = t->next;
		if (!client->head)
			client->tail = &client->head;
		t->queued = false;
		if (!begin(client, t))
			t->on_end(t, CURLE_OPERATION_TIMEDOUT);
	}
}

static void on_turn(uv_timer_t *timer)
{
	begin_queued(timer->data);
}

static void queue(struct http_client *client, struct http_transfer *t)
{
	t->queued = true;
	t->next = NULL;
	*client->tail = t;
	client->tail = &t->next;
}

void http_client_add(struct http_client *client, struct http_transfer *t)
{
	assert(!t->active && !t->queued);
	if (client->head || client->active >= HTTP_CONNECTIONS || !begin(client, t)) {
		queue(client, t);
		uv_timer_start(&client->turn, on_turn, 0, 0);
	}
}

static void unqueue(struct http_client *client, struct http_transfer *t)
{
	struct http_transfer **p = &client->head;
	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	if (client->tail == &t->next)
		client->tail = p;
	t->queued = false;
}

static void end(struct http_client *client, struct http_transfer *t)
{
	if (t->queued)
		unqueue(client, t);
	if (!t->active)
		return;
	curl_multi_remove_handle(client->multi, t->easy);
	if (!t->keeps)
		give_handle_back(client, t);
	t->active = false;
	client->active--;
	leave(client, t);
	if (client->head)
		uv_timer_start(&client->turn, on_turn, 0, 0);
}

void http_client_remove(struct http_client *client, struct http_transfer *t)
{
	end(client, t);
	if (t->easy)
		give_handle_back(client, t);
	free(t->why);
	t->why = NULL;
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
	client->tail = &client->head;
	client->open_handles = 3;
	uv_timer_init(loop, &client->timer);
	uv_timer_init(loop, &client->turn);
	uv_timer_init(loop, &client->due);
	client->timer.data = client->turn.data = client->due.data = client;
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETFUNCTION, on_watch_socket);
	curl_multi_setopt(client->multi, CURLMOPT_SOCKETDATA, client);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERFUNCTION, on_set_timer);
	curl_multi_setopt(client->multi, CURLMOPT_TIMERDATA, client);
	set_limits(client->multi);
	return client;
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct http_client *client = handle->data;
	if (--client->open_handles == 0)
		free(client);
}

void http_client_destroy(struct http_client *client)
{
	if (!client)
		return;
	assert(client->active == 0 && !client->head);
	while (client->spare_count)
		curl_easy_cleanup(client->spares[--client->spare_count]);
	curl_multi_cleanup(client->multi);
	uv_close((uv_handle_t *)&client->timer, on_timer_closed);
	uv_close((uv_handle_t *)&client->turn, on_timer_closed);
	uv_close((uv_handle_t *)&client->due, on_timer_closed);
	curl_global_cleanup();
}
