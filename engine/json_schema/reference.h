/* $ref and $dynamicRef: from the text of a reference to the node that it means. */
#ifndef STEPWELL_JSON_SCHEMA_REFERENCE_H
#define STEPWELL_JSON_SCHEMA_REFERENCE_H

#include "json_schema/loader.h"

/* May read further documents and places. What it leads to is the rule's one branch; a
 * $dynamicRef to a $dynamicAnchor also gets rule->anchor. */
MUST_CHECK bool json_schema_reference_resolve(
	struct json_schema_loader *l, struct json_schema_rule *rule, struct error *err);

#endif
