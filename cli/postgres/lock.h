/*
 * Three locks (flock) below the place of a private PostgreSQL, by which its users and its
 * server know of each other:
 *
 * - start: exclusive, while somebody looks whether to make, start, stop or remove the
 *   server. initdb inherits it, as it may outlive a wfctl that was killed.
 *
 * - users: shared by each wfctl that uses the server; exclusive by the server's parent
 *   while it stops the server, so that a newcomer waits and then starts a fresh one; and
 *   by who removes the place.
 *
 * - server: exclusive, by the server's parent and inherited by each process of the
 * server, so it is free exactly when nothing of a server is left.
 */
#ifndef STEPWELL_POSTGRES_LOCK_H
#define STEPWELL_POSTGRES_LOCK_H

#include "postgres/folder.h"

/* Opens a lock file and locks it: LOCK_SH, LOCK_EX, or 0 for not at all. -1 with err. */
int lock_open(const struct folder *place, const char *name, int mode, struct error *err);
/* The start lock of a place, which is made if it is missing; anew where it was removed
 * while we waited. -1 with err. */
int lock_start(const struct folder *place, struct error *err);
/* The server's lock, or -1 while a process of the server holds it. */
int lock_server(const struct folder *place);
bool lock_server_is_free(const struct folder *place);

#endif
