/*
 * The collected findings. Positions are computed once at the end, in one pass over the
 * text. The number of findings and their size are limited, because the text comes from
 * outside: ten bytes of it can be a finding, and a finding repeats all the keys above it.
 */
#include "validate/inspection.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BYTES_MAX = 16 << 20 };

static void add_word(struct names *names, const char *word)
{
	struct buf b = {0};
	json_put_text(&b, word);
	names_add(names, (struct json){b.data, b.len}, 0);
	buf_finish(&b);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

/* The names that loops, handlers and listeners give to what they bind, wherever: the
 * strings that are members of these names, found in one pass over the text. */
static void add_bound(struct names *names, struct json text)
{
	static const char *const binders[] = {"\"each\"", "\"at\"", "\"item\"", "\"as\""};
	const char *end = text.s + text.n;
	for (size_t i = 0; i < sizeof binders / sizeof *binders; i++) {
		size_t n = strlen(binders[i]);
		const char *p = text.s;
		while ((p = memmem(p, (size_t)(end - p), binders[i], n))) {
			p += n;
			while (p < end && (is_space(*p) || *p == ':'))
				p++;
			const char *from = p;
			if (p == end || *p != '"')
				continue;
			for (p++; *p != '"'; p++)
				p += *p == '\\';
			p++;
			names_add(names, (struct json){from, (size_t)(p - from)}, 0);
		}
	}
}

enum { DEFAULT_ITEM = 1, DEFAULT_INDEX = 2, DEFAULT_ERROR = 4 };

/* Those that the member of this name binds. What decides about a catch or a retry sees
 * $error, whatever the handler calls it. */
static unsigned defaults_of(struct json key, struct json v)
{
	bool loop = json_string_is(key, "for"), listener = json_string_is(key, "foreach");
	if (loop || listener)
		return (json_get(v, loop ? "each" : "item").s ? 0 : DEFAULT_ITEM) |
		       (json_get(v, "at").s ? 0 : DEFAULT_INDEX);
	if (json_string_is(key, "retries"))
		return DEFAULT_ERROR;
	if (json_string_is(key, "catch") &&
		(!json_get(v, "as").s || json_get(v, "when").s ||
			json_get(v, "exceptWhen").s || json_get(v, "retry").s))
		return DEFAULT_ERROR;
	return 0;
}

/* Which of $item, $index and $error are bound anywhere: where nobody gives a name. */
static unsigned find_defaults(struct json v)
{
	struct json_iter it = json_iter(v);
	struct json key, value;
	unsigned found = 0;
	while (json_type(v) == JSON_ARRAY && json_next_element(&it, &value))
		found |= find_defaults(value);
	while (json_type(v) == JSON_OBJECT && json_next_member(&it, &key, &value))
		found |= defaults_of(key, value) | find_defaults(value);
	return found;
}

/* alone: a function, of which nobody knows yet what is around it. */
static void add_arguments(struct names *names, struct json judged, bool alone)
{
	static const char *const arguments[] = {"authorization", "context", "input",
		"output", "runtime", "secrets", "steps", "task", "workflow"};
	static const char *const defaults[] = {"item", "index", "error"};
	unsigned found = alone ? ~0u : find_defaults(judged);
	for (size_t i = 0; i < sizeof arguments / sizeof *arguments; i++)
		add_word(names, arguments[i]);
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++) {
		if (found & 1u << i)
			add_word(names, defaults[i]);
	}
	add_bound(names, judged);
	names_sort(names);
}

/* Those that are declared, in an array. */
static void add_secrets(struct names *names, struct json list)
{
	struct json_iter it = json_iter(list);
	struct json name;
	while (json_type(list) == JSON_ARRAY && json_next_element(&it, &name)) {
		if (json_type(name) == JSON_STRING)
			names_add(names, name, names->count);
	}
	names_sort(names);
}

void inspection_init(
	struct inspection *in, const char *text, struct json judged, struct json document)
{
	static const char *const names[CATALOGS] = {
		[USE_AUTHENTICATIONS] = "authentications",
		[USE_ERRORS] = "errors",
		[USE_FUNCTIONS] = "functions",
		[USE_RETRIES] = "retries",
		[USE_TIMEOUTS] = "timeouts",
	};
	*in = (struct inspection){
		.text = text, .judged = judged, .invalid = FINDING_ERROR};
	struct json use = in->use = json_get(document, "use");
	for (int i = USE_NONE + 1; i < CATALOGS; i++) {
		if (names[i])
			names_add_members(&in->catalogs[i], json_get(use, names[i]));
	}
	add_secrets(&in->catalogs[USE_SECRETS], json_get(use, "secrets"));
	in->alone = !json_get(document, "document").s;
	add_arguments(&in->arguments, judged, in->alone);
	struct json mode = json_get(json_get(document, "evaluate"), "mode");
	in->loose = json_string_is(mode, "loose");
}

static void drop_from(struct inspection *in, size_t count)
{
	for (size_t i = count; i < in->count; i++) {
		free(in->items[i].finding.pointer);
		free(in->items[i].finding.text);
	}
	in->count = count;
}

void inspection_finish(struct inspection *in)
{
	drop_from(in, 0);
	free(in->items);
	for (int i = 0; i < CATALOGS; i++)
		names_finish(&in->catalogs[i]);
	names_finish(&in->arguments);
	names_finish(&in->tasks);
	*in = (struct inspection){0};
}

/* Control characters in a key become the signs for them, U+2400 and on: a pointer is one
 * line. */
