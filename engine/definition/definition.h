/*
 * A definition, ready to run: the document's text, its tasks compiled by their kinds, its
 * expressions in one program. Immutable; shared by all runs of it in this process.
 */
#ifndef STEPWELL_DEFINITION_DEFINITION_H
#define STEPWELL_DEFINITION_DEFINITION_H

#include "definition/task.h"

#include <stdint.h>
enum reference_kind {
	REFERENCE_FUNCTION, /* one task */
	REFERENCE_DOCUMENT, /* JSON or YAML */
	REFERENCE_TEXT,     /* among the resources it is a string */
};

/* A resource outside of the document. */
struct resource {
	char *name; /* as the document gives it: its name among the resources */
	char *url;  /* where it is; NULL: in the default catalog */
	enum reference_kind kind;
	struct json authentication; /* the endpoint's, with a name resolved; or absent */
	char *from; /* the resource in which it stands; NULL: the document itself */
};

struct definition {
	struct uuid id; /* from namespace, name, version and digest */
	char *text;     /* the document; all slices point here */
	struct json document;
	char *namespace, *name, *version;
	uint8_t digest[32]; /* SHA-256 of the canonical document */
	char **needs;       /* what a worker must have, NULL-ended, sorted */
	bool listens;       /* some task waits for events */
	struct program *program;
	/* What was resolved when the definition was registered: its functions, API
	 * descriptions, schemas and scripts, as an object by the name or URL that the
	 * document gives. */
	char *resources_text; /* NULL: none */
	struct json resources;
	/* What the document names and resources lack; it cannot be run before. */
	struct resource *missing;
	size_t missing_count;
	struct task root; /* the workflow itself: name "", reference "", a do */
	struct retry_policy *policies; /* all that its tasks refer to */
	void *schemas;                 /* likewise: see data_schema.h */
	unsigned refs;
};

/*
 * Compiles a document that `validate` finds without errors and supported in full. Text is
 * copied. version_suffix (may be NULL) is appended to the version, as build metadata:
 * "1.0.0" + "dev.1a2b3c". On failure ERROR_INPUT.
 */
MUST_CHECK bool definition_create(const char *text, size_t n, const char *version_suffix,
	struct definition **ret, struct error *err);
/* The same with its resources, verified JSON text that is copied; NULL: none. */
MUST_CHECK bool definition_create_with(struct json document, const char *resources,
	const char *version_suffix, struct definition **ret, struct error *err);

/* What keeps a valid document from being run. */
struct definition_fault {
	size_t offset, n; /* the value, in bytes of the text; SIZE_MAX: elsewhere */
	size_t at;        /* the very byte of the text */
	bool expression;  /* jq does not take it */
	const char *text;
	struct json node, resources; /* where it is elsewhere: what was read for it */
};
typedef void (*definition_on_fault)(void *ctx, const struct definition_fault *fault);

/*
 * Compiles a document that `validate` finds supported in full, goes on after what it has
 * to refuse, and compiles the expressions too: all that is wrong is reported. Returns how
 * much that is; *ret is written only if it is nothing.
 */
unsigned definition_check(const char *text, size_t n, definition_on_fault on_fault,
	void *ctx, struct definition **ret);
/* The same with what was read for it, as in definition_create_with; its expressions wait
 * until nothing is missing. */
unsigned definition_check_with(struct json document, const char *resources,
	definition_on_fault on_fault, void *ctx, struct definition **ret);

/* Whether the value stands in the document itself, not in a resource. */
bool definition_has_place(const struct definition *d, struct json v);
struct definition *definition_ref(struct definition *d);
void definition_unref(struct definition *d);

#endif
