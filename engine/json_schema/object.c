/* Keywords about objects. */
#include "json_schema/frame.h"
#include "json_schema/rule.h"

#include <stdlib.h>

static size_t list_members(struct json_schema_frame *f)
{
	json_schema_instance_list(f->instance);
	return f->instance->count;
}

static int compare_to_branch(const void *name, const void *branch)
{
	return json_schema_name_compare(
		name, &((const struct json_schema_branch *)branch)->name);
}

/* The schema that `properties` has for a name; NULL: none. */
static const struct json_schema_branch *find_property(
	const struct json_schema_rule *properties, const struct json_schema_name *name)
{
	if (!properties || properties->nbranches == 0)
		return NULL;
	return bsearch(name, properties->branches, properties->nbranches,
		sizeof *properties->branches, compare_to_branch);
}

static bool name_matches(struct json_schema_frame *f,
	const struct json_schema_branch *branch, const struct json_schema_name *name)
{
	enum json_schema_match match = json_schema_pattern_match(
		branch->pattern, name->text, name->n, &f->run->work);
	if (match == JSON_SCHEMA_MATCH_STOPPED)
		return json_schema_frame_stop(f, "a regular expression takes too long");
	return match == JSON_SCHEMA_MATCH_YES;
}

static bool check_properties(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_members(f);
	bool ok = true;
	for (size_t i = 0; i < n; i++) {
		const struct json_schema_branch *branch =
			find_property(rule, &f->instance->names[i]);
		if (!branch || json_schema_frame_apply_child(f, branch->node, i))
			continue;
		ok = false;
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

/* All the patterns that match this member's name. */
static bool check_pattern_member(
	struct json_schema_frame *f, const struct json_schema_rule *rule, size_t i)
{
	bool ok = true;
	for (size_t j = 0; j < rule->nbranches; j++) {
		const struct json_schema_branch *branch = &rule->branches[j];
		if (!name_matches(f, branch, &f->instance->names[i]))
			continue;
		ok = json_schema_frame_apply_child(f, branch->node, i) && ok;
	}
	return ok;
}

static bool check_pattern_properties(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_members(f);
	bool ok = true;
	for (size_t i = 0; i < n && (ok || json_schema_frame_goes_on(f)); i++)
		ok = json_schema_frame_spend(f, 1) && check_pattern_member(f, rule, i) &&
		     ok;
	return ok;
}

static bool is_named(struct json_schema_frame *f, const struct json_schema_rule *patterns,
	const struct json_schema_name *name)
{
	for (size_t i = 0; patterns && i < patterns->nbranches; i++) {
		if (name_matches(f, &patterns->branches[i], name))
			return true;
	}
	return false;
}

static bool check_additional(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	const struct json_schema_rule *properties =
		json_schema_node_rule(f->node, "properties");
	const struct json_schema_rule *patterns =
		json_schema_node_rule(f->node, "patternProperties");
	size_t n = list_members(f);
	bool ok = true;
	for (size_t i = 0; i < n; i++) {
		const struct json_schema_name *name = &f->instance->names[i];
		if (find_property(properties, name) || is_named(f, patterns, name) ||
			json_schema_frame_apply_child(f, rule->branches[0].node, i))
			continue;
		ok = false;
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

static bool check_names(struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_members(f);
	bool ok = true;
	for (size_t i = 0; i < n && (ok || json_schema_frame_goes_on(f)); i++)
		ok = json_schema_frame_apply_name(f, rule->branches[0].node, i) && ok;
	return ok;
}

/* Whether the object has a member of that name. */
static bool has_member(struct json_schema_frame *f, const struct json_schema_name *name)
{
	size_t n = list_members(f);
	return json_schema_frame_spend(f, 1 + n / 8) &&
	       json_schema_instance_find(f->instance, name) < n;
}

static bool check_required(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	bool ok = true;
	for (size_t i = 0; i < rule->nbranches; i++) {
		const struct json_schema_name *name = &rule->branches[i].name;
		if (has_member(f, name))
			continue;
		ok = json_schema_frame_fail(
			f, "%s is missing", json_schema_frame_show(name->raw).text);
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

static bool check_dependent_required(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	bool ok = true;
	for (size_t i = 0; i < rule->nbranches; i++) {
		const struct json_schema_branch *branch = &rule->branches[i];
		if (!has_member(f, &branch->name) || has_member(f, &branch->other))
			continue;
		ok = json_schema_frame_fail(f, "%s is missing, but %s is there",
			json_schema_frame_show(branch->other.raw).text,
			json_schema_frame_show(branch->name.raw).text);
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

static bool check_dependent_schemas(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	bool ok = true;
	for (size_t i = 0; i < rule->nbranches; i++) {
		const struct json_schema_branch *branch = &rule->branches[i];
		if (!has_member(f, &branch->name) ||
			json_schema_frame_apply(f, branch->node))
			continue;
		ok = false;
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

static bool check_max_properties(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_members(f);
	return n <= rule->size ||
	       json_schema_frame_fail(f, "%zu members are more than %zu", n, rule->size);
}

static bool check_min_properties(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	size_t n = list_members(f);
	return n >= rule->size ||
	       json_schema_frame_fail(f, "%zu members are fewer than %zu", n, rule->size);
}

#define APPLICATOR VOCABULARY_APPLICATOR
#define VALIDATION VOCABULARY_VALIDATION
#define OBJECT JSON_SCHEMA_TYPE(JSON_OBJECT)

const struct json_schema_keyword json_schema_object_keywords[] = {
	{"maxProperties", VALIDATION, OBJECT, json_schema_rule_size,
		check_max_properties},
	{"minProperties", VALIDATION, OBJECT, json_schema_rule_size,
		check_min_properties},
	{"required", VALIDATION, OBJECT, json_schema_rule_names, check_required},
	{"dependentRequired", VALIDATION, OBJECT, json_schema_rule_name_lists,
		check_dependent_required},
	{"properties", APPLICATOR, OBJECT, json_schema_rule_schema_map, check_properties},
	{"patternProperties", APPLICATOR, OBJECT, json_schema_rule_pattern_map,
		check_pattern_properties},
	{"additionalProperties", APPLICATOR, OBJECT, json_schema_rule_schema,
		check_additional},
	{"propertyNames", APPLICATOR, OBJECT, json_schema_rule_schema, check_names},
	{"dependentSchemas", APPLICATOR, OBJECT, json_schema_rule_schema_map,
		check_dependent_schemas},
	{0},
};
