/* Operations of API descriptions: where they are, and where their parameters go. */
#include "http/openapi.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BASE "https://docs.example.com/a/api.json"

static bool read_text(const char *text, struct openapi_operation *ret, struct error *err)
{
	struct json document;
	ck_assert(json_check(text, strlen(text), NULL, &document, NULL, err));
	struct openapi_document d;
	openapi_document_init(&d, document);
	bool ok = openapi_read(&d, BASE, "op", ret, err);
	openapi_document_finish(&d);
	return ok;
}

#define PATHS "\"paths\":{\"/x\":{\"get\":{\"operationId\":\"op\"}}}"

static const struct {
	const char *document, *url;
} servers[] = {
	{"{\"openapi\":\"3.1.0\"," PATHS "}", "https://docs.example.com/x"},
	{"{\"openapi\":\"3.0.0\",\"servers\":[{\"url\":\"https://api.example.com/v1/"
	 "\"}]," PATHS "}",
		"https://api.example.com/v1/x"},
	{"{\"openapi\":\"3.0.0\",\"servers\":[{\"url\":\"./v2\"}]," PATHS "}",
		"https://docs.example.com/a/v2/x"},
	{"{\"openapi\":\"3.0.0\",\"servers\":[{\"url\":\"https://{h}.example.com\","
	 "\"variables\":{\"h\":{\"default\":\"eu\"}}}]," PATHS "}",
		"https://eu.example.com/x"},
	{"{\"openapi\":\"3.0.0\",\"servers\":[{\"url\":\"/far\"}],\"paths\":{\"/x\":{"
	 "\"servers\":[{\"url\":\"/near\"}],\"get\":{\"operationId\":\"op\"}}}}",
		"https://docs.example.com/near/x"},
	{"{\"swagger\":\"2.0\",\"host\":\"h.example.com:8080\",\"basePath\":\"/b\","
	 "\"schemes\":[\"http\"]," PATHS "}",
		"http://h.example.com:8080/b/x"},
	{"{\"swagger\":\"2.0\",\"host\":\"h.example.com\",\"schemes\":[\"http\","
	 "\"https\"]," PATHS "}",
		"https://h.example.com/x"},
	{"{\"swagger\":\"2.0\",\"basePath\":\"/b\"," PATHS "}",
		"https://docs.example.com/b/x"},
};

START_TEST(the_server_is_found)
{
	struct openapi_operation o;
	struct error err = {0};
	ck_assert_msg(read_text(servers[_i].document, &o, &err), "%s", err.text);
	ck_assert_str_eq(o.url, servers[_i].url);
	ck_assert_str_eq(o.method, "GET");
	openapi_finish(&o);
}
END_TEST

START_TEST(parameters_of_the_operation_replace_those_of_its_path)
{
	static const char text[] =
		"{\"openapi\":\"3.0.0\",\"components\":{\"parameters\":{\"p\":{\"name\":"
		"\"p\","
		"\"in\":\"query\",\"required\":true}}},\"paths\":{\"/"
		"x\":{\"parameters\":["
		"{\"name\":\"q\",\"in\":\"query\"},{\"$ref\":\"#/components/parameters/"
		"p\"}],"
		"\"get\":{\"operationId\":\"op\",\"parameters\":[{\"name\":\"q\",\"in\":"
		"\"query\",\"required\":true,\"explode\":false}]}}}}";
	struct openapi_operation o;
	struct error err = {0};
	ck_assert_msg(read_text(text, &o, &err), "%s", err.text);
	ck_assert_uint_eq(o.count, 2);
	ck_assert(openapi_find(&o, "q")->required);
	ck_assert_int_eq(openapi_find(&o, "q")->separator, ',');
	ck_assert(openapi_find(&o, "p")->required);
	ck_assert_int_eq(openapi_find(&o, "p")->separator, 0);
	ck_assert_ptr_null(openapi_find(&o, "r"));
	openapi_finish(&o);
}
END_TEST

static const char *const wrong[] = {
	"{\"openapi\":\"4.0.0\"," PATHS "}",
	"{\"swagger\":\"1.2\"," PATHS "}",
	"[]",
	"{\"openapi\":\"3.0.0\",\"paths\":{}}",
	"{\"openapi\":\"3.0.0\",\"paths\":{\"/x\":{\"$ref\":\"#/paths/~1x\"}}}",
	"{\"openapi\":\"3.0.0\",\"paths\":{\"/x\":{\"get\":{\"operationId\":\"op\","
	"\"parameters\":[{\"$ref\":\"#/nowhere\"}]}}}}",
	"{\"openapi\":\"3.0.0\",\"paths\":{\"/x\":{\"post\":{\"operationId\":\"op\","
	"\"requestBody\":{\"content\":{\"multipart/form-data\":{}}}}}}}",
	"{\"openapi\":\"3.0.0\",\"servers\":[{\"url\":\"https://{h}.x\"}]," PATHS "}",
};

