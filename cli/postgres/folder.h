/*
 * Where the private PostgreSQL of the current folder lies, and the files below that
 * place: `data` (the cluster), `socket`, `log`, and the locks `start`, `users` and
 * `server`.
 */
#ifndef STEPWELL_POSTGRES_FOLDER_H
#define STEPWELL_POSTGRES_FOLDER_H

#include "base/error.h"
#include "postgres/postgres.h"

struct place {
	char *base;
	char *data;   /* below base, the server's user's */
	char *socket; /* a folder of the server's user; its path is short and plain */
	char *link;   /* as root: `.wfctl` in the folder, else NULL */
};

/* Only looks, makes nothing. */
MUST_CHECK bool place_find(struct place *p, struct error *err);
/* Makes base and link where they are missing, and checks whose they are. */
MUST_CHECK bool place_make(const struct place *p, struct error *err);
void place_finish(struct place *p);

/* Whether a server's socket may lie there: a short, plain, absolute path. */
bool place_is_socket_folder(const char *path);
/* A folder of the server's user, 0700, made if missing. */
MUST_CHECK bool place_make_folder(
	const char *path, const struct postgres *pg, struct error *err);
/* Opens a file below base, O_CLOEXEC, made if missing. -1 with err. */
int place_open(const struct place *p, const char *name, int flags, struct error *err);

#endif
