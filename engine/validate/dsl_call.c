/*
 * The arguments (`with`) of each kind of call. http and sql run; sql is a function of our
 * own, so what is wrong in its arguments is unsupported, not invalid.
 */
#include "validate/dsl.h"

static const struct shape content = {
	.type = SHAPE_STRING,
	.words = WORDS("raw", "content", "response"),
};

/* http */

static const struct shape map_or_expression = {
	.type = SHAPE_CHOICE,
	.what = "an object of strings or an expression \"${ ... }\"",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &schema_string_map},
		{.type = JSON_STRING, .shape = &schema_expression}),
};

static const struct shape http_method = {.type = SHAPE_STRING, .rule = RULE_METHOD};

static const struct shape http = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("method", &http_method),
		{.name = "endpoint",
			.shape = &schema_endpoint,
			.required = true,
			.secrets = true},
		MAY_SECRET("headers", &map_or_expression),
		MAY_SECRET("body", &schema_any), MAY_SECRET("query", &map_or_expression),
		MAY("output", &content), MAY("redirect", &schema_boolean)),
};

/* sql */

static const struct shape sql_statement = {
	.type = SHAPE_STRING,
	.literal = true,
	.formats = FORMAT_SQL,
};

static const struct shape any_array = {.type = SHAPE_ARRAY, .of = &schema_any};

static const struct shape sql_parameters = {
	.type = SHAPE_CHOICE,
	.what = "an array or an expression \"${ ... }\"",
	.choices = CHOICES({.type = JSON_ARRAY, .shape = &any_array},
		{.type = JSON_STRING, .shape = &schema_expression}),
};

static const struct shape sql_output = {
	.type = SHAPE_STRING,
	.words = WORDS("rows", "row", "value", "count"),
};

static const struct shape sql_expect = {
	.type = SHAPE_INTEGER,
	.what = "an integer from 0",
	.min = 0,
	.max = INT64_MAX,
};

static const struct shape sql = {
	.type = SHAPE_OBJECT,
	.ours = true,
	.rule = RULE_SQL,
	.members = MEMBERS(NEED("statement", &sql_statement),
		MAY_SECRET("parameters", &sql_parameters), MAY("output", &sql_output),
		MAY("database", &schema_literal), MAY("expect", &sql_expect)),
};

/* openapi */

static const struct shape openapi = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("document", &schema_resource),
		NEED("operationId", &schema_string),
		MAY_SECRET("parameters", &schema_object),
		MAY_SECRET("authentication", &schema_authentication_or_name),
		MAY("output", &content), MAY("redirect", &schema_boolean)),
};

/* grpc */

static const struct shape grpc_host = {
	.type = SHAPE_STRING,
	.what = "a host name of at most 63 letters, digits, hyphens and dots",
	.formats = FORMAT_HOST,
};

static const struct shape grpc_port = {
	.type = SHAPE_INTEGER,
	.what = "a port from 0 to 65535",
	.min = 0,
	.max = 65535,
};

static const struct shape grpc_service = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("name", &schema_string), NEED("host", &grpc_host),
		MAY("port", &grpc_port),
		MAY("authentication", &schema_authentication_or_name)),
};

static const struct shape grpc = {
	.type = SHAPE_OBJECT,
	.members =
		MEMBERS(NEED("proto", &schema_resource), NEED("service", &grpc_service),
			NEED("method", &schema_string), MAY("arguments", &schema_object)),
};

/* asyncapi */

static const struct shape asyncapi_protocol = {
	.type = SHAPE_STRING,
	.words = WORDS("amqp", "amqp1", "anypointmq", "googlepubsub", "http", "ibmmq",
		"jms", "kafka", "mercure", "mqtt", "mqtt5", "nats", "pulsar", "redis",
		"sns", "solace", "sqs", "stomp", "ws"),
};

static const struct shape asyncapi_server = {
	.type = SHAPE_OBJECT,
	.members =
		MEMBERS(NEED("name", &schema_string), MAY("variables", &schema_object)),
};

static const struct shape asyncapi_message = {
	.type = SHAPE_OBJECT,
	.members =
		MEMBERS(MAY("payload", &schema_object), MAY("headers", &schema_object)),
};

static const struct shape asyncapi_consume = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("for", &schema_duration), MAY("amount", &schema_integer),
		MAY("while", &schema_expression), MAY("until", &schema_expression)),
	.one_of = WORDS("amount", "while", "until"),
};

static const struct shape asyncapi_subscription = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("filter", &schema_expression),
		NEED("consume", &asyncapi_consume), MAY("foreach", &schema_foreach)),
};

static const struct shape asyncapi = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(NEED("document", &schema_resource),
		MAY("channel", &schema_string), MAY("operation", &schema_string),
		MAY("server", &asyncapi_server), MAY("protocol", &asyncapi_protocol),
		MAY("message", &asyncapi_message),
		MAY("subscription", &asyncapi_subscription),
		MAY("authentication", &schema_authentication_or_name)),
	.one_of = WORDS("operation", "channel"),
	.one_of_too = WORDS("message", "subscription"),
};

/* a2a */

