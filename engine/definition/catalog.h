/*
 * Where functions outside of a document are: names of catalogs ("log:1.0.0@global"),
 * URLs, and the raw form of what GitHub and GitLab show as pages (dsl.md, "Catalogs").
 */
#ifndef STEPWELL_DEFINITION_CATALOG_H
#define STEPWELL_DEFINITION_CATALOG_H

#include "json/json.h"

/* NAME:VERSION@CATALOG or a URL; anything else is the name of a function of one's own. */
bool catalog_name_is(const char *text);

/* The URL of a function, by its name and the document's `use`; *ret NULL: it is in the
 * default catalog. ERROR_INPUT where the name is malformed or its catalog unknown. */
MUST_CHECK bool catalog_locate(
	struct json use, struct json name, char **ret, struct error *err);

/* Checks that it is a URL of http, https or file, and gives its raw form. */
MUST_CHECK bool catalog_raw_url(const char *url, char **ret, struct error *err);

/* The two parts of NAME:VERSION; false where it is none. Caller frees both. */
bool catalog_split(const char *text, size_t n, char **ret_name, char **ret_version);

#endif
