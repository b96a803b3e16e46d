/*
 * `call: http` against a scripted server: what goes out byte for byte, what comes back,
 * and which failures are certain.
 */
#include "base64.h"
#include "call_http.h"
#include "clock.h"
#include "fake_compiler.h"
#include "http_address.h"
#include "http_client.h"
#include "http_stub.h"

#include <arpa/inet.h>
#include <check.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#define STEP_ID "019aabcd-0000-8000-8000-000000000001"
#define OK_200 "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

/* ---- One call, from its `with` to its outcome ---- */

static uv_loop_t loop;
static struct settings settings;
static struct host host;
static struct stub *stub, *other;
static struct task_metadata metadata;
static bool engine_timeout; /* the task has a timeout of its own */
static const char *use;     /* the document's `use` */

static struct {
	bool rendered, done;
	uint8_t digest[16];
	struct effect effect;
} result;

static void on_done(struct effect *effect)
{
	(void)effect;
	result.done = true;
}

static void finish_result(void)
{
	buf_finish(&result.effect.output);
	buf_finish(&result.effect.authorization);
	memset(&result, 0, sizeof result);
}

static void setup(void)
{
	uv_loop_init(&loop);
	settings = (struct settings){0};
	host = (struct host){&loop, &settings, http_client_create(&loop), NULL};
	metadata = (struct task_metadata){0};
	engine_timeout = false;
	use = NULL;
	stub = stub_create();
	other = stub_create();
}

static void teardown(void)
{
	finish_result();
	http_client_destroy(host.http);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	stub_destroy(stub);
	stub_destroy(other);
}

static struct json checked(const char *text)
{
	struct json v;
	struct error err;
	if (!json_check(text, strlen(text), NULL, &v, NULL, &err))
		ck_abort_msg("%s: %s", text, err.text);
	return v;
}

/* @ stands for the stub's origin, % for the other stub's. */
static char *fill_in(const char *with)
{
	struct buf out = {0};
	for (; *with; with++) {
		if (*with == '@' || *with == '%')
			buf_printf(&out, "http://127.0.0.1:%d",
				stub_port(*with == '@' ? stub : other));
		else
			buf_putc(&out, *with);
	}
	return buf_take(&out);
}

static void start(struct task *task, struct request *request)
{
	struct effect *e = &result.effect;
	*e = (struct effect){.task = task,
		.request = request,
		.step_id = STEP_ID,
		.reference = task->reference,
		.attempt = 1,
		.host = &host,
		.on_done = on_done};
	task->kind->effect->start(e);
	ck_assert(!result.done);
}

/* Runs the call until it is done, or for stop_after_ms and then stops it. */
static void run_task(struct task *task, const char *input, unsigned stop_after_ms)
{
	struct scope scope = {.dot = checked(input)};
	struct render render = {task, &scope, STEP_ID, &host};
	struct request *request = NULL;
	result.rendered =
		task->kind->effect->render(&render, &request, &result.effect.fault);
	if (!result.rendered)
		return;
	memcpy(result.digest, request->digest, 16);
	start(task, request);
	int64_t end = clock_boottime() + stop_after_ms * USEC_PER_MS;
	while (!result.done && (!stop_after_ms || clock_boottime() < end))
		uv_run(&loop, stop_after_ms ? UV_RUN_NOWAIT : UV_RUN_ONCE);
	if (!result.done)
		task->kind->effect->stop(&result.effect);
	request->destroy(request);
}

static bool call_until(
	const char *with, const char *input, unsigned stop_after_ms, struct error *err)
{
	finish_result();
	char *text = fill_in(with),
	     *node = xasprintf("{\"call\":\"http\",\"with\":%s}", text);
	struct compiler c = {program_create(NULL), {0}};
	if (use)
		c.use = checked(use);
	struct task task = {.kind = &task_call_http,
		.name = "t",
		.reference = "/do/0/t",
		.node = checked(node),
		.metadata = metadata};
	task.timeout.present = engine_timeout;
	bool ok = task.kind->compile(&c, &task, err);
	if (ok)
		run_task(&task, input, stop_after_ms);
	task.kind->discard(task.spec);
	program_destroy(c.program);
	free(node);
	free(text);
	return ok;
}

static bool call_with(const char *with, const char *input)
{
	struct error err = {0};
	if (!call_until(with, input, 0, &err))
		ck_abort_msg("%s", err.text);
	return result.effect.succeeded;
}

static bool call(const char *with)
{
	return call_with(with, "{}");
}

#define ck_output(text) ck_assert_str_eq(buf_text(&result.effect.output), text)
#define ck_detail(part)                                                               \
	ck_assert_msg(strstr(result.effect.fault.detail, part) != NULL, "detail: %s", \
		result.effect.fault.detail)
#define ck_no_detail(part) ck_assert_ptr_null(strstr(result.effect.fault.detail, part))

static void ck_fault(enum problem_type type, int status, bool uncertain)
{
	ck_assert_msg(!result.effect.succeeded, "succeeded");
	ck_assert_msg(result.effect.fault.type == type, "type %d: %s",
		result.effect.fault.type, result.effect.fault.detail);
	ck_assert_int_eq(result.effect.fault.status, status);
	ck_assert_msg(result.effect.fault.uncertain == uncertain, "uncertain: %s",
		result.effect.fault.detail);
}

