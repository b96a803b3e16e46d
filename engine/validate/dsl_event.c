/*
 * Events: emit, listen, what they wait for, and the iteration over what arrives.
 */
#include "validate/dsl.h"

static const struct shape date_time = {
	.type = SHAPE_STRING,
	.what = "a time such as \"2026-01-31T12:00:00Z\" or an expression \"${ ... }\" "
		"in one line",
	.formats = FORMAT_DATE_TIME | FORMAT_EXPRESSION,
};

static const struct member event_members[] = {
	MAY("id", &schema_string),
	MAY("source", &schema_uri_or_expression),
	MAY("time", &date_time),
	MAY("subject", &schema_string),
	MAY("datacontenttype", &schema_string),
	MAY("dataschema", &schema_uri_or_expression),
	MAY("data", &schema_any),
	{.name = NULL},
};

/* emit */

static const struct shape emitted_properties = {
	.type = SHAPE_OBJECT,
	.rule = RULE_EMITTED,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(NEED("type", &schema_string)),
	.more = event_members,
};

static const struct shape emitted_event = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(MAY("with", &emitted_properties)),
};

static const struct shape emit = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("event", &emitted_event)),
};

const struct shape schema_emit = {
	.type = SHAPE_OBJECT,
	.rule = RULE_TASK,
	.members = MEMBERS(MAY("emit", &emit)),
	.more = schema_task_base,
};

/* What is waited for. */

static const struct shape awaited_properties = {
	.type = SHAPE_OBJECT,
	.rule = RULE_AWAITED,
	.unknown = UNKNOWN_FREE,
	.min_count = 1,
	.members = MEMBERS(MAY("type", &schema_string)),
	.more = event_members,
};

static const struct shape correlation = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(NEED("from", &schema_bare), MAY("expect", &schema_string)),
};

static const struct shape correlations = {.type = SHAPE_OBJECT, .of = &correlation};

static const struct shape event_filter = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(
		NEED("with", &awaited_properties), MAY("correlate", &correlations)),
};

static const struct shape event_filters = {.type = SHAPE_ARRAY, .of = &event_filter};

#define STRATEGY \
	MAY("all", &event_filters), MAY("any", &event_filters), MAY("one", &event_filter)

/* Without an `until` of its own. */
static const struct shape until_strategy = {
	.type = SHAPE_OBJECT,
	.rule = RULE_STRATEGY,
	.members = MEMBERS(STRATEGY),
	.one_of = WORDS("all", "any", "one"),
};

static const struct shape until = {
	.type = SHAPE_CHOICE,
	.what = "an expression in a string, or an object with \"all\", \"any\" or "
		"\"one\"",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &until_strategy},
		{.type = JSON_STRING, .shape = &schema_condition}),
};

const struct shape schema_event_strategy = {
	.type = SHAPE_OBJECT,
	.rule = RULE_STRATEGY,
	.members = MEMBERS(STRATEGY, {.name = "until", .shape = &until, .needs = "any"}),
	.one_of = WORDS("all", "any", "one"),
};

/* listen */

const struct shape schema_foreach = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("item", &schema_literal), MAY("at", &schema_literal),
		MAY("do", &schema_task_list), MAY("output", &schema_output),
		MAY("export", &schema_export)),
};

static const struct shape read_as = {
	.type = SHAPE_STRING,
	.words = WORDS("data", "envelope", "raw"),
};

static const struct shape listen = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("to", &schema_event_strategy), MAY("read", &read_as)),
};

const struct shape schema_listen = {
	.type = SHAPE_OBJECT,
	.rule = RULE_TASK,
	.members = MEMBERS(MAY("listen", &listen), MAY("foreach", &schema_foreach)),
	.more = schema_task_base,
};
