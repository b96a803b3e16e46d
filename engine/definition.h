/*
 * A definition, ready to run: the document's text, its tasks compiled by their kinds, its
 * expressions in one program. Immutable; shared by all runs of it in this process.
 */
#ifndef STEPWELL_DEFINITION_H
#define STEPWELL_DEFINITION_H

#include "task.h"

struct definition {
	struct uuid id; /* from namespace, name, version and digest */
	char *text;     /* the document; all slices point here */
	struct json document;
	char *namespace, *name, *version;
	uint8_t digest[32]; /* SHA-256 of the canonical document */
	char **needs;       /* what a worker must have, NULL-ended, sorted */
	struct program *program;
	struct task root; /* the workflow itself: name "", reference "", a do */
	struct retry_policy *policies; /* all that its tasks refer to */
	unsigned refs;
};

/*
 * Compiles a document that `validate` finds without errors and supported in full. Text is
 * copied. version_suffix (may be NULL) is appended to the version, as build metadata:
 * "1.0.0" + "dev.1a2b3c". On failure ERROR_INPUT.
 */
MUST_CHECK bool definition_create(const char *text, size_t n, const char *version_suffix,
	struct definition **ret, struct error *err);
struct definition *definition_ref(struct definition *d);
void definition_unref(struct definition *d);

/* Tasks of this name whose outputs some expression asks for by $steps. */
bool definition_keeps_step(const struct definition *d, const char *name);

#endif
