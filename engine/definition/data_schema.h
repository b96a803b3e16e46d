/*
 * The schemas of the data flow: `input.schema`, `output.schema`, `export.schema`. Each is
 * compiled once per definition, whoever refers to it; its text stands in the definition,
 * or was pinned with it.
 */
#ifndef STEPWELL_DEFINITION_DATA_SCHEMA_H
#define STEPWELL_DEFINITION_DATA_SCHEMA_H

#include "definition/problem.h"
#include "json_schema/json_schema.h"

/* Those of a definition: tsearch(3) finds them by their text. */
void data_schemas_destroy(void *tree);

/* The formats that are JSON Schema of the draft that we have, NULL-ended. */
extern const char *const data_schema_formats[];
bool data_schema_has_format(struct json format); /* one of them, or absent */

/* Whether the URI (a string) is one that registration can read. */
MUST_CHECK bool data_schema_can_read(struct json uri, struct error *err);

/*
 * Whether the value, called `what` ("input"), fits; with NULL every value does. Otherwise
 * *ret_fault is a PROBLEM_VALIDATION that says where in the value and which keyword, or
 * that no answer can be had within the limits of json_schema/json_schema.h.
 */
MUST_CHECK bool data_schema_fits(const struct json_schema *s, const char *what,
	struct json value, struct fault *ret_fault);

#endif
