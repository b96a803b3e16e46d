/*
 * Shell processes and their keepers. The worker and the keeper hold the two ends of a
 * socket pair, which is both lifeline and report: when the worker's end is shut, by
 * shell_stop or by the worker's death, the keeper kills; when the shell ends, the keeper
 * kills what it left running and says how it ended. Between fork and exec only
 * async-signal-safe calls are made, as the worker may have threads.
 */
#include "process/shell.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CONTROL_FD 3 /* the keeper's end of the socket pair */

/* What a keeper reports: how the shell's life went on. */
struct message {
	int32_t end;   /* enum shell_end */
	int32_t value; /* errno, process id or wait status */
};

/* Descriptors of one start; -1 where there is none. */
struct pipes {
	int input;
	int out[2], err[2]; /* read end, write end */
	int control[2];     /* the worker's, the keeper's */
};

struct shell {
	uv_poll_t control, out, err;
	uv_timer_t failed; /* reports a failed start from the loop */
	int handles;       /* that are not closed yet */
	struct pipes pipes;
	bool detached;
	pid_t keeper;
	pid_t group; /* the shell's, 0 before it runs */
	size_t limit;
	struct shell_result result;
	shell_on_end on_end; /* NULL: told already, or stopped */
	void *ctx;
};

/* ---- In the keeper ---- */

static void tell(enum shell_end end, int value)
{
	struct message m = {(int32_t)end, value};
	while (send(CONTROL_FD, &m, sizeof m, MSG_NOSIGNAL) < 0 && errno == EINTR)
		;
}

/* Descriptor i becomes a copy of fds[i], everything else is closed. */
static void keep_only(int *fds, int count)
{
	for (int i = 0; i < count; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, 16);
	for (int i = 0; i < count; i++) {
		if (dup2(fds[i], i) < 0)
			_exit(1);
	}
	closefrom(count);
}

static _Noreturn void become_shell(
	const struct shell_command *command, pid_t keeper, int failure)
{
	struct rlimit no_core = {0, 0};
	sigset_t none;
	sigemptyset(&none);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setsid();
	setrlimit(RLIMIT_CORE, &no_core);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	if (!command->detached)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == keeper)
		execve(command->program ? command->program : "/bin/sh", command->argv,
			command->envp);
	int errnum = errno;
	while (write(failure, &errnum, sizeof errnum) < 0 && errno == EINTR)
		;
	_exit(127);
}

/* Forks the shell and waits for its exec. Returns its pid, or 0 after telling why not. */
static pid_t fork_shell(const struct shell_command *command)
{
	int failure[2], errnum = 0;
	pid_t keeper = getpid(), pid = -1;
	if (pipe2(failure, O_CLOEXEC) == 0)
		pid = _Fork();
	if (pid == 0)
		become_shell(command, keeper, failure[1]);
	if (pid < 0) {
		tell(SHELL_NOT_STARTED, errno);
		return 0;
	}
	close(failure[1]);
	ssize_t n;
	do {
		n = read(failure[0], &errnum, sizeof errnum);
	} while (n < 0 && errno == EINTR);
	close(failure[0]);
	if (n == sizeof errnum) {
		tell(SHELL_NOT_STARTED, errnum);
		return 0;
	}
	return pid;
}

/* Kills our children, the adopted ones too; whether any could be sent a signal. */
static bool kill_children(void)
{
	char text[4096];
	bool any = false;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text);
	if (fd >= 0)
		close(fd);
	pid_t pid = 0;
	for (ssize_t i = 0; i < n; i++) {
		if (text[i] >= '0' && text[i] <= '9') {
			pid = pid * 10 + (text[i] - '0');
			continue;
		}
		if (pid > 1 && kill(pid, SIGKILL) == 0)
			any = true;
		pid = 0;
	}
	return any;
}

/* Kills and reaps everything below us until nothing is left; returns the shell's status.
 * The shell must not have been reaped before, so that its group's number is still its
 * own. */
static int kill_all(pid_t sh)
{
	int status, ret = 0;
	kill(-sh, SIGKILL);
	kill(sh, SIGKILL);
	while (waitpid(sh, &ret, 0) < 0 && errno == EINTR)
		;
	while (kill_children()) {
		while (waitpid(-1, &status, 0) < 0 && errno == EINTR)
			;
	}
	return ret;
}

static void remove_scratch(char *const *paths)
{
	for (; paths && *paths; paths++) {
		if (unlink(*paths) != 0)
			rmdir(*paths);
	}
}

