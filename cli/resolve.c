/* The compiler says what is missing; it is fetched, judged, and the definition compiled
 * again, until nothing is missing: what was fetched may refer to more. */
#include "resolve.h"

#include "definition/catalog.h"
#include "fetch.h"

#include <stdlib.h>
#include <string.h>

#define ROUNDS_MAX 50 /* of compiling: how deep documents refer to documents */

struct registration {
	const struct definition_file *file;
	struct db_client *client;
	struct fetcher fetcher;
	struct buf texts;  /* of what was read: the members of an object */
	struct words web;  /* names of what came by http, or from a database */
	struct words safe; /* and by https */
};

/* JSON as it is, YAML converted; caller frees. */
static bool to_json(const char *text, size_t n, char **ret, struct error *err)
{
	struct buf json = {0};
	struct yaml_map places = {0};
	struct json checked;
	size_t blank = strspn(text, " \t\r\n");
	if (blank < n && text[blank] == '{') {
		if (!json_check(text, n, NULL, &checked, NULL, err))
			return false;
		*ret = xstrndup(checked.s, checked.n);
		return true;
	}
	bool ok = yaml_to_json(text, n, &json, &places, err);
	yaml_map_finish(&places);
	if (ok)
		*ret = buf_take(&json);
	buf_finish(&json);
	return ok;
}

static bool text_to_json(const char *text, size_t n, char **ret, struct error *err)
{
	struct buf json = {0};
	struct json checked;
	json_put_string(&json, text, n);
	bool ok = json_check(json.data, json.len, NULL, &checked, NULL, NULL);
	if (ok)
		*ret = buf_take(&json);
	buf_finish(&json);
	return ok || error_set(err, ERROR_INPUT, "not a text in UTF-8");
}

static bool judge_function(const char *text, struct json document, struct error *err)
{
	struct findings findings;
	struct json checked;
	validate_function(text, strlen(text), document, &checked, &findings);
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *x = &findings.items[i];
		if (x->class == FINDING_WARNING)
			continue;
		error_set(err, ERROR_INPUT, "%s: %s", *x->pointer ? x->pointer : "/",
			x->text);
		break;
	}
	bool ok = !findings.errors && !findings.unsupported;
	findings_finish(&findings);
	return ok;
}

bool resolve_function_text(
	const char *text, size_t n, struct json document, char **ret, struct error *err)
{
	char *json;
	if (!to_json(text, n, &json, err))
		return false;
	if (judge_function(json, document, err)) {
		*ret = json;
		return true;
	}
	free(json);
	return false;
}

static bool find_default(
	const struct resource *r, struct db_client *c, char **ret, struct error *err)
{
	char *name, *version;
	const char *at = strrchr(r->name, '@');
	if (!catalog_split(r->name, (size_t)(at - r->name), &name, &version))
		return error_set(err, ERROR_INPUT, "not NAME:VERSION@default");
	bool ok = admin_find_function(c, name, version, ret, err);
	free(name);
	free(version);
	return ok;
}

static bool read_literal(struct json v, char **ret)
{
	*ret = json_strdup(v);
	return *ret && !strstr(*ret, "${");
}

/* Nothing is evaluated at registration: what is written out can be used. */
static bool read_credentials(
	struct json node, struct fetch_credentials *ret, struct error *err)
{
	struct json basic = json_get(node, "basic"), bearer = json_get(node, "bearer");
	if (!node.s || (bearer.s && read_literal(json_get(bearer, "token"), &ret->token)))
		return true;
	if (basic.s && read_literal(json_get(basic, "username"), &ret->username) &&
		read_literal(json_get(basic, "password"), &ret->password))
		return true;
	return error_set(err, ERROR_INPUT,
		"only basic and bearer authentication without expressions and secrets "
		"can "
		"be used at registration");
}

static bool fetch_reference(
	struct registration *g, const struct resource *r, char **ret, struct error *err)
{
	struct json document = g->file->definition->document;
	struct buf bytes = {0};
	struct fetch_credentials c = {0};
	bool ok = read_credentials(r->authentication, &c, err) &&
		  fetch_url(&g->fetcher, r->url, &c, &bytes, err);
	free(c.username);
	free(c.password);
	free(c.token);
	const char *text = buf_text(&bytes);
	if (ok && r->kind == REFERENCE_FUNCTION)
		ok = resolve_function_text(text, bytes.len, document, ret, err);
	else if (ok && r->kind == REFERENCE_DOCUMENT)
		ok = to_json(text, bytes.len, ret, err);
	else if (ok)
		ok = text_to_json(text, bytes.len, ret, err);
	buf_finish(&bytes);
	return ok;
}

