/*
 * LD_PRELOAD: in a process for suspects, connecting to the port HANG_PORT uses the
 * processor and never returns. Elsewhere, and with any other port, nothing is changed.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <sys/socket.h>

static volatile int port; /* 0: not here */

/* The process takes the variable that its worker has set out of its environment. */
__attribute__((constructor)) static void begin(void)
{
	const char *text = getenv("HANG_PORT");
	port = text && getenv("STEPWELL_SUSPECT") ? (int)strtol(text, NULL, 10) : 0;
}

int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	static int (*next)(int, const struct sockaddr *, socklen_t);
	const struct sockaddr_in *in = (const struct sockaddr_in *)to;
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "connect");
	while (port && to->sa_family == AF_INET && ntohs(in->sin_port) == port)
		;
	return next(fd, to, size);
}
