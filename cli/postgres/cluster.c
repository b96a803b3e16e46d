/*
 * Clusters are made and closed in single-user mode, which asks nobody who he is: so no
 * way in for the superuser is ever needed, and none is open. As root, programs on a
 * cluster run as whoever owns it.
 */
#include "postgres/cluster.h"

#include "queries.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

char *cluster_says(const struct folder *place, const char *name, int n)
{
	char text[1024] = "";
	char *path = xasprintf("%s/%s", place->data, name);
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
	ssize_t length = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
	if (fd >= 0)
		close(fd);
	free(path);
	const char *line = length > 0 ? text : NULL;
	while (line && --n > 0 && (line = strchr(line, '\n')))
		line++;
	const char *end = line ? strchr(line, '\n') : NULL;
	return end ? xstrndup(line, (size_t)(end - line)) : NULL;
}

int cluster_version(const struct folder *place)
{
	char *text = cluster_says(place, "PG_VERSION", 1);
	int version = text ? (int)strtol(text, NULL, 10) : 0;
	free(text);
	return version;
}

/* ---- Server programs ---- */

/* Character classes of Unicode where the system has them. */
static const char *cluster_locale(void)
{
	locale_t locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
	if (!locale)
		return "--locale=C";
	freelocale(locale);
	return "--locale=C.UTF-8";
}

static bool run_program(const struct postgres *pg, const char *const args[],
	const char *input, struct buf *said, struct error *err)
{
	char *argv[16] = {postgres_program(pg, args[0])};
	size_t n = 1;
	for (; args[n]; n++)
		argv[n] = xstrdup(args[n]);
	bool ok = postgres_run(pg, argv, input, said, err);
	while (n > 0)
		free(argv[--n]);
	return ok;
}

/* Statements by the superuser. What one of them refuses does not show in the exit code.
 */
static bool run_single(const struct postgres *pg, const char *data, const char *database,
	const char *statements, struct error *err)
{
	const char *const single[] = {
		"postgres", "--single", "-j", "-D", data, database, NULL};
	struct buf said = {0};
	bool ok = run_program(pg, single, statements, &said, err);
	const char *refused = ok ? strstr(buf_text(&said), "ERROR: ") : NULL;
	if (refused)
		ok = error_set(err, ERROR_PERMANENT, "postgres --single: %.*s",
			(int)strcspn(refused, "\n"), refused);
	buf_finish(&said);
	return ok;
}

/* ---- Making ---- */

/* What initdb writes unsynced, one syncfs makes durable before the name is there. */
static bool publish(const struct folder *place, const char *made, struct error *err)
{
	int fd = open(place->base, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	bool ok = fd >= 0 && syncfs(fd) == 0 && rename(made, place->data) == 0 &&
		  fsync(fd) == 0;
	if (!ok)
		error_set(err, ERROR_PERMANENT, "%s: %s", place->data, strerror(errno));
	if (fd >= 0)
		close(fd);
	return ok;
}

bool cluster_make(
	const struct folder *place, const struct postgres *pg, struct error *err)
{
	char *made = xasprintf("%s/data.new", place->base);
	const char *const initdb[] = {"initdb", "-D", made, "-U", "stepwell_server",
		"--auth=reject", "--encoding=UTF8", cluster_locale(), "--no-sync",
		"--no-instructions", NULL};
	struct buf said = {0};
	bool ok = cluster_remove_folder(made, pg, err) &&
		  folder_make_below(made, pg, err) &&
		  run_program(pg, initdb, NULL, &said, err) &&
		  run_single(pg, made, "postgres", sql_private_make, err) &&
		  publish(place, made, err);
	buf_finish(&said);
	free(made);
	return ok || error_prefix(err, "the private database");
}

/* ---- Closing ---- */

/* With it the access of our own is there, so it has been closed. */
static char *access_path(const struct folder *place)
{
	return xasprintf("%s/pg_hba.conf", place->base);
}

/* Nobody follows a link on the way, and what is not the owner's stays whose it is. */
static bool give(const struct folder *place, uid_t owner, const struct postgres *pg,
	struct error *err)
{
	struct postgres root = {.lock = pg->lock};
	struct buf said = {0};
	char *from = xasprintf("--from=%u", (unsigned)owner);
	char *to = xasprintf("%u:%u", (unsigned)pg->uid, (unsigned)pg->gid);
	char *argv[] = {
		"/bin/chown", "-R", "-P", "-h", from, "--", to, place->data, NULL};
	bool ok = postgres_run(&root, argv, NULL, &said, err);
	buf_finish(&said);
	free(from);
	free(to);
	return ok;
}

bool cluster_close(
	const struct folder *place, const struct postgres *pg, struct error *err)
{
	struct stat st;
	char *path = access_path(place);
	bool closed = access(path, F_OK) == 0;
	free(path);
	if (stat(place->data, &st) < 0)
		return error_set(
			err, ERROR_PERMANENT, "%s: %s", place->data, strerror(errno));
	bool ok =
		st.st_uid == pg->uid || geteuid() != 0 || give(place, st.st_uid, pg, err);
	if (ok && !closed)
		ok = run_single(pg, place->data, "stepwell", sql_private_close, err);
	return ok || error_prefix(err, "the private database");
}

/* ---- Access ---- */

/* A file that the server's user may read and only we may write. */
static bool write_file(const struct folder *place, const struct postgres *pg,
	const char *name, const char *text, struct error *err)
{
	size_t n = strlen(text);
	int fd = folder_open(place, name, O_WRONLY | O_TRUNC, err);
	if (fd < 0)
		return false;
	bool ok = (geteuid() != 0 ||
			  (fchown(fd, 0, pg->gid) == 0 && fchmod(fd, 0640) == 0)) &&
		  write(fd, text, n) == (ssize_t)n;
	if (!ok)
		error_set(err, ERROR_PERMANENT, "%s/%s: %s", place->base, name,
			strerror(errno));
	close(fd);
	return ok;
}

bool cluster_write_access(
	const struct folder *place, const struct postgres *pg, struct error *err)
{
	const struct passwd *user = getpwuid(geteuid());
	if (!user)
		return error_set(err, ERROR_NOT_FOUND,
			"user %u has no name, by which PostgreSQL could know it: give it "
			"one, or name a database with --db",
			(unsigned)geteuid());
	char *map = xasprintf("stepwell \"%s\" stepwell\n", user->pw_name);
	bool ok = write_file(place, pg, "pg_ident.conf", map, err) &&
		  write_file(place, pg, "pg_hba.conf",
			  "local stepwell stepwell peer map=stepwell\n", err);
	free(map);
	return ok;
}

/* ---- Removing ---- */

/* As root, rm removes as the folder's owner all but the folder itself, which is below
 * ours. */
bool cluster_remove_folder(const char *path, const struct postgres *pg, struct error *err)
{
	struct stat st;
	if (lstat(path, &st) < 0)
		return true;
	struct postgres owner = {.uid = st.st_uid, .gid = st.st_gid, .lock = pg->lock};
	char *name = xstrdup(path);
	char *argv[] = {"/bin/rm", "-rf", "--", name, NULL};
	struct buf said = {0};
	struct error why;
	bool ok = postgres_run(&owner, argv, NULL, &said, &why) || rmdir(path) == 0;
	if (!ok)
		*err = why;
	buf_finish(&said);
	free(name);
	return ok;
}
