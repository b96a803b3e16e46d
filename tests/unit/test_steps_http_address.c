/* Where `call: http` goes: redirects, refused addresses, and no proxy. */
#include "call_http_fixture.h"
#include "http/address.h"
#include "http/reach.h"

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
		"http://u:p@x/", "http://[", "javascript:1", "http:///x", "///x"};
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
		ck_detail("is link-local or a cloud's metadata service; allow it with "
			  "--http-allow");
		ck_assert(!result.effect.sent);
		free(with);
	}
}
END_TEST

static struct http_reach *rules(char *deny, char *allow)
{
	struct http_reach *r;
	struct error err = {0};
	ck_assert_msg(http_reach_create(
			      (char *[]){deny, NULL}, (char *[]){allow, NULL}, &r, &err),
		"%s", err.text);
	return r;
}

static bool refused(const char *address, char *deny, char *allow)
{
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr_in6 b = {.sin6_family = AF_INET6, .sin6_port = htons(80)};
	struct http_reach *r = rules(deny, allow);
	const struct sockaddr *s = (struct sockaddr *)&a;
	char text[160] = "";
	if (inet_pton(AF_INET, address, &a.sin_addr) != 1) {
		ck_assert_int_eq(inet_pton(AF_INET6, address, &b.sin6_addr), 1);
		s = (struct sockaddr *)&b;
	}
	bool is = http_reach_refuses(r, s, false, text, sizeof text);
	ck_assert(is == (*text != '\0'));
	http_reach_destroy(r);
	return is;
}

#define EACH(list)                      \
	size_t i = 0;                   \
	i < sizeof list / sizeof *list; \
	i++

