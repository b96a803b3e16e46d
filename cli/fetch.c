/* One transfer at a time, with the rules that `call: http` has (http/client.h). */
#include "fetch.h"

#include "base/clock.h"
#include "definition/task.h"
#include "file_below.h"
#include "http/client.h"
#include "http/url.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char *folder_of(const char *definition)
{
	const char *slash = strrchr(definition, '/');
	char *current = getcwd(NULL, 0), *folder;
	if (*definition == '/')
		folder = xstrndup(definition,
			slash == definition ? 1 : (size_t)(slash - definition));
	else if (slash)
		folder = xasprintf("%s/%.*s", current ? current : "",
			(int)(slash - definition), definition);
	else
		folder = xstrdup(current ? current : "/");
	free(current);
	return folder;
}

void fetcher_init(struct fetcher *f, const char *definition, const struct settings *ways)
{
	*f = (struct fetcher){.ways = ways,
		.folder = folder_of(definition),
		.budget = FETCHES_SECONDS * USEC_PER_SEC};
}

void fetcher_finish(struct fetcher *f)
{
	free(f->folder);
}

/* ---- The budget ---- */

static int64_t time_left(struct fetcher *f)
{
	int64_t now = clock_boottime();
	if (!f->deadline)
		f->deadline = now + f->budget;
	return f->deadline > now ? f->deadline - now : 0;
}

static size_t bytes_left(const struct fetcher *f)
{
	size_t left = FETCHES_BYTES - f->bytes;
	return left < FETCH_MAX ? left : FETCH_MAX;
}

static bool fail_late(const struct fetcher *f, struct error *err)
{
	return error_set(err, ERROR_INPUT,
		"reading all that the definition refers to takes longer than %.3g s",
		(double)f->budget / USEC_PER_SEC);
}

bool fetcher_count(struct fetcher *f, struct error *err)
{
	if (++f->count > FETCHES_MAX)
		return error_set(err, ERROR_INPUT,
			"the definition refers to more than %d documents, redirects "
			"included",
			FETCHES_MAX);
	return time_left(f) >= USEC_PER_MS || fail_late(f, err);
}

static bool fail_large(const struct fetcher *f, const char *url, struct error *err)
{
	bool all = bytes_left(f) < FETCH_MAX;
	return error_set(err, ERROR_INPUT, "%.300s: %s larger than %u MiB", url,
		all ? "all that the definition refers to is" : "it is",
		(all ? FETCHES_BYTES : FETCH_MAX) >> 20);
}

/* ---- One request ---- */

struct hop {
	struct http_transfer transfer;
	struct buf *out;
	size_t most;
	bool too_large;
};

static size_t on_data(char *data, size_t size, size_t n, void *ctx)
{
	struct hop *hop = ctx;
	hop->too_large = hop->out->len + size * n > hop->most;
	if (hop->too_large)
		return 0;
	buf_add(hop->out, data, size * n);
	return size * n;
}

static void set_credentials(CURL *easy, const struct fetch_credentials *c)
{
	if (c->token) {
		http_set(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BEARER);
		http_set(easy, CURLOPT_XOAUTH2_BEARER, c->token);
	} else if (c->username) {
		http_set(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		http_set(easy, CURLOPT_USERNAME, c->username);
		http_set(easy, CURLOPT_PASSWORD, c->password);
	}
}

static void set_up(struct hop *hop, int64_t left, const struct fetch_credentials *c)
{
	CURL *easy = hop->transfer.easy;
	int64_t most = FETCH_SECONDS * USEC_PER_SEC;
	if (c)
		set_credentials(easy, c);
	http_set(easy, CURLOPT_TIMEOUT_MS,
		(long)((left < most ? left : most) / USEC_PER_MS));
	http_set(easy, CURLOPT_USERAGENT, "stepwell");
	http_set(easy, CURLOPT_WRITEFUNCTION, on_data);
	http_set(easy, CURLOPT_WRITEDATA, hop);
}

static bool fail(const struct hop *hop, CURLcode code, const char *url, struct error *err)
{
	const struct http_reasons *why = hop->transfer.why;
	return error_set(err, ERROR_INPUT, "%.300s: %s", url,
		*why->refused ? why->refused
		: *why->error ? why->error
			      : curl_easy_strerror(code));
}

/* *ret_next: where a redirect leads, else NULL. */
static bool read_answer(
	const struct hop *hop, const char *url, char **ret_next, struct error *err)
{
	struct curl_header *location;
	long status = 0;
	curl_easy_getinfo(hop->transfer.easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200 && status < 300)
		return true;
	bool redirect = status == 301 || status == 302 || status == 303 ||
			status == 307 || status == 308;
	if (redirect && curl_easy_header(hop->transfer.easy, "Location", 0, CURLH_HEADER,
				-1, &location) == CURLHE_OK)
		return http_url_follow(url, location->value, ret_next, err) ||
		       error_prefix(err, "%.300s", url);
	return error_set(
		err, ERROR_INPUT, "%.300s: the answer has status %ld", url, status);
}

static bool ask(struct fetcher *f, const char *url, const struct fetch_credentials *c,
	struct buf *out, char **ret_next, struct error *err)
{
	struct hop hop = {
		.transfer = {.reach = f->ways->reach, .settings = f->ways},
		.out = out,
		.most = bytes_left(f),
	};
	buf_clear(out);
	*ret_next = NULL;
	if (!fetcher_count(f, err))
		return false;
	http_transfer_open(&hop.transfer);
	set_up(&hop, time_left(f), c);
	CURLcode code = http_transfer_url(&hop.transfer, url)
				? curl_easy_perform(hop.transfer.easy)
				: CURLE_COULDNT_CONNECT;
	bool late = code == CURLE_OPERATION_TIMEDOUT && time_left(f) < USEC_PER_MS;
	bool ok = hop.too_large ? fail_large(f, url, err)
		  : late        ? fail_late(f, err) || error_prefix(err, "%.300s", url)
		  : code != CURLE_OK ? fail(&hop, code, url, err)
				     : read_answer(&hop, url, ret_next, err);
	f->bytes += out->len;
	http_transfer_close(&hop.transfer);
	return ok;
}

static bool fetch_web(struct fetcher *f, const char *url,
	const struct fetch_credentials *credentials, struct buf *out, struct error *err)
{
	char *at, *next;
	if (!http_url_check(url, strlen(url), &at, err))
		return error_prefix(err, "%.300s", url);
	for (int i = 0;; i++) {
		bool ok = ask(f, at, credentials, out, &next, err);
		if (!ok || !next) {
			free(at);
			return ok;
		}
		if (!http_url_same_origin(next, url)) /* and never again */
			credentials = NULL;
		free(at);
		at = next;
		if (i == FETCH_REDIRECTS) {
			free(at);
			return error_set(err, ERROR_INPUT,
				"%.300s: more than %d redirects", url, FETCH_REDIRECTS);
		}
	}
}

bool fetch_url(struct fetcher *f, const char *url,
	const struct fetch_credentials *credentials, struct buf *out, struct error *err)
{
	if (strncasecmp(url, "file://", 7) != 0)
		return fetch_web(f, url, credentials, out, err);
	if (!fetcher_count(f, err) ||
		!file_below_read(f->folder, url + 7, bytes_left(f), out, err))
		return false;
	f->bytes += out->len;
	return true;
}
