/*
 * Keywords about what no other keyword of the schema, or of those it applies to the same
 * place, has evaluated. They come last and are skipped once the schema has failed.
 */
#include "json_schema/frame.h"
#include "json_schema/rule.h"

#include <assert.h>

static bool check_unevaluated(
	struct json_schema_frame *f, const struct json_schema_rule *rule)
{
	assert(f->evaluated && f->instance->is_listed);
	bool ok = true;
	for (size_t i = 0; i < f->instance->count; i++) {
		if (f->evaluated[i] ||
			json_schema_frame_apply_child(f, rule->branches[0].node, i))
			continue;
		ok = false;
		if (!json_schema_frame_goes_on(f))
			break;
	}
	return ok;
}

const struct json_schema_keyword json_schema_unevaluated_keywords[] = {
	{"unevaluatedItems", VOCABULARY_UNEVALUATED, JSON_SCHEMA_TYPE(JSON_ARRAY),
		json_schema_rule_schema, check_unevaluated},
	{"unevaluatedProperties", VOCABULARY_UNEVALUATED, JSON_SCHEMA_TYPE(JSON_OBJECT),
		json_schema_rule_schema, check_unevaluated},
	{0},
};
