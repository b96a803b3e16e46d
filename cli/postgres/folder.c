/*
 * Finds and makes the folders of the private PostgreSQL. As root it works below a folder
 * that only root can write to, so that the server's user cannot lead it astray by links.
 */
#include "postgres/folder.h"

#include "base/uuid.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOT_FOLDER "/var/lib/stepwell"
#define SOCKET_NAME "/.s.PGSQL.5432.lock" /* the longer of the two */

/* libpq and the server split lists of folders at commas and trim or quote other
 * characters. */
bool folder_is_socket_folder(const char *path)
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789/._-";
	return *path == '/' && path[strspn(path, plain)] == '\0' &&
	       strlen(path) + sizeof SOCKET_NAME <=
		       sizeof((struct sockaddr_un *)0)->sun_path;
}

static char *short_socket_folder(const char *digest)
{
	const char *runtime = getenv("XDG_RUNTIME_DIR");
	struct stat st;
	if (runtime && *runtime == '/' && stat(runtime, &st) == 0 &&
		st.st_uid == geteuid()) {
		char *path = xasprintf("%s/stepwell-%s", runtime, digest);
		if (folder_is_socket_folder(path))
			return path;
		free(path);
	}
	return xasprintf("/tmp/stepwell-%u-%s", (unsigned)geteuid(), digest);
}

/* What root's link points to, if it is root's and points where root makes clusters. */
static char *follow_link(const char *link)
{
	char target[256];
	struct stat st;
	ssize_t n = readlink(link, target, sizeof target - 1);
	if (n <= 0 || lstat(link, &st) < 0 || st.st_uid != 0)
		return NULL;
	target[n] = '\0';
	size_t prefix = sizeof ROOT_FOLDER "/" - 1;
	bool ours = strncmp(target, ROOT_FOLDER "/", prefix) == 0 &&
		    strspn(target + prefix, "0123456789abcdef") == 32 &&
		    target[prefix + 32] == '\0' && stat(target, &st) == 0 &&
		    S_ISDIR(st.st_mode) && st.st_uid == 0;
	return ours ? xstrdup(target) : NULL;
}

bool folder_find(struct folder *p, struct error *err)
{
	*p = (struct folder){0};
	uint8_t sha[32];
	char digest[33];
	char *folder = getcwd(NULL, 0);
	if (!folder)
		return error_set(
			err, ERROR_PERMANENT, "the current folder: %s", strerror(errno));
	digest_sha256(folder, strlen(folder), sha);
	digest_hex(sha, 16, digest);
	char *dot = xasprintf("%s/.wfctl", strcmp(folder, "/") == 0 ? "" : folder);
	free(folder);
	if (geteuid() == 0) {
		p->link = dot;
		p->base = follow_link(dot);
		if (!p->base)
			p->base = xasprintf(ROOT_FOLDER "/%s", digest);
	} else {
		p->base = dot;
	}
	p->data = xasprintf("%s/data", p->base);
	p->socket = xasprintf("%s/socket", p->base);
	if (!folder_is_socket_folder(p->socket)) {
		free(p->socket);
		p->socket = short_socket_folder(digest);
	}
	return true;
}

void folder_finish(struct folder *p)
{
	free(p->base);
	free(p->data);
	free(p->socket);
	free(p->link);
	*p = (struct folder){0};
}

/* A folder of this user with this mode, made if missing. One of ours that was made for
 * another user was left behind before it was given to him; below a folder of root's the
 * server may have had another user. */