/* The i-th request's head has, or has not, this part. */
static void ck_head(struct stub *s, size_t i, const char *part, bool there)
{
	const struct stub_request *r = stub_request(s, i);
	ck_assert_ptr_nonnull(r);
	ck_assert_msg((strstr(r->head, part) != NULL) == there, "%s: %s", part, r->head);
}

/* ---- The request ---- */

START_TEST(body_is_sent_byte_for_byte)
{
	const char *body = "{\"n\":9007199254740993,\"d\":0.1000,\"e\":1e400,"
			   "\"s\":\"a\\u0000b\",\"u\":\"\xc3\xa9\"}";
	char *input = xasprintf("{\"b\":%s}", body);
	ck_assert(call_with("{\"method\":\"post\",\"endpoint\":\"@/x\","
			    "\"body\":\"${ .b }\"}",
		input));
	ck_assert_str_eq(stub_request(stub, 0)->body, body);
	ck_head(stub, 0, "POST /x HTTP/1.1\r\n", true);
	ck_head(stub, 0, "Content-Type: application/json\r\n", true);
	ck_head(stub, 0, "User-Agent: stepwell\r\n", true);
	ck_head(stub, 0, "Accept-Encoding", false);
	ck_head(stub, 0, "Expect", false);
	free(input);
}
END_TEST

START_TEST(body_of_a_string_depends_on_the_content_type)
{
	call("{\"method\":\"post\",\"endpoint\":\"@/\",\"body\":\"a \\\"b\\\"\"}");
	ck_assert_str_eq(stub_request(stub, 0)->body, "\"a \\\"b\\\"\"");
	call("{\"method\":\"post\",\"endpoint\":\"@/\",\"body\":\"a \\\"b\\\"\","
	     "\"headers\":{\"content-type\":\"text/plain\"}}");
	ck_assert_str_eq(stub_request(stub, 1)->body, "a \"b\"");
	ck_head(stub, 1, "application/json", false);
	call("{\"method\":\"post\",\"endpoint\":\"@/\",\"body\":\"x\","
	     "\"headers\":{\"Content-Type\":\"application/vnd.x+json; charset=utf-8\"}}");
	ck_assert_str_eq(stub_request(stub, 2)->body, "\"x\"");
	call("{\"method\":\"post\",\"endpoint\":\"@/\",\"body\":{\"a\":\"1 &\",\"b\":2},"
	     "\"headers\":{\"Content-Type\":\"application/x-www-form-urlencoded\"}}");
	ck_assert_str_eq(stub_request(stub, 3)->body, "a=1%20%26&b=2");
}
END_TEST

START_TEST(large_body_needs_no_expectation)
{
	char *x = xmalloc(3000001), *with;
	memset(x, 'x', 3000000);
	x[3000000] = '\0';
	with = xasprintf("{\"method\":\"put\",\"endpoint\":\"@/\",\"body\":\"%s\"}", x);
	ck_assert(call(with));
	ck_assert_uint_eq(stub_request(stub, 0)->body_len, 3000002);
	free(with);
	free(x);
}
END_TEST

START_TEST(methods_without_a_body)
{
	static const char *const methods[] = {"get", "delete", "post", "Put", "purge"};
	for (size_t i = 0; i < 5; i++) {
		char *with =
			xasprintf("{\"method\":\"%s\",\"endpoint\":\"@/\"}", methods[i]);
		ck_assert(call(with));
		ck_head(stub, i, "Content-Type", false);
		ck_head(stub, i, "Content-Length: 0\r\n", i == 2 || i == 3);
		free(with);
	}
	ck_head(stub, 4, "PURGE / HTTP/1.1", true);
	stub_text(stub, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n");
	ck_assert(call("{\"method\":\"head\",\"endpoint\":\"@/\"}"));
	ck_output("null");
	ck_head(stub, 5, "HEAD / HTTP/1.1", true);
}
END_TEST

START_TEST(url_is_a_template_with_a_query)
{
	ck_assert(call_with(
		"{\"method\":\"get\",\"endpoint\":\"@/p/{id}/{pet.id}?s={s}#f\","
		"\"query\":{\"a b\":\"x/y\",\"n\":1.50,\"l\":[1,\"2\"],\"z\":null}}",
		"{\"id\":9007199254740993,\"pet.id\":\"a/b ?\\u00e9\",\"s\":null}"));
	ck_head(stub, 0,
		"GET "
		"/p/9007199254740993/a%2Fb%20%3F%C3%A9?s=&a%20b=x%2Fy&n=1.50&l=1&l=2 ",
		true);
	ck_assert(call_with("{\"method\":\"get\",\"endpoint\":\"${ .u }\",\"query\":\"${ "
			    ".q }\"}",
			  "{\"u\":\"http://localhost:1/\",\"q\":7}") == false);
	ck_fault(PROBLEM_VALIDATION, 0, false);
}
END_TEST

START_TEST(template_variables_must_be_usable)
{
	const char *with = "{\"method\":\"get\",\"endpoint\":\"@/p/{id}\"}";
	call_with(with, "{}");
	ck_fault(PROBLEM_EXPRESSION, 0, false);
	call_with(with, "{\"id\":{}}");
	ck_fault(PROBLEM_EXPRESSION, 0, false);
	call_with(with, "{\"id\":\"..\"}");
	ck_fault(PROBLEM_VALIDATION, 0, false);
	struct error err;
	ck_assert(!call_until(
		"{\"method\":\"get\",\"endpoint\":\"@/{?id}\"}", "{}", 0, &err));
	ck_assert(!call_until(
		"{\"method\":\"get\",\"endpoint\":\"@/{id\"}", "{}", 0, &err));
	ck_assert_uint_eq(stub_count(stub), 0);
}
END_TEST

START_TEST(url_is_refused)
{
	static const char *const urls[] = {"ftp://h/", "file:///etc/passwd", "/relative",
		"", "http://u:p@h/", "http://u@h/", "http://h/a\\r\\nX: y",
		"http://h/\\u0000", "http://h/a b", "http://h\\\\@x/", "http://",
		"gopher://h/", "http://h:99999/", "HTTP:/h", "http://h%2e/",
		"http://h/{x}"};
	for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
		char *input = xasprintf("{\"u\":\"%s\"}", urls[i]);
		call_with("{\"method\":\"get\",\"endpoint\":\"${ .u }\"}", input);
		ck_assert_msg(!result.rendered, "%s", urls[i]);
		ck_fault(PROBLEM_VALIDATION, 0, false);
		free(input);
	}
	call_with("{\"method\":\"get\",\"endpoint\":\"${ .u }\"}",
		"{\"u\":\"http://user:hunter2@h/\"}");
	ck_detail("endpoint.authentication");
	ck_no_detail("hunter2");
}
END_TEST

