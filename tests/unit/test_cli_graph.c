/*
 * Pictures but for their layout: what is said of tasks, where they lead, the states of a
 * run, and that no text of a document breaks a format. Documents are written with ' for
 * ".
 */
#include "graph/layout.h"
#include "graph/measure.h"
#include "graph/state.h"
#include "graph/write.h"
#include "graph_documents.h"
#include "suite.h"

#include <check.h>

#define HEAD                                                                             \
	"{'document':{'dsl':'1.0.3','namespace':'n','name':'x','version':'1.0.0'},'use'" \
	":"                                                                              \
	"{'retries':{'gentle':{'delay':{'seconds':2},'backoff':{'exponential':{}},"      \
	"'limit':{'attempt':{'count':5}}}},'functions':{'helper':{'do':[{'inner':{"      \
	"'set':{'a':1}}}]}},'extensions':[{'audit':{'extend':'set','before':[{'note':{"  \
	"'wait':'PT1S'}}]}}]},'do':["
#define TAIL "]}"

static struct graph *read_tasks(const char *tasks)
{
	char *text = xasprintf("%s%s%s", HEAD, tasks, TAIL);
	struct json document;
	struct error err;
	for (char *p = text; (p = strchr(p, '\'')); p++)
		*p = '"';
	ck_assert_msg(json_check(text, strlen(text), NULL, &document, NULL, &err),
		"%s: %s", text, err.text);
	struct graph *g = graph_create(document, (struct json){0});
	free(text);
	return g;
}

/* ---- What is said ---- */

static void expect_said(const char *task, const char *said)
{
	char *tasks = xasprintf("{'t':%s}", task);
	struct graph *g = read_tasks(tasks);
	const struct graph_node *n = &g->body.nodes[0];
	struct buf b = {0};
	buf_printf(&b, "%s %s", n->word, n->detail);
	for (char **note = n->notes; note && *note; note++)
		buf_printf(&b, " | %s", *note);
	for (size_t i = 0; i < n->list_count; i++) {
		if (n->lists[i].title)
			buf_printf(&b, " | %s", n->lists[i].title);
		for (char **note = n->lists[i].notes; note && *note; note++)
			buf_printf(&b, ": %s", *note);
	}
	ck_assert_str_eq(buf_text(&b), said);
	buf_finish(&b);
	graph_destroy(g);
	free(tasks);
}

START_TEST(each_kind_of_task_says_what_it_does)
{
	expect_said("{'call':'http','with':{'method':'post','endpoint':'https://h/a'}}",
		"http POST https://h/a");
	expect_said("{'call':'http','with':{'method':'get','endpoint':{'uri':'https://h/"
		    "b'}}}",
		"http GET https://h/b");
	expect_said("{'call':'sql','with':{'statement':'select\\n  1'}}", "sql select 1");
	expect_said("{'call':'openapi','with':{'document':{'endpoint':'https://h/d'},"
		    "'operationId':'find'}}",
		"openapi find of https://h/d");
	expect_said(
		"{'call':'grpc','with':{'service':{'name':'S','host':'h'},'method':'M'}}",
		"grpc S M at h");
	expect_said("{'call':'asyncapi','with':{'channel':'/c','message':{}}}",
		"asyncapi publish to /c");
	expect_said(
		"{'call':'mcp','with':{'method':'tools/call','parameters':{'name':'x'}}}",
		"mcp tools/call x");
	expect_said("{'call':'helper'}", "call helper");
	expect_said("{'run':{'shell':{'command':'ls'}}}", "shell ls");
	expect_said("{'run':{'script':{'language':'js','code':'x()'}}}", "script js x()");
	expect_said("{'run':{'container':{'image':'alpine'},'await':false}}",
		"container alpine | does not wait for it");
	expect_said("{'run':{'workflow':{'namespace':'a','name':'b','version':'1.0.0'}}}",
		"workflow a/b:1.0.0");
	expect_said("{'wait':{'hours':25,'seconds':1}}", "wait 1d 1h 1s");
	expect_said("{'wait':'PT0.5S'}", "wait 500ms");
	expect_said("{'wait':'${ .pause }'}", "wait ${ .pause }");
	expect_said("{'set':{'a':1,'b':2}}", "set a, b");
	expect_said("{'emit':{'event':{'with':{'type':'com.x'}}}}", "emit com.x");
	expect_said("{'listen':{'to':{'all':[{'with':{'type':'a'}},{'with':{'source':'s'}"
		    "}]}}}",
		"listen all of a, source s");
	expect_said("{'listen':{'to':{'any':[],'until':{'one':{'with':{'type':'b'}}}}}}",
		"listen any event until b");
	expect_said("{'raise':{'error':{'type':'https://x/errors/boom','status':500}}}",
		"raise boom 500");
	expect_said("{'raise':{'error':'known'}}", "raise known");
	expect_said("{'for':{'each':'x','in':[1,2]},'while':'.y','do':[]}",
		"for x in 2 items | while .y");
	expect_said("{'fork':{'compete':true,'branches':[]}}",
		"fork 0 branches, the first wins");
	expect_said("{'something':1}", "unknown ");
}
END_TEST