/* Whether the shell has ended; reaps adopted children on the way, but not the shell. */
static bool shell_has_ended(pid_t sh)
{
	siginfo_t info = {0};
	while (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) {
		if (info.si_pid == sh)
			return true;
		waitpid(info.si_pid, NULL, 0);
		info.si_pid = 0;
	}
	return false;
}

static void on_sigchld(int number)
{
	(void)number; /* it only interrupts ppoll */
}

/* All signals stay blocked but SIGCHLD during ppoll: only the lifeline ends a keeper. */
static void take_signals(void)
{
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	struct sigaction action = {.sa_handler = on_sigchld};
	sigaction(SIGCHLD, &action, NULL);
}

static _Noreturn void keep(const struct shell_command *command, const struct pipes *pipes)
{
	int fds[] = {pipes->input, pipes->out[1], pipes->err[1], pipes->control[1]};
	keep_only(fds, CONTROL_FD + 1);
	fcntl(CONTROL_FD, F_SETFD, FD_CLOEXEC);
	prctl(PR_SET_NAME, "stepwell-keeper");
	setsid();
	take_signals();
	if (!command->detached)
		prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
	pid_t sh = fork_shell(command);
	if (!sh)
		_exit(1);
	tell(SHELL_STARTED, sh);
	if (command->detached)
		_exit(0);
	sigset_t wait_mask;
	sigfillset(&wait_mask);
	sigdelset(&wait_mask, SIGCHLD);
	struct pollfd lifeline = {CONTROL_FD, POLLIN, 0};
	while (!shell_has_ended(sh)) {
		if (ppoll(&lifeline, 1, NULL, &wait_mask) > 0) {
			kill_all(sh);
			remove_scratch(command->scratch);
			_exit(0);
		}
	}
	tell(SHELL_EXITED, kill_all(sh));
	_exit(0);
}

