/* validate: small documents, each with what must be said of it. */
#include "definition/sql_text.h"
#include "suite.h"
#include "validate_cases.h"

START_TEST(what_is_not_json_is_one_error_with_its_place)
{
	static const struct {
		const char *text;
		unsigned line, column;
	} cases[] = {{"", 1, 1}, {"{\n  \"a\": 1,\n  \"a\": 2}", 3, 3},
		{"\xEF\xBB\xBF{}", 1, 1}, {"{\"a\": NaN}", 1, 7}, {"[\"\xFF\"]", 1, 3},
		{"{} {}", 1, 4}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct json document;
		struct findings f;
		validate(cases[i].text, strlen(cases[i].text), &document, &f);
		ck_assert_uint_eq(f.count, 1);
		ck_assert_uint_eq(f.errors, 1);
		ck_assert_uint_eq(f.items[0].line, cases[i].line);
		ck_assert_uint_eq(f.items[0].column, cases[i].column);
		ck_assert_ptr_null(strstr(f.items[0].text, " at line "));
		ck_assert_ptr_null(document.s);
		findings_finish(&f);
	}
}
END_TEST

START_TEST(depth_of_100000_is_one_error)
{
	char *text = xmalloc(100000);
	memset(text, '[', 100000);
	struct json document;
	struct findings f;
	validate(text, 100000, &document, &f);
	ck_assert_uint_eq(f.count, 1);
	ck_assert_uint_eq(f.errors, 1);
	findings_finish(&f);
	free(text);
}
END_TEST

START_TEST(supported_tasks_have_no_findings)
{
	EXPECT(RUNS(TASK("{'set':{'a':1},'if':'.a','then':'end','metadata':{'mine':1}}")),
		RUNS(TASK("{'do':[{'x':{'set':'${ .a }'}}],'timeout':{'after':'PT5S'}}")),
		RUNS(TASK("{'for':{'each':'a','in':'.b','at':'i'},'while':'.c',"
			  "'do':[{'x':{'wait':{'seconds':1}}}]}")),
		RUNS(TASK("{'switch':[{'a':{'when':'.x','then':'end'}}]}")),
		RUNS(TASK("{'raise':{'error':{'type':'http://x/y','status':400}}}")),
		RUNS(TASK("{'run':{'shell':{'command':'echo ${HOME}'},'return':'all'}}")),
		RUNS(TASK("{'run':{'script':{'language':'js','code':'`${ a }`',"
			  "'arguments':['${ .a }'],'environment':{'A':'b'}}}}")),
		RUNS(TASK("{'run':{'container':{'image':'x','name':'n','ports':{'1':2},"
			  "'lifetime':{'cleanup':'eventually','after':'PT1S'},"
			  "'pullPolicy':'never'},'return':'code'}}")),
		RUNS(TASK("{'call':'http','with':{'method':'GET','endpoint':'http://x/"
			  "{id}'}}")),
		RUNS(TASK("{'try':[{'x':{'set':{'a':1}}}],'catch':{'errors':{'with':"
			  "{'status':404}},'as':'e','when':'.a','retry':{'delay':'PT1S',"
			  "'backoff':{'linear':{}},'limit':{'attempt':{'count':3}}},"
			  "'then':'continue'},'metadata':{'retry':'step'}}")),
		RUNS(SQL("{'statement':'select $1','parameters':['${ .a "
			 "}'],'output':'value',"
			 "'expect':0,'database':'d'}")));
}
END_TEST

START_TEST(misspelt_names_are_guessed)
{
	EXPECT(INVALID(TASK("{'swich':[]}"), "/do/0/t/swich", "did you mean 'switch'?"),
		INVALID(TASK("{'set':{'a':1},'tehn':'end'}"), "/do/0/t/tehn",
			"mean 'then'?"),
		INVALID(TASK("{'run':{'shell':{'command':'x'},'return':'al'}}"),
			"/do/0/t/run/return", "did you mean 'all'?"),
		UNSUPPORTED(
			TASK("{'call':'HTTP'}"), "/do/0/t/call", "did you mean 'http'?"),
		UNSUPPORTED(USE("{'retries':{'slow':{}}}",
				    "{'t':{'try':[],'catch':{'retry':'slwo'}}}"),
			"/do/0/t/catch/retry", "did you mean 'slow'?"),
		WARNING(TASK("{'set':{'a':1},'metadata':{'onUncertian':'hold'}}"),
			"/do/0/t/metadata/onUncertian", "did you mean 'onUncertain'?"));
}
END_TEST

