/* URI templates and URLs: what is expanded and accepted is one URL and stays it. */
#include "fuzz.h"

#include "http/headers.h"
#include "http/uri_template.h"
#include "http/url.h"

#include <stdlib.h>
#include <string.h>

static void check_url(const char *text, const char *location)
{
	char *url, *again, *next;
	struct error err = {0};
	struct buf shown = {0};
	if (!http_url_check(text, strlen(text), &url, &err)) {
		must(err.kind == ERROR_INPUT && *err.text, "no reason");
		return;
	}
	must(http_url_check(url, strlen(url), &again, &err) && strcmp(url, again) == 0,
		"%s is accepted once: %s", url, err.text);
	must(http_url_same_origin(url, again), "%s has another origin than itself", url);
	for (const char *p = url; *p; p++)
		must((unsigned char)*p > 0x20 && (unsigned char)*p < 0x7f,
			"byte %d in a URL", *p);
	http_url_put_shown(&shown, url, false);
	http_url_put_shown(&shown, url, true);
	must(!strchr(buf_text(&shown), '?'), "a query is shown: %s", buf_text(&shown));
	buf_finish(&shown);
	if (http_url_follow(url, location, &next, &err)) {
		must(strncmp(next, "http", 4) == 0, "followed to %s", next);
		free(next);
	}
	free(again);
	free(url);
}

static void check_template(const char *text, struct json variables, const char *location)
{
	struct error err = {0};
	struct fault fault = {0};
	struct buf out = {0};
	if (!uri_template_check(text, &err)) {
		must(err.kind == ERROR_INPUT && *err.text, "no reason");
		return;
	}
	if (uri_template_expand(text, variables, &out, &fault))
		check_url(buf_text(&out), location);
	else
		must(*fault.detail, "no detail");
	buf_finish(&out);
}

/* A template, its variables, a Location, a header's value. */
void fuzz_url(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	char *text = fuzz_part_text(&in), *variables_text;
	struct json variables = fuzz_part_json(&in, &variables_text);
	char *location = fuzz_part_text(&in), *value = fuzz_part_text(&in);
	check_template(text, variables, location);
	check_url(text, location);
	if (http_value_is(value, strlen(value)))
		must(!strpbrk(value, "\r\n"), "a header breaks out of its line");
	(void)http_token_is(value, strlen(value));
	(void)http_media_is_json(value);
	free(text);
	free(variables_text);
	free(location);
	free(value);
}