START_TEST(conditions_timeouts_and_retries_are_noted)
{
	expect_said("{'set':{'a':1},'if':'.x > 1','timeout':{'after':{'minutes':2}}}",
		"set a | if .x > 1 | timeout 2m");
	expect_said("{'set':{'a':1},'timeout':'short'}", "set a | timeout short");
	expect_said("{'set':{'a':1},'metadata':{'retryPolicy':'gentle'}}",
		"set a | retry gentle: 5 times after 2s exponential");
	expect_said(
		"{'try':[],'catch':{'errors':{'with':{'type':'https://x/"
		"timeout','status':"
		"408}},'as':'e','when':'.a','retry':{'limit':{'attempt':{'count':1}}}}}",
		"try  | catch timeout 408 as e: when .a: retry 1 time");
	expect_said("{'try':[],'catch':{}}", "try  | catch any error");
}
END_TEST

START_TEST(long_and_harmful_text_is_made_fit)
{
	struct buf task = {0};
	buf_puts(&task, "{'set':{'");
	for (int i = 0; i < 3000; i++)
		buf_puts(&task, "é");
	buf_puts(&task, "':1},'if':'a\\u001b[31m\\u202e\\n b'}");
	char *tasks = xasprintf("{'t':%s}", buf_text(&task));
	struct graph *g = read_tasks(tasks);
	ck_assert_uint_le(strlen(g->body.nodes[0].detail), 410);
	ck_assert_uint_eq(measure_columns(g->body.nodes[0].detail), 201);
	ck_assert_str_eq(g->body.nodes[0].notes[0], "if a\\x1b[31m\\u202e b");
	graph_destroy(g);
	buf_finish(&task);
	free(tasks);
}
END_TEST

/* ---- Where tasks lead ---- */

static void expect_edges(const char *tasks, const char *edges)
{
	static const char *const kinds[] = {"next", "then", "case", "skip", "caught"};
	struct graph *g = read_tasks(tasks);
	struct buf b = {0};
	for (size_t i = 0; i < g->body.edge_count; i++) {
		const struct graph_edge *e = &g->body.edges[i];
		buf_printf(&b, "%s%zu ", i ? ", " : "", e->from);
		if (e->to >= GRAPH_EXIT)
			buf_puts(&b, e->to == GRAPH_END ? "end" : "exit");
		else
			buf_printf(&b, "%zu", e->to);
		buf_printf(&b, " %s", kinds[e->kind]);
		if (e->label)
			buf_printf(&b, " %s", e->label);
		if (e->condition)
			buf_printf(&b, " (%s)", e->condition);
	}
	ck_assert_str_eq(buf_text(&b), edges);
	buf_finish(&b);
	graph_destroy(g);
}

#define SET "{'set':{'a':1}"

START_TEST(arrows_follow_the_flow_directives)
{
	expect_edges("{'a':" SET "}},{'b':" SET "}}", "0 1 next, 1 exit next");
	expect_edges("{'a':" SET ",'then':'c'}},{'b':" SET ",'then':'a'}},{'c':" SET
		     ",'then':'end'}}",
		"0 2 then, 1 0 then, 2 end then");
	expect_edges("{'a':" SET ",'then':'nowhere'}},{'b':" SET ",'then':'exit'}}",
		"0 1 then, 1 exit then");
	expect_edges("{'a':" SET ",'if':'.x','then':'end'}},{'b':" SET ",'if':'.x'}}",
		"0 end then, 0 1 skip if not, 1 exit next");
	expect_edges(
		"{'a':{'raise':{'error':'e'}}},{'b':{'raise':{'error':'e'},'if':'.x'}}",
		"1 exit skip if not");
}
END_TEST

