/*
 * The private PostgreSQL of the current folder: what wfctl uses when it is given no
 * database. One cluster per folder in `.wfctl`, reached by a unix socket only, started by
 * the first wfctl that needs it and stopped when the last one is gone, be it killed with
 * -9.
 *
 * wfctl and its steps work as a role without superuser, as which only the user who made
 * it gets in; they talk to nobody but the server's user. cluster.h
 *
 * As root the server runs as a system user of its own and the cluster lies in
 * /var/lib/stepwell, where that user can enter; `.wfctl` links to it. The link counts, so
 * the folder may be moved.
 *
 * Who uses the server holds a shared lock on the file `users`, which the kernel drops
 * with its process. The server's parent is a small process that waits for the exclusive
 * lock, then stops the server; if it dies itself, the kernel tells the server to stop
 * (PDEATHSIG).
 */
#ifndef STEPWELL_POSTGRES_SERVER_H
#define STEPWELL_POSTGRES_SERVER_H

#include "base/error.h"

#include <sys/types.h>

struct private;

/*
 * Makes the cluster if there is none (about two seconds), starts the server if it does
 * not run, and uses it until private_release. Blocks; call it before threads and loops
 * exist. *ret_conninfo is for libpq and belongs to *ret. ERROR_NOT_FOUND: PostgreSQL is
 * not installed. ERROR_DENIED: `.wfctl` is somebody else's.
 */
MUST_CHECK bool private_acquire(
	struct private **ret, const char **ret_conninfo, struct error *err);
/* The last to leave stops the server, which this does not wait for. Accepts NULL. */
void private_release(struct private *p);

/* Whether its server runs still (somebody may have called private_stop). */
bool private_is_running(const struct private *p);

/* Whether the current folder has a cluster, running or not. */
bool private_exists(void);
/* A process that uses the current folder's server; 0: none does, or it is stopping. */
pid_t private_user(void);
/* Stops the current folder's server under its users. *ret_was_running may be NULL. */
MUST_CHECK bool private_stop(bool *ret_was_running, struct error *err);
/* Stops it and removes its cluster, with all that is in it. */
MUST_CHECK bool private_remove(bool *ret_was_there, struct error *err);

#endif
