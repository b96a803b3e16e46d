/*
 * Cases of validate: small documents, each with what must be said of it. Documents are
 * written with ' for " (neither stands in them otherwise).
 */
#ifndef STEPWELL_TESTS_VALIDATE_CASES_H
#define STEPWELL_TESTS_VALIDATE_CASES_H

#include "validate/validate.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define HEAD                                                                             \
	"{'document':{'dsl':'1.0.0','namespace':'test','name':'case','version':'0.1.0'}" \
	","
#define DO(tasks) HEAD "'do':[" tasks "]}"
#define TASK(body) DO("{'t':" body "}")
#define USE(use, tasks) HEAD "'use':" use ",'do':[" tasks "]}"
#define SQL(with) TASK("{'call':'sql','with':" with "}")

struct expectation {
	const char *text; /* the document */
	enum finding_class class;
	const char *pointer;
	const char *says; /* a part of the finding's text; NULL: nothing of that class */
};

static char *quoted(const char *text)
{
	char *s = xstrdup(text);
	for (char *p = s; (p = strchr(p, '\'')); p++)
		*p = '"';
	return s;
}

static size_t count_class(const struct findings *f, enum finding_class class)
{
	size_t n = 0;
	for (size_t i = 0; i < f->count; i++)
		n += f->items[i].class == class;
	return n;
}

static void expect(const struct expectation *e)
{
	char *text = quoted(e->text), *says = e->says ? quoted(e->says) : NULL;
	struct json document;
	struct findings f;
	validate(text, strlen(text), &document, &f);
	bool found = false;
	for (size_t i = 0; i < f.count; i++)
		found = found || (says && f.items[i].class == e->class &&
					 strcmp(f.items[i].pointer, e->pointer) == 0 &&
					 strstr(f.items[i].text, says));
	for (size_t i = 0; i < f.count && says && !found; i++)
		fprintf(stderr, "  found %d [%s] %s\n", (int)f.items[i].class,
			f.items[i].pointer, f.items[i].text);
	ck_assert_msg(!says || found, "%s: no \"%s\" at %s", text, says, e->pointer);
	if (!says)
		ck_assert_msg(count_class(&f, e->class) == 0, "%s: %s", text,
			f.count ? f.items[0].text : "");
	if (e->class != FINDING_ERROR)
		ck_assert_msg(f.errors == 0, "%s: %s", text, f.items[0].text);
	findings_finish(&f);
	free(text);
	free(says);
}

static void expect_all(const struct expectation *e, size_t n)
{
	for (size_t i = 0; i < n; i++)
		expect(&e[i]);
}

#define EXPECT(...)                                           \
	do {                                                  \
		const struct expectation e[] = {__VA_ARGS__}; \
		expect_all(e, sizeof e / sizeof *e);          \
	} while (0)
#define INVALID(t, p, s)               \
	{                              \
		t, FINDING_ERROR, p, s \
	}
#define UNSUPPORTED(t, p, s)                 \
	{                                    \
		t, FINDING_UNSUPPORTED, p, s \
	}
#define WARNING(t, p, s)                 \
	{                                \
		t, FINDING_WARNING, p, s \
	}
#define VALID(t)                             \
	{                                    \
		t, FINDING_ERROR, NULL, NULL \
	}
#define RUNS(t)                                    \
	{                                          \
		t, FINDING_UNSUPPORTED, NULL, NULL \
	}

#endif