START_TEST(headers_cannot_be_injected)
{
	static const char *const headers[] = {"{\"X\":\"a\\r\\nY: b\"}",
		"{\"X\":\"a\\nY: b\"}", "{\"X\":\"a\\u0000b\"}",
		"{\"X: y\\r\\nZ\":\"1\"}", "{\"\":\"1\"}", "{\"a b\":\"1\"}",
		"{\"X\\u0000\":\"1\"}", "{\"X\":{}}", "[1]", "7",
		"{\"Content-Length\":\"5\"}", "{\"transfer-encoding\":\"chunked\"}",
		"{\"X\":\"\\u007f\"}", "{\"X\":\"\\u001b[0m\"}"};
	for (size_t i = 0; i < sizeof headers / sizeof *headers; i++) {
		char *input = xasprintf("{\"h\":%s}", headers[i]);
		call_with("{\"method\":\"get\",\"endpoint\":\"@/\",\"headers\":\"${ .h "
			  "}\"}",
			input);
		ck_assert_msg(!result.rendered, "%s", headers[i]);
		ck_fault(PROBLEM_VALIDATION, 0, false);
		free(input);
	}
	call_with("{\"method\":\"${ .m }\",\"endpoint\":\"@/\"}",
		"{\"m\":\"GET / HTTP/1.1\\r\\nX: y\"}");
	ck_fault(PROBLEM_VALIDATION, 0, false);
	ck_assert_uint_eq(stub_count(stub), 0);
}
END_TEST

START_TEST(headers_are_sent_as_given)
{
	ck_assert(call(
		"{\"method\":\"get\",\"endpoint\":\"@/\",\"headers\":{\"X-Empty\":\"\","
		"\"X-N\":1.50,\"X-None\":null,\"user-agent\":\"mine\",\"X-Utf\":"
		"\"\u00e9\"}}"));
	ck_head(stub, 0, "X-Empty:\r\n", true);
	ck_head(stub, 0, "X-N: 1.50\r\n", true);
	ck_head(stub, 0, "X-Utf: \xc3\xa9\r\n", true);
	ck_head(stub, 0, "X-None", false);
	ck_head(stub, 0, "user-agent: mine\r\n", true);
	ck_head(stub, 0, "stepwell", false);
}
END_TEST

START_TEST(key_header)
{
	static const char *const methods[] = {
		"POST", "PUT", "PATCH", "DELETE", "GET", "HEAD"};
	for (size_t i = 0; i < 6; i++) {
		char *with =
			xasprintf("{\"method\":\"%s\",\"endpoint\":\"@/\"}", methods[i]);
		call(with);
		ck_head(stub, i, "Idempotency-Key: " STEP_ID "\r\n", i < 4);
		free(with);
	}
	call("{\"method\":\"post\",\"endpoint\":\"@/\","
	     "\"headers\":{\"idempotency-KEY\":\"mine\"}}");
	ck_head(stub, 6, "idempotency-KEY: mine\r\n", true);
	ck_head(stub, 6, STEP_ID, false);
	metadata.key_header = (char *)"X-Request-Id";
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_head(stub, 7, "X-Request-Id: " STEP_ID "\r\n", true);
	ck_head(stub, 7, "Idempotency-Key", false);
	metadata = (struct task_metadata){.no_key = true};
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_head(stub, 8, STEP_ID, false);
	metadata = (struct task_metadata){.key_header = (char *)"X: y"};
	struct error err;
	ck_assert(
		!call_until("{\"method\":\"post\",\"endpoint\":\"@/\"}", "{}", 0, &err));
}
END_TEST

