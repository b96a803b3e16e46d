/* wfctl graph: the picture of a workflow, or of a run. */
#include "command.h"
#include "database.h"
#include "definition_file.h"
#include "output.h"

#include "graph_layout.h"
#include "graph_state.h"
#include "graph_write.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int draw(struct graph *g, const struct options *o)
{
	struct buf out = {0};
	(void)o;
	graph_layout(g);
	graph_svg(g, &out);
	fputs(buf_text(&out), stdout);
	buf_finish(&out);
	graph_destroy(g);
	return EXIT_DONE;
}

static int run(const struct options *o)
{
	struct definition_file f;
	struct error err;
	struct json doc;
	if (!definition_file_open(o->arguments[0], &f, &err))
		return command_fail(&err);
	if (!definition_file_valid(&f, false)) {
		definition_file_print(&f, false, false);
		definition_file_finish(&f);
		return EXIT_INVALID;
	}
	if (!json_check(f.text, f.n, NULL, &doc, NULL, &err))
		return command_fail(&err);
	draw(graph_create(doc, (struct json){0}), o);
	definition_file_finish(&f);
	return 0;
}

static const struct option options[] = {
	OPTION_ROW_DB,
	{"output", 'o', OPTION_CHOICE, "text|mermaid|dot|svg", "form of the picture"},
	OPTION_ROW_HELP,
	{0},
};

const struct command command_graph = {
	.name = "graph",
	.arguments = "FILE|NAMESPACE/NAME[:VERSION]|RUN",
	.summary = "draw a workflow, or a run with its states",
	.options = options,
	.least = 1,
	.most = 1,
	.run = run,
};
