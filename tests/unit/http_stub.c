/* The scripted server: one thread, poll(2) over its connections. */
#include "http_stub.h"

#include "base/buf.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define SLOTS 64

struct reply {
	char *bytes;
	size_t n;
	enum stub_then then;
};

struct connection {
	int fd; /* 0: free */
	unsigned number;
	struct buf in;
};

struct stub {
	pthread_t thread;
	pthread_mutex_t lock;
	int listener, port, stop[2];
	unsigned connections;
	struct connection slots[SLOTS];
	struct reply replies[SLOTS];
	size_t replies_count, replies_next;
	struct stub_request requests[SLOTS];
	size_t requests_count;
};

static void drop(struct connection *c, bool reset)
{
	struct linger now = {1, 0};
	if (reset)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(c->fd);
	buf_finish(&c->in);
	c->fd = 0;
}

static void answer(struct stub *s, struct connection *c)
{
	static const char usual[] =
		"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
		"Content-Length: 2\r\n\r\n{}";
	struct reply r = {(char *)usual, sizeof usual - 1, STUB_KEEP};
	if (s->replies_next < s->replies_count)
		r = s->replies[s->replies_next++];
	for (size_t done = 0; done < r.n;) {
		ssize_t n = send(c->fd, r.bytes + done, r.n - done, MSG_NOSIGNAL);
		if (n <= 0)
			break;
		done += (size_t)n;
	}
	if (r.then != STUB_KEEP)
		drop(c, r.then == STUB_RESET);
}

/* Takes a whole request off the connection's bytes, if there is one. */
static bool take_request(struct stub *s, struct connection *c)
{
	char *end = c->in.len ? strstr(c->in.data, "\r\n\r\n") : NULL;
	if (!end)
		return false;
	size_t head = (size_t)(end - c->in.data) + 4;
	char *length = strcasestr(c->in.data, "\r\nContent-Length:");
	size_t body = length && length < end ? strtoul(length + 17, NULL, 10) : 0;
	if (c->in.len < head + body)
		return false;
	if (s->requests_count == SLOTS)
		abort();
	s->requests[s->requests_count++] =
		(struct stub_request){xstrndup(c->in.data, head),
			xstrndup(c->in.data + head, body), body, c->number};
	memmove(c->in.data, c->in.data + head + body, c->in.len - head - body + 1);
	c->in.len -= head + body;
	return true;
}

static void receive(struct stub *s, struct connection *c)
{
	char part[65536];
	ssize_t n = recv(c->fd, part, sizeof part, 0);
	if (n <= 0) {
		drop(c, false);
		return;
	}
	buf_add(&c->in, part, (size_t)n);
	pthread_mutex_lock(&s->lock);
	while (c->fd && take_request(s, c))
		answer(s, c);
	pthread_mutex_unlock(&s->lock);
}

static void welcome(struct stub *s)
{
	int fd = accept(s->listener, NULL, NULL);
	for (size_t i = 0; i < SLOTS; i++) {
		if (s->slots[i].fd)
			continue;
		s->slots[i].fd = fd;
		s->slots[i].number = ++s->connections;
		return;
	}
	close(fd);
}

static void *serve(void *ctx)
{
	struct stub *s = ctx;
	for (;;) {
		struct pollfd fds[SLOTS + 2] = {
			{s->listener, POLLIN, 0}, {s->stop[0], POLLIN, 0}};
		for (size_t i = 0; i < SLOTS; i++)
			fds[i + 2] = (struct pollfd){
				s->slots[i].fd ? s->slots[i].fd : -1, POLLIN, 0};
		poll(fds, SLOTS + 2, -1);
		if (fds[1].revents)
			return NULL;
		for (size_t i = 0; i < SLOTS; i++) {
			if (fds[i + 2].revents)
				receive(s, &s->slots[i]);
		}
		if (fds[0].revents)
			welcome(s);
	}
}

struct stub *stub_create(void)
{
	struct stub *s = xcalloc(1, sizeof *s);
	struct sockaddr_in a = {.sin_family = AF_INET};
	socklen_t n = sizeof a;
	a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	pthread_mutex_init(&s->lock, NULL);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (bind(s->listener, (struct sockaddr *)&a, sizeof a) ||
		listen(s->listener, 64) ||
		getsockname(s->listener, (struct sockaddr *)&a, &n) || pipe(s->stop))
		abort();
	s->port = ntohs(a.sin_port);
	pthread_create(&s->thread, NULL, serve, s);
	return s;
}

void stub_destroy(struct stub *s)
{
	if (!s)
		return;
	if (write(s->stop[1], "x", 1) != 1)
		abort();
	pthread_join(s->thread, NULL);
	for (size_t i = 0; i < SLOTS; i++) {
		if (s->slots[i].fd)
			drop(&s->slots[i], false);
		free(s->replies[i].bytes);
		free(s->requests[i].head);
		free(s->requests[i].body);
	}
	close(s->listener);
	close(s->stop[0]);
	close(s->stop[1]);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

int stub_port(const struct stub *s)
{
	return s->port;
}

void stub_reply(struct stub *s, const char *bytes, size_t n, enum stub_then then)
{
	pthread_mutex_lock(&s->lock);
	if (s->replies_count == SLOTS)
		abort();
	s->replies[s->replies_count++] = (struct reply){xstrndup(bytes, n), n, then};
	pthread_mutex_unlock(&s->lock);
}

void stub_text(struct stub *s, const char *text)
{
	stub_reply(s, text, strlen(text), STUB_KEEP);
}

size_t stub_count(struct stub *s)
{
	pthread_mutex_lock(&s->lock);
	size_t n = s->requests_count;
	pthread_mutex_unlock(&s->lock);
	return n;
}

const struct stub_request *stub_request(struct stub *s, size_t i)
{
	return i < stub_count(s) ? &s->requests[i] : NULL;
}
