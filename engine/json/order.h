/*
 * jq's order of JSON values: null, false, true, numbers (as doubles), strings (by the
 * bytes of their content), arrays (element by element), objects (their sorted keys first,
 * then the values in the order of the keys).
 */
#ifndef STEPWELL_JSON_ORDER_H
#define STEPWELL_JSON_ORDER_H

#include "json/json.h"

/* Negative, 0 or positive. An absent value is null. */
int json_order(struct json a, struct json b);

#endif
