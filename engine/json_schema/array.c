/* Keywords about arrays. */
#include "json_schema/canonical.h"
#include "json_schema/frame.h"
#include "json_schema/rule.h"

static size_t list_elements(struct json_schema_frame *f)
{
	json_schema_instance_list(f->instance);
	return f->instance->count;
}

static bool check_prefix_items(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_elements(f);
	bool ok = true;
	for (size_t i = 0; i < n && i < rule->nbranches; i++) {
		if (json_schema_frame_apply_child(f, rule->branches[i].node, i))
			continue;
		ok = false;
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

static bool check_items(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_elements(f);
	const struct json_schema_rule *prefix =
		json_schema_node_rule(f->node, "prefixItems");
	bool ok = true;
	for (size_t i = prefix ? prefix->nbranches : 0; i < n; i++) {
		if (json_schema_frame_apply_child(f, rule->branches[0].node, i))
			continue;
		ok = false;
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

static bool check_contains(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	const struct json_schema_rule *min =
		json_schema_node_rule(f->node, "minContains");
	const struct json_schema_rule *max =
		json_schema_node_rule(f->node, "maxContains");
	size_t least = min ? min->size : 1, most = max ? max->size : SIZE_MAX;
	size_t n = list_elements(f), held = 0;
	for (size_t i = 0; i < n && held <= most; i++) {
		if (held >= least && most == SIZE_MAX && !f->evaluated)
			break;
		held += json_schema_frame_try_child(f, rule->branches[0].node, i);
	}
	if (held > most)
		return json_schema_frame_fail(
			f, "more than %zu elements satisfy the schema", most);
	return held >= least ||
	       json_schema_frame_fail(f,
		       "%zu elements satisfy the schema, at least %zu must", held, least);
}

static bool check_max_items(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_elements(f);
	return n <= rule->size ||
	       json_schema_frame_fail(f, "%zu elements are more than %zu", n, rule->size);
}

static bool check_min_items(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_elements(f);
	return n >= rule->size ||
	       json_schema_frame_fail(
		       f, "%zu elements are fewer than %zu", n, rule->size);
}

static bool check_unique_items(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t i, j, n = list_elements(f);
	if (json_type(rule->value) == JSON_FALSE)
		return true;
	if (!json_schema_frame_spend(f, f->instance->text.n / 2))
		return false;
	return !json_schema_canonical_pair(f->instance->values, n, &i, &j) ||
	       json_schema_frame_fail(f, "elements %zu and %zu are equal", i, j);
}

#define APPLICATOR VOCABULARY_APPLICATOR
#define VALIDATION VOCABULARY_VALIDATION
#define ARRAY JSON_SCHEMA_TYPE(JSON_ARRAY)

const struct json_schema_keyword json_schema_array_keywords[] = {
	{"prefixItems", APPLICATOR, ARRAY, json_schema_rule_schemas, check_prefix_items},
	{"items", APPLICATOR, ARRAY, json_schema_rule_schema, check_items},
	{"contains", APPLICATOR, ARRAY, json_schema_rule_schema, check_contains},
	{"minContains", VALIDATION, ARRAY, json_schema_rule_size, NULL},
	{"maxContains", VALIDATION, ARRAY, json_schema_rule_size, NULL},
	{"maxItems", VALIDATION, ARRAY, json_schema_rule_size, check_max_items},
	{"minItems", VALIDATION, ARRAY, json_schema_rule_size, check_min_items},
	{"uniqueItems", VALIDATION, ARRAY, json_schema_rule_truth, check_unique_items},
	{0},
};