START_TEST(a_switch_has_an_arrow_for_each_case)
{
	expect_edges("{'s':{'switch':[{'one':{'when':'.x','then':'b'}},{'other':{'then':"
		     "'end'}}],'then':'b'}},{'a':" SET "}},{'b':" SET "}}",
		"0 2 case one (.x), 0 end case other, 1 2 next, 2 exit next");
	expect_edges(
		"{'s':{'switch':[{'one':{'when':'.x','then':'continue'}}],'then':'b'}},"
		"{'a':" SET "}},{'b':" SET "}}",
		"0 1 case one (.x), 0 2 then otherwise, 1 2 next, 2 exit next");
}
END_TEST

START_TEST(what_is_caught_goes_its_own_way)
{
	expect_edges("{'t':{'try':[],'catch':{'then':'end'}}},{'a':" SET "}}",
		"0 1 next, 0 end caught caught, 1 exit next");
	expect_edges("{'t':{'try':[],'catch':{},'then':'end'}},{'a':" SET "}}",
		"0 end then, 0 1 caught caught, 1 exit next");
	expect_edges("{'t':{'try':[],'catch':{'retry':'gentle'},'then':'end'}},{'a':" SET
		     "}}",
		"0 end then, 1 exit next");
}
END_TEST

/* ---- The states of a run ---- */

struct step {
	const char *path;
	enum phase phase;
	int attempts;
};

static void mark(struct graph *g, const struct step *steps, size_t count)
{
	struct admin_run run = {.phase = PHASE_RUNNING};
	struct admin_steps all = {.count = count};
	all.items = xcalloc(count, sizeof *all.items);
	for (size_t i = 0; i < count; i++)
		all.items[i] = (struct admin_step){.path = steps[i].path,
			.phase = steps[i].phase,
			.attempts = steps[i].attempts};
	graph_mark(g, &run, &all);
	free(all.items);
}

static void expect_state(const struct graph_node *n, enum phase phase, const char *text)
{
	char *state = graph_state_text(&n->marks);
	ck_assert_str_eq(state, text);
	if (*text)
		ck_assert_int_eq(n->marks.phase, phase);
	free(state);
}

START_TEST(visits_are_counted_and_the_open_one_decides)
{
	static const struct step steps[] = {
		{"/do/0/a", PHASE_FAULTED, 3},
		{"/do/0/a#2", PHASE_RUNNING, 1},
		{"/do/0/a#3", PHASE_COMPLETED, 1},
		{"/do/1/b", PHASE_COMPLETED, 4},
		{"/do/7/gone", PHASE_COMPLETED, 1},
	};
	struct graph *g = read_tasks("{'a':" SET "}},{'b':" SET "}},{'c':" SET "}}");
	mark(g, steps, 5);
	expect_state(&g->body.nodes[0], PHASE_RUNNING,
		"1 completed, 1 running, 1 faulted, 5 attempts");
	expect_state(&g->body.nodes[1], PHASE_COMPLETED, "completed, 4 attempts");
	expect_state(&g->body.nodes[2], PHASE_PENDING, "");
	graph_destroy(g);
}
END_TEST

