/*
 * Keywords that hold schemas together: anchors, references, and what applies schemas to
 * the same place.
 */
#include "json_schema/frame.h"
#include "json_schema/rule.h"

#include <stdlib.h>
#include <string.h>

static bool compile_anchor(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	char *name = json_strdup(rule->value);
	const char *letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz_";
	if (!name || !*name || !strchr(letters, *name)) {
		free(name);
		return json_schema_rule_fail(
			rule, err, "a name that begins with a letter");
	}
	struct json_schema_anchor *anchor = xcalloc(1, sizeof *anchor);
	struct json_schema_resource *r = rule->node->resource;
	anchor->name = name;
	anchor->is_dynamic = strcmp(rule->keyword->name, "$dynamicAnchor") == 0;
	anchor->node = rule->node;
	anchor->next = r->anchors;
	r->anchors = anchor;
	return true;
}

static bool compile_reference(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	if (json_type(rule->value) != JSON_STRING)
		return json_schema_rule_fail(rule, err, "a string");
	rule->next_reference = l->references;
	l->references = rule;
	return true;
}

static bool check_ref(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	return json_schema_frame_apply(f, rule->branches[0].node);
}

/* The outermost resource of the dynamic scope that has the anchor decides. */
static bool check_dynamic_ref(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	const struct json_schema_node *target = rule->branches[0].node;
	const struct json_schema_resource *seen = NULL;
	if (!json_schema_frame_spend(f, 1 + f->depth / 16))
		return false;
	for (const struct json_schema_frame *p = f; rule->anchor && p; p = p->parent) {
		if (p->node->resource == seen)
			continue;
		seen = p->node->resource;
		const struct json_schema_anchor *anchor =
			json_schema_node_anchor(seen, rule->anchor);
		if (anchor && anchor->is_dynamic)
			target = anchor->node;
	}
	return json_schema_frame_apply(f, target);
}

static bool check_all_of(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	bool ok = true;
	for (size_t i = 0; i < rule->nbranches; i++) {
		if (json_schema_frame_apply(f, rule->branches[i].node))
			continue;
		ok = false;
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

static bool check_any_of(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	bool ok = false;
	for (size_t i = 0; i < rule->nbranches; i++) {
		if (json_schema_frame_try(f, rule->branches[i].node))
			ok = true;
		if (ok && !f->evaluated) /* else each that holds has a say */
			return true;
	}
	return ok ||
	       json_schema_frame_fail(f, "%s satisfies none of the %zu schemas",
		       json_schema_frame_show(f->instance->text).text, rule->nbranches);
}

static bool check_one_of(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t held = rule->nbranches;
	for (size_t i = 0; i < rule->nbranches; i++) {
		if (!json_schema_frame_try(f, rule->branches[i].node))
			continue;
		if (held < rule->nbranches)
			return json_schema_frame_fail(f,
				"%s satisfies schemas %zu and %zu, not just one",
				json_schema_frame_show(f->instance->text).text, held, i);
		held = i;
	}
	return held < rule->nbranches ||
	       json_schema_frame_fail(f, "%s satisfies none of the %zu schemas",
		       json_schema_frame_show(f->instance->text).text, rule->nbranches);
}

static bool check_not(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	return !json_schema_frame_try(f, rule->branches[0].node) ||
	       json_schema_frame_fail(f, "%s satisfies the schema that it must not",
		       json_schema_frame_show(f->instance->text).text);
}

static bool check_if(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	bool holds = json_schema_frame_try(f, rule->branches[0].node);
	const struct json_schema_rule *next =
		json_schema_node_rule(f->node, holds ? "then" : "else");
	if (!next)
		return true;
	f->rule = next;
	return json_schema_frame_apply(f, next->branches[0].node);
}

#define CORE VOCABULARY_CORE
#define APPLICATOR VOCABULARY_APPLICATOR
#define ANY JSON_SCHEMA_ANY

/* $id, $schema and $vocabulary are read before the rules of their schema. */
const struct json_schema_keyword json_schema_logic_keywords[] = {
	{"$anchor", CORE, ANY, compile_anchor, NULL},
	{"$dynamicAnchor", CORE, ANY, compile_anchor, NULL},
	{"$defs", CORE, ANY, json_schema_rule_schema_map, NULL},
	{"$ref", CORE, ANY, compile_reference, check_ref},
	{"$dynamicRef", CORE, ANY, compile_reference, check_dynamic_ref},
	{"allOf", APPLICATOR, ANY, json_schema_rule_schemas, check_all_of},
	{"anyOf", APPLICATOR, ANY, json_schema_rule_schemas, check_any_of},
	{"oneOf", APPLICATOR, ANY, json_schema_rule_schemas, check_one_of},
	{"not", APPLICATOR, ANY, json_schema_rule_schema, check_not},
	{"if", APPLICATOR, ANY, json_schema_rule_schema, check_if},
	{"then", APPLICATOR, ANY, json_schema_rule_schema, NULL},
	{"else", APPLICATOR, ANY, json_schema_rule_schema, NULL},
	{0},
};
