/* Names of catalogs and URLs of repositories; no network here. */
#include "definition/catalog.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

bool catalog_name_is(const char *text)
{
	return strchr(text, '@') || strstr(text, "://");
}

static bool is_label(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!isalnum((unsigned char)s[i]) && !(i && strchr("-_.+", s[i])))
			return false;
	}
	return n > 0 && n <= 128;
}

bool catalog_split(const char *text, size_t n, char **ret_name, char **ret_version)
{
	const char *colon = memchr(text, ':', n);
	if (!colon || !is_label(text, (size_t)(colon - text)) ||
		!is_label(colon + 1, n - (size_t)(colon + 1 - text)))
		return false;
	*ret_name = xstrndup(text, (size_t)(colon - text));
	*ret_version = xstrndup(colon + 1, n - (size_t)(colon + 1 - text));
	return true;
}

/* ---- Repositories ---- */

static const char *after(const char *s, const char *prefix)
{
	size_t n = strlen(prefix);
	return strncasecmp(s, prefix, n) == 0 ? s + n : NULL;
}

/* owner/name/FOLDER@REVISION: the function in that folder, at a tag, branch or commit. */
static char *raw_of_revision(const char *path, size_t repository)
{
	const char *folder = path + repository, *at = strrchr(path, '@');
	if (*folder != '/' || !at || at < folder + 2 || !at[1] || strchr(at, '/'))
		return NULL;
	return xasprintf("https://raw.githubusercontent.com/%.*s/%s%.*s/function.yaml",
		(int)repository, path, at + 1, (int)(at - folder), folder);
}

/* owner/name, then nothing or "/tree/BRANCH...", "/blob/BRANCH...". */
static char *raw_of_github(const char *path)
{
	const char *owner = strchr(path, '/');
	if (!owner || !owner[1])
		return NULL;
	size_t repository = (size_t)(owner - path) + 1 + strcspn(owner + 1, "/");
	const char *rest = path + repository, *branch = after(rest, "/tree/");
	if (!branch)
		branch = after(rest, "/blob/");
	if (branch && strncmp(branch, "refs/", 5) == 0)
		return xasprintf("https://raw.githubusercontent.com/%.*s/%s",
			(int)repository, path, branch);
	if (branch)
		return xasprintf("https://raw.githubusercontent.com/%.*s/refs/heads/%s",
			(int)repository, path, branch);
	char *raw = raw_of_revision(path, repository);
	if (raw)
		return raw;
	if (strncmp(rest, "/functions/", 11) == 0) /* a catalog named by its repository */
		return xasprintf(
			"https://raw.githubusercontent.com/%.*s/refs/heads/main%s",
			(int)repository, path, rest);
	return NULL;
}

static char *raw_of_gitlab(const char *url)
{
	const char *mark = strstr(url, "/-/tree/");
	if (!mark)
		mark = strstr(url, "/-/blob/");
	if (!mark)
		return NULL;
	return xasprintf("%.*s/-/raw/%s", (int)(mark - url), url, mark + 8);
}

bool catalog_raw_url(const char *url, char **ret, struct error *err)
{
	const char *github = after(url, "https://github.com/");
	char *raw = NULL;
	if (!after(url, "http://") && !after(url, "https://") && !after(url, "file:///"))
		return error_set(err, ERROR_INPUT,
			"\"%.200s\" is no URL that begins with https://, http:// or "
			"file:///",
			url);
	if (strstr(url, "${"))
		return error_set(err, ERROR_INPUT,
			"what is resolved at registration cannot be an expression");
	if (github)
		raw = raw_of_github(github);
	else if (after(url, "https://gitlab."))
		raw = raw_of_gitlab(url);
	*ret = raw ? raw : xstrdup(url);
	return true;
}

/* ---- Names ---- */

static bool locate_in(struct json catalog, const char *name, const char *version,
	char **ret, struct error *err)
{
	struct json endpoint = json_get(catalog, "endpoint"), uri = endpoint;
	if (json_type(endpoint) == JSON_OBJECT)
		uri = json_get(endpoint, "uri");
	char *root = json_strdup(uri);
	size_t n = root ? strlen(root) : 0;
	while (n && root[n - 1] == '/')
		n--;
	char *url = xasprintf("%.*s/functions/%s/%s/function.yaml", (int)n,
		root ? root : "", name, version);
	bool ok = catalog_raw_url(url, ret, err);
	free(url);
	free(root);
	return ok;
}

bool catalog_locate(struct json use, struct json name, char **ret, struct error *err)
{
	char *text = json_strdup(name), *function = NULL, *version = NULL;
	const char *at = strrchr(text, '@');
	bool ok;
	*ret = NULL;
	if (strstr(text, "://")) {
		ok = catalog_raw_url(text, ret, err);
		free(text);
		return ok;
	}
	ok = catalog_split(text, (size_t)(at - text), &function, &version);
	struct json catalog = json_get(json_get(use, "catalogs"), at + 1);
	if (!ok)
		error_set(
			err, ERROR_INPUT, "\"%.200s\" is not NAME:VERSION@CATALOG", text);
	else if (catalog.s)
		ok = locate_in(catalog, function, version, ret, err);
	else if (strcmp(at + 1, "default") != 0)
		ok = error_set(err, ERROR_INPUT, "use.catalogs has no catalog \"%.100s\"",
			at + 1);
	free(function);
	free(version);
	free(text);
	return ok;
}
