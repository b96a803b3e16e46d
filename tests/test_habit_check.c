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

int main(void)
{
	Suite *suite = suite_create("habit_check");
	TCase *tests = tcase_create("habit_check");
	tcase_add_test(tests, an_assignment_is_no_condition);
	tcase_add_test(tests, jsonpath_is_not_read);
	tcase_add_test(tests, urls_begin_with_what_is_spoken);
	tcase_add_test(tests, a_try_does_not_catch_its_own_timeout);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
