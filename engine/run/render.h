/*
 * The request of a frame's next attempt, rendered from its task's arguments. Every
 * attempt renders the same; only the values of secrets may have changed meanwhile, and no
 * digest depends on them: it is that of a second rendering, in which each secret is
 * replaced by a stand-in of its shape. Where an expression cannot do with a stand-in (a
 * URL as a whole, a number in a string), the digest is that of what the request was
 * rendered from: the task, its raw input, and every argument that was looked up.
 */
#ifndef STEPWELL_RUN_RENDER_H
#define STEPWELL_RUN_RENDER_H

#include "run/run.h"

/* Sets f->request, or NULL on failure. A secret that is not there is
 * PROBLEM_AUTHORIZATION. */
MUST_CHECK bool run_render(
	struct run *r, struct frame *f, struct host *host, struct fault *fault);

#endif
