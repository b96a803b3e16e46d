/*
 * What the kinds of task ask of the compiler: expressions, lists, durations, flow
 * directives, retry policies. Documents have passed `validate`; what is refused here is
 * what would make the compiled form meaningless.
 */
#include "definition/compiler.h"

#include "definition/duration.h"
#include "definition/extension.h"

#include <search.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TASKS_MAX 200000 /* compiled ones take 2 KB each */

void compiler_report(struct compiler *c, struct json node, const char *at,
	bool expression, const char *text)
{
	struct definition_fault fault = {.offset = SIZE_MAX,
		.expression = expression,
		.text = text,
		.node = node,
		.resources = c->definition->resources};
	if (definition_has_place(c->definition, node)) {
		fault.offset = (size_t)(node.s - c->definition->text);
		fault.at = (size_t)(at - c->definition->text);
		fault.n = node.n;
	}
	c->faults++;
	if (c->on_fault)
		c->on_fault(c->ctx, &fault);
}

bool compiler_refuse(
	struct compiler *c, struct json node, struct error *err, const char *format, ...)
{
	char text[512];
	unsigned line = 1, col = 1;
	va_list args;
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	compiler_report(c, node, node.s, false, text);
	if (!definition_has_place(c->definition, node))
		return error_set(err, ERROR_INPUT, "%s", text);
	json_position(
		c->definition->text, (size_t)(node.s - c->definition->text), &line, &col);
	return error_set(err, ERROR_INPUT, "line %u, column %u: %s", line, col, text);
}

static bool is_declared(struct compiler *c, const char *name)
{
	struct json_iter it = json_iter(json_get(c->use, "secrets"));
	struct json declared;
	struct buf text = {0};
	bool known = c->secrets.count > 0;
	while (!known && json_next_element(&it, &declared))
		names_add(&c->secrets, declared, 0);
	if (!known)
		names_sort(&c->secrets);
	json_put_text(&text, name);
	bool is = names_find(&c->secrets, (struct json){text.data, text.len});
	buf_finish(&text);
	return is;
}

bool compiler_secret(
	struct compiler *c, struct json node, const char *name, struct error *err)
{
	if (!is_declared(c, name))
		return compiler_refuse(
			c, node, err, "use.secrets has no secret \"%s\"", name);
	if (c->task)
		words_add(&c->task->secrets, name, strlen(name));
	return true;
}

static bool take_secrets(struct compiler *c, struct json node, const struct expression *e,
	struct error *err)
{
	struct words names = {0};
	bool ok = expression_secrets(e, &names) ||
		  compiler_refuse(c, node, err,
			  "which secret this uses must be written out: $secrets.NAME");
	for (size_t i = 0; ok && i < names.n; i++)
		ok = compiler_secret(c, node, names.items[i], err);
	words_finish(&names);
	return ok;
}

bool compiler_expression(struct compiler *c, struct json node, enum expression_form form,
	struct expression **ret, struct error *err)
{
	struct error why = {0};
	if (!node.s) {
		*ret = NULL;
		return true;
	}
	if (program_add(c->definition->program, node, form, ret, &why))
		return take_secrets(c, node, *ret, err);
	/* Where all faults are reported, program_check reports this one. */
	return c->on_fault ? error_set(err, why.kind, "%s", why.text)
			   : compiler_refuse(c, node, err, "%s", why.text);
}

struct json compiler_use(struct compiler *c, const char *section, const char *name)
{
	return json_index_get(
		&c->index, json_index_get(&c->index, c->use, section), name);
}

static int compare_needs(const void *a, const void *b)
{
	return strcmp(a, b);
}

void compiler_need(struct compiler *c, const char *need)
{
	struct definition *d = c->definition;
	if (tfind(need, &c->needs, compare_needs))
		return;
	char *kept = xstrdup(need);
	d->needs = xrealloc(d->needs, (c->need_count + 2) * sizeof *d->needs);
	d->needs[c->need_count++] = kept;
	d->needs[c->need_count] = NULL;
	(void)tsearch(kept, &c->needs, compare_needs);
}

const char *compiler_namespace(const struct compiler *c)
{
	return c->definition->namespace;
}

void compiler_listens(struct compiler *c)
{
	c->definition->listens = true;
}

bool compiler_duration(struct compiler *c, struct json node, struct task_duration *ret,
	struct error *err)
{
	struct error why;
	*ret = (struct task_duration){.present = node.s != NULL};
	if (!node.s || duration_read(node, &ret->usec, &why))
		return true;
	if (json_type(node) == JSON_STRING && memmem(node.s, node.n, "${", 2))
		return compiler_expression(
			c, node, EXPRESSION_VALUE, &ret->expression, err);
	return compiler_refuse(c, node, err, "no duration: %s", why.text);
}

