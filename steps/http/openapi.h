/*
 * One operation of an API description (OpenAPI 3.x, Swagger 2.0), read when a definition
 * is compiled. $ref within the document is followed.
 */
#ifndef STEPWELL_HTTP_OPENAPI_H
#define STEPWELL_HTTP_OPENAPI_H

#include "json/index.h"
#include "json/json.h"

enum openapi_place {
	OPENAPI_PATH,
	OPENAPI_QUERY,
	OPENAPI_HEADER,
	OPENAPI_COOKIE,
	OPENAPI_BODY,
	OPENAPI_FORM,   /* a member of the body, Swagger's formData */
	OPENAPI_MEMBER, /* the same, of OpenAPI 3, beside OPENAPI_BODY for the whole */
};

struct openapi_parameter {
	char *name;
	enum openapi_place place;
	bool required;
	bool deep;      /* an object is name[key]=value; else key=value */
	bool as_json;   /* its value is sent as JSON text */
	char separator; /* between the elements of an array; 0: the name is repeated */
};

struct openapi_operation {
	char *method; /* upper case */
	char *url;    /* a URI template, absolute */
	char *media;  /* Content-Type of a body, or NULL */
	struct openapi_parameter *parameters;
	size_t count;
};

/* A description, read through once for all its operations; it borrows the text. */
struct openapi_document {
	struct json text;
	struct json_index index;
	struct openapi_entry *entries; /* its operations, by id */
	size_t count;
	size_t work; /* bytes that what is under way may still read */
};

#define OPENAPI_WORK ((size_t)64 << 20)          /* to find all operations */
#define OPENAPI_OPERATION_WORK ((size_t)4 << 20) /* to read one */
#define OPENAPI_PARAMETERS 1000                  /* of one, members of its body too */

void openapi_document_init(struct openapi_document *d, struct json text);
void openapi_document_finish(struct openapi_document *d);

/* document_url: where the document is, for servers that are relative to it. ERROR_INPUT
 * where there is no such operation, or it cannot be called by this runtime, or one of the
 * limits above is met. */
MUST_CHECK bool openapi_read(struct openapi_document *d, const char *document_url,
	const char *operation_id, struct openapi_operation *ret, struct error *err);
void openapi_finish(struct openapi_operation *o);

const struct openapi_parameter *openapi_find(
	const struct openapi_operation *o, const char *name);

/* What a $ref within the document stands for; other values as they are. */
struct json openapi_resolve(struct openapi_document *d, struct json v);
/* The URL before an operation's path, without a slash at its end; caller frees. */
MUST_CHECK bool openapi_server(struct openapi_document *d, struct json path_item,
	struct json operation, const char *document_url, char **ret, struct error *err);

#endif
