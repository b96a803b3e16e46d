/*
 * Reads schemas into nodes: every subschema of a document first, with its $id and
 * anchors, then the references, which may bring in further documents and places.
 */
#ifndef STEPWELL_JSON_SCHEMA_LOADER_H
#define STEPWELL_JSON_SCHEMA_LOADER_H

#include "json_schema/node.h"
#include "json/index.h"

/* An address of a resource: where its document came from, or its $id. */
struct json_schema_address {
	char *uri;
	struct json_schema_resource *resource;
};

struct json_schema_loader {
	struct json_schema *schema;                /* takes shape here */
	const struct json_schema_options *options; /* not NULL */
	struct json_schema_node **places;          /* hash table by address of the text */
	size_t nplaces, capplaces;                 /* a power of 2 */
	struct json_schema_address *addresses;
	size_t naddresses;
	struct json_schema_rule *references; /* not resolved yet */
	bool is_lacking;                     /* a document that will be handed over */
	struct json_index index;             /* of what pointers lead through */
};

void json_schema_loader_finish(struct json_schema_loader *l);

/* The node of the schema at this place, read with all below it if it is new. parent is
 * the resource around it. NULL: failed. */
struct json_schema_node *json_schema_loader_add(struct json_schema_loader *l,
	struct json_schema_resource *parent, struct json text, struct error *err);
/* A document by itself. NULL: failed. */
struct json_schema_node *json_schema_loader_open(struct json_schema_loader *l,
	const char *uri, struct json text, struct error *err);
/* The node that was read at this place; NULL if there is none. */
struct json_schema_node *json_schema_loader_find(
	const struct json_schema_loader *l, struct json text);
struct json_schema_resource *json_schema_loader_resource(
	const struct json_schema_loader *l, const char *uri);
/* Gives the resource one more address. */
void json_schema_loader_address(struct json_schema_loader *l, const char *uri,
	struct json_schema_resource *resource);
/* A document that was handed over, or the meta-schema's; absent if there is none. */
struct json json_schema_loader_document(
	const struct json_schema_loader *l, const char *uri, const char **ret_uri);

/* Writes "POINTER: KEYWORD: text", the schema's URI before it if it has one; returns
 * false. */
bool json_schema_loader_fail(const struct json_schema_resource *resource, struct json at,
	const char *keyword, struct error *err, const char *format, ...)
	__attribute__((format(printf, 5, 6)));

#endif
