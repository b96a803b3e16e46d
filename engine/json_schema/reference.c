/*
 * A reference is resolved against the resource it stands in; its fragment is empty, an
 * anchor or a JSON Pointer. A pointer may lead to a place that is no subschema of a known
 * keyword: then it becomes one.
 */
#include "json_schema/reference.h"

#include "json_schema/rule.h"
#include "json_schema/uri.h"

#include <stdlib.h>
#include <string.h>

static bool fail(const struct json_schema_rule *rule, struct error *err, const char *why,
	const char *uri)
{
	struct json value = rule->value;
	int n = (int)(value.n < 200 ? value.n : 200);
	return json_schema_loader_fail(rule->node->resource, rule->node->text,
		rule->keyword->name, err, "%s %.*s", why, uri ? 200 : n,
		uri ? uri : value.s);
}

/* The resource at the address, its document read if need be. NULL: its document will be
 * handed over later. */
static bool find_resource(struct json_schema_loader *l,
	const struct json_schema_rule *rule, const char *uri,
	struct json_schema_resource **ret, struct error *err)
{
	const struct json_schema_options *o = l->options;
	const char *origin;
	*ret = json_schema_loader_resource(l, uri);
	if (*ret)
		return true;
	struct json text = json_schema_loader_document(l, uri, &origin);
	if (text.s && !json_schema_loader_open(l, origin, text, err))
		return false;
	*ret = json_schema_loader_resource(l, uri);
	if (*ret)
		return true;
	if (!o->on_missing || !o->on_missing(o->ctx, uri, rule->value))
		return fail(rule, err, "there is no schema", uri);
	l->is_lacking = true;
	return true;
}

/* The resource that the place at the end of the pointer belongs to: that of the last
 * subschema on the way. */
static struct json_schema_resource *resource_on_way(
	struct json_schema_loader *l, struct json_schema_resource *r, const char *pointer)
{
	struct json root = r->root->text;
	struct buf way = {0};
	for (const char *p = pointer; *p;) {
		size_t n = 1 + strcspn(p + 1, "/");
		buf_add(&way, p, n);
		p += n;
		struct json at = json_index_pointer(&l->index, root, buf_text(&way));
		struct json_schema_node *node =
			at.s ? json_schema_loader_find(l, at) : NULL;
		if (node)
			r = node->resource;
	}
	buf_finish(&way);
	return r;
}

static const struct json_schema_node *follow_pointer(struct json_schema_loader *l,
	const struct json_schema_rule *rule, struct json_schema_resource *r,
	const char *pointer, struct error *err)
{
	struct json at = json_index_pointer(&l->index, r->root->text, pointer);
	if (!at.s) {
		fail(rule, err, "there is nothing at", NULL);
		return NULL;
	}
	return json_schema_loader_add(l, resource_on_way(l, r, pointer), at, err);
}

static const struct json_schema_node *follow_fragment(struct json_schema_loader *l,
	struct json_schema_rule *rule, struct json_schema_resource *r,
	const char *fragment, struct error *err)
{
	if (!fragment || !*fragment)
		return r->root;
	if (*fragment == '/')
		return follow_pointer(l, rule, r, fragment, err);
	const struct json_schema_anchor *anchor = json_schema_node_anchor(r, fragment);
	if (!anchor) {
		fail(rule, err, "there is no anchor", NULL);
		return NULL;
	}
	if (anchor->is_dynamic && strcmp(rule->keyword->name, "$dynamicRef") == 0)
		rule->anchor = xstrdup(fragment);
	return anchor->node;
}

bool json_schema_reference_resolve(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	char *reference = json_strdup(rule->value);
	char *uri = json_schema_uri_resolve(rule->node->resource->uri, reference);
	char *fragment = json_schema_uri_cut_fragment(uri);
	const struct json_schema_node *target = NULL;
	struct json_schema_resource *r;
	bool ok = find_resource(l, rule, uri, &r, err);
	if (ok && r) {
		target = follow_fragment(l, rule, r, fragment, err);
		ok = target != NULL;
	}
	if (target)
		json_schema_rule_grow(rule)->node = target;
	free(reference);
	free(uri);
	free(fragment);
	return ok;
}
