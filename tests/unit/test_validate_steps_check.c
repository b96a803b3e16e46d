/* Which members of $steps can be there where an expression stands. */
#include "suite.h"
#include "validate_cases.h"

#define STEP(name) "{'set':{'v':'${ $steps." name ".n }'}}"
#define ASK "'output':{'as':'$steps.a.n'}"

START_TEST(a_step_is_seen_after_it_in_its_list_and_inside_of_that)
{
	EXPECT(RUNS(DO("{'a':" STEP("z") "},{'z':{'set':{'n':1},'then':'a'}}")),
		RUNS(DO("{'a':{'do':[{'x':" STEP(
			"b") "}]}},{'b':{'set':{'n':1}}},"
			     "{'c':{'switch':[{'again':{'when':'.x','then':'a'}},{'o':{'"
			     "then':'end'}}]}}")),
		RUNS(DO("{'a':" STEP(
			"d") "},{'b':{'set':{'n':1},'then':'a'}},"
			     "{'c':{'set':{'n':1}}},{'d':{'set':{'n':1},'then':'b'}}")),
		RUNS(DO("{'a':{'set':{'n':1}}},{'b':{'for':{'in':'.x'},'do':[{'x':" STEP(
			"a") "},{'y':" STEP("x") "}],'while':'$steps.y.n'}}")),
		RUNS(DO("{'t':{'try':[{'a':{'set':{'n':1}}}],'catch':{'when':'$steps.a.n'"
			","
			"'do':[{'x':{'do':[{'y':" STEP("a") "}]}}]}}}")),
		RUNS(DO("{'t':{'try':[{'b':{'do':[{'a':{'wait':'PT1S'}}]}}],"
			"'catch':{'retry':{'when':'$steps.a.n'}}}}")),
		RUNS(DO("{'t':{'do':[{'a':{'set':{'n':1}}}]," ASK "}}")),
		RUNS(DO("{'t':{'fork':{'branches':[{'a':{'set':{'n':1}}}]}," ASK "}}")),
		RUNS(DO("{'a':{'set':{'n':1}}},{'t':{'set':{'v':'${ $steps | keys "
			"}'}}}")),
		RUNS(HEAD "'output':{'as':'$steps.b'},'do':[{'a':{'set':{'n':1}}},{'b'"
			  ":" STEP("a") "}]}"));
}
END_TEST

#define NULL_HERE "would always be null here"

START_TEST(a_step_that_cannot_be_seen_is_unsupported)
{
	EXPECT(UNSUPPORTED(DO("{'charge':{'set':{'n':1}}},{'t':" STEP("chrage") "}"),
		       "/do/1/t/set/v",
		       "null: no task has this name; did you mean 'charge'?"),
		UNSUPPORTED(DO("{'t':" STEP("a") "},{'a':{'set':{'n':1}}}"),
			"/do/0/t/set/v", NULL_HERE),
		UNSUPPORTED(DO("{'a':{'set':{'n':1},'if':'$steps.a'}}"), "/do/0/a/if",
			NULL_HERE),
		UNSUPPORTED(
			DO("{'b':{'do':[{'a':{'set':{'n':1}}}]}},{'t':" STEP("a") "}"),
			"/do/1/t/set/v", NULL_HERE),
		UNSUPPORTED(DO("{'b':{'input':{'from':'$steps.a'},'do':[{'a':{'set':{'n':"
			       "1}}}]}}"),
			"/do/0/b/input/from", NULL_HERE),
		UNSUPPORTED(
			DO("{'f':{'fork':{'branches':[{'a':{'set':{'n':1}}},{'b':" STEP(
				"a") "}]}}}"),
			"/do/0/f/fork/branches/1/b/set/v", NULL_HERE),
		UNSUPPORTED(DO("{'t':{'try':[{'b':{'do':[{'a':{'set':{'n':1}}}]}}],"
			       "'catch':{'do':[{'x':" STEP("a") "}]}}}"),
			"/do/0/t/catch/do/0/x/set/v", NULL_HERE),
		UNSUPPORTED(USE("{'functions':{'f':" STEP("a") "}}",
				    "{'a':{'set':{'n':1}}},{'t':{'call':'f'}}"),
			"/use/functions/f/set/v", NULL_HERE),
		RUNS(USE("{'extensions':[{'x':{'extend':'set','before':[{'y':" STEP(
				 "a") "}]}}]}",
			"{'a':{'set':{'n':1}}},{'t':{'set':{'n':1}}}")),
		UNSUPPORTED(
			USE("{'extensions':[{'x':{'extend':'set','before':[{'y':" STEP(
				    "b") "}]}}]}",
				"{'a':{'set':{'n':1}}}"),
			"/use/extensions/0/x/before/0/y/set/v", "no task has this name"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("steps_check");
	TCase *tests = tcase_create("steps_check");
	tcase_add_test(tests, a_step_is_seen_after_it_in_its_list_and_inside_of_that);
	tcase_add_test(tests, a_step_that_cannot_be_seen_is_unsupported);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
