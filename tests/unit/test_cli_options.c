/* Options of a command: what is accepted, and what is said of what is not. */
#include "options.h"

#include "command.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct option table[] = {
	{"input", 'i', OPTION_TEXT, "JSON", "the input"},
	{"wait", 'w', OPTION_FLAG, NULL, "wait"},
	{"limit", 'n', OPTION_COUNT, "N", "at most"},
	{"timeout", 0, OPTION_DURATION, "DURATION", "how long"},
	{"body-limit", 0, OPTION_SIZE, "SIZE", "how large"},
	{"at", 0, OPTION_TIME, "TIME", "when"},
	{"env", 'e', OPTION_LIST, "NAME", "a variable"},
	OPTION_ROW_OUTPUT,
	OPTION_ROW_HELP,
	{0},
};

static const struct command command = {
	.name = "try", .arguments = "FILE", .options = table, .least = 1, .most = 2};

/* Words in one string, between blanks; "_" stands for an empty word. */
static bool parse(char *line, struct options *ret, struct error *err)
{
	char *words[16];
	int n = 0;
	for (char *w = strtok_r(line, " ", &line); w; w = strtok_r(NULL, " ", &line))
		words[n++] = strcmp(w, "_") == 0 ? w + 1 : w;
	return options_parse(&command, n, words, ret, err);
}

/* ---- Accepted ---- */

static const struct {
	const char *line, *option, *text; /* text NULL: a flag that is given */
	int64_t number;
	int arguments;
} accepted[] = {
	{"a --input 5", "input", "5", 0, 1},
	{"--input=5 a", "input", "5", 0, 1},
	{"--input=a=b a", "input", "a=b", 0, 1},
	{"-i 5 a", "input", "5", 0, 1},
	{"-i5 a b", "input", "5", 0, 2},
	{"a --input -", "input", "-", 0, 1},
	{"a --input --wait", "input", "--wait", 0, 1},
	{"a --input 1 --input 2", "input", "2", 0, 1},
	{"a --wait", "wait", NULL, 0, 1},
	{"-w a", "wait", NULL, 0, 1},
	{"a --limit 0", "limit", "0", 0, 1},
	{"a -n 2147483647", "limit", "2147483647", 2147483647, 1},
	{"a --timeout 500ms", "timeout", "500ms", 500000, 1},
	{"a --timeout PT5S", "timeout", "PT5S", 5000000, 1},
	{"a --body-limit 64KiB", "body-limit", "64KiB", 65536, 1},
	{"a --body-limit 4096", "body-limit", "4096", 4096, 1},
	{"a --at 1970-01-01T00:00:01Z", "at", "1970-01-01T00:00:01Z", 1000000, 1},
	{"a -o jsonl", "output", "jsonl", 0, 1},
	{"--wait -- --input", "wait", NULL, 0, 1},
	{"-h", "help", NULL, 0, 0},
	{"- --wait", "wait", NULL, 0, 1},
};

START_TEST(accepts)
{
	struct options o;
	struct error err;
	char line[128];
	snprintf(line, sizeof line, "%s", accepted[_i].line);
	ck_assert_msg(parse(line, &o, &err), "%s: %s", accepted[_i].line, err.text);
	ck_assert(options_given(&o, accepted[_i].option));
	ck_assert_pstr_eq(options_text(&o, accepted[_i].option), accepted[_i].text);
	ck_assert_int_eq(
		options_number(&o, accepted[_i].option, -1), accepted[_i].number);
	ck_assert_int_eq(o.argument_count, accepted[_i].arguments);
	ck_assert_ptr_null(o.arguments[o.argument_count]);
	options_finish(&o);
}
END_TEST

START_TEST(lists_keep_every_value_in_order)
{
	struct options o;
	struct error err;
	char line[] = "a -e HOME --env=PATH --wait -eTZ";
	ck_assert(parse(line, &o, &err));
	char **list = options_list(&o, "env");
	ck_assert_str_eq(list[0], "HOME");
	ck_assert_str_eq(list[1], "PATH");
	ck_assert_str_eq(list[2], "TZ");
	ck_assert_ptr_null(list[3]);
	free(list);
	options_finish(&o);
}
END_TEST

START_TEST(absent_options_have_their_fallback)
{
	struct options o;
	struct error err;
	char line[] = "a";
	ck_assert(parse(line, &o, &err));
	ck_assert(!options_given(&o, "wait"));
	ck_assert_ptr_null(options_text(&o, "input"));
	ck_assert_int_eq(options_number(&o, "limit", 50), 50);
	options_finish(&o);
}
END_TEST

