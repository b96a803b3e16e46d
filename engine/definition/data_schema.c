/*
 * From the DSL's schema object to a compiled schema, and checking values by it. `format`
 * of a string is an annotation, as is the draft's default.
 */
#include "definition/data_schema.h"

#include "definition/catalog.h"
#include "definition/compiler.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>

struct data_schema {
	struct json text; /* where it stands: what it is known by */
	struct json_schema *compiled;
};

const char *const data_schema_formats[] = {"json", "json:2020-12", NULL};

bool data_schema_has_format(struct json format)
{
	for (size_t i = 0; data_schema_formats[i]; i++) {
		if (json_string_is(format, data_schema_formats[i]))
			return true;
	}
	return !format.s;
}

bool data_schema_can_read(struct json uri, struct error *err)
{
	char *text = json_strdup(uri), *url = NULL;
	bool ok = catalog_raw_url(text, &url, err);
	if (ok && strchr(text, '#'))
		ok = error_set(err, ERROR_INPUT,
			"a schema is a whole document: its URL has no fragment");
	free(url);
	free(text);
	return ok;
}

static int compare_places(const void *a, const void *b)
{
	const struct data_schema *x = a, *y = b;
	return (x->text.s > y->text.s) - (x->text.s < y->text.s);
}

static void destroy(void *p)
{
	struct data_schema *s = p;
	json_schema_destroy(s->compiled);
	free(s);
}

void data_schemas_destroy(void *tree)
{
	tdestroy(tree, destroy);
}

bool data_schema_fits(const struct json_schema *s, const char *what, struct json value,
	struct fault *ret_fault)
{
	if (!s)
		return true;
	struct error err = {0};
	if (json_schema_check(s, value, &err))
		return true;
	fault_set(ret_fault, PROBLEM_VALIDATION,
		err.kind == ERROR_INPUT ? "the %s does not fit its schema: %s"
					: "the %s cannot be checked by its schema: %s",
		what, err.text);
	return false;
}

/* ---- Compiling ---- */

/* What was pinned with the definition, as schemas that others may refer to. */
static void read_pinned(struct compiler *c)
{
	struct json resources = c->definition->resources, name, text;
	struct json_iter it = json_iter(resources);
	c->documents = xcalloc(json_count(resources) + 1, sizeof *c->documents);
	while (json_next_member(&it, &name, &text))
		c->documents[c->document_count++] =
			(struct json_schema_document){json_strdup(name), text};
}

static bool on_missing(void *ctx, const char *uri, struct json place)
{
	return compiler_wants_document(ctx, uri, place);
}

/* *ret NULL: what it refers to is not here yet, and noted as missing. */
static bool compile_text(struct compiler *c, struct json text, const char *uri,
	struct json_schema **ret, struct error *err)
{
	struct json_schema_options o = {.uri = uri, .on_missing = on_missing, .ctx = c};
	struct error why = {0};
	if (!c->documents)
		read_pinned(c);
	o.documents = c->documents;
	o.ndocuments = c->document_count;
	*ret = NULL;
	bool ok = json_schema_compile(text, &o, ret, &why) || why.kind == ERROR_NOT_FOUND;
	return ok || error_set(err, ERROR_INPUT, "%s", why.text);
}

/* The schema at this text, compiled unless that was done already. */
static bool find_or_compile(struct compiler *c, struct json text, const char *uri,
	const struct json_schema **ret, struct error *err)
{
	void **tree = &c->definition->schemas;
	struct data_schema new = {.text = text};
	struct data_schema *const *found = tfind(&new, tree, compare_places);
	if (found) {
		*ret = (*found)->compiled;
		return true;
	}
	if (!compile_text(c, text, uri, &new.compiled, err))
		return false;
	*ret = new.compiled;
	if (!new.compiled)
		return true;
	struct data_schema *s = xcalloc(1, sizeof *s);
	*s = new;
	(void)tsearch(s, tree, compare_places);
	return true;
}

static bool compile_resource(struct compiler *c, struct json endpoint,
	const struct json_schema **ret, struct error *err)
{
	struct json uri =
		json_type(endpoint) == JSON_OBJECT ? json_get(endpoint, "uri") : endpoint;
	struct json text = {0};
	struct error why = {0};
	if (!data_schema_can_read(uri, &why))
		return compiler_refuse(c, uri, err, "%s", why.text);
	if (!compiler_document(c, endpoint, &text, err))
		return false;
	if (!text.s)
		return true;
	char *address = json_strdup(uri);
	bool ok = find_or_compile(c, text, address, ret, &why);
	free(address);
	return ok || compiler_refuse(c, uri, err, "%s", why.text);
}

bool compiler_schema(struct compiler *c, struct json node, const struct json_schema **ret,
	struct error *err)
{
	struct json format = json_get(node, "format"), text = json_get(node, "document");
	struct error why = {0};
	*ret = NULL;
	if (!node.s)
		return true;
	if (!data_schema_has_format(format))
		return compiler_refuse(c, format, err,
			"the format %.*s is not supported: only JSON Schema, draft "
			"2020-12",
			format.n > 100 ? 100 : (int)format.n, format.s);
	if (!text.s)
		return compile_resource(
			c, json_get(json_get(node, "resource"), "endpoint"), ret, err);
	return find_or_compile(c, text, NULL, ret, &why) ||
	       compiler_refuse(c, text, err, "%s", why.text);
}
