/*
 * LD_PRELOAD: lets the N-th allocation (FAIL_AT=N) of the process fail, and all after it
 * too with FAIL_HOW=ever, and says so. How many there were is written to the file
 * FAIL_COUNT when the process exits. Where it crashes for that, it says in whose code:
 * libraries use what they have not got, too.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <execinfo.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static _Atomic long count;
static long at;
static int ever;
static pid_t self; /* children of the process have enough */

static char early[65536]; /* what dlsym itself, or a library before us, asks for */
static _Atomic size_t early_used;

static void *early_calloc(size_t n)
{
	size_t place = atomic_fetch_add(&early_used, (n + 31) & ~(size_t)15);
	return place + n < sizeof early - 16 ? early + 16 + place : NULL;
}

static int is_early(const void *p)
{
	return (const char *)p >= early && (const char *)p < early + sizeof early;
}

static void *next(const char *name)
{
	static __thread int busy;
	void *found = NULL;
	if (!busy) {
		busy = 1;
		found = dlsym(RTLD_NEXT, name);
		busy = 0;
	}
	return found;
}

/* The first file on the stack that is neither we nor libc. */
static void on_crash(int number)
{
	void *frames[64];
	int n = backtrace(frames, 64);
	const char *name = "?";
	for (int i = 0; i < n; i++) {
		Dl_info info;
		if (!dladdr(frames[i], &info) || !info.dli_fname)
			continue;
		const char *slash = strrchr(info.dli_fname, '/');
		name = slash ? slash + 1 : info.dli_fname;
		if (strncmp(name, "fail_at", 7) != 0 && strncmp(name, "libc.", 5) != 0)
			break;
	}
	dprintf(2, "signal %d in %s\n", number, name);
	signal(number, SIG_DFL);
	raise(number);
}

__attribute__((constructor)) static void begin(void)
{
	const char *n = getenv("FAIL_AT"), *how = getenv("FAIL_HOW");
	self = getpid();
	ever = how && strcmp(how, "ever") == 0;
	void *frame;
	backtrace(&frame, 1); /* loads what it needs */
	signal(SIGSEGV, on_crash);
	count = 0;
	at = n ? strtol(n, NULL, 10) : 0;
}

__attribute__((destructor)) static void end(void)
{
	const char *path = getenv("FAIL_COUNT");
	FILE *file = path && getpid() == self ? fopen(path, "w") : NULL;
	if (file) {
		fprintf(file, "%ld\n", (long)count);
		fclose(file);
	}
}

static int is_time(void)
{
	long n = atomic_fetch_add(&count, 1) + 1;
	if (!at || !(ever ? n >= at : n == at) || getpid() != self)
		return 0;
	if (n == at)
		dprintf(2, "fail_at: %ld\n", n);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	static void *(*real)(size_t);
	if (!real)
		*(void **)&real = next("malloc");
	if (!real)
		return early_calloc(n);
	return is_time() ? NULL : real(n);
}

void *calloc(size_t n, size_t size)
{
	static void *(*real)(size_t, size_t);
	if (!real)
		*(void **)&real = next("calloc");
	if (!real)
		return early_calloc(n * size);
	return is_time() ? NULL : real(n, size);
}

void *realloc(void *p, size_t n)
{
	static void *(*real)(void *, size_t);
	if (!real)
		*(void **)&real = next("realloc");
	if (is_early(p)) {
		size_t room = (size_t)(early + sizeof early - (char *)p);
		void *moved = malloc(n);
		return moved ? memcpy(moved, p, n < room ? n : room) : NULL;
	}
	return is_time() ? NULL : real(p, n);
}

void free(void *p)
{
	static void (*real)(void *);
	if (is_early(p))
		return;
	if (!real)
		*(void **)&real = next("free");
	if (real)
		real(p);
}
