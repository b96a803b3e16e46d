/*
 * LD_PRELOAD: aborts the process when it hands one of its evaluators a text with DIE_OF
 * in it, as a program or as a value: a worker that cannot cope with what it gets.
 * Evaluators have an environment of their own, so this is never in them.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

/* Of a socket pair: the other end has no name, as a server's has. */
static bool is_evaluator(int fd)
{
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;
	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 &&
	       peer.ss_family == AF_UNIX && size == sizeof peer.ss_family;
}

ssize_t send(int fd, const void *text, size_t n, int flags)
{
	static ssize_t (*next)(int, const void *, size_t, int);
	const char *of = getenv("DIE_OF");
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "send");
	if (of && memmem(text, n, of, strlen(of)) && is_evaluator(fd))
		abort();
	return next(fd, text, n, flags);
}
