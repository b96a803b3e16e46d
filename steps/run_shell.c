/*
 * `run: shell`: renders the command line, hands it to shell.c and makes a result or a
 * fault of its end. Texts go to the process as they are: nothing is quoted, trimmed or
 * parsed.
 */
#include "run_shell.h"

#include "shell.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#define OUTPUT_LIMIT_DEFAULT (1u << 20)
#define STDERR_TAIL 300 /* bytes of stderr in a fault's detail */

enum shell_return { RETURN_STDOUT, RETURN_STDERR, RETURN_CODE, RETURN_ALL, RETURN_NONE };

static const char *const return_names[] = {"stdout", "stderr", "code", "all", "none"};

struct shell_spec {
	struct expression *command;
	struct expression *arguments;   /* gives an array, or NULL */
	struct expression *environment; /* gives an object, or NULL */
	struct expression *input;       /* or NULL: no stdin */
	enum shell_return ret;
	bool await;
};

struct shell_request {
	struct request base;
	struct buf argv; /* of char *, NULL-ended, each on the heap */
	struct buf envp; /* of char *, "NAME=value", without an end */
	struct buf input;
	bool has_input;
	struct buf dot; /* the output where nothing is awaited */
	enum shell_return ret;
	bool await;
};

/* ---- Definition ---- */

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json run = json_get(task->node, "run");
	struct json shell = json_get(run, "shell");
	struct json ret = json_get(run, "return");
	struct shell_spec *spec = xcalloc(1, sizeof *spec);
	task->spec = spec;
	spec->await = !json_is(json_get(run, "await"), "false");
	for (enum shell_return r = RETURN_STDOUT; r <= RETURN_NONE; r++) {
		if (json_string_is(ret, return_names[r]))
			spec->ret = r;
	}
	compiler_need(c, "shell");
	return compiler_expression(c, json_get(shell, "command"), EXPRESSION_VALUE,
		       &spec->command, err) &&
	       compiler_expression(c, json_get(shell, "arguments"), EXPRESSION_VALUE,
		       &spec->arguments, err) &&
	       compiler_expression(c, json_get(shell, "environment"), EXPRESSION_VALUE,
		       &spec->environment, err) &&
	       compiler_expression(
		       c, json_get(shell, "stdin"), EXPRESSION_VALUE, &spec->input, err);
}

/* ---- Request ---- */

static void list_add(struct buf *list, char *item)
{
	buf_add(list, &item, sizeof item);
}

/* Whether the list has a variable with the name of this one ("NAME" or "NAME=value"). */
static bool list_has(const struct buf *list, const char *variable)
{
	char *const *items = (char *const *)(void *)list->data;
	size_t n = strcspn(variable, "=");
	for (size_t i = 0; i < list->len / sizeof *items; i++) {
		if (strncmp(items[i], variable, n) == 0 && items[i][n] == '=')
			return true;
	}
	return false;
}

static void list_finish(struct buf *list)
{
	char **items = (char **)(void *)list->data;
	for (size_t i = 0; i < list->len / sizeof *items; i++)
		free(items[i]);
	buf_finish(list);
}

static void request_destroy(struct request *base)
{
	struct shell_request *r = (struct shell_request *)base;
	if (!r)
		return;
	list_finish(&r->argv);
	list_finish(&r->envp);
	buf_finish(&r->input);
	buf_finish(&r->dot);
	free(r);
}

/* A value as a process can take it: a string's content, of all else the JSON text. */
static bool value_text(struct json v, const char *what, struct buf *out, struct fault *f)
{
	buf_puts(out, ""); /* an empty text is terminated too */
	if (json_type(v) == JSON_STRING)
		json_string(v, out);
	else
		json_canonical(v, out);
	if (out->len && memchr(out->data, '\0', out->len))
		return fault_set(f, PROBLEM_VALIDATION,
			"run.shell.%s contains a NUL character, which no process can be "
			"given",
			what);
	return true;
}

