/*
 * The requests of `call: http`: what goes out, byte for byte, what is refused before it
 * does, and authentication.
 */
#include "call_http_fixture.h"
#include "http/base64.h"
#include "http/headers.h"

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
	ck_assert(call_with(with, "{}"));
	ck_head(stub, 0, "GET /p/ HTTP/1.1\r\n", true);
	call_with(with, "{\"id\":{}}");
	ck_fault(PROBLEM_EXPRESSION, 0, false);
	call_with(with, "{\"id\":\"..\"}");
	ck_fault(PROBLEM_VALIDATION, 0, false);
	struct error err;
	ck_assert(!call_until(
		"{\"method\":\"get\",\"endpoint\":\"@/{?id}\"}", "{}", 0, &err));
	ck_assert(!call_until(
		"{\"method\":\"get\",\"endpoint\":\"@/{id\"}", "{}", 0, &err));
	ck_assert_uint_eq(stub_count(stub), 1);
}
END_TEST

START_TEST(url_is_refused)
{
	static const char *const urls[] = {"ftp://h/", "file:///etc/passwd", "/relative",
		"", "http://u:p@h/", "http://u@h/", "http://h/a\\r\\nX: y",
		"http://h/\\u0000", "http://h/a b", "http://h\\\\@x/", "http://",
		"gopher://h/", "http://h:99999/", "HTTP:/h", "http://h%2e/",
		"http://h/{x}", "http:///h/", "https:////h/", "http://:80/", "http://?h"};
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
#define CHALLENGE                                                                 \
	"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Digest realm=\"r\", "     \
	"nonce=\"abc\", qop=\"auth\", algorithm=SHA-256\r\nContent-Length: 4\r\n" \
	"\r\n"
#define SEVERAL                                                                  \
	"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"R\", "     \
	"Digest realm=\"r\", nonce=\"abc\", qop=\"auth\", algorithm=SHA-256\r\n" \
	"Content-Length: 4\r\n\r\n"
	static const char challenge[] = CHALLENGE, body_challenge[] = CHALLENGE "what";
	static const char with[] =
		"{\"method\":\"post\",\"endpoint\":{\"uri\":\"@/d\",\"authentication\":"
		"{\"digest\":{\"username\":\"u\",\"password\":\"secret9\"}}},\"body\":[1]"
		"}";
	stub_text(stub, challenge);
	ck_assert(call(with));
	ck_output("{}");
	ck_assert_uint_eq(stub_count(stub), 2);
	ck_head(stub, 0, "HEAD /d HTTP/1.1\r\n", true);
	ck_head(stub, 0, "Idempotency-Key", false);
	ck_head(stub, 0, "Authorization", false);
	ck_head(stub, 1, "POST /d HTTP/1.1\r\n", true);
	ck_head(stub, 1, "Idempotency-Key", true);
	ck_head(stub, 1, "Authorization: Digest username=\"u\"", true);
	ck_assert_str_eq(stub_request(stub, 1)->body, "[1]");
	/* Nobody asks for it: one request. */
	stub_text(stub, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	ck_assert(call(with));
	ck_assert_uint_eq(stub_count(stub), 4);
	ck_head(stub, 2, "HEAD", true);
	ck_head(stub, 3, "Authorization", false);
	ck_assert_str_eq(stub_request(stub, 3)->body, "[1]");
	/* Only the method itself is protected. */
	stub_text(stub, "HTTP/1.1 405 No\r\nContent-Length: 0\r\n\r\n");
	stub_text(stub, body_challenge);
	ck_assert(call(with));
	ck_assert_uint_eq(stub_count(stub), 7);
	ck_head(stub, 6, "Authorization: Digest username=\"u\"", true);
	ck_assert_str_eq(stub_request(stub, 6)->body, "[1]");
	/* It goes out once, whatever libcurl would do with a refusal. */
	stub_text(stub, challenge);
	stub_text(stub, body_challenge);
	ck_assert(!call(with));
	ck_assert_uint_eq(stub_count(stub), 9);
	ck_fault(PROBLEM_COMMUNICATION, 401, false);
	ck_no_detail("secret9");
	/* One of several challenges of one line. */
	stub_text(stub, SEVERAL);
	stub_text(stub, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	size_t before = stub_count(stub);
	ck_assert(call(with));
	ck_head(stub, before + 1, "Authorization: Digest username=\"u\"", true);
	ck_assert_str_eq(stub_request(stub, before + 1)->body, "[1]");
}
END_TEST

START_TEST(challenges_of_one_line_are_told_apart)
{
	static const char *const offers[] = {"Digest realm=\"r\"", "digest",
		" Basic realm=\"R\", Digest realm=\"r\"",
		"Basic realm=\"a\\\"b\",DIGEST\tx=1", "Negotiate, Digest nonce=1",
		"Bearer abc=, Digest"};
	static const char *const none[] = {"", "Basic realm=\"x, Digest y\"",
		"Digestive a=1", "Basic realm=\"a\\\", Digest b\"", "Basic Digest",
		"Basic x=\"open, Digest "};
	for (size_t i = 0; i < sizeof offers / sizeof *offers; i++)
		ck_assert_msg(
			http_challenge_offers(offers[i], "Digest"), "%s", offers[i]);
	for (size_t i = 0; i < sizeof none / sizeof *none; i++)
		ck_assert_msg(!http_challenge_offers(none[i], "Digest"), "%s", none[i]);
}
END_TEST

START_TEST(credentials_stay_out_of_texts)
{
	static const char with[] = "{\"method\":\"get\",\"endpoint\":{\"uri\":\"@/"
				   "?key=q\",\"authentication\":"
				   "{\"bearer\":{\"token\":\"${ .t "
				   "}\"}}},\"headers\":{\"X-Api-Key\":\"canary2\"}}";
	/* Plain, and as JSON libraries and HTML write them. */
	static const char *const echoes[] = {"you sent Bearer canary1+x/yz=",
		"{\"got\":\"canary1\\u002Bx\\/yz\\u003d\"}", "<b>canary1&#43;x",
		"canary1%2Bx", "a key that is canary2"};
	for (size_t i = 0; i < sizeof echoes / sizeof *echoes; i++) {
		char answer[200];
		snprintf(answer, sizeof answer,
			"HTTP/1.1 500 Oops\r\nContent-Length: %zu\r\n\r\n%s",
			strlen(echoes[i]), echoes[i]);
		stub_text(stub, answer);
		call_with(with, "{\"t\":\"canary1+x/yz=\"}");
		ck_fault(PROBLEM_COMMUNICATION, 500, false);
		ck_detail("answered 500");
		ck_no_detail("canary");
		ck_no_detail("yz");
		ck_no_detail("key=q");
	}
	stub_text(stub,
		"HTTP/1.1 500 Oops\r\nContent-Length: 18\r\n\r\nno such \x1b customer");
	call_with(with, "{\"t\":\"canary1+x/yz=\"}");
	ck_detail("answered 500: no such   customer");
	/* Too short to be recognised. */
	stub_text(
		stub, "HTTP/1.1 500 Oops\r\nContent-Length: 15\r\n\r\nyou sent \"a+b\"!");
	call_with(with, "{\"t\":\"a+b\"}");
	ck_fault(PROBLEM_COMMUNICATION, 500, false);
	ck_no_detail("a+b");
	call_with(with, "{\"t\":null}");
	ck_fault(PROBLEM_AUTHORIZATION, 0, false);
	call_with(with, "{\"t\":\"canary\\r\\nX: y\"}");
	ck_fault(PROBLEM_VALIDATION, 0, false);
	ck_no_detail("canary");
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

int main(void)
{
	const TTest *const tests[] = {
		body_is_sent_byte_for_byte,
		body_of_a_string_depends_on_the_content_type,
		large_body_needs_no_expectation,
		methods_without_a_body,
		url_is_a_template_with_a_query,
		template_variables_must_be_usable,
		url_is_refused,
		headers_cannot_be_injected,
		headers_are_sent_as_given,
		key_header,
		digest_covers_all_but_authorization,
		connection_is_kept,
		basic_and_bearer,
		digest_authentication,
		challenges_of_one_line_are_told_apart,
		credentials_stay_out_of_texts,
		base64,
	};
	return run_suite("http_request", tests, sizeof tests / sizeof *tests);
}
