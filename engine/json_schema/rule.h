/* The ways to compile a keyword's value, as the tables of keywords name them. */
#ifndef STEPWELL_JSON_SCHEMA_RULE_H
#define STEPWELL_JSON_SCHEMA_RULE_H

#include "json_schema/loader.h"

/* "... must be WHAT". Returns false. */
bool json_schema_rule_fail(
	const struct json_schema_rule *rule, struct error *err, const char *what);
/* A further branch, zeroed. */
struct json_schema_branch *json_schema_rule_grow(struct json_schema_rule *rule);

/* Schemas: one, an array of them, an object of them by name (branches sorted by name) or
 * by regular expression. */
bool json_schema_rule_schema(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);
bool json_schema_rule_schemas(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);
bool json_schema_rule_schema_map(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);
bool json_schema_rule_pattern_map(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);

/* Plain values. */
bool json_schema_rule_pattern(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);
bool json_schema_rule_size(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);
bool json_schema_rule_number(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);
bool json_schema_rule_truth(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);
bool json_schema_rule_names(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);
bool json_schema_rule_name_lists(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);

#endif
