/* The life of the private PostgreSQL, by the locks of its place (lock.h). */
#include "postgres/server.h"

#include "base/clock.h"
#include "postgres/cluster.h"
#include "postgres/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define POLL_USEC (10 * 1000)
#define START_TIMEOUT (60 * USEC_PER_SEC) /* crash recovery may take a while */
#define LOG_LIMIT (1 << 20)               /* bytes; a larger log is begun anew */

struct private
{
	struct folder place;
	struct postgres pg;
	char *conninfo;
	int users; /* our shared lock */
};

/* ---- The server's parent ---- */

/* Descriptors of the server's parent. The server inherits all but USERS_FD. */
enum { SERVER_FD = 3, USERS_FD = 4, FD_COUNT };

/* Descriptor i becomes a copy of fds[i], everything else is closed. */
static bool keep_only(int fds[FD_COUNT])
{
	for (int i = 0; i < FD_COUNT; i++)
		fds[i] = fcntl(fds[i], F_DUPFD, 16);
	for (int i = 0; i < FD_COUNT; i++) {
		if (dup2(fds[i], i) < 0)
			return false;
	}
	closefrom(FD_COUNT);
	return fcntl(USERS_FD, F_SETFD, FD_CLOEXEC) == 0;
}

/* The server is our only child: without it there is nothing to watch. */
static void on_sigchld(int number)
{
	(void)number;
	if (waitpid(-1, NULL, WNOHANG) > 0)
		_exit(0);
}