START_TEST(iterations_are_folded_into_their_loop)
{
	static const struct step steps[] = {
		{"/do/0/f", PHASE_WAITING, 1},
		{"/do/0/f[0]/do/0/a", PHASE_COMPLETED, 1},
		{"/do/0/f[0]/do/1/b", PHASE_SKIPPED, 1},
		{"/do/0/f[1]/do/0/a", PHASE_FAULTED, 1},
		{"/do/0/f[1]/do/0/a#2", PHASE_COMPLETED, 1},
		{"/do/0/f[10]/do/0/a", PHASE_WAITING, 1},
		{"/do/1/l", PHASE_WAITING, 1},
		{"/do/1/l/foreach[0]/do/0/c", PHASE_COMPLETED, 1},
		{"/do/1/l/foreach[1]/do/0/c", PHASE_FAULTED, 1},
	};
	struct graph *g = read_tasks(
		"{'f':{'for':{'in':'.x'},'do':[{'a':" SET "}},{'b':" SET
		"}}]}},{'l':{'listen':{'to':{'any':[]}},'foreach':{'do':[{'c':" SET
		"}}]}}}");
	mark(g, steps, 9);
	expect_state(
		&g->body.nodes[0], PHASE_WAITING, "iterations: 2 completed, 1 waiting");
	expect_state(&g->body.nodes[0].lists[0].nodes[0], PHASE_WAITING,
		"2 completed, 1 waiting, 1 faulted");
	expect_state(&g->body.nodes[0].lists[0].nodes[1], PHASE_SKIPPED, "skipped");
	expect_state(
		&g->body.nodes[1], PHASE_WAITING, "iterations: 1 completed, 1 faulted");
	graph_destroy(g);
}
END_TEST

START_TEST(steps_of_functions_and_extensions_find_their_box)
{
	static const struct step steps[] = {
		{"/do/0/c~2x]~3~4~1~0", PHASE_COMPLETED, 1},
		{"/do/0/c~2x]~3~4~1~0!call", PHASE_COMPLETED, 1},
		{"/do/0/c~2x]~3~4~1~0!call/do/0/inner!before/audit", PHASE_COMPLETED, 1},
		{"/do/0/c~2x]~3~4~1~0!call/do/0/inner!before/audit/0/note", PHASE_WAITING,
			1},
		{"/do/0/c~2x]~3~4~1~0!call/do/0/inner", PHASE_COMPLETED, 1},
		{"/do/1/d!call/do/0/inner", PHASE_FAULTED, 1},
		{"/do/2/t/try/0/x", PHASE_FAULTED, 1},
		{"/do/2/t/catch/do/0/y", PHASE_CANCELLED, 1},
		{"/do/9/nobody!call/do/0/inner", PHASE_FAULTED, 1},
	};
	struct graph *g = read_tasks(
		"{'c[x]#!/~':{'call':'helper'}},{'d':{'call':'helper'}},"
		"{'t':{'try':[{'x':" SET "}}],'catch':{'do':[{'y':" SET "}}]}}}");
	mark(g, steps, 9);
	expect_state(&g->body.nodes[0], PHASE_COMPLETED, "completed");
	expect_state(&g->body.nodes[1], PHASE_PENDING, "");
	const struct graph_node *helper = &g->functions.nodes[0];
	expect_state(helper, PHASE_COMPLETED, "completed");
	expect_state(&helper->lists[0].nodes[0], PHASE_FAULTED, "1 completed, 1 faulted");
	expect_state(&g->extensions.nodes[0], PHASE_COMPLETED, "completed");
	expect_state(&g->extensions.nodes[0].lists[0].nodes[0], PHASE_WAITING, "waiting");
	expect_state(&g->body.nodes[2].lists[0].nodes[0], PHASE_FAULTED, "faulted");
	expect_state(&g->body.nodes[2].lists[1].nodes[0], PHASE_CANCELLED, "cancelled");
	graph_destroy(g);
}
END_TEST

/* ---- Formats ---- */

#define HOSTILE                                          \
	"{'\\\"];}<b>&amp;</text>`#quot;--> "            \
	"n1\\\\':{'if':'\\\"<&\\u0001','set':{'a':1}}}," \
	"{'s':{'switch':[{'<x>\\\"':{'when':'\\\"|%\\\\','then':'end'}}]}}"

