/* A schema and an instance, both any JSON, with and without formats and a document that
 * is referred to. */
#include "fuzz.h"

#include "json_schema/json_schema.h"

#include <stdlib.h>

static void check(struct json schema, struct json instance, struct json document,
	bool assert_format)
{
	struct json_schema_document documents[] = {{"https://x.test/d", document}};
	struct json_schema_options options = {.uri = "https://x.test/s",
		.assert_format = assert_format,
		.documents = documents,
		.ndocuments = document.s ? 1 : 0};
	struct json_schema *s;
	struct error err = {0};
	if (!json_schema_compile(schema, &options, &s, &err)) {
		must(err.kind == ERROR_INPUT && *err.text, "no reason");
		return;
	}
	if (instance.s && !json_schema_check(s, instance, &err))
		must(*err.text &&
				(err.kind == ERROR_INPUT || err.kind == ERROR_PERMANENT),
			"no reason");
	json_schema_destroy(s);
}

/* The schema, the instance, a further schema. */
void fuzz_schema(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	char *texts[3];
	struct json schema = fuzz_part_json(&in, &texts[0]);
	struct json instance = fuzz_part_json(&in, &texts[1]);
	struct json document = fuzz_part_json(&in, &texts[2]);
	if (schema.s) {
		check(schema, instance, document, true);
		check(schema, instance, document, false);
	}
	for (int i = 0; i < 3; i++)
		free(texts[i]);
}