static bool evaluate(struct expression *e, const struct render *in, const char *what,
	struct buf *out, struct fault *f)
{
	struct error err = {0};
	if (expression_eval(e, in->scope, out, &err))
		return true;
	return fault_set(f, PROBLEM_EXPRESSION, "run.shell.%s: %s", what, err.text);
}

/* Evaluates what must be a value of this type. */
static bool evaluate_typed(struct expression *e, const struct render *in,
	const char *what, enum json_type type, struct buf *out, struct fault *f)
{
	if (!evaluate(e, in, what, out, f))
		return false;
	if (json_type((struct json){out->data, out->len}) == type)
		return true;
	return fault_set(f, PROBLEM_VALIDATION, "run.shell.%s must be %s", what,
		type == JSON_STRING  ? "a string"
		: type == JSON_ARRAY ? "an array"
				     : "an object");
}

static bool render_command(
	struct shell_request *r, const struct render *in, struct fault *f)
{
	const struct shell_spec *spec = in->task->spec;
	struct buf json = {0}, text = {0};
	bool ok = evaluate_typed(spec->command, in, "command", JSON_STRING, &json, f) &&
		  value_text((struct json){json.data, json.len}, "command", &text, f);
	buf_finish(&json);
	list_add(&r->argv, xstrdup("sh"));
	list_add(&r->argv, xstrdup("-c"));
	list_add(&r->argv, buf_take(&text));
	list_add(&r->argv, xstrdup("sh"));
	return ok;
}

static bool render_arguments(
	struct shell_request *r, const struct render *in, struct fault *f)
{
	const struct shell_spec *spec = in->task->spec;
	if (!spec->arguments)
		return true;
	struct buf json = {0};
	struct json element;
	bool ok = evaluate_typed(spec->arguments, in, "arguments", JSON_ARRAY, &json, f);
	struct json_iter it = {0};
	if (ok)
		it = json_iter((struct json){json.data, json.len});
	while (ok && json_next_element(&it, &element)) {
		struct buf text = {0};
		ok = value_text(element, "arguments", &text, f);
		list_add(&r->argv, buf_take(&text));
	}
	buf_finish(&json);
	return ok;
}

