/* By openat2, which resolves a path below a folder and nowhere else; else step by step.
 */
#include "file_below.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define READ_FLAGS (O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY)

int file_below_walk(int folder, const char *relative)
{
	int at = fcntl(folder, F_DUPFD_CLOEXEC, 0);
	while (at >= 0) {
		char name[NAME_MAX + 1];
		relative += strspn(relative, "/");
		size_t n = strcspn(relative, "/");
		bool last = !relative[n];
		if (n == 0 || n > NAME_MAX || strncmp(relative, "..", 3) == 0 ||
			strncmp(relative, "../", 3) == 0) {
			close(at);
			errno = n > NAME_MAX ? ENAMETOOLONG : n == 0 ? EISDIR : EXDEV;
			return -1;
		}
		memcpy(name, relative, n);
		name[n] = '\0';
		int next = openat(at, name,
			O_NOFOLLOW |
				(last ? READ_FLAGS : O_PATH | O_DIRECTORY | O_CLOEXEC));
		int why = errno;
		close(at);
		errno = why;
		if (last)
			return next;
		at = next;
		relative += n;
	}
	return -1;
}

int file_below_open(int folder, const char *relative)
{
	struct open_how how = {
		.flags = READ_FLAGS, .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS};
	relative += strspn(relative, "/");
	long fd = syscall(SYS_openat2, folder, relative, &how, sizeof how);
	if (fd < 0 && (errno == ENOSYS || errno == EPERM)) /* filters say the latter */
		return file_below_walk(folder, relative);
	return (int)fd;
}

/* What of the path is behind the folder; NULL: it is not below it. */
static const char *behind(const char *path, const char *folder)
{
	size_t n = strlen(folder);
	while (n && folder[n - 1] == '/')
		n--;
	return strncmp(path, folder, n) == 0 && path[n] == '/' ? path + n + 1 : NULL;
}

static bool fail(const char *path, const char *why, struct error *err)
{
	return error_set(err, ERROR_INPUT, "%.300s: %s", path, why);
}

static bool read_all(
	int fd, const char *path, size_t most, struct buf *out, struct error *err)
{
	struct stat st;
	char part[65536];
	ssize_t n = 1;
	if (fstat(fd, &st) != 0)
		return fail(path, strerror(errno), err);
	if (!S_ISREG(st.st_mode))
		return fail(path, "not a regular file", err);
	size_t before = out->len;
	while ((uint64_t)st.st_size <= most && out->len - before <= most &&
		(n = read(fd, part, sizeof part)) > 0)
		buf_add(out, part, (size_t)n);
	if (n < 0)
		return fail(path, strerror(errno), err);
	return n == 0 || error_set(err, ERROR_INPUT, "%.300s: larger than %zu MiB", path,
				 most >> 20);
}

static bool read_in(int folder, const char *relative, const char *path, size_t most,
	struct buf *out, struct error *err)
{
	int fd = file_below_open(folder, relative);
	if (fd < 0)
		return fail(path,
			errno == EXDEV || errno == ELOOP
				? "it leads out of the definition's folder"
				: strerror(errno),
			err);
	bool ok = read_all(fd, path, most, out, err);
	close(fd);
	return ok;
}

bool file_below_read(const char *folder, const char *path, size_t most, struct buf *out,
	struct error *err)
{
	char *real = realpath(folder, NULL);
	const char *relative = behind(path, folder);
	if (!relative && real)
		relative = behind(path, real);
	free(real);
	if (!relative)
		return error_set(err, ERROR_INPUT,
			"%.300s: not below the definition's folder, %.300s", path,
			folder);
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail(folder, strerror(errno), err);
	bool ok = read_in(fd, relative, path, most, out, err);
	close(fd);
	return ok;
}
