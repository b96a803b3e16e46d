/*
 * The life of an attempt: start -> (transfer -> redirect)* -> outcome. Redirects are
 * followed here, one transfer each, so that nothing of the author's goes along to another
 * origin.
 *
 * Digest authentication needs a challenge. libcurl would ask for it with the request
 * itself, with its key and without its body; a method that changes something asks with a
 * HEAD instead, which has neither. Where that is not challenged, the request goes out
 * without authentication, and once more if it is refused with a challenge. libcurl
 * answers every refusal of the digest with another, for as long as the endpoint calls its
 * nonce stale: here the first refusal is the answer.
 *
 * libcurl sends a request again by itself when a kept connection turns out to be dead.
 * For a safe method that is welcome; any other is never sent twice within one attempt
 * (on_send).
 */
#include "http/exchange.h"

#include "base/clock.h"
#include "http/answer.h"
#include "http/client.h"
#include "http/url.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LATE_REST (200 * USEC_PER_MS)

struct exchange {
	struct http_transfer transfer; /* first: on_end casts */
	struct effect *effect;
	const struct http_request *request;
	const struct http_arguments *arguments;
	char *url;        /* of this hop */
	unsigned hops;    /* redirects followed */
	bool foreign;     /* this hop is not at the request's own origin */
	bool unanswered;  /* this hop's request went out, and no byte came back yet */
	bool asks;        /* this hop is for the challenge only */
	bool challenged;  /* libcurl has it */
	bool refused;     /* the digest was: libcurl would have sent another */
	bool late;        /* the worker's lease was over before the request went out */
	int64_t deadline; /* by clock_boottime; 0: none of ours */
	struct curl_slist *headers;
	struct http_answer answer;
};

static void destroy(struct exchange *x)
{
	http_client_remove(x->effect->host->http, &x->transfer);
	http_answer_finish(&x->answer);
	for (struct curl_slist *h = x->headers; h; h = h->next)
		explicit_bzero(h->data, strlen(h->data));
	curl_slist_free_all(x->headers);
	free(x->url);
	free(x);
}

/* ---- While a transfer runs ---- */

static bool on_send(struct http_transfer *t)
{
	struct exchange *x = (struct exchange *)t;
	x->refused = x->challenged && !x->asks && x->answer.status == 401;
	if (x->refused)
		return false;
	x->late = !x->effect->sent && !x->effect->host->may_send(x->effect->host);
	if (x->late || (x->unanswered && !x->request->safe))
		return false;
	x->unanswered = true;
	x->effect->sent |= !x->asks;
	return true;
}

static size_t on_header(char *line, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	x->unanswered = false;
	return http_answer_add_header(&x->answer, line, size * n) ? size * n : 0;
}

static size_t on_body(char *data, size_t size, size_t n, void *ctx)
{
	struct exchange *x = ctx;
	return http_answer_add_body(&x->answer, data, size * n) ? size * n : 0;
}

/* ---- The request as libcurl takes it ---- */

static void append(struct exchange *x, const char *line)
{
	struct curl_slist *headers = curl_slist_append(x->headers, line);
	assert(headers); /* without the key, the effect might happen twice */
	x->headers = headers;
}

static void add_line(struct exchange *x, const char *name, const char *value)
{
	/* "Name;" is libcurl's way to say that the value is empty. */
	char *line = *value ? xasprintf("%s: %s", name, value) : xasprintf("%s;", name);
	append(x, line);
	explicit_bzero(line, strlen(line));
	free(line);
}

static bool goes_along(const struct exchange *x, const struct http_header *h)
{
	if (x->asks)
		return !h->author && strcasecmp(h->name, "User-Agent") == 0;
	return !x->foreign || !h->author || strcasecmp(h->name, "Accept") == 0 ||
	       strcasecmp(h->name, "Content-Type") == 0;
}

