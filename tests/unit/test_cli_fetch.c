/* What a registration may read, in time: of all documents together. */
#include "fetch.h"

#include "base/clock.h"
#include "definition/task.h"
#include "http_stub.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct stub *stub;
static const struct settings ways;
static struct fetcher fetcher;
static struct buf out;
static struct error err;

static void setup(void)
{
	stub = stub_create();
	fetcher_init(&fetcher, "wf.json", &ways);
	ck_assert_int_eq(fetcher.budget, 120 * USEC_PER_SEC);
	fetcher.budget = 300 * USEC_PER_MS;
}

static void teardown(void)
{
	fetcher_finish(&fetcher);
	buf_finish(&out);
	stub_destroy(stub);
}

static bool fetch(const char *path)
{
	char *url = xasprintf("http://127.0.0.1:%d%s", stub_port(stub), path);
	bool ok = fetch_url(&fetcher, url, NULL, &out, &err);
	free(url);
	return ok;
}

#define ck_late() \
	ck_assert_msg(strstr(err.text, "takes longer than 0.3 s") != NULL, "%s", err.text)

START_TEST(all_have_one_time_together)
{
	ck_assert_msg(fetch("/a"), "%s", err.text);
	stub_text(stub, ""); /* silence */
	int64_t before = clock_boottime();
	ck_assert(!fetch("/b"));
	int64_t took = clock_boottime() - before;
	ck_late();
	ck_assert(strstr(err.text, "/b") != NULL);
	ck_assert_msg(took < 10 * USEC_PER_SEC, "%lld", (long long)took);
	ck_assert(!fetch("/c"));
	ck_late();
	ck_assert(!fetch_url(&fetcher, "file:///etc/passwd", NULL, &out, &err));
	ck_late();
	ck_assert_uint_eq(stub_count(stub), 2);
}
END_TEST

START_TEST(redirects_take_of_the_same_time)
{
	static const char turn[] = "HTTP/1.1 302 Found\r\nLocation: /next\r\n"
				   "Content-Length: 0\r\n\r\n";
	stub_text(stub, turn);
	stub_text(stub, turn);
	stub_text(stub, "");
	ck_assert(!fetch("/a"));
	ck_late();
	ck_assert_uint_eq(stub_count(stub), 3);
	ck_assert_uint_eq(fetcher.count, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("fetch");
	TCase *tc = tcase_create("fetch");
	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 30);
	tcase_add_test(tc, all_have_one_time_together);
	tcase_add_test(tc, redirects_take_of_the_same_time);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
