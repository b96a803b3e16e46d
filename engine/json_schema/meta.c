/*
 * The meta-schema, written down from the tables of the specification: core, 8;
 * applicator, 10; unevaluated, 11; validation, 6 to 9. The text is what the preprocessor
 * makes of the tokens below; a test runs it through json_check.
 */
#include "json_schema/meta.h"

#include "json_schema/uri.h"

#include <stdlib.h>
#include <string.h>

#define BASE "https://json-schema.org/draft/2020-12/"
#define TEXT(...) #__VA_ARGS__

/* clang-format off */
static const char meta[] = TEXT({
"$schema": "https://json-schema.org/draft/2020-12/schema",
"$id": "https://json-schema.org/draft/2020-12/schema",
"$vocabulary": {
	"https://json-schema.org/draft/2020-12/vocab/core": true,
	"https://json-schema.org/draft/2020-12/vocab/applicator": true,
	"https://json-schema.org/draft/2020-12/vocab/unevaluated": true,
	"https://json-schema.org/draft/2020-12/vocab/validation": true,
	"https://json-schema.org/draft/2020-12/vocab/meta-data": true,
	"https://json-schema.org/draft/2020-12/vocab/format-annotation": true,
	"https://json-schema.org/draft/2020-12/vocab/content": true
},
"$dynamicAnchor": "meta",
"type": ["object", "boolean"],
"allOf": [
	{"$ref": "meta/core"}, {"$ref": "meta/applicator"}, {"$ref": "meta/unevaluated"},
	{"$ref": "meta/validation"}, {"$ref": "meta/meta-data"},
	{"$ref": "meta/format-annotation"}, {"$ref": "meta/content"}
],
"properties": {
	"definitions": {"$ref": "meta/applicator#/$defs/schemas"},
	"dependencies": {
		"type": "object",
		"additionalProperties": {"anyOf": [
			{"$dynamicRef": "#meta"},
			{"$ref": "meta/validation#/$defs/strings"}
		]}
	},
	"$recursiveAnchor": {"$ref": "meta/core#/$defs/anchor"},
	"$recursiveRef": {"$ref": "meta/core#/$defs/reference"}
},
"$defs": {
"core": {
	"$id": "meta/core",
	"$dynamicAnchor": "meta",
	"type": ["object", "boolean"],
	"properties": {
		"$id": {"$ref": "#/$defs/reference", "pattern": "^[^#]*#?$"},
		"$schema": {"$ref": "#/$defs/uri"},
		"$ref": {"$ref": "#/$defs/reference"},
		"$anchor": {"$ref": "#/$defs/anchor"},
		"$dynamicRef": {"$ref": "#/$defs/reference"},
		"$dynamicAnchor": {"$ref": "#/$defs/anchor"},
		"$vocabulary": {
			"type": "object",
			"propertyNames": {"$ref": "#/$defs/uri"},
			"additionalProperties": {"type": "boolean"}
		},
		"$comment": {"type": "string"},
		"$defs": {
			"type": "object",
			"additionalProperties": {"$dynamicRef": "#meta"}
		}
	},
	"$defs": {
		"anchor": {"type": "string", "pattern": "^[A-Za-z_][-A-Za-z0-9._]*$"},
		"uri": {"type": "string", "format": "uri"},
		"reference": {"type": "string", "format": "uri-reference"}
	}
},
"applicator": {
	"$id": "meta/applicator",
	"$dynamicAnchor": "meta",
	"type": ["object", "boolean"],
	"properties": {
		"allOf": {"$ref": "#/$defs/list"},
		"anyOf": {"$ref": "#/$defs/list"},
		"oneOf": {"$ref": "#/$defs/list"},
		"prefixItems": {"$ref": "#/$defs/list"},
		"properties": {"$ref": "#/$defs/schemas"},
		"dependentSchemas": {"$ref": "#/$defs/schemas"},
		"patternProperties": {
			"$ref": "#/$defs/schemas",
			"propertyNames": {"format": "regex"}
		},
		"additionalProperties": {"$dynamicRef": "#meta"},
		"propertyNames": {"$dynamicRef": "#meta"},
		"items": {"$dynamicRef": "#meta"},
		"contains": {"$dynamicRef": "#meta"},
		"if": {"$dynamicRef": "#meta"},
		"then": {"$dynamicRef": "#meta"},
		"else": {"$dynamicRef": "#meta"},
		"not": {"$dynamicRef": "#meta"}
	},
	"$defs": {
		"list": {
			"type": "array",
			"minItems": 1,
			"items": {"$dynamicRef": "#meta"}
		},
		"schemas": {
			"type": "object",
			"additionalProperties": {"$dynamicRef": "#meta"}
		}
	}
},
"unevaluated": {
	"$id": "meta/unevaluated",
	"$dynamicAnchor": "meta",
	"type": ["object", "boolean"],
	"properties": {
		"unevaluatedItems": {"$dynamicRef": "#meta"},
		"unevaluatedProperties": {"$dynamicRef": "#meta"}
	}
},
"validation": {
	"$id": "meta/validation",
	"$dynamicAnchor": "meta",
	"type": ["object", "boolean"],
	"properties": {
		"const": true,
		"enum": {"type": "array"},
		"type": {
			"if": {"type": "array"},
			"then": {
				"items": {"$ref": "#/$defs/type"},
				"minItems": 1,
				"uniqueItems": true
			},
			"else": {"$ref": "#/$defs/type"}
		},
		"multipleOf": {"type": "number", "exclusiveMinimum": 0},
		"maximum": {"type": "number"},
		"exclusiveMaximum": {"type": "number"},
		"minimum": {"type": "number"},
		"exclusiveMinimum": {"type": "number"},
		"maxLength": {"$ref": "#/$defs/size"},
		"minLength": {"$ref": "#/$defs/size"},
		"pattern": {"type": "string", "format": "regex"},
		"maxItems": {"$ref": "#/$defs/size"},
		"minItems": {"$ref": "#/$defs/size"},
		"maxContains": {"$ref": "#/$defs/size"},
		"minContains": {"$ref": "#/$defs/size"},
		"maxProperties": {"$ref": "#/$defs/size"},
		"minProperties": {"$ref": "#/$defs/size"},
		"uniqueItems": {"type": "boolean"},
		"required": {"$ref": "#/$defs/strings"},
		"dependentRequired": {
			"type": "object",
			"additionalProperties": {"$ref": "#/$defs/strings"}
		}
	},
	"$defs": {
		"size": {"type": "integer", "minimum": 0},
		"strings": {
			"type": "array",
			"items": {"type": "string"},
			"uniqueItems": true
		},
		"type": {"enum": [
			"null", "boolean", "number", "integer", "string", "array",
			"object"
		]}
	}
},
"meta-data": {
	"$id": "meta/meta-data",
	"$dynamicAnchor": "meta",
	"type": ["object", "boolean"],
	"properties": {
		"title": {"type": "string"},
		"description": {"type": "string"},
		"default": true,
		"deprecated": {"type": "boolean"},
		"readOnly": {"type": "boolean"},
		"writeOnly": {"type": "boolean"},
		"examples": {"type": "array"}
	}
},
"format": {
	"$id": "meta/format-annotation",
	"$dynamicAnchor": "meta",
	"type": ["object", "boolean"],
	"properties": {"format": {"type": "string"}}
},
"format-assertion": {
	"$id": "meta/format-assertion",
	"$dynamicAnchor": "meta",
	"type": ["object", "boolean"],
	"properties": {"format": {"type": "string"}}
},
"content": {
	"$id": "meta/content",
	"$dynamicAnchor": "meta",
	"type": ["object", "boolean"],
	"properties": {
		"contentEncoding": {"type": "string"},
		"contentMediaType": {"type": "string"},
		"contentSchema": {"$dynamicRef": "#meta"}
	}
}
}
});
/* clang-format on */

