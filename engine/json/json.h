/*
 * JSON as verified text. A strict scanner (RFC 8259, and RFC 7493 where it is stricter)
 * checks a text once, at the door; inside, a value is a `struct json`, a slice of
 * verified text that is passed on byte for byte. Nothing here rewrites numbers, strings
 * or the order of members.
 *
 * Slices borrow: they are valid as long as the text they point into. The reading
 * functions trust their argument and must never see text that json_check has not
 * accepted.
 */
#ifndef STEPWELL_JSON_JSON_H
#define STEPWELL_JSON_JSON_H

#include "base/buf.h"
#include "base/error.h"
#include "base/json_text.h"

enum json_type {
	JSON_NONE, /* absent: the zeroed slice */
	JSON_NULL,
	JSON_FALSE,
	JSON_TRUE,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json {
	const char *s; /* NULL: absent */
	size_t n;      /* bytes, without surrounding white space */
};

struct json_limits {
	size_t bytes;   /* largest text accepted; 0: JSON_BYTES_DEFAULT */
	unsigned depth; /* arrays and objects inside one another; 0: JSON_DEPTH_DEFAULT */
};

#define JSON_BYTES_DEFAULT (16u << 20)
#define JSON_DEPTH_DEFAULT 64u

#define JSON_LITERAL(text) ((struct json){(text), sizeof(text) - 1})

/*
 * Checks that the text is exactly one JSON value in valid UTF-8, without duplicate
 * members, unpaired surrogate escapes, a byte order mark, or more bytes or depth than the
 * limits (NULL: the defaults). On failure err is ERROR_INPUT with a text that ends in "at
 * line L, column C"; *ret_offset (may be NULL) is the byte where it stopped.
 */
MUST_CHECK bool json_check(const char *s, size_t n, const struct json_limits *limits,
	struct json *ret, size_t *ret_offset, struct error *err);

enum json_type json_type(struct json v);
bool json_is(struct json v, const char *text);        /* the very same bytes */
bool json_string_is(struct json v, const char *text); /* a string with this content */

/* The members of an object, or the elements of an array, in their order; asked for the
 * other kind it has none. */
struct json_iter {
	const char *p; /* NULL: at the end */
	bool object;
	const char *end; /* then: where it closes; NULL: it was never open */
};
struct json_iter json_iter(struct json array_or_object); /* empty for other types */
bool json_next_member(struct json_iter *it, struct json *ret_key, struct json *ret_value);
bool json_next_element(struct json_iter *it, struct json *ret_value);
/* The same without passing over a value to find its end, which takes its time where it is
 * long: the key alone, or (for elements) whether one is there; the value is then either
 * taken, or gone into and, when that iterator is at its end, left. */
bool json_next_key(struct json_iter *it, struct json *ret_key);
bool json_has_element(const struct json_iter *it);
struct json json_take(struct json_iter *it);
struct json_iter json_go_into(const struct json_iter *it);
void json_leave(struct json_iter *it, const struct json_iter *inner);

struct json json_get(struct json object, const char *key); /* absent if not there */
struct json json_at(struct json array, size_t index);
size_t json_count(struct json array_or_object); /* elements or members */
/* A value by JSON Pointer (RFC 6901), absent if not there. */
struct json json_pointer(struct json v, const char *pointer);
/* One reference token of a pointer, ~1 and ~0 resolved, in place of what is in `token`;
 * returns where it ends. */
const char *json_pointer_token(const char *p, struct buf *token);

/* The content of a string, escapes resolved, appended as UTF-8; it may contain NUL. */
void json_string(struct json v, struct buf *out);
/* The same as a new C string; caller frees. NULL unless v is a string. A NUL becomes
 * U+FFFD: whoever parses or compares the text sees that there is more than what is before
 * it. */
char *json_strdup(struct json v);
/* Where in the text of a string the byte `at` of its content is written; its closing
 * quote, if the content is no longer than that. */
const char *json_string_place(struct json v, size_t at);
/* An integer that fits exactly (1, -2, not 1.0 or 1e3). */
bool json_int(struct json v, int64_t *ret);
bool json_truth(struct json v); /* jq's: everything but null, false and absent */

/* Writing. */
void json_put(
	struct buf *out, struct json v); /* absent: null; see also base/json_text.h */

/* The canonical form: no white space, members sorted by the bytes of their keys, strings
 * with the fewest escapes, numbers as they stand. Equal documents have equal canonical
 * forms. */
void json_canonical(struct json v, struct buf *out);

/* Line and column (from 1, in characters) of a byte of a text. */
void json_position(
	const char *text, size_t offset, unsigned *ret_line, unsigned *ret_col);

#endif
