/*
 * `call: http`. The arguments and the request are in http/request.h, the sending in
 * http/exchange.h, what the answer becomes in http/answer.h.
 */
#include "call_http.h"

#include "http/exchange.h"
#include "http/request.h"

#include <stdlib.h>

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	task->spec = xcalloc(1, sizeof(struct http_arguments));
	return http_arguments_compile(c, task, task->spec, err);
}

static void discard(void *spec)
{
	http_arguments_finish(spec);
	free(spec);
}

static const struct effect_kind effect = {
	.render = http_request_render,
	.start = http_exchange_start,
	.stop = http_exchange_stop,
};

const struct task_kind task_call_http = {
	.name = "call:http",
	.compile = compile,
	.discard = discard,
	.effect = &effect,
};
