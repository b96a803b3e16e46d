/*
 * schema_judge SCHEMA: says of each line of standard input, a document of JSON, whether
 * the schema takes it: "true" or "false". By Stepwell's own JSON Schema
 * (json_schema/json_schema.h), formats asserted: nothing of validate's tables is in it,
 * so that they can be compared.
 */
#include "json_schema/json_schema.h"

#include <stdio.h>
#include <stdlib.h>

static char *read_file(const char *path, size_t *ret_n)
{
	FILE *f = fopen(path, "re");
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

static int fail(const char *what, const struct error *err)
{
	fprintf(stderr, "%s: %s\n", what, err->text);
	return EXIT_FAILURE;
}

static int judge_lines(const struct json_schema *schema)
{
	char *line = NULL;
	size_t cap = 0;
	ssize_t n;
	while ((n = getline(&line, &cap, stdin)) > 0) {
		struct json document;
		struct error err = {0};
		bool ok = json_check(line, (size_t)n, NULL, &document, NULL, &err) &&
			  json_schema_check(schema, document, &err);
		if (!ok && err.kind != ERROR_INPUT)
			return fail("no answer", &err);
		puts(ok ? "true" : "false");
	}
	free(line);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct json_schema *schema;
	struct error err = {0};
	struct json checked;
	size_t n;
	if (argc != 2) {
		fputs("usage: schema_judge SCHEMA <DOCUMENTS\n", stderr);
		return EXIT_FAILURE;
	}
	char *text = read_file(argv[1], &n);
	struct json_schema_options options = {.assert_format = true};
	if (!json_check(text, n, NULL, &checked, NULL, &err) ||
		!json_schema_compile(checked, &options, &schema, &err))
		return fail(argv[1], &err);
	int result = judge_lines(schema);
	json_schema_destroy(schema);
	free(text);
	return result;
}
