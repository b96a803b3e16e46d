/*
 * `run: container`: renders the arguments of the client's `run`, starts the client
 * through a shell that clears the way first, and removes what a client has left running.
 * The rendered argv is {run, ...}: which client it is differs from worker to worker and
 * is no part of the digest.
 */
#include "run_container.h"

#include "definition/duration.h"
#include "process/task.h"

#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

struct container_spec {
	struct process_spec base;
	struct expression *image, *name, *command; /* name, command: may be NULL */
	struct expression *ports, *volumes;        /* may be NULL */
	struct expression *after;                  /* lifetime.after, or NULL */
	const char *pull;
	bool remove; /* cleanup: always */
};

struct container_request {
	struct process_request base;
	char *client;  /* the file of docker or podman in this worker */
	int64_t after; /* seconds until it is removed, -1: no matter of ours */
	char step_id[UUID_TEXT];
};

/* An attempt under way: effect->state. */
struct container {
	struct shell *shell;
	char attempt[UUID_TEXT]; /* label of what this attempt starts */
};

/* ---- Definition ---- */

static const char *pull_word(struct json policy)
{
	if (json_string_is(policy, "always"))
		return "always";
	return json_string_is(policy, "never") ? "never" : "missing";
}

static bool begins_with_one_of(const char *s, const char *const *words)
{
	for (; *words; words++) {
		if (strncmp(s, *words, strlen(*words)) == 0)
			return true;
	}
	return false;
}

/* They would steer the client if they stood in its environment: they stand in argv. */
static const char *const shown_variables[] = {
	"PATH=", "HOME=", "TMPDIR=", "LD_", "XDG_", NULL};

/* What stands in argv cannot be a secret. */
static bool check_environment(struct compiler *c, struct json node, struct error *err)
{
	struct json_iter it = json_iter(node);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		char *name = json_strdup(key), *variable = xasprintf("%s=", name);
		bool shown = begins_with_one_of(variable, shown_variables);
		struct expression *e;
		free(name);
		free(variable);
		if (!shown)
			continue;
		if (!compiler_expression(c, value, EXPRESSION_VALUE, &e, err))
			return false;
		if (expression_mentions(e, "secrets"))
			return compiler_refuse(c, value, err,
				"the variable %.*s of a container cannot be a secret: "
				"it stands in the client's arguments",
				(int)(key.n < 100 ? key.n : 100), key.s);
	}
	return true;
}

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json run = json_get(task->node, "run");
	struct json node = json_get(run, "container"), life = json_get(node, "lifetime");
	struct container_spec *spec = xcalloc(1, sizeof *spec);
	struct {
		const char *key;
		struct expression **place;
	} parts[] = {{"image", &spec->image}, {"name", &spec->name},
		{"command", &spec->command}, {"ports", &spec->ports},
		{"volumes", &spec->volumes}};
	task->spec = spec;
	spec->pull = pull_word(json_get(node, "pullPolicy"));
	spec->remove = json_string_is(json_get(life, "cleanup"), "always");
	if (!process_spec_compile(&spec->base, "container", c, run, err) ||
		!check_environment(c, json_get(node, "environment"), err))
		return false;
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (!compiler_expression(c, json_get(node, parts[i].key),
			    EXPRESSION_VALUE, parts[i].place, err))
			return false;
	}
	return compiler_expression(
		c, json_get(life, "after"), EXPRESSION_VALUE, &spec->after, err);
}

/* ---- Request ---- */

static void request_destroy(struct request *base)
{
	struct container_request *r = (struct container_request *)base;
	process_request_finish(&r->base);
	free(r->client);
	free(r);
}

static bool find_client(struct container_request *r, struct fault *f)
{
	r->client = process_task_find("docker");
	if (!r->client)
		r->client = process_task_find("podman");
	if (r->client)
		return true;
	return fault_set(f, PROBLEM_CONFIGURATION,
		"run: container needs the program docker or podman, and neither is in "
		"this worker's PATH");
}

static void add_option(struct container_request *r, const char *option, char *value)
{
	list_add(&r->base.argv, xstrdup(option));
	list_add(&r->base.argv, value);
}

static bool render_name(
	struct container_request *r, const struct render *in, struct fault *f)
{
	const struct container_spec *spec = in->task->spec;
	char *name = NULL;
	if (spec->name && !process_evaluate_text(spec->name, in, "name", &name, f))
		return false;
	memcpy(r->step_id, in->step_id, sizeof r->step_id);
	add_option(r, "--name", name ? name : xasprintf("stepwell-%s", r->step_id));
	add_option(r, "--label", xasprintf("stepwell.step=%s", r->step_id));
	return true;
}