START_TEST(what_cannot_be_called_is_refused)
{
	struct openapi_operation o;
	struct error err = {0};
	ck_assert(!read_text(wrong[_i], &o, &err));
	ck_assert_int_eq(err.kind, ERROR_INPUT);
}
END_TEST

/* ---- Limits ---- */

static char *repeat(const char *head, const char *each, int count, const char *tail)
{
	struct buf b = {0};
	buf_puts(&b, head);
	for (int i = 0; i < count; i++) {
		for (const char *p = each; *p; p++) {
			if (*p == '#' && p[1] == 'n')
				buf_printf(&b, "%d", i);
			else if (*p == '#' && p[1] == 'm')
				buf_printf(&b, "%d", i + 1);
			else
				buf_putc(&b, *p);
			p += *p == '#' && (p[1] == 'n' || p[1] == 'm');
		}
	}
	buf_puts(&b, tail);
	return buf_take(&b);
}

#define HEAD "{\"openapi\":\"3.0.0\","
#define SCHEMA "{\"$ref\":\"#/components/schemas/s\"}"
#define BODY                                                                    \
	"\"paths\":{\"/x\":{\"post\":{\"operationId\":\"op\",\"requestBody\":{" \
	"\"content\":{\"application/json\":{\"schema\":" SCHEMA "}}}}}}"

static const struct {
	const char *head, *each;
	int count;
	const char *tail, *why;
} bombs[] = {
	{HEAD "\"paths\":{", "\"/p#n\":{\"$ref\":\"#/paths/~1p#m\"},", 20000,
		"\"/p20000\":{\"get\":{\"operationId\":\"op\"}}}}", NULL},
	{HEAD "\"paths\":{\"/x\":{\"get\":{\"operationId\":\"op\",\"parameters\":[",
		"{\"name\":\"q#n\",\"in\":\"query\"},", 60000,
		"{\"name\":\"q\",\"in\":\"query\"}]}}}}", "more than 1000 parameters"},
	{HEAD "\"components\":{\"schemas\":{\"s\":{\"allOf\":[", SCHEMA ",", 100,
		SCHEMA "]}}}," BODY "}", "takes too much work: more than 4 MiB"},
	{HEAD "\"components\":{\"schemas\":{\"s\":{\"properties\":{", "\"m#n\":{},", 2000,
		"\"m\":{}}}}}," BODY "}", "members of its body"},
	{HEAD "\"paths\":{\"/x\":{\"$ref\":\"#/big\"},", "\"/p#n\":{\"$ref\":\"#/big\"},",
		10000, "\"/y\":{}},\"big\":{\"x\":[",
		"takes too much work: more than 64 MiB"},
};

START_TEST(work_is_bounded)
{
	struct openapi_operation o;
	struct error err = {0};
	char *text =
		repeat(bombs[_i].head, bombs[_i].each, bombs[_i].count, bombs[_i].tail);
	if (text[strlen(text) - 1] == '[') {
		char *whole = repeat(text, "\"0123456789#n\",", 1000, "1]}}");
		free(text);
		text = whole;
	}
	clock_t before = clock();
	bool ok = read_text(text, &o, &err);
	ck_assert_msg(clock() - before < 2 * CLOCKS_PER_SEC, "it took too long");
	ck_assert_msg(ok == !bombs[_i].why, "%s", err.text);
	if (ok)
		openapi_finish(&o);
	else
		ck_assert_msg(strstr(err.text, bombs[_i].why), "%s", err.text);
	free(text);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("openapi");
	TCase *tc = tcase_create("openapi");
	tcase_add_loop_test(
		tc, the_server_is_found, 0, (int)(sizeof servers / sizeof *servers));
	tcase_add_test(tc, parameters_of_the_operation_replace_those_of_its_path);
	tcase_add_loop_test(tc, what_cannot_be_called_is_refused, 0,
		(int)(sizeof wrong / sizeof *wrong));
	tcase_add_loop_test(tc, work_is_bounded, 0, (int)(sizeof bombs / sizeof *bombs));
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
