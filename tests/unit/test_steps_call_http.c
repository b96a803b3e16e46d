/* The outcomes of `call: http`: what an answer becomes, and which failures are certain.
 */
#include "call_http_fixture.h"

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
	ck_fault(PROBLEM_COMMUNICATION, 0, true);
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
		"{\"Content-Type\":\"text/plain\",\"content-type\":\"text/plain\","
		"\"X-A\":\"1, 2\",\"x-a\":\"1, 2\",\"X-L\":\"\u00e9\",\"x-l\":\"\u00e9\","
		"\"Content-Length\":\"5\",\"content-length\":\"5\"},\"content\":"
		"\"hello\"}",
		url);
	ck_output(expected);
	checked(buf_text(&result.effect.output));
	free(expected);
	free(url);
}
END_TEST

/* The answer with these headers and this body becomes this output. */
static void check_text(
	const char *headers, const char *body, size_t n, const char *expected)
{
	struct buf reply = {0};
	buf_printf(
		&reply, "HTTP/1.1 200 OK\r\n%sContent-Length: %zu\r\n\r\n", headers, n);
	buf_add(&reply, body, n);
	stub_reply(stub, reply.data, reply.len, STUB_KEEP);
	call("{\"method\":\"get\",\"endpoint\":\"@/\"}");
	ck_output(expected);
	buf_finish(&reply);
}

#define CHECK_TEXT(type, body, expected) \
	check_text("Content-Type: " type "\r\n", body, sizeof body - 1, expected)

START_TEST(charsets_and_marks)
{
	CHECK_TEXT("text/plain; charset=ISO-8859-1", "h\xe9llo", "\"h\u00e9llo\"");
	CHECK_TEXT("text/plain; x=1; Charset=\"windows-1252\"", "\x80 1", "\"\u20ac 1\"");
	CHECK_TEXT("text/plain;charset=utf-16le", "h\0\xe9\0", "\"h\u00e9\"");
	CHECK_TEXT("application/json; charset=iso-8859-1", "{\"a\":\"\xe9\"}",
		"{\"a\":\"\u00e9\"}");
	CHECK_TEXT("application/json", "\xef\xbb\xbf{\"a\":1}", "{\"a\":1}");
	CHECK_TEXT("text/plain", "\xef\xbb\xbfx", "\"x\"");
	CHECK_TEXT("text/plain", "\xef\xbb\xbf", "null");
	/* Not known, or not true: as it came. */
	CHECK_TEXT("text/plain; charset=bogus", "h\xe9", "\"aOk=\"");
	CHECK_TEXT("text/plain; charset=ISO-2022-CN-EXT", "h", "\"h\"");
	CHECK_TEXT("text/plain; charset=utf-16le", "h\0\xe9", "\"aADp\"");
	CHECK_TEXT("application/json; charset=", "{\"a\":1}", "{\"a\":1}");
	char *large = xmalloc(100000), *expected = xmalloc(200003);
	memset(large, 0xe9, 100000);
	for (size_t i = 0; i < 100000; i++)
		memcpy(expected + 1 + 2 * i, "\xc3\xa9", 2);
	expected[0] = expected[200001] = '"';
	expected[200002] = '\0';
	check_text(
		"Content-Type: text/plain; charset=latin1\r\n", large, 100000, expected);
	free(large);
	free(expected);
}
END_TEST

START_TEST(encoded_answer_is_decoded)
{
	static const char packed[] =
		"\x1f\x8b\x08\x00\x00\x00\x00\x00\x02\x03\xab\x56\xaa\x52"
		"\xb2\x32\xac\x05\x00\x3c\x0a\x2b\x41\x07\x00\x00\x00";
	check_text("Content-Type: application/json\r\nContent-Encoding: gzip\r\n", packed,
		sizeof packed - 1, "{\"z\":1}");
	ck_head(stub, 0, "Accept-Encoding", false);
	stub_text(stub, "HTTP/1.1 200 OK\r\nContent-Encoding: zip\r\nContent-Length: "
			"2\r\n\r\nno");
	ck_assert(!call("{\"method\":\"post\",\"endpoint\":\"@/\"}"));
	ck_fault(PROBLEM_COMMUNICATION, 0, true);
	ck_assert(strstr(effect_fault(&result.effect)->detail, "ncoding"));
}
END_TEST