START_TEST(digest_covers_all_but_authorization)
{
	static const char with[] =
		"{\"method\":\"post\",\"endpoint\":{\"uri\":\"@/{p}\",\"authentication\":"
		"{\"bearer\":{\"token\":\"${ .t }\"}}},\"headers\":{\"X\":\"${ .h }\"},"
		"\"body\":\"${ .b }\"}";
	static const char *const inputs[] = {"{\"p\":1,\"t\":\"t\",\"h\":\"h\",\"b\":1}",
		"{\"p\":1,\"t\":\"other\",\"h\":\"h\",\"b\":1}",
		"{\"p\":2,\"t\":\"t\",\"h\":\"h\",\"b\":1}",
		"{\"p\":1,\"t\":\"t\",\"h\":\"i\",\"b\":1}",
		"{\"p\":1,\"t\":\"t\",\"h\":\"h\",\"b\":1.0}"};
	uint8_t first[16];
	for (size_t i = 0; i < 5; i++) {
		ck_assert(call_with(with, inputs[i]));
		if (i == 0)
			memcpy(first, result.digest, 16);
		ck_assert_int_eq(memcmp(first, result.digest, 16) == 0, i < 2);
	}
}
END_TEST

START_TEST(connection_is_kept)
{
	for (size_t i = 0; i < 3; i++)
		ck_assert(call("{\"method\":\"post\",\"endpoint\":\"@/\",\"body\":1}"));
	ck_assert_uint_eq(stub_request(stub, 2)->connection, 1);
	metadata.on_uncertain = UNCERTAIN_FAIL;
	ck_assert(call("{\"method\":\"post\",\"endpoint\":\"@/\",\"body\":1}"));
	ck_assert_uint_eq(stub_request(stub, 3)->connection, 2);
}
END_TEST

/* ---- Authentication ---- */

START_TEST(basic_and_bearer)
{
	ck_assert(call_with("{\"method\":\"get\",\"endpoint\":{\"uri\":\"@/\","
			    "\"authentication\":{\"basic\":{\"username\":\"Aladdin\","
			    "\"password\":\"${ .p }\"}}}}",
		"{\"p\":\"open sesame\"}"));
	ck_head(stub, 0, "Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==\r\n", true);
	ck_assert_str_eq(buf_text(&result.effect.authorization),
		"{\"scheme\":\"Basic\",\"parameter\":\"QWxhZGRpbjpvcGVuIHNlc2FtZQ==\"}");
	use = "{\"authentications\":{\"mine\":{\"bearer\":{\"token\":\"${ .t }\"}}}}";
	ck_assert(call_with("{\"method\":\"get\",\"output\":\"response\",\"endpoint\":"
			    "{\"uri\":\"@/\",\"authentication\":{\"use\":\"mine\"}}}",
		"{\"t\":\"abc123\"}"));
	ck_head(stub, 1, "Authorization: Bearer abc123\r\n", true);
	ck_assert_str_eq(buf_text(&result.effect.authorization),
		"{\"scheme\":\"Bearer\",\"parameter\":\"abc123\"}");
	ck_assert_ptr_null(strstr(buf_text(&result.effect.output), "abc123"));
	struct error err;
	ck_assert(!call_until("{\"method\":\"get\",\"endpoint\":{\"uri\":\"@/\","
			      "\"authentication\":{\"use\":\"none\"}}}",
		"{}", 0, &err));
}
END_TEST

START_TEST(digest_authentication)
{
	static const char challenge[] =
		"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", "
		"nonce=\"abc\", qop=\"auth\", algorithm=SHA-256\r\nContent-Length: "
		"4\r\n\r\nwhat";
	static const char with[] =
		"{\"method\":\"post\",\"endpoint\":{\"uri\":\"@/d\",\"authentication\":"
		"{\"digest\":{\"username\":\"u\",\"password\":\"secret9\"}}},\"body\":[1]"
		"}";
	stub_text(stub, challenge);
	ck_assert(call(with));
	ck_output("{}");
	ck_assert_uint_eq(stub_count(stub), 2);
	ck_assert_uint_eq(stub_request(stub, 0)->body_len, 0);
	ck_head(stub, 0, "Authorization", false);
	ck_head(stub, 1, "Authorization: Digest username=\"u\"", true);
	ck_assert_str_eq(stub_request(stub, 1)->body, "[1]");
	stub_text(stub, challenge);
	stub_text(stub, challenge);
	ck_assert(!call(with));
	ck_fault(PROBLEM_COMMUNICATION, 401, false);
	ck_no_detail("secret9");
}
END_TEST

START_TEST(credentials_stay_out_of_texts)
{
	static const char with[] = "{\"method\":\"get\",\"endpoint\":{\"uri\":\"@/"
				   "?key=q\",\"authentication\":"
				   "{\"bearer\":{\"token\":\"${ .t "
				   "}\"}}},\"headers\":{\"X-Api-Key\":\"canary2\"}}";
	stub_text(stub, "HTTP/1.1 500 Oops\r\nContent-Length: 37\r\n\r\n"
			"you sent Bearer canary1 \x1b and canary2");
	call_with(with, "{\"t\":\"canary1\"}");
	ck_fault(PROBLEM_COMMUNICATION, 500, false);
	ck_detail("you sent Bearer *******   and *******");
	ck_no_detail("key=q");
	call_with(with, "{\"t\":null}");
	ck_fault(PROBLEM_AUTHORIZATION, 0, false);
	call_with(with, "{\"t\":\"canary\\r\\nX: y\"}");
	ck_fault(PROBLEM_VALIDATION, 0, false);
	ck_no_detail("canary");
}
END_TEST

/* ---- Outcomes ---- */

