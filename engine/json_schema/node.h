/*
 * A compiled schema, as the loader builds it and frames apply it: nodes (one a subschema,
 * by its place in the text), their rules (one a keyword, in the order of evaluation), and
 * the resources they belong to (a document, or a subschema with an $id of its own).
 * Everything belongs to the struct json_schema and dies with it; slices borrow the texts.
 */
#ifndef STEPWELL_JSON_SCHEMA_NODE_H
#define STEPWELL_JSON_SCHEMA_NODE_H

#include "json_schema/json_schema.h"
#include "json_schema/pattern.h"

struct json_schema_frame;
struct json_schema_loader;
struct json_schema_rule;

enum json_schema_vocabulary {
	VOCABULARY_CORE = 1 << 0,
	VOCABULARY_APPLICATOR = 1 << 1,
	VOCABULARY_UNEVALUATED = 1 << 2,
	VOCABULARY_VALIDATION = 1 << 3,
	VOCABULARY_FORMAT_ANNOTATION = 1 << 4,
	VOCABULARY_FORMAT_ASSERTION = 1 << 5,
	VOCABULARY_OTHER = 1 << 6, /* annotations that we do not collect */
};

/* Bits for types of instances, by enum json_type. */
#define JSON_SCHEMA_TYPE(type) (1u << (type))
#define JSON_SCHEMA_ANY (~0u)
#define JSON_SCHEMA_INTEGER                                        \
	(1u << 31) /* of the keyword `type`: integers, not numbers \
		    */

/* How a keyword is read and what it asks: the tables are json_schema_<group>.c. */
struct json_schema_keyword {
	const char *name;
	unsigned vocabularies; /* it belongs to any of these */
	unsigned types;        /* types of instances that it speaks of */
	bool (*compile)(struct json_schema_loader *l, struct json_schema_rule *rule,
		struct error *err);
	/* False: the instance fails it. NULL: it asks nothing by itself. */
	bool (*check)(struct json_schema_frame *f, const struct json_schema_rule *rule);
};

/* A string of a schema or a member's name, decoded. */
struct json_schema_name {
	struct json raw; /* as written */
	char *text;
	size_t n;
};

/* One part of a keyword's value: what is set depends on the keyword. */
struct json_schema_branch {
	struct json_schema_name name;
	struct json_schema_name other; /* dependentRequired: what the name asks for */
	struct json_schema_pattern *pattern;
	const struct json_schema_node *node;
};

struct json_schema_rule {
	const struct json_schema_keyword *keyword;
	unsigned rank;                 /* of the keyword in the order of evaluation */
	struct json_schema_node *node; /* that it stands in */
	struct json value;
	size_t size;    /* maxLength, minItems... */
	unsigned types; /* type: accepted; enum, const: of the values */
	char *anchor;   /* $dynamicRef: looked for in the dynamic scope; or NULL */
	struct json_schema_branch *branches;
	size_t nbranches;
	struct json_schema_rule *next_reference; /* while loading: not resolved yet */
};

struct json_schema_node {
	struct json text;
	struct json_schema_resource *resource;
	struct json_schema_rule *rules;
	size_t nrules;
	bool is_collecting; /* has unevaluatedItems or unevaluatedProperties */
	struct json_schema_node *next;
};

struct json_schema_anchor {
	char *name;
	bool is_dynamic;
	struct json_schema_node *node;
	struct json_schema_anchor *next;
};

struct json_schema_resource {
	char *uri;
	const char *origin;   /* while loading: where the document came from, or "" */
	struct json document; /* the whole text that it stands in */
	struct json_schema_node *root;
	unsigned vocabularies;
	struct json_schema_anchor *anchors;
	struct json_schema_resource *next;
};

struct json_schema {
	const struct json_schema_node *root;
	struct json_schema_node *nodes;
	struct json_schema_resource *resources;
};

/* The rule of a keyword that stands beside, NULL if there is none. */
const struct json_schema_rule *json_schema_node_rule(
	const struct json_schema_node *n, const char *keyword);
/* NULL if there is none. */
const struct json_schema_anchor *json_schema_node_anchor(
	const struct json_schema_resource *r, const char *name);

void json_schema_name_init(struct json_schema_name *name, struct json string);
void json_schema_name_finish(struct json_schema_name *name);
int json_schema_name_compare(
	const struct json_schema_name *a, const struct json_schema_name *b);

/* The tables, in the order of evaluation, each ended by an entry without a name. */
extern const struct json_schema_keyword json_schema_logic_keywords[];
extern const struct json_schema_keyword json_schema_scalar_keywords[];
extern const struct json_schema_keyword json_schema_array_keywords[];
extern const struct json_schema_keyword json_schema_object_keywords[];
extern const struct json_schema_keyword json_schema_unevaluated_keywords[];

#endif
