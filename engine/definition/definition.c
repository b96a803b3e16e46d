/*
 * The compiler: from a validated document to tasks that can be run. Everything it makes
 * is owned by the definition; slices point into the definition's copy of the text.
 */
#include "definition/definition.h"

#include "base/clock.h"
#include "definition/compiler.h"
#include "definition/data_schema.h"

#include <stdlib.h>
#include <string.h>

static struct uuid definition_id(const struct definition *d)
{
	struct buf b = {0};
	uint8_t sum[32];
	struct uuid id;
	const char *const parts[] = {d->namespace, d->name, d->version};
	for (int i = 0; i < 3; i++)
		buf_add(&b, parts[i], strlen(parts[i]) + 1);
	buf_add(&b, d->digest, sizeof d->digest);
	digest_sha256(b.data, b.len, sum);
	buf_finish(&b);
	memcpy(id.b, sum, sizeof id.b);
	id.b[6] = (uint8_t)((id.b[6] & 0x0F) | 0x80);
	id.b[8] = (uint8_t)((id.b[8] & 0x3F) | 0x80);
	return id;
}

static bool read_identity(struct definition *d, const char *suffix, struct error *err)
{
	struct json head = json_get(d->document, "document");
	d->namespace = json_strdup(json_get(head, "namespace"));
	d->name = json_strdup(json_get(head, "name"));
	char *version = json_strdup(json_get(head, "version"));
	if (!d->namespace || !d->name || !version) {
		free(version);
		return error_set(err, ERROR_INPUT,
			"document.namespace, document.name and document.version are "
			"needed");
	}
	d->version = suffix ? xasprintf("%s%c%s", version,
				      strchr(version, '+') ? '.' : '+', suffix)
			    : xstrdup(version);
	free(version);
	struct buf canonical = {0};
	json_canonical(d->document, &canonical);
	if (d->resources.s) {
		buf_putc(&canonical, '\n');
		json_canonical(d->resources, &canonical);
	}
	digest_sha256(canonical.data, canonical.len, d->digest);
	buf_finish(&canonical);
	d->id = definition_id(d);
	return true;
}

static bool compile_root(struct compiler *c, struct error *err)
{
	struct definition *d = c->definition;
	struct task *root = &d->root;
	c->extensions = json_get(c->use, "extensions");
	root->name = xstrdup("");
	root->reference = xstrdup("");
	root->node = d->document;
	bool ok = task_base_compile(c, root, err);
	if (!ok && !c->on_fault)
		return false;
	root->kind = task_kind_find("do");
	return compiler_list(
		       c, root, "do", json_get(d->document, "do"), &root->body, err) &&
	       ok;
}

static int compare_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static const struct json_limits resource_limits = {
	.bytes = (size_t)64 << 20, .depth = 128};

static bool read_resources(struct definition *d, const char *text, struct error *err)
{
	if (!text)
		return true;
	d->resources_text = xstrdup(text);
	return json_check(d->resources_text, strlen(text), &resource_limits,
		&d->resources, NULL, err);
}

bool definition_has_place(const struct definition *d, struct json v)
{
	return v.s >= d->text && v.s <= d->text + strlen(d->text);
}

