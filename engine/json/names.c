/*
 * Names are kept sorted, so that a list of many thousand tasks is looked up in by
 * halving. The distance is Levenshtein's with neighbours swapped as one step (optimal
 * string alignment).
 */
#include "json/names.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

enum {
	SECRET_NAME_BYTES = 128,
	WORD_MAX = 64,      /* longer names are not worth guessing at */
	NEAREST_MAX = 1000, /* names looked at for one guess */
	DISTANCE_FAR = 3,
};

void names_finish(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i].s);
	free(names->items);
	*names = (struct names){0};
}

void names_add(struct names *names, struct json string, size_t index)
{
	if (names->count == names->cap) {
		names->cap = names->cap ? names->cap * 2 : 8;
		names->items = xrealloc(names->items, names->cap * sizeof *names->items);
	}
	struct buf b = {0};
	json_string(string, &b);
	size_t n = b.len;
	names->items[names->count++] = (struct name){buf_take(&b), n, index};
}

static int compare_texts(const struct name *a, const struct name *b)
{
	int order = memcmp(a->s, b->s, a->n < b->n ? a->n : b->n);
	return order ? order : a->n < b->n ? -1 : a->n > b->n;
}

static int compare_names(const void *a, const void *b)
{
	const struct name *x = a, *y = b;
	int order = compare_texts(x, y);
	return order ? order : x->index < y->index ? -1 : x->index > y->index;
}

void names_sort(struct names *names)
{
	if (names->count > 1)
		qsort(names->items, names->count, sizeof *names->items, compare_names);
}

void names_add_members(struct names *names, struct json object)
{
	if (json_type(object) != JSON_OBJECT)
		return;
	struct json_iter it = json_iter(object);
	struct json key, value;
	while (json_next_member(&it, &key, &value))
		names_add(names, key, names->count);
	names_sort(names);
}

const struct name *names_find(const struct names *names, struct json string)
{
	struct buf b = {0};
	json_string(string, &b);
	size_t n = b.len;
	struct name wanted = {buf_take(&b), n, 0};
	size_t low = 0, high = names->count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_texts(&names->items[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	bool found =
		low < names->count && compare_texts(&names->items[low], &wanted) == 0;
	free(wanted.s);
	return found ? &names->items[low] : NULL;
}

static unsigned least(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static bool same_letter(char a, char b)
{
	return tolower((unsigned char)a) == tolower((unsigned char)b);
}

unsigned word_distance(const char *a, const char *b)
{
	size_t n = strlen(a), m = strlen(b);
	if (n > WORD_MAX || m > WORD_MAX || n > m + 2 || m > n + 2)
		return DISTANCE_FAR;
	unsigned rows[3][WORD_MAX + 1];
	for (size_t j = 0; j <= m; j++)
		rows[0][j] = (unsigned)j;
	for (size_t i = 1; i <= n; i++) {
		unsigned *row = rows[i % 3], *last = rows[(i + 2) % 3];
		const unsigned *before = rows[(i + 1) % 3];
		row[0] = (unsigned)i;
		for (size_t j = 1; j <= m; j++) {
			unsigned change = same_letter(a[i - 1], b[j - 1]) ? 0 : 1;
			row[j] = least(
				last[j - 1] + change, least(last[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
				same_letter(a[i - 2], b[j - 1]))
				row[j] = least(row[j], before[j - 2] + 1);
		}
	}
	return least(rows[n % 3][m], DISTANCE_FAR);
}

/* Keeps the better of two guesses: *distance is that of the best one so far. */
static void consider(
	const char *word, const char *text, const char **best, unsigned *distance)
{
	unsigned d = word_distance(text, word);
	size_t n = strlen(word), m = strlen(text);
	if (d < *distance && d * 2 <= (n > m ? n : m)) {
		*distance = d;
		*best = word;
	}
}

const char *names_nearest(const struct names *names, struct json string)
{
	char *text = json_strdup(string);
	const char *best = NULL;
	unsigned distance = DISTANCE_FAR;
	for (size_t i = 0; text && i < names->count && i < NEAREST_MAX; i++)
		consider(names->items[i].s, text, &best, &distance);
	free(text);
	return best;
}

const char *word_nearest(const char *const *words, struct json string)
{
	char *text = json_strdup(string);
	const char *best = NULL;
	unsigned distance = DISTANCE_FAR;
	for (; text && *words; words++)
		consider(*words, text, &best, &distance);
	free(text);
	return best;
}

bool word_is_one(const char *const *words, struct json string)
{
	for (; *words; words++) {
		if (json_string_is(string, *words))
			return true;
	}
	return false;
}

void word_put_all(const char *const *words, struct buf *out)
{
	for (size_t i = 0; words[i]; i++) {
		const char *divider = i == 0 ? "" : words[i + 1] ? ", " : " or ";
		buf_printf(out, "%s\"%s\"", divider, words[i]);
	}
}

bool secret_name_is(const char *s, size_t n)
{
	if (n == 0 || n > SECRET_NAME_BYTES || !isalnum((unsigned char)*s))
		return false;
	for (size_t i = 0; i < n; i++) {
		unsigned char c = (unsigned char)s[i];
		if (c >= 0x80 || (!isalnum(c) && (!c || !strchr("._-", c))))
			return false;
	}
	return true;
}