static void set_headers(struct exchange *x)
{
	const struct http_request *r = x->request;
	curl_slist_free_all(x->headers);
	/* "Name:" keeps libcurl from adding its own. */
	x->headers = NULL;
	append(x, "Expect:");
	if (!http_headers_get(&r->headers, "Accept-Encoding"))
		append(x, "Accept-Encoding:");
	if (!http_headers_get(&r->headers, "Content-Type"))
		append(x, "Content-Type:");
	for (size_t i = 0; i < r->headers.count; i++) {
		if (goes_along(x, &r->headers.items[i]))
			add_line(x, r->headers.items[i].name, r->headers.items[i].value);
	}
	if (r->credentials.parameter && !x->foreign) {
		char *value = xasprintf("%s %s", http_scheme_name(r->credentials.scheme),
			r->credentials.parameter);
		add_line(x, "Authorization", value);
		explicit_bzero(value, strlen(value));
		free(value);
	}
	http_set(x->transfer.easy, CURLOPT_HTTPHEADER, x->headers);
}

static void set_digest(struct exchange *x)
{
	const struct http_credentials *c = &x->request->credentials;
	if (c->scheme != HTTP_DIGEST)
		return; /* the handle knows of nobody */
	bool on = !x->foreign && (x->request->safe || x->challenged);
	CURL *easy = x->transfer.easy;
	http_set(easy, CURLOPT_HTTPAUTH, on ? CURLAUTH_DIGEST : CURLAUTH_NONE);
	http_set(easy, CURLOPT_USERNAME, on ? c->username : NULL);
	http_set(easy, CURLOPT_PASSWORD, on ? c->secret : NULL);
}

static void set_method(struct exchange *x)
{
	const struct http_request *r = x->request;
	CURL *easy = x->transfer.easy;
	bool wants_body = !strcmp(r->method, "POST") || !strcmp(r->method, "PUT") ||
			  !strcmp(r->method, "PATCH");
	http_set(easy, CURLOPT_HTTPGET, 1L);
	http_set(easy, CURLOPT_CUSTOMREQUEST, NULL);
	if (x->asks) {
		http_set(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	if (r->has_body || wants_body) {
		http_set(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)r->body.len);
		http_set(easy, CURLOPT_POSTFIELDS, buf_text(&r->body));
	}
	if (strcmp(r->method, "HEAD") == 0)
		http_set(easy, CURLOPT_NOBODY, 1L);
	else
		http_set(easy, CURLOPT_CUSTOMREQUEST, r->method);
}

static void set_callbacks(struct exchange *x)
{
	CURL *easy = x->transfer.easy;
	http_set(easy, CURLOPT_HEADERFUNCTION, on_header);
	http_set(easy, CURLOPT_HEADERDATA, x);
	http_set(easy, CURLOPT_WRITEFUNCTION, on_body);
	http_set(easy, CURLOPT_WRITEDATA, x);
}

/* An attempt that must not be repeated goes over a connection of its own: a kept one may
 * be dead, and then nobody can tell whether the request arrived. */
static bool wants_fresh_connection(const struct exchange *x)
{
	return !x->request->safe &&
	       x->effect->task->metadata.on_uncertain != UNCERTAIN_RETRY;
}

/* From the first hop's turn on; a task with a timeout of its own is stopped by the
 * engine. */
static int64_t deadline_of(const struct effect *effect)
{
	int64_t timeout = effect->host->settings->http_timeout;
	if (effect->task->timeout.present)
		return 0;
	return clock_boottime() + (timeout > 0 ? timeout : HTTP_TIMEOUT);
}

/* Sets up the next hop; false if the time is up. */
static bool on_begin(struct http_transfer *t)
{
	struct exchange *x = (struct exchange *)t;
	CURL *easy = t->easy;
	if (!x->deadline)
		x->deadline = deadline_of(x->effect);
	int64_t left = x->deadline ? x->deadline - clock_boottime() : 0;
	if ((x->deadline && left < USEC_PER_MS) || !http_transfer_url(t, x->url))
		return false;
	t->deadline = x->deadline;
	http_set(easy, CURLOPT_FRESH_CONNECT, (long)wants_fresh_connection(x));
	/* What comes encoded is decoded, also what nobody asked for. */
	http_set(easy, CURLOPT_ACCEPT_ENCODING, "");
	set_method(x);
	set_callbacks(x);
	set_headers(x);
	set_digest(x);
	return true;
}

static void send_hop(struct exchange *x)
{
	http_answer_clear(&x->answer);
	x->unanswered = false;
	http_client_add(x->effect->host->http, &x->transfer);
}

/* ---- Outcomes ---- */

static void fail(struct exchange *x)
{
	struct effect *effect = x->effect;
	effect->state = NULL;
	destroy(x);
	effect_fail(effect);
}

static void fail_with(
	struct exchange *x, enum problem_type type, bool uncertain, const char *text)
{
	struct fault *f = effect_fault(x->effect);
	struct buf shown = {0};
	http_url_put_shown(&shown, x->url, x->arguments->secret_endpoint);
	fault_set(f, type, "%s %.400s: %s", x->request->method, buf_text(&shown), text);
	buf_finish(&shown);
	f->uncertain = uncertain && !x->request->safe;
	fail(x);
}

static void succeed(struct exchange *x)
{
	struct effect *effect = x->effect;
	buf_clear(&effect->output);
	if (!http_answer_output(&x->answer, x->request, x->url, effect)) {
		fail(x);
		return;
	}
	http_credentials_describe(&x->request->credentials, &effect->authorization);
	effect->state = NULL;
	destroy(x);
	effect_succeed(effect);
}

/* The same attempt begins again, if the run is still ours. */
static void postpone(struct exchange *x)
{
	struct effect *effect = x->effect;
	effect->waits = true;
	effect->wait_usec = LATE_REST;
	effect->state = NULL;
	destroy(x);
	effect_succeed(effect);
}

static void fail_with_status(struct exchange *x)
{
	http_answer_fault(
		&x->answer, x->effect->task, x->request, x->url, effect_fault(x->effect));
	fail(x);
}

static bool is_success(const struct exchange *x)
{
	int status = x->answer.status;
	if (status >= 300 && status <= 399)
		return x->arguments->redirect;
	if (status == 409)
		return x->effect->task->metadata.on_conflict == CONFLICT_SUCCESS;
	return status >= 200 && status <= 299;
}

/* The Location to go to, or NULL. */
static const char *redirect_of(const struct exchange *x)
{
	static const int statuses[] = {301, 302, 303, 307, 308};
	const char *method = x->request->method;
	if (!x->arguments->redirect || (strcmp(method, "GET") && strcmp(method, "HEAD")))
		return NULL;
	for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
		if (x->answer.status == statuses[i])
			return http_headers_get(&x->answer.headers, "Location");
	}
	return NULL;
}

