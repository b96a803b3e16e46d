/*
 * Canonical texts. Members are sorted by their decoded names, which are unique
 * (json/json.h), so the order is total.
 */
#include "json_schema/canonical.h"

#include "json_schema/number.h"

#include <stdlib.h>
#include <string.h>

struct member {
	char *name;
	size_t n;
	struct json value;
};

/* Where an element's canonical text lies. */
struct element {
	const struct buf *all;
	size_t from, n;
	size_t index;
};

static void canonical_string(struct json v, struct buf *out)
{
	struct buf text = {0};
	json_string(v, &text);
	json_put_string(out, buf_text(&text), text.len);
	buf_finish(&text);
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int c = memcmp(x->name, y->name, x->n < y->n ? x->n : y->n);
	return c ? c : (x->n > y->n) - (x->n < y->n);
}

static void canonical_object(struct json v, struct buf *out)
{
	size_t n = 0;
	struct member *members = xcalloc(json_count(v) + 1, sizeof *members);
	struct json_iter it = json_iter(v);
	struct json key, value;
	while (json_next_member(&it, &key, &value)) {
		struct buf name = {0};
		json_string(key, &name);
		members[n].n = name.len;
		members[n].name = buf_take(&name);
		members[n++].value = value;
	}
	qsort(members, n, sizeof *members, compare_members);
	buf_putc(out, '{');
	for (size_t i = 0; i < n; i++) {
		json_put_string(out, members[i].name, members[i].n);
		buf_putc(out, ':');
		json_schema_canonical(members[i].value, out);
		buf_putc(out, ',');
		free(members[i].name);
	}
	buf_putc(out, '}');
	free(members);
}

static void canonical_array(struct json v, struct buf *out)
{
	struct json_iter it = json_iter(v);
	struct json element;
	buf_putc(out, '[');
	while (json_next_element(&it, &element)) {
		json_schema_canonical(element, out);
		buf_putc(out, ',');
	}
	buf_putc(out, ']');
}

void json_schema_canonical(struct json v, struct buf *out)
{
	struct json_schema_number number;
	switch (json_type(v)) {
	case JSON_OBJECT: canonical_object(v, out); return;
	case JSON_ARRAY: canonical_array(v, out); return;
	case JSON_STRING: canonical_string(v, out); return;
	case JSON_NUMBER:
		number = json_schema_number(v);
		json_schema_number_canonical(&number, out);
		return;
	case JSON_NONE:
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE: json_put(out, v);
	}
}

static int compare_texts(const struct element *x, const struct element *y)
{
	if (x->n != y->n)
		return x->n < y->n ? -1 : 1;
	return memcmp(x->all->data + x->from, y->all->data + y->from, x->n);
}

static int compare_elements(const void *a, const void *b)
{
	const struct element *x = a, *y = b;
	int c = compare_texts(x, y);
	return c ? c : (x->index > y->index) - (x->index < y->index);
}

bool json_schema_canonical_pair(
	const struct json *values, size_t n, size_t *ret_i, size_t *ret_j)
{
	struct buf all = {0};
	struct element *elements = xcalloc(n + 1, sizeof *elements);
	for (size_t i = 0; i < n; i++) {
		size_t from = all.len;
		json_schema_canonical(values[i], &all);
		elements[i] = (struct element){&all, from, all.len - from, i};
	}
	qsort(elements, n, sizeof *elements, compare_elements);
	bool found = false;
	for (size_t i = 1; i < n && !found; i++) {
		found = compare_texts(&elements[i - 1], &elements[i]) == 0;
		if (found) {
			*ret_i = elements[i - 1].index;
			*ret_j = elements[i].index;
		}
	}
	free(elements);
	buf_finish(&all);
	return found;
}
