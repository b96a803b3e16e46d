/* Finding an operation by its id, and what its parameters and its body are. */
#include "openapi.h"

#include "http_headers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FORM "application/x-www-form-urlencoded"

static const char *const methods[] = {
	"get", "put", "post", "delete", "options", "head", "patch", "trace"};

/* The operation, its path and the path's item. */
struct place {
	struct json path, item, operation;
	const char *method;
};

static bool find_operation(struct json document, const char *id, struct place *ret)
{
	struct json_iter it = json_iter(json_get(document, "paths"));
	struct json path, item;
	while (json_next_member(&it, &path, &item)) {
		item = openapi_resolve(document, item);
		for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
			struct json operation = json_get(item, methods[i]);
			if (!json_string_is(json_get(operation, "operationId"), id))
				continue;
			*ret = (struct place){path, item, operation, methods[i]};
			return true;
		}
	}
	return false;
}

/* ---- Parameters ---- */

const struct openapi_parameter *openapi_find(
	const struct openapi_operation *o, const char *name)
{
	for (size_t i = 0; i < o->count; i++) {
		if (strcmp(o->parameters[i].name, name) == 0)
			return &o->parameters[i];
	}
	return NULL;
}

/* A parameter of the operation replaces one of its path with the same name and place. */
static struct openapi_parameter *add_slot(
	struct openapi_operation *o, const char *name, enum openapi_place place)
{
	for (size_t i = 0; i < o->count; i++) {
		if (o->parameters[i].place == place &&
			strcmp(o->parameters[i].name, name) == 0)
			return &o->parameters[i];
	}
	o->parameters = xrealloc(o->parameters, (o->count + 1) * sizeof *o->parameters);
	o->parameters[o->count] =
		(struct openapi_parameter){.name = xstrdup(name), .place = place};
	return &o->parameters[o->count++];
}

static bool read_place(struct json in, enum openapi_place *ret)
{
	static const char *const words[] = {
		"path", "query", "header", "cookie", "body", "formData"};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (json_string_is(in, words[i])) {
			*ret = (enum openapi_place)i;
			return true;
		}
	}
	return false;
}

/* collectionFormat of Swagger 2; style and explode of OpenAPI 3. */
static char read_separator(struct json node, enum openapi_place place, bool swagger)
{
	struct json format = json_get(node, "collectionFormat"),
		    style = json_get(node, "style"), explode = json_get(node, "explode");
	bool repeats = place == OPENAPI_QUERY || place == OPENAPI_FORM;
	if (swagger)
		return json_string_is(format, "multi") && repeats ? 0
		       : json_string_is(format, "ssv")            ? ' '
		       : json_string_is(format, "tsv")            ? '\t'
		       : json_string_is(format, "pipes")          ? '|'
								  : ',';
	bool apart = json_type(explode) == JSON_TRUE ||
		     (!explode.s && (!style.s || json_string_is(style, "form")));
	if (repeats && apart)
		return 0;
	return json_string_is(style, "spaceDelimited")  ? ' '
	       : json_string_is(style, "pipeDelimited") ? '|'
							: ',';
}

static bool add_parameter(
	struct openapi_operation *o, struct json node, bool swagger, struct error *err)
{
	enum openapi_place place;
	char *name = json_strdup(json_get(node, "name"));
	if (!name || !read_place(json_get(node, "in"), &place)) {
		free(name);
		return error_set(err, ERROR_INPUT,
			"one of its parameters has no name or place, or its $ref leads "
			"nowhere");
	}
	if (place == OPENAPI_COOKIE && !http_token_is(name, strlen(name))) {
		error_set(err, ERROR_INPUT, "no cookie can be called \"%.200s\"", name);
		free(name);
		return false;
	}
	struct openapi_parameter *p = add_slot(o, name, place);
	free(name);
	p->required = place == OPENAPI_PATH ||
		      json_type(json_get(node, "required")) == JSON_TRUE;
	p->deep = json_string_is(json_get(node, "style"), "deepObject");
	p->as_json = json_get(node, "content").s != NULL;
	p->separator = read_separator(node, place, swagger);
	return true;
}

static bool add_parameters(struct openapi_operation *o, struct json document,
	struct json list, struct error *err)
{
	struct json_iter it = json_iter(list);
	struct json node;
	bool swagger = json_get(document, "swagger").s != NULL;
	while (json_next_element(&it, &node)) {
		if (!add_parameter(o, openapi_resolve(document, node), swagger, err))
			return false;
	}
	return true;
}

/* ---- The body ---- */

/* The first of the media types that we can write best: JSON, a form, anything. */
static char *choose_media(const struct json *names, size_t count)
{
	char *form = NULL, *other = NULL;
	for (size_t i = 0; i < count; i++) {
		char *name = json_strdup(names[i]);
		if (strcasestr(name, "json") || strcmp(name, "*/*") == 0) {
			free(form);
			free(other);
			if (strchr(name, '*')) {
				free(name);
				name = xstrdup("application/json");
			}
			return name;
		}
		char **slot = strncasecmp(name, FORM, strlen(FORM)) == 0 ? &form : &other;
		if (*slot)
			free(name);
		else
			*slot = name;
	}
	if (form)
		free(other);
	return form ? form : other;
}

#define MEDIA_MAX 32