static const struct shape a2a_method = {
	.type = SHAPE_STRING,
	.words = WORDS("message/send", "message/stream", "tasks/get", "tasks/list",
		"tasks/cancel", "tasks/resubscribe", "tasks/pushNotificationConfig/set",
		"tasks/pushNotificationConfig/get", "tasks/pushNotificationConfig/list",
		"tasks/pushNotificationConfig/delete",
		"agent/getAuthenticatedExtendedCard"),
};

static const struct shape some_object = {
	.type = SHAPE_OBJECT,
	.of = &schema_any,
	.min_count = 1,
};

static const struct shape a2a_parameters = {
	.type = SHAPE_CHOICE,
	.what = "an object or an expression in a string",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &some_object},
		{.type = JSON_STRING, .shape = &schema_string}),
};

static const struct shape a2a = {
	.type = SHAPE_OBJECT,
	.members = MEMBERS(MAY("agentCard", &schema_resource),
		MAY("server", &schema_endpoint), NEED("method", &a2a_method),
		MAY("parameters", &a2a_parameters)),
};

/* mcp */

static const struct shape mcp_method = {
	.type = SHAPE_STRING,
	.words = WORDS("tools/list", "tools/call", "prompts/list", "prompts/get",
		"resources/list", "resources/read", "resources/templates/list"),
};

static const struct shape mcp_parameters = {
	.type = SHAPE_CHOICE,
	.what = "an object or an expression in a string",
	.choices = CHOICES({.type = JSON_OBJECT, .shape = &schema_object},
		{.type = JSON_STRING, .shape = &schema_string}),
};

static const struct shape mcp_http = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(
		NEED("endpoint", &schema_endpoint), MAY("headers", &schema_string_map)),
};

static const struct shape mcp_stdio = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(NEED("command", &schema_string),
		MAY("arguments", &schema_strings),
		MAY("environment", &schema_string_map)),
};

static const struct shape mcp_transport = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(MAY("http", &mcp_http), MAY("stdio", &mcp_stdio),
		MAY("options", &schema_string_map)),
	.one_of = WORDS("http", "stdio"),
};

static const struct shape mcp_client = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(NEED("name", &schema_string), NEED("version", &schema_string)),
};

static const struct shape mcp = {
	.type = SHAPE_OBJECT,
	.unknown = UNKNOWN_FREE,
	.members = MEMBERS(MAY("protocolVersion", &schema_string),
		NEED("method", &mcp_method), MAY("parameters", &mcp_parameters),
		MAY("timeout", &schema_duration), NEED("transport", &mcp_transport),
		MAY("client", &mcp_client)),
};

/* The task with each of them. */

#define CALL(call_member, with_member)                                                 \
	{                                                                              \
		.type = SHAPE_OBJECT, .rule = RULE_TASK,                               \
		.members = MEMBERS(call_member, with_member), .more = schema_task_base \
	}
#define WITH(s)                                                                  \
	{                                                                        \
		.name = "with", .shape = (s), .required = true, .request = true, \
		.secret_input = true                                             \
	}
#define OUR_WITH(s)                                                           \
	{                                                                     \
		.name = "with", .shape = (s), .required = true, .ours = true, \
		.request = true, .secret_input = true                         \
	}
/* Of a call that is refused as a whole. */
#define LATER_WITH(s)                                                            \
	{                                                                        \
		.name = "with", .shape = (s), .required = true, .request = true, \
		.secrets = true                                                  \
	}
#define FREE_WITH(s)                                          \
	{                                                     \
		.name = "with", .shape = (s), .request = true \
	}

static const struct shape function_name = {
	.type = SHAPE_STRING,
	.rule = RULE_FUNCTION,
	.what = "the name of a function, such as \"http\"",
};

static const struct shape call_http = CALL(MAY("call", &schema_literal), WITH(&http));
static const struct shape call_sql = CALL(MAY("call", &schema_literal), OUR_WITH(&sql));
static const struct shape call_asyncapi =
	CALL(NOT_YET("call", &schema_literal, "call: asyncapi"), LATER_WITH(&asyncapi));
static const struct shape call_grpc =
	CALL(NOT_YET("call", &schema_literal, "call: grpc"), LATER_WITH(&grpc));
static const struct shape call_openapi =
	CALL(MAY("call", &schema_literal), WITH(&openapi));
static const struct shape call_a2a =
	CALL(NOT_YET("call", &schema_literal, "call: a2a"), LATER_WITH(&a2a));
static const struct shape call_mcp =
	CALL(NOT_YET("call", &schema_literal, "call: mcp"), LATER_WITH(&mcp));
static const struct shape call_function =
	CALL(MAY("call", &function_name), FREE_WITH(&schema_object));

const char *const schema_functions[] = {
	"http", "sql", "asyncapi", "grpc", "openapi", "a2a", "mcp", NULL};

#define CALL_OF(name, s)                                                          \
	{                                                                         \
		.type = JSON_OBJECT, .key = "call", .value = (name), .shape = (s) \
	}

const struct shape schema_call = {
	.type = SHAPE_CHOICE,
	.choices = CHOICES(CALL_OF("http", &call_http), CALL_OF("sql", &call_sql),
		CALL_OF("asyncapi", &call_asyncapi), CALL_OF("grpc", &call_grpc),
		CALL_OF("openapi", &call_openapi), CALL_OF("a2a", &call_a2a),
		CALL_OF("mcp", &call_mcp),
		{.type = JSON_OBJECT, .shape = &call_function}),
};
