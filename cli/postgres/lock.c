/* Locks on files that may be removed while somebody waits for them. */
#include "postgres/lock.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define START_TRIES 100 /* to find a place that stays */

int lock_open(const struct folder *place, const char *name, int mode, struct error *err)
{
	int fd = folder_open(place, name, O_RDWR, err);
	while (fd >= 0 && mode && flock(fd, mode) < 0) {
		if (errno == EINTR)
			continue;
		error_set(err, ERROR_PERMANENT, "%s/%s: %s", place->base, name,
			strerror(errno));
		close(fd);
		return -1;
	}
	return fd;
}

int lock_server(const struct folder *place)
{
	int fd = folder_open(place, "server", O_RDWR, NULL);
	if (fd >= 0 && flock(fd, LOCK_EX | LOCK_NB) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

bool lock_server_is_free(const struct folder *place)
{
	int fd = lock_server(place);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int lock_start(const struct folder *place, struct error *err)
{
	for (int tries = 0;; tries++) {
		bool made = folder_make(place, err);
		int fd = made ? lock_open(place, "start", LOCK_EX, err) : -1;
		if (fd >= 0 && folder_has(place, "start", fd))
			return fd;
		if (fd >= 0)
			close(fd);
		if (!made || tries == START_TRIES)
			return -1;
	}
}