/* The members of $steps that expressions ask for. */
struct mentioned {
	const char **names;
	size_t count;
	bool all;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool is_kept(const struct mentioned *k, const char *name)
{
	return k->all || (k->count && bsearch(&name, k->names, k->count, sizeof *k->names,
					      compare_names));
}

static void mark_tasks(struct task_list *list, const struct mentioned *k)
{
	for (size_t i = 0; list && i < list->count; i++) {
		struct task *task = &list->tasks[i];
		task->is_kept = is_kept(k, task->name);
		mark_tasks(task->body, k);
		mark_tasks(task->handler, k);
	}
}

/* Tasks whose outputs some expression asks for by $steps. */
static void mark_kept(struct definition *d)
{
	struct mentioned k = {0};
	k.all = !program_steps(d->program, &k.names, &k.count);
	if (k.count)
		qsort(k.names, k.count, sizeof *k.names, compare_names);
	mark_tasks(d->root.body, &k);
	free(k.names);
}

/* c->definition is made in any case. */
static bool compile(struct compiler *c, struct json document, const char *resources,
	const char *version_suffix, struct error *err)
{
	struct definition *d = c->definition = xcalloc(1, sizeof *d);
	size_t n = document.n;
	d->refs = 1;
	d->text = xstrndup(document.s, n);
	d->needs = xcalloc(1, sizeof *d->needs);
	if (!json_check(d->text, n, NULL, &d->document, NULL, err) ||
		!read_resources(d, resources, err) ||
		!read_identity(d, version_suffix, err))
		return false;
	struct program_options options = {
		.loose = json_string_is(
			json_pointer(d->document, "/evaluate/mode"), "loose")};
	d->program = program_create(&options);
	c->use = json_get(d->document, "use");
	c->retry = json_pointer(d->document, "/document/metadata/retry");
	if (!compile_root(c, err))
		return false;
	qsort(d->needs, c->need_count, sizeof *d->needs, compare_text);
	if (program_mentions(d->program, "steps"))
		mark_kept(d);
	return true;
}

bool definition_create(const char *text, size_t n, const char *version_suffix,
	struct definition **ret, struct error *err)
{
	return definition_create_with(
		(struct json){text, n}, NULL, version_suffix, ret, err);
}

bool definition_create_with(struct json document, const char *resources,
	const char *version_suffix, struct definition **ret, struct error *err)
{
	struct compiler c = {0};
	bool ok = compile(&c, document, resources, version_suffix, err);
	compiler_finish(&c);
	if (ok)
		*ret = c.definition;
	else
		definition_unref(c.definition);
	return ok;
}

static void on_expression(void *ctx, struct json node, size_t at, const char *message)
{
	compiler_report(ctx, node, json_string_place(node, at), true, message);
}

unsigned definition_check(const char *text, size_t n, definition_on_fault on_fault,
	void *ctx, struct definition **ret)
{
	return definition_check_with((struct json){text, n}, NULL, on_fault, ctx, ret);
}

unsigned definition_check_with(struct json document, const char *resources,
	definition_on_fault on_fault, void *ctx, struct definition **ret)
{
	struct compiler c = {.on_fault = on_fault, .ctx = ctx};
	struct error err = {0};
	bool ok = compile(&c, document, resources, NULL, &err);
	if (c.definition->program && (!resources || !c.definition->missing_count))
		program_check(c.definition->program, on_expression, &c);
	if (!ok && c.faults == 0)
		compiler_report(&c, (struct json){0}, NULL, false, err.text);
	compiler_finish(&c);
	if (c.faults == 0)
		*ret = c.definition;
	else
		definition_unref(c.definition);
	return c.faults;
}

struct definition *definition_ref(struct definition *d)
{
	d->refs++;
	return d;
}

static void policies_destroy(struct retry_policy *p)
{
	while (p) {
		struct retry_policy *next = p->next;
		free(p->name);
		free(p);
		p = next;
	}
}

void definition_unref(struct definition *d)
{
	if (!d || --d->refs > 0)
		return;
	task_finish(&d->root);
	policies_destroy(d->policies);
	data_schemas_destroy(d->schemas);
	program_destroy(d->program);
	for (char **need = d->needs; *need; need++)
		free(*need);
	free(d->needs);
	for (size_t i = 0; i < d->missing_count; i++) {
		free(d->missing[i].name);
		free(d->missing[i].url);
		free(d->missing[i].from);
	}
	free(d->missing);
	free(d->resources_text);
	free(d->text);
	free(d->namespace);
	free(d->name);
	free(d->version);
	free(d);
}
