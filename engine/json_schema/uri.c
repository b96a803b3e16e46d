/* The parts of a URI are slices of its text; one that is absent is NULL. */
#include "json_schema/uri.h"

#include "base/buf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct slice {
	const char *s; /* NULL: absent */
	size_t n;
};

struct parts {
	struct slice scheme, authority, path, query, fragment;
};

/* What comes before one of the delimiters; *p moves on to it. */
static struct slice take_until(const char **p, const char *delimiters)
{
	struct slice part = {*p, strcspn(*p, delimiters)};
	*p += part.n;
	return part;
}

static bool has_scheme(const char *uri)
{
	size_t n = strcspn(uri, ":/?#");
	if (n == 0 || uri[n] != ':' || strchr("0123456789+-.", uri[0]))
		return false;
	return strspn(uri, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
			   "0123456789+-.") == n;
}

static struct parts split(const char *uri)
{
	struct parts parts = {0};
	const char *p = uri;
	if (has_scheme(uri)) {
		parts.scheme = take_until(&p, ":");
		p++;
	}
	if (p[0] == '/' && p[1] == '/') {
		p += 2;
		parts.authority = take_until(&p, "/?#");
	}
	parts.path = take_until(&p, "?#");
	if (*p == '?') {
		p++;
		parts.query = take_until(&p, "#");
	}
	if (*p == '#')
		parts.fragment = (struct slice){p + 1, strlen(p + 1)};
	return parts;
}

static void drop_segment(struct buf *out)
{
	while (out->len > 0 && out->data[--out->len] != '/')
		;
}

/* Section 5.2.4. */
static void put_without_dots(struct buf *out, const char *p)
{
	while (*p) {
		if (strncmp(p, "../", 3) == 0 || strncmp(p, "./", 2) == 0) {
			p = strchr(p, '/') + 1;
		} else if (strncmp(p, "/./", 3) == 0) {
			p += 2;
		} else if (strncmp(p, "/../", 4) == 0) {
			p += 3;
			drop_segment(out);
		} else if (strcmp(p, "/.") == 0 || strcmp(p, "/..") == 0) {
			if (p[2])
				drop_segment(out);
			buf_putc(out, '/');
			return;
		} else if (strcmp(p, ".") == 0 || strcmp(p, "..") == 0) {
			return;
		} else {
			size_t n = (*p == '/') + strcspn(p + (*p == '/'), "/");
			buf_add(out, p, n);
			p += n;
		}
	}
}

/* Section 5.2.3. */
static void merge_path(struct buf *out, const struct parts *base, struct slice path)
{
	if (path.n == 0 || path.s[0] != '/') {
		if (base->authority.s && base->path.n == 0) {
			buf_putc(out, '/');
		} else {
			size_t n = base->path.n;
			while (n > 0 && base->path.s[n - 1] != '/')
				n--;
			buf_add(out, base->path.s, n);
		}
	}
	buf_add(out, path.s, path.n);
}

/* Section 5.2.2, but for the fragment, which is the reference's. */
static struct parts resolve(
	const struct parts *base, const struct parts *reference, struct buf *path)
{
	struct parts result = *reference;
	struct buf merged = {0};
	if (reference->scheme.s || reference->authority.s) {
		buf_add(&merged, reference->path.s, reference->path.n);
	} else if (reference->path.n == 0) {
		buf_add(&merged, base->path.s, base->path.n);
		if (!reference->query.s)
			result.query = base->query;
	} else {
		merge_path(&merged, base, reference->path);
	}
	if (!reference->scheme.s) {
		result.scheme = base->scheme;
		if (!reference->authority.s)
			result.authority = base->authority;
	}
	const char *text = buf_text(&merged);
	if (result.scheme.s && text[0] != '/')
		buf_puts(path, text); /* opaque, as in urn:x */
	else
		put_without_dots(path, text);
	buf_finish(&merged);
	result.path = (struct slice){buf_text(path), path->len};
	return result;
}

static void put_part(
	struct buf *out, const char *before, struct slice part, const char *after)
{
	if (!part.s)
		return;
	buf_puts(out, before);
	buf_add(out, part.s, part.n);
	buf_puts(out, after);
}

char *json_schema_uri_resolve(const char *base, const char *reference)
{
	struct parts from = split(base), to = split(reference);
	struct buf path = {0}, out = {0};
	struct parts result = resolve(&from, &to, &path);
	put_part(&out, "", result.scheme, ":");
	put_part(&out, "//", result.authority, "");
	put_part(&out, "", result.path, "");
	put_part(&out, "?", result.query, "");
	put_part(&out, "#", result.fragment, "");
	buf_finish(&path);
	return buf_take(&out);
}

char *json_schema_uri_cut_fragment(char *uri)
{
	char *p = strchr(uri, '#');
	if (!p)
		return NULL;
	*p++ = '\0';
	struct buf out = {0};
	for (; *p; p++) {
		char hex[3] = {0}, *end;
		if (*p == '%')
			memcpy(hex, p + 1, strnlen(p + 1, 2));
		unsigned long c = strtoul(hex, &end, 16);
		bool encoded = end == hex + 2 && c && strspn(hex, "+- \t") == 0;
		buf_putc(&out, encoded ? (char)c : *p);
		p += encoded ? 2 : 0;
	}
	return buf_take(&out);
}
