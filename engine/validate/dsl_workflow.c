/*
 * The document itself: its identity, its reusable components, and how it is started and
 * evaluated.
 */
#include "validate/dsl.h"

static const struct shape dsl = {
	.type = SHAPE_STRING,
	.rule = RULE_DSL,
	.what = "a semantic version such as \"1.0.0\"",
	.literal = true,
	.formats = FORMAT_SEMVER,
};

static const struct shape version = {
	.type = SHAPE_STRING,
	.what = "a semantic version such as \"1.0.0\"",
	.literal = true,
	.formats = FORMAT_SEMVER,
};

static const struct shape label = {
	.type = SHAPE_STRING,
	.what = "1 to 63 letters, digits and inner hyphens",
	.literal = true,
	.formats = FORMAT_LABEL,
};

static const struct shape free_object = {.type = SHAPE_OBJECT, .of = &schema_free};

static const struct shape metadata = {
	.type = SHAPE_OBJECT,
	.rule = RULE_METADATA,
	.ours = true,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(MAY("retry", &schema_retry_name)),
};

static const struct shape document = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("dsl", &dsl), NEED("namespace", &label),
		NEED("name", &label), NEED("version", &version),
		MAY("title", &schema_literal), MAY("summary", &schema_literal),
		MAY("tags", &free_object), MAY("metadata", &metadata)),
};

/* use */

static const struct shape authentications = {
	.type = SHAPE_OBJECT,
	.of = &schema_authentication,
};

static const struct shape secret = {
	.type = SHAPE_STRING,
	.rule = RULE_SECRET,
	.literal = true,
};

static const struct shape secrets = {.type = SHAPE_ARRAY, .of = &secret};

static const struct shape errors = {.type = SHAPE_OBJECT, .of = &schema_error};
static const struct shape retries = {.type = SHAPE_OBJECT, .of = &schema_retry};
static const struct shape timeouts = {.type = SHAPE_OBJECT, .of = &schema_timeout};

static const struct shape functions = {.type = SHAPE_OBJECT, .of = &schema_task};

static const struct shape extended = {
	.type = SHAPE_STRING,
	.words = WORDS("call", "composite", "emit", "for", "listen", "raise", "run",
		"set", "switch", "try", "wait", "all"),
};

static const struct shape extension = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("extend", &extended), MAY("when", &schema_condition),
		MAY("before", &schema_task_list), MAY("after", &schema_task_list)),
};

static const struct shape extension_item = {
	.type = SHAPE_OBJECT,
	.what = "an object with one member: the name of the extension",
	.words = WORDS("extend", "before", "after"),
	.min_count = 1,
	.max_count = 1,
	.of = &extension,
};

static const struct shape extensions = {.type = SHAPE_ARRAY, .of = &extension_item};

static const struct shape catalog = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("endpoint", &schema_source)),
};

static const struct shape catalogs = {.type = SHAPE_OBJECT, .of = &catalog};

static const struct shape use = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY_SECRET("authentications", &authentications),
		MAY("errors", &errors), MAY("extensions", &extensions),
		MAY("functions", &functions), MAY("retries", &retries),
		MAY("secrets", &secrets), MAY("timeouts", &timeouts),
		MAY("catalogs", &catalogs)),
};

/* schedule, evaluate */

static const struct shape read_as = {
	.type = SHAPE_STRING,
	.words = WORDS("data", "envelope", "raw"),
};

static const struct shape schedule = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("every", &schema_duration), MAY("cron", &schema_literal),
		MAY("after", &schema_duration), MAY("on", &schema_event_strategy),
		{.name = "read", .shape = &read_as, .needs = "on"}),
};

static const struct shape language = {
	.type = SHAPE_STRING,
	.words = WORDS("jq"),
	.soft = true,
};

static const struct shape mode = {
	.type = SHAPE_STRING,
	.words = WORDS("strict", "loose"),
};

static const struct shape evaluate = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("language", &language), MAY("mode", &mode)),
};

const struct shape schema_workflow = {
	.type = SHAPE_OBJECT,
	.what = "an object with \"document\" and \"do\"",
	.unknown = UNKNOWN_WARNING,
	.members = MEMBERS(NEED("document", &document), MAY("input", &schema_input),
		MAY("use", &use), NEED("do", &schema_task_list),
		MAY("timeout", &schema_timeout_or_name), MAY("output", &schema_output),
		NOT_YET("schedule", &schedule, "schedule"), MAY("evaluate", &evaluate),
		MAY("$schema", &schema_free)),
};