/* "HOST:CONTAINER" for each member. */
static bool render_pairs(struct container_request *r, const struct render *in,
	struct expression *e, const char *what, struct fault *f)
{
	const char *option = what[0] == 'p' ? "--publish" : "--volume";
	struct buf json = {0};
	struct json key, value;
	if (!e)
		return true;
	bool ok = process_evaluate(e, in, what, JSON_OBJECT, &json, f);
	struct json_iter it = {0};
	if (ok)
		it = json_iter((struct json){json.data, json.len});
	while (ok && json_next_member(&it, &key, &value)) {
		struct buf pair = {0};
		ok = process_value_text(r->base.spec, key, what, &pair, f);
		buf_putc(&pair, ':');
		ok = ok && process_value_text(r->base.spec, value, what, &pair, f);
		add_option(r, option, buf_take(&pair));
	}
	buf_finish(&json);
	return ok;
}

static bool render_after(
	struct container_request *r, const struct render *in, struct fault *f)
{
	const struct container_spec *spec = in->task->spec;
	struct buf json = {0};
	struct error err = {0};
	int64_t usec;
	r->after = -1;
	if (spec->remove)
		list_add(&r->base.argv, xstrdup("--rm"));
	if (!spec->after)
		return true;
	bool ok = expression_eval(spec->after, in->scope, &json, &err);
	if (!ok)
		fault_set(f, PROBLEM_EXPRESSION, "run.container.lifetime.after: %s",
			err.text);
	else if (!duration_read((struct json){json.data, json.len}, &usec, &err))
		ok = fault_set(f, PROBLEM_VALIDATION,
			"run.container.lifetime.after is not a duration: %s", err.text);
	buf_finish(&json);
	if (!ok)
		return false;
	r->after = (usec + 999999) / 1000000;
	add_option(r, "--label",
		xasprintf("stepwell.remove-after=%llds", (long long)r->after));
	return true;
}

/* The variables as options; those that would steer the client leave its environment. */
static bool render_environment(struct container_request *r, struct fault *f)
{
	static const char *const refused[] = {
		"DOCKER_", "CONTAINER_", "CONTAINERS_", NULL};
	struct buf all = r->base.envp;
	char **items = list_items(&all);
	bool ok = true;
	r->base.envp = (struct buf){0};
	add_option(r, "--env", xstrdup("STEPWELL_STEP_ID"));
	for (size_t i = 0; i < list_count(&all); i++) {
		size_t n = strcspn(items[i], "=");
		if (begins_with_one_of(items[i], refused) && ok)
			ok = fault_set(f, PROBLEM_VALIDATION,
				"run.container.environment: %.*s would steer the client "
				"(docker or podman) of this worker",
				(int)n, items[i]);
		if (strncmp(items[i], "STEPWELL_STEP_ID=", n + 1) == 0)
			continue; /* ours counts */
		if (begins_with_one_of(items[i], shown_variables)) {
			add_option(r, "--env", xstrdup(items[i]));
			continue;
		}
		add_option(r, "--env", xstrndup(items[i], n));
		list_add(&r->base.envp, xstrdup(items[i]));
	}
	list_finish(&all);
	return ok;
}

static bool render_image(
	struct container_request *r, const struct render *in, struct fault *f)
{
	const struct container_spec *spec = in->task->spec;
	char *image, *command;
	if (!process_evaluate_text(spec->image, in, "image", &image, f))
		return false;
	list_add(&r->base.argv, image);
	if (!*image || *image == '-')
		return fault_set(f, PROBLEM_VALIDATION,
			"run.container.image must be the name of an image");
	if (!spec->command)
		return true;
	if (!process_evaluate_text(spec->command, in, "command", &command, f))
		return false;
	list_add(&r->base.argv, xstrdup("sh"));
	add_option(r, "-c", command);
	list_add(&r->base.argv, xstrdup("sh"));
	return true;
}

static bool render_all(
	struct container_request *r, const struct render *in, struct fault *f)
{
	const struct container_spec *spec = in->task->spec;
	if (!process_request_init(&r->base, in, f) || !find_client(r, f))
		return false;
	list_add(&r->base.argv, xstrdup("run"));
	if (!render_name(r, in, f) || !process_request_surroundings(&r->base, in, f))
		return false;
	add_option(r, "--pull", xstrdup(spec->pull));
	if (r->base.has_input)
		list_add(&r->base.argv, xstrdup("--interactive"));
	return render_after(r, in, f) && render_pairs(r, in, spec->ports, "ports", f) &&
	       render_pairs(r, in, spec->volumes, "volumes", f) &&
	       render_environment(r, f) && render_image(r, in, f) &&
	       process_request_arguments(&r->base, in, f);
}

static bool render(const struct render *in, struct request **ret, struct fault *f)
{
	struct container_request *r = xcalloc(1, sizeof *r);
	r->base.base.destroy = request_destroy;
	if (!render_all(r, in, f)) {
		request_destroy(&r->base.base);
		return false;
	}
	process_request_seal(&r->base);
	*ret = &r->base.base;
	return true;
}

/* ---- The shell around the client: $1 is the client ---- */

/* Removes what earlier attempts of the step have left. In a subshell, as its variables
 * might be ones that the container is to have. */