START_TEST(the_shape_of_the_schema_is_enforced)
{
	EXPECT(INVALID("[]", "", "must be an object"),
		INVALID("{'do':[]}", "", "member 'document' is missing"),
		INVALID(HEAD "'do':{}}", "/do",
			"must be an array of tasks [{'NAME': {...}}, ...], not an "
			"object"),
		INVALID(DO("{'a':{'set':{'x':1}},'b':{'set':{'x':1}}}"), "/do/0",
			"here are 2"),
		INVALID(DO("{}"), "/do/0", "and is empty"),
		INVALID(TASK("{}"), "/do/0/t", "must be an object with one of call, do"),
		INVALID(TASK("{'set':{}}"), "/do/0/t/set", "at least 1 member"),
		INVALID(TASK("{'set':{'a':1},'wait':'PT1S'}"), "/do/0/t/wait",
			"one keyword"),
		INVALID(TASK("{'do':[],'extra':1}"), "/do/0/t/extra", "unknown member"),
		INVALID(TASK("{'for':{'in':'.x'}}"), "/do/0/t", "'do' is missing"),
		INVALID(TASK("{'try':[]}"), "/do/0/t", "'catch' is missing"),
		INVALID(TASK("{'wait':'5s'}"), "/do/0/t/wait", "must be a duration"),
		INVALID(TASK("{'wait':{'seconds':1.5}}"), "/do/0/t/wait/seconds",
			"an integer"),
		INVALID(TASK("{'switch':[]}"), "/do/0/t/switch", "at least 1 element"),
		INVALID(TASK("{'run':{'await':true}}"), "/do/0/t/run",
			"needs one member of"),
		INVALID(TASK("{'call':'http','with':{'method':'GET','endpoint':'a b'}}"),
			"/do/0/t/with/endpoint", "must be a URI"),
		INVALID(HEAD "'do':[],'schedule':{'read':'data'}}", "/schedule",
			"goes with 'on'"),
		INVALID(USE("{'authentications':{'a':{}}}", "{'t':{'wait':'PT1S'}}"),
			"/use/authentications/a", "needs one member of"),
		VALID(USE("{'authentications':{'a':{'bearer':{'token':'x'},'basic':3}}}",
			"{'t':{'wait':'PT1S'}}")));
}
END_TEST

START_TEST(identity_follows_its_patterns)
{
	EXPECT(INVALID("{'document':{'dsl':'1.0','namespace':'a','name':'b','version':'1."
		       "0.0'},"
		       "'do':[]}",
		       "/document/dsl", "semantic version"),
		INVALID("{'document':{'dsl':'1.0.0','namespace':'a_','name':'b',"
			"'version':'1.0.0'},'do':[]}",
			"/document/namespace", "letters, digits"),
		INVALID("{'document':{'dsl':'1.0.0','namespace':'a','name':'b',"
			"'version':'1.0.0-01'},'do':[]}",
			"/document/version", "semantic version"),
		UNSUPPORTED("{'document':{'dsl':'1.1.0','namespace':'a','name':'b',"
			    "'version':'1.0.0-a.1+b'},'do':[]}",
			"/document/dsl", "'1.0.x' is"));
}
END_TEST

START_TEST(what_has_no_effect_is_warned_of)
{
	EXPECT(RUNS(TASK("{'set':{'a':'x ${ .b }'}}")),
		WARNING(HEAD "'do':[],'timeuot':{}}", "/timeuot",
			"did you mean 'timeout'?"),
		WARNING(TASK("{'set':'.a'}"), "/do/0/t/set", "plain text"),
		WARNING(TASK("{'set':{'a':'{{ .b }}'}}"), "/do/0/t/set/a", "plain text"),
		WARNING(TASK("{'fork':{'branches':[]}}"), "/do/0/t/fork/branches",
			"does nothing"),
		RUNS(HEAD "'do':[{'t':{'wait':'PT1S'}}],'x':{}}"));
}
END_TEST

START_TEST(what_does_not_run_yet_is_unsupported)
{
	EXPECT(RUNS(TASK("{'fork':{'branches':[]}}")),
		RUNS(TASK("{'listen':{'to':{'one':{'with':{'type':'a'}}}}}")),
		RUNS(TASK("{'emit':{'event':{'with':{'type':'a'}}}}")),
		RUNS(TASK("{'run':{'script':{'language':'js','source':"
			  "{'endpoint':'http://x'}}}}")),
		UNSUPPORTED(TASK("{'run':{'script':{'language':'ruby','code':'1'}}}"),
			"/do/0/t/run/script/language", "must be 'js' or 'python'"),
		UNSUPPORTED(HEAD "'do':[],'schedule':{'cron':'* * * * *'}}", "/schedule",
			"schedule is not"),
		UNSUPPORTED(HEAD "'do':[],'evaluate':{'language':'js'}}",
			"/evaluate/language", "must be 'jq'"),
		UNSUPPORTED(HEAD "'do':[],'use':{'authentications':{'a':{'oauth2':"
				 "{'use':'s'}}}}}",
			"/use/authentications/a/oauth2", "OAuth2 authentication"));
}
END_TEST

#define SECRETS(tasks) USE("{'secrets':['api','my-db']}", tasks)
#define HTTP(members) \
	"{'t':{'call':'http','with':{'method':'GET','endpoint':'http://x'" members "}}}"

START_TEST(secrets_may_stand_in_requests)
{
	EXPECT(RUNS(SECRETS(HTTP(",'body':{'a':'${ $secrets.api }'}"))),
		RUNS(SECRETS(HTTP(",'query':'${ {a: $secrets[\\'my-db\\'].x} }'"))),
		RUNS(SECRETS("{'t':{'call':'http','with':{'method':'GET','endpoint':"
			     "'${ $secrets.api }'}}}")),
		RUNS(SECRETS("{'t':{'call':'http','with':{'method':'GET','endpoint':"
			     "{'uri':'http://x','authentication':{'bearer':{'use':"
			     "'api'}}}}}}")),
		RUNS(SECRETS("{'t':{'call':'openapi','with':{'document':{'endpoint':"
			     "'http://x'},'operationId':'o','parameters':{'a':"
			     "'${ $secrets.api }'}}}}")),
		RUNS(SECRETS("{'t':{'call':'sql','with':{'statement':'select $1',"
			     "'parameters':['${ $secrets.api }']}}}")),
		RUNS(SECRETS("{'t':{'run':{'shell':{'command':'x','stdin':"
			     "'${ $secrets.api }','environment':{'A':"
			     "'${ $secrets.api }'}}}}}")),
		RUNS(SECRETS("{'t':{'input':{'from':'{a: $secrets.api}'},'call':'http',"
			     "'with':{'method':'GET','endpoint':'http://x','body':'${ . "
			     "}'},'output':{'as':'$task.input'}}}")),
		RUNS(USE("{'secrets':['a'],'authentications':{'b':{'basic':{'use':'a'}}"
			 ",'c':{'bearer':{'token':'${ $secrets.a }'}}}}",
			"{'t':{'wait':'PT1S'}}")),
		RUNS(TASK("{'set':{'a':'$secrets.x','b':'${ \\'$secrets.x\\' }'}}")));
}
END_TEST