static void read_names(struct compiler *c)
{
	struct json_iter it = json_iter(c->list);
	struct json element, key, task;
	for (size_t i = 0; json_next_element(&it, &element); i++) {
		struct json_iter member = json_iter(element);
		if (json_next_member(&member, &key, &task))
			names_add(&c->names, key, i);
	}
	names_sort(&c->names);
}

/* The first of that name in the list that is being compiled. */
static const struct name *find_task(struct compiler *c, struct json name)
{
	if (json_type(name) != JSON_STRING)
		return NULL;
	if (!c->names.count)
		read_names(c);
	return names_find(&c->names, name);
}

bool compiler_then(
	struct compiler *c, struct json node, struct then *ret, struct error *err)
{
	*ret = (struct then){FLOW_CONTINUE, 0};
	if (!node.s || json_string_is(node, "continue"))
		return true;
	if (json_string_is(node, "exit") || json_string_is(node, "end")) {
		ret->flow = json_string_is(node, "end") ? FLOW_END : FLOW_EXIT;
		return true;
	}
	const struct name *target = find_task(c, node);
	if (target) {
		*ret = (struct then){FLOW_TASK, target->index};
		return true;
	}
	char *name = json_strdup(node);
	compiler_refuse(c, node, err, "no task \"%s\" in this list", name ? name : "");
	free(name);
	return false;
}

static bool retry_compile(
	struct compiler *c, struct json node, struct retry_policy *p, struct error *err)
{
	struct json backoff = json_get(node, "backoff"), limit = json_get(node, "limit");
	struct json jitter = json_get(node, "jitter"),
		    attempt = json_get(limit, "attempt");
	p->backoff = json_get(backoff, "exponential").s ? BACKOFF_EXPONENTIAL
		     : json_get(backoff, "linear").s    ? BACKOFF_LINEAR
							: BACKOFF_CONSTANT;
	p->count = -1;
	struct json count = json_get(attempt, "count");
	if (count.s && !json_int(count, &p->count))
		return compiler_refuse(c, count, err, "a whole number is expected");
	return compiler_expression(
		       c, json_get(node, "when"), EXPRESSION_BARE, &p->when, err) &&
	       compiler_expression(c, json_get(node, "exceptWhen"), EXPRESSION_BARE,
		       &p->except_when, err) &&
	       compiler_duration(c, json_get(node, "delay"), &p->delay, err) &&
	       compiler_duration(
		       c, json_get(attempt, "duration"), &p->attempt_duration, err) &&
	       compiler_duration(c, json_get(limit, "duration"), &p->duration, err) &&
	       compiler_duration(c, json_get(jitter, "from"), &p->jitter_from, err) &&
	       compiler_duration(c, json_get(jitter, "to"), &p->jitter_to, err);
}

static int compare_policies(const void *a, const void *b)
{
	const struct retry_policy *x = a, *y = b;
	return strcmp(x->name, y->name);
}

static const struct retry_policy *find_policy(struct compiler *c, char *name)
{
	struct retry_policy wanted = {.name = name};
	struct retry_policy *const *found =
		name ? tfind(&wanted, &c->policies, compare_policies) : NULL;
	return found ? *found : NULL;
}

bool compiler_retry(struct compiler *c, struct json node, const struct retry_policy **ret,
	struct error *err)
{
	*ret = NULL;
	if (!node.s)
		return true;
	char *name = json_strdup(node);
	struct json body = name ? compiler_use(c, "retries", name) : node;
	const struct retry_policy *known = find_policy(c, name);
	if (known) {
		*ret = known;
		free(name);
		return true;
	}
	if (!body.s) {
		compiler_refuse(c, node, err, "use.retries has no policy \"%s\"", name);
		free(name);
		return false;
	}
	struct retry_policy *p = xcalloc(1, sizeof *p);
	p->name = name;
	p->next = c->definition->policies;
	c->definition->policies = p;
	if (name)
		(void)tsearch(p, &c->policies, compare_policies);
	*ret = p;
	return retry_compile(c, body, p, err);
}

void pointer_put_token(struct buf *b, const char *name)
{
	for (const char *p = name; *p; p++) {
		if (*p == '~' || *p == '/')
			buf_puts(b, *p == '~' ? "~0" : "~1");
		else
			buf_putc(b, *p);
	}
}

static const struct task_kind *find_kind(const char *keyword, struct json key)
{
	char *name = json_strdup(key),
	     *full = xasprintf("%s:%s", keyword, name ? name : "");
	const struct task_kind *kind = task_kind_find(full);
	free(name);
	free(full);
	return kind;
}