/* [A-Za-z_][A-Za-z0-9_]*: what every shell can name. */
static bool name_is_valid(const struct buf *name)
{
	static const char first[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	if (!name->len || !memchr(first, name->data[0], sizeof first - 1))
		return false;
	for (size_t i = 1; i < name->len; i++) {
		char c = name->data[i];
		if (!memchr(first, c, sizeof first - 1) && (c < '0' || c > '9'))
			return false;
	}
	return true;
}

static bool render_variable(
	struct shell_request *r, struct json key, struct json value, struct fault *f)
{
	struct buf text = {0};
	json_string(key, &text);
	bool ok = name_is_valid(&text);
	if (!ok) {
		fault_set(f, PROBLEM_VALIDATION,
			"run.shell.environment: %.*s is not a name of letters, digits "
			"and _",
			(int)(key.n < 200 ? key.n : 200), key.s);
	} else {
		buf_putc(&text, '=');
		ok = value_text(value, "environment", &text, f);
	}
	list_add(&r->envp, buf_take(&text));
	return ok;
}

static bool render_environment(
	struct shell_request *r, const struct render *in, struct fault *f)
{
	const struct shell_spec *spec = in->task->spec;
	if (!spec->environment)
		return true;
	struct buf json = {0};
	struct json key, value;
	bool ok = evaluate_typed(
		spec->environment, in, "environment", JSON_OBJECT, &json, f);
	struct json_iter it = {0};
	if (ok)
		it = json_iter((struct json){json.data, json.len});
	while (ok && json_next_member(&it, &key, &value))
		ok = render_variable(r, key, value, f);
	buf_finish(&json);
	return ok;
}

static bool render_input(
	struct shell_request *r, const struct render *in, struct fault *f)
{
	const struct shell_spec *spec = in->task->spec;
	r->has_input = spec->input;
	if (!spec->input)
		return true;
	struct buf json = {0};
	bool ok = evaluate(spec->input, in, "stdin", &json, f) &&
		  value_text((struct json){json.data, json.len}, "stdin", &r->input, f);
	buf_finish(&json);
	return ok;
}

static void put_list(struct buf *out, const struct buf *list)
{
	char *const *items = (char *const *)(void *)list->data;
	size_t count = list->len / sizeof *items;
	buf_printf(out, "%zu:", count);
	for (size_t i = 0; i < count; i++)
		buf_printf(out, "%zu:%s", strlen(items[i]), items[i]);
}

/* Every part is preceded by its length, so no two requests have the same text. */
static void request_digest(struct shell_request *r)
{
	struct buf text = {0};
	uint8_t sha[32];
	put_list(&text, &r->argv);
	put_list(&text, &r->envp);
	buf_printf(&text, "%d:%zu:%s", r->has_input, r->input.len, buf_text(&r->input));
	buf_printf(&text, "%s:%d", return_names[r->ret], r->await);
	digest_sha256(text.data, text.len, sha);
	memcpy(r->base.digest, sha, sizeof r->base.digest);
	buf_finish(&text);
}

static bool render(const struct render *in, struct request **ret, struct fault *f)
{
	const struct shell_spec *spec = in->task->spec;
	if (!in->host->settings->allow_run)
		return fault_set(f, PROBLEM_CONFIGURATION,
			"run: shell is off in this worker: start it with --allow-run");
	struct shell_request *r = xcalloc(1, sizeof *r);
	r->base.destroy = request_destroy;
	r->ret = spec->ret;
	r->await = spec->await;
	if (!render_command(r, in, f) || !render_arguments(r, in, f) ||
		!render_environment(r, in, f) || !render_input(r, in, f)) {
		request_destroy(&r->base);
		return false;
	}
	if (!r->await)
		json_put(&r->dot, in->scope->dot);
	request_digest(r);
	list_add(&r->argv, NULL);
	*ret = &r->base;
	return true;
}

/* ---- Outcome ---- */

/* Bytes of the valid UTF-8 sequence at s (RFC 3629), 0 if there is none. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
	size_t len = s[0] < 0x80   ? 1
		     : s[0] < 0xC2 ? 0
		     : s[0] < 0xE0 ? 2
		     : s[0] < 0xF0 ? 3
				   : 4;
	if (!len || len > n || s[0] > 0xF4)
		return 0;
	for (size_t i = 1; i < len; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	}
	bool overlong = (s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xF0 && s[1] < 0x90);
	bool beyond = (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF4 && s[1] > 0x8F);
	return overlong || beyond ? 0 : len;
}

/* What a process wrote, as UTF-8: each byte that is not becomes U+FFFD. */
static void put_utf8(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n;) {
		size_t len = utf8_sequence((const unsigned char *)s + i, n - i);
		if (len)
			buf_add(out, s + i, len);
		else
			buf_puts(out, "\xEF\xBF\xBD");
		i += len ? len : 1;
	}
}

static void put_output(struct buf *out, const struct buf *written)
{
	struct buf text = {0};
	put_utf8(&text, buf_text(written), written->len);
	json_put_string(out, buf_text(&text), text.len);
	buf_finish(&text);
}

