/* Where `call: http` goes: redirects, refused addresses, and no proxy. */
#include "call_http_fixture.h"
#include "http_address.h"

#include <arpa/inet.h>
#include <netinet/in.h>

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

START_TEST(redirect_to_another_origin_takes_no_body)
{
	static const char with[] = "{\"method\":\"get\",\"redirect\":true,\"endpoint\":"
				   "\"@/a\",\"body\":{\"key\":1}}";
	redirect_to(stub, 302, "%/b");
	call(with);
	ck_fault(PROBLEM_COMMUNICATION, 0, false);
	ck_detail("another origin");
	ck_assert_uint_eq(stub_count(other), 0);
	redirect_to(stub, 302, "/b");
	ck_assert(call(with));
	ck_assert_str_eq(stub_request(stub, 2)->body, "{\"key\":1}");
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

int main(void)
{
	const TTest *const tests[] = {
		redirect_within_the_origin_keeps_headers,
		redirect_to_another_origin_drops_headers,
		redirect_to_another_origin_takes_no_body,
		redirect_is_not_followed,
		redirects_end,
		redirect_to_a_refused_address,
		link_local_is_refused_in_every_spelling,
		address_ranges,
		environment_has_no_say,
	};
	return run_suite("http_address", tests, sizeof tests / sizeof *tests);
}
