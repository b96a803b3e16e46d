/* Names of cataloged functions, and the raw form of repositories' pages. */
#include "definition/catalog.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *url, *raw; /* raw NULL: refused */
} urls[] = {
	{"https://github.com/serverlessworkflow/catalog/tree/main/functions/log/1.0.0/"
	 "function.yaml",
		"https://raw.githubusercontent.com/serverlessworkflow/catalog/refs/heads/"
		"main/functions/log/1.0.0/function.yaml"},
	{"https://github.com/myorg/functions/validateEmailAddress@v1.0.0",
		"https://raw.githubusercontent.com/myorg/functions/v1.0.0/"
		"validateEmailAddress/function.yaml"},
	{"https://github.com/a/b/c/d@main",
		"https://raw.githubusercontent.com/a/b/main/c/d/function.yaml"},
	{"https://github.com/a/b/@main", "https://github.com/a/b/@main"},
	{"https://github.com/a/b@main", "https://github.com/a/b@main"},
	{"https://github.com/a/b/blob/v1/f.yaml",
		"https://raw.githubusercontent.com/a/b/refs/heads/v1/f.yaml"},
	{"https://github.com/a/b/blob/refs/tags/v1/f.yaml",
		"https://raw.githubusercontent.com/a/b/refs/tags/v1/f.yaml"},
	{"https://github.com/a/b/functions/log/1.0.0/function.yaml",
		"https://raw.githubusercontent.com/a/b/refs/heads/main/functions/log/"
		"1.0.0/"
		"function.yaml"},
	{"https://gitlab.com/a/b/c/-/tree/main/f.yaml",
		"https://gitlab.com/a/b/c/-/raw/main/f.yaml"},
	{"https://gitlab.example.com/a/b/-/blob/main/f.yaml",
		"https://gitlab.example.com/a/b/-/raw/main/f.yaml"},
	{"https://example.com/tree/main/f.yaml", "https://example.com/tree/main/f.yaml"},
	{"file:///srv/f.yaml", "file:///srv/f.yaml"},
	{"ftp://example.com/f.yaml", NULL},
	{"file://host/f.yaml", NULL},
	{"https://example.com/${ .x }", NULL},
};

START_TEST(pages_of_repositories_become_raw)
{
	struct error err = {0};
	char *raw = NULL;
	bool ok = catalog_raw_url(urls[_i].url, &raw, &err);
	ck_assert_int_eq(ok, urls[_i].raw != NULL);
	if (ok)
		ck_assert_str_eq(raw, urls[_i].raw);
	free(raw);
}
END_TEST

static const struct {
	const char *name, *url; /* as JSON; url NULL: refused, "": the default catalog */
} names[] = {
	{"\"log:1.0.0@g\"", "https://example.com/c/functions/log/1.0.0/function.yaml"},
	{"\"log:1.0.0@default\"", ""},
	{"\"https://example.com/f.yaml\"", "https://example.com/f.yaml"},
	{"\"log:1.0.0@h\"", NULL},
	{"\"log@g\"", NULL},
	{"\"../x:1@g\"", NULL},
	{"\"log:1/../..@g\"", NULL},
	{"\"log:1.0.0@secret\"", "https://example.com/functions/log/1.0.0/function.yaml"},
};

START_TEST(names_lead_to_their_catalog)
{
	struct json use =
		JSON_LITERAL("{\"catalogs\":{\"g\":{\"endpoint\":{\"uri\":\"https://"
			     "example.com/c/\"}},"
			     "\"secret\":{\"endpoint\":{\"uri\":\"https://example.com\","
			     "\"authentication\":{\"use\":\"x\"}}}}}");
	struct json name = {names[_i].name, strlen(names[_i].name)};
	struct error err = {0};
	char *url = NULL;
	bool ok = catalog_locate(use, name, &url, &err);
	ck_assert_int_eq(ok, names[_i].url != NULL);
	if (ok)
		ck_assert_str_eq(url ? url : "", names[_i].url);
	free(url);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("catalog");
	TCase *tc = tcase_create("catalog");
	tcase_add_loop_test(tc, pages_of_repositories_become_raw, 0,
		(int)(sizeof urls / sizeof *urls));
	tcase_add_loop_test(
		tc, names_lead_to_their_catalog, 0, (int)(sizeof names / sizeof *names));
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
