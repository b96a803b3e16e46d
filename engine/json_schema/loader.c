/*
 * A node is made before what is below it is read, so places that are met again, by a
 * reference or as `then` of an `if`, are the same node. Recursion goes as deep as the
 * text is nested, which json_check has bounded.
 */
#include "json_schema/loader.h"

#include "json_schema/meta.h"
#include "json_schema/text.h"
#include "json_schema/uri.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct json_schema_keyword *const groups[] = {
	json_schema_logic_keywords,
	json_schema_scalar_keywords,
	json_schema_array_keywords,
	json_schema_object_keywords,
	json_schema_unevaluated_keywords,
};

#define ADDRESSES_MAX 2000 /* they are compared one by one */

void json_schema_loader_finish(struct json_schema_loader *l)
{
	for (size_t i = 0; i < l->naddresses; i++)
		free(l->addresses[i].uri);
	free(l->addresses);
	free(l->places);
	json_index_finish(&l->index);
	*l = (struct json_schema_loader){0};
}

/* "/a/0" for the child that holds the place; false if there is none. */
static bool step_towards(struct json *from, struct json to, struct buf *path)
{
	struct json_iter it = json_iter(*from);
	struct json key = {0}, value;
	bool is_object = json_type(*from) == JSON_OBJECT;
	for (size_t i = 0; is_object ? json_next_member(&it, &key, &value)
				     : json_next_element(&it, &value);
		i++) {
		if (to.s < value.s || to.s >= value.s + value.n)
			continue;
		if (is_object)
			buf_printf(path, "/%.*s", (int)key.n - 2, key.s + 1);
		else
			buf_printf(path, "/%zu", i);
		*from = value;
		return true;
	}
	return false;
}

bool json_schema_loader_fail(const struct json_schema_resource *resource, struct json at,
	const char *keyword, struct error *err, const char *format, ...)
{
	struct buf text = {0};
	struct json from = resource->document;
	buf_puts(&text, resource->origin);
	buf_putc(&text, '#');
	while (from.s != at.s && step_towards(&from, at, &text))
		;
	if (keyword)
		buf_printf(&text, ": %s", keyword);
	buf_puts(&text, ": ");
	char what[512];
	va_list args;
	va_start(args, format);
	vsnprintf(what, sizeof what, format, args);
	va_end(args);
	json_schema_text_repair(what);
	error_set(err, ERROR_INPUT, "the schema at %s%s", buf_text(&text), what);
	if (err)
		json_schema_text_repair(err->text);
	buf_finish(&text);
	return false;
}

static size_t slot_of(const struct json_schema_loader *l, const char *place)
{
	uint64_t hash = (uint64_t)(uintptr_t)place * 0x9E3779B97F4A7C15u;
	size_t i = (size_t)(hash >> 20) & (l->capplaces - 1);
	while (l->places[i] && l->places[i]->text.s != place)
		i = (i + 1) & (l->capplaces - 1);
	return i;
}

struct json_schema_node *json_schema_loader_find(
	const struct json_schema_loader *l, struct json text)
{
	return l->capplaces ? l->places[slot_of(l, text.s)] : NULL;
}

static void put_place(struct json_schema_loader *l, struct json_schema_node *node)
{
	if (2 * (l->nplaces + 1) > l->capplaces) {
		struct json_schema_node **old = l->places;
		size_t n = l->capplaces;
		l->capplaces = n ? 2 * n : 64;
		l->places = xcalloc(l->capplaces, sizeof *l->places);
		for (size_t i = 0; i < n; i++) {
			if (old[i])
				l->places[slot_of(l, old[i]->text.s)] = old[i];
		}
		free(old);
	}
	l->places[slot_of(l, node->text.s)] = node;
	l->nplaces++;
}

struct json_schema_resource *json_schema_loader_resource(
	const struct json_schema_loader *l, const char *uri)
{
	for (size_t i = 0; i < l->naddresses; i++) {
		if (strcmp(l->addresses[i].uri, uri) == 0)
			return l->addresses[i].resource;
	}
	return NULL;
}

void json_schema_loader_address(struct json_schema_loader *l, const char *uri,
	struct json_schema_resource *resource)
{
	l->addresses = xrealloc(l->addresses, (l->naddresses + 1) * sizeof *l->addresses);
	l->addresses[l->naddresses++] =
		(struct json_schema_address){xstrdup(uri), resource};
}

static struct json_schema_resource *create_resource(
	struct json_schema_loader *l, char *uri, const char *origin, struct json document)
{
	struct json_schema_resource *r = xcalloc(1, sizeof *r);
	r->uri = uri;
	r->origin = origin;
	r->document = document;
	r->vocabularies = JSON_SCHEMA_META_STANDARD;
	r->next = l->schema->resources;
	l->schema->resources = r;
	json_schema_loader_address(l, uri, r);
	return r;
}

/* A subschema with $id is a resource of its own; at the root of a document the $id is one
 * more address of it. */