static bool make_folder(
	const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *err)
{
	struct stat st;
	bool root = geteuid() == 0;
	int fd = mkdir(path, mode) == 0 || errno == EEXIST
			 ? open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
			 : -1;
	int errnum = errno;
	bool ok = fd >= 0 && fstat(fd, &st) == 0;
	if (ok && st.st_uid != uid && (root ? uid != 0 : st.st_uid == geteuid()))
		ok = fchown(fd, uid, gid) == 0 && fstat(fd, &st) == 0;
	if (ok && st.st_uid == uid && (st.st_mode & 07777) != mode)
		ok = fchmod(fd, mode) == 0;
	if (fd >= 0) {
		errnum = errno;
		close(fd);
	}
	if (!ok && (errnum == ELOOP || errnum == ENOTDIR || errnum == EACCES))
		return error_set(err, ERROR_DENIED,
			"%s cannot be used by this user: remove it, become its owner, or "
			"name "
			"a database with --db",
			path);
	if (!ok)
		return error_set(err, ERROR_PERMANENT, "%s: %s", path, strerror(errnum));
	if (st.st_uid != uid)
		return error_set(err, ERROR_DENIED,
			"%s belongs to another user (%u): remove it, become that user, "
			"or name "
			"a database with --db",
			path, (unsigned)st.st_uid);
	return true;
}

bool folder_make_below(const char *path, const struct postgres *pg, struct error *err)
{
	return make_folder(path, 0700, pg->uid, pg->gid, err);
}

/* The link is a convenience: a folder that cannot be written to, or a cluster of a user's
 * in its place, does no harm. */
static void make_link(const struct folder *p)
{
	struct stat st;
	char target[256];
	ssize_t n = readlink(p->link, target, sizeof target);
	if (n == (ssize_t)strlen(p->base) && memcmp(target, p->base, (size_t)n) == 0)
		return;
	if (lstat(p->link, &st) == 0 && S_ISLNK(st.st_mode))
		unlink(p->link);
	if (symlink(p->base, p->link) < 0)
		return;
}

/* Keeps the cluster out of its folder's repository. */
static bool make_gitignore(const struct folder *p, struct error *err)
{
	int fd = folder_open(p, ".gitignore", O_WRONLY | O_TRUNC, err);
	if (fd < 0)
		return false;
	bool ok = write(fd, "*\n", 2) == 2;
	if (!ok)
		error_set(err, ERROR_PERMANENT, "%s/.gitignore: %s", p->base,
			strerror(errno));
	close(fd);
	return ok;
}

bool folder_make(const struct folder *p, struct error *err)
{
	bool ok;
	if (p->link)
		ok = make_folder(ROOT_FOLDER, 0755, 0, 0, err) &&
		     make_folder(p->base, 0711, 0, 0, err);
	else
		ok = make_folder(p->base, 0700, geteuid(), getegid(), err) &&
		     make_gitignore(p, err);
	if (ok && p->link)
		make_link(p);
	return ok;
}

bool folder_has(const struct folder *p, const char *name, int fd)
{
	struct stat ours, there;
	char *path = xasprintf("%s/%s", p->base, name);
	bool has = fstat(fd, &ours) == 0 && lstat(path, &there) == 0 &&
		   ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
	free(path);
	return has;
}

/* Whether the link is ours, also where what it points to is gone. */
static bool has_link(const struct folder *p)
{
	char target[256];
	ssize_t n = p->link ? readlink(p->link, target, sizeof target - 1) : -1;
	return n > 0 && strncmp(target, ROOT_FOLDER "/", sizeof ROOT_FOLDER) == 0;
}

bool folder_exists(const struct folder *p)
{
	char *first = xasprintf("%s/start", p->base); /* what is made in it at first */
	bool exists = access(first, F_OK) == 0 || has_link(p);
	free(first);
	return exists;
}

void folder_remove(const struct folder *p)
{
	static const char *const names[] = {"log", "pg_hba.conf", "pg_ident.conf",
		".gitignore", "server", "users", "start"};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char *path = xasprintf("%s/%s", p->base, names[i]);
		unlink(path);
		free(path);
	}
	rmdir(p->base);
	if (has_link(p))
		unlink(p->link);
}

int folder_open(const struct folder *p, const char *name, int flags, struct error *err)
{
	char *path = xasprintf("%s/%s", p->base, name);
	int fd = open(path, flags | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		error_set(err, errno == EACCES ? ERROR_DENIED : ERROR_PERMANENT, "%s: %s",
			path, strerror(errno));
	free(path);
	return fd;
}
