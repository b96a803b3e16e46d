/* Finding an operation by its id, and what its parameters and its body are. */
#include "http/openapi.h"

#include "http/headers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define FORM "application/x-www-form-urlencoded"
#define HOPS_MAX 8 /* from $ref to $ref: all of a document's paths may have so many */

static const char *const methods[] = {
	"get", "put", "post", "delete", "options", "head", "patch", "trace"};

/* The operation, its path and the path's item. */
struct place {
	struct json path, item, operation;
	const char *method;
};

struct openapi_entry {
	char *id;
	size_t order; /* in the document: of several the first counts */
	struct place at;
};

/* ---- The document ---- */

struct json openapi_resolve(struct openapi_document *d, struct json v)
{
	for (int i = 0; i < HOPS_MAX; i++) {
		struct json ref = json_get(v, "$ref");
		char *text = json_type(ref) == JSON_STRING ? json_strdup(ref) : NULL;
		if (!text)
			return v;
		v = *text == '#' ? json_index_pointer(&d->index, d->text, text + 1)
				 : (struct json){0};
		free(text);
	}
	return (struct json){0};
}

/* Before a value is read: many $ref may lead to the same large one. */
static bool spend(struct openapi_document *d, size_t n, const char *what, size_t limit,
	struct error *err)
{
	if (n > d->work)
		return error_set(err, ERROR_INPUT,
			"%s takes too much work: more than %zu MiB are to be read, each "
			"$ref followed",
			what, limit >> 20);
	d->work -= n;
	return true;
}

static void add_entry(struct openapi_document *d, struct json id, struct place at)
{
	if ((d->count & (d->count - 1)) == 0)
		d->entries = xrealloc(
			d->entries, (d->count ? 2 * d->count : 1) * sizeof *d->entries);
	d->entries[d->count] = (struct openapi_entry){json_strdup(id), d->count, at};
	d->count++;
}

static void add_operations(struct openapi_document *d, struct json path, struct json item)
{
	struct json_iter it = json_iter(item);
	struct json key, operation;
	while (json_next_member(&it, &key, &operation)) {
		struct json id = json_get(operation, "operationId");
		if (json_type(id) != JSON_STRING)
			continue;
		for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
			if (json_string_is(key, methods[i]))
				add_entry(d, id,
					(struct place){
						path, item, operation, methods[i]});
		}
	}
}

static int compare_entries(const void *a, const void *b)
{
	const struct openapi_entry *x = a, *y = b;
	int order = strcmp(x->id, y->id);
	return order ? order : (x->order > y->order) - (x->order < y->order);
}

static bool read_document(struct openapi_document *d, struct error *err)
{
	struct json_iter it = json_iter(json_index_get(&d->index, d->text, "paths"));
	struct json path, item;
	d->work = OPENAPI_WORK;
	while (json_next_member(&it, &path, &item)) {
		item = openapi_resolve(d, item);
		if (!spend(d, item.n, "the API description", OPENAPI_WORK, err))
			return false;
		add_operations(d, path, item);
	}
	if (d->count)
		qsort(d->entries, d->count, sizeof *d->entries, compare_entries);
	return true;
}

void openapi_document_init(struct openapi_document *d, struct json text)
{
	*d = (struct openapi_document){.text = text};
}

void openapi_document_finish(struct openapi_document *d)
{
	for (size_t i = 0; i < d->count; i++)
		free(d->entries[i].id);
	free(d->entries);
	json_index_finish(&d->index);
}

