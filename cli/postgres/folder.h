/*
 * Where the private PostgreSQL of the current folder lies, and the files below that
 * place: `data` (the cluster), `socket`, `log`, and the locks `start`, `users` and
 * `server`.
 */
#ifndef STEPWELL_POSTGRES_FOLDER_H
#define STEPWELL_POSTGRES_FOLDER_H

#include "base/error.h"
#include "postgres/postgres.h"

struct folder {
	char *base;
	char *data;   /* below base, the server's user's */
	char *socket; /* a folder of the server's user; its path is short and plain */
	char *link;   /* as root: `.wfctl` in the folder, else NULL */
};

/* Only looks, makes nothing. */
MUST_CHECK bool folder_find(struct folder *p, struct error *err);
/* Makes base and link where they are missing, and checks whose they are. */
MUST_CHECK bool folder_make(const struct folder *p, struct error *err);
/* Whether the open file is the one of that name below base, not one that was removed. */
bool folder_has(const struct folder *p, const char *name, int fd);
/* Whether somebody has begun to make one there, or a link to one is left. */
bool folder_exists(const struct folder *p);
/* Removes base and link; what is not ours stays, with its folder. The clusters and the
 * socket's folder are gone, and nobody else holds a lock. */
void folder_remove(const struct folder *p);
void folder_finish(struct folder *p);

/* Whether a server's socket may lie there: a short, plain, absolute path. */
bool folder_is_socket_folder(const char *path);
/* A folder of the server's user, 0700, made if missing. */
MUST_CHECK bool folder_make_below(
	const char *path, const struct postgres *pg, struct error *err);
/* Opens a file below base, O_CLOEXEC, made if missing. -1 with err. */
int folder_open(const struct folder *p, const char *name, int flags, struct error *err);

#endif
