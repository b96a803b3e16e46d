/*
 * `run: script`: puts the code into a private file and starts the interpreter on it. The
 * rendered argv is {LANGUAGE, CODE, ARGUMENT...}, or {LANGUAGE, CODE, NAMES} with
 * arguments that have names: where interpreter and files lie differs from worker to
 * worker and is no part of the digest.
 */
#include "run_script.h"

#include "process/script_names.h"
#include "process/task.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct language {
	const char *name, *program;
	const char *suffix; /* .mjs is an ES module whatever lies around it */
	const char *loader; /* the option that takes the names' file, or NULL: it goes
			       before the script's */
	void (*put_names)(const char *names, struct buf *out);
	const char *names_suffix;
} languages[] = {
	{"js", "node", "mjs", "--require", script_names_js, "cjs"},
	{"python", "python3", "py", NULL, script_names_python, "py"},
};

enum { LANGUAGES = sizeof languages / sizeof *languages };

struct script_spec {
	struct process_spec base;
	const struct language *language;
	struct json
		code; /* a string, taken as it is; absent: its source is not here yet */
	struct expression *expression; /* instead of it, or NULL */
	bool named;                    /* its arguments have names */
};

struct script_request {
	struct process_request base;
	char *program; /* the interpreter's file in this worker */
};

/* An attempt under way: effect->state. */
struct script {
	struct shell *shell;
	char *scratch[4]; /* the file, that of the names, their folder, NULL; the second
			     is left out where there are none */
	bool unwritten;   /* a file could not be */
};

/* ---- Definition ---- */

/* No program in either language begins with "${". */
static bool is_expression(struct json code)
{
	struct buf text = {0};
	json_string(code, &text);
	const char *s = buf_text(&text);
	s += strspn(s, " \t\r\n");
	bool is = s[0] == '$' && s[1] == '{';
	buf_finish(&text);
	return is;
}

static bool compile(struct compiler *c, struct task *task, struct error *err)
{
	struct json run = json_get(task->node, "run"), script = json_get(run, "script");
	struct script_spec *spec = xcalloc(1, sizeof *spec);
	task->spec = spec;
	for (size_t i = 0; i < LANGUAGES; i++) {
		if (json_string_is(json_get(script, "language"), languages[i].name))
			spec->language = &languages[i];
	}
	struct json source = json_get(json_get(script, "source"), "endpoint");
	spec->code = json_get(script, "code");
	spec->named = json_type(json_get(script, "arguments")) == JSON_OBJECT;
	assert(spec->language && (spec->code.s || source.s));
	if (!process_spec_compile(&spec->base, "script", c, run, err))
		return false;
	if (!spec->code.s)
		return compiler_text(c, source, &spec->code, err);
	return !is_expression(spec->code) ||
	       compiler_expression(
		       c, spec->code, EXPRESSION_VALUE, &spec->expression, err);
}

/* ---- Request ---- */

static void request_destroy(struct request *base)
{
	struct script_request *r = (struct script_request *)base;
	process_request_finish(&r->base);
	free(r->program);
	free(r);
}

static bool find_program(
	struct script_request *r, const struct language *language, struct fault *f)
{
	r->program = process_task_find(language->program);
	if (r->program)
		return true;
	return fault_set(f, PROBLEM_CONFIGURATION,
		"run: script in %s needs the program %s, which is not in this worker's "
		"PATH",
		language->name, language->program);
}

static bool render_code(
	struct script_request *r, const struct render *in, struct fault *f)
{
	const struct script_spec *spec = in->task->spec;
	struct buf text = {0};
	char *code;
	if (spec->expression) {
		if (!process_evaluate_text(spec->expression, in, "code", &code, f))
			return false;
	} else {
		if (!process_value_text(&spec->base, spec->code, "code", &text, f)) {
			buf_finish(&text);
			return false;
		}
		code = buf_take(&text);
	}
	list_add(&r->base.argv, xstrdup(spec->language->name));
	list_add(&r->base.argv, code);
	return true;
}

static bool render_names(
	struct script_request *r, const struct render *in, struct fault *f)
{
	const struct script_spec *spec = in->task->spec;
	struct buf json = {0}, text = {0};
	bool ok = process_evaluate(
			  spec->base.arguments, in, "arguments", JSON_OBJECT, &json, f) &&
		  process_value_text(&spec->base, (struct json){json.data, json.len},
			  "arguments", &text, f);
	if (ok)
		list_add(&r->base.argv, buf_take(&text));
	buf_finish(&text);
	buf_finish(&json);
	return ok;
}

static bool render_arguments(
	struct script_request *r, const struct render *in, struct fault *f)
{
	const struct script_spec *spec = in->task->spec;
	return spec->named ? render_names(r, in, f)
			   : process_request_arguments(&r->base, in, f);
}

static bool render(const struct render *in, struct request **ret, struct fault *f)
{
	const struct script_spec *spec = in->task->spec;
	struct script_request *r = xcalloc(1, sizeof *r);
	r->base.base.destroy = request_destroy;
	if (!process_request_init(&r->base, in, f) ||
		!find_program(r, spec->language, f) || !render_code(r, in, f) ||
		!render_arguments(r, in, f) ||
		!process_request_surroundings(&r->base, in, f)) {
		request_destroy(&r->base.base);
		return false;
	}
	process_request_seal(&r->base);
	*ret = &r->base.base;
	return true;
}

/* ---- The files ---- */