static char *media_of(struct json object_or_array)
{
	struct json names[MEDIA_MAX], name, value;
	struct json_iter it = json_iter(object_or_array);
	size_t n = 0;
	bool object = json_type(object_or_array) == JSON_OBJECT;
	while (n < MEDIA_MAX && (object ? json_next_member(&it, &name, &value)
					: json_next_element(&it, &name)))
		names[n++] = name;
	return choose_media(names, n);
}

#define PROPERTIES_MAX 500

static bool is_known(const struct openapi_operation *o, struct json name)
{
	for (size_t i = 0; i < o->count; i++) {
		if (json_string_is(name, o->parameters[i].name))
			return true;
	}
	return false;
}

/* The members that the schema of a body names may stand among the parameters; a parameter
 * of the same name comes first. */
static void add_members(struct openapi_operation *o, struct json document,
	struct json schema, unsigned depth)
{
	struct json resolved = openapi_resolve(document, schema), key, value;
	struct json_iter it = json_iter(json_get(resolved, "properties"));
	size_t before = o->count;
	while (o->count < before + PROPERTIES_MAX &&
		json_next_member(&it, &key, &value)) {
		char *name = json_strdup(key);
		if (!is_known(o, key))
			add_slot(o, name, OPENAPI_MEMBER);
		free(name);
	}
	struct json parts = json_get(resolved, "allOf");
	it = json_iter(parts);
	while (depth < 4 && o->count < before + PROPERTIES_MAX &&
		json_type(parts) == JSON_ARRAY && json_next_element(&it, &value))
		add_members(o, document, value, depth + 1);
}

static struct json schema_of(struct json content, const char *media)
{
	struct json v = json_get(content, media);
	if (!v.s)
		v = json_get(content, "*/*");
	return json_get(v, "schema");
}

static void read_body(
	struct openapi_operation *o, struct json document, struct json operation)
{
	struct json body = openapi_resolve(document, json_get(operation, "requestBody"));
	struct json consumes = json_get(operation, "consumes");
	if (body.s) {
		struct openapi_parameter *p = add_slot(o, "body", OPENAPI_BODY);
		p->required = json_type(json_get(body, "required")) == JSON_TRUE;
		o->media = media_of(json_get(body, "content"));
		if (o->media)
			add_members(o, document,
				schema_of(json_get(body, "content"), o->media), 0);
	} else if (json_get(document, "swagger").s) {
		if (!consumes.s)
			consumes = json_get(document, "consumes");
		o->media = media_of(consumes);
	}
	for (size_t i = 0; i < o->count; i++) {
		if (o->parameters[i].place == OPENAPI_FORM &&
			(!o->media || !strcasestr(o->media, "multipart"))) {
			free(o->media);
			o->media = xstrdup(FORM);
		}
	}
	if (!o->media)
		o->media = xstrdup("application/json");
}

static bool check_media(const struct openapi_operation *o, struct error *err)
{
	bool sends = false;
	for (size_t i = 0; i < o->count; i++)
		sends |= o->parameters[i].place >= OPENAPI_BODY;
	if (sends && strcasestr(o->media, "multipart"))
		return error_set(
			err, ERROR_INPUT, "a body of %.100s is not supported", o->media);
	return true;
}

/* ---- The operation ---- */

static bool check_version(struct json document, struct error *err)
{
	char *swagger = json_strdup(json_get(document, "swagger")),
	     *openapi = json_strdup(json_get(document, "openapi"));
	bool ok = (swagger && strncmp(swagger, "2.", 2) == 0) ||
		  (openapi && strncmp(openapi, "3.", 2) == 0);
	free(swagger);
	free(openapi);
	return ok || error_set(err, ERROR_INPUT,
			     "the document is no description by OpenAPI 3 or Swagger 2");
}

static char *upper(const char *s)
{
	char *text = xstrdup(s);
	for (char *p = text; *p; p++)
		*p = (char)toupper((unsigned char)*p);
	return text;
}

bool openapi_read(struct json document, const char *document_url,
	const char *operation_id, struct openapi_operation *ret, struct error *err)
{
	struct openapi_operation o = {0};
	struct place at;
	char *server = NULL;
	if (!check_version(document, err))
		return false;
	if (!find_operation(document, operation_id, &at))
		return error_set(err, ERROR_INPUT,
			"the document has no operation \"%.200s\"", operation_id);
	if (!openapi_server(document, at.item, at.operation, document_url, &server, err))
		return false;
	char *path = json_strdup(at.path);
	o.url = xasprintf("%s%s", server, path);
	o.method = upper(at.method);
	free(path);
	free(server);
	bool ok = add_parameters(&o, document, json_get(at.item, "parameters"), err) &&
		  add_parameters(&o, document, json_get(at.operation, "parameters"), err);
	if (ok) {
		read_body(&o, document, at.operation);
		ok = check_media(&o, err);
	}
	if (ok)
		*ret = o;
	else
		openapi_finish(&o);
	return ok;
}

void openapi_finish(struct openapi_operation *o)
{
	for (size_t i = 0; i < o->count; i++)
		free(o->parameters[i].name);
	free(o->parameters);
	free(o->method);
	free(o->url);
	free(o->media);
	*o = (struct openapi_operation){0};
}
