/*
 * An HTTP/1.1 endpoint for benchmarks: one thread, epoll, connections kept alive, the
 *same small JSON answer to every request. It prints its port and serves until it is
 *killed.
 *
 *	bench_http_stub [--delay MS]
 *
 * --delay: each answer comes that late; the connection is held meanwhile. GET /stats is
 * answered at once with the number of requests (itself not counted), of requests held and
 * of open connections. After GET /release nothing is held any more.
 */
#include "base/buf.h"

#include <errno.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUEST_MAX (1024 * 1024)
#define EVENTS 256

static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			     "Content-Length: 11\r\n\r\n{\"ok\":true}";

struct connection {
	int fd; /* -1: closed */
	unsigned serial;
	struct buf in;  /* a request that has not arrived whole */
	struct buf out; /* what the socket did not take yet */
	bool writing;   /* out is not empty, and the loop knows */
};

/* An answer that is due later; all have the same delay, so they are due in order. */
struct held {
	struct connection *connection;
	unsigned serial; /* of the connection when it asked */
	int64_t due;
	struct held *next;
};

struct stub {
	int listener, epoll;
	int64_t delay;                   /* milliseconds */
	struct connection **connections; /* by descriptor */
	size_t capacity;
	unsigned serial;
	struct held *head, **tail;
	uint64_t requests, holding, open;
};

static int64_t now_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000) + t.tv_nsec / 1000000;
}

__attribute__((noreturn)) static void fail(const char *what)
{
	fprintf(stderr, "bench_http_stub: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* ---- Connections ---- */

static struct connection *slot_of(struct stub *s, int fd)
{
	size_t need = (size_t)fd + 1;
	if (need > s->capacity) {
		s->connections = xrealloc(s->connections, 2 * need * sizeof(void *));
		memset(s->connections + s->capacity, 0,
			(2 * need - s->capacity) * sizeof(void *));
		s->capacity = 2 * need;
	}
	if (!s->connections[fd])
		s->connections[fd] = xcalloc(1, sizeof(struct connection));
	return s->connections[fd];
}

static void watch(struct stub *s, int fd, int operation, uint32_t events)
{
	struct epoll_event e = {.events = events, .data.fd = fd};
	if (epoll_ctl(s->epoll, operation, fd, &e) < 0)
		fail("epoll");
}

static void on_connection(struct stub *s)
{
	int fd, yes = 1;
	while ((fd = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC)) >=
		0) {
		struct connection *c = slot_of(s, fd);
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
		*c = (struct connection){.fd = fd, .serial = ++s->serial};
		watch(s, fd, EPOLL_CTL_ADD, EPOLLIN);
		s->open++;
	}
	if (errno != EAGAIN && errno != ECONNABORTED)
		fail("accept");
}

static void drop(struct stub *s, struct connection *c)
{
	close(c->fd);
	buf_finish(&c->in);
	buf_finish(&c->out);
	c->fd = -1;
	s->open--;
}

static void flush(struct stub *s, struct connection *c)
{
	ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);
	if (n < 0 && errno != EAGAIN) {
		drop(s, c);
		return;
	}
	size_t sent = n > 0 ? (size_t)n : 0;
	memmove(c->out.data, c->out.data + sent, c->out.len - sent);
	c->out.len -= sent;
	if (c->writing != (c->out.len > 0)) {
		c->writing = !c->writing;
		watch(s, c->fd, EPOLL_CTL_MOD,
			EPOLLIN | (c->writing ? (uint32_t)EPOLLOUT : 0));
	}
}

/* ---- Requests ---- */

static void put_stats(struct stub *s, struct connection *c)
{
	char body[128];
	int n = snprintf(body, sizeof body,
		"{\"requests\":%llu,\"held\":%llu,\"connections\":%llu}\n",
		(unsigned long long)s->requests, (unsigned long long)s->holding,
		(unsigned long long)s->open);
	buf_printf(&c->out,
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		"Content-Length: %d\r\n\r\n%s",
		n, body);
}

static void hold(struct stub *s, struct connection *c)
{
	struct held *h = xcalloc(1, sizeof *h);
	h->connection = c;
	h->serial = c->serial;
	h->due = now_ms() + s->delay;
	*s->tail = h;
	s->tail = &h->next;
	s->holding++;
}

