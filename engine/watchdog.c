/*
 * One mutex guards everything. Only the arming thread starts, joins and destroys; the
 * watching thread sets `gone` as the last thing it does.
 */
#include "watchdog.h"

#include <assert.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "buf.h"

#define IDLE_NS 50000000L /* between looks while nothing takes long */
#define BUSY_NS 5000000L
#define IDLE_LOOKS 20 /* until the thread ends */

struct watchdog {
	int64_t timeout_ns;
	size_t growth_bytes;
	pthread_mutex_t lock;
	pthread_t thread;
	bool started; /* thread must be joined */
	bool gone;    /* it has ended or is about to */
	bool stop;    /* it shall end */
	/* What is armed. */
	bool armed;
	uint64_t round;  /* counts armings */
	clockid_t clock; /* of the evaluating thread */
	void (*halt)(void *);
	void *ctx;
	enum watchdog_verdict verdict;
	/* What the thread remembers of its last look. */
	uint64_t seen;
	int64_t from_ns; /* the clock when `seen` was first seen */
	size_t from_bytes;
	unsigned idle;
};

static int64_t read_clock(clockid_t clock)
{
	struct timespec ts = {0};
	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000LL + ts.tv_nsec;
}

/* Resident memory of the process; 0 if the kernel does not say. */
static size_t read_resident(void)
{
	char text[128];
	size_t total, resident;
	int fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return 0;
	ssize_t n = read(fd, text, sizeof text - 1);
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%zu %zu", &total, &resident) != 2)
		return 0;
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

static void judge(struct watchdog *w)
{
	if (w->verdict != WATCHDOG_FINE)
		return;
	if (read_clock(w->clock) - w->from_ns > w->timeout_ns)
		w->verdict = WATCHDOG_LATE;
	else if (read_resident() > w->from_bytes + w->growth_bytes)
		w->verdict = WATCHDOG_FAT;
	if (w->verdict != WATCHDOG_FINE)
		w->halt(w->ctx);
}

/* One look; returns how long to sleep until the next, 0 to end. */
static long look(struct watchdog *w)
{
	bool moved = w->seen != w->round;
	w->idle = moved || w->armed ? 0 : w->idle + 1;
	if (w->stop || w->idle > IDLE_LOOKS)
		return 0;
	w->seen = w->round;
	if (!w->armed)
		return IDLE_NS;
	if (moved) {
		w->from_ns = read_clock(w->clock);
		w->from_bytes = read_resident();
	}
	judge(w);
	return BUSY_NS;
}

static void *watch(void *arg)
{
	struct watchdog *w = arg;
	for (;;) {
		pthread_mutex_lock(&w->lock);
		long ns = look(w);
		w->gone = ns == 0;
		pthread_mutex_unlock(&w->lock);
		if (ns == 0)
			return NULL;
		nanosleep(&(struct timespec){0, ns}, NULL);
	}
}

struct watchdog *watchdog_create(unsigned timeout_ms, size_t growth_bytes)
{
	struct watchdog *w = xcalloc(1, sizeof *w);
	w->timeout_ns = timeout_ms * 1000000LL;
	w->growth_bytes = growth_bytes;
	pthread_mutex_init(&w->lock, NULL);
	return w;
}

static void join(struct watchdog *w)
{
	if (w->started)
		pthread_join(w->thread, NULL);
	w->started = false;
}

void watchdog_destroy(struct watchdog *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	pthread_mutex_unlock(&w->lock);
	join(w);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

/* The thread takes no signals: they are the event loop's. */
static void start(struct watchdog *w)
{
	sigset_t all, old;
	join(w);
	w->gone = false;
	w->idle = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int failed = pthread_create(&w->thread, NULL, watch, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	assert(!failed);
	w->started = true;
}

void watchdog_arm(struct watchdog *w, void (*halt)(void *), void *ctx)
{
	assert(!w->armed);
	pthread_mutex_lock(&w->lock);
	w->round++;
	w->halt = halt;
	w->ctx = ctx;
	w->verdict = WATCHDOG_FINE;
	pthread_getcpuclockid(pthread_self(), &w->clock);
	w->armed = true;
	bool gone = !w->started || w->gone;
	pthread_mutex_unlock(&w->lock);
	if (gone)
		start(w);
}

enum watchdog_verdict watchdog_disarm(struct watchdog *w)
{
	pthread_mutex_lock(&w->lock);
	w->armed = false;
	enum watchdog_verdict verdict = w->verdict;
	pthread_mutex_unlock(&w->lock);
	return verdict;
}
