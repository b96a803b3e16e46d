/*
 * `run: shell`: renders the command line and hands it to process/shell.c. Arguments are
 * data: the shell sees them as $1.., never as its own text.
 */
#include "run_shell.h"

#include "process/task.h"

#include <stdlib.h>

struct shell_spec {
	struct process_spec base;
	struct expression *command;
};

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json run = json_get(task->node, "run");
	struct shell_spec *spec = xcalloc(1, sizeof *spec);
	task->spec = spec;
	return process_spec_compile(&spec->base, "shell", c, run, err) &&
	       compiler_expression(c, json_get(json_get(run, "shell"), "command"),
		       EXPRESSION_VALUE, &spec->command, err);
}

static void request_destroy(struct request *base)
{
	process_request_finish((struct process_request *)base);
	free(base);
}

static bool render_command(
	struct process_request *r, const struct render *in, struct fault *f)
{
	const struct shell_spec *spec = in->task->spec;
	char *command;
	if (!process_evaluate_text(spec->command, in, "command", &command, f))
		return false;
	list_add(&r->argv, xstrdup("sh"));
	list_add(&r->argv, xstrdup("-c"));
	list_add(&r->argv, command);
	list_add(&r->argv, xstrdup("sh"));
	return true;
}

static bool render(const struct render *in, struct request **ret, struct fault *f)
{
	struct process_request *r = xcalloc(1, sizeof *r);
	r->base.destroy = request_destroy;
	if (!process_request_init(r, in, f) || !render_command(r, in, f) ||
		!process_request_arguments(r, in, f) ||
		!process_request_surroundings(r, in, f)) {
		request_destroy(&r->base);
		return false;
	}
	process_request_seal(r);
	list_add(&r->argv, NULL);
	*ret = &r->base;
	return true;
}

static void on_end(void *ctx, const struct shell_result *end)
{
	struct effect *effect = ctx;
	effect->state = NULL;
	process_task_conclude(effect, end);
}

static void start(struct effect *effect)
{
	struct process_request *r = (struct process_request *)effect->request;
	struct buf envp = {0};
	process_task_environment(effect, &envp);
	struct shell_command command = process_task_command(effect, &r->argv, &envp);
	effect->state =
		shell_start(effect->host->loop, &command, on_end, effect, &effect->sent);
	list_finish(&envp);
}

static void stop(struct effect *effect)
{
	if (effect->state)
		shell_stop(effect->state);
	effect->state = NULL;
}

static const struct effect_kind effect = {
	.render = render,
	.start = start,
	.stop = stop,
};

const struct task_kind task_run_shell = {
	.name = "run:shell",
	.compile = compile,
	.effect = &effect,
};
