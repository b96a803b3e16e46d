/*
 * What a picture says of each kind of task: a word ("http", "wait") and a detail ("POST
 * https://example.com/orders", "24h").
 */
#include "graph/describe.h"

#include <stdlib.h>
#include <string.h>

/* ---- Calls ---- */

/* A string, or an object with a uri. */
static struct json uri_of(struct json endpoint)
{
	return json_type(endpoint) == JSON_OBJECT ? json_get(endpoint, "uri") : endpoint;
}

static void say_http(struct buf *out, struct json with)
{
	char *method = graph_shown(json_get(with, "method"));
	for (char *p = method; !strchr(method, '$') && *p; p++)
		if (*p >= 'a' && *p <= 'z')
			*p = (char)(*p - 'a' + 'A');
	graph_say_words(out, method);
	graph_say(out, uri_of(json_get(with, "endpoint")));
	free(method);
}

static void say_openapi(struct buf *out, struct json with)
{
	graph_say(out, json_get(with, "operationId"));
	graph_say_words(out, "of");
	graph_say(out, uri_of(json_get(json_get(with, "document"), "endpoint")));
}

static void say_sql(struct buf *out, struct json with)
{
	graph_say(out, json_get(with, "statement"));
}

static void say_grpc(struct buf *out, struct json with)
{
	struct json service = json_get(with, "service");
	graph_say(out, json_get(service, "name"));
	graph_say(out, json_get(with, "method"));
	graph_say_words(out, "at");
	graph_say(out, json_get(service, "host"));
}

static void say_asyncapi(struct buf *out, struct json with)
{
	graph_say_words(
		out, json_get(with, "subscription").s ? "subscribe to" : "publish to");
	graph_say(out, json_get(with, "channel"));
	graph_say(out, json_get(with, "operation"));
}

static void say_method(struct buf *out, struct json with)
{
	graph_say(out, json_get(with, "method"));
	graph_say(out, json_get(json_get(with, "parameters"), "name"));
}

static void describe_call(struct graph_node *n, struct json task, struct buf *detail)
{
	static const struct {
		const char *name;
		void (*say)(struct buf *out, struct json with);
	} functions[] = {{"http", say_http}, {"openapi", say_openapi}, {"sql", say_sql},
		{"grpc", say_grpc}, {"asyncapi", say_asyncapi}, {"a2a", say_method},
		{"mcp", say_method}};
	struct json call = json_get(task, "call"), with = json_get(task, "with");
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++) {
		if (!json_string_is(call, functions[i].name))
			continue;
		n->word = xstrdup(functions[i].name);
		functions[i].say(detail, with);
		return;
	}
	n->word = xstrdup("call");
	graph_say(detail, call);
}

/* ---- Processes ---- */

static void say_workflow(struct buf *out, struct json workflow)
{
	char *namespace = graph_shown(json_get(workflow, "namespace"));
	char *name = graph_shown(json_get(workflow, "name"));
	char *version = graph_shown(json_get(workflow, "version"));
	buf_printf(out, "%s/%s:%s", namespace, name, version);
	free(namespace);
	free(name);
	free(version);
}

static void describe_run(struct graph_node *n, struct json run, struct buf *detail)
{
	struct json shell = json_get(run, "shell"), script = json_get(run, "script");
	struct json container = json_get(run, "container"),
		    workflow = json_get(run, "workflow");
	n->word = xstrdup(shell.s       ? "shell"
			  : script.s    ? "script"
			  : container.s ? "container"
			  : workflow.s  ? "workflow"
					: "run");
	graph_say(detail, json_get(shell, "command"));
	graph_say(detail, json_get(script, "language"));
	graph_say(detail, json_get(script, "code"));
	graph_say(detail, uri_of(json_get(json_get(script, "source"), "endpoint")));
	graph_say(detail, json_get(container, "image"));
	graph_say(detail, json_get(container, "command"));
	if (workflow.s)
		say_workflow(detail, workflow);
}

/* ---- Others ---- */