START_TEST(secrets_may_stand_nowhere_else)
{
	static const char *const places[][2] = {
		{"{'t':{'set':{'a':['${ $secrets.api }']}}}", "/do/0/t/set/a/0"},
		{"{'t':{'set':{'a':'${ $ secrets.api }'}}}", "/do/0/t/set/a"},
		{"{'t':{'set':'x ${ [$\\u0073ecrets.api] } y'}}", "/do/0/t/set"},
		{"{'t':{'set':{'a':1},'if':'$secrets.api'}}", "/do/0/t/if"},
		{"{'t':{'set':{'a':1},'output':{'as':'$secrets.api'}}}",
			"/do/0/t/output/as"},
		{"{'t':{'set':{'a':1},'export':{'as':{'b':'${ $secrets.api }'}}}}",
			"/do/0/t/export/as/b"},
		{"{'t':{'set':{'a':1},'timeout':{'after':'${ $secrets.api }'}}}",
			"/do/0/t/timeout/after"},
		{"{'t':{'input':{'from':'$secrets.api'},'set':{'a':1}}}",
			"/do/0/t/input/from"},
		{"{'t':{'switch':[{'a':{'when':'$secrets.api','then':'end'}}]}}",
			"/do/0/t/switch/0/a/when"},
		{"{'t':{'for':{'in':'$secrets.api'},'do':[]}}", "/do/0/t/for/in"},
		{"{'t':{'wait':'${ $secrets.api }'}}", "/do/0/t/wait"},
		{"{'t':{'raise':{'error':{'type':'http://x','status':1,'detail':"
		 "'${ $secrets.api }'}}}}",
			"/do/0/t/raise/error/detail"},
		{"{'t':{'emit':{'event':{'with':{'type':'a','data':"
		 "'${ $secrets.api }'}}}}}",
			"/do/0/t/emit/event/with/data"},
		{"{'t':{'try':[],'catch':{'when':'$secrets.api'}}}",
			"/do/0/t/catch/when"},
		{"{'t':{'call':'f','with':{'a':'${ $secrets.api }'}}}", "/do/0/t/with/a"},
		{"{'t':{'call':'http','with':{'method':'${ $secrets.api }','endpoint':"
		 "'http://x'}}}",
			"/do/0/t/with/method"},
		{"{'t':{'run':{'shell':{'command':'${ $secrets.api }'}}}}",
			"/do/0/t/run/shell/command"},
		{"{'t':{'run':{'script':{'language':'js','code':'1','arguments':"
		 "['${ $secrets.api }']}}}}",
			"/do/0/t/run/script/arguments/0"},
		{"{'t':{'run':{'container':{'image':'x','volumes':{'a':"
		 "'${ $secrets.api }'}}}}}",
			"/do/0/t/run/container/volumes/a"},
		{"{'t':{'run':{'workflow':{'namespace':'a','name':'b','version':'1.0.0',"
		 "'input':{'a':'${ $secrets.api }'}}}}}",
			"/do/0/t/run/workflow/input/a"},
		{"{'t':{'input':{'from':'$secrets.api'},'run':{'shell':{'command':'x'}}}"
		 "}",
			"/do/0/t/input/from"}};
	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		char *text = xasprintf(
			HEAD "'use':{'secrets':['api']},'do':[%s]}", places[i][0]);
		EXPECT(UNSUPPORTED(text, places[i][1], "$secrets may "));
		free(text);
	}
	EXPECT(UNSUPPORTED(HEAD "'use':{'secrets':['api']},'evaluate':{'mode':'loose'},"
				"'do':[{'t':{'set':{'a':'$secrets.api'}}}]}",
		       "/do/0/t/set/a", "$secrets may not"),
		UNSUPPORTED(HEAD "'use':{'secrets':['api']},'input':{'from':"
				 "'$secrets.api'},'do':[]}",
			"/input/from", "$secrets may not"));
}
END_TEST

START_TEST(a_name_is_no_expression)
{
	EXPECT(UNSUPPORTED(TASK("{'raise':{'error':'${ $error }'}}"),
		       "/do/0/t/raise/error",
		       "to raise a caught error again: {'type': '${ $error.type }'"),
		UNSUPPORTED(TASK("{'wait':'PT1S','timeout':'${ .t }'}"),
			"/do/0/t/timeout", "a duration is written {'after': '${ .t }'}"),
		UNSUPPORTED(TASK("{'try':[],'catch':{'retry':'${ .p }'}}"),
			"/do/0/t/catch/retry", "a name stands here, no expression"));
}
END_TEST

