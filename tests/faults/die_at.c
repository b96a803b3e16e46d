/*
 * LD_PRELOAD: kills the process with SIGKILL at its N-th send on a socket (DIE_AT=N), before or
 * after the send itself (DIE_WHEN=before|after). libpq and libcurl send by send(); libuv's pipes
 * and files do not come here.
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
	if (at < 0) {
		const char *n = getenv("DIE_AT"), *w = getenv("DIE_WHEN");
		at = n ? strtol(n, NULL, 10) : 0;
		when = w && strcmp(w, "after") == 0 ? 2 : 1;
	}
	return at > 0 && ++count == at ? when : 0;
}

ssize_t send(int fd, const void *data, size_t n, int flags)
{
	static ssize_t (*real)(int, const void *, size_t, int);
	int when = is_time();
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "send");
	if (when == 1)
		die();
	ssize_t sent = real(fd, data, n, flags);
	if (when == 2)
		die();
	return sent;
}
