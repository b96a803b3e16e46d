/* The scanner at the door, and all that reads what it has accepted. */
#include "fuzz.h"

#include <stdlib.h>
#include <string.h>

static void walk(struct json v)
{
	struct json_iter it = json_iter(v);
	struct json key = {0}, member;
	struct buf text = {0};
	int64_t number;
	bool object = json_type(v) == JSON_OBJECT;
	size_t count = 0;
	if (json_type(v) == JSON_STRING) {
		struct buf again = {0};
		struct json checked;
		json_string(v, &text);
		json_put_string(&again, text.data, text.len);
		must(json_check(again.data, again.len, NULL, &checked, NULL, NULL),
			"a string does not survive: %.*s", (int)v.n, v.s);
		buf_finish(&again);
		free(json_strdup(v));
	}
	buf_finish(&text);
	(void)json_int(v, &number);
	(void)json_truth(v);
	while (object ? json_next_member(&it, &key, &member)
		      : json_next_element(&it, &member)) {
		count++;
		must(member.s >= v.s && member.s + member.n <= v.s + v.n,
			"an element lies outside");
		if (object)
			walk(key);
		walk(member);
	}
	must(count == json_count(v), "%zu elements, not %zu", count, json_count(v));
}

static void check_canonical(struct json v)
{
	struct buf once = {0}, twice = {0};
	struct json again;
	struct error err = {0};
	json_canonical(v, &once);
	must(json_check(once.data, once.len, &(struct json_limits){.bytes = SIZE_MAX},
		     &again, NULL, &err),
		"the canonical form is no JSON: %s", err.text);
	json_canonical(again, &twice);
	must(once.len == twice.len && memcmp(once.data, twice.data, once.len) == 0,
		"two canonical forms: %s and %s", once.data, twice.data);
	buf_finish(&once);
	buf_finish(&twice);
}

/* Text, then a JSON Pointer. */
void fuzz_json(const char *data, size_t n)
{
	struct fuzz_parts in = fuzz_parts(data, n);
	size_t length, offset = 0;
	char *text = fuzz_part(&in, &length), *pointer = fuzz_part_text(&in);
	struct json v;
	struct error err = {0};
	unsigned line, column;
	if (json_check(text, length, NULL, &v, &offset, &err)) {
		walk(v);
		check_canonical(v);
		(void)json_pointer(v, pointer);
		(void)json_get(v, pointer);
	} else {
		must(err.kind == ERROR_INPUT && offset <= length, "%s", err.text);
		json_position(text, offset, &line, &column);
		must(line > 0 && column > 0, "line %u, column %u", line, column);
	}
	free(text);
	free(pointer);
}
