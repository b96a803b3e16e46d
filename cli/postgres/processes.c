/* A supervisor without a loop library: it sleeps in sigtimedwait, so no signal is lost.
 */
#include "postgres/processes.h"

#include "base/buf.h"
#include "base/clock.h"
#include "output.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define BACKOFF_FIRST USEC_PER_SEC
#define BACKOFF_MOST (30 * USEC_PER_SEC)

struct process {
	pid_t pid; /* 0: not running */
	bool done;
	int64_t started, due; /* CLOCK_BOOTTIME; due: when it is started again */
	int64_t backoff;
};

struct processes {
	int count;
	struct process *items;
	process_work work;
	void *ctx;
	sigset_t signals, inherited;
	bool stopping;
	int code; /* of the last child that failed for good */
};

static void start(struct processes *all, struct process *p)
{
	pid_t parent = getpid();
	p->started = clock_boottime();
	p->pid = fork();
	if (p->pid > 0)
		return;
	if (p->pid < 0) {
		output_say("wfctl: cannot fork: %s", strerror(errno));
		p->pid = 0;
		p->due = p->started + BACKOFF_MOST;
		return;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	sigprocmask(SIG_SETMASK, &all->inherited, NULL);
	if (getppid() != parent)
		_exit(1);
	int code = all->work(all->ctx);
	exit(code);
}

static void stop(struct processes *all)
{
	all->stopping = true;
	for (int i = 0; i < all->count; i++) {
		if (all->items[i].pid > 0)
			kill(all->items[i].pid, SIGTERM);
		else
			all->items[i].done = true;
	}
}

/* A child has ended: for good, or until its backoff is over. */
static void on_exit_of(struct processes *all, struct process *p, int status)
{
	int64_t now = clock_boottime();
	bool clean = WIFEXITED(status) && WEXITSTATUS(status) == 0;
	if (clean || all->stopping) {
		p->done = true;
		if (!clean)
			all->code = WIFEXITED(status) ? WEXITSTATUS(status) : 1;
	} else {
		bool lasted = now - p->started > 2 * BACKOFF_MOST;
		p->backoff = lasted || !p->backoff ? BACKOFF_FIRST : p->backoff * 2;
		p->backoff = p->backoff > BACKOFF_MOST ? BACKOFF_MOST : p->backoff;
		p->due = now + p->backoff;
		output_say(
			"wfctl: worker %d ended (%s %d); it is started again in %lld s",
			(int)p->pid, WIFEXITED(status) ? "exit" : "signal",
			WIFEXITED(status) ? WEXITSTATUS(status) : WTERMSIG(status),
			(long long)(p->backoff / USEC_PER_SEC));
	}
	p->pid = 0;
}

static void reap(struct processes *all)
{
	int status;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0)
		for (int i = 0; i < all->count; i++)
			if (all->items[i].pid == pid)
				on_exit_of(all, &all->items[i], status);
}

/* Starts what is due; whether any is left. */
static bool tend(struct processes *all)
{
	bool left = false;
	for (int i = 0; i < all->count; i++) {
		struct process *p = &all->items[i];
		if (!p->done && p->pid == 0 && p->due <= clock_boottime())
			start(all, p);
		left = left || !p->done;
	}
	return left;
}

int processes_run(int count, process_work work, void *ctx)
{
	struct processes all = {.count = count, .work = work, .ctx = ctx};
	const struct timespec second = {.tv_sec = 1};
	all.items = xcalloc((size_t)count, sizeof *all.items);
	sigemptyset(&all.signals);
	sigaddset(&all.signals, SIGTERM);
	sigaddset(&all.signals, SIGINT);
	sigaddset(&all.signals, SIGCHLD);
	sigprocmask(SIG_BLOCK, &all.signals, &all.inherited);
	while (tend(&all)) {
		int number = sigtimedwait(&all.signals, NULL, &second);
		if (number == SIGTERM || number == SIGINT)
			stop(&all);
		reap(&all);
	}
	sigprocmask(SIG_SETMASK, &all.inherited, NULL);
	free(all.items);
	return all.code;
}
