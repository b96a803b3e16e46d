/* wfctl graph: the picture of a workflow, or of a run with the states of its tasks. */
#include "command.h"
#include "database.h"
#include "definition_file.h"
#include "output.h"

#include "graph/layout.h"
#include "graph/state.h"
#include "graph/write.h"

#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- Writing ---- */

static const char *form_of(const struct options *o)
{
	const char *output = options_text(o, "output");
	const char *format = options_text(o, "format");
	return format ? format : output ? output : "text";
}

static bool locale_is_utf8(void)
{
	setlocale(LC_CTYPE, "");
	bool is = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	setlocale(LC_CTYPE, "C");
	return is;
}

/* Takes the graph. */
static void print_graph(struct graph *g, const char *form)
{
	struct buf out = {0};
	if (strcmp(form, "svg") == 0) {
		graph_layout(g);
		graph_svg(g, &out);
	} else if (strcmp(form, "mermaid") == 0) {
		graph_mermaid(g, &out);
	} else if (strcmp(form, "json") == 0) {
		graph_json(g, &out);
	} else if (strcmp(form, "dot") == 0) {
		graph_dot(g, &out);
	} else {
		struct graph_terminal terminal = {
			.ascii = !locale_is_utf8(), .colours = output_has_colours()};
		graph_text(g, &terminal, &out);
	}
	fwrite(buf_text(&out), 1, out.len, stdout);
	buf_finish(&out);
	graph_destroy(g);
}

/* ---- What is drawn ---- */

static int draw_file(const char *path, const char *form)
{
	struct definition_file f;
	struct json document;
	struct error err;
	if (!definition_file_open(path, &f, &err))
		return command_fail(&err);
	bool valid = definition_file_valid(&f, false) &&
		     json_check(f.text, f.n, NULL, &document, NULL, &err);
	if (valid)
		print_graph(graph_create(document, (struct json){0}), form);
	else
		definition_file_print(&f, false, false);
	definition_file_finish(&f);
	return valid ? EXIT_DONE : EXIT_INVALID;
}

/* A registered definition; run and steps may be NULL. */
static bool draw_registered(struct db_client *c, const char *name, const char *form,
	const struct admin_run *run, const struct admin_steps *steps, struct error *err)
{
	struct admin_definition w;
	struct json document, resources = {0};
	struct json_limits limits = {.bytes = SIZE_MAX, .depth = 1000};
	if (!admin_find_definition(c, name, &w, err))
		return false;
	bool ok = json_check(w.document, strlen(w.document), &limits, &document, NULL,
			  err) &&
		  (!w.resources || json_check(w.resources, strlen(w.resources), &limits,
					   &resources, NULL, err));
	if (ok) {
		struct graph *g = graph_create(document, resources);
		if (run)
			graph_mark(g, run, steps);
		print_graph(g, form);
	}
	admin_definition_finish(&w);
	return ok;
}

static int draw_workflow(const struct options *o, const char *name)
{
	struct database d;
	struct error err;
	int code = database_open(o, DATABASE_READY, &d);
	if (code != EXIT_DONE)
		return code;
	if (!draw_registered(d.client, name, form_of(o), NULL, NULL, &err))
		code = command_fail(&err);
	database_close(&d);
	return code;
}

static bool draw_steps(
	struct db_client *c, struct uuid id, const char *form, struct error *err)
{
	struct admin_run run;
	struct admin_steps steps = {0};
	if (!admin_find_run(c, id, &run, err))
		return false;
	char *name = xasprintf("%s/%s:%s", run.namespace, run.name, run.version);
	bool ok = admin_find_steps(c, id, &steps, err) &&
		  draw_registered(c, name, form, &run, &steps, err);
	free(name);
	admin_steps_finish(&steps);
	admin_run_finish(&run);
	return ok;
}

static int draw_run(const struct options *o, const char *name)
{
	struct database d;
	struct uuid id;
	struct error err;
	int code = database_open_run(o, name, &d, &id);
	if (code != EXIT_DONE)
		return code;
	if (!draw_steps(d.client, id, form_of(o), &err))
		code = command_fail(&err);
	database_close(&d);
	return code;
}

static int run(const struct options *o)
{
	const char *what = o->arguments[0];
	if (definition_file_is(what))
		return draw_file(what, form_of(o));
	return strchr(what, '/') ? draw_workflow(o, what) : draw_run(o, what);
}

#define FORMS "text|mermaid|dot|svg|json"

static const struct option options[] = {
	{"output", 'o', OPTION_CHOICE, FORMS, "form of the picture (default: text)"},
	{"format", 0, OPTION_CHOICE, FORMS, "another name for --output"},
	OPTION_ROW_DB,
	OPTION_ROW_HELP,
	{0},
};

const struct command command_graph = {
	.name = "graph",
	.arguments = "FILE|NAMESPACE/NAME[:VERSION]|RUN",
	.summary = "draw a workflow, or a run with its states",
	.help = "Prints the picture on stdout: text is a tree for the terminal, svg a "
		"drawing to be\n"
		"looked at, mermaid and dot are for these programs, json for others. Of "
		"a "
		"RUN each\n"
		"task has the colour of its state, with the number of its attempts and "
		"iterations.\n"
		"A FILE needs no database; exit 6 with the findings if it is not valid. "
		"What this\n"
		"runtime does not run is drawn too. Text is plain ASCII where the locale "
		"is not UTF-8.\n",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
