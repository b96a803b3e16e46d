/*
 * LD_PRELOAD library: the name TURNS_NAME has the address TURNS_FIRST when it is asked
 * for the first time, and TURNS_THEN ever after, as the name server of somebody who wants
 * a request to go where none may.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <netdb.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

int getaddrinfo(const char *name, const char *service, const struct addrinfo *hints,
	struct addrinfo **ret)
{
	typedef int resolve(
		const char *, const char *, const struct addrinfo *, struct addrinfo **);
	static atomic_int asked;
	resolve *real = (resolve *)dlsym(RTLD_NEXT, "getaddrinfo");
	const char *wanted = getenv("TURNS_NAME");
	if (name && wanted && strcmp(name, wanted) == 0)
		name = getenv(
			atomic_fetch_add(&asked, 1) == 0 ? "TURNS_FIRST" : "TURNS_THEN");
	return real(name, service, hints, ret);
}
