/* The compiler says what is missing; it is fetched, judged, and the definition compiled
 * again, until nothing is missing: what was fetched may refer to more. */
#include "resolve.h"

#include "catalog.h"
#include "fetch.h"

#include <stdlib.h>
#include <string.h>

#define RESOURCES_MAX 200
#define RESOURCES_BYTES (32u << 20)

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
	const struct reference *r, struct db_client *c, char **ret, struct error *err)
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
	const struct reference *r, struct json document, char **ret, struct error *err)
{
	struct buf bytes = {0};
	struct fetch_credentials c = {0};
	bool ok = read_credentials(r->authentication, &c, err) &&
		  fetch_url(r->url, &c, &bytes, err);
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

static bool add_missing(const struct definition *d, struct db_client *c,
	struct buf *resources, struct error *err)
{
	for (size_t i = 0; i < d->missing_count; i++) {
		const struct reference *r = &d->missing[i];
		char *json;
		bool ok = r->url ? fetch_reference(r, d->document, &json, err)
				 : find_default(r, c, &json, err);
		if (!ok)
			return error_prefix(err, "%.200s", r->name);
		json_put_key(resources, r->name);
		buf_puts(resources, json);
		free(json);
		if (resources->len > RESOURCES_BYTES)
			return error_set(err, ERROR_INPUT,
				"%.200s: all that the definition refers to is larger "
				"than "
				"%u MiB",
				r->name, RESOURCES_BYTES >> 20);
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

bool resolve_file(struct definition_file *f, struct db_client *c, struct error *err)
{
	struct buf resources = {0};
	bool ok = true;
	size_t count = 0;
	buf_putc(&resources, '{');
	while (ok && f->definition->missing_count > 0) {
		count += f->definition->missing_count;
		if (count > RESOURCES_MAX)
			ok = error_set(err, ERROR_INPUT,
				"%s: more than %d functions and documents are referred "
				"to",
				f->path, RESOURCES_MAX);
		else if (!add_missing(f->definition, c, &resources, err))
			ok = error_prefix(err, "%s", f->path);
		else
			ok = compile(f, &resources, err);
	}
	buf_finish(&resources);
	return ok;
}
