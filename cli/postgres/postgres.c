/* Finds and runs the installed PostgreSQL server programs. */
#include "postgres/postgres.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

/* Of nobody else: who runs as it can do what the server can. */
#define SERVER_USER "stepwell-postgres"

/* Where packages put one folder per major version: prefix, version, "/bin". */
static const struct {
	const char *parent, *prefix;
} packaged[] = {
	{"/usr/lib/postgresql", ""}, /* Debian, Ubuntu, Arch, Alpine */
	{"/usr/lib", "postgresql"},  /* SUSE */
	{"/usr", "pgsql-"},          /* PGDG for Red Hat */
};

char **postgres_environment(void)
{
	static const char *const kept[] = {"PATH", "LD_LIBRARY_PATH"};
	char **env = xcalloc(5, sizeof *env);
	size_t n = 0;
	env[n++] = xstrdup("LC_ALL=C");
	env[n++] = xstrdup("TZ=UTC");
	for (size_t i = 0; i < sizeof kept / sizeof *kept; i++) {
		const char *value = getenv(kept[i]);
		if (value)
			env[n++] = xasprintf("%s=%s", kept[i], value);
	}
	return env;
}

void postgres_environment_free(char **env)
{
	for (size_t i = 0; env && env[i]; i++)
		free(env[i]);
	free(env);
}

bool postgres_become(const struct postgres *pg)
{
	if (geteuid() != 0)
		return true;
	return setgroups(0, NULL) == 0 && setresgid(pg->gid, pg->gid, pg->gid) == 0 &&
	       setresuid(pg->uid, pg->uid, pg->uid) == 0;
}

char *postgres_program(const struct postgres *pg, const char *name)
{
	return xasprintf("%s/%s", pg->bin, name);
}

static int open_input(const char *text)
{
	if (!text)
		return open("/dev/null", O_RDONLY | O_CLOEXEC);
	int fd = memfd_create("stdin", MFD_CLOEXEC);
	if (fd >= 0 && write(fd, text, strlen(text)) == (ssize_t)strlen(text))
		lseek(fd, 0, SEEK_SET);
	return fd;
}

static _Noreturn void run_child(
	const struct postgres *pg, char *const argv[], char **env, const int fds[2])
{
	setsid();
	signal(SIGPIPE, SIG_DFL);
	if (pg->lock)
		fcntl(pg->lock, F_SETFD, 0);
	if (postgres_become(pg) && chdir("/") == 0 && dup2(fds[0], 0) >= 0 &&
		dup2(fds[1], 1) >= 0 && dup2(fds[1], 2) >= 0)
		execvpe(argv[0], argv, env);
	dprintf(fds[1], "%s: %s", argv[0], strerror(errno));
	_exit(127);
}

static void read_all(int fd, struct buf *out)
{
	char bytes[4096];
	ssize_t n;
	while ((n = read(fd, bytes, sizeof bytes)) != 0) {
		if (n > 0)
			buf_add(out, bytes, (size_t)n);
		else if (errno != EINTR)
			break;
	}
}

/* The text from its last line that says something, in one line. */
static const char *last_line(struct buf *text)
{
	while (text->len && strchr("\r\n ", text->data[text->len - 1]))
		text->data[--text->len] = '\0';
	const char *newline = text->len ? strrchr(text->data, '\n') : NULL;
	return newline ? newline + 1 : buf_text(text);
}

static bool wait_for(
	pid_t pid, const char *name, const struct buf *said, struct error *err)
{
	int status;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return error_set(
				err, ERROR_PERMANENT, "%s: %s", name, strerror(errno));
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return true;
	struct buf text = {0};
	buf_add(&text, said->data, said->len);
	error_set(err, ERROR_PERMANENT, "%s failed: %s", name, last_line(&text));
	buf_finish(&text);
	return false;
}

bool postgres_run(const struct postgres *pg, char *const argv[], const char *input,
	struct buf *output, struct error *err)
{
	int out[2], in = open_input(input);
	if (in < 0 || pipe2(out, O_CLOEXEC) < 0) {
		error_set(err, ERROR_PERMANENT, "%s: %s", argv[0], strerror(errno));
		if (in >= 0)
			close(in);
		return false;
	}
	char **env = postgres_environment();
	pid_t pid = _Fork();
	if (pid == 0)
		run_child(pg, argv, env, (int[2]){in, out[1]});
	bool ok = pid > 0 || error_set(err, ERROR_PERMANENT, "fork: %s", strerror(errno));
	postgres_environment_free(env);
	close(in);
	close(out[1]);
	if (ok) {
		read_all(out[0], output);
		ok = wait_for(pid, argv[0], output, err);
	}
	close(out[0]);
	return ok;
}

/* ---- Finding ---- */

static bool has_programs(const char *bin)
{
	static const char *const names[] = {"initdb", "postgres"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = xasprintf("%s/%s", bin, names[i]);
		bool there = access(path, X_OK) == 0;
		free(path);
		if (!there)
			return false;
	}
	return true;
}

