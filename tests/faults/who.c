/*
 * LD_PRELOAD: gives each process a loopback address of its own, from which it connects to
 * 127.0.0.1: 127.A.B.C, the three lower bytes of its process id. So an endpoint sees who
 * sends.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

int connect(int fd, const struct sockaddr *to, socklen_t size)
{
	static int (*next)(int, const struct sockaddr *, socklen_t);
	const struct sockaddr_in *in = (const struct sockaddr_in *)to;
	if (!next)
		*(void **)&next = dlsym(RTLD_NEXT, "connect");
	if (to->sa_family == AF_INET && in->sin_addr.s_addr == htonl(INADDR_LOOPBACK)) {
		struct sockaddr_in own = {.sin_family = AF_INET};
		own.sin_addr.s_addr =
			htonl(127u << 24 | ((unsigned)getpid() & 0xFFFFFFu));
		(void)!bind(fd, (struct sockaddr *)&own, sizeof own);
	}
	return next(fd, to, size);
}
