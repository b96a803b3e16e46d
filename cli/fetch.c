/* One transfer at a time, with the rules that `call: http` has (http_client.h). */
#include "fetch.h"

#include "definition_file.h"
#include "http_client.h"

#include <stdlib.h>
#include <string.h>

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct buf *out = ctx;
	if (out->len + size * n > FETCH_MAX)
		return 0;
	buf_add(out, data, size * n);
	return size * n;
}

static bool fetch_file(const char *path, struct buf *out, struct error *err)
{
	char *text;
	size_t n;
	if (!file_read(path, FETCH_MAX, &text, &n, err))
		return false;
	buf_add(out, text, n);
	free(text);
	return true;
}

static bool fail(const struct http_transfer *t, CURLcode code, const char *url,
	const struct buf *out, struct error *err)
{
	const char *why =
		*t->why->refused ? t->why->refused
		: code == CURLE_WRITE_ERROR && out->len
			? "it is too large"
			: (*t->why->error ? t->why->error : curl_easy_strerror(code));
	return error_set(err, ERROR_INPUT, "%.300s: %s", url, why);
}

static bool check_status(CURL *easy, const char *url, struct error *err)
{
	long status = 0;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return true;
	return error_set(
		err, ERROR_INPUT, "%.300s: the answer has status %ld", url, status);
}

static void set_credentials(CURL *easy, const struct fetch_credentials *c)
{
	if (c->token) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		curl_easy_setopt(easy, CURLOPT_XOAUTH2_BEARER, c->token);
	} else if (c->username) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, c->username);
		curl_easy_setopt(easy, CURLOPT_PASSWORD, c->password);
	}
}

bool fetch_url(const char *url, const struct fetch_credentials *credentials,
	struct buf *out, struct error *err)
{
	struct http_transfer t = {0};
	if (strncasecmp(url, "file://", 7) == 0)
		return fetch_file(url + 7, out, err);
	http_transfer_open(&t);
	set_credentials(t.easy, credentials);
	curl_easy_setopt(t.easy, CURLOPT_URL, url);
	curl_easy_setopt(t.easy, CURLOPT_FOLLOWLOCATION, 1L);
	curl_easy_setopt(t.easy, CURLOPT_MAXREDIRS, 5L);
	curl_easy_setopt(t.easy, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(t.easy, CURLOPT_TIMEOUT, (long)FETCH_SECONDS);
	curl_easy_setopt(t.easy, CURLOPT_USERAGENT, "stepwell");
	curl_easy_setopt(t.easy, CURLOPT_WRITEFUNCTION, on_data);
	curl_easy_setopt(t.easy, CURLOPT_WRITEDATA, out);
	CURLcode code = http_transfer_is_refused(&t, url) ? CURLE_COULDNT_CONNECT
							  : curl_easy_perform(t.easy);
	bool ok = code == CURLE_OK ? check_status(t.easy, url, err)
				   : fail(&t, code, url, out, err);
	http_transfer_close(&t);
	return ok;
}
