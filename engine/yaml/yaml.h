/*
 * YAML as a way to write JSON: a document of YAML 1.2 (core schema) becomes JSON text,
 * and every key and value of it remembers its place in the YAML. Inside there is only
 * JSON.
 *
 * Anchors, aliases and merge keys (<<) are expanded. Numbers keep their text where it is
 * a JSON number; +1, .5, 1., 0x1F and 0o17 become one. Refused: .inf and .nan, a leading
 * zero (readers of YAML disagree about it), tags other than the core ones, keys that are
 * not strings, duplicate keys, a second document, %YAML other than 1.2.
 */
#ifndef STEPWELL_YAML_YAML_H
#define STEPWELL_YAML_YAML_H

#include "base/buf.h"
#include "base/error.h"

/* libfyaml takes stack in proportion to some tokens: larger documents are for JSON. */
#define YAML_BYTES_MAX (4u << 20)

struct yaml_place {
	size_t offset;         /* of a key or a value in the JSON text */
	unsigned line, column; /* in the YAML, from 1; columns in characters */
};

struct yaml_map {
	struct yaml_place *places; /* by offset */
	size_t count, cap;
};

/*
 * Appends one line of JSON that json_check accepts. On failure err is ERROR_INPUT with a
 * text that ends in "at line L, column C" of the YAML, out is as it was, and the map has
 * that place only. Either way the caller finishes the map.
 */
MUST_CHECK bool yaml_to_json(const char *text, size_t n, struct buf *out,
	struct yaml_map *ret_map, struct error *err);
void yaml_map_finish(struct yaml_map *map);

/* The place of the key or value that the byte of the JSON text (from where yaml_to_json
 * began to append) belongs to; NULL if the map is empty. What came through an alias lies
 * at the anchor. */
const struct yaml_place *yaml_map_place(const struct yaml_map *map, size_t offset);
void yaml_map_position(const struct yaml_map *map, size_t offset, unsigned *ret_line,
	unsigned *ret_column); /* 1, 1 if it is empty */

struct yaml_source {
	const char *text; /* the YAML, n bytes */
	size_t n;
	const char *json; /* what became of it */
};

/* The same to the very character: inside a string, the place of that byte of it
 * (position.c). */
void yaml_find(const struct yaml_source *source, const struct yaml_map *map,
	size_t offset, unsigned *ret_line, unsigned *ret_column);

#endif
