/* Where an API is: `servers` of the operation, its path or the document (OpenAPI 3), or
 * schemes, host and basePath (Swagger 2), relative to where the document was found. */
#include "http/openapi.h"

#include <stdlib.h>
#include <string.h>

static bool is_absolute(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 ||
	       strncasecmp(url, "https://", 8) == 0;
}

/* {name} is the default of the server's variable. */
static bool fill_variables(struct json server, char **ret, struct error *err)
{
	char *text = json_strdup(json_get(server, "url"));
	struct buf out = {0};
	const char *p = text ? text : "", *open, *end;
	bool ok = true;
	while (ok && (open = strchr(p, '{')) && (end = strchr(open, '}'))) {
		char *name = xstrndup(open + 1, (size_t)(end - open - 1));
		struct json value = json_get(
			json_get(json_get(server, "variables"), name), "default");
		buf_add(&out, p, (size_t)(open - p));
		ok = json_type(value) == JSON_STRING;
		if (ok)
			json_string(value, &out);
		else
			error_set(err, ERROR_INPUT,
				"the server's variable \"%s\" has no default", name);
		free(name);
		p = end + 1;
	}
	buf_puts(&out, p);
	free(text);
	if (ok)
		*ret = buf_take(&out);
	buf_finish(&out);
	return ok;
}

static char *without_slashes(const char *s)
{
	size_t n = strlen(s);
	while (n && s[n - 1] == '/')
		n--;
	return xstrndup(s, n);
}

/* A URL relative to the document's. */
static bool resolve_url(const char *base, const char *url, char **ret, struct error *err)
{
	if (is_absolute(url)) {
		*ret = without_slashes(url);
		return true;
	}
	if (!is_absolute(base))
		return error_set(err, ERROR_INPUT,
			"the document gives no absolute URL of a server");
	const char *host = strstr(base, "://") + 3;
	size_t origin = (size_t)(host - base) + strcspn(host, "/?#");
	size_t folder = strcspn(base, "?#");
	while (folder > origin && base[folder - 1] != '/')
		folder--;
	while (strncmp(url, "./", 2) == 0)
		url += 2;
	char *full = *url == '/' ? xasprintf("%.*s%s", (int)origin, base, url)
				 : xasprintf("%.*s%s%s", (int)folder, base,
					   base[folder - 1] == '/' ? "" : "/", url);
	*ret = without_slashes(full);
	free(full);
	return true;
}

/* Swagger 2.0: https where it is offered. */
static bool swagger_server(
	struct openapi_document *d, const char *base, char **ret, struct error *err)
{
	struct json schemes = json_index_get(&d->index, d->text, "schemes"), scheme;
	struct json_iter it = json_iter(schemes);
	char *host = json_strdup(json_index_get(&d->index, d->text, "host")),
	     *path = json_strdup(json_index_get(&d->index, d->text, "basePath"));
	bool https = false, any = false, ok;
	while (json_next_element(&it, &scheme)) {
		https |= json_string_is(scheme, "https");
		any = true;
	}
	if (!any)
		https = strncasecmp(base, "http://", 7) != 0;
	char *url = host ? xasprintf("http%s://%s%s", https ? "s" : "", host,
				   path ? path : "")
			 : xstrdup(path ? path : "/");
	ok = resolve_url(base, url, ret, err);
	free(url);
	free(host);
	free(path);
	return ok;
}

bool openapi_server(struct openapi_document *d, struct json path_item,
	struct json operation, const char *document_url, char **ret, struct error *err)
{
	const struct json places[] = {operation, path_item, d->text};
	if (json_index_get(&d->index, d->text, "swagger").s)
		return swagger_server(d, document_url, ret, err);
	for (size_t i = 0; i < 3; i++) {
		struct json servers = json_index_get(&d->index, places[i], "servers");
		struct json server = json_at(servers, 0);
		if (!server.s)
			continue;
		char *url;
		if (!fill_variables(server, &url, err))
			return false;
		bool ok = resolve_url(document_url, url, ret, err);
		free(url);
		return ok;
	}
	return resolve_url(document_url, "/", ret, err);
}
