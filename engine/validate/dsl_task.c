/*
 * Tasks and lists of tasks. A task's kind is decided by the keyword it has; the members
 * of schema_task_base go with all of them.
 */
#include "validate/dsl.h"

static const struct shape then = {
	.type = SHAPE_STRING,
	.what = "\"continue\", \"exit\", \"end\" or the name of a task",
	.literal = true,
};

/* metadata: what the specification leaves open. */

static const struct shape on_uncertain = {
	.type = SHAPE_STRING,
	.words = WORDS("retry", "hold", "fail"),
};

static const struct shape on_conflict = {
	.type = SHAPE_STRING,
	.words = WORDS("retry", "success", "fail"),
};

static const struct shape header_name = {
	.type = SHAPE_STRING,
	.what = "the name of an HTTP header",
	.literal = true,
	.formats = FORMAT_HEADER,
};

static const struct shape key_header = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("header", &header_name)),
};

static const struct shape none = {
	.type = SHAPE_STRING,
	.what = "{\"header\": NAME} or \"none\"",
	.words = WORDS("none"),
};

static const struct shape idempotency_key = {
	.type = SHAPE_CHOICE,
	.what = "{\"header\": NAME} or \"none\"",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &key_header},
		{.type = JSON_STRING, .shape = &none}),
};

static const struct member metadata_members[] = {
	MAY("onUncertain", &on_uncertain),
	MAY("keyWindow", &schema_plain_duration),
	MAY("onConflict", &on_conflict),
	MAY("idempotencyKey", &idempotency_key),
	MAY("checkpoint", &schema_boolean),
	MAY("retryPolicy", &schema_retry_name),
	{.name = NULL},
};

static const struct shape metadata = {
	.type = SHAPE_OBJECT,
	.ours = true,
	.unknown = UNKNOWN_FREE,
	.members = metadata_members,
};

static const struct shape retry_extent = {
	.type = SHAPE_STRING,
	.words = WORDS("block", "step"),
};

static const struct shape try_metadata = {
	.type = SHAPE_OBJECT,
	.ours = true,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(MAY("retry", &retry_extent)),
	.more = metadata_members,
};

const struct member schema_task_base[] = {
	MAY("if", &schema_condition),
	MAY("input", &schema_input),
	MAY("output", &schema_output),
	MAY("export", &schema_export),
	MAY("timeout", &schema_timeout_or_name),
	MAY("then", &then),
	MAY("metadata", &metadata),
	{.name = NULL},
};

/* Kinds. Members that decided the kind need not be asked for again. */

#define TASK(...)                                                         \
	{                                                                 \
		.type = SHAPE_OBJECT, .rule = RULE_TASK,                  \
		.members = MEMBERS(__VA_ARGS__), .more = schema_task_base \
	}

static const struct shape do_task = TASK(MAY("do", &schema_task_list));

/* Branches run side by side: nothing in them can be the target of a `then`. */
static const struct shape task_item;
static const struct shape branches = {
	.type = SHAPE_ARRAY,
	.rule = RULE_BRANCHES,
	.what = "an array of branches [{\"NAME\": {...}}, ...]",
	.of = &task_item,
};

static const struct shape fork_branches = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("branches", &branches), MAY("compete", &schema_boolean)),
};

static const struct shape fork_task = TASK(NEED("fork", &fork_branches));

static const struct shape for_object = {
	.type = SHAPE_OBJECT,
	.what = "an object (a list of other values stands in an expression: "
		"\"${ [1, 2] }\")",
	.of = &schema_any,
};

static const struct shape for_objects = {.type = SHAPE_ARRAY, .of = &for_object};

static const struct shape for_expression = {
	.type = SHAPE_STRING,
	.rule = RULE_ITEMS,
	.what = "an expression in a string",
	.expression = true,
};

static const struct shape for_in = {
	.type = SHAPE_CHOICE,
	.what = "an expression in a string, such as \".items\" or \"${ [range(5)] }\", "
		"or "
		"an array of objects",
	.choices = CHOICES({.type = JSON_ARRAY, .shape = &for_objects},
		{.type = JSON_STRING, .shape = &for_expression}),
};