START_TEST(no_text_ends_a_label)
{
	struct graph *g = read_tasks(HOSTILE);
	struct buf svg = {0}, mermaid = {0}, dot = {0};
	graph_layout(g);
	graph_svg(g, &svg);
	ck_assert(!strstr(buf_text(&svg), "<b>") && !strstr(buf_text(&svg), "<x>"));
	ck_assert(strstr(buf_text(&svg), "&quot;];}&lt;b&gt;&amp;amp;&lt;/text&gt;"));
	ck_assert(!strchr(buf_text(&svg), '\x01'));
	graph_mermaid(g, &mermaid);
	ck_assert(strstr(buf_text(&mermaid), "#34;#93;#59;#125;#60;b#62;#38;amp#59;"));
	ck_assert(!strstr(buf_text(&mermaid), "<b>") && !strchr(buf_text(&mermaid), '`'));
	graph_dot(g, &dot);
	ck_assert(strstr(buf_text(&dot), "label=\"\\\"];}<b>&amp;amp;</text>"));
	ck_assert(strstr(buf_text(&dot), "n1\\\\\\nset a"));
	buf_finish(&svg);
	buf_finish(&mermaid);
	buf_finish(&dot);
	graph_destroy(g);
}
END_TEST

static void expect_narrow(const char *name, const char *text)
{
	struct json document;
	struct error err;
	struct buf out = {0};
	(void)name;
	ck_assert(json_check(text, strlen(text), NULL, &document, NULL, &err));
	struct graph *g = graph_create(document, (struct json){0});
	for (int ascii = 0; ascii < 2; ascii++) {
		struct graph_terminal terminal = {.ascii = ascii};
		buf_clear(&out);
		graph_text(g, &terminal, &out);
		char *rest = out.data;
		for (char *line; (line = strsep(&rest, "\n"));) {
			ck_assert_msg(measure_columns(line) <= GRAPH_COLUMNS, "%s: %s",
				name, line);
			for (char *p = line; ascii && *p; p++)
				ck_assert_msg(
					*p >= ' ' && *p <= '~', "%s: %s", name, line);
		}
	}
	buf_finish(&out);
	graph_destroy(g);
}

START_TEST(text_fits_its_columns)
{
	documents_each("examples", expect_narrow);
	for (uint64_t seed = 1; seed <= 50; seed++) {
		char *text = document_random(seed, 60);
		expect_narrow("random", text);
		free(text);
	}
}
END_TEST

START_TEST(a_tree_for_the_terminal)
{
	static const char expected[] = "n/x:1.0.0\n\n* start\n"
				       "|- pick          switch\n"
				       "|  |- big        .x > 1  -> guard\n"
				       "|  `- otherwise  -> small\n"
				       "|- small         set a  -> end\n"
				       "|- guard         try\n"
				       "|  |- call       call helper\n"
				       "|  `- catch 503  ^ pick\n"
				       "|     `- again   wait 1m\n"
				       "* end\n"
				       "\nfunctions\n"
				       "`- helper        do\n"
				       "   `- inner      set a\n"
				       "\nextensions\n"
				       "`- audit         extends set\n"
				       "   `- before\n"
				       "      `- note    wait 1s\n";
	struct graph *g = read_tasks(
		"{'pick':{'switch':[{'big':{'when':'.x > 1','then':'guard'}}]}},"
		"{'small':" SET ",'then':'end'}},{'guard':{'try':[{'call':{"
		"'call':'helper'}}],'catch':{'errors':{'with':{'status':503}},"
		"'do':[{'again':{'wait':'PT1M'}}],'then':'pick'}}}");
	struct graph_terminal terminal = {.ascii = true};
	struct buf out = {0};
	graph_text(g, &terminal, &out);
	ck_assert_str_eq(buf_text(&out), expected);
	buf_finish(&out);
	graph_destroy(g);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("graph");
	TCase *tests = tcase_create("graph");
	tcase_add_test(tests, each_kind_of_task_says_what_it_does);
	tcase_add_test(tests, conditions_timeouts_and_retries_are_noted);
	tcase_add_test(tests, long_and_harmful_text_is_made_fit);
	tcase_add_test(tests, arrows_follow_the_flow_directives);
	tcase_add_test(tests, a_switch_has_an_arrow_for_each_case);
	tcase_add_test(tests, what_is_caught_goes_its_own_way);
	tcase_add_test(tests, visits_are_counted_and_the_open_one_decides);
	tcase_add_test(tests, iterations_are_folded_into_their_loop);
	tcase_add_test(tests, steps_of_functions_and_extensions_find_their_box);
	tcase_add_test(tests, no_text_ends_a_label);
	tcase_add_test(tests, text_fits_its_columns);
	tcase_add_test(tests, a_tree_for_the_terminal);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