static _Noreturn void become_server(pid_t parent, char *const argv[], char *const env[])
{
	sigset_t none;
	sigemptyset(&none);
	prctl(PR_SET_PDEATHSIG, SIGINT);
	signal(SIGCHLD, SIG_DFL);
	sigprocmask(SIG_SETMASK, &none, NULL);
	if (getppid() == parent)
		execve(argv[0], argv, env);
	dprintf(2, "%s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

static _Noreturn void supervise(
	const struct private *p, int fds[FD_COUNT], char *const argv[], char *const env[])
{
	sigset_t child;
	sigemptyset(&child);
	sigaddset(&child, SIGCHLD);
	if (!keep_only(fds) || !postgres_become(&p->pg) || chdir("/") < 0) {
		dprintf(2, "private PostgreSQL: %s\n", strerror(errno));
		_exit(1);
	}
	prctl(PR_SET_NAME, "stepwell-private");
	for (int number = 1; number < NSIG; number++)
		signal(number, SIG_DFL);
	struct sigaction action = {.sa_handler = on_sigchld, .sa_flags = SA_NOCLDSTOP};
	sigaction(SIGCHLD, &action, NULL);
	sigprocmask(SIG_SETMASK, &child, NULL);
	pid_t parent = getpid(), server = _Fork();
	if (server == 0)
		become_server(parent, argv, env);
	sigprocmask(SIG_UNBLOCK, &child, NULL);
	int locked = -1;
	while (server > 0 && (locked = flock(USERS_FD, LOCK_EX)) < 0 && errno == EINTR)
		;
	sigprocmask(SIG_BLOCK, &child, NULL);
	if (server > 0 && kill(server, SIGINT) == 0)
		waitpid(server, NULL, 0);
	if (locked == 0)
		rmdir(p->place.socket); /* it may lie in /tmp; nobody uses it */
	_exit(0);
}

/* ---- Starting ---- */

static int open_log(const struct folder *place, struct error *err)
{
	struct stat st;
	int fd = folder_open(place, "log", O_WRONLY | O_APPEND, err);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > LOG_LIMIT &&
		ftruncate(fd, 0) < 0) {
		error_set(
			err, ERROR_PERMANENT, "%s/log: %s", place->base, strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

/* Forks twice, so that the server's parent is nobody's child here. */
static bool fork_supervisor(
	const struct private *p, int fds[FD_COUNT], char *const argv[], struct error *err)
{
	char **env = postgres_environment();
	pid_t pid = _Fork();
	if (pid == 0) {
		setsid();
		pid = _Fork();
		if (pid == 0)
			supervise(p, fds, argv, env);
		_exit(pid < 0);
	}
	int errnum = errno, status = 0;
	postgres_environment_free(env);
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (pid < 0 || status != 0)
		return error_set(err, ERROR_PERMANENT, "fork: %s", strerror(errnum));
	return true;
}

/* server: the server's lock, held; the server inherits it. */
static bool server_start(const struct private *p, int server, struct error *err)
{
	char *hba = xasprintf("hba_file=%s/pg_hba.conf", p->place.base);
	char *ident = xasprintf("ident_file=%s/pg_ident.conf", p->place.base);
	char *argv[] = {postgres_program(&p->pg, "postgres"), "-D", p->place.data, "-k",
		p->place.socket, "-p", "5432", "-c", hba, "-c", ident, "-c",
		"listen_addresses=", "-c", "unix_socket_permissions=0700", "-c",
		"max_connections=100", "-c", "shared_buffers=32MB", "-c",
		"max_wal_senders=0", "-c", "jit=off", "-c", "logging_collector=off", "-c",
		"log_destination=stderr", "-c", "log_timezone=UTC", "-c", "timezone=UTC",
		"-c", "cluster_name=stepwell", NULL};
	int null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	int log = open_log(&p->place, err);
	int users = log < 0 ? -1 : lock_open(&p->place, "users", 0, err);
	int fds[FD_COUNT] = {null, log, log, server, users};
	bool ok = users >= 0 && fork_supervisor(p, fds, argv, err);
	free(argv[0]);
	free(hba);
	free(ident);
	if (null >= 0)
		close(null);
	if (log >= 0)
		close(log);
	if (users >= 0)
		close(users);
	return ok;
}

static bool set_start_error(const struct folder *place, struct error *err)
{
	char text[400] = "";
	char *path = xasprintf("%s/log", place->base);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	off_t size = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);
	off_t from = size > (off_t)sizeof text - 1 ? size - (off_t)sizeof text + 1 : 0;
	ssize_t n = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, from);
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	const char *newline = strrchr(text, '\n');
	error_set(err, ERROR_PERMANENT,
		"the private database did not start (log: %s): %s", path,
		newline ? newline + 1 : text);
	if (fd >= 0)
		close(fd);
	free(path);
	return false;
}

/* Whoever owns the cluster runs its server: nobody else is listened to. */
static void set_conninfo(struct private *p, const char *folder)
{
	struct stat st;
	bool there = stat(p->place.data, &st) == 0;
	const struct passwd *peer = there ? getpwuid(st.st_uid) : NULL;
	free(p->conninfo);
	p->conninfo = xasprintf("host=%s port=5432 user=stepwell dbname=stepwell "
				"requirepeer='%s' sslmode=disable gssencmode=disable "
				"connect_timeout=10",
		folder, peer ? peer->pw_name : "?");
}

/* Whether the server answers. One that was started when our folder had another name may
 * listen elsewhere. */
static bool server_answers(struct private *p)
{
	set_conninfo(p, p->place.socket);
	if (PQping(p->conninfo) == PQPING_OK)
		return true;
	char *folder = cluster_says(&p->place, "postmaster.pid", 5);
	bool elsewhere = folder && folder_is_socket_folder(folder) &&
			 strcmp(folder, p->place.socket) != 0;
	if (elsewhere)
		set_conninfo(p, folder);
	free(folder);
	return elsewhere && PQping(p->conninfo) == PQPING_OK;
}

/* With the server's lock held: nothing of a server is there. */
static bool server_prepare(const struct private *p, struct error *err)
{
	return (cluster_version(&p->place) ? cluster_close(&p->place, &p->pg, err)
					   : cluster_make(&p->place, &p->pg, err)) &&
	       folder_make_below(p->place.socket, &p->pg, err) &&
	       cluster_write_access(&p->place, &p->pg, err);
}

/* Until the server answers; starts it if nothing of a server is there. */
static bool server_ensure(struct private *p, struct error *err)
{
	int64_t deadline = clock_boottime() + START_TIMEOUT;
	bool started = false;
	while (clock_boottime() < deadline) {
		int server = lock_server(&p->place);
		if (server >= 0) {
			bool ok = started ? set_start_error(&p->place, err)
					  : server_prepare(p, err) &&
						    server_start(p, server, err);
			close(server);
			if (!ok)
				return false;
			started = true;
		}
		if (server_answers(p))
			return true;
		usleep(POLL_USEC);
	}
	return set_start_error(&p->place, err);
}

/* ---- Public ---- */

static bool acquire(struct private *p, struct error *err)
{
	if (!folder_find(&p->place, err) ||
		!postgres_find(&p->pg, cluster_version(&p->place), err))
		return false;
	int start = lock_start(&p->place, err);
	if (start < 0)
		return false;
	p->pg.lock = start;
	p->users = lock_open(&p->place, "users", LOCK_SH, err);
	bool ok = p->users >= 0 && server_ensure(p, err);
	p->pg.lock = 0;
	close(start);
	return ok;
}

bool private_acquire(struct private **ret, const char **ret_conninfo, struct error *err)
{
	struct private *p = xcalloc(1, sizeof *p);
	p->users = -1;
	if (!acquire(p, err)) {
		private_release(p);
		return false;
	}
	*ret = p;
	*ret_conninfo = p->conninfo;
	return true;
}

void private_release(struct private *p)
{
	if (!p)
		return;
	if (p->users >= 0)
		close(p->users);
	postgres_finish(&p->pg);
	folder_finish(&p->place);
	free(p->conninfo);
	free(p);
}

bool private_is_running(const struct private *p)
{
	return !lock_server_is_free(&p->place);
}

bool private_exists(void)
{
	struct folder place;
	if (!folder_find(&place, NULL))
		return false;
	bool exists = cluster_version(&place) != 0;
	folder_finish(&place);
	return exists;
}

/* The server's process id, if the one in its file is that of a server on this cluster. */
static pid_t server_pid(const struct folder *place)
{
	struct stat data, cwd;
	char *text = cluster_says(place, "postmaster.pid", 1), proc[64];
	pid_t pid = text ? (pid_t)strtol(text, NULL, 10) : 0;
	free(text);
	snprintf(proc, sizeof proc, "/proc/%d/cwd", pid);
	bool ours = pid > 1 && stat(place->data, &data) == 0 && stat(proc, &cwd) == 0 &&
		    data.st_dev == cwd.st_dev && data.st_ino == cwd.st_ino;
	return ours ? pid : 0;
}

static bool stop(const struct folder *place, bool *ret_was_running, struct error *err)
{
	int64_t deadline = clock_boottime() + START_TIMEOUT;
	pid_t told = 0;
	*ret_was_running = false;
	while (!lock_server_is_free(place)) {
		pid_t pid = server_pid(place);
		*ret_was_running = true;
		if (pid && pid != told && kill(pid, SIGINT) == 0)
			told = pid;
		if (clock_boottime() > deadline)
			return error_set(err, ERROR_TRANSIENT,
				"the private database does not stop (process %d)", told);
		usleep(POLL_USEC);
	}
	return true;
}

/* A holder of the shared lock on the file, by the kernel's list of locks; -1: one that it
 * does not show here. */
static pid_t find_holder(int fd)
{
	struct stat st;
	char line[256], kind[16], mode[16];
	unsigned long long major, minor, inode;
	int pid;
	pid_t found = -1;
	FILE *locks = fopen("/proc/locks", "re");
	while (locks && found < 0 && fstat(fd, &st) == 0 &&
		fgets(line, sizeof line, locks)) {
		if (sscanf(line, "%*s %15s %*s %15s %d %llx:%llx:%llu", kind, mode, &pid,
			    &major, &minor, &inode) == 6 &&
			strcmp(kind, "FLOCK") == 0 && strcmp(mode, "READ") == 0 &&
			inode == st.st_ino && pid > 0)
			found = pid;
	}
	if (locks)
		fclose(locks);
	return found;
}

pid_t private_user(void)
{
	struct folder place;
	pid_t user = 0;
	if (!folder_find(&place, NULL))
		return 0;
	int fd =
		cluster_version(&place) ? folder_open(&place, "users", O_RDWR, NULL) : -1;
	/* A server that is stopping has it for itself: nobody uses that one. */
	if (fd >= 0 && flock(fd, LOCK_SH | LOCK_NB) == 0 &&
		flock(fd, LOCK_EX | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		user = find_holder(fd);
	if (fd >= 0)
		close(fd);
	folder_finish(&place);
	return user;
}

/* Removes the socket's folder, which may lie in /tmp, unless somebody uses the server:
 * whoever connects again must not find another's there. */
static void remove_socket(const struct folder *place)
{
	int users = folder_open(place, "users", O_RDWR, NULL);
	if (users >= 0 && flock(users, LOCK_EX | LOCK_NB) == 0)
		rmdir(place->socket);
	if (users >= 0)
		close(users);
}

/* With the start lock held. A cluster loses its name first, so that none is ever there in
 * part; one that was never finished has none. */
static bool remove_cluster(const struct folder *place, struct error *err)
{
	static const char *const names[] = {"data.old", "data.new"};
	const struct postgres pg = {0};
	bool was_running, ok = stop(place, &was_running, err);
	char *old = xasprintf("%s/data.old", place->base);
	ok = ok && cluster_remove_folder(old, &pg, err);
	if (ok && rename(place->data, old) < 0 && errno != ENOENT)
		ok = error_set(
			err, ERROR_PERMANENT, "%s: %s", place->data, strerror(errno));
	free(old);
	for (size_t i = 0; ok && i < sizeof names / sizeof *names; i++) {
		char *path = xasprintf("%s/%s", place->base, names[i]);
		ok = cluster_remove_folder(path, &pg, err);
		free(path);
	}
	return ok;
}

/* The users' lock for ourselves, with the start lock held: nobody comes, and who is there
 * keeps what he uses. -1 with err. */
static int lock_users(const struct folder *place, struct error *err)
{
	int64_t deadline = clock_boottime() + START_TIMEOUT;
	int fd = lock_open(place, "users", 0, err);
	while (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		/* The server's parent has it while it stops the server. */
		bool shared = flock(fd, LOCK_SH | LOCK_NB) == 0;
		if (shared || clock_boottime() > deadline) {
			close(fd);
			error_set(err, ERROR_CONFLICT,
				"another process uses the private database; end it "
				"first");
			return -1;
		}
		usleep(POLL_USEC);
	}
	return fd;
}

/* With the start lock held. */
static bool remove_place(const struct folder *place, struct error *err)
{
	int users = lock_users(place, err);
	bool ok = users >= 0 && remove_cluster(place, err);
	if (ok) {
		rmdir(place->socket);
		folder_remove(place);
	}
	if (users >= 0)
		close(users);
	return ok;
}

bool private_remove(bool *ret_was_there, struct error *err)
{
	struct folder place;
	struct stat st;
	if (!folder_find(&place, err))
		return false;
	bool was_there = folder_exists(&place), ok = true;
	if (was_there && lstat(place.base, &st) == 0) {
		int start = lock_open(&place, "start", LOCK_EX, err);
		ok = start >= 0 && remove_place(&place, err);
		if (start >= 0)
			close(start);
	} else if (was_there) {
		folder_remove(&place); /* a link that leads nowhere */
	}
	folder_finish(&place);
	*ret_was_there = was_there;
	return ok;
}

bool private_stop(bool *ret_was_running, struct error *err)
{
	struct folder place;
	bool was_running = false;
	if (!folder_find(&place, err))
		return false;
	int start = -1;
	bool ok = true;
	if (cluster_version(&place)) {
		start = lock_open(&place, "start", LOCK_EX, err);
		ok = start >= 0 && stop(&place, &was_running, err);
		if (ok)
			remove_socket(&place); /* as the server's parent does */
	}
	if (start >= 0)
		close(start);
	folder_finish(&place);
	if (ok && ret_was_running)
		*ret_was_running = was_running;
	return ok;
}
