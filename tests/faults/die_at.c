/*
 * LD_PRELOAD: kills the process with SIGKILL at its N-th call (DIE_AT=N) of send, recv,
 * connect or write, before or after the call itself (DIE_WHEN=before|after). libpq and
 * libcurl send and receive by send and recv; libuv writes to its pipes; logs do not come
 * here.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(void)
{
	kill(getpid(), SIGKILL);
	for (;;)
		pause();
}

/* 0: not now, 1: before, 2: after */
static int is_time(void)
{
	static long at = -1, count;
	static int when;
	static pid_t self; /* children of the process live on */
	if (at < 0) {
		const char *n = getenv("DIE_AT"), *w = getenv("DIE_WHEN");
		at = n ? strtol(n, NULL, 10) : 0;
		when = w && strcmp(w, "after") == 0 ? 2 : 1;
		self = getpid();
	}
	return at > 0 && getpid() == self && ++count == at ? when : 0;
}

static void *real(const char *name)
{
	return dlsym(RTLD_NEXT, name);
}

#define AT(when, call)                \
	do {                          \
		int due = (when);     \
		if (due == 1)         \
			die();        \
		ssize_t ret = (call); \
		if (due == 2)         \
			die();        \
		return ret;           \
	} while (0)

ssize_t send(int fd, const void *data, size_t n, int flags)
{
	static ssize_t (*next)(int, const void *, size_t, int);
	if (!next)
		*(void **)&next = real("send");
	AT(is_time(), next(fd, data, n, flags));
}

ssize_t recv(int fd, void *data, size_t n, int flags)
{
	static ssize_t (*next)(int, void *, size_t, int);
	if (!next)
		*(void **)&next = real("recv");
	AT(is_time(), next(fd, data, n, flags));
}

ssize_t write(int fd, const void *data, size_t n)
{
	static ssize_t (*next)(int, const void *, size_t);
	if (!next)
		*(void **)&next = real("write");
	AT(fd > 2 ? is_time() : 0, next(fd, data, n));
}

static ssize_t connect_by(int (*next)(int, const struct sockaddr *, socklen_t), int fd,
	const void *to, socklen_t size)
{
	AT(is_time(), next(fd, to, size));
}

int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	static int (*next)(int, const struct sockaddr *, socklen_t);
	if (!next)
		*(void **)&next = real("connect");
	return (int)connect_by(next, fd, to, size);
}