START_TEST(cookies_stand_apart)
{
	stub_text(stub, "HTTP/1.1 200 OK\r\nSet-Cookie: a=1; Expires=Wed, 21 Oct 2026\r\n"
			"set-cookie: b=2\r\nContent-Length: 0\r\n\r\n");
	call("{\"method\":\"get\",\"endpoint\":\"@/\",\"output\":\"response\"}");
	ck_assert(strstr(buf_text(&result.effect.output),
		"\"Set-Cookie\":[\"a=1; Expires=Wed, 21 Oct 2026\",\"b=2\"]"));
	ck_assert(strstr(buf_text(&result.effect.output), "\"set-cookie\":["));
}
END_TEST

START_TEST(error_status)
{
	stub_text(stub, "HTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nno\r\n");
	call("{\"method\":\"post\",\"endpoint\":\"@/x?secret=1\"}");
	ck_fault(PROBLEM_COMMUNICATION, 404, false);
	ck_head(stub, 0, "POST /x?secret=1 HTTP/1.1\r\n", true);
	ck_assert_str_eq(effect_fault(&result.effect)->title, "HTTP 404");
	char *detail = fill_in("POST @/x answered 404: no  ");
	ck_assert_str_eq(effect_fault(&result.effect)->detail, detail);
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
		{429, "Retry-After: 1.5\r\n", 0},
		{429, "Retry-After: 1e1\r\n", 0},
		{429, "Retry-After: 3, 5\r\n", 0},
		{429,
			"Date: Mon, 30 Nov 2026 00:00:00 GMT\r\n"
			"Retry-After: 2026-11-30T00:00:05Z\r\n",
			0},
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
		ck_assert_int_eq(effect_fault(&result.effect)->retry_after,
			cases[i].seconds * USEC_PER_SEC);
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

START_TEST(request_of_a_lapsed_lease_is_not_sent)
{
	stub_text(stub, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
	lease_is_over = true;
	ck_assert(call("{\"method\":\"post\",\"endpoint\":\"@/\"}"));
	ck_assert(result.effect.waits && result.effect.wait_usec > 0);
	ck_assert(!result.effect.sent);
	ck_assert_ptr_null(stub_request(stub, 0));
	lease_is_over = false;
	ck_assert(call("{\"method\":\"post\",\"endpoint\":\"@/\"}"));
	ck_assert(!result.effect.waits && result.effect.sent);
	ck_assert_ptr_nonnull(stub_request(stub, 0));
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
	ck_assert(!result.effect.succeeded && !effect_fault(&result.effect)->uncertain);
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
	ck_detail("answer larger than 100 bytes, the --body-limit of the worker");
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
	buf_puts(&reply, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 200; i++)
		buf_printf(&reply, "X-%d: y\r\n", i);
	buf_puts(&reply, "Content-Length: 0\r\n\r\n");
	stub_reply(stub, reply.data, reply.len, STUB_CLOSE);
	call("{\"method\":\"post\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_COMMUNICATION, 0, true);
	ck_detail("more than 200 header lines");
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
	stub_reply(stub, "", 0, STUB_KEEP);
	call("{\"method\":\"get\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_TIMEOUT, 0, false); /* it changes nothing */
	stub_text(stub, "HTTP/1.1 200 OK\r\nContent-Le");
	call("{\"method\":\"options\",\"endpoint\":\"@/\"}");
	ck_fault(PROBLEM_TIMEOUT, 0, false);
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

int main(void)
{
	const TTest *const tests[] = {
		content_is_read_by_type_and_looks,
		answer_that_is_not_the_json_it_says,
		raw_and_response,
		charsets_and_marks,
		encoded_answer_is_decoded,
		cookies_stand_apart,
		error_status,
		conflict,
		retry_after,
		refused_connection_is_certain,
		tls_failure_is_certain,
		request_of_a_lapsed_lease_is_not_sent,
		lost_and_broken_answers_are_uncertain,
		request_on_a_dead_kept_connection_is_not_sent_twice,
		too_large_an_answer,
		too_many_headers,
		timeout,
		stop_ends_it_without_an_outcome,
	};
	return run_suite("call_http", tests, sizeof tests / sizeof *tests);
}
