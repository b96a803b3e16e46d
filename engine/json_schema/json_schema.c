/* Compiling and checking from the outside; what a schema is made of is freed here. */
#include "json_schema/json_schema.h"

#include "json_schema/frame.h"
#include "json_schema/loader.h"
#include "json_schema/reference.h"
#include "json_schema/text.h"

#include <stdlib.h>

static void destroy_rule(struct json_schema_rule *rule)
{
	for (size_t i = 0; i < rule->nbranches; i++) {
		json_schema_name_finish(&rule->branches[i].name);
		json_schema_name_finish(&rule->branches[i].other);
		json_schema_pattern_destroy(rule->branches[i].pattern);
	}
	free(rule->branches);
	free(rule->anchor);
}

static void destroy_node(struct json_schema_node *node)
{
	for (size_t i = 0; i < node->nrules; i++)
		destroy_rule(&node->rules[i]);
	free(node->rules);
	free(node);
}

static void destroy_resource(struct json_schema_resource *r)
{
	while (r->anchors) {
		struct json_schema_anchor *anchor = r->anchors;
		r->anchors = anchor->next;
		free(anchor->name);
		free(anchor);
	}
	free(r->uri);
	free(r);
}

void json_schema_destroy(struct json_schema *s)
{
	if (!s)
		return;
	while (s->nodes) {
		struct json_schema_node *node = s->nodes;
		s->nodes = node->next;
		destroy_node(node);
	}
	while (s->resources) {
		struct json_schema_resource *r = s->resources;
		s->resources = r->next;
		destroy_resource(r);
	}
	free(s);
}

static bool load(struct json_schema_loader *l, struct json schema, struct error *err)
{
	const char *uri = l->options->uri ? l->options->uri : "";
	l->schema->root = json_schema_loader_open(l, uri, schema, err);
	if (!l->schema->root)
		return false;
	while (l->references) {
		struct json_schema_rule *rule = l->references;
		l->references = rule->next_reference;
		if (!json_schema_reference_resolve(l, rule, err))
			return false;
	}
	return !l->is_lacking ||
	       error_set(err, ERROR_NOT_FOUND,
		       "the schema refers to documents that are not here");
}

bool json_schema_compile(struct json schema, const struct json_schema_options *options,
	struct json_schema **ret, struct error *err)
{
	static const struct json_schema_options none;
	struct json_schema *s = xcalloc(1, sizeof *s);
	struct json_schema_loader l = {.schema = s, .options = options ? options : &none};
	bool ok = load(&l, schema, err);
	json_schema_loader_finish(&l);
	if (ok)
		*ret = s;
	else
		json_schema_destroy(s);
	return ok;
}

static void report(const struct json_schema_run *run, struct error *err)
{
	if (!err)
		return;
	if (run->stopped.kind != ERROR_NONE)
		error_set(err, run->stopped.kind, "%s", run->stopped.text);
	else
		error_set(err, ERROR_INPUT, "%s%s", buf_text(&run->failures),
			run->nfailures == JSON_SCHEMA_FAILURES ? "; maybe more" : "");
	json_schema_text_repair(err->text);
}

bool json_schema_check(
	const struct json_schema *s, struct json instance, struct error *err)
{
	struct json_schema_run run = {
		.work = JSON_SCHEMA_WORK + JSON_SCHEMA_WORK_BYTE * instance.n};
	struct json_schema_instance root;
	json_schema_instance_init(&root, instance);
	bool ok = json_schema_frame_root(&run, s->root, &root);
	json_schema_instance_finish(&root);
	if (!ok)
		report(&run, err);
	buf_finish(&run.failures);
	return ok;
}