static bool write_all(const char *path, const char *s, size_t n)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	ssize_t written = 0;
	while (fd >= 0 && n && written >= 0) {
		written = write(fd, s, n);
		s += written > 0 ? written : 0;
		n -= written > 0 ? (size_t)written : 0;
	}
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
	return fd >= 0 && n == 0;
}

static const char *script_place(void)
{
	const char *place = getenv("TMPDIR");
	return place && *place == '/' ? place : "/tmp";
}

static bool write_names(
	const char *path, const struct language *language, const char *names)
{
	struct buf text = {0};
	language->put_names(names, &text);
	bool ok = write_all(path, text.data, text.len);
	int saved = errno;
	buf_finish(&text);
	errno = saved;
	return ok;
}

/* False: errno says why. What was made is removed by script_destroy. */
static bool script_write(struct script *s, const struct script_request *r)
{
	const struct script_spec *spec = (const struct script_spec *)r->base.spec;
	const struct language *language = spec->language;
	char *const *argv = list_items(&r->base.argv);
	char *folder = xasprintf("%s/stepwell-XXXXXX", script_place());
	if (!mkdtemp(folder)) {
		free(folder);
		return false;
	}
	s->scratch[0] = xasprintf("%s/script.%s", folder, language->suffix);
	if (spec->named)
		s->scratch[1] =
			xasprintf("%s/script-names.%s", folder, language->names_suffix);
	s->scratch[spec->named ? 2 : 1] = folder;
	return write_all(s->scratch[0], argv[1], strlen(argv[1])) &&
	       (!spec->named || write_names(s->scratch[1], language, argv[2]));
}

/* keep: a process that is not awaited removes its files itself. */
static void script_destroy(struct script *s, bool keep)
{
	for (char **path = s->scratch; *path; path++) {
		if (!keep && unlink(*path) != 0)
			rmdir(*path);
		free(*path);
	}
	free(s);
}

/* ---- Effect ---- */

static void on_end(void *ctx, const struct shell_result *end)
{
	struct effect *effect = ctx;
	bool unwritten = ((struct script *)effect->state)->unwritten;
	script_destroy(effect->state, end->end == SHELL_STARTED);
	effect->state = NULL;
	if (!unwritten) {
		process_task_conclude(effect, end);
		return;
	}
	effect->sent = false;
	fault_set(effect_fault(effect), PROBLEM_RUNTIME,
		"the script's file cannot be written below %.200s: %s; give the worker a "
		"TMPDIR that it can write to (in a container: a tmpfs)",
		script_place(), strerror(end->errnum));
	effect_fail(effect);
}

/* {"sh", ..., FOLDER}: a shell removes the files afterwards. */
static void put_removing(struct buf *argv, const char *file)
{
	static const char *const removing[] = {"sh", "-c",
		"folder=$1\nshift\n\"$@\"\n"
		"rm -f -- \"$folder\"/script.mjs \"$folder\"/script.py "
		"\"$folder\"/script-names.cjs \"$folder\"/script-names.py\n"
		"rmdir -- \"$folder\"",
		"sh"};
	for (size_t i = 0; i < sizeof removing / sizeof *removing; i++)
		list_add(argv, xstrdup(removing[i]));
	list_add(argv, xstrndup(file, (size_t)(strrchr(file, '/') - file)));
}

/* {PROGRAM, FILE, ARGUMENT...}, or {PROGRAM, [OPTION,] NAMES, FILE}. */
static void put_argv(struct buf *argv, const struct script_request *r, char *const *files)
{
	const struct script_spec *spec = (const struct script_spec *)r->base.spec;
	if (!spec->base.await)
		put_removing(argv, files[0]);
	list_add(argv, xstrdup(r->program));
	if (spec->named && spec->language->loader)
		list_add(argv, xstrdup(spec->language->loader));
	if (spec->named)
		list_add(argv, xstrdup(files[1]));
	list_add(argv, xstrdup(files[0]));
	for (size_t i = 2; !spec->named && i < list_count(&r->base.argv); i++)
		list_add(argv, xstrdup(list_items(&r->base.argv)[i]));
	list_add(argv, NULL);
}

static struct shell *launch(struct effect *effect, struct script *s)
{
	const struct script_request *r = (const struct script_request *)effect->request;
	struct buf argv = {0}, envp = {0};
	put_argv(&argv, r, s->scratch);
	process_task_environment(effect, &envp);
	struct shell_command command = process_task_command(effect, &argv, &envp);
	command.program = r->base.spec->await ? r->program : NULL;
	command.scratch = s->scratch;
	struct shell *shell =
		shell_start(effect->host->loop, &command, on_end, effect, &effect->sent);
	list_finish(&argv);
	list_finish(&envp);
	return shell;
}

/* The worker's folder for files of a moment: which, and what to do, is said. */
static void fail_to_write(struct effect *effect, struct script *s, int errnum)
{
	s->unwritten = true;
	s->shell = shell_fail(effect->host->loop, errnum, on_end, effect);
}

static void start(struct effect *effect)
{
	const struct script_request *r = (const struct script_request *)effect->request;
	struct script *s = xcalloc(1, sizeof *s);
	effect->state = s;
	if (script_write(s, r))
		s->shell = launch(effect, s);
	else
		fail_to_write(effect, s, errno);
}

static void stop(struct effect *effect)
{
	struct script *s = effect->state;
	if (!s)
		return;
	shell_stop(s->shell);
	script_destroy(s, false);
	effect->state = NULL;
}

static const struct effect_kind effect = {
	.render = render,
	.start = start,
	.stop = stop,
};

const struct task_kind task_run_script = {
	.name = "run:script",
	.compile = compile,
	.effect = &effect,
};
