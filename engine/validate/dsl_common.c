/*
 * The shapes that many constructs share: plain values, durations, endpoints, data flow,
 * errors and retry policies.
 */
#include "definition/data_schema.h"
#include "validate/dsl.h"

const struct shape schema_any = {.type = SHAPE_ANY};
const struct shape schema_free = {.type = SHAPE_FREE};
const struct shape schema_string = {.type = SHAPE_STRING};
const struct shape schema_literal = {.type = SHAPE_STRING, .literal = true};
const struct shape schema_boolean = {.type = SHAPE_BOOLEAN};
const struct shape schema_integer = {.type = SHAPE_INTEGER};
const struct shape schema_strings = {.type = SHAPE_ARRAY, .of = &schema_string};
const struct shape schema_object = {.type = SHAPE_OBJECT, .of = &schema_any};
const struct shape schema_string_map = {.type = SHAPE_OBJECT, .of = &schema_string};

/* An expression, with or without ${ }; `if`, `when`, `while` decide by it. */
const struct shape schema_bare = {
	.type = SHAPE_STRING,
	.what = "an expression in a string",
	.expression = true,
};

const struct shape schema_condition = {
	.type = SHAPE_STRING,
	.rule = RULE_CONDITION,
	.what = "an expression in a string",
	.expression = true,
};

const struct shape schema_expression = {
	.type = SHAPE_STRING,
	.what = "an expression \"${ ... }\" in one line",
	.formats = FORMAT_EXPRESSION,
};

/* Durations. */

#define DURATION_WHAT "a duration such as \"PT5S\" or {\"seconds\": 5}"

/* The schema knows no bounds; how long all of it may be is RULE_DURATION's. */
static const struct shape duration_part = {
	.type = SHAPE_INTEGER,
	.what = "an integer of 0 or more",
	.soft = true,
	.min = 0,
	.max = INT64_MAX,
};

static const struct shape inline_duration = {
	.type = SHAPE_OBJECT,
	.rule = RULE_DURATION,
	.what = DURATION_WHAT,
	.min_count = 1,
	.members = MEMBERS(MAY("days", &duration_part), MAY("hours", &duration_part),
		MAY("minutes", &duration_part), MAY("seconds", &duration_part),
		MAY("milliseconds", &duration_part)),
};

static const struct shape iso_duration = {
	.type = SHAPE_STRING,
	.what = DURATION_WHAT,
	.formats = FORMAT_DURATION,
};

static const struct shape iso_duration_or_expression = {
	.type = SHAPE_STRING,
	.what = DURATION_WHAT ", or an expression \"${ ... }\"",
	.formats = FORMAT_DURATION | FORMAT_EXPRESSION,
};

const struct shape schema_duration = {
	.type = SHAPE_CHOICE,
	.what = DURATION_WHAT,
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &inline_duration},
		{.type = JSON_STRING, .shape = &iso_duration_or_expression}),
};

const struct shape schema_plain_duration = {
	.type = SHAPE_CHOICE,
	.what = DURATION_WHAT,
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &inline_duration},
		{.type = JSON_STRING, .shape = &iso_duration}),
};

const struct shape schema_timeout = {
	.type = SHAPE_OBJECT,
	.rule = RULE_TIMEOUT,
	.members = MEMBERS(NEED("after", &schema_duration)),
};

static const struct shape timeout_name = {
	.type = SHAPE_STRING,
	.literal = true,
	.catalog = USE_TIMEOUTS,
};

const struct shape schema_timeout_or_name = {
	.type = SHAPE_CHOICE,
	.what = "a timeout {\"after\": ...} or the name of one in use.timeouts",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &schema_timeout},
		{.type = JSON_STRING, .shape = &timeout_name}),
};

/* Endpoints. */

#define URI_WHAT "a URI, a URI template or an expression \"${ ... }\" in one line"

const struct shape schema_uri_or_expression = {
	.type = SHAPE_STRING,
	.what = URI_WHAT,
	.formats = FORMAT_URI | FORMAT_EXPRESSION,
};

static const struct shape request_url = {
	.type = SHAPE_STRING,
	.rule = RULE_URL,
	.what = URI_WHAT,
	.formats = FORMAT_URI | FORMAT_EXPRESSION,
};

static const struct shape source_url = {
	.type = SHAPE_STRING,
	.rule = RULE_SOURCE,
	.what = URI_WHAT,
	.formats = FORMAT_URI | FORMAT_EXPRESSION,
};

static const struct shape request_endpoint = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("uri", &request_url),
		MAY("authentication", &schema_authentication_or_name)),
};

