/* Failed attempts, from the operations `faulted` and `lost`. */
#include "attempts.h"

#include "json/json.h"

#include <stdlib.h>
#include <string.h>

static void add(struct attempts *a, int64_t at, struct json op)
{
	bool lost = json_string_is(json_get(op, "op"), "lost");
	char *path = json_strdup(json_get(op, "path"));
	struct attempt x = {.path = path, .at = at, .place = a->count};
	struct json error = json_get(op, "error");
	if ((!lost && !json_string_is(json_get(op, "op"), "faulted")) || !path ||
		!*path || !json_int(json_get(op, "attempt"), &x.number)) {
		free(path);
		return;
	}
	x.uncertain = lost || json_truth(json_get(op, "uncertain"));
	x.error = error.s ? xstrndup(error.s, error.n) : NULL;
	if ((a->count & (a->count - 1)) == 0)
		a->items = xrealloc(a->items, (2 * a->count + 1) * sizeof *a->items);
	a->items[a->count++] = x;
}

static void on_entry(void *ctx, const struct admin_entry *e)
{
	struct json_limits limits = {.bytes = SIZE_MAX, .depth = 1000};
	struct json ops, op;
	if (!e->data ||
		(!strstr(e->data, "\"faulted\"") && !strstr(e->data, "\"lost\"")) ||
		!json_check(e->data, strlen(e->data), &limits, &ops, NULL, NULL))
		return;
	struct json_iter it = json_iter(ops);
	while (json_type(ops) == JSON_ARRAY && json_next_element(&it, &op))
		add(ctx, e->at, op);
}

static int compare(const void *a, const void *b)
{
	const struct attempt *x = a, *y = b;
	int order = strcmp(x->path, y->path);
	return order ? order : (x->place > y->place) - (x->place < y->place);
}

bool attempts_read(
	struct db_client *c, struct uuid run, struct attempts *ret, struct error *err)
{
	*ret = (struct attempts){0};
	if (!admin_each_entry(c, run, 0, on_entry, ret, err)) {
		attempts_finish(ret);
		return false;
	}
	if (ret->count > 1)
		qsort(ret->items, ret->count, sizeof *ret->items, compare);
	return true;
}

void attempts_finish(struct attempts *a)
{
	for (size_t i = 0; i < a->count; i++) {
		free(a->items[i].path);
		free(a->items[i].error);
	}
	free(a->items);
	*a = (struct attempts){0};
}

const struct attempt *attempts_of(
	const struct attempts *a, const char *path, size_t *ret_count)
{
	size_t from = 0, to = a->count;
	*ret_count = 0;
	while (from < to) {
		size_t middle = (from + to) / 2;
		if (strcmp(a->items[middle].path, path) < 0)
			from = middle + 1;
		else
			to = middle;
	}
	while (from + *ret_count < a->count &&
		strcmp(a->items[from + *ret_count].path, path) == 0)
		++*ret_count;
	return *ret_count ? &a->items[from] : NULL;
}
