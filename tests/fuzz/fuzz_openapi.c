/* API descriptions: any JSON, and an operation's name. */
#include "fuzz.h"

#include "http/openapi.h"

#include <stdlib.h>
#include <string.h>

static void check_operation(const struct openapi_operation *o)
{
	must(o->method && o->url && *o->method, "no method or no URL");
	for (size_t i = 0; i < o->count; i++)
		must(openapi_find(o, o->parameters[i].name), "%s is not found",
			o->parameters[i].name);
}

/* The operation, where the document is, the document. */
void fuzz_openapi(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	char *operation = fuzz_part_text(&in), *url = fuzz_part_text(&in), *text;
	struct json document = fuzz_part_json(&in, &text);
	struct openapi_document d;
	struct openapi_operation o;
	struct error err = {0};
	openapi_document_init(&d, document);
	if (document.s && openapi_read(&d, url, operation, &o, &err)) {
		check_operation(&o);
		openapi_finish(&o);
	} else if (document.s) {
		must(err.kind == ERROR_INPUT && *err.text, "no reason");
	}
	openapi_document_finish(&d);
	free(operation);
	free(url);
	free(text);
}