START_TEST(secrets_are_declared_and_named)
{
	EXPECT(UNSUPPORTED(USE("{'secrets':['../x']}", ""), "/use/secrets/0",
		       "the name of a secret"),
		UNSUPPORTED(SECRETS(HTTP(",'body':'${ $secrets.apii }'")),
			"/do/0/t/with/body",
			"no entry 'apii' in use.secrets; did you mean"),
		UNSUPPORTED(SECRETS(HTTP(",'body':'${ $secrets | .api }'")),
			"/do/0/t/with/body", "must be written out"),
		UNSUPPORTED(SECRETS(HTTP(",'body':'${ {$secrets} }'")),
			"/do/0/t/with/body", "must be written out"),
		UNSUPPORTED(SECRETS(HTTP(",'body':'${ $secrets[.a] }'")),
			"/do/0/t/with/body", "must be written out"),
		UNSUPPORTED(USE("{'authentications':{'a':{'digest':{'use':'s'}}}}", ""),
			"/use/authentications/a/digest/use", "no entry 's' in"));
}
END_TEST

START_TEST(an_input_with_a_secret_is_seen_by_the_request_only)
{
#define SECRET_INPUT(more)                                                               \
	SECRETS("{'t':{'input':{'from':{'a':'${ $secrets.api }'}},'call':'http','with':" \
		"{'endpoint':'http://x'," more "}}")
	EXPECT(UNSUPPORTED(SECRET_INPUT("'method':'GET'},'output':{'as':'$input.a'}"),
		       "/do/0/t/output/as", "$input may not stand here"),
		UNSUPPORTED(SECRET_INPUT("'method':'GET'},'export':{'as':{'b':"
					 "'${ $input }'}}"),
			"/do/0/t/export/as", "$input may not stand here"),
		UNSUPPORTED(SECRET_INPUT("'method':'${ .a }'}"), "/do/0/t/with/method",
			"must be written out"),
		RUNS(SECRET_INPUT("'method':'post'},'output':{'as':'.input'}")));
}
END_TEST

START_TEST(schemas_of_data_must_compile)
{
	EXPECT(RUNS(HEAD "'do':[{'t':{'wait':'PT1S'}}],'input':{'schema':{'document':{'"
			 "type':'object'}}}}"),
		RUNS(TASK("{'set':{'a':1},'output':{'schema':{'format':'json:2020-12',"
			  "'document':true}}}")),
		RUNS(TASK("{'set':{'a':1},'export':{'schema':{'resource':{'endpoint':"
			  "'http://x/s.json'}}}}")),
		RUNS(TASK("{'set':{'a':1},'input':{'schema':{'document':{'$ref':"
			  "'http://x/s.json#/a'}}}}")),
		UNSUPPORTED(TASK("{'set':{'a':1},'input':{'schema':{'document':{'$ref':"
				 "'s.json'}}}}"),
			"/do/0/t/input/schema/document", "no schema s.json"),
		UNSUPPORTED(TASK("{'set':{'a':1},'input':{'schema':{'document':'x'}}}"),
			"/do/0/t/input/schema/document", "an object, true or false"),
		UNSUPPORTED(TASK("{'set':{'a':1},'export':{'schema':{'document':{'items':"
				 "{'type':'strin'}}}}}"),
			"/do/0/t/export/schema/document", "at #/items: type: must be"),
		UNSUPPORTED(TASK("{'set':{'a':1},'input':{'schema':{'format':'xml',"
				 "'document':7}}}"),
			"/do/0/t/input/schema/format", "not 'xml'"),
		UNSUPPORTED(TASK("{'set':{'a':1},'input':{'schema':{'resource':{"
				 "'endpoint':'http://x/s#a'}}}}"),
			"/do/0/t/input/schema/resource/endpoint", "no fragment"),
		UNSUPPORTED(TASK("{'set':{'a':1},'input':{'schema':{'resource':{"
				 "'endpoint':{'uri':'${ .x }'}}}}}"),
			"/do/0/t/input/schema/resource/endpoint", "no URL"),
		INVALID(TASK("{'set':{'a':1},'input':{'schema':{'format':3,'document':1}}"
			     "}"),
			"/do/0/t/input/schema/format", "must be"),
		INVALID(TASK("{'set':{'a':1},'input':{'schema':{'document':1,'resource':"
			     "{'endpoint':'http://x'}}}}"),
			"/do/0/t/input/schema", "only one member of"),
		INVALID(TASK("{'set':{'a':1},'input':{'schema':{'format':'json'}}}"),
			"/do/0/t/input/schema", "needs one member of"));
}
END_TEST

START_TEST(what_is_unsupported_is_still_checked)
{
	EXPECT(INVALID(TASK("{'fork':{'branchs':[]}}"), "/do/0/t/fork/branchs",
		       "'branches'?"),
		INVALID(TASK("{'listen':{'to':{'all':[],'until':'x'}}}"),
			"/do/0/t/listen/to", "'until' goes with 'any'"),
		INVALID(TASK("{'run':{'container':{'image':'x','lifetime':{'cleanup':"
			     "'eventually'}}}}"),
			"/do/0/t/run/container/lifetime", "'after' is missing"),
		INVALID(TASK("{'call':'grpc','with':{'proto':{'endpoint':'http://"
			     "x'},'service':"
			     "{'name':'a','host':'b','port':65536},'method':'m'}}"),
			"/do/0/t/with/service/port", "65535"),
		INVALID(TASK("{'call':'asyncapi','with':{'document':{'endpoint':'http://"
			     "x'},"
			     "'channel':'a','operation':'b','message':{}}}"),
			"/do/0/t/with", "takes only one member of"));
}
END_TEST