static void put_clearing(struct buf *script, const char *step_id)
{
	buf_printf(script,
		"(n=0\n"
		"while left=$(\"$1\" ps --all --quiet --filter label=stepwell.step=%s "
		"</dev/null) || exit\n"
		"[ -n \"$left\" ]; do\n"
		"if [ $n -ge 20 ]; then\n"
		"echo \"the container of an earlier attempt cannot be removed:\" $left "
		">&2\n"
		"exit 1\nfi\n"
		"n=$((n + 1))\n"
		"\"$1\" rm --force $left </dev/null >/dev/null 2>&1 || sleep 0.5\n"
		"done) || exit 125\n",
		step_id);
}

/* Removes the attempt's container; it may take a moment to appear. */
static void put_removal(struct buf *script, const char *attempt, int64_t after)
{
	buf_printf(script,
		"sleep %lld\n"
		"for n in 1 2 3 4 5; do\n"
		"left=$(\"$1\" ps --all --quiet --filter label=stepwell.attempt=%s "
		"</dev/null) &&\n"
		"[ -n \"$left\" ] && \"$1\" rm --force $left </dev/null && exit\n"
		"sleep 1\ndone\n",
		(long long)after, attempt);
}

/* {sh, -c, SCRIPT, sh, CLIENT}: takes the script. */
static void put_shell(
	struct buf *argv, struct buf *script, const struct container_request *r)
{
	list_add(argv, xstrdup("sh"));
	list_add(argv, xstrdup("-c"));
	list_add(argv, buf_take(script));
	list_add(argv, xstrdup("sh"));
	list_add(argv, xstrdup(r->client));
}

/* Starts the process that removes the attempt's container; it outlives this worker. */
static void start_removal(struct effect *effect, const char *attempt, int64_t after)
{
	const struct container_request *r =
		(const struct container_request *)effect->request;
	struct buf script = {0}, argv = {0}, envp = {0};
	bool forked;
	put_removal(&script, attempt, after);
	put_shell(&argv, &script, r);
	list_add(&argv, NULL);
	process_task_environment(effect, &envp);
	struct shell_command command = {
		.argv = list_items(&argv), .envp = list_items(&envp), .detached = true};
	shell_start(effect->host->loop, &command, NULL, NULL, &forked);
	list_finish(&argv);
	list_finish(&envp);
}

/* ---- Effect ---- */

static void on_end(void *ctx, const struct shell_result *end)
{
	struct effect *effect = ctx;
	const struct container_request *r =
		(const struct container_request *)effect->request;
	struct container *container = effect->state;
	bool ran = end->end != SHELL_NOT_STARTED && end->end != SHELL_STARTED;
	bool ended = end->end == SHELL_EXITED && WIFEXITED(end->status);
	if (ran && !ended)
		start_removal(effect, container->attempt, 0);
	else if (ran && r->after >= 0)
		start_removal(effect, container->attempt, r->after);
	free(container);
	effect->state = NULL;
	process_task_conclude(effect, end);
}

/* {sh, -c, SCRIPT, sh, CLIENT, run, ...} */
static void put_argv(struct buf *argv, const struct container_request *r,
	const struct container *container)
{
	struct buf script = {0};
	put_clearing(&script, r->step_id);
	if (!r->base.spec->await && r->after >= 0) {
		buf_puts(&script, "\"$@\"\n");
		put_removal(&script, container->attempt, r->after);
	} else {
		buf_puts(&script, "exec \"$@\"\n");
	}
	put_shell(argv, &script, r);
	for (size_t i = 0; i < list_count(&r->base.argv); i++) {
		list_add(argv, xstrdup(list_items(&r->base.argv)[i]));
		if (i > 0)
			continue;
		list_add(argv, xstrdup("--label"));
		list_add(argv, xasprintf("stepwell.attempt=%s", container->attempt));
	}
	list_add(argv, NULL);
}

static void start(struct effect *effect)
{
	const struct container_request *r =
		(const struct container_request *)effect->request;
	struct container *container = xcalloc(1, sizeof *container);
	struct buf argv = {0}, envp = {0};
	effect->state = container;
	uuid_format(uuid_v4(), container->attempt);
	put_argv(&argv, r, container);
	process_task_environment(effect, &envp);
	struct shell_command command = process_task_command(effect, &argv, &envp);
	container->shell =
		shell_start(effect->host->loop, &command, on_end, effect, &effect->sent);
	list_finish(&argv);
	list_finish(&envp);
}

static void stop(struct effect *effect)
{
	struct container *container = effect->state;
	if (!container)
		return;
	shell_stop(container->shell);
	start_removal(effect, container->attempt, 0);
	free(container);
	effect->state = NULL;
}

static const struct effect_kind effect = {
	.render = render,
	.start = start,
	.stop = stop,
};

const struct task_kind task_run_container = {
	.name = "run:container",
	.compile = compile,
	.effect = &effect,
};
