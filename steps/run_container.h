/*
 * `run: container`: a container by the command line of docker or, where that is not
 * installed, podman, as a process by the rules of `run: shell`:
 *
 *     docker run --name NAME --label stepwell.step=STEPID ... IMAGE [sh -c COMMAND sh]
 *     ARGUMENT...
 *
 * Without a `command` the arguments go to the image's own one. Values of `environment`
 * travel in the client's environment (`--env NAME`), so that they stand in nobody's
 * argv; but for names that would steer the client: PATH, HOME, TMPDIR, LD_* and XDG_*
 * stand in argv, DOCKER_*, CONTAINER_* and CONTAINERS_* are refused. The container sees
 * nothing of the worker's environment; the client sees PATH and what --env lets through.
 *
 * A container outlives its client. It is therefore labelled with its step: every attempt
 * first removes what an earlier one has left, on the same host, and a container whose
 * attempt is stopped, cut off or lost is removed. After the death of a worker it runs on
 * until the step's next attempt.
 *
 * lifetime.cleanup: always = --rm; never (the default) = it stays; eventually = a process
 * of this host removes it after that time, so a restart of the host keeps it (it has the
 * label stepwell.remove-after then).
 */
#ifndef STEPWELL_RUN_CONTAINER_H
#define STEPWELL_RUN_CONTAINER_H

#include "definition/task.h"

extern const struct task_kind task_run_container;

#endif