START_TEST(arguments_of_sql_are_ours)
{
	EXPECT(UNSUPPORTED(TASK("{'call':'sql'}"), "/do/0/t", "'with' is missing"),
		UNSUPPORTED(SQL("{}"), "/do/0/t/with", "'statement' is missing"),
		UNSUPPORTED(SQL("{'statement':'select 1','output':'rwos'}"),
			"/do/0/t/with/output", "did you mean 'rows'?"),
		UNSUPPORTED(SQL("{'statement':'select 1','expect':-1}"),
			"/do/0/t/with/expect", "an integer from 0"),
		UNSUPPORTED(SQL("{'statement':'select 1','parameters':'.a'}"),
			"/do/0/t/with/parameters", "expression"),
		UNSUPPORTED(SQL("{'statement':'select ${ .a }'}"),
			"/do/0/t/with/statement", "'parameters'"),
		UNSUPPORTED(SQL("{'statement':'select \\u0000'}"),
			"/do/0/t/with/statement", "\\u0000"));
}
END_TEST

START_TEST(parameters_of_sql_are_those_it_names)
{
	EXPECT(UNSUPPORTED(SQL("{'statement':'select $1, $2','parameters':[1]}"),
		       "/do/0/t/with/statement", "names $2, and 'parameters' has 1"),
		UNSUPPORTED(SQL("{'statement':'select $1'}"), "/do/0/t/with/statement",
			"names $1, and 'parameters' has 0"),
		UNSUPPORTED(SQL("{'statement':'select $1','parameters':[1,2]}"),
			"/do/0/t/with/parameters/1", "names no $2"),
		UNSUPPORTED(SQL("{'statement':'select $2','parameters':[1,2]}"),
			"/do/0/t/with/parameters/0", "names no $1"),
		UNSUPPORTED(SQL("{'statement':'do $$ begin perform $1; end $$',"
				"'parameters':[1]}"),
			"/do/0/t/with/parameters/0", "names no $1"),
		RUNS(SQL("{'statement':'select $1, $1','parameters':['${ .a }']}")),
		RUNS(SQL("{'statement':'select $1, $2','parameters':'${ .a }'}")),
		RUNS(SQL("{'statement':'select a$1 /* $2 */, $x$ $3 $x$ -- $4'}")),
		RUNS(SQL("{'statement':'select x.$1::int+$2','parameters':[1,null]}")));
}
END_TEST

START_TEST(named_parameters_of_sql_are_found)
{
	static const struct {
		const char *statement;
		uint64_t first;
		long highest;
	} cases[] = {{"select 1", 0, 0}, {"select $1", 1, 1}, {"select $2,$10", 514, 10},
		{"select '$1', \"$2\", E'\\'$3', $$ $4 $$, $t$ $5 $$ $t$, $6", 32, 6},
		{"select a$1, b1$2, $3 -- $4\n/* $5 /* $6 */ $7 */", 4, 3},
		{"select ($1)::int[$2]", 3, 2}, {"select $64, $65", 1ull << 63, 65},
		{"select $0, 1 $ 2", 0, 0}};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct sql_named n = sql_text_named(cases[i].statement);
		ck_assert_msg(n.first == cases[i].first && n.highest == cases[i].highest,
			"%s", cases[i].statement);
	}
}
END_TEST

START_TEST(our_metadata_is_checked_and_other_metadata_is_free)
{
	EXPECT(UNSUPPORTED(TASK("{'wait':'PT1S','metadata':{'onUncertain':'no'}}"),
		       "/do/0/t/metadata/onUncertain", "'hold'"),
		UNSUPPORTED(TASK("{'wait':'PT1S','metadata':{'keyWindow':'1d'}}"),
			"/do/0/t/metadata/keyWindow", "a duration"),
		UNSUPPORTED(TASK("{'wait':'PT1S','metadata':{'idempotencyKey':'x'}}"),
			"/do/0/t/metadata/idempotencyKey", "'none'"),
		UNSUPPORTED(TASK("{'wait':'PT1S','metadata':{'checkpoint':1}}"),
			"/do/0/t/metadata/checkpoint", "true or false"),
		UNSUPPORTED(TASK("{'wait':'PT1S','metadata':{'retryPolicy':'x'}}"),
			"/do/0/t/metadata/retryPolicy", "no entry 'x' in use.retries"),
		UNSUPPORTED(TASK("{'try':[],'catch':{},'metadata':{'retry':'x'}}"),
			"/do/0/t/metadata/retry", "'block' or 'step'"),
		RUNS(TASK("{'wait':'PT1S','metadata':{'retry':'x','idempotencyKey':"
			  "{'header':'X-Key'},'onConflict':'success','any':[1]}}")));
}
END_TEST