static const struct task_kind *kind_of_run(struct json run)
{
	struct json_iter it = json_iter(run);
	struct json key, value;
	const struct task_kind *kind = NULL;
	while (!kind && json_next_member(&it, &key, &value))
		kind = find_kind("run", key);
	return kind;
}

/* The keyword that says what a task is; `for` goes before `do`, which it contains. */
static const struct task_kind *kind_of(struct json node)
{
	static const char *const plain[] = {"for", "fork", "try", "set", "switch",
		"raise", "wait", "do", "emit", "listen"};
	enum { PLAIN = sizeof plain / sizeof *plain };
	struct json_iter it = json_iter(node);
	struct json key, value, call = {0}, run = {0};
	size_t best = PLAIN;
	while (json_next_member(&it, &key, &value)) {
		for (size_t i = 0; i < best; i++) {
			if (json_string_is(key, plain[i]))
				best = i;
		}
		if (json_string_is(key, "call"))
			call = value;
		else if (json_string_is(key, "run"))
			run = value;
	}
	if (best < PLAIN)
		return task_kind_find(plain[best]);
	if (!call.s)
		return kind_of_run(run);
	const struct task_kind *kind = find_kind("call", call);
	return kind || json_type(call) != JSON_STRING ? kind
						      : task_kind_find("call:function");
}

bool compiler_plain_task(struct compiler *c, struct task *task, struct error *err)
{
	struct task *outer = c->task;
	task->kind = kind_of(task->node);
	task->in_try = c->in_try;
	if (!task->kind)
		return compiler_refuse(c, task->node, err,
			"this kind of task is not supported by this runtime");
	c->task = task;
	bool ok = task_base_compile(c, task, err);
	task->secret_input =
		task->input_from && expression_mentions(task->input_from, "secrets");
	ok = ok && (!task->kind->compile || task->kind->compile(c, task, err));
	c->task = outer;
	return ok;
}

bool compiler_task(struct compiler *c, struct task *task, struct error *err)
{
	if (++c->tasks > TASKS_MAX)
		return compiler_refuse(c, task->node, err,
			"more than %d tasks, those of functions and extensions included "
			"once for each use",
			TASKS_MAX);
	size_t count = extension_count(c, task->node);
	return count ? extension_compile(c, task, count, err)
		     : compiler_plain_task(c, task, err);
}

static bool task_compile(struct compiler *c, const struct task *parent, const char *key,
	size_t index, struct json element, struct task *ret, struct error *err)
{
	struct json_iter it = json_iter(element);
	struct json name;
	if (!json_next_member(&it, &name, &ret->node))
		return compiler_refuse(c, element, err, "a task is expected");
	ret->name = json_strdup(name);
	struct buf reference = {0};
	buf_printf(&reference, "%s%s%s/%zu/", parent->reference, *key ? "/" : "", key,
		index);
	pointer_put_token(&reference, ret->name);
	ret->reference = buf_take(&reference);
	return compiler_task(c, ret, err);
}

bool compiler_list(struct compiler *c, const struct task *task, const char *key,
	struct json node, struct task_list **ret, struct error *err)
{
	struct task_list *list = xcalloc(1, sizeof *list);
	struct json outer = c->list, element;
	struct names outer_names = c->names;
	struct json_iter it = json_iter(node);
	list->key = key;
	list->tasks = xcalloc(json_count(node), sizeof *list->tasks);
	*ret = list;
	c->list = node;
	c->names = (struct names){0};
	bool ok = true;
	while ((ok || c->on_fault) && json_next_element(&it, &element)) {
		size_t i = list->count++;
		ok = task_compile(c, task, key, i, element, &list->tasks[i], err) && ok;
	}
	names_finish(&c->names);
	c->list = outer;
	c->names = outer_names;
	return ok;
}

bool compiler_try_list(struct compiler *c, const struct task *task, struct json node,
	struct task_list **ret, struct error *err)
{
	bool outer = c->in_try;
	c->in_try = true;
	bool ok = compiler_list(c, task, "try", node, ret, err);
	c->in_try = outer;
	return ok;
}

static void keep(void *p)
{
	(void)p; /* the definition owns it */
}

void compiler_finish(struct compiler *c)
{
	for (struct kept *k = c->kept, *next; k; k = next) {
		next = k->next;
		k->destroy(k->what);
		free(k);
	}
	for (size_t i = 0; i < c->document_count; i++)
		free((char *)c->documents[i].uri);
	free(c->documents);
	json_index_finish(&c->index);
	names_finish(&c->secrets);
	names_finish(&c->names);
	tdestroy(c->policies, keep);
	tdestroy(c->needs, keep);
}