static const struct {
	const char *uri;
	unsigned bit;
} vocabularies[] = {
	{BASE "vocab/applicator", VOCABULARY_APPLICATOR},
	{BASE "vocab/content", VOCABULARY_OTHER},
	{BASE "vocab/core", VOCABULARY_CORE},
	{BASE "vocab/format-annotation", VOCABULARY_FORMAT_ANNOTATION},
	{BASE "vocab/format-assertion", VOCABULARY_FORMAT_ASSERTION},
	{BASE "vocab/meta-data", VOCABULARY_OTHER},
	{BASE "vocab/unevaluated", VOCABULARY_UNEVALUATED},
	{BASE "vocab/validation", VOCABULARY_VALIDATION},
};

struct json json_schema_meta_text(void)
{
	return JSON_LITERAL(meta);
}

bool json_schema_meta_has(const char *uri)
{
	return strcmp(uri, JSON_SCHEMA_META_URI) == 0 ||
	       strncmp(uri, BASE "meta/", strlen(BASE "meta/")) == 0;
}

static unsigned vocabulary_bit(struct json uri)
{
	for (size_t i = 0; i < sizeof vocabularies / sizeof *vocabularies; i++) {
		if (json_string_is(uri, vocabularies[i].uri))
			return vocabularies[i].bit;
	}
	return 0;
}

bool json_schema_meta_vocabularies(const struct json_schema_loader *l, const char *uri,
	unsigned *ret, struct error *err)
{
	const char *origin;
	char *address = json_schema_uri_resolve("", uri);
	free(json_schema_uri_cut_fragment(address));
	struct json text = json_schema_loader_document(l, address, &origin);
	free(address);
	if (!text.s)
		return error_set(
			err, ERROR_INPUT, "only draft 2020-12 is known, not %.200s", uri);
	struct json declared = json_get(text, "$vocabulary"), key, value;
	if (json_type(declared) != JSON_OBJECT) {
		*ret = JSON_SCHEMA_META_STANDARD;
		return true;
	}
	unsigned bits = VOCABULARY_CORE;
	struct json_iter it = json_iter(declared);
	while (json_next_member(&it, &key, &value)) {
		unsigned bit = vocabulary_bit(key);
		if (bit == 0 && json_truth(value))
			return error_set(err, ERROR_INPUT,
				"demands the unknown vocabulary %.*s",
				(int)(key.n < 200 ? key.n : 200), key.s);
		bits |= bit;
	}
	*ret = bits;
	return true;
}
