/* What is refused here is what the meta-schema refuses, with a text that says why. */
#include "json_schema/rule.h"

#include "json_schema/number.h"

#include <stdlib.h>

bool json_schema_rule_fail(
	const struct json_schema_rule *rule, struct error *err, const char *what)
{
	return json_schema_loader_fail(rule->node->resource, rule->node->text,
		rule->keyword->name, err, "must be %s", what);
}

struct json_schema_branch *json_schema_rule_grow(struct json_schema_rule *rule)
{
	size_t n = rule->nbranches++;
	if ((n & (n - 1)) == 0) /* full: 0 or a power of 2 */
		rule->branches = xrealloc(
			rule->branches, (n ? 2 * n : 1) * sizeof *rule->branches);
	rule->branches[n] = (struct json_schema_branch){0};
	return &rule->branches[n];
}

/* The node is made first: the branches of the rule may not move while it is being read.
 */
static struct json_schema_branch *add_schema(struct json_schema_loader *l,
	struct json_schema_rule *rule, struct json text, struct error *err)
{
	const struct json_schema_node *node =
		json_schema_loader_add(l, rule->node->resource, text, err);
	if (!node)
		return NULL;
	struct json_schema_branch *branch = json_schema_rule_grow(rule);
	branch->node = node;
	return branch;
}

bool json_schema_rule_schema(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	return add_schema(l, rule, rule->value, err) != NULL;
}

bool json_schema_rule_schemas(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	struct json_iter it = json_iter(rule->value);
	struct json text;
	if (json_type(rule->value) != JSON_ARRAY || !it.p)
		return json_schema_rule_fail(rule, err, "an array of schemas, not empty");
	while (json_next_element(&it, &text)) {
		if (!add_schema(l, rule, text, err))
			return false;
	}
	return true;
}

static bool read_map(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	struct json_iter it = json_iter(rule->value);
	struct json key, text;
	if (json_type(rule->value) != JSON_OBJECT)
		return json_schema_rule_fail(rule, err, "an object of schemas");
	while (json_next_member(&it, &key, &text)) {
		struct json_schema_branch *branch = add_schema(l, rule, text, err);
		if (!branch)
			return false;
		json_schema_name_init(&branch->name, key);
	}
	return true;
}

static int compare_branches(const void *a, const void *b)
{
	const struct json_schema_branch *x = a, *y = b;
	return json_schema_name_compare(&x->name, &y->name);
}

bool json_schema_rule_schema_map(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	if (!read_map(l, rule, err))
		return false;
	if (rule->nbranches > 0)
		qsort(rule->branches, rule->nbranches, sizeof *rule->branches,
			compare_branches);
	return true;
}

static bool compile_pattern(const struct json_schema_rule *rule,
	struct json_schema_branch *branch, struct error *err)
{
	struct error why = {0};
	if (json_schema_pattern_compile(
		    branch->name.text, branch->name.n, &branch->pattern, &why))
		return true;
	return json_schema_loader_fail(rule->node->resource, rule->node->text,
		rule->keyword->name, err, "%s", why.text);
}

bool json_schema_rule_pattern_map(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	if (!read_map(l, rule, err))
		return false;
	for (size_t i = 0; i < rule->nbranches; i++) {
		if (!compile_pattern(rule, &rule->branches[i], err))
			return false;
	}
	return true;
}

bool json_schema_rule_pattern(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	if (json_type(rule->value) != JSON_STRING)
		return json_schema_rule_fail(rule, err, "a string");
	struct json_schema_branch *branch = json_schema_rule_grow(rule);
	json_schema_name_init(&branch->name, rule->value);
	return compile_pattern(rule, branch, err);
}

bool json_schema_rule_number(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	return json_type(rule->value) == JSON_NUMBER ||
	       json_schema_rule_fail(rule, err, "a number");
}

bool json_schema_rule_size(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	if (json_type(rule->value) == JSON_NUMBER) {
		struct json_schema_number n = json_schema_number(rule->value);
		if (json_schema_number_size(&n, &rule->size))
			return true;
	}
	return json_schema_rule_fail(rule, err, "an integer, not negative");
}

bool json_schema_rule_truth(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	enum json_type type = json_type(rule->value);
	return type == JSON_TRUE || type == JSON_FALSE ||
	       json_schema_rule_fail(rule, err, "true or false");
}

/* The strings of a list; for dependentRequired, key is the name that asks for them. */
static bool add_names(struct json_schema_rule *rule, struct json key, struct json list,
	struct error *err)
{
	struct json_iter it = json_iter(list);
	struct json name;
	bool ok = json_type(list) == JSON_ARRAY;
	while (ok && json_next_element(&it, &name)) {
		ok = json_type(name) == JSON_STRING;
		if (!ok)
			break;
		struct json_schema_branch *branch = json_schema_rule_grow(rule);
		json_schema_name_init(&branch->name, key.s ? key : name);
		if (key.s)
			json_schema_name_init(&branch->other, name);
	}
	return ok ||
	       json_schema_rule_fail(rule, err,
		       key.s ? "an object of arrays of strings" : "an array of strings");
}

bool json_schema_rule_names(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	return add_names(rule, (struct json){0}, rule->value, err);
}

bool json_schema_rule_name_lists(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err)
{
	(void)l;
	struct json_iter it = json_iter(rule->value);
	struct json key, list;
	if (json_type(rule->value) != JSON_OBJECT)
		return json_schema_rule_fail(rule, err, "an object of arrays of strings");
	while (json_next_member(&it, &key, &list)) {
		if (!add_names(rule, key, list, err))
			return false;
	}
	return true;
}