START_TEST(then_leads_to_a_task_of_the_same_list)
{
	EXPECT(UNSUPPORTED(DO("{'a':{'set':{'x':1},'then':'cc'}},{'c':{'do':[]}},"
			      "{'b':{'wait':'PT1S'}}"),
		       "/do/0/a/then", "no task 'cc'"),
		UNSUPPORTED(DO("{'a':{'do':[{'x':{'set':{'v':1},'then':'bill'}}]}},"
			       "{'bill':{'wait':'PT1S'}}"),
			"/do/0/a/do/0/x/then", "no task 'bill'"),
		UNSUPPORTED(
			DO("{'ship':{'switch':[{'c':{'when':'.x','then':'shipp'}}]}}"),
			"/do/0/ship/switch/0/c/then", "did you mean 'ship'?"),
		UNSUPPORTED(
			TASK("{'switch':[{'a':{'then':'end'}},{'b':{'then':'end'}}]}"),
			"/do/0/t/switch/1/b", "a second case without"),
		UNSUPPORTED(TASK("{'try':[],'catch':{'then':'no'}}"),
			"/do/0/t/catch/then", "no task 'no'"),
		UNSUPPORTED(DO("{'a':{'wait':'PT1S'}},{'a':{'wait':'PT1S'}}"), "/do/1/a",
			"names in a list must differ"));
}
END_TEST

START_TEST(names_of_other_components_must_exist)
{
	EXPECT(UNSUPPORTED(TASK("{'raise':{'error':'e'}}"), "/do/0/t/raise/error",
		       "use.errors"),
		UNSUPPORTED(TASK("{'wait':'PT1S','timeout':'e'}"), "/do/0/t/timeout",
			"use.timeouts"),
		UNSUPPORTED(
			TASK("{'call':'http','with':{'method':'GET','endpoint':{'uri':"
			     "'http://x','authentication':{'use':'e'}}}}"),
			"/do/0/t/with/endpoint/authentication/use",
			"use.authentications"),
		RUNS(USE("{'errors':{'e':{'type':'http://x','status':1}}}",
			"{'t':{'raise':{'error':'e'}}}")));
}
END_TEST

START_TEST(the_attempt_is_no_part_of_a_request)
{
	EXPECT(UNSUPPORTED(
		       TASK("{'call':'http','with':{'method':'GET','endpoint':'http://x',"
			    "'body':{'n':'${ $task.attempt }'}}}"),
		       "/do/0/t/with/body/n", "$task.stepId"),
		UNSUPPORTED(TASK("{'run':{'shell':{'command':'x','arguments':"
				 "['${ $task[\\'attempt\\'] }']}}}"),
			"/do/0/t/run/shell/arguments/0", "$task.stepId"),
		UNSUPPORTED(TASK("{'input':{'from':'{n: "
				 "$task.attempt}'},'call':'http','with':"
				 "{'method':'GET','endpoint':'http://x'}}"),
			"/do/0/t/input/from", "$task.stepId"),
		RUNS(TASK(
			"{'output':{'as':'$task.attempt'},'call':'http','with':{'method':"
			"'GET','endpoint':'http://x','body':'${ $task.attempts }'}}")));
}
END_TEST

START_TEST(tasks_that_are_never_reached_are_warned_of)
{
	EXPECT(WARNING(DO("{'a':{'wait':'PT1S','then':'end'}},{'b':{'wait':'PT1S'}}"),
		       "/do/1/b", "never reached"),
		WARNING(DO("{'a':{'raise':{'error':{'type':'http://x','status':1}}}},"
			   "{'b':{'wait':'PT1S'}}"),
			"/do/1/b", "never reached"),
		{TASK("{'switch':[{'a':{'then':'end'}},{'b':{'when':'x','then':'end'}}]"
		      "}"),
			FINDING_WARNING, NULL, NULL},
		WARNING(DO("{'a':{'switch':[{'d':{'then':'c'}}]}},{'b':{'wait':'PT1S'}},"
			   "{'c':{'wait':'PT1S'}}"),
			"/do/1/b", "never reached"),
		{DO("{'a':{'wait':'PT1S','if':'.x','then':'end'}},{'b':{'wait':'PT1S'}}"),
			FINDING_WARNING, NULL, NULL},
		{DO("{'a':{'wait':'PT1S','then':'c'}},{'b':{'wait':'PT1S','then':'end'}},"
		    "{'c':{'wait':'PT1S','then':'b'}}"),
			FINDING_WARNING, NULL, NULL});
}
END_TEST

START_TEST(what_the_schema_allows_and_no_run_can_use_is_unsupported)
{
	EXPECT(UNSUPPORTED(TASK("{'do':[]}"), "/do/0/t/do", "is empty"),
		UNSUPPORTED(TASK("{'try':[{'x':{'wait':'PT1S'}}],'catch':{'do':[]}}"),
			"/do/0/t/catch/do", "is empty"),
		UNSUPPORTED(TASK("{'wait':{'seconds':-1}}"), "/do/0/t/wait/seconds",
			"of 0 or more"),
		UNSUPPORTED(
			USE("{'retries':{'r':{'limit':{'attempt':{'count':-1}}}}}", ""),
			"/use/retries/r/limit/attempt/count", "from 0"),
		UNSUPPORTED(TASK("{'fork':{'branches':[{'a':{'wait':'PT1S','then':'b'}},"
				 "{'b':{'wait':'PT1S'}}]}}"),
			"/do/0/t/fork/branches/0/a/then", "begin all at once"),
		UNSUPPORTED(TASK("{'fork':{'branches':[{'a':{'wait':'PT1S'}},"
				 "{'a':{'wait':'PT1S'}}]}}"),
			"/do/0/t/fork/branches/1/a", "must differ"));
}
END_TEST

