/*
 * One scalar of YAML as JSON text, by the core schema of YAML 1.2.2 (chapter 10.3.2).
 */
#ifndef STEPWELL_YAML_SCALAR_H
#define STEPWELL_YAML_SCALAR_H

#include "base/buf.h"
#include "base/error.h"

enum yaml_tag {
	YAML_TAG_NONE,   /* plain text is resolved, other text is a string */
	YAML_TAG_STRING, /* !!str, or the non-specific ! */
	YAML_TAG_NULL,
	YAML_TAG_BOOL,
	YAML_TAG_INT,
	YAML_TAG_FLOAT,
	YAML_TAG_MAP,
	YAML_TAG_SEQ,
	YAML_TAG_UNKNOWN,
};

enum yaml_tag yaml_tag(const char *text, size_t n);

struct yaml_text {
	const char *s;
	size_t n;
	bool plain; /* written without quotes and not as a block */
	enum yaml_tag tag;
};

/* Appends the JSON text. ERROR_INPUT if the text is not what the tag says, or has no JSON
 * form. */
MUST_CHECK bool yaml_scalar(
	const struct yaml_text *scalar, struct buf *out, struct error *err);

#endif
