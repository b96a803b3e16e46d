/*
 * The cluster of a private PostgreSQL, while no server runs on it: making it, and closing
 * one that an earlier version made. Two roles are in it: `stepwell`, as which wfctl and
 * its steps work, which owns the database `stepwell` and is no superuser; and the
 * superuser, whom nobody can log in as.
 */
#ifndef STEPWELL_POSTGRES_CLUSTER_H
#define STEPWELL_POSTGRES_CLUSTER_H

#include "postgres/folder.h"

/* Line n, from 1, of a file of the cluster's; NULL if it is not there. Caller frees. */
char *cluster_says(const struct folder *place, const char *name, int n);
/* The major version that made it; 0: there is none. */
int cluster_version(const struct folder *place);

/* Makes one. It has its name only when it is complete, database, roles and all. */
MUST_CHECK bool cluster_make(
	const struct folder *place, const struct postgres *pg, struct error *err);
/* Where an earlier version made it: gives it to the server's user and its database to
 * `stepwell`. */
MUST_CHECK bool cluster_close(
	const struct folder *place, const struct postgres *pg, struct error *err);
/* Who may connect: written at each start, since names of users may have changed. */
MUST_CHECK bool cluster_write_access(
	const struct folder *place, const struct postgres *pg, struct error *err);
/* Removes a folder that a server's user owns, as that user; true where there is none. */
MUST_CHECK bool cluster_remove_folder(
	const char *path, const struct postgres *pg, struct error *err);

#endif
