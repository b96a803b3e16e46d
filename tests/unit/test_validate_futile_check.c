/* What can never do what its author means is pointed out, and nothing else. */
#include "suite.h"
#include "validate_cases.h"

#define NOT_THERE(t)                           \
	{                                      \
		t, FINDING_WARNING, NULL, NULL \
	}

#define HTTP(method, more)                                                             \
	TASK("{'call':'http','with':{'method':" method ",'endpoint':'http://x/'}" more \
	     "}")
#define NOTE(task, note) TASK("{" task ",'metadata':" note "}")
#define AT(name) "/do/0/t/metadata/" name
#define SET "'set':{'v':1}"
#define BLOCK "'do':[{'u':{'wait':'PT1S'}}]"
#define LOOP "'for':{'in':'.x'},'do':[{'u':{'wait':'PT1S'}}]"
#define TRY "'try':[{'u':{'wait':'PT1S'}}],'catch':{}"
#define SHELL "'run':{'shell':{'command':'ls'}}"
#define CHILD "'run':{'workflow':{'namespace':'n','name':'w','version':'1.0.0'}}"
#define STATEMENT "'call':'sql','with':{'statement':'select 1'"
#define RAISE "'raise':{'error':{'type':'https://x/y','status':400}}"

START_TEST(metadata_acts_where_it_stands)
{
	EXPECT(WARNING(NOTE(SET, "{'onUncertain':'hold'}"), AT("onUncertain"),
		       "has no effect on this set; it is for calls and run tasks"),
		WARNING(NOTE(BLOCK, "{'onUncertain':'fail'}"), AT("onUncertain"),
			"on this do: give it to the tasks in it"),
		WARNING(NOTE(LOOP, "{'keyWindow':'P1D'}"), AT("keyWindow"),
			"on this for"),
		WARNING(NOTE(TRY, "{'onConflict':'fail'}"), AT("onConflict"),
			"on this try"),
		WARNING(NOTE("'wait':'PT1S'", "{'retryPolicy':'p'}"), AT("retryPolicy"),
			"other tasks are retried by the 'catch'"),
		WARNING(NOTE(SHELL, "{'idempotencyKey':'none'}"), AT("idempotencyKey"),
			"$task.stepId is the key"),
		WARNING(NOTE(SHELL, "{'onConflict':'retry'}"), AT("onConflict"), "409"),
		WARNING(NOTE(SHELL, "{'retry':'p'}"), AT("retry"),
			"a policy of use.retries is named by 'retryPolicy'"),
		WARNING(NOTE(RAISE, "{'checkpoint':true}"), AT("checkpoint"),
			"on this raise"),
		WARNING(USE("{'functions':{'f':{'set':{'v':1}}}}",
				"{'t':{'call':'f','metadata':{'onUncertain':'hold'}}}"),
			AT("onUncertain"), "give it to the task in the function"),
		WARNING(USE("{'functions':{'f':{'set':{'v':1},'metadata':{'keyWindow':"
			    "'P1D'}}}}",
				"{'t':{'call':'f'}}"),
			"/use/functions/f/metadata/keyWindow", "on this set"));
	EXPECT(NOT_THERE(HTTP("'post'",
		       ",'metadata':{'onUncertain':'hold','keyWindow':"
		       "'P1D','onConflict':'retry','idempotencyKey':{'header':'X'}"
		       ",'checkpoint':true}")),
		NOT_THERE(NOTE(SHELL, "{'onUncertain':'hold','keyWindow':'P1D'}")),
		NOT_THERE(NOTE(SET, "{'checkpoint':true,'owner':'billing'}")),
		NOT_THERE(NOTE(BLOCK, "{'checkpoint':true}")),
		NOT_THERE(NOTE(TRY, "{'retry':'block','checkpoint':true}")),
		NOT_THERE(NOTE(STATEMENT ",'database':'d'}", "{'onUncertain':'hold'}")));
}
END_TEST

START_TEST(what_happens_once_needs_no_rule_for_losses)
{
	EXPECT(WARNING(NOTE(STATEMENT "}", "{'onUncertain':'hold'}"), AT("onUncertain"),
		       "own database happens once, whatever dies"),
		WARNING(NOTE(CHILD, "{'onUncertain':'fail'}"), AT("onUncertain"),
			"the start of a run happens once"),
		NOT_THERE(NOTE(STATEMENT "}", "{'onUncertain':'retry'}")),
		NOT_THERE(NOTE(CHILD, "{'onConflict':'retry','keyWindow':'P1D'}")));
}
END_TEST