START_TEST(advice_says_where_a_member_belongs)
{
	EXPECT(INVALID(TASK("{'call':'http','method':'get'}"), "/do/0/t/method",
		       "belongs into 'with'"),
		INVALID(TASK("{'call':'http','with':{'method':'get','endpoint':'http://"
			     "x',"
			     "'if':'.a'}}"),
			"/do/0/t/with/if", "belongs beside 'with'"),
		INVALID(TASK("{'emit':{'type':'x'}}"), "/do/0/t/emit/type",
			"belongs into 'event.with'"),
		INVALID(TASK("{'run':{'command':'ls'}}"), "/do/0/t/run/command",
			"belongs into 'container' or 'shell'"),
		INVALID(TASK("{'switch':[{'a':{'goto':'x'}}]}"),
			"/do/0/t/switch/0/a/goto", "mean 'then'?"),
		INVALID(USE("{'retries':{'r':{'maxAttempts':3}}}", ""),
			"/use/retries/r/maxAttempts", "mean 'count' in 'limit.attempt'?"),
		INVALID(TASK("{'set':{'a':1},'retry':'r'}"), "/do/0/t/retry",
			"metadata.retryPolicy"),
		INVALID(DO("{'name':'a','set':{'x':1}}"), "/do/0", "the name is missing"),
		INVALID(DO("{'set':{'x':1}}"), "/do/0", "{'NAME': {'set': ...}}"),
		VALID(DO("{'set':{'set':{'x':1}}}")),
		INVALID(TASK("{'switch':[{'when':'.x','then':'end'}]}"),
			"/do/0/t/switch/0", "{'NAME': {'when': ...}}"),
		INVALID(TASK("{'for':'.x','do':[]}"), "/do/0/t/for",
			"an object with 'in', not a string"),
		INVALID(TASK("{'wait':'90m'}"), "/do/0/t/wait", "mean 'PT90M'?"),
		INVALID(TASK("{'wait':{'seconds':'5'}}"), "/do/0/t/wait/seconds",
			"without quotes it is one: 5"),
		INVALID(TASK("{'run':{'shell':{'command':1}}}"),
			"/do/0/t/run/shell/command", "in quotes it is one: '1'"),
		INVALID("{'document':{'dsl':'1.0.0','namespace':'a','name':'b',"
			"'version':1.10},'do':[{'t':{'wait':'PT1S'}}]}",
			"/document/version", "in quotes it is one: '1.10.0'"),
		INVALID("{'document':{'dsl':1.0,'namespace':'a','name':'b',"
			"'version':'1.0.0'},'do':[{'t':{'wait':'PT1S'}}]}",
			"/document/dsl", "in quotes it is one: '1.0.0'"),
		UNSUPPORTED(TASK("{'wait':'PT1S','timeout':'PT5S'}"), "/do/0/t/timeout",
			"{'after': 'PT5S'}"),
		UNSUPPORTED(TASK("{'wait':'PT1S','then':'ent'}"), "/do/0/t/then",
			"mean 'end'?"));
}
END_TEST

/* Of a document that is refused anyway, nobody compiles the expressions later. */
START_TEST(expressions_of_a_refused_document_are_judged)
{
	EXPECT(UNSUPPORTED(DO("{'a':{'set':{'x':'v ${ .a | lenght }'},'then':'no'}}"),
		       "/do/0/a/set/x", "no function lenght; did you mean length"),
		UNSUPPORTED(DO("{'a':{'wait':'PT1S','if':'.a ==','then':'no'}}"),
			"/do/0/a/if", "a value is missing after '=='"),
		UNSUPPORTED(DO("{'a':{'set':{'x':'${ .a'},'then':'no'}}"),
			"/do/0/a/set/x", "never closed"),
		RUNS(TASK("{'set':{'x':'${ .a | lenght }'}}")),
		RUNS(TASK("{'run':{'script':{'language':'js','code':'a(`${ b c }`)'}}}")),
		{HEAD "'evaluate':{'mode':'loose'},'do':[{'a':{'set':{'x':'a b'},"
		      "'then':'no'}}]}",
			FINDING_UNSUPPORTED, "/do/0/a/then", "no task 'no'"});
	char *text =
		quoted(DO("{'a':{'set':{'x':'\\u00e9 ${ .a | lenght }'},'then':'no'}}"));
	struct json document;
	struct findings f;
	validate(text, strlen(text), &document, &f);
	ck_assert_uint_eq(f.count, 2);
	ck_assert_uint_eq(f.items[0].column, (size_t)(strstr(text, "lenght") - text) + 1);
	findings_finish(&f);
	free(text);
}
END_TEST

START_TEST(arguments_that_nobody_binds_are_warned_of)
{
	EXPECT(WARNING(TASK("{'set':{'x':'${ $contxt.a }'}}"), "/do/0/t/set/x",
		       "mean $context?"),
		WARNING(TASK("{'for':{'each':'order','in':'.x'},'do':[{'a':{'set':"
			     "'${ $oder }'}}]}"),
			"/do/0/t/do/0/a/set", "mean $order?"),
		{TASK("{'for':{'each':'order','at':'n','in':'.x'},'do':[{'a':{'set':"
		      "'${ . as $v | [$v, $order, $n, $steps.b, $workflow, $task] "
		      "}'}}]}"),
			FINDING_WARNING, NULL, NULL},
		{TASK("{'try':[{'x':{'wait':'PT1S'}}],'catch':{'as':'e','when':"
		      "'$e.status == $error.status'}}"),
			FINDING_WARNING, NULL, NULL});
}
END_TEST

