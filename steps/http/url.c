/* URLs: checked by our own strict rules first, then by libcurl's parser, which will use
 * them. */
#include "http/url.h"

#include <assert.h>
#include <ctype.h>
#include <curl/curl.h>
#include <stdlib.h>
#include <string.h>

static bool is_http(const char *url)
{
	return strncasecmp(url, "http://", 7) == 0 ||
	       strncasecmp(url, "https://", 8) == 0;
}

static bool is_https(const char *url)
{
	return strncasecmp(url, "https://", 8) == 0;
}

/* Scheme and authority, in bytes. */
static size_t origin_length(const char *url)
{
	size_t scheme = is_https(url) ? 8 : 7;
	return scheme + strcspn(url + scheme, "/?#");
}

static void put_percent(struct buf *out, unsigned char c)
{
	buf_printf(out, "%%%02X", c);
}

void http_url_put_escaped(struct buf *out, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c < 0x80 && (isalnum(c) || (c && strchr("-._~", c))))
			buf_putc(out, (char)c);
		else
			put_percent(out, c);
	}
}

/* Copies the URL up to its fragment; false at a byte that no URL may have. */
static bool put_clean(struct buf *out, const char *url, size_t n)
{
	for (size_t i = 0; i < n && url[i] != '#'; i++) {
		unsigned char c = (unsigned char)url[i];
		if (c <= ' ' || c == 0x7f || strchr("\"<>\\^`{|}", c))
			return false;
		if (c >= 0x80)
			put_percent(out, c);
		else
			buf_putc(out, (char)c);
	}
	return true;
}

static CURLU *create(void)
{
	CURLU *u = curl_url();
	assert(u);
	return u;
}

/* Whether the part is fine. */
static bool set(CURLU *u, CURLUPart what, const char *text, unsigned flags)
{
	CURLUcode code = curl_url_set(u, what, text, flags);
	assert(code != CURLUE_OUT_OF_MEMORY);
	return code == CURLUE_OK;
}

static char *part(CURLU *u, CURLUPart what, unsigned flags)
{
	char *s = NULL;
	CURLUcode code = curl_url_get(u, what, &s, flags);
	assert(code != CURLUE_OUT_OF_MEMORY);
	return s;
}

static bool parses(const char *url)
{
	CURLU *u = create();
	bool ok = set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS | CURLU_DISALLOW_USER);
	curl_url_cleanup(u);
	return ok;
}

static bool check_clean(const char *url, struct error *err)
{
	if (!is_http(url))
		return error_set(
			err, ERROR_INPUT, "the URL must begin with http:// or https://");
	size_t origin = origin_length(url);
	if (origin == strcspn(url, ":") + 3 || url[strcspn(url, ":") + 3] == ':')
		return error_set(err, ERROR_INPUT, "the URL has no host");
	if (memchr(url, '@', origin))
		return error_set(err, ERROR_INPUT,
			"the URL contains credentials: use endpoint.authentication");
	if (memchr(url, '%', origin))
		return error_set(err, ERROR_INPUT,
			"the URL's host must be plain ASCII (write it in punycode)");
	if (!parses(url))
		return error_set(err, ERROR_INPUT, "the URL is malformed");
	return true;
}

bool http_url_check(const char *url, size_t n, char **ret, struct error *err)
{
	struct buf clean = {0};
	bool ok = put_clean(&clean, url, n);
	if (!ok)
		error_set(err, ERROR_INPUT,
			"the URL has a character that must be percent-encoded");
	else
		ok = check_clean(buf_text(&clean), err);
	if (ok)
		*ret = buf_take(&clean);
	buf_finish(&clean);
	return ok;
}

/* libcurl looks for a host behind any number of slashes. */
static bool has_empty_host(const char *location)
{
	const char *p = strstr(location, "//");
	bool leads = p && (p == location || p[-1] == ':') &&
		     p <= location + strcspn(location, "/?#");
	return leads && (p[2] == '/' || p[2] == '\\');
}

static char *resolve(const char *url, const char *location)
{
	char *absolute = NULL;
	CURLU *u = create();
	if (!has_empty_host(location) && set(u, CURLUPART_URL, url, CURLU_PATH_AS_IS) &&
		set(u, CURLUPART_URL, location,
			CURLU_NON_SUPPORT_SCHEME | CURLU_URLENCODE))
		absolute = part(u, CURLUPART_URL, 0);
	curl_url_cleanup(u);
	return absolute;
}

bool http_url_follow(const char *url, const char *location, char **ret, struct error *err)
{
	char *absolute = resolve(url, location);
	if (!absolute)
		return error_set(
			err, ERROR_INPUT, "the redirect's Location is malformed");
	char *next = NULL;
	bool ok = http_url_check(absolute, strlen(absolute), &next, err);
	curl_free(absolute);
	if (!ok)
		return error_prefix(err, "redirect");
	if (is_https(url) && !is_https(next)) {
		free(next);
		return error_set(
			err, ERROR_INPUT, "a redirect from https to http is refused");
	}
	*ret = next;
	return true;
}

bool http_url_same_origin(const char *a, const char *b)
{
	static const CURLUPart parts[] = {
		CURLUPART_SCHEME, CURLUPART_HOST, CURLUPART_PORT};
	CURLU *x = create(), *y = create();
	bool same = set(x, CURLUPART_URL, a, 0) && set(y, CURLUPART_URL, b, 0);
	for (size_t i = 0; same && i < sizeof parts / sizeof *parts; i++) {
		char *p = part(x, parts[i], CURLU_DEFAULT_PORT);
		char *q = part(y, parts[i], CURLU_DEFAULT_PORT);
		same = p && q && strcasecmp(p, q) == 0;
		curl_free(p);
		curl_free(q);
	}
	curl_url_cleanup(x);
	curl_url_cleanup(y);
	return same;
}

void http_url_put_shown(struct buf *out, const char *url, bool secret)
{
	if (secret)
		buf_puts(out, "(a URL with a secret)");
	else
		buf_add(out, url, strcspn(url, "?#"));
}