static void follow(struct exchange *x, const char *location)
{
	struct error err = {0};
	char *next;
	if (x->hops++ == HTTP_REDIRECTS) {
		fail_with(x, PROBLEM_COMMUNICATION, false, "more than 5 redirects");
		return;
	}
	if (!http_url_follow(x->url, location, &next, &err)) {
		fail_with(x, PROBLEM_COMMUNICATION, false, err.text);
		return;
	}
	free(x->url);
	x->url = next;
	/* Once away, always away: what came back may have been steered from there. */
	x->foreign = x->foreign || !http_url_same_origin(next, x->request->url);
	if (x->foreign && x->request->has_body)
		fail_with(x, PROBLEM_COMMUNICATION, false,
			"a redirect to another origin, and the request has a body");
	else
		send_hop(x);
}

static bool is_challenge(const struct http_answer *a)
{
	for (size_t i = 0; a->status == 401 && i < a->headers.count; i++) {
		const struct http_header *h = &a->headers.items[i];
		if (strcasecmp(h->name, "WWW-Authenticate") == 0 &&
			http_challenge_offers(h->value, "Digest"))
			return true;
	}
	return false;
}

/* Whether the answer only says how to authenticate: the request goes out now. */
static bool is_preliminary(const struct exchange *x)
{
	bool digests = x->request->credentials.scheme == HTTP_DIGEST && !x->foreign &&
		       !x->request->safe;
	return digests && (x->asks || (!x->challenged && is_challenge(&x->answer)));
}

