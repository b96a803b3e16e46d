/* Reading and writing without waiting. */
#include "jq/channel.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK ((size_t)64 << 10)
#define KEPT ((size_t)1 << 20) /* of a buffer that is empty */

static void on_poll(uv_poll_t *poll, int status, int events)
{
	struct channel *c = poll->data;
	(void)status;
	(void)events;
	c->on_ready(c->ctx);
}

void channel_init(
	struct channel *c, int fd, uv_loop_t *loop, void (*on_ready)(void *), void *ctx)
{
	*c = (struct channel){.fd = fd, .on_ready = on_ready, .ctx = ctx};
	if (!loop)
		return;
	c->poll = xcalloc(1, sizeof *c->poll);
	uv_poll_init(loop, c->poll, fd);
	c->poll->data = c;
	uv_unref((uv_handle_t *)c->poll);
}

static void on_closed(uv_handle_t *handle)
{
	free(handle);
}

void channel_finish(struct channel *c)
{
	if (c->poll)
		uv_close((uv_handle_t *)c->poll, on_closed);
	if (c->fd >= 0)
		close(c->fd);
	buf_wipe(&c->in);
	buf_wipe(&c->out);
	*c = (struct channel){.fd = -1};
}

static bool would_wait(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

static bool write_some(struct channel *c)
{
	while (c->sent < c->out.len) {
		ssize_t n = send(c->fd, c->out.data + c->sent, c->out.len - c->sent,
			MSG_DONTWAIT | MSG_NOSIGNAL);
		if (n <= 0)
			return n < 0 && would_wait();
		c->sent += (size_t)n;
	}
	if (c->out.cap > KEPT)
		buf_finish(&c->out);
	c->out.len = c->sent = 0;
	return true;
}

void channel_drop(struct channel *c)
{
	if (c->taken == 0)
		return;
	c->in.len -= c->taken;
	memmove(c->in.data, c->in.data + c->taken, c->in.len);
	c->taken = 0;
	if (c->in.len == 0 && c->in.cap > KEPT)
		buf_finish(&c->in);
}

static bool read_some(struct channel *c, size_t most)
{
	channel_drop(c);
	for (size_t end = c->in.len + most; c->in.len < end;) {
		buf_reserve(&c->in, CHUNK);
		ssize_t n = recv(c->fd, c->in.data + c->in.len, CHUNK, MSG_DONTWAIT);
		if (n < 0)
			return would_wait();
		if (n == 0)
			return false;
		c->in.len += (size_t)n;
		if ((size_t)n < CHUNK)
			return true;
	}
	return true;
}

bool channel_move(struct channel *c, size_t most)
{
	bool there = read_some(c, most); /* what it said before its end counts */
	return (c->out.len == 0 || write_some(c)) && there;
}

bool channel_take(struct channel *c, struct jqwire_header *ret,
	struct jqwire_reader *ret_payload, bool *ret_bad)
{
	size_t n = c->in.len - c->taken;
	const char *p = c->in.data + c->taken;
	*ret_bad = false;
	if (n < JQWIRE_HEADER)
		return false;
	*ret_bad = !jqwire_read_header(p, ret) || (c->largest && ret->len > c->largest);
	if (*ret_bad || n - JQWIRE_HEADER < ret->len)
		return false;
	p += JQWIRE_HEADER;
	*ret_payload = (struct jqwire_reader){p, p + ret->len, false};
	c->taken += JQWIRE_HEADER + ret->len;
	return true;
}

void channel_watch(struct channel *c, bool reads)
{
	int wanted = (reads ? UV_READABLE : 0) | (c->sent < c->out.len ? UV_WRITABLE : 0);
	if (!c->poll || c->watched == wanted)
		return;
	c->watched = wanted;
	if (wanted)
		uv_poll_start(c->poll, wanted, on_poll);
	else
		uv_poll_stop(c->poll);
}