/* ---- Refused ---- */

static const struct {
	const char *line, *says;
} refused[] = {
	{"", "needs an argument: FILE"},
	{"a b c", "takes no argument \"c\""},
	{"a --wiat", "did you mean --wait?"},
	{"a --imput=5", "did you mean --input?"},
	{"a --Input 5", "did you mean --input?"},
	{"a --zzzzzz", "has no option --zzzzzz"},
	{"a --secrit=hunter2", "has no option --secrit;"},
	{"a -x", "has no option -x"},
	{"a --input", "--input needs a value: JSON"},
	{"a --input _", "--input must not be empty"},
	{"a --input=", "--input must not be empty"},
	{"a --wait=yes", "--wait takes no value"},
	{"a --limit -1", "a whole number, not \"-1\""},
	{"a --limit 1x", "a whole number"},
	{"a --limit 2147483648", "a whole number"},
	{"a --timeout 5", "takes a duration"},
	{"a --timeout 5y", "takes a duration"},
	{"a --body-limit 1MB", "takes a size"},
	{"a --at yesterday", "takes a time"},
	{"a -o yaml", "one of text|json|jsonl, not \"yaml\""},
	{"a -o json|text", "one of text|json|jsonl"},
};

START_TEST(refuses)
{
	struct options o;
	struct error err;
	char line[128];
	snprintf(line, sizeof line, "%s", refused[_i].line);
	ck_assert_msg(!parse(line, &o, &err), "%s is accepted", refused[_i].line);
	ck_assert_int_eq(err.kind, ERROR_INPUT);
	ck_assert_msg(strstr(err.text, refused[_i].says) != NULL, "%s", err.text);
}
END_TEST

START_TEST(a_refusal_does_not_repeat_the_value)
{
	struct options o;
	struct error err;
	char line[] = "a --passwort=hunter2";
	ck_assert(!parse(line, &o, &err));
	ck_assert_ptr_null(strstr(err.text, "hunter2"));
}
END_TEST

START_TEST(help_names_every_option)
{
	struct buf text = {0};
	options_describe(table, &text);
	for (const struct option *o = table; o->name; o++)
		ck_assert(strstr(buf_text(&text), o->name));
	buf_finish(&text);
}
END_TEST

/* ---- Commands ---- */

START_TEST(every_command_is_whole)
{
	for (const struct command *const *c = commands; *c; c++) {
		ck_assert((*c)->name && (*c)->arguments && (*c)->summary && (*c)->run);
		ck_assert_ptr_eq(command_find((*c)->name), *c);
		bool help = false;
		for (const struct option *o = (*c)->options; o->name; o++) {
			help = help || strcmp(o->name, "help") == 0;
			for (const struct option *p = (*c)->options; p < o; p++)
				ck_assert_msg(
					strcmp(o->name, p->name) != 0 &&
						(!o->letter || o->letter != p->letter),
					"%s: --%s and --%s", (*c)->name, o->name,
					p->name);
		}
		ck_assert_msg(help, "%s has no --help", (*c)->name);
	}
}
END_TEST

START_TEST(misspelt_commands_are_recognised)
{
	ck_assert_str_eq(command_nearest("statsu")->name, "status");
	ck_assert_str_eq(command_nearest("Retry")->name, "retry");
	ck_assert_str_eq(command_nearest("workflow")->name, "workflows");
	ck_assert_str_eq(command_nearest("deploy")->name, "apply");
	ck_assert_ptr_null(command_nearest("frobnicate"));
	ck_assert_ptr_null(command_find("statsu"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("options");
	TCase *t = tcase_create("options");
	tcase_add_loop_test(t, accepts, 0, sizeof accepted / sizeof *accepted);
	tcase_add_test(t, lists_keep_every_value_in_order);
	tcase_add_test(t, absent_options_have_their_fallback);
	tcase_add_loop_test(t, refuses, 0, sizeof refused / sizeof *refused);
	tcase_add_test(t, a_refusal_does_not_repeat_the_value);
	tcase_add_test(t, help_names_every_option);
	tcase_add_test(t, every_command_is_whole);
	tcase_add_test(t, misspelt_commands_are_recognised);
	suite_add_tcase(s, t);
	return suite_exit(s);
}
