/* Looking things up in compiled schemas. */
#include "json_schema/node.h"

#include "base/buf.h"

#include <stdlib.h>
#include <string.h>

const struct json_schema_rule *json_schema_node_rule(
	const struct json_schema_node *n, const char *keyword)
{
	for (size_t i = 0; i < n->nrules; i++) {
		if (strcmp(n->rules[i].keyword->name, keyword) == 0)
			return &n->rules[i];
	}
	return NULL;
}

const struct json_schema_anchor *json_schema_node_anchor(
	const struct json_schema_resource *r, const char *name)
{
	for (const struct json_schema_anchor *a = r->anchors; a; a = a->next) {
		if (strcmp(a->name, name) == 0)
			return a;
	}
	return NULL;
}

void json_schema_name_init(struct json_schema_name *name, struct json string)
{
	struct buf text = {0};
	json_string(string, &text);
	name->raw = string;
	name->n = text.len;
	name->text = buf_take(&text);
}

void json_schema_name_finish(struct json_schema_name *name)
{
	free(name->text);
	*name = (struct json_schema_name){0};
}

int json_schema_name_compare(
	const struct json_schema_name *a, const struct json_schema_name *b)
{
	int c = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
	return c ? c : (a->n > b->n) - (a->n < b->n);
}
