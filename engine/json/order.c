/* Compares where the values stand; only strings with escapes and the keys of objects are
 * copied. As deep as json_check lets values be. */
#include "json/order.h"

#include <stdlib.h>
#include <string.h>

static int rank(struct json v)
{
	enum json_type type = json_type(v);
	return type == JSON_NONE ? JSON_NULL : (int)type;
}

static double number_of(struct json v)
{
	char text[64];
	if (v.n < sizeof text) {
		memcpy(text, v.s, v.n);
		text[v.n] = '\0';
		return strtod(text, NULL);
	}
	char *copy = xstrndup(v.s, v.n);
	double d = strtod(copy, NULL);
	free(copy);
	return d;
}

static int compare_numbers(struct json a, struct json b)
{
	double x = number_of(a), y = number_of(b);
	return (x > y) - (x < y);
}

static int compare_bytes(const char *a, size_t na, const char *b, size_t nb)
{
	size_t n = na < nb ? na : nb;
	int order = n ? memcmp(a, b, n) : 0;
	return order ? order : (na > nb) - (na < nb);
}

static int compare_strings(struct json a, struct json b)
{
	struct buf x = {0}, y = {0};
	if (!memchr(a.s, '\\', a.n) && !memchr(b.s, '\\', b.n))
		return compare_bytes(a.s + 1, a.n - 2, b.s + 1, b.n - 2);
	json_string(a, &x);
	json_string(b, &y);
	int order = compare_bytes(buf_text(&x), x.len, buf_text(&y), y.len);
	buf_finish(&x);
	buf_finish(&y);
	return order;
}

static int compare_arrays(struct json a, struct json b)
{
	struct json_iter x = json_iter(a), y = json_iter(b);
	struct json v, w;
	for (;;) {
		bool more = json_next_element(&x, &v), others = json_next_element(&y, &w);
		if (!more || !others)
			return more - others;
		int order = json_order(v, w);
		if (order)
			return order;
	}
}

struct pair {
	struct json key, value;
};

static int compare_keys(const void *a, const void *b)
{
	return compare_strings(
		((const struct pair *)a)->key, ((const struct pair *)b)->key);
}

static struct pair *sorted_pairs(struct json object, size_t *ret_count)
{
	size_t n = json_count(object), i = 0;
	struct pair *pairs = xcalloc(n + 1, sizeof *pairs);
	struct json_iter it = json_iter(object);
	while (json_next_member(&it, &pairs[i].key, &pairs[i].value))
		i++;
	qsort(pairs, n, sizeof *pairs, compare_keys);
	*ret_count = n;
	return pairs;
}

static int compare_objects(struct json a, struct json b)
{
	size_t na, nb;
	struct pair *x = sorted_pairs(a, &na), *y = sorted_pairs(b, &nb);
	size_t n = na < nb ? na : nb;
	int order = 0;
	for (size_t i = 0; !order && i < n; i++)
		order = compare_keys(&x[i], &y[i]);
	if (!order)
		order = (na > nb) - (na < nb);
	for (size_t i = 0; !order && i < n; i++)
		order = json_order(x[i].value, y[i].value);
	free(x);
	free(y);
	return order;
}

int json_order(struct json a, struct json b)
{
	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	switch (json_type(a)) {
	case JSON_NONE:
	case JSON_NULL:
	case JSON_FALSE:
	case JSON_TRUE: return 0;
	case JSON_NUMBER: return compare_numbers(a, b);
	case JSON_STRING: return compare_strings(a, b);
	case JSON_ARRAY: return compare_arrays(a, b);
	case JSON_OBJECT: return compare_objects(a, b);
	}
	return 0;
}
