/* What an init has to do: whoever is not waited for stays in the process table. */
#include "init.h"

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static const int passed_on[] = {
	SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGCONT};

/* Waits for all that have ended; true once that is the child. */
static bool reap(pid_t child, int *ret_code)
{
	int status;
	bool ended = false;
	pid_t pid;
	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		if (pid != child)
			continue;
		ended = true;
		*ret_code =
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	return ended;
}

/* What comes from the terminal has gone to the child as well. */
static void pass_on(pid_t child, const siginfo_t *info)
{
	if (info->si_signo != SIGCHLD && info->si_code != SI_KERNEL)
		kill(child, info->si_signo);
}

void init_become(void)
{
	sigset_t signals, inherited;
	siginfo_t info;
	int code;
	if (getpid() != 1)
		return;
	sigemptyset(&signals);
	sigaddset(&signals, SIGCHLD);
	for (size_t i = 0; i < sizeof passed_on / sizeof *passed_on; i++)
		sigaddset(&signals, passed_on[i]);
	sigprocmask(SIG_BLOCK, &signals, &inherited);
	pid_t child = fork();
	if (child <= 0) { /* the program; without a child it goes without an init */
		sigprocmask(SIG_SETMASK, &inherited, NULL);
		return;
	}
	while (!reap(child, &code)) {
		if (sigwaitinfo(&signals, &info) > 0)
			pass_on(child, &info);
	}
	_exit(code);
}
