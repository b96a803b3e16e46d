/*
 * A place in an instance that schemas are being applied to. Its elements or members are
 * listed once, when first asked for, however many schemas look at them, and only for the
 * places on the way from the root: what is listed is freed with the place.
 */
#ifndef STEPWELL_JSON_SCHEMA_INSTANCE_H
#define STEPWELL_JSON_SCHEMA_INSTANCE_H

#include "json_schema/node.h"

struct json_schema_instance {
	struct json text;
	enum json_type type;
	const struct json_schema_instance *parent; /* NULL: the root */
	size_t index;                              /* in the parent */
	bool is_name; /* the name of that member, not its value */

	/* Of an array or an object, valid after json_schema_instance_list. */
	bool is_listed;
	size_t count;
	struct json *values;
	struct json_schema_name *names; /* objects; text may be a part of the text */
	size_t *order;                  /* of many names, by their bytes; or NULL */
};

void json_schema_instance_init(struct json_schema_instance *v, struct json text);
/* The element or member at an index of a listed one, or (is_name) its name. */
void json_schema_instance_init_child(struct json_schema_instance *v,
	const struct json_schema_instance *parent, size_t index, bool is_name);
void json_schema_instance_finish(struct json_schema_instance *v);

void json_schema_instance_list(struct json_schema_instance *v);
/* The index of a member of a listed object; count if it is not there. */
size_t json_schema_instance_find(
	const struct json_schema_instance *v, const struct json_schema_name *name);
/* Its JSON Pointer, in one line; "(root)" for the empty one. */
void json_schema_instance_pointer(const struct json_schema_instance *v, struct buf *out);

#endif