START_TEST(content_is_read_by_type_and_looks)
{
	static const struct {
		const char *type, *body, *output;
	} cases[] = {
		{"application/json", " {\"n\":0.1000,\"e\":1e400} ",
			"{\"n\":0.1000,\"e\":1e400}"},
		{"application/problem+json;x=y", "[9007199254740993]",
			"[9007199254740993]"},
		{"text/plain", "hello \"x\"\n", "\"hello \\\"x\\\"\\n\""},
		{"text/html", "[1, 2]", "[1, 2]"},
		{"application/octet-stream", "\xff\xfe", "\"//4=\""},
		{"application/json", "", "null"},
		{"text/plain", "{\"a\":1,\"a\":2}", "\"{\\\"a\\\":1,\\\"a\\\":2}\""},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *reply = xasprintf("HTTP/1.1 200 OK\r\nContent-Type: "
					"%s\r\nContent-Length: %zu\r\n\r\n%s",
			cases[i].type, strlen(cases[i].body), cases[i].body);
		stub_text(stub, reply);
		ck_assert(call("{\"method\":\"get\",\"endpoint\":\"@/\"}"));
		ck_output(cases[i].output);
		free(reply);
	}
}
END_TEST

START_TEST(answer_that_is_not_the_json_it_says)
{
	stub_text(stub, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
			"Content-Length: 3\r\n\r\n{a}");
	call("{\"method\":\"post\",\"endpoint\":\"@/\",\"output\":\"response\"}");
	ck_fault(PROBLEM_COMMUNICATION, 0, false);
	ck_assert_uint_eq(result.effect.output.len, 0);
}
END_TEST

START_TEST(raw_and_response)
{
	static const char reply[] =
		"HTTP/1.1 201 Created\r\nContent-Type: text/plain\r\n"
		"X-A: 1\r\nx-a: 2\r\nX-L: \xe9\r\nContent-Length: 5\r\n\r\nhello";
	stub_text(stub, reply);
	call("{\"method\":\"get\",\"endpoint\":\"@/\",\"output\":\"raw\"}");
	ck_output("\"aGVsbG8=\"");
	stub_text(stub, reply);
	call("{\"method\":\"get\",\"endpoint\":\"@/a?b=c\",\"output\":\"response\","
	     "\"headers\":{\"Authorization\":\"Bearer x\",\"X-One\":\"1\"}}");
	char *url = fill_in("@/a?b=c");
	char *expected = xasprintf(
		"{\"request\":{\"method\":\"GET\",\"uri\":\"%s\",\"headers\":{\"X-One\":"
		"\"1\","
		"\"User-Agent\":\"stepwell\",\"Accept\":\"*/"
		"*\"}},\"statusCode\":201,\"headers\":"
		"{\"Content-Type\":\"text/plain\",\"X-A\":\"1, 2\",\"X-L\":\"\u00e9\","
		"\"Content-Length\":\"5\"},\"content\":\"hello\"}",
		url);
	ck_output(expected);
	checked(buf_text(&result.effect.output));
	free(expected);
	free(url);
}
END_TEST

START_TEST(error_status)
{
	stub_text(stub, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nno\r\n");
	call("{\"method\":\"post\",\"endpoint\":\"@/x?secret=1\"}");
	ck_fault(PROBLEM_COMMUNICATION, 404, false);
	ck_assert_str_eq(result.effect.fault.title, "HTTP 404");
	char *detail = fill_in("POST @/x answered 404: no  ");
	ck_assert_str_eq(result.effect.fault.detail, detail);
	free(detail);
	stub_text(
		stub, "HTTP/1.1 302 Found\r\nLocation: /y\r\nContent-Length: 0\r\n\r\n");
	call("{\"method\":\"get\",\"endpoint\":\"@/x\"}");
	ck_fault(PROBLEM_COMMUNICATION, 302, false);
	ck_assert_uint_eq(stub_count(stub), 2);
}
END_TEST

START_TEST(conflict)
{
	static const char reply[] = "HTTP/1.1 409 Conflict\r\nContent-Length: 1\r\n\r\n1";
	stub_text(stub, reply);
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_COMMUNICATION, 409, false);
	metadata.on_conflict = CONFLICT_SUCCESS;
	stub_text(stub, reply);
	ck_assert(call("{\"method\":\"post\",\"endpoint\":\"@/\"}"));
	ck_output("1");
}
END_TEST

START_TEST(retry_after)
{
	static const struct {
		int status;
		const char *headers;
		int64_t seconds;
	} cases[] = {
		{429, "Retry-After: 7\r\n", 7},
		{503, "Retry-After: 1000000000\r\n", 86400},
		{503, "Retry-After: 99999999999999999999999\r\n", 86400},
		{429, "Retry-After: -1\r\n", 0},
		{429, "Retry-After: soon\r\n", 0},
		{500, "Retry-After: 7\r\n", 0},
		{429, "", 0},
		{429,
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n",
			30},
		{429,
			"Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
			"Retry-After: Sun, 06 Nov 1994 08:49:07 GMT\r\n",
			0},
		{429, "Retry-After: Sun, 06 Nov 1994 08:50:07 GMT\r\n", 0},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		char *reply = xasprintf("HTTP/1.1 %d X\r\n%sContent-Length: 0\r\n\r\n",
			cases[i].status, cases[i].headers);
		stub_text(stub, reply);
		call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
		ck_fault(PROBLEM_COMMUNICATION, cases[i].status, false);
		ck_assert_int_eq(
			result.effect.fault.retry_after, cases[i].seconds * USEC_PER_SEC);
		free(reply);
	}
}
END_TEST

