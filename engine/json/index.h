/*
 * Members of objects and elements of arrays, found by halving: who looks many things up
 * in one large text reads it through once instead of once for each. Texts are verified
 * and borrowed until json_index_finish.
 */
#ifndef STEPWELL_JSON_INDEX_H
#define STEPWELL_JSON_INDEX_H

#include "json/json.h"

/* Zeroed, it is empty. */
struct json_index {
	void *places; /* tsearch's tree of what was looked into */
};

void json_index_finish(struct json_index *x);

/* As json_get, json_at (from the end if negative) and json_pointer. */
struct json json_index_get(struct json_index *x, struct json object, const char *key);
struct json json_index_at(struct json_index *x, struct json array, long index);
struct json json_index_pointer(struct json_index *x, struct json v, const char *pointer);

#endif
