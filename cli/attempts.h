/* The attempts of a run's steps that did not succeed, as its journal has them. */
#ifndef STEPWELL_ATTEMPTS_H
#define STEPWELL_ATTEMPTS_H

#include "admin/runs.h"

struct attempt {
	char *path,
		*error; /* error: the problem's JSON; NULL: nobody knows how it ended */
	int64_t number, at;
	size_t place;   /* in the journal */
	bool uncertain; /* it may have taken effect */
};

struct attempts {
	struct attempt *items; /* by path, then as they came */
	size_t count;
};

MUST_CHECK bool attempts_read(
	struct db_client *c, struct uuid run, struct attempts *ret, struct error *err);
void attempts_finish(struct attempts *a);
/* Those of a path; NULL and 0: none failed. */
const struct attempt *attempts_of(
	const struct attempts *a, const char *path, size_t *ret_count);

#endif
