/*
 * The judgement of a document: the text is checked once, then walked along the tables of
 * the DSL (dsl.h). What a table cannot say is in flow_check.c, data_check.c and
 * mention_check.c.
 */
#include "validate/validate.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "validate/inspection.h"
#include "validate/shape_walk.h"

void findings_finish(struct findings *f)
{
	if (!f)
		return;
	for (size_t i = 0; i < f->count; i++) {
		free(f->items[i].pointer);
		free(f->items[i].text);
	}
	free(f->items);
	*f = (struct findings){0};
}

/* Whether it ends where it begins, with what may begin a document of YAML. */
static bool may_be_yaml(const char *text, size_t n, size_t offset)
{
	for (size_t i = 0; i < offset; i++) {
		if (!isspace((unsigned char)text[i]))
			return false;
	}
	return offset < n &&
	       (isalpha((unsigned char)text[offset]) || text[offset] == '-');
}

/* The error says the position in words too; a finding has it in numbers. */
static void not_json(const char *text, size_t n, size_t offset, struct error *err,
	struct findings *ret)
{
	char *at = strstr(err->text, " at line ");
	if (at)
		*at = '\0';
	struct finding finding = {.class = FINDING_ERROR};
	json_position(text, offset, &finding.line, &finding.column);
	finding.pointer = xstrdup("");
	finding.text = xasprintf("not JSON: %s%s", err->text,
		may_be_yaml(text, n, offset)
			? "; a file in YAML has a name that ends in .yaml"
			: "");
	*ret = (struct findings){.count = 1, .errors = 1};
	ret->items = xcalloc(1, sizeof *ret->items);
	ret->items[0] = finding;
}

static void judge(const char *text, size_t n, const struct json *document,
	const struct shape *shape, struct json *ret, struct findings *findings)
{
	struct error err = {0};
	size_t offset = 0;
	*ret = (struct json){0};
	if (!json_check(text, n, NULL, ret, &offset, &err)) {
		not_json(text, n, offset, &err, findings);
		return;
	}
	struct inspection in;
	inspection_init(&in, text, *ret, document ? *document : *ret);
	in.function = document != NULL;
	shape_walk(&in, shape, *ret, NULL);
	inspection_hand_over(&in, findings);
	inspection_finish(&in);
}

void validate(const char *text, size_t n, struct json *ret_document, struct findings *ret)
{
	judge(text, n, NULL, &schema_workflow, ret_document, ret);
}

void validate_function(const char *text, size_t n, struct json document,
	struct json *ret_function, struct findings *ret)
{
	judge(text, n, &document, &schema_task, ret_function, ret);
}
