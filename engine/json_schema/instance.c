/* Names without escapes are not copied: they point into the instance's text. */
#include "json_schema/instance.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define TOKEN_MAX 80u /* bytes of a name that a pointer shows */
#define FEW 16u       /* names: fewer are read through */

void json_schema_instance_init(struct json_schema_instance *v, struct json text)
{
	*v = (struct json_schema_instance){.text = text, .type = json_type(text)};
}

void json_schema_instance_init_child(struct json_schema_instance *v,
	const struct json_schema_instance *parent, size_t index, bool is_name)
{
	assert(parent->is_listed && index < parent->count);
	json_schema_instance_init(
		v, is_name ? parent->names[index].raw : parent->values[index]);
	v->parent = parent;
	v->index = index;
	v->is_name = is_name;
}

static void read_name(struct json_schema_name *name, struct json key)
{
	if (memchr(key.s, '\\', key.n)) {
		json_schema_name_init(name, key);
		return;
	}
	name->raw = key;
	name->n = key.n - 2;
	name->text = (char *)key.s + 1; /* never written to */
}

void json_schema_instance_finish(struct json_schema_instance *v)
{
	for (size_t i = 0; v->names && i < v->count; i++) {
		if (v->names[i].text != v->names[i].raw.s + 1)
			json_schema_name_finish(&v->names[i]);
	}
	free(v->names);
	free(v->order);
	free(v->values);
	*v = (struct json_schema_instance){0};
}

static int compare_names(
	const struct json_schema_name *a, const struct json_schema_name *b)
{
	int order = memcmp(a->text, b->text, a->n < b->n ? a->n : b->n);
	return order ? order : (a->n > b->n) - (a->n < b->n);
}

static int compare_numbers(const void *a, const void *b, void *names)
{
	const struct json_schema_name *all = names;
	return compare_names(&all[*(const size_t *)a], &all[*(const size_t *)b]);
}

/* Each name of the schema is looked for in all of the object's. */
static void sort_names(struct json_schema_instance *v)
{
	v->order = xmalloc(v->count * sizeof *v->order);
	for (size_t i = 0; i < v->count; i++)
		v->order[i] = i;
	qsort_r(v->order, v->count, sizeof *v->order, compare_numbers, v->names);
}

void json_schema_instance_list(struct json_schema_instance *v)
{
	if (v->is_listed)
		return;
	struct json_iter it = json_iter(v->text);
	struct json key, value;
	bool is_object = v->type == JSON_OBJECT;
	size_t cap = 0;
	while (is_object ? json_next_member(&it, &key, &value)
			 : json_next_element(&it, &value)) {
		if (v->count == cap) {
			cap = cap ? 2 * cap : 8;
			v->values = xrealloc(v->values, cap * sizeof *v->values);
			if (is_object)
				v->names = xrealloc(v->names, cap * sizeof *v->names);
		}
		if (is_object)
			read_name(&v->names[v->count], key);
		v->values[v->count++] = value;
	}
	if (is_object && v->count > FEW)
		sort_names(v);
	v->is_listed = true;
}

size_t json_schema_instance_find(
	const struct json_schema_instance *v, const struct json_schema_name *name)
{
	assert(v->is_listed);
	size_t i = 0, end = v->count;
	if (!v->order) {
		while (i < v->count && compare_names(&v->names[i], name) != 0)
			i++;
		return i;
	}
	while (i < end) {
		size_t middle = i + (end - i) / 2;
		int order = compare_names(&v->names[v->order[middle]], name);
		if (order == 0)
			return v->order[middle];
		if (order < 0)
			i = middle + 1;
		else
			end = middle;
	}
	return v->count;
}

static void put_token(struct buf *out, const struct json_schema_name *name)
{
	buf_putc(out, '/');
	size_t n = name->n < TOKEN_MAX ? name->n : TOKEN_MAX;
	while (n < name->n && n > 0 && ((unsigned char)name->text[n] & 0xC0) == 0x80)
		n--;
	for (size_t i = 0; i < n; i++) {
		char c = name->text[i];
		if (c == '~' || c == '/')
			buf_puts(out, c == '~' ? "~0" : "~1");
		else if ((unsigned char)c < 0x20)
			buf_printf(out, "\\u%04x", (unsigned)c);
		else
			buf_putc(out, c);
	}
	if (n < name->n)
		buf_puts(out, "...");
}

static void put_path(const struct json_schema_instance *v, struct buf *out)
{
	if (!v->parent)
		return;
	put_path(v->parent, out);
	if (v->parent->type == JSON_OBJECT)
		put_token(out, &v->parent->names[v->index]);
	else
		buf_printf(out, "/%zu", v->index);
}

void json_schema_instance_pointer(const struct json_schema_instance *v, struct buf *out)
{
	size_t from = out->len;
	put_path(v, out);
	if (out->len == from)
		buf_puts(out, "(root)");
	if (v->is_name)
		buf_puts(out, " (the name)");
}