/* Takes bin (from malloc) if it is the wanted version, or newer than what was found. */
static void consider(struct postgres *pg, char *bin, int version, int wanted)
{
	if (version >= POSTGRES_OLDEST && (!wanted || version == wanted) &&
		version > pg->major && has_programs(bin)) {
		free(pg->bin);
		pg->bin = bin;
		pg->major = version;
	} else {
		free(bin);
	}
}

static void find_packaged(struct postgres *pg, int wanted)
{
	for (size_t i = 0; i < sizeof packaged / sizeof *packaged; i++) {
		size_t prefix = strlen(packaged[i].prefix);
		DIR *dir = opendir(packaged[i].parent);
		struct dirent *entry;
		while (dir && (entry = readdir(dir))) {
			if (strncmp(entry->d_name, packaged[i].prefix, prefix) != 0)
				continue;
			long version = strtol(entry->d_name + prefix, NULL, 10);
			if (version > 0 && version < 1000)
				consider(pg,
					xasprintf("%s/%s/bin", packaged[i].parent,
						entry->d_name),
					(int)version, wanted);
		}
		if (dir)
			closedir(dir);
	}
}

/* A folder whose name does not tell the version. */
static void consider_unknown(struct postgres *pg, char *bin, int wanted)
{
	struct buf said = {0};
	int version = 0;
	char *program = xasprintf("%s/postgres", bin);
	char option[] = "--version";
	char *const argv[] = {program, option, NULL};
	if (has_programs(bin) && postgres_run(pg, argv, NULL, &said, NULL)) {
		const char *number = strpbrk(buf_text(&said), "0123456789");
		version = number ? (int)strtol(number, NULL, 10) : 0;
	}
	buf_finish(&said);
	free(program);
	consider(pg, bin, version, wanted);
}

static void find_in_path(struct postgres *pg, int wanted)
{
	const char *path = getenv("PATH");
	while (path && *path) {
		size_t n = strcspn(path, ":");
		if (*path == '/')
			consider_unknown(pg, xstrndup(path, n), wanted);
		path += n + (path[n] == ':');
	}
}

static void find_by_pg_config(struct postgres *pg, int wanted)
{
	struct buf said = {0};
	char program[] = "pg_config", option[] = "--bindir";
	char *const argv[] = {program, option, NULL};
	if (postgres_run(pg, argv, NULL, &said, NULL))
		consider_unknown(pg, xstrdup(last_line(&said)), wanted);
	buf_finish(&said);
}

/* By somebody else at the same time is as well. */
static bool make_user(struct error *err)
{
	const struct postgres root = {0};
	char *argv[] = {"/usr/sbin/useradd", "--system", "--user-group",
		"--no-create-home", "--home-dir", "/nonexistent", "--shell",
		"/usr/sbin/nologin", SERVER_USER, NULL};
	struct buf said = {0};
	struct error why;
	bool ok = postgres_run(&root, argv, NULL, &said, &why) || getpwnam(SERVER_USER);
	buf_finish(&said);
	return ok ||
	       error_set(err, ERROR_NOT_FOUND,
		       "as root the private PostgreSQL runs as a system user of its own, "
		       "which could not be made (%.200s): useradd --system --user-group "
		       "--no-create-home --shell /usr/sbin/nologin " SERVER_USER
		       "; or work as another user, or name a database with --db",
		       why.text);
}

static bool find_user(struct postgres *pg, struct error *err)
{
	pg->uid = geteuid();
	pg->gid = getegid();
	if (pg->uid != 0)
		return true;
	const struct passwd *user = getpwnam(SERVER_USER);
	if (!user && make_user(err))
		user = getpwnam(SERVER_USER);
	else if (!user)
		return false;
	if (!user || user->pw_uid == 0)
		return error_set(err, ERROR_NOT_FOUND,
			"as root the private PostgreSQL runs as the user " SERVER_USER
			", which is %s: name a database with --db",
			user ? "root itself" : "not found though it was made");
	pg->uid = user->pw_uid;
	pg->gid = user->pw_gid;
	return true;
}

bool postgres_find(struct postgres *pg, int major, struct error *err)
{
	*pg = (struct postgres){0};
	if (!find_user(pg, err))
		return false;
	find_packaged(pg, major);
	if (!pg->bin)
		find_in_path(pg, major);
	if (!pg->bin)
		find_by_pg_config(pg, major);
	if (pg->bin)
		return true;
	if (major)
		return error_set(err, ERROR_NOT_FOUND,
			"the private database of this folder was made by PostgreSQL %d, "
			"whose "
			"server programs are not installed: apt-get install "
			"postgresql-%d, or name "
			"another database with --db",
			major, major);
	return error_set(err, ERROR_NOT_FOUND,
		"no PostgreSQL server programs (initdb, postgres; version %d or newer) "
		"found: "
		"apt-get install postgresql, or name a running database with --db",
		POSTGRES_OLDEST);
}

void postgres_finish(struct postgres *pg)
{
	free(pg->bin);
	*pg = (struct postgres){0};
}