static void put_pointer(const struct spot *place, struct buf *out)
{
	if (!place)
		return;
	put_pointer(place->up, out);
	if (!place->key.s) {
		buf_printf(out, "/%zu", place->index);
		return;
	}
	struct buf key = {0};
	json_string(place->key, &key);
	buf_putc(out, '/');
	for (size_t i = 0; i < key.len; i++) {
		char c = key.data[i];
		if (c == '~')
			buf_puts(out, "~0");
		else if (c == '/')
			buf_puts(out, "~1");
		else if ((unsigned char)c < 0x20)
			buf_printf(out, "\xE2\x90%c", 0x80 + c);
		else
			buf_putc(out, c);
	}
	buf_finish(&key);
}

/* Takes the text. */
static void keep(struct inspection *in, enum finding_class class,
	const struct spot *place, const char *at, char *text)
{
	if (in->count == in->cap) {
		in->cap = in->cap ? in->cap * 2 : 16;
		in->items = xrealloc(in->items, in->cap * sizeof *in->items);
	}
	struct buf pointer = {0};
	put_pointer(place, &pointer);
	struct found *found = &in->items[in->count];
	*found = (struct found){
		.finding = {.class = class, .pointer = buf_take(&pointer), .text = text},
		.offset = (size_t)(at - in->text),
		.number = in->count++};
	in->bytes += strlen(found->finding.pointer) + strlen(text);
}

static bool is_full(struct inspection *in)
{
	if (in->count < INSPECTION_MAX && in->bytes <= BYTES_MAX)
		return false;
	in->cut = true;
	return true;
}

void inspection_report(struct inspection *in, enum finding_class class,
	const struct spot *place, struct json at, const char *format, ...)
{
	in->errors += class == FINDING_ERROR;
	in->unsupported += class == FINDING_UNSUPPORTED;
	if (is_full(in))
		return;
	char text[1536];
	va_list args;
	va_start(args, format);
	size_t n = (size_t)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (n >= sizeof text) { /* cut, but not inside a character */
		for (n = sizeof text - 1;
			n > 0 && ((unsigned char)text[n - 1] & 0xC0) == 0x80;)
			n--;
		text[n ? n - 1 : 0] = '\0';
	}
	keep(in, class, place, at.s, xstrdup(text));
}

void inspection_suspect(
	struct inspection *in, const struct spot *place, struct json at, const char *text)
{
	in->suspected++;
	if (is_full(in))
		return;
	keep(in, FINDING_UNSUPPORTED, place, at.s,
		xasprintf("the expression does not compile: %s", text));
	in->items[in->count - 1].suspected = true;
}

struct inspection_mark inspection_mark(const struct inspection *in)
{
	return (struct inspection_mark){in->count, in->bytes, in->errors, in->unsupported,
		in->suspected, in->cut};
}

void inspection_rewind(struct inspection *in, struct inspection_mark mark)
{
	drop_from(in, mark.count);
	in->bytes = mark.bytes;
	in->errors = mark.errors;
	in->unsupported = mark.unsupported;
	in->suspected = mark.suspected;
	in->cut = mark.cut;
}

static void drop_suspected(struct inspection *in)
{
	size_t count = 0;
	for (size_t i = 0; i < in->count; i++) {
		struct found *found = &in->items[i];
		if (found->suspected) {
			free(found->finding.pointer);
			free(found->finding.text);
		} else {
			in->items[count++] = *found;
		}
	}
	in->count = count;
	in->suspected = 0;
}

static int compare_found(const void *a, const void *b)
{
	const struct found *x = a, *y = b;
	if (x->offset != y->offset)
		return x->offset < y->offset ? -1 : 1;
	return x->number < y->number ? -1 : x->number > y->number;
}

/* Each position is counted on from the one before it. */
static void set_positions(struct inspection *in)
{
	unsigned line = 1, column = 1;
	size_t offset = 0;
	for (size_t i = 0; i < in->count; i++) {
		struct found *found = &in->items[i];
		unsigned lines, columns;
		json_position(
			in->text + offset, found->offset - offset, &lines, &columns);
		column = lines == 1 ? column + columns - 1 : columns;
		line += lines - 1;
		offset = found->offset;
		found->finding.line = line;
		found->finding.column = column;
	}
}

void inspection_hand_over(struct inspection *in, struct findings *ret)
{
	if (in->errors + in->unsupported == 0)
		drop_suspected(in);
	in->unsupported += in->suspected;
	if (in->count > 1)
		qsort(in->items, in->count, sizeof *in->items, compare_found);
	set_positions(in);
	*ret = (struct findings){.errors = in->errors, .unsupported = in->unsupported};
	ret->items = xcalloc(in->count + 1, sizeof *ret->items);
	for (size_t i = 0; i < in->count; i++)
		ret->items[ret->count++] = in->items[i].finding;
	if (in->cut && ret->count) {
		struct finding *last = &ret->items[ret->count - 1];
		char *text = xasprintf("%s (more was found than is listed)", last->text);
		free(last->text);
		last->text = text;
	}
	in->count = 0;
}

const char *quote_json(struct json v, char *ret, size_t size)
{
	size_t n = v.n;
	const char *dots = "";
	if (n > size - 8) {
		n = size - 8;
		while (n > 0 && ((unsigned char)v.s[n] & 0xC0) == 0x80)
			n--;
		dots = *v.s == '"' ? "...\"" : "...";
	}
	snprintf(ret, size, "%.*s%s", (int)n, v.s, dots);
	return ret;
}

void guess_name(struct inspection *in, const struct names *names, struct json string,
	char ret[GUESS_SIZE])
{
	ret[0] = '\0';
	if (in->count >= INSPECTION_MAX) /* nobody will read it */
		return;
	const char *near = names_nearest(names, string);
	if (!near)
		return;
	struct buf b = {0};
	json_put_string(&b, near, strlen(near));
	snprintf(ret, GUESS_SIZE, "; did you mean %s?", buf_text(&b));
	buf_finish(&b);
}
