/* wfctl apply: registers definitions, all of them or none. */
#include "command.h"
#include "database.h"
#include "definition/catalog.h"
#include "definition_file.h"
#include "http/reach.h"
#include "output.h"
#include "resolve.h"
#include "worker_flags.h"

#include <stdlib.h>
#include <string.h>

#define FUNCTION_MAX (4u << 20)

struct batch {
	struct definition_file *files;
	size_t count;
};

static void batch_finish(struct batch *b)
{
	for (size_t i = 0; i < b->count; i++)
		definition_file_finish(&b->files[i]);
	free(b->files);
}

/* Every file is judged, so that one pass shows all that is wrong. */
static int load(const struct options *o, struct batch *b)
{
	int result = EXIT_DONE;
	for (const char **path = o->arguments; *path; path++) {
		struct error err;
		char **files;
		if (!definition_file_expand(*path, &files, &err)) {
			result = command_fail(&err);
			continue;
		}
		for (char **file = files; *file; file++) {
			b->files = xrealloc(b->files, (b->count + 1) * sizeof *b->files);
			int code = definition_file_load(*file, &b->files[b->count]);
			if (code == EXIT_DONE)
				b->count++;
			else
				result = code;
			free(*file);
		}
		free(files);
	}
	return result;
}

static bool apply_all(
	struct db_client *c, const struct batch *b, bool *new, struct error *err)
{
	if (!admin_begin(c, err))
		return false;
	for (size_t i = 0; i < b->count; i++) {
		if (!admin_apply(c, b->files[i].definition, &new[i], err)) {
			error_prefix(err, "%s", b->files[i].path);
			admin_rollback(c);
			return false;
		}
	}
	return admin_commit(c, err);
}

static void print_applied(
	const struct definition_file *f, bool new, struct output_list *l)
{
	const struct definition *d = f->definition;
	if (l->form == OUTPUT_TEXT) {
		output_print("%s/%s:%s  %s\n", d->namespace, d->name, d->version,
			new ? "registered" : "unchanged");
		return;
	}
	cJSON *object = cJSON_CreateObject();
	object_text(object, "file", f->path);
	object_workflow(object, d->namespace, d->name, d->version);
	object_text(object, "result", new ? "registered" : "unchanged");
	output_item(l, object);
}

static int resolve_all(
	struct db_client *c, const struct batch *b, const struct settings *ways)
{
	int code = EXIT_DONE;
	for (size_t i = 0; i < b->count; i++) {
		struct error err;
		if (resolve_file(&b->files[i], c, ways, &err))
			continue;
		code = command_fail(&err);
	}
	return code;
}

static int apply(
	const struct options *o, const struct batch *b, const struct settings *ways)
{
	struct database d;
	struct error err;
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE)
		return code;
	struct output_list l = {.form = output_form(o)};
	bool *new = xcalloc(b->count + 1, sizeof *new);
	code = resolve_all(d.client, b, ways);
	if (code == EXIT_DONE && !apply_all(d.client, b, new, &err))
		code = command_fail(&err);
	for (size_t i = 0; code == EXIT_DONE && i < b->count; i++)
		print_applied(&b->files[i], new[i], &l);
	output_list_end(&l, code == EXIT_DONE);
	free(new);
	database_close(&d);
	return code;
}

/* ---- A function of the default catalog ---- */

static void print_function(const struct admin_function *f, bool new, enum output form)
{
	struct output_list l = {.form = form};
	if (form == OUTPUT_TEXT) {
		output_print("%s:%s@default  %s\n", f->name, f->version,
			new ? "registered" : "unchanged");
		return;
	}
	cJSON *object = cJSON_CreateObject();
	cJSON *function = cJSON_AddObjectToObject(object, "function");
	object_text(function, "name", f->name);
	object_text(function, "version", f->version);
	object_text(object, "result", new ? "registered" : "unchanged");
	output_item(&l, object);
	output_list_end(&l, true);
}

static int add_function(const struct options *o, struct admin_function *f)
{
	struct database d;
	struct error err;
	bool new;
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE)
		return code;
	if (!admin_add_function(d.client, f, &new, &err))
		code = command_fail(&err);
	else
		print_function(f, new, output_form(o));
	database_close(&d);
	return code;
}

static int apply_function(const struct options *o)
{
	const char *given = options_text(o, "function"), *path = o->arguments[0];
	char *name, *version, *text, *json;
	struct error err;
	size_t n;
	if (o->arguments[1] || !catalog_split(given, strlen(given), &name, &version))
		return command_misuse(o, "--function takes NAME:VERSION and one FILE");
	int code = EXIT_DONE;
	struct admin_function f = {.name = name, .version = version};
	if (!file_read(path, FUNCTION_MAX, &text, &n, &err)) {
		code = command_fail(&err);
	} else if (!resolve_function_text(text, n, JSON_LITERAL("{}"), &json, &err)) {
		error_prefix(&err, "%s", path);
		code = command_fail(&err);
		free(text);
	} else {
		f.document = (struct json){json, strlen(json)};
		code = add_function(o, &f);
		free(json);
		free(text);
	}
	free(name);
	free(version);
	return code;
}

static int run(const struct options *o)
{
	if (options_given(o, "function"))
		return apply_function(o);
	struct batch b = {0};
	struct settings ways = {0};
	struct error err;
	if (!ways_read(o, &ways, &err))
		return command_misuse(o, "%s", err.text);
	int code = load(o, &b);
	if (code == EXIT_DONE)
		code = apply(o, &b, &ways);
	batch_finish(&b);
	http_reach_destroy(ways.reach);
	return code;
}

static const struct option options[] = {
	{"function", 0, OPTION_TEXT, "NAME:VERSION",
		"add FILE, a task, to the default catalog as that function"},
	OPTIONS_REACH, OPTION_ROW_DB, OPTION_ROW_OUTPUT, OPTION_ROW_HELP, {0}};

const struct command command_apply = {
	.name = "apply",
	.arguments = "FILE|DIR|-...",
	.summary = "register definitions",
	.help = "All .json, .yaml and .yml files of a DIR; all are registered, or "
		"none. A registered\n"
		"version never changes: the same version with other content is refused "
		"(exit 5).\n"
		"The functions, API descriptions and schemas that it refers to are read "
		"now, and kept\n"
		"with it. In JSON: an array with an object per file: file, workflow, "
		"result.\n",
	.options = options,
	.least = 1,
	.most = -1,
	.run = run,
};
