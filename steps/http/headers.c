/* Lists of headers, and what a header's name, value and media type say. */
#include "http/headers.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

void http_headers_finish(struct http_headers *h)
{
	if (!h)
		return;
	for (size_t i = 0; i < h->count; i++) {
		explicit_bzero(h->items[i].value, strlen(h->items[i].value));
		free(h->items[i].value);
		free(h->items[i].name);
	}
	free(h->items);
	*h = (struct http_headers){0};
}

void http_headers_add(struct http_headers *h, const char *name, const char *value)
{
	h->items = xrealloc(h->items, (h->count + 1) * sizeof *h->items);
	h->items[h->count++] =
		(struct http_header){.name = xstrdup(name), .value = xstrdup(value)};
}

const char *http_headers_get(const struct http_headers *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++) {
		if (strcasecmp(h->items[i].name, name) == 0)
			return h->items[i].value;
	}
	return NULL;
}

bool http_token_is(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (!c || c >= 0x80 || (!isalnum(c) && !strchr("!#$%&'*+-.^_`|~", c)))
			return false;
	}
	return n > 0;
}

bool http_value_is(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return false;
	}
	return true;
}

bool http_header_is_secret(const char *name)
{
	static const char *const parts[] = {"auth", "cookie", "token", "secret",
		"password", "api-key", "apikey", "signature", "credential"};
	for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
		if (strcasestr(name, parts[i]))
			return true;
	}
	return false;
}

/* Behind the next comma that is not inside a quoted string, or at the end. */
static const char *next_of_list(const char *p)
{
	bool quoted = false;
	for (; *p && (quoted || *p != ','); p++) {
		if (quoted && *p == '\\' && p[1])
			p++;
		else if (*p == '"')
			quoted = !quoted;
	}
	return *p ? p + 1 : p;
}

bool http_challenge_offers(const char *value, const char *scheme)
{
	size_t n = strlen(scheme);
	for (const char *p = value; *p; p = next_of_list(p)) {
		p += strspn(p, " \t");
		if (strncasecmp(p, scheme, n) == 0 && strchr(" \t,", p[n]))
			return true;
	}
	return false;
}

/* The bytes of the media type itself; *p moves over leading white space. */
static size_t media_length(const char **p)
{
	*p += strspn(*p, " \t");
	return strcspn(*p, "; \t");
}

bool http_media_is(const char *content_type, const char *media)
{
	size_t n = media_length(&content_type);
	return n == strlen(media) && strncasecmp(content_type, media, n) == 0;
}

bool http_media_is_json(const char *content_type)
{
	if (http_media_is(content_type, "application/json") ||
		http_media_is(content_type, "text/json"))
		return true;
	size_t n = media_length(&content_type);
	return n > 5 && strncasecmp(content_type + n - 5, "+json", 5) == 0;
}