/* ---- In the worker ---- */

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* A file in memory needs no writer that waits for the reader. */
static int open_input(const struct shell_command *command)
{
	if (!command->input)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("stdin", MFD_CLOEXEC);
	for (size_t done = 0; fd >= 0 && done < command->input_len;) {
		ssize_t n = write(fd, command->input + done, command->input_len - done);
		if (n < 0) {
			int saved = errno;
			close(fd);
			errno = saved;
			return -1;
		}
		done += (size_t)n;
	}
	if (fd >= 0)
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static bool open_output(int fds[2], bool detached)
{
	if (!detached)
		return pipe2(fds, O_CLOEXEC) == 0;
	fds[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	return fds[1] >= 0;
}

static bool pipes_open(struct pipes *p, const struct shell_command *command)
{
	*p = (struct pipes){-1, {-1, -1}, {-1, -1}, {-1, -1}};
	p->input = open_input(command);
	return p->input >= 0 && open_output(p->out, command->detached) &&
	       open_output(p->err, command->detached) &&
	       socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, p->control) == 0;
}

/* No handler of ours may run in the child, so signals wait until it has its own. */
static pid_t fork_keeper(const struct shell_command *command, const struct pipes *pipes)
{
	sigset_t all, before;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pid_t pid = _Fork();
	if (pid == 0)
		keep(command, pipes);
	int saved = errno;
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	errno = saved;
	return pid;
}

static void on_close(uv_handle_t *handle)
{
	struct shell *s = handle->data;
	if (--s->handles > 0)
		return;
	buf_finish(&s->result.out);
	buf_finish(&s->result.err);
	free(s);
}

static void close_handle(void *handle)
{
	uv_handle_t *h = handle;
	if (h->data && !uv_is_closing(h))
		uv_close(h, on_close);
}

static void shell_conclude(struct shell *s)
{
	if (s->on_end) {
		shell_on_end on_end = s->on_end;
		s->on_end = NULL;
		on_end(s->ctx, &s->result);
	}
	close_handle(&s->control);
	close_handle(&s->out);
	close_handle(&s->err);
	close_handle(&s->failed);
	close_fd(&s->pipes.out[0]);
	close_fd(&s->pipes.err[0]);
	close_fd(&s->pipes.control[0]);
}

/* Reads all there is; over the limit it cuts the lifeline. False: nothing comes any more.
 */
static bool shell_read(struct shell *s, int fd, struct buf *into)
{
	char bytes[16384];
	for (;;) {
		ssize_t n = read(fd, bytes, sizeof bytes);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 && errno == EAGAIN;
		size_t room = s->limit - into->len;
		buf_add(into, bytes, (size_t)n < room ? (size_t)n : room);
		if ((size_t)n > room) {
			s->result.end = SHELL_OVER_LIMIT;
			shutdown(s->pipes.control[0], SHUT_WR);
			return false;
		}
	}
}

static void on_output(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	struct shell *s = poll->data;
	bool is_out = poll == &s->out;
	int fd = is_out ? s->pipes.out[0] : s->pipes.err[0];
	if (!shell_read(s, fd, is_out ? &s->result.out : &s->result.err))
		uv_poll_stop(poll);
}

/* The keeper's end is closed: it is gone, and with it all that could still write. */
static void shell_on_keeper_gone(struct shell *s)
{
	int status = 0;
	while (waitpid(s->keeper, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status) && s->group && !s->detached)
		kill(-s->group, SIGKILL);
	if (s->pipes.out[0] >= 0 && s->result.end == SHELL_EXITED)
		shell_read(s, s->pipes.out[0], &s->result.out);
	if (s->pipes.err[0] >= 0 && s->result.end == SHELL_EXITED)
		shell_read(s, s->pipes.err[0], &s->result.err);
	shell_conclude(s);
}

static void on_control(uv_poll_t *poll, int status, int events)
{
	(void)status, (void)events;
	struct shell *s = poll->data;
	struct message m;
	ssize_t n = recv(s->pipes.control[0], &m, sizeof m, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n != sizeof m) {
		shell_on_keeper_gone(s);
		return;
	}
	if (s->result.end == SHELL_OVER_LIMIT)
		return;
	if (m.end == SHELL_STARTED)
		s->group = m.value;
	if (m.end == SHELL_NOT_STARTED)
		s->result.errnum = m.value;
	if (m.end == SHELL_EXITED)
		s->result.status = m.value;
	if (m.end != SHELL_STARTED || s->detached)
		s->result.end = (enum shell_end)m.end;
}

static void on_failed(uv_timer_t *timer)
{
	shell_conclude(timer->data);
}

static void shell_watch(
	struct shell *s, uv_loop_t *loop, uv_poll_t *poll, int fd, uv_poll_cb cb)
{
	if (fd < 0)
		return;
	int rc = uv_poll_init(loop, poll, fd);
	assert(rc == 0);
	poll->data = s;
	s->handles++;
	rc = uv_poll_start(poll, UV_READABLE, cb);
	assert(rc == 0);
}

static struct shell *shell_create(shell_on_end on_end, void *ctx)
{
	struct shell *s = xcalloc(1, sizeof *s);
	s->on_end = on_end;
	s->ctx = ctx;
	s->pipes = (struct pipes){-1, {-1, -1}, {-1, -1}, {-1, -1}};
	return s;
}

static void shell_report_failure(struct shell *s, uv_loop_t *loop, int errnum)
{
	s->result.end = SHELL_NOT_STARTED;
	s->result.errnum = errnum;
	uv_timer_init(loop, &s->failed);
	s->failed.data = s;
	s->handles++;
	uv_timer_start(&s->failed, on_failed, 0, 0);
}

struct shell *shell_fail(uv_loop_t *loop, int errnum, shell_on_end on_end, void *ctx)
{
	struct shell *s = shell_create(on_end, ctx);
	shell_report_failure(s, loop, errnum);
	return s;
}

struct shell *shell_start(uv_loop_t *loop, const struct shell_command *command,
	shell_on_end on_end, void *ctx, bool *ret_forked)
{
	struct shell *s = shell_create(on_end, ctx);
	s->limit = command->limit;
	s->detached = command->detached;
	s->result.end = SHELL_LOST; /* until the keeper says otherwise */
	s->keeper = pipes_open(&s->pipes, command) ? fork_keeper(command, &s->pipes) : -1;
	int errnum = errno;
	close_fd(&s->pipes.input);
	close_fd(&s->pipes.out[1]);
	close_fd(&s->pipes.err[1]);
	close_fd(&s->pipes.control[1]);
	*ret_forked = s->keeper > 0;
	if (!*ret_forked) {
		shell_report_failure(s, loop, errnum);
		return s;
	}
	shell_watch(s, loop, &s->control, s->pipes.control[0], on_control);
	shell_watch(s, loop, &s->out, s->pipes.out[0], on_output);
	shell_watch(s, loop, &s->err, s->pipes.err[0], on_output);
	return s;
}

void shell_stop(struct shell *s)
{
	s->on_end = NULL;
	if (s->keeper <= 0) {
		shell_conclude(s);
		return;
	}
	shutdown(s->pipes.control[0], SHUT_WR);
}