START_TEST(address_ranges)
{
	static const char *const loopback[] = {"127.0.0.1", "127.255.255.255", "::1",
		"::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "::127.0.0.1"};
	static const char *const private[] = {"10.0.0.1", "172.16.0.1", "172.31.255.255",
		"192.168.1.1", "100.64.0.1", "100.127.255.255", "192.0.0.8", "198.18.0.1",
		"198.19.255.255", "fd00::1", "fec0::1", "::ffff:10.1.2.3",
		"64:ff9b:1::10.0.0.1"};
	static const char *const free_ones[] = {"169.253.255.255", "169.255.0.0",
		"8.8.8.8", "172.32.0.1", "100.128.0.1", "198.20.0.1", "192.0.1.1",
		"168.63.129.17", "2606:4700::1111", "64:ff9b::808:808", "2002:808:808::"};
	static const char *const never[] = {"0.0.0.0", "0.1.2.3", "224.0.0.1",
		"239.1.1.1", "240.0.0.1", "255.255.255.255", "::", "ff02::1",
		"::ffff:0.0.0.0", "::ffff:224.0.0.1", "64:ff9b::f000:1"};
	static const char *const clouds[] = {"169.254.0.1", "100.100.100.200",
		"192.0.0.192", "168.63.129.16", "fe80::1", "febf:ffff::1",
		"fd00:ec2::254", "fd00:ec2::23", "fd20:ce::254", "fd00:c1::a9fe:a9fe",
		"fd00:42::42", "2001:0:a9fe:a9fe::1",
		"64:ff9b:1:a9fe:a9:fe00::", "::ffff:169.254.0.1",
		"::ffff:100.100.100.200", "64:ff9b::169.254.1.1",
		"64:ff9b:1::169.254.1.1", "2002:a9fe:1::", "::169.254.1.1",
		"::ffff:0:169.254.1.1"};
	for (EACH(free_ones))
		ck_assert_msg(!refused(free_ones[i], "private,loopback", NULL), "%s",
			free_ones[i]);
	for (EACH(loopback)) {
		ck_assert_msg(!refused(loopback[i], "private", NULL), "%s", loopback[i]);
		ck_assert_msg(refused(loopback[i], "loopback", NULL), "%s", loopback[i]);
	}
	for (EACH(private)) {
		ck_assert_msg(!refused(private[i], "loopback", NULL), "%s", private[i]);
		ck_assert_msg(refused(private[i], "private", NULL), "%s", private[i]);
	}
	for (EACH(never))
		ck_assert_msg(refused(never[i], NULL, "metadata,0.0.0.0/0,::/0"), "%s",
			never[i]);
	for (EACH(clouds)) {
		ck_assert_msg(refused(clouds[i], NULL, NULL), "%s", clouds[i]);
		ck_assert_msg(refused(clouds[i], NULL, "0.0.0.0/0,::/0,private"), "%s",
			clouds[i]);
		ck_assert_msg(!refused(clouds[i], NULL, "metadata"), "%s", clouds[i]);
		ck_assert_msg(
			!refused(clouds[i], "all", (char *)clouds[i]), "%s", clouds[i]);
	}
}
END_TEST

static const struct {
	const char *deny, *allow, *address;
	bool refused;
} networks[] = {
	{"8.8.0.0/16", NULL, "8.8.255.1", true},
	{"8.8.0.0/16", NULL, "8.9.0.1", false},
	{"8.8.0.0/16", "8.8.8.8:80", "8.8.8.8", false},
	{"8.8.0.0/16", "8.8.8.8:81", "8.8.8.8", true},
	{"8.8.0.0/16", NULL, "64:ff9b::808:1", true},
	{"64:ff9b::/96", NULL, "64:ff9b::808:1", true},
	{"::ffff:8.8.8.8", NULL, "8.8.8.8", true},
	{"2606:4700::/33", NULL, "2606:4700:7fff::1", true},
	{"2606:4700::/33", NULL, "2606:4700:8000::1", false},
	{"all", "[2606::1]:80,10.0.0.0/8", "2606::1", false},
	{"all", "[2606::1]:80,10.0.0.0/8", "10.2.2.2", false},
	{"all", "[2606::1]:80,10.0.0.0/8", "11.2.2.2", true},
	{"all", "[2606::1]:443", "2606::1", true},
	{NULL, "169.254.0.0/16", "169.254.169.254", false},
	{NULL, "169.0.0.0/8", "169.254.169.254", true},
};

START_TEST(networks_are_denied_and_allowed)
{
	for (EACH(networks))
		ck_assert_msg(refused(networks[i].address, (char *)networks[i].deny,
				      (char *)networks[i].allow) == networks[i].refused,
			"%zu", i);
}
END_TEST

/* The stub would answer each of them. */
START_TEST(denied_in_every_spelling)
{
	static const char *const hosts[] = {"127.0.0.1", "2130706433", "0x7f000001",
		"0177.0.0.1", "0x7F.0.1", "127.1", "localhost", "LOCALHOST",
		"[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[0:0:0:0:0:ffff:7f00:1]"};
	settings.reach = rules("127.0.0.0/8,::1", NULL);
	for (EACH(hosts)) {
		char *with =
			xasprintf("{\"method\":\"get\",\"endpoint\":\"http://%s:%d/\"}",
				hosts[i], stub_port(stub));
		call(with);
		ck_fault(PROBLEM_CONFIGURATION, 0, false);
		ck_detail("is denied here (--http-deny)");
		ck_assert(!result.effect.sent);
		free(with);
	}
	ck_assert_uint_eq(stub_count(stub), 0);
	http_reach_destroy(settings.reach);
}
END_TEST

/* The kernel would take it for itself. */
START_TEST(no_address_is_nobody_in_every_spelling)
{
	static const char *const hosts[] = {"0.0.0.0", "0", "0x0", "00.0.0.0", "0.0",
		"[::]", "[::ffff:0.0.0.0]", "[64:ff9b::]", "255.255.255.255",
		"224.0.0.1"};
	settings.reach = rules(NULL, "metadata,loopback,private");
	for (EACH(hosts)) {
		char *with =
			xasprintf("{\"method\":\"get\",\"endpoint\":\"http://%s:%d/\"}",
				hosts[i], stub_port(stub));
		call(with);
		ck_fault(PROBLEM_CONFIGURATION, 0, false);
		ck_detail("is not the address of a service");
		free(with);
	}
	ck_assert_uint_eq(stub_count(stub), 0);
	http_reach_destroy(settings.reach);
}
END_TEST

START_TEST(a_kept_connection_is_judged)
{
	ck_assert(call("{\"method\":\"get\",\"endpoint\":\"@/a\"}"));
	settings.reach = rules("loopback", NULL);
	call("{\"method\":\"get\",\"endpoint\":\"@/a\"}");
	ck_fault(PROBLEM_CONFIGURATION, 0, false);
	ck_detail("127.0.0.1 is denied here (--http-deny)");
	ck_assert_uint_eq(stub_count(stub), 1);
	ck_assert(!result.effect.sent);
	http_reach_destroy(settings.reach);
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
		networks_are_denied_and_allowed,
		denied_in_every_spelling,
		no_address_is_nobody_in_every_spelling,
		a_kept_connection_is_judged,
		environment_has_no_say,
	};
	return run_suite("http_address", tests, sizeof tests / sizeof *tests);
}