static void on_answer(struct exchange *x)
{
	const char *location = redirect_of(x);
	if (is_preliminary(x)) {
		x->challenged = is_challenge(&x->answer);
		x->asks = false;
		send_hop(x);
	} else if (location)
		follow(x, location);
	else if (!is_success(x))
		fail_with_status(x);
	else if (!http_answer_has_sound_length(&x->answer))
		fail_with(x, PROBLEM_COMMUNICATION, true,
			"the answer's Content-Length is not one length");
	else
		succeed(x);
}

/*
 * Too large an answer. An error status says all that is needed. A success is lost: that
 * the effect happened is likely, but its answer never came to an end, so for a method
 * that changes something the outcome is uncertain, and `onUncertain: fail` keeps it from
 * being sent again.
 */
static void on_too_large(struct exchange *x)
{
	char text[128];
	if (!is_success(x)) {
		fail_with_status(x);
		return;
	}
	snprintf(text, sizeof text,
		"answer larger than %zu bytes, the --body-limit of the worker",
		x->answer.body_limit);
	fail_with(x, PROBLEM_RUNTIME, true, text);
}

/* Nothing was sent to where it may not go: by this hop. */
static bool is_refusal(const struct http_transfer *t, CURLcode code)
{
	return *t->why->refused &&
	       (code == CURLE_COULDNT_CONNECT || code == CURLE_OPERATION_TIMEDOUT ||
		       code == CURLE_ABORTED_BY_CALLBACK);
}

static void on_end(struct http_transfer *t, CURLcode code)
{
	struct exchange *x = (struct exchange *)t;
	bool sent = x->effect->sent;
	bool secret = x->arguments->secret_endpoint; /* libcurl names host and port */
	const char *text =
		*t->why->error && !secret ? t->why->error : curl_easy_strerror(code);
	if (x->refused || (code == CURLE_OK && x->answer.headers_ended))
		on_answer(x);
	else if (code == CURLE_OK) /* libcurl does not mind headers that break off */
		fail_with(
			x, PROBLEM_COMMUNICATION, sent, "the answer's headers broke off");
	else if (x->answer.body_too_large)
		on_too_large(x);
	else if (x->answer.headers_too_large)
		fail_with(x, PROBLEM_COMMUNICATION, sent,
			"its answer has more than 200 header lines, or 64 KiB of them");
	else if (is_refusal(t, code))
		fail_with(x, PROBLEM_CONFIGURATION, false,
			secret ? "its address is refused" : t->why->refused);
	else if (code == CURLE_OPERATION_TIMEDOUT)
		fail_with(x, PROBLEM_TIMEOUT, sent, "no answer in time");
	else if (x->late)
		postpone(x);
	else if (code == CURLE_ABORTED_BY_CALLBACK)
		fail_with(x, PROBLEM_COMMUNICATION, sent,
			"the connection was lost before an answer");
	else
		fail_with(x, PROBLEM_COMMUNICATION, sent, text);
}

/* ---- Public ---- */

void http_exchange_start(struct effect *effect)
{
	const struct settings *settings = effect->host->settings;
	struct exchange *x = xcalloc(1, sizeof *x);
	effect->state = x;
	x->effect = effect;
	x->request = (const struct http_request *)effect->request;
	effect->safe = x->request->safe;
	x->arguments = effect->task->spec;
	x->url = xstrdup(x->request->url);
	x->answer.body_limit =
		settings->body_limit ? settings->body_limit : HTTP_BODY_LIMIT;
	x->transfer.on_begin = on_begin;
	x->transfer.on_end = on_end;
	x->asks = x->request->credentials.scheme == HTTP_DIGEST && !effect->safe;
	x->transfer.keeps = x->asks;
	x->transfer.settings = settings;
	x->transfer.on_send = on_send;
	x->transfer.reach = settings->reach;
	send_hop(x);
}

void http_exchange_stop(struct effect *effect)
{
	struct exchange *x = effect->state;
	if (!x)
		return;
	effect->state = NULL;
	destroy(x);
}
