/*
 * Functions: of use.functions, of a catalog, by URL. A function is compiled once per
 * call, so that its tasks have the references of that call; recursion is refused, and how
 * many there may be in one definition.
 */
#include "definition/catalog.h"
#include "definition/compiler.h"

#include <stdlib.h>
#include <string.h>

#define CALLS_MAX 10000  /* compiled functions of one definition */
#define MISSING_MAX 1000 /* noted; registration reads fewer, or refuses */

/* A function that is being compiled. */
struct call_site {
	const struct call_site *outer;
	struct json function;
};

/* {"use": NAME} is the one of use.authentications. */
static struct json find_authentication(struct compiler *c, struct json endpoint)
{
	struct json node = json_get(endpoint, "authentication");
	char *name = json_strdup(json_get(node, "use"));
	struct json named =
		name ? compiler_use(c, "authentications", name) : (struct json){0};
	free(name);
	return named.s ? named : node;
}

/* The endpoint of the catalog of a function; absent for other functions. */
static struct json catalog_endpoint(struct compiler *c, struct json name)
{
	char *text = json_strdup(name);
	const char *at = strstr(text, "://") ? NULL : strrchr(text, '@');
	struct json catalog = at ? compiler_use(c, "catalogs", at + 1) : (struct json){0};
	free(text);
	return json_get(catalog, "endpoint");
}

/* The name of the resource that the value stands in; NULL: the document. */
static char *find_origin(const struct definition *d, struct json v)
{
	struct json_iter it = json_iter(d->resources);
	struct json name, text;
	while (json_next_member(&it, &name, &text)) {
		if (v.s >= text.s && v.s < text.s + text.n)
			return json_strdup(name);
	}
	return NULL;
}

static struct resource *find_missing(struct definition *d, const char *name)
{
	for (size_t i = 0; i < d->missing_count; i++) {
		if (strcmp(d->missing[i].name, name) == 0)
			return &d->missing[i];
	}
	return NULL;
}

/* r.authentication: the endpoint. Takes r.url. */
static void note_missing(
	struct compiler *c, const char *name, struct resource r, struct json place)
{
	struct definition *d = c->definition;
	struct resource *known = find_missing(d, name);
	r.from = find_origin(d, place);
	if (known && !r.from) { /* the document's own word counts */
		free(known->from);
		known->from = NULL;
	}
	if (known || d->missing_count == MISSING_MAX) {
		free(r.url);
		free(r.from);
		return;
	}
	r.name = xstrdup(name);
	r.authentication = find_authentication(c, r.authentication);
	d->missing = xrealloc(d->missing, (d->missing_count + 1) * sizeof *d->missing);
	d->missing[d->missing_count++] = r;
}

/* Absent: it is not here yet, and noted. Takes the URL. */
static struct json find_resource(struct compiler *c, struct json name, char *url,
	enum reference_kind kind, struct json endpoint)
{
	char *text = json_strdup(name);
	struct json found = json_index_get(&c->index, c->definition->resources, text);
	if (found.s)
		free(url);
	else
		note_missing(c, text,
			(struct resource){
				.url = url, .kind = kind, .authentication = endpoint},
			name);
	free(text);
	return found;
}

bool compiler_function(
	struct compiler *c, struct json name, struct json *ret, struct error *err)
{
	struct error why = {0};
	char *text = json_strdup(name), *url = NULL;
	*ret = compiler_use(c, "functions", text);
	bool local = !catalog_name_is(text);
	free(text);
	if (ret->s)
		return true;
	if (local)
		return compiler_refuse(c, name, err,
			"no function %.*s is built in or in use.functions", (int)name.n,
			name.s);
	if (!catalog_locate(c->use, name, &url, &why))
		return compiler_refuse(c, name, err, "%s", why.text);
	*ret = find_resource(c, name, url, REFERENCE_FUNCTION, catalog_endpoint(c, name));
	return true;
}

static bool find_at(struct compiler *c, struct json endpoint, enum reference_kind kind,
	struct json *ret, struct error *err)
{
	struct json uri =
		json_type(endpoint) == JSON_OBJECT ? json_get(endpoint, "uri") : endpoint;
	struct error why = {0};
	char *text = json_strdup(uri), *url = NULL;
	bool ok = text && catalog_raw_url(text, &url, &why);
	free(text);
	if (!ok)
		return compiler_refuse(c, uri, err, "%s",
			*why.text ? why.text : "the URL of a document is expected");
	*ret = find_resource(c, uri, url, kind, endpoint);
	return true;
}

bool compiler_document(
	struct compiler *c, struct json endpoint, struct json *ret, struct error *err)
{
	return find_at(c, endpoint, REFERENCE_DOCUMENT, ret, err);
}

void *compiler_kept(const struct compiler *c, struct json text)
{
	const struct kept *k = c->kept;
	while (k && k->place != text.s)
		k = k->next;
	return k ? k->what : NULL;
}

void compiler_keep(
	struct compiler *c, struct json text, void *what, void (*destroy)(void *what))
{
	struct kept *k = xcalloc(1, sizeof *k);
	*k = (struct kept){c->kept, text.s, what, destroy};
	c->kept = k;
}

bool compiler_text(
	struct compiler *c, struct json endpoint, struct json *ret, struct error *err)
{
	return find_at(c, endpoint, REFERENCE_TEXT, ret, err);
}

bool compiler_wants_document(struct compiler *c, const char *uri, struct json place)
{
	char *url;
	if (!catalog_raw_url(uri, &url, NULL))
		return false;
	note_missing(
		c, uri, (struct resource){.url = url, .kind = REFERENCE_DOCUMENT}, place);
	return true;
}

/* The only task of the body. */
static bool compile_function(struct compiler *c, const struct task *task,
	struct json function, struct task *ret, struct error *err)
{
	struct json outer = c->list;
	struct names outer_names = c->names;
	ret->name = xstrdup(task->name);
	ret->reference = xasprintf("%s!call", task->reference);
	ret->node = function;
	ret->mark = "!call";
	ret->is_function = true;
	c->list = (struct json){0};
	c->names = (struct names){0};
	bool ok = compiler_task(c, ret, err);
	c->list = outer;
	c->names = outer_names;
	return ok;
}

bool compiler_call(struct compiler *c, const struct task *task, struct json name,
	struct json function, struct task_list **ret, struct error *err)
{
	struct task_list *list = xcalloc(1, sizeof *list);
	struct call_site site = {c->calls, function};
	*ret = list;
	list->key = "";
	list->tasks = xcalloc(1, sizeof *list->tasks);
	list->count = 1;
	for (const struct call_site *s = c->calls; s; s = s->outer) {
		if (s->function.s == function.s)
			return compiler_refuse(c, name, err,
				"function %.*s calls itself: recursion is not supported",
				(int)name.n, name.s);
	}
	if (++c->called > CALLS_MAX)
		return compiler_refuse(c, name, err,
			"more than %d functions are called in this definition",
			CALLS_MAX);
	c->calls = &site;
	bool ok = compile_function(c, task, function, &list->tasks[0], err);
	c->calls = site.outer;
	return ok;
}
