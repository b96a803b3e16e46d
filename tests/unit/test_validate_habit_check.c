/* Habits of other languages are pointed out where they stand. */
#include "suite.h"
#include "validate_cases.h"

#define NOT_THERE(t)                           \
	{                                      \
		t, FINDING_WARNING, NULL, NULL \
	}

START_TEST(an_assignment_is_no_condition)
{
	EXPECT(WARNING(TASK("{'set':{'v':1},'if':'.x = 1'}"), "/do/0/t/if",
		       "always holds; did you mean '=='?"),
		WARNING(TASK("{'set':{'v':1},'if':'${ .a and .x = 1 }'}"), "/do/0/t/if",
			"did you mean '=='?"),
		WARNING(TASK("{'set':{'v':1},'if':'.x |= 1'}"), "/do/0/t/if",
			"always holds"),
		WARNING(TASK("{'for':{'in':'.x'},'while':'.x += 1','do':[{'u':{'wait':"
			     "'PT1S'}}]}"),
			"/do/0/t/while", "always holds"),
		NOT_THERE(TASK("{'set':{'v':1},'if':'.x == 1'}")),
		NOT_THERE(TASK("{'set':{'v':1},'if':'.x != 1 and .y >= 2 or .z <= 3'}")),
		NOT_THERE(TASK("{'set':{'v':1},'if':'.x = 1 | .y > .x'}")),
		NOT_THERE(TASK("{'set':{'v':1},'if':'(.x = 1).y > 2'}")),
		NOT_THERE(TASK("{'set':{'v':1},'if':'.x == \\'a = b\\''}")),
		NOT_THERE(TASK("{'set':{'v':1},'output':{'as':'.x = 1'}}")));
}
END_TEST

START_TEST(text_is_no_condition)
{
	EXPECT(WARNING(TASK("{'set':{'v':1},'if':'${ .x } == 1'}"), "/do/0/t/if",
		       "gives text, which always holds"),
		WARNING(TASK("{'switch':[{'c':{'when':' ${ .x } and ${ .y }','then':'end'"
			     "}}]}"),
			"/do/0/t/switch/0/c/when", "the whole condition"),
		WARNING(TASK("{'for':{'in':'.x'},'while':'${ .x }.','do':[{'u':{'wait':"
			     "'PT1S'}}]}"),
			"/do/0/t/while", "always holds"),
		NOT_THERE(TASK("{'set':{'v':1},'if':' ${ .x == 1 } '}")),
		NOT_THERE(TASK("{'set':{'v':1},'if':'.x == \\'${ .y }\\''}")),
		NOT_THERE(TASK("{'set':{'v':1},'output':{'as':'${ .v } times'}}")));
}
END_TEST

START_TEST(jsonpath_is_not_read)
{
	EXPECT(WARNING(TASK("{'set':{'v':'$.x.y'}}"), "/do/0/t/set/v", "${ .x.y }"),
		WARNING(TASK("{'set':{'v':'$..x'}}"), "/do/0/t/set/v", "${ .x }"),
		WARNING(TASK("{'set':{'v':'{{ .x }}'}}"), "/do/0/t/set/v", "not {{"),
		UNSUPPORTED(DO("{'t':{'set':{'v':1},'if':'$.x'}},{'u':{'wait':'PT1S',"
			       "'then':'no'}}"),
			"/do/0/t/if", "not '$' as in JSONPath"),
		NOT_THERE(TASK("{'set':{'v':'$5.00','w':'$x'}}")));
}
END_TEST

#define BODY(v)                                                                        \
	TASK("{'call':'http','with':{'method':'post','endpoint':'http://x/','body':" v \
	     "}}")
#define AWAIT(filter) TASK("{'listen':{'to':{'one':" filter "}}}")
#define EACH(body) \
	TASK("{'for':{'each':'x','in':'.l'},'do':[{'u':{'set':{'v':'" body "'}}}]}")

START_TEST(braces_are_not_forgotten)
{
	EXPECT(WARNING(BODY("{'order':'.order'}"), "/do/0/t/with/body/order",
		       "'.order' as it stands: an expression is written ${ .order }"),
		WARNING(TASK("{'set':{'v':['.a.b[0].c']}}"), "/do/0/t/set/v/0",
			"${ .a.b[0].c }"),
		WARNING(TASK("{'set':{'v':'$context.y'}}"), "/do/0/t/set/v",
			"${ $context.y }"),
		WARNING(TASK("{'set':{'v':'$input'}}"), "/do/0/t/set/v", "${ $input }"),
		WARNING(EACH("$x.id"), "/do/0/t/do/0/u/set/v", "${ $x.id }"),
		WARNING(AWAIT("{'with':{'type':'t'},'correlate':{'o':{'from':'.o','"
			      "expect':'.o'}}}"),
			"/do/0/t/listen/to/one/correlate/o/expect", "plain text"),
		NOT_THERE(TASK("{'set':{'a':'./"
			       "script','b':'.5','c':'...','d':'.','e':'..','f':'.json',"
			       "'g':'.a "
			       "b','h':'.a-b','i':'.a.','j':'$5','k':'$x.y','l':'.[]','m'"
			       ":'../x',"
			       "'n':'$','o':'.a/b','p':'. Then'}}")),
		NOT_THERE(TASK("{'run':{'shell':{'command':'ls','arguments':['.cache'"
			       ",'$input']}}}")),
		NOT_THERE(TASK("{'set':{'v':1},'output':{'as':'.v'},'if':'.w'}")),
		NOT_THERE(HEAD
			"'evaluate':{'mode':'loose'},'do':[{'t':{'set':{'v':'.x'}}}]}"));
}
END_TEST

