/*
 * The options by which run, dev and worker set up a worker, and how they become its
 * settings.
 */
#ifndef STEPWELL_WORKER_FLAGS_H
#define STEPWELL_WORKER_FLAGS_H

#include "database.h"
#include "options.h"
#include "worker/worker.h"

/* Where requests may go: those of steps, and those of registration. */
#define OPTIONS_REACH                                                              \
	{"http-deny", 0, OPTION_LIST, "RULES",                                     \
		"where requests must not go: private, loopback, all, CIDR, HOST"}, \
	{                                                                          \
		"http-allow", 0, OPTION_LIST, "HOST[:PORT]",                       \
			"where they may all the same; or metadata, CIDR"           \
	}

/* What its effects may do. */
#define WORKER_FLAGS_EFFECTS                                                             \
	{"concurrency", 'c', OPTION_COUNT, "N", "effects at once (default 64)"},         \
		{"allow-run", 0, OPTION_FLAG, NULL, "allow `run` of processes"},         \
		{"allow-sql", 0, OPTION_FLAG, NULL,                                      \
			"allow `call: sql` on the journal's database"},                  \
		OPTIONS_REACH,                                                           \
		{"ca-file", 0, OPTION_TEXT, "FILE",                                      \
			"certificates that https trusts besides the system's"},          \
		{"proxy", 0, OPTION_TEXT, "URL",                                         \
			"send `call: http` through this proxy"},                         \
		{"env", 'e', OPTION_LIST, "NAME",                                        \
			"a variable that processes inherit; repeatable"},                \
		{"secrets", 0, OPTION_TEXT, "DIR",                                       \
			"secrets: the files of this folder, by their names"},            \
		{"secret-env", 0, OPTION_TEXT, "PREFIX",                                 \
			"secrets: variables with this prefix"},                          \
		{"database", 0, OPTION_LIST, "NAME=CONNINFO",                            \
			"a further database of `call: sql`; repeatable"},                \
		{"sql-login", 0, OPTION_LIST, "NAMESPACE=CONNINFO",                      \
			"as whom its `call: sql` logs in; repeatable"},                  \
		{"sql-role", 0, OPTION_TEXT, "ROLE", "run `call: sql` under this role"}, \
		{"sql-connections", 0, OPTION_COUNT, "N", "connections of `call: sql`"}, \
		{"body-limit", 0, OPTION_SIZE, "SIZE", "largest answer of an effect"},   \
		{"http-timeout", 0, OPTION_DURATION, "DURATION",                         \
			"of a request without a timeout"},                               \
	{                                                                                \
		"expression-timeout", 0, OPTION_DURATION, "DURATION",                    \
			"of processor time (default 1s)"                                 \
	}

/* How it takes part in the pool. */
#define WORKER_FLAGS_POOL                                                            \
	{"max-runs", 0, OPTION_COUNT, "N", "runs in memory at once (default 4096)"}, \
		{"heartbeat", 0, OPTION_DURATION, "DURATION", "default 2s"},         \
		{"lease", 0, OPTION_DURATION, "DURATION",                            \
			"at least two heartbeats (default 10s)"},                    \
		{"poll", 0, OPTION_DURATION, "DURATION", "default 500ms"},           \
		{"drain-timeout", 0, OPTION_DURATION, "DURATION",                    \
			"after SIGTERM (default 30s)"},                              \
		{"poison-after", 0, OPTION_COUNT, "N",                               \
			"suspend a run whose process died N times (default 3)"},     \
	{                                                                            \
		"suspect-memory", 0, OPTION_SIZE, "SIZE",                            \
			"of a process for suspects (default 2GiB)"                   \
	}

/* Fills in what was given; `pool` says whether the command has WORKER_FLAGS_POOL. Lists
 * are allocated: worker_flags_finish. To be called before anything is started that would
 * inherit the environment: secrets leave it here. ERROR_INPUT says what is wrong. */
MUST_CHECK bool worker_flags_read(const struct options *o, bool pool,
	const char *conninfo, struct worker_options *ret, struct error *err);
/* It works on this database, which outlives it; on the private one `call: sql` is on.
 * False: a namespace logs in as the worker does. */
MUST_CHECK bool worker_flags_take(
	struct worker_options *w, const struct database *d, struct error *err);
void worker_flags_finish(struct worker_options *w);

/* How what is read at registration gets out: the rules of OPTIONS_REACH, which are the
 * caller's (http_reach_destroy), and what the command has besides of those above. */
MUST_CHECK bool ways_read(
	const struct options *o, struct settings *ret, struct error *err);

#endif