/* As a shell says it: a process that was killed by a signal has the code 128 + number. */
static int exit_code(int status)
{
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void put_result(
	struct buf *out, enum shell_return ret, const struct shell_result *end)
{
	switch (ret) {
	case RETURN_STDOUT: put_output(out, &end->out); break;
	case RETURN_STDERR: put_output(out, &end->err); break;
	case RETURN_CODE: buf_printf(out, "%d", exit_code(end->status)); break;
	case RETURN_ALL:
		buf_printf(out, "{\"code\":%d,\"stdout\":", exit_code(end->status));
		put_output(out, &end->out);
		buf_puts(out, ",\"stderr\":");
		put_output(out, &end->err);
		buf_putc(out, '}');
		break;
	case RETURN_NONE: buf_puts(out, "null"); break;
	}
}

static void put_stderr_tail(struct buf *out, const struct buf *err)
{
	size_t end = err->len;
	while (end && (err->data[end - 1] == '\n' || err->data[end - 1] == '\r'))
		end--;
	size_t start = end > STDERR_TAIL ? end - STDERR_TAIL : 0;
	while (start && start < end && (err->data[start] & 0xC0) == 0x80)
		start++;
	if (start < end) {
		buf_puts(out, ": ");
		put_utf8(out, err->data + start, end - start);
	}
}

static void set_exit_fault(struct fault *f, const struct shell_result *end)
{
	struct buf text = {0};
	if (WIFSIGNALED(end->status))
		buf_printf(&text, "the shell was killed by signal %d (%s)",
			WTERMSIG(end->status), strsignal(WTERMSIG(end->status)));
	else
		buf_printf(&text, "the shell ended with exit code %d",
			WEXITSTATUS(end->status));
	put_stderr_tail(&text, &end->err);
	fault_set(f, PROBLEM_RUNTIME, "%s", buf_text(&text));
	buf_finish(&text);
}

static bool judge(struct effect *effect, const struct shell_result *end)
{
	const struct shell_request *r = (const struct shell_request *)effect->request;
	struct fault *f = &effect->fault;
	switch (end->end) {
	case SHELL_NOT_STARTED:
		effect->sent = false;
		return fault_set(f, PROBLEM_RUNTIME,
			"the shell could not be started: %s%s", strerror(end->errnum),
			end->errnum == E2BIG ? " (pass large data by stdin)" : "");
	case SHELL_STARTED:
		buf_add(&effect->output, r->dot.data, r->dot.len);
		return true;
	case SHELL_EXITED: break;
	case SHELL_OVER_LIMIT:
		return fault_set(f, PROBLEM_RUNTIME,
			"the shell was killed: it wrote more than the limit of a step's "
			"output");
	case SHELL_LOST:
		f->uncertain = true;
		return fault_set(f, PROBLEM_RUNTIME,
			"the shell was lost: the process that watched it has been "
			"killed");
	}
	if (end->status != 0 && r->ret != RETURN_CODE && r->ret != RETURN_ALL) {
		set_exit_fault(f, end);
		return false;
	}
	put_result(&effect->output, r->ret, end);
	return true;
}

static void on_end(void *ctx, const struct shell_result *end)
{
	struct effect *effect = ctx;
	effect->state = NULL;
	if (judge(effect, end))
		effect_succeed(effect);
	else
		effect_fail(effect);
}

/* ---- Effect ---- */

/* Ours, then what the definition says, then what is inherited; the first of a name
 * counts. */
static void put_environment(struct buf *envp, const struct effect *effect)
{
	const struct shell_request *r = (const struct shell_request *)effect->request;
	static char path[] = "PATH";
	static char *const only_path[] = {path, NULL};
	char *const *names = effect->host->settings->shell_environment;
	list_add(envp, xasprintf("STEPWELL_STEP_ID=%s", effect->step_id));
	char *const *own = (char *const *)(void *)r->envp.data;
	for (size_t i = 0; i < r->envp.len / sizeof *own; i++) {
		if (!list_has(envp, own[i]))
			list_add(envp, xstrdup(own[i]));
	}
	for (names = names ? names : only_path; *names; names++) {
		const char *value = getenv(*names);
		if (value && !list_has(envp, *names))
			list_add(envp, xasprintf("%s=%s", *names, value));
	}
}

static void start(struct effect *effect)
{
	const struct shell_request *r = (const struct shell_request *)effect->request;
	const struct settings *settings = effect->host->settings;
	struct buf envp = {0};
	put_environment(&envp, effect);
	list_add(&envp, NULL);
	struct shell_command command = {
		.argv = (char *const *)(void *)r->argv.data,
		.envp = (char *const *)(void *)envp.data,
		.input = r->has_input ? buf_text(&r->input) : NULL,
		.input_len = r->input.len,
		.detached = !r->await,
		.limit = settings->body_limit ? settings->body_limit
					      : OUTPUT_LIMIT_DEFAULT,
	};
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