START_TEST(metadata_of_the_document_is_not_that_of_a_task)
{
#define DOCUMENT(note)                                                             \
	"{'document':{'dsl':'1.0.0','namespace':'n','name':'c','version':'1.0.0'," \
	"'metadata':" note "},'use':{'retries':{'p':{}}},'do':[{'t':{'wait':'PT1S'}}]}"
	EXPECT(WARNING(DOCUMENT("{'onUncertain':'hold'}"),
		       "/document/metadata/onUncertain", "in the metadata of a task"),
		WARNING(DOCUMENT("{'retryPolicy':'p'}"), "/document/metadata/retryPolicy",
			"is named by 'retry'"),
		NOT_THERE(DOCUMENT("{'retry':'p','checkpoint':1,'owner':'x'}")));
}
END_TEST

START_TEST(methods_are_spelt)
{
	EXPECT(WARNING(HTTP("'psot'", ""), "/do/0/t/with/method", "did you mean 'post'?"),
		WARNING(HTTP("'Pacth'", ""), "/do/0/t/with/method", "'Pacth'"),
		WARNING(HTTP("'get /x'", ""), "/do/0/t/with/method", "no HTTP method"),
		WARNING(HTTP("''", ""), "/do/0/t/with/method", "no HTTP method"),
		WARNING(HTTP("'GET'", ",'metadata':{'idempotencyKey':{'header':'X'}}"),
			AT("idempotencyKey"), "only POST, PUT, PATCH and DELETE"),
		NOT_THERE(HTTP("'GET'", ",'metadata':{'idempotencyKey':'none'}")),
		NOT_THERE(HTTP("'Post'", "")), NOT_THERE(HTTP("'PROPFIND'", "")),
		NOT_THERE(HTTP("'purge'", "")), NOT_THERE(HTTP("'LINK'", "")),
		NOT_THERE(HTTP("'${ .method }'", "")));
}
END_TEST

START_TEST(no_time_is_no_timeout)
{
	EXPECT(WARNING(TASK("{'set':{'v':1},'timeout':{'after':'PT0S'}}"),
		       "/do/0/t/timeout/after", "over before anything is done"),
		WARNING(HEAD "'timeout':{'after':{'seconds':0,'days':0}},'do':[{'t':{"
			     "'wait':'PT1S'}}]}",
			"/timeout/after", "no time"),
		WARNING(USE("{'timeouts':{'x':{'after':'P0D'}}}",
				"{'t':{'wait':'PT1S'}}"),
			"/use/timeouts/x/after", "no time"),
		NOT_THERE(TASK("{'wait':'PT0S','timeout':{'after':'PT0.001S'}}")),
		NOT_THERE(TASK("{'set':{'v':1},'timeout':{'after':'${ .t }'}}")));
}
END_TEST

#define CATCH(body, with) \
	"{'t':{'try':[{'u':" body "}],'catch':{'errors':{'with':" with "}}}}"
#define BASE "https://serverlessworkflow.io/spec/1.0.0/errors/"
#define FIVE "{'type':'" BASE "timeout','status':500}"
#define WITH "/do/0/t/catch/errors/with/status"

START_TEST(a_pair_of_type_and_status_exists)
{
	EXPECT(WARNING(DO(CATCH("{'wait':'PT1S'}", FIVE)), WITH, "it has 408"),
		WARNING(DO(CATCH("{'wait':'PT1S'}",
				"{'type':'" BASE "validation','status':422}")),
			WITH, "it has 400"),
		WARNING(DO(CATCH("{'call':'http','with':{'method':'get','endpoint':"
				 "'http://x/'}}",
				FIVE)),
			WITH, "it has 408"),
		NOT_THERE(DO(CATCH(
			"{'wait':'PT1S'}", "{'type':'" BASE "timeout','status':408}"))),
		NOT_THERE(DO(CATCH("{'wait':'PT1S'}",
			"{'type':'" BASE "communication','status':418}"))),
		NOT_THERE(
			DO(CATCH("{'wait':'PT1S'}", "{'type':'x/timeout','status':1}"))),
		NOT_THERE(DO(CATCH("{" RAISE "}", FIVE))),
		NOT_THERE(DO(CATCH("{" CHILD "}", FIVE))),
		NOT_THERE(USE("{'functions':{'f':{'set':{'v':1}}}}",
			CATCH("{'call':'f'}", FIVE))));
}
END_TEST

