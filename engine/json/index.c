/* Sorted by their bytes: no choice of names makes it slow. */
#include "json/index.h"

#include <limits.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#define SMALL 256 /* bytes of what is read through each time */

struct member {
	const char *name; /* of an array: NULL */
	size_t n;
	struct json value;
	char *owned; /* the name, where it is written with escapes */
};

struct place {
	const char *s; /* of the text: what it is known by */
	struct member *members;
	size_t count;
};

static int compare_places(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	return (x->s > y->s) - (x->s < y->s);
}

static int compare_members(const void *a, const void *b)
{
	const struct member *x = a, *y = b;
	int order = memcmp(x->name, y->name, x->n < y->n ? x->n : y->n);
	return order ? order : (x->n > y->n) - (x->n < y->n);
}

static void destroy(void *p)
{
	struct place *place = p;
	for (size_t i = 0; i < place->count; i++)
		free(place->members[i].owned);
	free(place->members);
	free(place);
}

void json_index_finish(struct json_index *x)
{
	tdestroy(x->places, destroy);
	x->places = NULL;
}

static struct member member_of(struct json key, struct json value)
{
	struct member m = {.value = value};
	if (!key.s)
		return m;
	m.name = key.s + 1;
	m.n = key.n - 2;
	if (memchr(m.name, '\\', m.n)) {
		struct buf text = {0};
		json_string(key, &text);
		m.n = text.len;
		m.name = m.owned = xstrndup(buf_text(&text), text.len);
		buf_finish(&text);
	}
	return m;
}

static void read_members(struct place *place, struct json v)
{
	bool object = json_type(v) == JSON_OBJECT;
	struct json_iter it = json_iter(v);
	struct json key = {0}, value;
	size_t cap = 0;
	while (object ? json_next_member(&it, &key, &value)
		      : json_next_element(&it, &value)) {
		if (place->count == cap) {
			cap = cap ? 2 * cap : 16;
			place->members =
				xrealloc(place->members, cap * sizeof *place->members);
		}
		place->members[place->count++] = member_of(key, value);
	}
	if (object && place->count)
		qsort(place->members, place->count, sizeof *place->members,
			compare_members);
}

static const struct place *place_of(struct json_index *x, struct json v)
{
	struct place wanted = {.s = v.s};
	struct place *const *found = tfind(&wanted, &x->places, compare_places);
	if (found)
		return *found;
	struct place *place = xcalloc(1, sizeof *place);
	place->s = v.s;
	read_members(place, v);
	(void)tsearch(place, &x->places, compare_places);
	return place;
}

struct json json_index_get(struct json_index *x, struct json object, const char *key)
{
	struct member wanted = {.name = key, .n = strlen(key)};
	if (json_type(object) != JSON_OBJECT || object.n < SMALL)
		return json_get(object, key);
	const struct place *place = place_of(x, object);
	const struct member *m = place->count
					 ? bsearch(&wanted, place->members, place->count,
						   sizeof wanted, compare_members)
					 : NULL;
	return m ? m->value : (struct json){0};
}

struct json json_index_at(struct json_index *x, struct json array, long index)
{
	if (json_type(array) != JSON_ARRAY)
		return (struct json){0};
	const struct place *place = place_of(x, array);
	size_t i = index < 0 ? place->count + (size_t)index : (size_t)index;
	return i < place->count ? place->members[i].value : (struct json){0};
}

static struct json at(struct json_index *x, struct json array, const char *token)
{
	char *end;
	size_t i = strtoul(token, &end, 10);
	if (!*token || *end || i > LONG_MAX)
		return (struct json){0};
	return array.n < SMALL ? json_at(array, i) : json_index_at(x, array, (long)i);
}

struct json json_index_pointer(struct json_index *x, struct json v, const char *pointer)
{
	struct buf token = {0};
	while (*pointer == '/' && v.s) {
		pointer = json_pointer_token(pointer + 1, &token);
		v = json_type(v) == JSON_ARRAY ? at(x, v, buf_text(&token))
					       : json_index_get(x, v, buf_text(&token));
	}
	buf_finish(&token);
	return v;
}
