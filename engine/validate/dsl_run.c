/*
 * The processes of a run task.
 */
#include "validate/dsl.h"

static const struct shape pull_policy = {
	.type = SHAPE_STRING,
	.words = WORDS("ifNotPresent", "always", "never"),
};

static const struct shape cleanup = {
	.type = SHAPE_STRING,
	.words = WORDS("always", "never", "eventually"),
};

static const struct shape lifetime = {
	.type = SHAPE_OBJECT,
	.rule = RULE_LIFETIME,
	.members = MEMBERS(NEED("cleanup", &cleanup), MAY("after", &schema_duration)),
};

static const struct shape container = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("image", &schema_string), MAY("name", &schema_string),
		MAY("command", &schema_string), MAY("ports", &schema_object),
		MAY("volumes", &schema_object), MAY_SECRET("environment", &schema_object),
		MAY_SECRET("stdin", &schema_string), MAY("arguments", &schema_strings),
		MAY("lifetime", &lifetime), MAY("pullPolicy", &pull_policy)),
};

/* The specification names these languages, and its schema takes every string. */
static const struct shape script_language = {
	.type = SHAPE_STRING,
	.words = WORDS("js", "python"),
	.what = "\"js\" or \"python\" in this runtime",
	.soft = true,
};

/* The specification's schema takes names nowhere, and the functions of its catalog have
 * them. */
static const struct shape script_arguments = {
	.type = SHAPE_CHOICE,
	.rule = RULE_BY_ITSELF,
	.what = "an array of strings (in a function of a catalog or by URL an object of "
		"names too)",
	.choices = CHOICES({.type = JSON_ARRAY, .shape = &schema_strings},
		{.type = JSON_OBJECT, .shape = &schema_object}),
};

static const struct shape script_code = {.type = SHAPE_STRING, .foreign = true};

static const struct shape script = {
	.type = SHAPE_OBJECT,
	.rule = RULE_SCRIPT,
	.members = MEMBERS(NEED("language", &script_language), MAY("code", &script_code),
		MAY("source", &schema_resource), MAY_SECRET("stdin", &schema_string),
		MAY("arguments", &script_arguments),
		MAY_SECRET("environment", &schema_object)),
	.one_of = WORDS("code", "source"),
};

static const struct shape shell = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("command", &schema_string),
		MAY_SECRET("stdin", &schema_string), MAY("arguments", &schema_strings),
		MAY_SECRET("environment", &schema_object)),
};

static const struct shape workflow = {
	.type = SHAPE_OBJECT,
	.members =
		MEMBERS(NEED("namespace", &schema_string), NEED("name", &schema_string),
			NEED("version", &schema_string), MAY("input", &schema_object)),
};

static const struct shape process_return = {
	.type = SHAPE_STRING,
	.words = WORDS("stdout", "stderr", "code", "all", "none"),
};

static const struct shape process = {
	.type = SHAPE_OBJECT,
	.rule = RULE_RUN,
	.members = MEMBERS(MAY("container", &container), MAY("script", &script),
		MAY("shell", &shell), MAY("workflow", &workflow),
		MAY("await", &schema_boolean), MAY("return", &process_return)),
	.one_of = WORDS("container", "script", "shell", "workflow"),
};

const struct shape schema_run = {
	.type = SHAPE_OBJECT,
	.rule = RULE_TASK,
	.members = MEMBERS({.name = "run", .shape = &process, .request = true}),
	.more = schema_task_base,
};
