/* Reference-counted JSON text; one thread, so plain counters. */
#include "json/value.h"

#include <stdlib.h>
#include <string.h>

struct value *value_create(struct json text)
{
	struct value *v = xmalloc(sizeof *v + text.n + 1);
	*v = (struct value){.refs = 1, .seq = -1, .n = text.n};
	memcpy(v->s, text.s, text.n);
	v->s[text.n] = '\0';
	return v;
}

struct value *value_ref(struct value *v)
{
	if (v)
		v->refs++;
	return v;
}

void value_unref(struct value *v)
{
	if (v && --v->refs == 0)
		free(v);
}

void value_set(struct value **slot, struct value *v)
{
	value_unref(*slot);
	*slot = v;
}

struct json value_json(const struct value *v)
{
	return v ? (struct json){v->s, v->n} : JSON_LITERAL("null");
}