START_TEST(names_of_loops_are_those_they_give)
{
	EXPECT(WARNING(EACH("${ $item }"), "/do/0/t/do/0/u/set/v",
		       "$item is bound by nothing here"),
		NOT_THERE(EACH("${ $index }")),
		NOT_THERE(DO("{'t':{'for':{'each':'x','in':'.l'},'do':[{'u':{'set':{'v':'"
			     "${ $item }'}}}]}},"
			     "{'w':{'for':{'in':'.l'},'do':[{'u':{'wait':'PT1S'}}]}}")),
		WARNING(TASK("{'for':{'in':'.l','at':'i'},'do':[{'u':{'set':{'v':'${ "
			     "$index }'}}}]}"),
			"/do/0/t/do/0/u/set/v", "$index is bound by nothing here"),
		WARNING(TASK("{'try':[{'u':{'wait':'PT1S'}}],'catch':{'as':'e','do':[{'h'"
			     ":{'set':{'v':"
			     "'${ $error.status }'}}}]}}"),
			"/do/0/t/catch/do/0/h/set/v", "$error is bound by nothing here"),
		NOT_THERE(TASK(
			"{'try':[{'u':{'wait':'PT1S'}}],'catch':{'do':[{'h':{'set':{'v':"
			"'${ $error.status }'}}}]}}")),
		NOT_THERE(USE("{'retries':{'r':{'when':'$error.status == 503'}}}",
			"{'t':{'wait':'PT1S'}}")));
}
END_TEST

#define CATCH(type)                                                                   \
	TASK("{'try':[{'w':{'wait':'PT1S'}}],'catch':{'errors':{'with':{'type':" type \
	     "}}}}")
#define RAISE(type) TASK("{'raise':{'error':{'type':" type ",'status':500}}}")
#define OLD_BASE "https://serverlessworkflow.io/spec/1.0.0/errors/"

START_TEST(misspelt_error_types_are_told)
{
	EXPECT(WARNING(CATCH("'" OLD_BASE "comunication'"),
		       "/do/0/t/catch/errors/with/type",
		       "did you mean "
		       "https://open-workflow-specification.org/spec/1.0.0/errors/"
		       "communication?"),
		WARNING(CATCH("'https://serverlessworkflow.io/spec/1.0.0/error/timeout'"),
			"/do/0/t/catch/errors/with/type", "errors/timeout?"),
		WARNING(CATCH("'communication'"), "/do/0/t/catch/errors/with/type",
			"errors/communication?"),
		WARNING(RAISE("'" OLD_BASE "runtme'"), "/do/0/t/raise/error/type",
			"errors/runtime?"),
		WARNING(USE("{'errors':{'e':{'type':'" OLD_BASE
			    "validaton','status':400}}}",
				"{'t':{'raise':{'error':'e'}}}"),
			"/use/errors/e/type", "errors/validation?"),
		NOT_THERE(CATCH("'" OLD_BASE "communication'")),
		NOT_THERE(CATCH("'" OLD_BASE "something-else'")),
		NOT_THERE(CATCH("'https://example.com/errors/comunication'")),
		NOT_THERE(CATCH("'out-of-stock'")), NOT_THERE(RAISE("'timeout'")));
}
END_TEST

START_TEST(attributes_of_events_are_spelt)
{
	EXPECT(WARNING(AWAIT("{'with':{'tpye':'t'}}"), "/do/0/t/listen/to/one/with/tpye",
		       "did you mean 'type'?"),
		WARNING(AWAIT("{'with':{'Type':'t'}}"), "/do/0/t/listen/to/one/with/Type",
			"did you mean 'type'?"),
		WARNING(AWAIT("{'with':{'type':'t','sorce':'/s'}}"),
			"/do/0/t/listen/to/one/with/sorce", "did you mean 'source'?"),
		WARNING(AWAIT("{'with':{'room':'7'}}"), "/do/0/t/listen/to/one/with",
			"without 'type'"),
		WARNING(TASK("{'emit':{'event':{'with':{'type':'t','subjet':'x'}}}}"),
			"/do/0/t/emit/event/with/subjet", "did you mean 'subject'?"),
		NOT_THERE(AWAIT("{'with':{'source':'/s'}}")),
		NOT_THERE(AWAIT("{'with':{'type':'t','room':'7','tape':'x'}}")),
		NOT_THERE(TASK("{'emit':{'event':{'with':{'type':'t','room':'7'}}}}")));
}
END_TEST

