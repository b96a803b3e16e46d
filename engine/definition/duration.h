/*
 * Durations as documents, options and expressions write them, in microseconds. There is
 * one reader: what validate refuses, a computed duration cannot be either. All forms
 * share one bound, on their sum.
 */
#ifndef STEPWELL_DEFINITION_DURATION_H
#define STEPWELL_DEFINITION_DURATION_H

#include "base/clock.h"
#include "base/error.h"
#include "json/json.h"

/* A century. With it a time in this one stays far from the ends of int64_t and of a
 * timestamptz. */
#define DURATION_MAX (36600 * 86400LL * USEC_PER_SEC)

/*
 * Of the DSL: an object of "days" to "milliseconds", or ISO 8601 ("P1DT2H", "PT0.5S";
 * a year counts as 365 days, a month as 30). An error says why it is none.
 */
MUST_CHECK bool duration_read(struct json v, int64_t *ret_usec, struct error *err);

/* On the command line: 500ms, 2s, 5m, 1h, 7d, or ISO 8601. */
MUST_CHECK bool duration_parse(const char *text, int64_t *ret_usec);

#endif
