/* What all tasks have in common: data flow, flow, timeout, our metadata. */
#include "definition/task.h"

#include "definition/compiler.h"
#include "definition/duration.h"

#include <stdlib.h>
#include <string.h>

const struct task_kind *task_kind_find(const char *name)
{
	for (const struct task_kind *const *k = task_kinds; *k; k++) {
		if (strcmp((*k)->name, name) == 0)
			return *k;
	}
	return NULL;
}

static int word_index(struct json node, const char *const *words, int fallback)
{
	for (int i = 0; words[i]; i++) {
		if (json_string_is(node, words[i]))
			return i;
	}
	return fallback;
}

static bool metadata_compile(
	struct compiler *c, struct task *task, struct json node, struct error *err)
{
	static const char *const uncertain[] = {"retry", "hold", "fail", NULL};
	static const char *const conflict[] = {"", "retry", "success", "fail", NULL};
	struct json window = json_get(node, "keyWindow");
	struct json key = json_get(node, "idempotencyKey");
	struct task_metadata *m = &task->metadata;
	m->on_uncertain = (enum on_uncertain)word_index(
		json_get(node, "onUncertain"), uncertain, 0);
	m->on_conflict =
		(enum on_conflict)word_index(json_get(node, "onConflict"), conflict, 0);
	m->key_window = KEY_WINDOW_DEFAULT;
	struct error why;
	if (window.s && !duration_read(window, &m->key_window, &why))
		return compiler_refuse(c, window, err, "no duration: %s", why.text);
	m->no_key = json_string_is(key, "none");
	m->key_header = json_strdup(json_get(key, "header"));
	m->checkpoint = json_type(json_get(node, "checkpoint")) == JSON_TRUE;
	m->retry_block = json_string_is(json_get(node, "retry"), "block");
	m->retry_step = json_string_is(json_get(node, "retry"), "step");
	struct json policy = json_get(node, "retryPolicy");
	bool is_effect = task->kind && task->kind->effect;
	if (!policy.s && !task->in_try && is_effect)
		policy = c->retry;
	return !is_effect || compiler_retry(c, policy, &m->retry_policy, err);
}

static bool timeout_compile(
	struct compiler *c, struct task *task, struct json node, struct error *err)
{
	char *name = json_strdup(node);
	if (name) {
		struct json named = compiler_use(c, "timeouts", name);
		if (!named.s)
			compiler_refuse(
				c, node, err, "use.timeouts has no timeout \"%s\"", name);
		free(name);
		if (!named.s)
			return false;
		node = named;
	}
	return compiler_duration(c, json_get(node, "after"), &task->timeout, err);
}

/* The members that all tasks have, found in one pass over what may be a long node. */
struct base {
	struct json condition, input, output, export, then, timeout, metadata;
};

static struct base base_read(struct json node)
{
	struct base b = {0};
	const struct {
		const char *name;
		struct json *slot;
	} members[] = {{"if", &b.condition}, {"input", &b.input}, {"output", &b.output},
		{"export", &b.export}, {"then", &b.then}, {"timeout", &b.timeout},
		{"metadata", &b.metadata}};
	struct json_iter it = json_iter(node);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
			if (json_string_is(key, members[i].name))
				*members[i].slot = value;
		}
	}
	return b;
}

static bool data_compile(
	struct compiler *c, struct task *task, const struct base *b, struct error *err)
{
	return compiler_expression(c, json_get(b->input, "from"), EXPRESSION_BARE,
		       &task->input_from, err) &&
	       compiler_expression(c, json_get(b->output, "as"), EXPRESSION_BARE,
		       &task->output_as, err) &&
	       compiler_expression(c, json_get(b->export, "as"), EXPRESSION_BARE,
		       &task->export_as, err) &&
	       compiler_schema(
		       c, json_get(b->input, "schema"), &task->input_schema, err) &&
	       compiler_schema(
		       c, json_get(b->output, "schema"), &task->output_schema, err) &&
	       compiler_schema(
		       c, json_get(b->export, "schema"), &task->export_schema, err);
}

bool task_base_compile(struct compiler *c, struct task *task, struct error *err)
{
	struct base b = base_read(task->node);
	return compiler_expression(
		       c, b.condition, EXPRESSION_BARE, &task->condition, err) &&
	       data_compile(c, task, &b, err) &&
	       (!task->kind || compiler_then(c, b.then, &task->then, err)) &&
	       timeout_compile(c, task, b.timeout, err) &&
	       metadata_compile(c, task, b.metadata, err);
}

static void list_destroy(struct task_list *list)
{
	for (size_t i = 0; list && i < list->count; i++)
		task_finish(&list->tasks[i]);
	if (list)
		free(list->tasks);
	free(list);
}

static void catcher_destroy(struct catcher *c)
{
	if (!c)
		return;
	free(c->type);
	free(c->title);
	free(c->detail);
	free(c->instance);
	free(c);
}

void task_finish(struct task *task)
{
	if (task->spec && task->kind && task->kind->discard)
		task->kind->discard(task->spec);
	else
		free(task->spec);
	list_destroy(task->body);
	list_destroy(task->handler);
	catcher_destroy(task->catcher);
	free(task->metadata.key_header);
	free(task->item_name);
	free(task->index_name);
	free(task->error_name);
	words_finish(&task->secrets);
	free(task->name);
	free(task->reference);
}