#define GET(endpoint) \
	TASK("{'call':'http','with':{'method':'get','endpoint':" endpoint "}}")
#define SOURCE(endpoint) \
	TASK("{'run':{'script':{'language':'js','source':{'endpoint':" endpoint "}}}}")

START_TEST(urls_begin_with_what_is_spoken)
{
	EXPECT(UNSUPPORTED(GET("'ftp://x/y'"), "/do/0/t/with/endpoint",
		       "must begin with http:// or https://"),
		UNSUPPORTED(GET("{'uri':'file:///x'}"), "/do/0/t/with/endpoint/uri",
			"must begin with http:// or https://"),
		UNSUPPORTED(GET("'/orders/{id}'"), "/do/0/t/with/endpoint",
			"must begin with"),
		UNSUPPORTED(SOURCE("'ftp://x/y'"), "/do/0/t/run/script/source/endpoint",
			"https:// or file://"),
		UNSUPPORTED(GET("'http:///x'"), "/do/0/t/with/endpoint", "has no host"),
		UNSUPPORTED(GET("{'uri':'HTTPS://'}"), "/do/0/t/with/endpoint/uri",
			"has no host"),
		UNSUPPORTED(
			GET("'http://:80/{x}'"), "/do/0/t/with/endpoint", "has no host"),
		UNSUPPORTED(SOURCE("'https://?x'"), "/do/0/t/run/script/source/endpoint",
			"has no host"),
		RUNS(GET("'http://{host}/x'")), RUNS(GET("'http://{host}:80/x'")),
		RUNS(SOURCE("'file:///x.js'")), RUNS(GET("'HTTPS://x/{y}'")),
		RUNS(GET("'{scheme}://x/'")), RUNS(GET("'http{s}://x'")),
		RUNS(GET("'${ .url }'")));
}
END_TEST

#define LATE(type) "'catch':{'errors':{'with':{" type "}},'do':[{'h':{'set':{'l':1}}}]}"
#define TIMES "'https://open-workflow-specification.org/spec/1.0.0/errors/timeout'"

START_TEST(a_try_does_not_catch_its_own_timeout)
{
	EXPECT(WARNING(TASK("{'try':[{'w':{'wait':'PT1H'}}],'timeout':{'after':'PT1S'}"
			    "," LATE("'status':408") "}"),
		       "/do/0/t/timeout", "not caught by its own catch"),
		WARNING(TASK("{'try':[{'w':{'wait':'PT1H'}}],'timeout':{'after':'PT1S'}"
			     "," LATE("'type':" TIMES) "}"),
			"/do/0/t/timeout", "not caught by its own catch"),
		NOT_THERE(
			TASK("{'try':[{'w':{'wait':'PT1H','timeout':{'after':'PT1S'}}}],"
			     "'timeout':{'after':'PT9S'}," LATE("'status':408") "}")),
		NOT_THERE(TASK(
			"{'try':[{'w':{'wait':'PT1H'}}],'timeout':{'after':'PT1S'}," LATE(
				"'status':500") "}")),
		NOT_THERE(TASK(
			"{'try':[{'w':{'wait':'PT1H'}}]," LATE("'status':408") "}")));
}
END_TEST

START_TEST(keywords_of_other_languages_are_told)
{
	EXPECT(INVALID(TASK("{'sleep':'PT1S'}"), "/do/0/t/sleep", "did you mean 'wait'?"),
		INVALID(TASK("{'if':'.x','http':{'url':'x'}}"), "/do/0/t/http",
			"did you mean 'call': 'http'?"),
		INVALID(TASK("{'shell':'ls'}"), "/do/0/t/shell", "'run': {'shell'?"),
		INVALID(TASK("{'print':'x'}"), "/do/0/t", "; here is 'print'"),
		INVALID(TASK("{}"), "/do/0/t", "must be an object with one of"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("habit_check");
	TCase *tests = tcase_create("habit_check");
	tcase_add_test(tests, an_assignment_is_no_condition);
	tcase_add_test(tests, text_is_no_condition);
	tcase_add_test(tests, jsonpath_is_not_read);
	tcase_add_test(tests, braces_are_not_forgotten);
	tcase_add_test(tests, names_of_loops_are_those_they_give);
	tcase_add_test(tests, misspelt_error_types_are_told);
	tcase_add_test(tests, attributes_of_events_are_spelt);
	tcase_add_test(tests, urls_begin_with_what_is_spoken);
	tcase_add_test(tests, a_try_does_not_catch_its_own_timeout);
	tcase_add_test(tests, keywords_of_other_languages_are_told);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