static bool read_id(struct json_schema_loader *l, struct json_schema_node *node,
	struct json id, struct error *err)
{
	struct json_schema_resource *around = node->resource;
	if (json_type(id) != JSON_STRING)
		return json_schema_loader_fail(
			around, node->text, "$id", err, "must be a string");
	if (l->naddresses > ADDRESSES_MAX)
		return json_schema_loader_fail(around, node->text, "$id", err,
			"one schema has at most %d of them", ADDRESSES_MAX);
	char *text = json_strdup(id);
	char *uri = json_schema_uri_resolve(around->uri, text);
	free(text);
	char *fragment = json_schema_uri_cut_fragment(uri);
	bool has_fragment = fragment && *fragment;
	free(fragment);
	const struct json_schema_resource *other = json_schema_loader_resource(l, uri);
	if (has_fragment || (other && (other != around || around->root != node))) {
		free(uri);
		return json_schema_loader_fail(around, node->text, "$id", err,
			has_fragment ? "must not have a fragment"
				     : "is that of another schema, too");
	}
	if (around->root == node) {
		if (!other)
			json_schema_loader_address(l, uri, around);
		free(around->uri);
		around->uri = uri;
		return true;
	}
	node->resource = create_resource(l, uri, around->origin, around->document);
	node->resource->vocabularies = around->vocabularies;
	node->resource->root = node;
	return true;
}

static bool read_dialect(struct json_schema_loader *l, struct json_schema_node *node,
	struct json schema, struct error *err)
{
	struct json_schema_resource *r = node->resource;
	if (json_type(schema) != JSON_STRING)
		return json_schema_loader_fail(
			r, node->text, "$schema", err, "must be a string");
	if (r->root != node) /* it may stand at the root of a resource only */
		return json_schema_loader_fail(r, node->text, "$schema", err,
			"must stand at the root or beside an $id");
	char *uri = json_strdup(schema);
	struct error why = {0};
	bool ok = json_schema_meta_vocabularies(l, uri, &r->vocabularies, &why);
	free(uri);
	return ok ||
	       json_schema_loader_fail(r, node->text, "$schema", err, "%s", why.text);
}

static bool find_keyword(struct json_schema_rule *rule, struct json key)
{
	unsigned rank = 0;
	for (size_t i = 0; i < sizeof groups / sizeof *groups; i++) {
		for (const struct json_schema_keyword *k = groups[i]; k->name;
			k++, rank++) {
			if (json_string_is(key, k->name)) {
				rule->keyword = k;
				rule->rank = rank;
				return true;
			}
		}
	}
	return false;
}

static int compare_rules(const void *a, const void *b)
{
	const struct json_schema_rule *x = a, *y = b;
	return (x->rank > y->rank) - (x->rank < y->rank);
}

static bool read_rules(
	struct json_schema_loader *l, struct json_schema_node *node, struct error *err)
{
	struct json_iter it = json_iter(node->text);
	struct json key, value;
	node->rules = xcalloc(json_count(node->text) + 1, sizeof *node->rules);
	while (json_next_member(&it, &key, &value)) {
		struct json_schema_rule *rule = &node->rules[node->nrules];
		if (!find_keyword(rule, key) ||
			!(rule->keyword->vocabularies & node->resource->vocabularies))
			continue;
		rule->node = node;
		rule->value = value;
		node->nrules++;
		if (rule->keyword->vocabularies & VOCABULARY_UNEVALUATED)
			node->is_collecting = true;
	}
	qsort(node->rules, node->nrules, sizeof *node->rules, compare_rules);
	for (size_t i = 0; i < node->nrules; i++) {
		struct json_schema_rule *rule = &node->rules[i];
		if (rule->keyword->compile && !rule->keyword->compile(l, rule, err))
			return false;
	}
	return true;
}

static bool read_node(
	struct json_schema_loader *l, struct json_schema_node *node, struct error *err)
{
	struct json id = json_get(node->text, "$id");
	struct json schema = json_get(node->text, "$schema");
	return (!id.s || read_id(l, node, id, err)) &&
	       (!schema.s || read_dialect(l, node, schema, err)) &&
	       read_rules(l, node, err);
}

struct json_schema_node *json_schema_loader_add(struct json_schema_loader *l,
	struct json_schema_resource *parent, struct json text, struct error *err)
{
	struct json_schema_node *node = json_schema_loader_find(l, text);
	if (node)
		return node;
	enum json_type type = json_type(text);
	if (type != JSON_OBJECT && type != JSON_TRUE && type != JSON_FALSE) {
		json_schema_loader_fail(parent, text, NULL, err,
			"a schema must be an object, true or false");
		return NULL;
	}
	node = xcalloc(1, sizeof *node);
	node->text = text;
	node->resource = parent;
	node->next = l->schema->nodes;
	l->schema->nodes = node;
	if (!parent->root)
		parent->root = node;
	put_place(l, node);
	return type != JSON_OBJECT || read_node(l, node, err) ? node : NULL;
}

struct json_schema_node *json_schema_loader_open(struct json_schema_loader *l,
	const char *uri, struct json text, struct error *err)
{
	struct json_schema_node *node = json_schema_loader_find(l, text);
	if (node) {
		json_schema_loader_address(l, uri, node->resource);
		return node;
	}
	return json_schema_loader_add(
		l, create_resource(l, xstrdup(uri), uri, text), text, err);
}

struct json json_schema_loader_document(
	const struct json_schema_loader *l, const char *uri, const char **ret_uri)
{
	for (size_t i = 0; i < l->options->ndocuments; i++) {
		const struct json_schema_document *d = &l->options->documents[i];
		if (strcmp(d->uri, uri) == 0) {
			*ret_uri = d->uri;
			return d->text;
		}
	}
	*ret_uri = JSON_SCHEMA_META_URI;
	return json_schema_meta_has(uri) ? json_schema_meta_text() : (struct json){0};
}
