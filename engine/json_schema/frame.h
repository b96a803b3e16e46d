/*
 * A schema being applied to a place of an instance. Frames lie on the C stack, each
 * within the one that applied it: together they are the dynamic scope of $dynamicRef. A
 * frame collects which elements or members were evaluated, if it or the frame around it,
 * at the same place, has unevaluated*; a schema that fails gives nothing to the one
 * around it.
 */
#ifndef STEPWELL_JSON_SCHEMA_FRAME_H
#define STEPWELL_JSON_SCHEMA_FRAME_H

#include "json_schema/instance.h"

/* One call of json_schema_check. */
struct json_schema_run {
	uint64_t work;      /* left */
	unsigned quiet;     /* above 0: failures are not told */
	unsigned nfailures; /* told so far */
	struct buf failures;
	struct error stopped; /* why there is no answer; ERROR_NONE while all is well */
};

struct json_schema_frame {
	struct json_schema_run *run;
	const struct json_schema_frame *parent;
	unsigned depth;
	const struct json_schema_node *node;
	struct json_schema_instance *instance;
	const struct json_schema_rule *rule; /* being checked */
	bool *evaluated; /* one an element or member; NULL: nobody asks */
};

/* Applies a schema to the same place, an element or member, or a member's name. False: it
 * fails, and that was told, or there is no answer. */
bool json_schema_frame_root(struct json_schema_run *run,
	const struct json_schema_node *node, struct json_schema_instance *instance);
bool json_schema_frame_apply(
	struct json_schema_frame *f, const struct json_schema_node *node);
bool json_schema_frame_apply_child(
	struct json_schema_frame *f, const struct json_schema_node *node, size_t index);
bool json_schema_frame_apply_name(
	struct json_schema_frame *f, const struct json_schema_node *node, size_t index);
/* The same without telling; apply_child counts the child as evaluated in any case, this
 * one only if the schema holds. */
bool json_schema_frame_try(
	struct json_schema_frame *f, const struct json_schema_node *node);
bool json_schema_frame_try_child(
	struct json_schema_frame *f, const struct json_schema_node *node, size_t index);

/* Tells a failure of the rule being checked, if it is to be told; returns false. */
bool json_schema_frame_fail(struct json_schema_frame *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* No answer can be had; returns false. */
bool json_schema_frame_stop(struct json_schema_frame *f, const char *why);
bool json_schema_frame_is_stopped(const struct json_schema_frame *f);
/* Whether looking on after a failure can tell more. */
bool json_schema_frame_goes_on(const struct json_schema_frame *f);
/* Takes from the work that is left; false: stopped. */
MUST_CHECK bool json_schema_frame_spend(struct json_schema_frame *f, size_t work);

/* The value as failures show it: scalars cut to fit, "an array", "an object". */
struct json_schema_shown {
	char text[64];
};
struct json_schema_shown json_schema_frame_show(struct json v);

#endif