START_TEST(refused_connection_is_certain)
{
	call("{\"method\":\"post\",\"endpoint\":\"http://127.0.0.1:1/\",\"body\":1}");
	ck_fault(PROBLEM_COMMUNICATION, 0, false);
	ck_assert(!result.effect.sent);
	call("{\"method\":\"post\",\"endpoint\":\"http://nowhere.invalid/\",\"body\":1}");
	ck_fault(PROBLEM_COMMUNICATION, 0, false);
	ck_assert(!result.effect.sent);
}
END_TEST

START_TEST(tls_failure_is_certain)
{
	stub_reply(stub, "garbage", 7, STUB_CLOSE);
	char *with =
		xasprintf("{\"method\":\"post\",\"endpoint\":\"https://127.0.0.1:%d/\"}",
			stub_port(stub));
	settings.http_timeout = 300 * USEC_PER_MS; /* the stub says nothing to a hello */
	call(with);
	ck_assert(!result.effect.succeeded && !result.effect.fault.uncertain);
	ck_assert(!result.effect.sent);
	free(with);
}
END_TEST

START_TEST(lost_and_broken_answers_are_uncertain)
{
	static const struct {
		const char *reply;
		enum stub_then then;
	} cases[] = {
		{"", STUB_CLOSE},
		{"", STUB_RESET},
		{"HTTP/1.1 200 OK\r\nContent-Le", STUB_CLOSE},
		{"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}", STUB_CLOSE},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
			STUB_CLOSE},
		{"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde",
			STUB_CLOSE},
		{"garbage garbage garbage\r\n\r\n", STUB_CLOSE},
		{"HTTP/1.1 100 Continue\r\n\r\n", STUB_CLOSE},
	};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		stub_reply(stub, cases[i].reply, strlen(cases[i].reply), cases[i].then);
		call("{\"method\":\"post\",\"endpoint\":\"@/\",\"body\":1}");
		ck_assert_msg(!result.effect.succeeded, "%s", cases[i].reply);
		ck_fault(PROBLEM_COMMUNICATION, 0, true);
		ck_assert(result.effect.sent);
		ck_assert_uint_eq(stub_count(stub), i + 1);
	}
}
END_TEST

START_TEST(request_on_a_dead_kept_connection_is_not_sent_twice)
{
	ck_assert(call("{\"method\":\"post\",\"endpoint\":\"@/\"}"));
	stub_reply(stub, "", 0, STUB_CLOSE);
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_COMMUNICATION, 0, true);
	ck_assert_uint_eq(stub_count(stub), 2);
	ck_assert(call("{\"method\":\"get\",\"endpoint\":\"@/\"}"));
	stub_reply(stub, "", 0, STUB_CLOSE);
	ck_assert(call("{\"method\":\"get\",\"endpoint\":\"@/\"}"));
	ck_assert_uint_eq(stub_count(stub), 5);
}
END_TEST

START_TEST(too_large_an_answer)
{
	static const char reply[] = "HTTP/1.1 %d X\r\nContent-Length: 200\r\n\r\n%0200d";
	settings.body_limit = 100;
	char *good = xasprintf(reply, 200, 0), *bad = xasprintf(reply, 500, 0);
	stub_text(stub, good);
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_RUNTIME, 0, true);
	ck_detail("answer larger than 100 bytes");
	stub_text(stub, good);
	call("{\"method\":\"get\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_RUNTIME, 0, false);
	stub_text(stub, bad);
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_COMMUNICATION, 500, false);
	free(good);
	free(bad);
}
END_TEST

START_TEST(too_many_headers)
{
	struct buf reply = {0};
	buf_puts(&reply, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 10000; i++)
		buf_printf(&reply, "X-%d: y\r\n", i);
	buf_puts(&reply, "Content-Length: 0\r\n\r\n");
	stub_reply(stub, reply.data, reply.len, STUB_CLOSE);
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_COMMUNICATION, 0, true);
	buf_clear(&reply);
	for (int i = 0; i < 10000; i++)
		buf_puts(&reply, "HTTP/1.1 102 Wait\r\n\r\n");
	stub_reply(stub, reply.data, reply.len, STUB_CLOSE);
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_COMMUNICATION, 0, true);
	buf_finish(&reply);
}
END_TEST

START_TEST(timeout)
{
	settings.http_timeout = 100 * USEC_PER_MS;
	stub_reply(stub, "", 0, STUB_KEEP);
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_TIMEOUT, 0, true);
	stub_text(stub, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}");
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_TIMEOUT, 0, true);
}
END_TEST

START_TEST(stop_ends_it_without_an_outcome)
{
	struct error err;
	stub_reply(stub, "", 0, STUB_KEEP);
	engine_timeout = true;
	settings.http_timeout = 50 * USEC_PER_MS; /* not this one's */
	ck_assert(
		call_until("{\"method\":\"post\",\"endpoint\":\"@/\"}", "{}", 200, &err));
	ck_assert(!result.done);
	ck_assert(result.effect.sent);
	ck_assert_ptr_null(result.effect.state);
	ck_assert(call_until(
		"{\"method\":\"post\",\"endpoint\":\"http://nowhere.invalid/\"}", "{}", 1,
		&err));
	engine_timeout = false;
	ck_assert(call("{\"method\":\"post\",\"endpoint\":\"@/\"}") || result.done);
}
END_TEST

