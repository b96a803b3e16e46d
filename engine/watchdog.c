/* One mutex guards everything. */
#include "watchdog.h"

#include <assert.h>
#include <errno.h>
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
#define IDLE_LOOKS 20 /* until the thread sleeps */

struct watchdog {
	int64_t timeout_ns;
	size_t growth_bytes;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	pthread_t thread;
	bool asleep; /* it waits for `wake` */
	bool stop;   /* it shall end */
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

/* One look; returns how long to sleep until the next, 0: until it is woken. */
static long look(struct watchdog *w)
{
	bool moved = w->seen != w->round;
	w->idle = moved || w->armed ? 0 : w->idle + 1;
	if (w->idle > IDLE_LOOKS)
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
	pthread_mutex_lock(&w->lock);
	while (!w->stop) {
		long ns = look(w);
		if (ns == 0) {
			w->asleep = true;
			pthread_cond_wait(&w->wake, &w->lock);
			continue;
		}
		pthread_mutex_unlock(&w->lock);
		nanosleep(&(struct timespec){0, ns}, NULL);
		pthread_mutex_lock(&w->lock);
	}
	pthread_mutex_unlock(&w->lock);
	return NULL;
}

/* The thread takes no signals: they are the event loop's. */
static int start(struct watchdog *w)
{
	sigset_t all, old;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	int failed = pthread_create(&w->thread, NULL, watch, w);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return failed;
}

struct watchdog *watchdog_create(size_t growth_bytes)
{
	struct watchdog *w = xcalloc(1, sizeof *w);
	w->growth_bytes = growth_bytes;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->wake, NULL);
	int failed = start(w);
	if (!failed)
		return w;
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
	errno = failed;
	return NULL;
}

static void wake(struct watchdog *w)
{
	if (w->asleep)
		pthread_cond_signal(&w->wake);
	w->asleep = false;
}

void watchdog_destroy(struct watchdog *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stop = true;
	wake(w);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->wake);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

void watchdog_arm(
	struct watchdog *w, unsigned timeout_ms, void (*halt)(void *), void *ctx)
{
	assert(!w->armed);
	pthread_mutex_lock(&w->lock);
	w->round++;
	w->timeout_ns = timeout_ms * 1000000LL;
	w->halt = halt;
	w->ctx = ctx;
	w->verdict = WATCHDOG_FINE;
	pthread_getcpuclockid(pthread_self(), &w->clock);
	w->armed = true;
	wake(w);
	pthread_mutex_unlock(&w->lock);
}

enum watchdog_verdict watchdog_disarm(struct watchdog *w)
{
	pthread_mutex_lock(&w->lock);
	w->armed = false;
	enum watchdog_verdict verdict = w->verdict;
	pthread_mutex_unlock(&w->lock);
	return verdict;
}
