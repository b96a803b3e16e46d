/*
 * What a definition refers to outside of its document (functions of catalogs, functions,
 * API descriptions and schemas by URL) is read when it is registered, and pinned with it:
 * a catalog that changes later changes no registered definition.
 */
#ifndef STEPWELL_RESOLVE_H
#define STEPWELL_RESOLVE_H

#include "admin/admin.h"
#include "definition_file.h"

/* Puts the complete definition in the file's place. ways: how requests get out: reach,
 * ca_file, proxy. ERROR_INPUT says which reference is
 * wrong, and why. */
MUST_CHECK bool resolve_file(struct definition_file *f, struct db_client *c,
	const struct settings *ways, struct error *err);

/* A function's file (JSON or YAML) as checked JSON text; caller frees. */
MUST_CHECK bool resolve_function_text(
	const char *text, size_t n, struct json document, char **ret, struct error *err);

#endif
