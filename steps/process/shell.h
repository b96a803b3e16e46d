/*
 * A shell, or another program, as a process of this worker, run under a keeper: a small
 * process of ours between the two that kills everything the shell has started as soon as
 * the worker lets go of it, be it by shell_stop or because the worker itself was killed.
 * Daemons that left the shell's process group are found too: the keeper is their
 * subreaper. So no process of an awaited step acts on while another worker repeats the
 * step.
 *
 * A detached shell has no keeper once it runs: it outlives the worker.
 */
#ifndef STEPWELL_PROCESS_SHELL_H
#define STEPWELL_PROCESS_SHELL_H

#include "base/buf.h"

#include <stdbool.h>
#include <uv.h>

struct shell;

struct shell_command {
	const char *program; /* its file; NULL: /bin/sh */
	char *const *argv;   /* {"sh", "-c", COMMAND, "sh", ARGUMENT..., NULL} */
	char *const *envp;   /* the whole environment, NULL-ended */
	const char *input;   /* NULL: stdin is /dev/null */
	size_t input_len;
	bool detached; /* output goes to /dev/null */
	size_t limit;  /* of stdout and of stderr, bytes */
	/* Files and empty folders that the keeper removes when it kills because the
	 * worker let go; NULL-ended, or NULL. At any other end they are the caller's. */
	char *const *scratch;
};

enum shell_end {
	SHELL_NOT_STARTED, /* errnum says why; nothing has run */
	SHELL_STARTED,     /* detached: it runs */
	SHELL_EXITED,      /* status is that of waitpid(2) */
	SHELL_OVER_LIMIT,  /* killed because it wrote more than the limit */
	SHELL_LOST,        /* its keeper was killed: nobody knows how it ended */
};

struct shell_result {
	enum shell_end end;
	int errnum;
	int status;
	struct buf out, err; /* what it wrote, borrowed until return */
};

typedef void (*shell_on_end)(void *ctx, const struct shell_result *result);

/*
 * Starts it in a session of its own, with no descriptors but 0, 1 and 2 and no way
 * to gain privileges. Borrows the command until return. Calls on_end once, from the loop,
 * when the shell and all it had started are gone (detached: when it runs), and frees
 * itself. *ret_forked tells whether it may have begun to run.
 */
struct shell *shell_start(uv_loop_t *loop, const struct shell_command *command,
	shell_on_end on_end, void *ctx, bool *ret_forked);
/* Reports from the loop that nothing could be started (SHELL_NOT_STARTED). */
struct shell *shell_fail(uv_loop_t *loop, int errnum, shell_on_end on_end, void *ctx);
/* Kills it and all it has started at once (SIGKILL; a detached one that runs is let go).
 * on_end is not called any more; the loop reaps what is left. */
void shell_stop(struct shell *shell);

#endif
