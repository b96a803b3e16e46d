/*
 * What `run` and `start` have in common: reading their arguments, registering a file,
 * creating the run, and following it until it has ended.
 */
#ifndef STEPWELL_LAUNCH_H
#define STEPWELL_LAUNCH_H

#include "admin/runs.h"
#include "database.h"
#include "definition_file.h"
#include "output.h"

#define LAUNCH_ARGUMENTS "FILE|NAMESPACE/NAME[:VERSION]"
#define LAUNCH_OPTIONS                                                                  \
	{"input", 'i', OPTION_TEXT, "JSON|@FILE|-", "the run's input (default: null)"}, \
		{"key", 'k', OPTION_TEXT, "KEY", "one run per key: repeating is safe"}, \
	{                                                                               \
		"key-ttl", 0, OPTION_DURATION, "DURATION", "forget the key after that"  \
	}

struct launch {
	struct definition_file file; /* file.definition NULL: a name was given */
	const char *name;
	char *input; /* JSON text */
	struct database database;
	struct admin_start start;
	struct settings ways; /* of what is read at registration */
	bool created;         /* by us, not found by its key */
};

/* Reads argument and input, opens the database and registers a file. An input that does
 * not fit the workflow's schema is EXIT_INVALID. Returns EXIT_DONE, or says what is wrong
 * and returns the exit code. */
int launch_prepare(const struct options *o, enum database_need need, struct launch *ret);
void launch_finish(struct launch *l);

/* Creates the run; start.run_id is the run afterwards (by key perhaps an earlier one).
 * Survives the loss of the connection. */
MUST_CHECK bool launch_create(struct launch *l, struct error *err);

/* Waits until the run has ended or is suspended, at most timeout microseconds (0: no
 * limit), or until Ctrl-C; then prints its outcome, or as launch_detach. Returns the exit
 * code. */
int launch_follow(struct database *d, struct uuid run, int64_t timeout, enum output form);
/* Says on stderr that the run goes on without us, and how to come back, and prints its
 * object, if that is the form. Returns the exit code. */
int launch_detach(struct database *d, struct uuid run, enum output form);

#endif
