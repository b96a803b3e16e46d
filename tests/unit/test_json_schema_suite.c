/*
 * The official JSON-Schema-Test-Suite, draft 2020-12, its required part: read where it
 * lies (the checkout at JSON_SCHEMA_SUITE, else where Debian's package has it), never
 * copied; script/test skips it where there is none. With the argument "optional" or
 * "optional/format" it runs those files, the latter asserting formats.
 */
#include "json_schema/json_schema.h"
#include "suite.h"

#include <check.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define REMOTES "http://localhost:1234/"

struct suite {
	struct json_schema_options options;
	struct json_schema_document *documents;
	char **texts; /* of the files read */
	size_t ntexts;
	unsigned passed, failed;
	const char *file; /* being run */
};

static char *read_file(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "r");
	struct buf text = {0};
	char block[65536];
	size_t n;
	while (f && (n = fread(block, 1, sizeof block, f)) > 0)
		buf_add(&text, block, n);
	if (f)
		fclose(f);
	*ret_n = text.len;
	return buf_take(&text);
}

static struct json read_json(struct suite *s, const char *path)
{
	size_t n;
	struct error err = {0};
	struct json v = {0};
	char *text = read_file(path, &n);
	s->texts = xrealloc(s->texts, (s->ntexts + 1) * sizeof *s->texts);
	s->texts[s->ntexts++] = text;
	if (!json_check(text, n, NULL, &v, NULL, &err)) {
		printf("# %s: %s\n", path, err.text);
		exit(EXIT_FAILURE);
	}
	return v;
}

static void free_suite(struct suite *s)
{
	for (size_t i = 0; i < s->ntexts; i++)
		free(s->texts[i]);
	free(s->texts);
	for (size_t i = 0; i < s->options.ndocuments; i++)
		free((char *)s->documents[i].uri);
	free(s->documents);
}

static bool is_json_file(const char *name)
{
	size_t n = strlen(name);
	return n > 5 && strcmp(name + n - 5, ".json") == 0;
}

static void add_remote(struct suite *s, const char *path, const char *name)
{
	size_t n = s->options.ndocuments++;
	s->documents = xrealloc(s->documents, (n + 1) * sizeof *s->documents);
	s->documents[n].uri = xasprintf(REMOTES "%s", name);
	s->documents[n].text = read_json(s, path);
	s->options.documents = s->documents;
}

/* The remotes of this draft and those of all; name is the path below remotes/. */
static void read_remotes(struct suite *s, const char *path, const char *name)
{
	DIR *dir = opendir(path);
	struct dirent *entry;
	while (dir && (entry = readdir(dir))) {
		const char *e = entry->d_name;
		bool other =
			strncmp(e, "draft", 5) == 0 && strcmp(e, "draft2020-12") != 0;
		if (*e == '.' || other || strcmp(e, "v1") == 0)
			continue;
		char *below = xasprintf("%s/%s", path, e);
		char *to = xasprintf("%s%s%s", name, *name ? "/" : "", e);
		if (is_json_file(e))
			add_remote(s, below, to);
		else
			read_remotes(s, below, to);
		free(below);
		free(to);
	}
	if (dir)
		closedir(dir);
}

static void count_failure(
	struct suite *s, struct json group, struct json test, const char *why)
{
	struct json of = json_get(group, "description");
	struct json what = json_get(test, "description");
	s->failed++;
	printf("# failed: %s: %.*s: %.*s: %s\n", s->file, (int)of.n, of.s ? of.s : "",
		(int)what.n, what.s ? what.s : "", why);
}

static void run_group(struct suite *s, struct json group)
{
	struct json_iter it = json_iter(json_get(group, "tests"));
	struct json test;
	struct json_schema *schema = NULL;
	struct error unusable = {0};
	if (!json_schema_compile(
		    json_get(group, "schema"), &s->options, &schema, &unusable))
		schema = NULL;
	while (json_next_element(&it, &test)) {
		struct error err = {0};
		bool wanted = json_is(json_get(test, "valid"), "true");
		bool ok =
			schema && json_schema_check(schema, json_get(test, "data"), &err);
		if (!schema)
			count_failure(s, group, test, unusable.text);
		else if (ok != wanted || (!ok && err.kind != ERROR_INPUT))
			count_failure(s, group, test, ok ? "is accepted" : err.text);
		else
			s->passed++;
	}
	json_schema_destroy(schema);
}

static void run_folder(struct suite *s, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	for (int i = 0; i < n; i++) {
		if (is_json_file(entries[i]->d_name)) {
			char *file = xasprintf("%s/%s", path, entries[i]->d_name);
			struct json groups = read_json(s, file), group;
			struct json_iter it = json_iter(groups);
			s->file = entries[i]->d_name;
			while (json_next_element(&it, &group))
				run_group(s, group);
			free(file);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static const char *suite_root(void)
{
	const char *root = getenv("JSON_SCHEMA_SUITE");
	return root && *root ? root : "/usr/share/json-schema-test-suite";
}

static void run_part(const char *part, struct suite *s)
{
	char *remotes = xasprintf("%s/remotes", suite_root());
	char *tests = xasprintf("%s/tests/draft2020-12/%s", suite_root(), part);
	s->options.assert_format = strcmp(part, "optional/format") == 0;
	read_remotes(s, remotes, "");
	run_folder(s, tests);
	if (s->passed + s->failed == 0)
		printf("no draft2020-12 below %s: set JSON_SCHEMA_SUITE to a checkout "
		       "of json-schema-org/JSON-Schema-Test-Suite\n",
			suite_root());
	else
		printf("%u of %u tests of the suite pass\n", s->passed,
			s->passed + s->failed);
	free_suite(s);
	free(remotes);
	free(tests);
}

START_TEST(the_required_part_passes)
{
	struct suite s = {0};
	run_part("", &s);
	ck_assert_uint_eq(s.failed, 0);
	ck_assert_uint_gt(s.passed, 0);
}
END_TEST

int main(int argc, char **argv)
{
	struct suite s = {0};
	if (argc > 1) {
		run_part(argv[1], &s);
		return s.failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
	}
	Suite *suite = suite_create("json_schema_suite");
	TCase *tests = tcase_create("json_schema_suite");
	tcase_add_test(tests, the_required_part_passes);
	suite_add_tcase(suite, tests);
	return suite_exit(suite);
}
