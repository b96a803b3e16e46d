/*
 * What the schema of the DSL cannot say of `input.schema` and its like: that the document
 * is a JSON Schema that compiles, that the resource can be read.
 */
#include "definition/catalog.h"
#include "definition/data_schema.h"
#include "validate/inspection.h"

#include <stdlib.h>

/* Nothing is read here: registration finds out whether it is there. */
static bool on_missing(void *ctx, const char *uri, struct json place)
{
	char *url;
	(void)ctx, (void)place;
	if (!catalog_raw_url(uri, &url, NULL))
		return false;
	free(url);
	return true;
}

static void check_document(
	struct inspection *in, struct json document, const struct spot *place)
{
	const struct json_schema_options o = {.on_missing = on_missing};
	struct json_schema *s;
	struct error err = {0};
	if (json_schema_compile(document, &o, &s, &err))
		json_schema_destroy(s);
	else if (err.kind != ERROR_NOT_FOUND)
		inspection_report(
			in, FINDING_UNSUPPORTED, place, document, "%s", err.text);
}

static void check_resource(
	struct inspection *in, struct json endpoint, const struct spot *place)
{
	struct json uri =
		json_type(endpoint) == JSON_OBJECT ? json_get(endpoint, "uri") : endpoint;
	struct error err = {0};
	if (json_type(uri) == JSON_STRING && !data_schema_can_read(uri, &err))
		inspection_report(in, FINDING_UNSUPPORTED, place, uri, "%s", err.text);
}

void data_check(struct inspection *in, struct json v, const struct spot *place)
{
	struct json document = json_get(v, "document"),
		    resource = json_get(v, "resource"),
		    endpoint = json_get(resource, "endpoint");
	struct spot below = {.up = place, .key = JSON_LITERAL("\"document\"")};
	struct spot inside = {.up = &below, .key = JSON_LITERAL("\"endpoint\"")};
	if (document.s && data_schema_has_format(json_get(v, "format")))
		check_document(in, document, &below);
	below.key = JSON_LITERAL("\"resource\"");
	if (endpoint.s)
		check_resource(in, endpoint, &inside);
}