static void answer_request(struct stub *s, struct connection *c, const char *head)
{
	bool releases = strncmp(head, "GET /release ", 13) == 0;
	if (releases)
		s->delay = 0;
	if (releases || strncmp(head, "GET /stats ", 11) == 0) {
		put_stats(s, c);
		return;
	}
	s->requests++;
	if (s->delay)
		hold(s, c);
	else
		buf_add(&c->out, answer, sizeof answer - 1);
}

/* The body's length by the head, whose last line is empty. */
static size_t body_length(const char *head, size_t n)
{
	static const char name[] = "content-length:";
	const char *end = head + n;
	for (const char *line = head; line < end; line++) {
		if (strncasecmp(line, name, sizeof name - 1) == 0)
			return strtoul(line + sizeof name - 1, NULL, 10);
		line = memchr(line, '\n', (size_t)(end - line));
		if (!line)
			break;
	}
	return 0;
}

/* Answers every whole request of the text; how much of it that was. */
static size_t answer_all(struct stub *s, struct connection *c, const char *text, size_t n)
{
	size_t done = 0;
	for (;;) {
		const char *head = text + done;
		const char *end = memmem(head, n - done, "\r\n\r\n", 4);
		if (!end)
			return done;
		size_t size = (size_t)(end + 4 - head);
		size += body_length(head, size);
		if (size > n - done)
			return done;
		answer_request(s, c, head);
		done += size;
	}
}

static void on_text(struct stub *s, struct connection *c, const char *text, size_t n)
{
	if (c->in.len) {
		buf_add(&c->in, text, n);
		text = c->in.data;
		n = c->in.len;
	}
	size_t done = answer_all(s, c, text, n);
	if (text == c->in.data) {
		memmove(c->in.data, c->in.data + done, n - done);
		c->in.len = n - done;
	} else if (done < n) {
		buf_add(&c->in, text + done, n - done);
	}
	if (c->in.len > REQUEST_MAX)
		drop(s, c);
	else if (c->out.len)
		flush(s, c);
}

static void on_ready(struct stub *s, struct connection *c, uint32_t events)
{
	static char text[65536 + 1];
	if (events & EPOLLOUT)
		flush(s, c);
	if (c->fd < 0 || !(events & ~(uint32_t)EPOLLOUT))
		return;
	ssize_t n = recv(c->fd, text, sizeof text - 1, 0);
	if (n > 0) {
		text[n] = '\0';
		on_text(s, c, text, (size_t)n);
	} else if (n == 0 || errno != EAGAIN) {
		drop(s, c);
	}
}

/* ---- The loop ---- */

/* Answers what is due; milliseconds until the next, -1: none is held. */
static int release(struct stub *s)
{
	int64_t now = s->head ? now_ms() : 0;
	while (s->head && (!s->delay || s->head->due <= now)) {
		struct held *h = s->head;
		s->head = h->next;
		if (!s->head)
			s->tail = &s->head;
		s->holding--;
		if (h->connection->fd >= 0 && h->connection->serial == h->serial) {
			buf_add(&h->connection->out, answer, sizeof answer - 1);
			flush(s, h->connection);
		}
		free(h);
	}
	return s->head ? (int)(s->head->due - now) : -1;
}

static void serve(struct stub *s)
{
	struct epoll_event events[EVENTS];
	for (;;) {
		int n = epoll_wait(s->epoll, events, EVENTS, release(s));
		if (n < 0 && errno != EINTR)
			fail("epoll_wait");
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd == s->listener)
				on_connection(s);
			else if (s->connections[fd]->fd >= 0)
				on_ready(s, s->connections[fd], events[i].events);
		}
	}
}

/* Listens on a free port of 127.0.0.1, and prints it. */
static void start(struct stub *s)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
	socklen_t size = sizeof address;
	s->epoll = epoll_create1(EPOLL_CLOEXEC);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (s->epoll < 0 || s->listener < 0 ||
		bind(s->listener, (struct sockaddr *)&address, size) < 0 ||
		listen(s->listener, 4096) < 0 ||
		getsockname(s->listener, (struct sockaddr *)&address, &size) < 0)
		fail("listen");
	watch(s, s->listener, EPOLL_CTL_ADD, EPOLLIN);
	printf("%d\n", ntohs(address.sin_port));
	fflush(stdout);
}

static void raise_limit(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{"delay", required_argument, NULL, 'd'}, {0}};
	struct stub stub = {0};
	int option;
	stub.tail = &stub.head;
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option != 'd')
			return 2;
		stub.delay = strtol(optarg, NULL, 10);
	}
	raise_limit();
	start(&stub);
	serve(&stub);
}