static const struct shape for_each = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("each", &schema_literal), NEED("in", &for_in),
		MAY("at", &schema_literal)),
};

static const struct shape for_task = TASK(MAY("for", &for_each),
	MAY("while", &schema_condition), NEED("do", &schema_task_list));

static const struct shape raise = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("error", &schema_error_or_name)),
};

static const struct shape raise_task = TASK(MAY("raise", &raise));

static const struct shape set_object = {
	.type = SHAPE_OBJECT,
	.min_count = 1,
	.of = &schema_any,
};

static const struct shape set_text = {.type = SHAPE_STRING, .rule = RULE_TEXT};

static const struct shape set = {
	.type = SHAPE_CHOICE,
	.what = "an object or an expression \"${ ... }\"",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &set_object},
		{.type = JSON_STRING, .shape = &set_text}),
};

static const struct shape set_task = TASK(MAY("set", &set));

static const struct shape switch_case = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("when", &schema_condition), NEED("then", &then)),
};

static const struct shape switch_item = {
	.type = SHAPE_OBJECT,
	.what = "an object with one member: the name of the case",
	.words = WORDS("when", "then"),
	.min_count = 1,
	.max_count = 1,
	.of = &switch_case,
};

static const struct shape switch_items = {
	.type = SHAPE_ARRAY,
	.what = "an array of cases [{\"NAME\": {\"when\": ..., \"then\": ...}}, ...]",
	.min_count = 1,
	.of = &switch_item,
};

static const struct shape switch_task = TASK(MAY("switch", &switch_items));

static const struct shape caught_type = {
	.type = SHAPE_STRING,
	.rule = RULE_ERROR,
	.literal = true,
};

static const struct shape error_filter = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_UNSUPPORTED,
	.min_count = 1,
	.members = MEMBERS(MAY("type", &caught_type), MAY("status", &schema_integer),
		MAY("instance", &schema_literal), MAY("title", &schema_literal),
		MAY("detail", &schema_literal)),
};

static const struct shape catch_errors = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_UNSUPPORTED,
	.members = MEMBERS(MAY("with", &error_filter)),
};

static const struct shape catch = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("errors", &catch_errors), MAY("as", &schema_literal),
		MAY("when", &schema_condition), MAY("exceptWhen", &schema_condition),
		MAY("retry", &schema_retry_or_name), MAY("do", &schema_task_list),
		MAY("then", &then)),
};

static const struct shape try_task = TASK(MAY("try", &schema_task_list),
	NEED("catch", &catch), MAY("metadata", &try_metadata));

static const struct shape wait_task = TASK(MAY("wait", &schema_duration));

const char *const schema_task_keywords[] = {"call", "do", "emit", "for", "fork", "listen",
	"raise", "run", "set", "switch", "try", "wait", NULL};

#define KIND(k, s)                                            \
	{                                                     \
		.type = JSON_OBJECT, .key = (k), .shape = (s) \
	}

/* `for` comes before `do`, which it has too. */
const struct shape schema_task = {
	.type = SHAPE_CHOICE,
	.rule = RULE_TASK,
	.what = "an object with one of call, do, emit, for, fork, listen, raise, run, "
		"set, "
		"switch, try, wait",
	.choices = CHOICES(KIND("call", &schema_call), KIND("for", &for_task),
		KIND("fork", &fork_task), KIND("emit", &schema_emit),
		KIND("listen", &schema_listen), KIND("raise", &raise_task),
		KIND("run", &schema_run), KIND("set", &set_task),
		KIND("switch", &switch_task), KIND("try", &try_task),
		KIND("wait", &wait_task), KIND("do", &do_task)),
};

static const struct shape task_item = {
	.type = SHAPE_OBJECT,
	.what = "an object with one member: the name of the task",
	.words = schema_task_keywords,
	.min_count = 1,
	.max_count = 1,
	.of = &schema_task,
};

const struct shape schema_task_list = {
	.type = SHAPE_ARRAY,
	.what = "an array of tasks [{\"NAME\": {...}}, ...]",
	.rule = RULE_TASK_LIST,
	.of = &task_item,
};
