/*
 * The PostgreSQL server programs installed on this machine, and the user they run as:
 * never root, so as root it is a system user that does nothing else, which is made.
 */
#ifndef STEPWELL_POSTGRES_POSTGRES_H
#define STEPWELL_POSTGRES_POSTGRES_H

#include "base/buf.h"
#include "base/error.h"

#include <sys/types.h>

#define POSTGRES_OLDEST 14

struct postgres {
	char *bin; /* folder of initdb and postgres */
	int major;
	uid_t uid; /* whom the server runs as */
	gid_t gid;
	int lock; /* a lock that programs inherit, so that it outlives us with them; 0:
		     none */
};

/*
 * Finds programs of this major version, or with major 0 the newest: in the folders of the
 * distributions' packages, else in PATH, else where pg_config points. Fails with
 * ERROR_NOT_FOUND and what to install. Finish with postgres_finish.
 */
MUST_CHECK bool postgres_find(struct postgres *pg, int major, struct error *err);
void postgres_finish(struct postgres *pg);

/* A program of that folder; caller frees. */
char *postgres_program(const struct postgres *pg, const char *name);
/*
 * Runs argv[0] as the server's user in `/`, with a small environment and no terminal, and
 * waits. input (may be NULL) is its stdin; what it writes is appended to output. False if
 * it cannot be started or its exit code is not 0: ERROR_PERMANENT with its last words.
 */
MUST_CHECK bool postgres_run(const struct postgres *pg, char *const argv[],
	const char *input, struct buf *output, struct error *err);

/* In a forked child: becomes the server's user; false with errno. */
MUST_CHECK bool postgres_become(const struct postgres *pg);
/* The environment of server programs, NULL-ended; caller frees with
 * postgres_environment_free. None of our own variables but PATH and LD_LIBRARY_PATH: they
 * may hold passwords. */
char **postgres_environment(void);
void postgres_environment_free(char **env);

#endif