static void say_keys(struct buf *out, struct json object)
{
	struct json_iter it = json_iter(object);
	struct json key, value;
	if (json_type(object) != JSON_OBJECT) {
		graph_say(out, object);
		return;
	}
	for (size_t i = 0; json_next_member(&it, &key, &value); i++) {
		if (out->len > 2 * GRAPH_TEXT_MAX)
			return;
		if (i > 0)
			buf_putc(out, ',');
		graph_say(out, key);
	}
}

static void say_error(struct buf *out, struct json error)
{
	if (json_type(error) != JSON_OBJECT) {
		graph_say(out, error);
		return;
	}
	char *type = graph_shown(json_get(error, "type"));
	const char *slash = strrchr(type, '/');
	graph_say_words(out, slash && slash[1] ? slash + 1 : type);
	free(type);
	graph_say(out, json_get(error, "status"));
	graph_say(out, json_get(error, "title"));
}

static void say_loop(struct buf *out, struct json loop)
{
	struct json each = json_get(loop, "each"), in = json_get(loop, "in");
	if (each.s)
		graph_say(out, each);
	else
		graph_say_words(out, "item");
	graph_say_words(out, "in");
	if (json_type(in) == JSON_ARRAY)
		buf_printf(out, " %zu items", json_count(in));
	else
		graph_say(out, in);
}

static void say_fork(struct buf *out, struct json fork)
{
	size_t n = json_count(json_get(fork, "branches"));
	bool compete = json_is(json_get(fork, "compete"), "true");
	buf_printf(out, "%zu %s%s", n, n == 1 ? "branch" : "branches",
		compete ? ", the first wins" : "");
}

static void describe_listen(struct buf *out, struct json task)
{
	struct json foreach = json_get(task, "foreach");
	graph_say_strategy(out, json_get(json_get(task, "listen"), "to"));
	if (!foreach.s)
		return;
	graph_say_words(out, "for each");
	if (json_get(foreach, "item").s)
		graph_say(out, json_get(foreach, "item"));
	else
		graph_say_words(out, "event");
}

static const char *plain_word(enum graph_kind kind)
{
	static const char *const words[] = {
		[GRAPH_DO] = "do",
		[GRAPH_EMIT] = "emit",
		[GRAPH_EXTENSION] = "extends",
		[GRAPH_FOR] = "for",
		[GRAPH_FORK] = "fork",
		[GRAPH_LISTEN] = "listen",
		[GRAPH_RAISE] = "raise",
		[GRAPH_SET] = "set",
		[GRAPH_SWITCH] = "switch",
		[GRAPH_TRY] = "try",
		[GRAPH_WAIT] = "wait",
		[GRAPH_OTHER] = "unknown",
	};
	return words[kind];
}

void graph_describe(struct graph_node *n, struct json task)
{
	struct buf b = {0};
	switch (n->kind) {
	case GRAPH_CALL: describe_call(n, task, &b); break;
	case GRAPH_RUN: describe_run(n, json_get(task, "run"), &b); break;
	case GRAPH_EMIT:
		graph_say(&b, json_get(json_get(json_get(json_get(task, "emit"), "event"),
					       "with"),
				      "type"));
		break;
	case GRAPH_EXTENSION: graph_say(&b, json_get(task, "extend")); break;
	case GRAPH_FOR: say_loop(&b, json_get(task, "for")); break;
	case GRAPH_FORK: say_fork(&b, json_get(task, "fork")); break;
	case GRAPH_LISTEN: describe_listen(&b, task); break;
	case GRAPH_RAISE:
		say_error(&b, json_get(json_get(task, "raise"), "error"));
		break;
	case GRAPH_SET: say_keys(&b, json_get(task, "set")); break;
	case GRAPH_WAIT: graph_say_duration(&b, json_get(task, "wait")); break;
	case GRAPH_DO:
	case GRAPH_SWITCH:
	case GRAPH_TRY:
	case GRAPH_OTHER: break;
	}
	if (!n->word)
		n->word = xstrdup(plain_word(n->kind));
	n->detail = graph_said(&b);
}
