/* Schemas of the data flow, as the compiler makes them of a definition. */
#include "definition/data_schema.h"
#include "definition/definition.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define HEAD                                                                   \
	"{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"t\",\"name\":\"t\"," \
	"\"version\":\"1.0.0\"},"

static struct definition *compile(const char *text, const char *resources)
{
	struct definition *d;
	struct error err = {0};
	struct json document = {text, strlen(text)};
	if (!definition_create_with(document, resources, NULL, &d, &err))
		ck_abort_msg("%s", err.text);
	return d;
}

static const struct task *task_at(const struct definition *d, size_t i)
{
	return &d->root.body->tasks[i];
}

START_TEST(a_schema_is_compiled_once_whoever_calls_it)
{
	struct definition *d = compile(HEAD
		"\"use\":{\"functions\":{\"f\":{\"set\":{\"n\":1},\"input\":{\"schema\":{"
		"\"document\":{\"type\":\"object\"}}}}}},"
		"\"do\":[{\"a\":{\"call\":\"f\"}},{\"b\":{\"call\":\"f\"}}]}",
		NULL);
	const struct task *a = &task_at(d, 0)->body->tasks[0],
			  *b = &task_at(d, 1)->body->tasks[0];
	ck_assert_ptr_nonnull(a->input_schema);
	ck_assert_ptr_eq(a->input_schema, b->input_schema);
	ck_assert_ptr_null(a->output_schema);
	ck_assert_ptr_null(d->root.input_schema);
	definition_unref(d);
}
END_TEST

START_TEST(what_a_schema_refers_to_is_missing_until_it_is_pinned)
{
	static const char text[] = HEAD
		"\"output\":{\"schema\":{\"document\":{\"$ref\":\"http://x/b.json\"}}},"
		"\"do\":[{\"a\":{\"set\":{\"n\":1},\"export\":{\"schema\":{\"resource\":{"
		"\"endpoint\":\"http://x/a.json\"}}}}},{\"b\":{\"set\":{\"n\":1},"
		"\"output\":{\"schema\":{\"resource\":{\"endpoint\":\"http://x/a.json\"}}"
		"}}}]}";
	struct definition *d = compile(text, NULL);
	ck_assert_uint_eq(d->missing_count, 2);
	ck_assert_str_eq(d->missing[0].name, "http://x/b.json");
	ck_assert_str_eq(d->missing[1].url, "http://x/a.json");
	ck_assert_int_eq(d->missing[0].kind, REFERENCE_DOCUMENT);
	ck_assert_int_eq(d->missing[1].kind, REFERENCE_DOCUMENT);
	definition_unref(d);
	d = compile(text, "{\"http://x/a.json\":{\"$ref\":\"c.json#/x\"},"
			  "\"http://x/b.json\":false}");
	ck_assert_uint_eq(d->missing_count, 1);
	ck_assert_str_eq(d->missing[0].name, "http://x/c.json");
	definition_unref(d);
	d = compile(text, "{\"http://x/a.json\":{\"$ref\":\"c.json#/x\"},"
			  "\"http://x/b.json\":false,\"http://x/c.json\":{\"x\":true}}");
	ck_assert_uint_eq(d->missing_count, 0);
	ck_assert_ptr_nonnull(d->root.output_schema);
	ck_assert_ptr_eq(task_at(d, 0)->export_schema, task_at(d, 1)->output_schema);
	definition_unref(d);
}
END_TEST

START_TEST(the_longest_failures_fit_into_a_fault)
{
	struct buf text = {0}, schema = {0};
	struct fault fault = {0};
	struct json_schema *s;
	struct json v, checked;
	buf_puts(&schema, "{\"additionalProperties\":{\"pattern\":\"^");
	for (int i = 0; i < 400; i++)
		buf_puts(&schema, "\xc3\xa9");
	buf_puts(&schema, "$\"}}");
	for (int member = 0; member < 4; member++) {
		buf_printf(&text, "%s\"%d", member ? "," : "{", member);
		for (int i = 0; i < 400; i++)
			buf_puts(&text, i == 200 ? "\":\"" : "\xc3\xa9");
		buf_puts(&text, "\"");
	}
	buf_puts(&text, "}");
	ck_assert(json_check(text.data, text.len, NULL, &v, NULL, NULL));
	ck_assert(json_check(schema.data, schema.len, NULL, &checked, NULL, NULL));
	ck_assert(json_schema_compile(checked, NULL, &s, NULL));
	ck_assert(!data_schema_fits(s, "context", v, &fault));
	ck_assert_int_eq(fault.type, PROBLEM_VALIDATION);
	ck_assert_str_eq(strrchr(fault.detail, ';'), "; maybe more");
	ck_assert(data_schema_fits(NULL, "context", v, NULL));
	json_schema_destroy(s);
	buf_finish(&text);
	buf_finish(&schema);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("data_schema");
	TCase *tests = tcase_create("data_schema");
	tcase_add_test(tests, a_schema_is_compiled_once_whoever_calls_it);
	tcase_add_test(tests, what_a_schema_refers_to_is_missing_until_it_is_pinned);
	tcase_add_test(tests, the_longest_failures_fit_into_a_fault);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