static const struct shape source_endpoint = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("uri", &source_url),
		MAY("authentication", &schema_authentication_or_name)),
};

const struct shape schema_endpoint = {
	.type = SHAPE_CHOICE,
	.what = "a URI, a URI template, an expression or an object with \"uri\"",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &request_endpoint},
		{.type = JSON_STRING, .shape = &request_url}),
};

const struct shape schema_source = {
	.type = SHAPE_CHOICE,
	.what = "a URI, a URI template, an expression or an object with \"uri\"",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &source_endpoint},
		{.type = JSON_STRING, .shape = &source_url}),
};

const struct shape schema_resource = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("name", &schema_string), NEED("endpoint", &schema_source)),
};

/* Data flow. */

static const struct shape data_format = {
	.type = SHAPE_STRING,
	.words = data_schema_formats,
	.soft = true,
};

static const struct shape data_schema = {
	.type = SHAPE_OBJECT,
	.rule = RULE_SCHEMA,
	.members = MEMBERS(MAY("format", &data_format), MAY("document", &schema_free),
		MAY("resource", &schema_resource)),
	.one_of = WORDS("document", "resource"),
};

const struct shape schema_object_or_string = {
	.type = SHAPE_CHOICE,
	.what = "an object or an expression in a string",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &schema_object},
		{.type = JSON_STRING, .shape = &schema_bare}),
};

const struct shape schema_input = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(
		MAY("schema", &data_schema), MAY("from", &schema_object_or_string)),
};

const struct shape schema_output = {
	.type = SHAPE_OBJECT,
	.members =
		MEMBERS(MAY("schema", &data_schema), MAY("as", &schema_object_or_string)),
};

const struct shape schema_export = {
	.type = SHAPE_OBJECT,
	.members =
		MEMBERS(MAY("schema", &data_schema), MAY("as", &schema_object_or_string)),
};

/* Errors. */

static const struct shape error_instance = {
	.type = SHAPE_STRING,
	.what = "a JSON Pointer or an expression \"${ ... }\" in one line",
	.formats = FORMAT_POINTER | FORMAT_EXPRESSION,
};

static const struct shape error_type = {
	.type = SHAPE_STRING,
	.rule = RULE_ERROR,
	.what = URI_WHAT,
	.formats = FORMAT_URI | FORMAT_EXPRESSION,
};

const struct shape schema_error = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("type", &error_type), NEED("status", &schema_integer),
		MAY("instance", &error_instance), MAY("title", &schema_string),
		MAY("detail", &schema_string)),
};

static const struct shape error_name = {
	.type = SHAPE_STRING,
	.literal = true,
	.catalog = USE_ERRORS,
};

const struct shape schema_error_or_name = {
	.type = SHAPE_CHOICE,
	.what = "an error {\"type\": ..., \"status\": ...} or the name of one in "
		"use.errors",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &schema_error},
		{.type = JSON_STRING, .shape = &error_name}),
};

/* Retry policies. */

/* The specification defines no settings for any of the three. */
static const struct shape backoff_settings = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_WARNING,
};

static const struct shape backoff = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("constant", &backoff_settings),
		MAY("exponential", &backoff_settings), MAY("linear", &backoff_settings)),
	.one_of = WORDS("constant", "exponential", "linear"),
};

static const struct shape attempt_count = {
	.type = SHAPE_INTEGER,
	.what = "an integer from 0: the number of retries",
	.soft = true,
	.min = 0,
	.max = INT64_MAX,
};

static const struct shape attempt_limit = {
	.type = SHAPE_OBJECT,
	.members =
		MEMBERS(MAY("count", &attempt_count), MAY("duration", &schema_duration)),
};

static const struct shape retry_limit = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(
		MAY("attempt", &attempt_limit), MAY("duration", &schema_duration)),
};

static const struct shape jitter = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("from", &schema_duration), NEED("to", &schema_duration)),
};

const struct shape schema_retry = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("when", &schema_condition),
		MAY("exceptWhen", &schema_condition), MAY("delay", &schema_duration),
		MAY("backoff", &backoff), MAY("limit", &retry_limit),
		MAY("jitter", &jitter)),
};

const struct shape schema_retry_name = {
	.type = SHAPE_STRING,
	.literal = true,
	.catalog = USE_RETRIES,
};

const struct shape schema_retry_or_name = {
	.type = SHAPE_CHOICE,
	.what = "a retry policy or the name of one in use.retries",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &schema_retry},
		{.type = JSON_STRING, .shape = &schema_retry_name}),
};
