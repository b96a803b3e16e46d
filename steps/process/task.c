/*
 * What surrounds a process of a `run` task, and what is made of its end: a result by
 * `return`, or a fault.
 */
#include "process/task.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTPUT_LIMIT_DEFAULT (1u << 20)
#define STDERR_TAIL 300 /* bytes of stderr in a fault's detail */

static const struct process_request *request_of(const struct effect *effect)
{
	return (const struct process_request *)effect->request;
}

/* ---- Before ---- */

char *process_task_find(const char *program)
{
	const char *path = getenv("PATH");
	while (path && *path) {
		size_t n = strcspn(path, ":");
		char *file = xasprintf("%.*s/%s", (int)n, path, program);
		if (*file == '/' && n && access(file, X_OK) == 0)
			return file;
		free(file);
		path += n + (path[n] == ':');
	}
	return NULL;
}

/* Whether the list has a variable with the name of this one ("NAME" or "NAME=value"). */
static bool list_has(const struct buf *list, const char *variable)
{
	size_t n = strcspn(variable, "=");
	for (size_t i = 0; i < list_count(list); i++) {
		const char *item = list_items(list)[i];
		if (strncmp(item, variable, n) == 0 && item[n] == '=')
			return true;
	}
	return false;
}

void process_task_environment(const struct effect *effect, struct buf *ret)
{
	static char path[] = "PATH";
	static char *const only_path[] = {path, NULL};
	const struct buf *own = &request_of(effect)->envp;
	char *const *names = effect->host->settings->shell_environment;
	list_add(ret, xasprintf("STEPWELL_STEP_ID=%s", effect->step_id));
	for (size_t i = 0; i < list_count(own); i++) {
		if (!list_has(ret, list_items(own)[i]))
			list_add(ret, xstrdup(list_items(own)[i]));
	}
	for (names = names ? names : only_path; *names; names++) {
		const char *value = getenv(*names);
		if (value && !list_has(ret, *names))
			list_add(ret, xasprintf("%s=%s", *names, value));
	}
	list_add(ret, NULL);
}

struct shell_command process_task_command(
	const struct effect *effect, const struct buf *argv, const struct buf *envp)
{
	const struct process_request *r = request_of(effect);
	size_t limit = effect->host->settings->body_limit;
	return (struct shell_command){
		.argv = list_items(argv),
		.envp = list_items(envp),
		.input = r->has_input ? buf_text(&r->input) : NULL,
		.input_len = r->input.len,
		.detached = !r->spec->await,
		.limit = limit ? limit : OUTPUT_LIMIT_DEFAULT,
	};
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
	struct buf *out, enum process_return ret, const struct shell_result *end)
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

/* Where the interpreter was says less than why: Node.js puts its stack behind the
 * message, which the tail would lose. */
static bool is_of_stack(const char *line, size_t n)
{
	size_t blank = 0;
	while (blank < n && (line[blank] == ' ' || line[blank] == '\t'))
		blank++;
	return blank == n ||
	       (blank && n - blank > 3 && !memcmp(line + blank, "at ", 3)) ||
	       (n > 9 && !memcmp(line, "Node.js v", 9));
}

static void drop_stack(struct buf *out, const struct buf *err)
{
	for (size_t i = 0; i < err->len;) {
		const char *line = err->data + i, *end = memchr(line, '\n', err->len - i);
		size_t n = end ? (size_t)(end - line) : err->len - i;
		if (!is_of_stack(line, n))
			buf_add(out, line, n + (end != NULL));
		i += n + 1;
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

/* What it wrote is not repeated where it was given secrets. */
static void set_exit_fault(struct effect *effect, const struct shell_result *end)
{
	const char *key = request_of(effect)->spec->key;
	struct buf text = {0}, shown = {0};
	if (WIFSIGNALED(end->status))
		buf_printf(&text, "the %s was killed by signal %d (%s)", key,
			WTERMSIG(end->status), strsignal(WTERMSIG(end->status)));
	else
		buf_printf(&text, "the %s ended with exit code %d", key,
			WEXITSTATUS(end->status));
	if (effect->task->secrets.n == 0) {
		drop_stack(&shown, &end->err);
		put_stderr_tail(&text, &shown);
	}
	fault_set(effect_fault(effect), PROBLEM_RUNTIME, "%s", buf_text(&text));
	buf_finish(&text);
	buf_finish(&shown);
}

/* Whoever asks for the code, or for what stands on stderr, judges them himself. */
static bool takes_failure(enum process_return ret)
{
	return ret == RETURN_CODE || ret == RETURN_ALL || ret == RETURN_STDERR;
}

static bool judge(struct effect *effect, const struct shell_result *end)
{
	const struct process_spec *spec = request_of(effect)->spec;
	switch (end->end) {
	case SHELL_NOT_STARTED:
		effect->sent = false;
		return fault_set(effect_fault(effect), PROBLEM_RUNTIME,
			"the %s could not be started: %s%s", spec->key,
			strerror(end->errnum),
			end->errnum == E2BIG ? " (pass large data by stdin)" : "");
	case SHELL_STARTED:
		buf_add(&effect->output, request_of(effect)->dot.data,
			request_of(effect)->dot.len);
		return true;
	case SHELL_EXITED: break;
	case SHELL_OVER_LIMIT:
		effect_fault(effect)->uncertain = true;
		return fault_set(effect_fault(effect), PROBLEM_RUNTIME,
			"the %s was killed: it wrote more than --body-limit of the "
			"worker "
			"lets a step give",
			spec->key);
	case SHELL_LOST:
		effect_fault(effect)->uncertain = true;
		return fault_set(effect_fault(effect), PROBLEM_RUNTIME,
			"the %s was lost: the process that watched it has been "
			"killed",
			spec->key);
	}
	if (end->status != 0 && !takes_failure(spec->ret)) {
		set_exit_fault(effect, end);
		return false;
	}
	put_result(&effect->output, spec->ret, end);
	return true;
}

void process_task_conclude(struct effect *effect, const struct shell_result *end)
{
	if (judge(effect, end))
		effect_succeed(effect);
	else
		effect_fail(effect);
}