static bool begins(const char *url, const char *scheme)
{
	return url && strncasecmp(url, scheme, strlen(scheme)) == 0;
}

/* What came from elsewhere must not read files here, nor be led to where anybody on the
 * way may answer. */
static bool check_origin(
	const struct registration *g, const struct resource *r, struct error *err)
{
	if (!r->from)
		return true;
	if (begins(r->url, "file:") && words_has(&g->web, r->from))
		return error_set(err, ERROR_INPUT,
			"%.200s comes from elsewhere: it may refer to http and https "
			"only",
			r->from);
	if (begins(r->url, "http:") && words_has(&g->safe, r->from))
		return error_set(err, ERROR_INPUT,
			"%.200s comes by https: it may refer to https only", r->from);
	return true;
}

static bool add_resource(
	struct registration *g, const struct resource *r, struct error *err)
{
	char *json;
	size_t n = strlen(r->name);
	bool ok = check_origin(g, r, err) &&
		  (r->url ? fetch_reference(g, r, &json, err)
			  : fetcher_count(&g->fetcher, err) &&
					  find_default(r, g->client, &json, err));
	if (!ok)
		return error_prefix(err, "%.200s", r->name);
	json_put_key(&g->texts, r->name);
	buf_puts(&g->texts, json);
	free(json);
	if (!begins(r->url, "file:"))
		words_add(&g->web, r->name, n);
	if (begins(r->url, "https:"))
		words_add(&g->safe, r->name, n);
	return g->texts.len <= FETCHES_BYTES ||
	       error_set(err, ERROR_INPUT,
		       "%.200s: all that the definition refers to is larger than %u MiB",
		       r->name, FETCHES_BYTES >> 20);
}

/* Puts before the error where the document asks for what is wrong. */
static bool fail_at_call(
	const struct registration *g, const struct resource *r, struct error *err)
{
	struct buf place = {0};
	definition_file_put_call(
		g->file, g->file->definition->resources, r->name, &place);
	error_prefix(err, "%.*s", (int)place.len - 1, place.data); /* without its colon */
	buf_finish(&place);
	return false;
}

static bool add_missing(struct registration *g, struct error *err)
{
	const struct definition *d = g->file->definition;
	for (size_t i = 0; i < d->missing_count; i++) {
		if (!add_resource(g, &d->missing[i], err))
			return fail_at_call(g, &d->missing[i], err);
	}
	return true;
}

struct faults {
	const struct definition_file *file;
	struct buf first; /* the text of the first one */
};

static void on_fault(void *ctx, const struct definition_fault *fault)
{
	struct faults *faults = ctx;
	if (!faults->first.len)
		definition_file_put_fault(faults->file, fault, &faults->first);
}

static bool compile(
	struct definition_file *f, const struct buf *resources, struct error *err)
{
	struct definition *d;
	struct faults faults = {.file = f};
	char *text = xasprintf("%s}", resources->data);
	bool ok = definition_check_with(
			  (struct json){f->text, f->n}, text, on_fault, &faults, &d) == 0;
	free(text);
	if (ok) {
		definition_unref(f->definition);
		f->definition = d;
	} else {
		error_set(err, ERROR_INPUT, "%.900s", buf_text(&faults.first));
	}
	buf_finish(&faults.first);
	return ok;
}

bool resolve_file(struct definition_file *f, struct db_client *c,
	const struct settings *ways, struct error *err)
{
	struct registration g = {.file = f, .client = c};
	bool ok = true;
	fetcher_init(&g.fetcher, f->path, ways);
	buf_putc(&g.texts, '{');
	for (int i = 0; ok && f->definition->missing_count > 0; i++) {
		if (i == ROUNDS_MAX)
			ok = error_set(err, ERROR_INPUT,
				"%s: documents refer to documents more than %d deep",
				f->path, ROUNDS_MAX);
		else
			ok = add_missing(&g, err) && compile(f, &g.texts, err);
	}
	fetcher_finish(&g.fetcher);
	buf_finish(&g.texts);
	words_finish(&g.web);
	words_finish(&g.safe);
	return ok;
}