static bool find_operation(
	struct openapi_document *d, const char *id, struct place *ret, struct error *err)
{
	size_t low = 0, high;
	if (!d->entries && !read_document(d, err))
		return false;
	for (high = d->count; low < high;) {
		size_t middle = low + (high - low) / 2;
		if (strcmp(d->entries[middle].id, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == d->count || strcmp(d->entries[low].id, id) != 0)
		return error_set(
			err, ERROR_INPUT, "the document has no operation \"%.200s\"", id);
	*ret = d->entries[low].at;
	return true;
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

static bool fail_many(struct error *err)
{
	return error_set(err, ERROR_INPUT,
		"the operation has more than %d parameters and members of its body",
		OPENAPI_PARAMETERS);
}

/* A parameter of the operation replaces one of its path with the same name and place.
 * NULL: there are too many. */
static struct openapi_parameter *add_slot(
	struct openapi_operation *o, const char *name, enum openapi_place place)
{
	for (size_t i = 0; i < o->count; i++) {
		if (o->parameters[i].place == place &&
			strcmp(o->parameters[i].name, name) == 0)
			return &o->parameters[i];
	}
	if (o->count > OPENAPI_PARAMETERS)
		return NULL;
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
	if (!p)
		return fail_many(err);
	p->required = place == OPENAPI_PATH ||
		      json_type(json_get(node, "required")) == JSON_TRUE;
	p->deep = json_string_is(json_get(node, "style"), "deepObject");
	p->as_json = json_get(node, "content").s != NULL;
	p->separator = read_separator(node, place, swagger);
	return true;
}

#define WHAT "one of its operations"

static bool add_parameters(struct openapi_operation *o, struct openapi_document *d,
	struct json list, struct error *err)
{
	struct json_iter it = json_iter(list);
	struct json node;
	bool swagger = json_index_get(&d->index, d->text, "swagger").s != NULL;
	while (json_next_element(&it, &node)) {
		node = openapi_resolve(d, node);
		if (!spend(d, node.n, WHAT, OPENAPI_OPERATION_WORK, err) ||
			!add_parameter(o, node, swagger, err))
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
static bool add_members(struct openapi_operation *o, struct openapi_document *d,
	struct json schema, unsigned depth, struct error *err)
{
	struct json resolved = openapi_resolve(d, schema), key, value;
	struct json_iter it = json_iter(json_get(resolved, "properties"));
	if (!spend(d, resolved.n + 64, WHAT, OPENAPI_OPERATION_WORK, err))
		return false;
	while (json_next_member(&it, &key, &value)) {
		if (is_known(o, key))
			continue;
		char *name = json_strdup(key);
		bool added = add_slot(o, name, OPENAPI_MEMBER);
		free(name);
		if (!added)
			return fail_many(err);
	}
	struct json parts = json_get(resolved, "allOf");
	it = json_iter(parts);
	while (depth < 4 && json_type(parts) == JSON_ARRAY &&
		json_next_element(&it, &value)) {
		if (!add_members(o, d, value, depth + 1, err))
			return false;
	}
	return true;
}

static struct json schema_of(struct json content, const char *media)
{
	struct json v = json_get(content, media);
	if (!v.s)
		v = json_get(content, "*/*");
	return json_get(v, "schema");
}

static void take_form(struct openapi_operation *o)
{
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

static bool read_body(struct openapi_operation *o, struct openapi_document *d,
	struct json operation, struct error *err)
{
	struct json body = openapi_resolve(d, json_get(operation, "requestBody"));
	struct json consumes = json_get(operation, "consumes");
	if (body.s) {
		struct json content = json_get(body, "content");
		struct openapi_parameter *p = add_slot(o, "body", OPENAPI_BODY);
		if (!p)
			return fail_many(err);
		p->required = json_type(json_get(body, "required")) == JSON_TRUE;
		if (!spend(d, body.n, WHAT, OPENAPI_OPERATION_WORK, err))
			return false;
		o->media = media_of(content);
		if (o->media && !add_members(o, d, schema_of(content, o->media), 0, err))
			return false;
	} else if (json_index_get(&d->index, d->text, "swagger").s) {
		if (!consumes.s)
			consumes = json_index_get(&d->index, d->text, "consumes");
		o->media = media_of(consumes);
	}
	take_form(o);
	return true;
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

static bool check_version(struct openapi_document *d, struct error *err)
{
	char *swagger = json_strdup(json_index_get(&d->index, d->text, "swagger")),
	     *openapi = json_strdup(json_index_get(&d->index, d->text, "openapi"));
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

static bool read_parts(struct openapi_operation *o, struct openapi_document *d,
	const struct place *at, struct error *err)
{
	d->work = OPENAPI_OPERATION_WORK;
	return spend(d, at->operation.n, WHAT, OPENAPI_OPERATION_WORK, err) &&
	       add_parameters(
		       o, d, json_index_get(&d->index, at->item, "parameters"), err) &&
	       add_parameters(o, d, json_get(at->operation, "parameters"), err) &&
	       read_body(o, d, at->operation, err) && check_media(o, err);
}

bool openapi_read(struct openapi_document *d, const char *document_url,
	const char *operation_id, struct openapi_operation *ret, struct error *err)
{
	struct openapi_operation o = {0};
	struct place at;
	char *server = NULL;
	if (!check_version(d, err) || !find_operation(d, operation_id, &at, err) ||
		!openapi_server(d, at.item, at.operation, document_url, &server, err))
		return false;
	char *path = json_strdup(at.path);
	o.url = xasprintf("%s%s", server, path);
	o.method = upper(at.method);
	free(path);
	free(server);
	if (!read_parts(&o, d, &at, err)) {
		openapi_finish(&o);
		return false;
	}
	*ret = o;
	return true;
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