/* ---- Redirects ---- */

static void redirect_to(struct stub *s, int status, const char *location)
{
	char *to = fill_in(location);
	char *reply = xasprintf(
		"HTTP/1.1 %d X\r\nLocation: %s\r\nContent-Length: 0\r\n\r\n", status, to);
	stub_text(s, reply);
	free(reply);
	free(to);
}

START_TEST(redirect_within_the_origin_keeps_headers)
{
	redirect_to(stub, 302, "../b?c=d");
	ck_assert(call(
		"{\"method\":\"get\",\"redirect\":true,\"endpoint\":{\"uri\":\"@/a/a\","
		"\"authentication\":{\"bearer\":{\"token\":\"t\"}}},"
		"\"headers\":{\"X-Api-Key\":\"k\"}}"));
	ck_head(stub, 1, "GET /b?c=d ", true);
	ck_head(stub, 1, "Authorization: Bearer t\r\n", true);
	ck_head(stub, 1, "X-Api-Key: k\r\n", true);
}
END_TEST

START_TEST(redirect_to_another_origin_drops_headers)
{
	redirect_to(stub, 307, "%/b");
	redirect_to(other, 307, "@/c");
	ck_assert(call(
		"{\"method\":\"get\",\"redirect\":true,\"endpoint\":{\"uri\":\"@/a\","
		"\"authentication\":{\"basic\":{\"username\":\"u\",\"password\":\"p\"}}},"
		"\"headers\":{\"X-Api-Key\":\"k\",\"Cookie\":\"c\",\"Accept\":\"x/"
		"y\"}}"));
	struct stub *stubs[] = {other, stub};
	for (size_t i = 0; i < 2; i++) {
		ck_head(stubs[i], i, "Accept: x/y\r\n", true);
		ck_head(stubs[i], i, "Authorization", false);
		ck_head(stubs[i], i, "X-Api-Key", false);
		ck_head(stubs[i], i, "Cookie", false);
	}
}
END_TEST

START_TEST(redirect_is_not_followed)
{
	redirect_to(stub, 303, "%/b");
	ck_assert(call("{\"method\":\"post\",\"redirect\":true,\"endpoint\":\"@/a\"}"));
	ck_output("null");
	ck_assert_uint_eq(stub_count(other), 0);
	stub_text(stub, "HTTP/1.1 304 Not Modified\r\n\r\n");
	ck_assert(call("{\"method\":\"get\",\"redirect\":true,\"endpoint\":\"@/a\"}"));
	static const char *const bad[] = {"ftp://x/", "file:///etc/passwd",
		"http://u:p@x/", "http://[", "javascript:1"};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		redirect_to(stub, 302, bad[i]);
		call("{\"method\":\"get\",\"redirect\":true,\"endpoint\":\"@/a\"}");
		ck_fault(PROBLEM_COMMUNICATION, 0, false);
	}
}
END_TEST

START_TEST(redirects_end)
{
	for (int i = 0; i < 6; i++)
		redirect_to(stub, 302, "/again");
	call("{\"method\":\"get\",\"redirect\":true,\"endpoint\":\"@/a\"}");
	ck_fault(PROBLEM_COMMUNICATION, 0, false);
	ck_detail("more than 5 redirects");
	ck_assert_uint_eq(stub_count(stub), 6);
}
END_TEST

START_TEST(redirect_to_a_refused_address)
{
	redirect_to(stub, 302, "http://169.254.169.254/latest/meta-data");
	call("{\"method\":\"get\",\"redirect\":true,\"endpoint\":\"@/a\"}");
	ck_fault(PROBLEM_CONFIGURATION, 0, false);
}
END_TEST

/* ---- Addresses ---- */

START_TEST(link_local_is_refused_in_every_spelling)
{
	static const char *const hosts[] = {"169.254.169.254", "2852039166", "0xa9fea9fe",
		"0251.0376.0251.0376", "169.254.43518", "0xa9.0376.169.254",
		"[::ffff:169.254.169.254]", "[::ffff:a9fe:a9fe]", "[fe80::1]",
		"[febf::1]", "[64:ff9b::a9fe:a9fe]", "[2002:a9fe:a9fe::1]",
		"[fd00:ec2::254]", "[::a9fe:a9fe]", "[0:0:0:0:0:ffff:169.254.1.1]"};
	for (size_t i = 0; i < sizeof hosts / sizeof *hosts; i++) {
		char *with = xasprintf(
			"{\"method\":\"post\",\"endpoint\":\"http://%s/\"}", hosts[i]);
		call(with);
		ck_fault(PROBLEM_CONFIGURATION, 0, false);
		ck_detail("is a link-local address; allow it with --allow-link-local");
		ck_assert(!result.effect.sent);
		free(with);
	}
}
END_TEST

static bool refused(const char *address, bool allow)
{
	struct sockaddr_in a = {.sin_family = AF_INET};
	struct sockaddr_in6 b = {.sin6_family = AF_INET6};
	char text[160];
	if (inet_pton(AF_INET, address, &a.sin_addr) == 1)
		return http_address_is_refused(
			(struct sockaddr *)&a, allow, text, sizeof text);
	ck_assert_int_eq(inet_pton(AF_INET6, address, &b.sin6_addr), 1);
	return http_address_is_refused((struct sockaddr *)&b, allow, text, sizeof text);
}

