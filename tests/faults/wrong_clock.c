/*
 * LD_PRELOAD: a wall clock that is wrong. CLOCK_OFFSET=SECONDS is added to it, and it
 * runs CLOCK_RATE times as fast (default 1). Clocks that count from the start are left
 * alone.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <sys/time.h>
#include <time.h>

static int (*real)(clockid_t, struct timespec *);

static double variable(const char *name, double otherwise)
{
	const char *text = getenv(name);
	return text ? strtod(text, NULL) : otherwise;
}

static void wrong_now(clockid_t id, struct timespec *out)
{
	static double offset, rate, since;
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	real(id, out);
	double now = (double)out->tv_sec + (double)out->tv_nsec / 1e9;
	if (since == 0) {
		offset = variable("CLOCK_OFFSET", 0);
		rate = variable("CLOCK_RATE", 1);
		since = now;
	}
	now = since + (now - since) * rate + offset;
	out->tv_sec = (time_t)now;
	out->tv_nsec = (long)((now - (double)out->tv_sec) * 1e9);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
	if (!real)
		*(void **)&real = dlsym(RTLD_NEXT, "clock_gettime");
	if (id != CLOCK_REALTIME && id != CLOCK_REALTIME_COARSE)
		return real(id, out);
	wrong_now(id, out);
	return 0;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
	struct timespec now;
	(void)zone;
	wrong_now(CLOCK_REALTIME, &now);
	out->tv_sec = now.tv_sec;
	out->tv_usec = now.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *out)
{
	struct timespec now;
	wrong_now(CLOCK_REALTIME, &now);
	if (out)
		*out = now.tv_sec;
	return now.tv_sec;
}