START_TEST(findings_stand_in_the_order_of_the_text)
{
	const char *text =
		"{\"x\": 1,\n\t\"document\": {\"dsl\": 1},\n  \"do\": [{\"\xC3\xA9/~\": "
		"{\"wait\": 1}}]}";
	struct json document;
	struct findings f;
	validate(text, strlen(text), &document, &f);
	ck_assert_uint_eq(f.count, 6);
	ck_assert_uint_eq(f.errors, 5);
	ck_assert_uint_eq(f.items[0].column, 2);
	ck_assert_str_eq(f.items[4].pointer, "/document/dsl");
	ck_assert_uint_eq(f.items[4].line, 2);
	ck_assert_uint_eq(f.items[4].column, 22);
	ck_assert_str_eq(f.items[5].pointer, "/do/0/\xC3\xA9~1~0/wait");
	ck_assert_uint_eq(f.items[5].line, 3);
	ck_assert_uint_eq(f.items[5].column, 27);
	findings_finish(&f);
}
END_TEST

START_TEST(more_than_1000_findings_are_counted_but_not_listed)
{
	struct buf b = {0};
	char *head = quoted(HEAD "'do':[0");
	buf_puts(&b, head);
	for (int i = 1; i < 5000; i++)
		buf_puts(&b, ",0");
	buf_puts(&b, "]}");
	struct json document;
	struct findings f;
	validate(buf_text(&b), b.len, &document, &f);
	ck_assert_uint_eq(f.errors, 5000);
	ck_assert_uint_eq(f.count, 1000);
	findings_finish(&f);
	buf_finish(&b);
	free(head);
}
END_TEST

START_TEST(one_sql_statement_of_a_step_is_accepted)
{
	static const char *const good[] = {"select 1",
		"  -- note\n /* a /* b */ c */ Insert into t", "select 1;",
		"select 1 ; -- end", "(select 1) union select 2",
		"select ';', \"a;b\", $$ ; commit $$, $x$ $$;$$ $x$, E'\\';', 'it''s;'",
		"do $body$ begin; end $body$;",
		"with a as (values (1)) update t set x = $1",
		"select $${\"a\": 1}$$::json", "merge into t using s on true",
		"call p($1)", "select a$b from c$d"};
	struct error err;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		ck_assert_msg(sql_text_check(good[i], &err), "%s: %s", good[i], err.text);
}
END_TEST

START_TEST(other_sql_is_refused)
{
	static const char *const bad[] = {"", " -- x", "commit", "BEGIN; select 1",
		"rollback", "savepoint a", "prepare transaction 'x'", "set role x",
		"copy t from stdin", "truncate t", "create table t()", "vacuum",
		"select 1; select 2", "select 1; commit", "select 1;;", "select 'a",
		"select \"a", "select $$a", "select /* a", "select 1 /* /* */",
		"select ${ .a }", "select '${ .a }'", "select $$ ${ .a } $$", "${ .a }",
		"selectx", "; select 1", "select 'a\\'; commit; --'",
		"select E'\\'' ; commit"};
	struct error err;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		ck_assert_msg(!sql_text_check(bad[i], &err), "%s", bad[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("validate");
	TCase *tests = tcase_create("validate");
	tcase_add_test(tests, what_is_not_json_is_one_error_with_its_place);
	tcase_add_test(tests, depth_of_100000_is_one_error);
	tcase_add_test(tests, supported_tasks_have_no_findings);
	tcase_add_test(tests, misspelt_names_are_guessed);
	tcase_add_test(tests, the_shape_of_the_schema_is_enforced);
	tcase_add_test(tests, identity_follows_its_patterns);
	tcase_add_test(tests, what_has_no_effect_is_warned_of);
	tcase_add_test(tests, what_does_not_run_yet_is_unsupported);
	tcase_add_test(tests, schemas_of_data_must_compile);
	tcase_add_test(tests, secrets_may_stand_in_requests);
	tcase_add_test(tests, secrets_may_stand_nowhere_else);
	tcase_add_test(tests, secrets_are_declared_and_named);
	tcase_add_test(tests, a_name_is_no_expression);
	tcase_add_test(tests, an_input_with_a_secret_is_seen_by_the_request_only);
	tcase_add_test(tests, what_is_unsupported_is_still_checked);
	tcase_add_test(tests, arguments_of_sql_are_ours);
	tcase_add_test(tests, parameters_of_sql_are_those_it_names);
	tcase_add_test(tests, named_parameters_of_sql_are_found);
	tcase_add_test(tests, our_metadata_is_checked_and_other_metadata_is_free);
	tcase_add_test(tests, then_leads_to_a_task_of_the_same_list);
	tcase_add_test(tests, names_of_other_components_must_exist);
	tcase_add_test(tests, the_attempt_is_no_part_of_a_request);
	tcase_add_test(tests, tasks_that_are_never_reached_are_warned_of);
	tcase_add_test(tests, what_the_schema_allows_and_no_run_can_use_is_unsupported);
	tcase_add_test(tests, advice_says_where_a_member_belongs);
	tcase_add_test(tests, expressions_of_a_refused_document_are_judged);
	tcase_add_test(tests, arguments_that_nobody_binds_are_warned_of);
	tcase_add_test(tests, findings_stand_in_the_order_of_the_text);
	tcase_add_test(tests, more_than_1000_findings_are_counted_but_not_listed);
	tcase_add_test(tests, one_sql_statement_of_a_step_is_accepted);
	tcase_add_test(tests, other_sql_is_refused);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
