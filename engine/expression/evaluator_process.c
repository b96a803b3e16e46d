/* vfork and exec: a fork alone would copy what the worker has mapped. */
#include "expression/evaluator_process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "jq/child.h"

#define STACK_MORE ((uint64_t)JQCHILD_STACK)
#define LOWER 10 /* nice: a tenth of what others get of a processor */
#define DATA_MORE ((uint64_t)64 << 20) /* what a template may have taken */

bool evaluator_process_pair(int ret[2], struct error *err)
{
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ret) == 0)
		return true;
	return error_set(err, ERROR_TRANSIENT, "a socket pair for an evaluator: %s",
		strerror(errno));
}

/* Of what the system has none just now. */
static bool is_passing(int why)
{
	return why == EAGAIN || why == ENOMEM || why == EMFILE || why == ENFILE ||
	       why == ENOBUFS || why == EINTR;
}

static bool make_pipe(int ret[2])
{
	return pipe2(ret, O_CLOEXEC | O_NONBLOCK) == 0;
}

/* Between vfork and exec; returns only if that fails. */
static void become(int socket, int log)
{
	char *const argv[] = {(char[]){"wfctl"}, (char *)jqchild_argument, NULL};
	char *const environment[] = {(char[]){"TZ=UTC0"}, (char[]){"LC_ALL=C"}, NULL};
	struct rlimit stack = {JQCHILD_STACK, JQCHILD_STACK}, none = {0, 0};
	sigset_t empty;
	sigemptyset(&empty);
	/* 2 and 3 may be what was passed: they go out of the way first. */
	int s = fcntl(socket, F_DUPFD_CLOEXEC, JQCHILD_SOCKET + 1);
	int l = fcntl(log, F_DUPFD_CLOEXEC, JQCHILD_SOCKET + 1);
	if (s < 0 || l < 0 || dup2(l, JQCHILD_LOG) < 0 || dup2(s, JQCHILD_SOCKET) < 0)
		return;
	setrlimit(RLIMIT_STACK, &stack);
	setrlimit(RLIMIT_CORE, &none);
	setpgid(0, 0);
	sigprocmask(SIG_SETMASK, &empty, NULL);
	execve("/proc/self/exe", argv, environment);
}

static pid_t start(int socket, int log)
{
	volatile int failed = 0;
	pid_t pid = vfork();
	if (pid == 0) {
		become(socket, log);
		failed = errno;
		_exit(1);
	}
	if (pid > 0 && failed) {
		waitpid(pid, NULL, 0);
		errno = failed;
		return -1;
	}
	return pid;
}

bool evaluator_process_start(pid_t *ret_pid, int *ret_fd, int *ret_log, struct error *err)
{
	int pair[2], log[2];
	if (!evaluator_process_pair(pair, err))
		return false;
	bool ok = make_pipe(log);
	pid_t pid = ok ? start(pair[1], log[1]) : -1;
	int why = errno;
	close(pair[1]);
	if (ok)
		close(log[1]);
	if (pid > 0) {
		*ret_pid = pid;
		*ret_fd = pair[0];
		*ret_log = log[0];
		return true;
	}
	close(pair[0]);
	if (ok)
		close(log[0]);
	return error_set(err, is_passing(why) ? ERROR_TRANSIENT : ERROR_PERMANENT,
		"expressions are evaluated in a process of their own, which cannot be "
		"started: %s",
		strerror(why));
}

bool evaluator_process_pass(int fd, const void *head, size_t n, int passed)
{
	union {
		struct cmsghdr head;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.bytes = ""};
	struct iovec part = {(void *)head, n};
	struct msghdr m = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof control};
	struct cmsghdr *h = CMSG_FIRSTHDR(&m);
	h->cmsg_level = SOL_SOCKET;
	h->cmsg_type = SCM_RIGHTS;
	h->cmsg_len = CMSG_LEN(sizeof passed);
	memcpy(CMSG_DATA(h), &passed, sizeof passed);
	return sendmsg(fd, &m, MSG_DONTWAIT | MSG_NOSIGNAL) == (ssize_t)n;
}

static uint64_t addresses_of(pid_t pid)
{
	char path[64], text[64] = "";
	snprintf(path, sizeof path, "/proc/%d/statm", (int)pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	uint64_t pages = n > 0 ? strtoull(text, NULL, 10) : 0;
	return (pages ? pages * (uint64_t)sysconf(_SC_PAGESIZE) : (uint64_t)64 << 20);
}

void evaluator_process_know(struct evaluator_process *p, pid_t pid)
{
	p->pid = pid;
	p->bound = 0;
	p->base = addresses_of(pid);
	if (clock_getcpuclockid(pid, &p->clock) != 0)
		p->clock = CLOCK_MONOTONIC;
}

#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
static void bound_one(pid_t pid, enum __rlimit_resource what, uint64_t most)
{
	struct rlimit limit;
	if (prlimit(pid, what, NULL, &limit) != 0)
		return;
	limit.rlim_cur = most < limit.rlim_max ? most : limit.rlim_max;
	prlimit(pid, what, &limit, NULL);
}
#endif

void evaluator_process_bound(struct evaluator_process *p, uint64_t bytes)
{
#if defined __SANITIZE_ADDRESS__ || defined __SANITIZE_THREAD__
	(void)p; /* the sanitizer reserves more than any machine has */
	(void)bytes;
#else
	uint64_t mib = (uint64_t)1 << 20;
	bytes = (bytes + mib - 1) / mib * mib;
	if (bytes == p->bound || p->pid <= 0)
		return;
	p->bound = bytes;
	bound_one(p->pid, RLIMIT_DATA, bytes + DATA_MORE);
	bound_one(p->pid, RLIMIT_AS, p->base + bytes + STACK_MORE);
#endif
}

int64_t evaluator_process_time(const struct evaluator_process *p)
{
	struct timespec ts = {0};
	clock_gettime(p->clock, &ts);
	return ts.tv_sec * 1000000LL + ts.tv_nsec / 1000;
}

void evaluator_process_lower(const struct evaluator_process *p)
{
	int own = getpriority(PRIO_PROCESS, 0);
	if (p->pid > 0)
		setpriority(PRIO_PROCESS, (id_t)p->pid, own + LOWER);
}

void evaluator_process_kill(struct evaluator_process *p)
{
	if (p->pid > 0)
		kill(p->group ? -p->group : p->pid, SIGKILL);
}

bool evaluator_process_reap(struct evaluator_process *p, int *ret_status)
{
	*ret_status = -1;
	pid_t pid = p->pid > 0 ? waitpid(p->pid, ret_status, WNOHANG) : -1;
	if (pid == 0 || (pid < 0 && errno == EINTR && p->pid > 0))
		return false;
	if (pid < 0)
		*ret_status = -1;
	p->pid = 0;
	return true;
}

bool evaluator_process_is_of(pid_t pid, pid_t group)
{
	return pid > 0 && pid != group && getpgid(pid) == group;
}

pid_t evaluator_process_left(pid_t group)
{
	siginfo_t info = {.si_pid = 0};
	if (waitid(P_PGID, (id_t)group, &info, WEXITED | WNOHANG | WNOWAIT) == 0)
		return info.si_pid;
	return errno == ECHILD ? -1 : 0;
}