START_TEST(address_ranges)
{
	static const char *const free_ones[] = {"127.0.0.1", "10.0.0.1", "192.168.1.1",
		"100.64.0.1", "169.253.255.255", "169.255.0.0", "8.8.8.8", "::1",
		"fd00::1", "fec0::1", "2001:db8::1", "::ffff:127.0.0.1",
		"64:ff9b::808:808"};
	static const char *const never[] = {"0.0.0.0", "0.1.2.3", "224.0.0.1",
		"239.1.1.1", "255.255.255.255", "::", "ff02::1", "::ffff:0.0.0.0",
		"::ffff:224.0.0.1"};
	static const char *const link_local[] = {"169.254.0.1", "fe80::1", "febf:ffff::1",
		"fd00:ec2::254", "::ffff:169.254.0.1", "64:ff9b::169.254.1.1",
		"2002:a9fe:1::", "::169.254.1.1", "::ffff:0:169.254.1.1"};
	for (size_t i = 0; i < sizeof free_ones / sizeof *free_ones; i++)
		ck_assert_msg(!refused(free_ones[i], false), "%s", free_ones[i]);
	for (size_t i = 0; i < sizeof never / sizeof *never; i++)
		ck_assert_msg(refused(never[i], true), "%s", never[i]);
	for (size_t i = 0; i < sizeof link_local / sizeof *link_local; i++) {
		ck_assert_msg(refused(link_local[i], false), "%s", link_local[i]);
		ck_assert_msg(!refused(link_local[i], true), "%s", link_local[i]);
	}
}
END_TEST

START_TEST(environment_has_no_say)
{
	char *proxy = fill_in("%");
	setenv("http_proxy", proxy, 1);
	setenv("all_proxy", proxy, 1);
	ck_assert(call("{\"method\":\"get\",\"endpoint\":\"@/\"}"));
	ck_assert_uint_eq(stub_count(other), 0);
	ck_assert_uint_eq(stub_count(stub), 1);
	unsetenv("http_proxy");
	unsetenv("all_proxy");
	free(proxy);
}
END_TEST

START_TEST(base64)
{
	static const char *const pairs[][2] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="},
		{"foo", "Zm9v"}, {"foob", "Zm9vYg=="}, {"\xff\xfe\xfd", "//79"}};
	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct buf out = {0};
		base64_put(&out, pairs[i][0], strlen(pairs[i][0]));
		ck_assert_str_eq(buf_text(&out), pairs[i][1]);
		buf_finish(&out);
	}
}
END_TEST

static void add_requests(TCase *t)
{
	tcase_add_test(t, body_is_sent_byte_for_byte);
	tcase_add_test(t, body_of_a_string_depends_on_the_content_type);
	tcase_add_test(t, large_body_needs_no_expectation);
	tcase_add_test(t, methods_without_a_body);
	tcase_add_test(t, url_is_a_template_with_a_query);
	tcase_add_test(t, template_variables_must_be_usable);
	tcase_add_test(t, url_is_refused);
	tcase_add_test(t, headers_cannot_be_injected);
	tcase_add_test(t, headers_are_sent_as_given);
	tcase_add_test(t, key_header);
	tcase_add_test(t, digest_covers_all_but_authorization);
	tcase_add_test(t, connection_is_kept);
	tcase_add_test(t, basic_and_bearer);
	tcase_add_test(t, digest_authentication);
	tcase_add_test(t, credentials_stay_out_of_texts);
}

static void add_outcomes(TCase *t)
{
	tcase_add_test(t, content_is_read_by_type_and_looks);
	tcase_add_test(t, answer_that_is_not_the_json_it_says);
	tcase_add_test(t, raw_and_response);
	tcase_add_test(t, error_status);
	tcase_add_test(t, conflict);
	tcase_add_test(t, retry_after);
	tcase_add_test(t, refused_connection_is_certain);
	tcase_add_test(t, tls_failure_is_certain);
	tcase_add_test(t, lost_and_broken_answers_are_uncertain);
	tcase_add_test(t, request_on_a_dead_kept_connection_is_not_sent_twice);
	tcase_add_test(t, too_large_an_answer);
	tcase_add_test(t, too_many_headers);
	tcase_add_test(t, timeout);
	tcase_add_test(t, stop_ends_it_without_an_outcome);
}

static void add_redirects_and_addresses(TCase *t)
{
	tcase_add_test(t, redirect_within_the_origin_keeps_headers);
	tcase_add_test(t, redirect_to_another_origin_drops_headers);
	tcase_add_test(t, redirect_is_not_followed);
	tcase_add_test(t, redirects_end);
	tcase_add_test(t, redirect_to_a_refused_address);
	tcase_add_test(t, link_local_is_refused_in_every_spelling);
	tcase_add_test(t, address_ranges);
	tcase_add_test(t, environment_has_no_say);
	tcase_add_test(t, base64);
}

int main(void)
{
	Suite *suite = suite_create("call_http");
	TCase *t = tcase_create("call_http");
	tcase_add_checked_fixture(t, setup, teardown);
	tcase_set_timeout(t, 30);
	add_requests(t);
	add_outcomes(t);
	add_redirects_and_addresses(t);
	suite_add_tcase(suite, t);
	SRunner *runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	int failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
