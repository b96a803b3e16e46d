/* The draft's meta-schema, and what $schema and $vocabulary say about a schema. */
#ifndef STEPWELL_JSON_SCHEMA_META_H
#define STEPWELL_JSON_SCHEMA_META_H

#include "json_schema/loader.h"

#define JSON_SCHEMA_META_URI "https://json-schema.org/draft/2020-12/schema"
#define JSON_SCHEMA_META_STANDARD                                                      \
	((unsigned)(VOCABULARY_CORE | VOCABULARY_APPLICATOR | VOCABULARY_UNEVALUATED | \
		    VOCABULARY_VALIDATION | VOCABULARY_FORMAT_ANNOTATION |             \
		    VOCABULARY_OTHER))

/* One document, the vocabularies' meta-schemas among its $defs. */
struct json json_schema_meta_text(void);
/* Whether the URI is one of a schema in that document. */
bool json_schema_meta_has(const char *uri);
/* The vocabularies that the meta-schema at a URI declares; ERROR_INPUT if it is not known
 * or demands one that we do not have. */
MUST_CHECK bool json_schema_meta_vocabularies(const struct json_schema_loader *l,
	const char *uri, unsigned *ret, struct error *err);

#endif
