/* Extensions: finding those of a task, wrapping it, and the way through the wrapping. */
#include "definition/extension.h"

#include "journal/op.h"

#include <stdlib.h>
#include <string.h>

/* What `extend` calls a task; `for` before `do`, which it contains. */
static const char *extended_word(struct json node)
{
	static const char *const words[][2] = {{"call", "call"}, {"for", "for"},
		{"fork", "composite"}, {"emit", "emit"}, {"listen", "listen"},
		{"raise", "raise"}, {"run", "run"}, {"set", "set"}, {"switch", "switch"},
		{"try", "try"}, {"wait", "wait"}, {"do", "composite"}};
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (json_get(node, words[i][0]).s)
			return words[i][1];
	}
	return "";
}

/* The next extension that applies; false at the end. */
static bool next_extension(struct json_iter *it, const char *word, struct json *ret_name,
	struct json *ret_node)
{
	struct json element;
	while (json_next_element(it, &element)) {
		struct json_iter member = json_iter(element);
		if (!json_next_member(&member, ret_name, ret_node))
			continue;
		struct json extend = json_get(*ret_node, "extend");
		if (json_string_is(extend, "all") || json_string_is(extend, word))
			return true;
	}
	return false;
}

size_t extension_count(const struct compiler *c, struct json node)
{
	struct json_iter it = json_iter(c->extensions);
	struct json name, extension;
	const char *word = it.p ? extended_word(node) : "";
	size_t n = 0;
	while (!c->in_extension && next_extension(&it, word, &name, &extension))
		n++;
	return n;
}

static bool compile_block(struct compiler *c, const struct task *wrapping,
	const char *mark, struct json name, struct json tasks, struct task *ret,
	struct error *err)
{
	struct buf reference = {0};
	ret->kind = task_kind_find("extension");
	ret->name = json_strdup(name);
	ret->mark = mark;
	ret->in_try = wrapping->in_try;
	buf_printf(&reference, "%s%s", wrapping->reference, mark);
	pointer_put_token(&reference, ret->name);
	ret->reference = buf_take(&reference);
	ret->node = tasks.s ? tasks : JSON_LITERAL("[]");
	c->in_extension = true;
	bool ok = compiler_list(c, ret, "", ret->node, &ret->body, err);
	c->in_extension = false;
	return ok;
}

static bool compile_blocks(struct compiler *c, struct task *task, struct error *err)
{
	struct task *tasks = task->body->tasks;
	struct json_iter it = json_iter(c->extensions);
	struct json name, node;
	const char *word = extended_word(task->node);
	size_t last = task->body->count - 1;
	for (size_t i = 0; next_extension(&it, word, &name, &node); i++) {
		if (!compile_block(c, task, "!before/", name, json_get(node, "before"),
			    &tasks[i], err) ||
			!compiler_expression(c, json_get(node, "when"), EXPRESSION_BARE,
				&tasks[i].condition, err) ||
			!compile_block(c, task, "!after/", name, json_get(node, "after"),
				&tasks[last - i], err))
			return false;
	}
	return true;
}

bool extension_compile(
	struct compiler *c, struct task *task, size_t count, struct error *err)
{
	struct task_list *list = xcalloc(1, sizeof *list);
	list->key = "";
	list->count = 2 * count + 1;
	list->tasks = xcalloc(list->count, sizeof *list->tasks);
	struct task *inner = &list->tasks[count];
	task->kind = task_kind_find("extended");
	task->in_try = c->in_try;
	task->wraps = true;
	task->body = list;
	inner->name = xstrdup(task->name);
	inner->reference = xstrdup(task->reference);
	inner->node = task->node;
	inner->mark = "";
	if (!compiler_plain_task(c, inner, err))
		return false;
	task->condition = inner->condition;
	task->then = inner->then;
	inner->condition = NULL;
	return compile_blocks(c, task, err);
}