#define IN(v) TASK("{'for':{'in':" v "},'do':[{'u':{'wait':'PT1S'}}]}")

START_TEST(a_loop_has_a_list)
{
	EXPECT(WARNING(IN("'${ 5 }'"), "/do/0/t/for/in", "is written '${ [5] }'"),
		WARNING(IN("' 5 '"), "/do/0/t/for/in", "range(N)"),
		WARNING(IN("'${ true }'"), "/do/0/t/for/in", "'${ [true] }'"),
		WARNING(IN("'\\'a\\''"), "/do/0/t/for/in", "this is no list"),
		NOT_THERE(IN("'${ [1, 2] }'")), NOT_THERE(IN("'${ null }'")),
		NOT_THERE(IN("'.x'")), NOT_THERE(IN("'${ 5 | [range(.)] }'")),
		NOT_THERE(IN("[]")), NOT_THERE(IN("[{'a':1}]")));
	EXPECT(INVALID(IN("[1,2]"), "/do/0/t/for/in/1",
		       "stands in an expression: '${ [1, 2] }'"),
		INVALID(IN("7"), "/do/0/t/for/in", "${ [range(5)] }"));
}
END_TEST

#define LISTEN(to) TASK("{'listen':{'to':" to "}}")

START_TEST(something_is_waited_for)
{
	EXPECT(WARNING(LISTEN("{'all':[]}"), "/do/0/t/listen/to/all",
		       "waits for nothing"),
		WARNING(LISTEN("{'any':[],'until':{'all':[]}}"),
			"/do/0/t/listen/to/until/all", "ends at once"),
		NOT_THERE(LISTEN("{'any':[]}")));
}
END_TEST

START_TEST(what_is_not_awaited_returns_nothing)
{
	EXPECT(WARNING(TASK("{'run':{'shell':{'command':'ls'},'await':false,'return':"
			    "'all'}}"),
		       "/do/0/t/run/return", "nothing is returned"),
		NOT_THERE(TASK("{'run':{'shell':{'command':'ls'},'await':true,'return':"
			       "'all'}}")),
		NOT_THERE(TASK("{'run':{'shell':{'command':'ls'},'await':false,'return':"
			       "'none'}}")));
}
END_TEST

START_TEST(a_raise_never_completes)
{
	EXPECT(WARNING(DO("{'t':{" RAISE ",'then':'u'}},{'u':{'wait':'PT1S'}}"),
		       "/do/0/t/then", "never completes"),
		WARNING(TASK("{" RAISE ",'output':{'as':'.x'}}"), "/do/0/t/output",
			"never completes"),
		NOT_THERE(TASK("{" RAISE ",'if':'.x','then':'end'}")));
}
END_TEST

#define GET(url) TASK("{'call':'http','with':{'method':'get','endpoint':" url "}}")
#define URL_ERROR(url, says) INVALID(GET(url), "/do/0/t/with/endpoint", says)

START_TEST(a_url_with_expressions_is_written_in_two_ways)
{
	EXPECT(URL_ERROR("'http://x/${ .id }'",
		       "a URI template, http://x/{id}, or all of it as one expression, "
		       "${ 'http://x/' + .id }"),
		URL_ERROR("'${ .base }/${ .a | tostring }?x'",
			"write all of it as one expression, ${ .base + '/' + (.a | "
			"tostring) + '?x' }"),
		URL_ERROR("'http://x/{ .id }'", "a name alone, as in {id}"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("futile_check");
	TCase *t = tcase_create("futile_check");
	tcase_add_test(t, metadata_acts_where_it_stands);
	tcase_add_test(t, what_happens_once_needs_no_rule_for_losses);
	tcase_add_test(t, metadata_of_the_document_is_not_that_of_a_task);
	tcase_add_test(t, methods_are_spelt);
	tcase_add_test(t, no_time_is_no_timeout);
	tcase_add_test(t, a_pair_of_type_and_status_exists);
	tcase_add_test(t, a_loop_has_a_list);
	tcase_add_test(t, something_is_waited_for);
	tcase_add_test(t, what_is_not_awaited_returns_nothing);
	tcase_add_test(t, a_raise_never_completes);
	tcase_add_test(t, a_url_with_expressions_is_written_in_two_ways);
	suite_add_tcase(s, t);
	return suite_exit(s);
}
