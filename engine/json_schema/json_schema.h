/*
 * JSON Schema, draft 2020-12: a schema is compiled once and then checks any number of
 * instances, both as verified text (json/json.h). All of the required part of the draft
 * holds; numbers are compared as the decimals that they are written as, lengths are
 * counted in code points, patterns are ECMA 262's with Unicode. `format` is an annotation
 * unless the options or the schema's meta-schema say otherwise; content* never assert.
 *
 * Nothing is fetched: a $ref leads into the schema, into one of the documents handed over
 * with it, or to the draft's own meta-schema, which is built in. Any other is an error,
 * or told by on_missing.
 *
 * Beyond the draft's letter: exponents saturate at 10^17, multipleOf has at most 300
 * digits, look-behind in patterns has a fixed length, and applying a schema again to the
 * place it is being applied to is an error, as are too much depth and too much work.
 *
 * Source: https://json-schema.org/draft/2020-12/json-schema-core and -validation.
 */
#ifndef STEPWELL_JSON_SCHEMA_JSON_SCHEMA_H
#define STEPWELL_JSON_SCHEMA_JSON_SCHEMA_H

#include "base/error.h"
#include "json/json.h"

struct json_schema;

/* A schema that others may refer to. */
struct json_schema_document {
	const char *uri; /* absolute, without a fragment */
	struct json text;
};

struct json_schema_options {
	const char *uri;    /* where the schema comes from; NULL: nowhere */
	bool assert_format; /* refuse strings that are not of their `format` */
	const struct json_schema_document *documents;
	size_t ndocuments;
	/* A $ref, whose value stands at `place`, leads to a document that was not handed
	 * over. True: compiling fails with ERROR_NOT_FOUND, unless something else is
	 * wrong, and is to be repeated with that document. May be NULL. */
	bool (*on_missing)(void *ctx, const char *uri, struct json place);
	void *ctx;
};

/*
 * Compiles a schema. options may be NULL and is borrowed until return; the texts of the
 * schema and of the documents are borrowed for the life of *ret. ERROR_INPUT says where
 * in the schema what is wrong. Caller frees with json_schema_destroy.
 */
MUST_CHECK bool json_schema_compile(struct json schema,
	const struct json_schema_options *options, struct json_schema **ret,
	struct error *err);
void json_schema_destroy(struct json_schema *s);

/*
 * Whether the instance satisfies the schema. Otherwise err is ERROR_INPUT with the first
 * few failures, each "POINTER: KEYWORD: what is wrong" ("(root)" for the empty pointer),
 * or ERROR_PERMANENT where no answer can be had: the schema recurses without end, or the
 * work or the depth goes beyond the limits below. May be called by several threads.
 */
MUST_CHECK bool json_schema_check(
	const struct json_schema *s, struct json instance, struct error *err);

#define JSON_SCHEMA_FAILURES 3u /* failures that are told */
#define JSON_SCHEMA_DEPTH 1500u /* schemas being applied inside one another */
/* Schemas applied, values seen, steps of patterns: in all, and for each byte of the
 * instance. */
#define JSON_SCHEMA_WORK 500000u
#define JSON_SCHEMA_WORK_BYTE 4u

#endif
