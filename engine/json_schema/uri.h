/* References to schemas, resolved as RFC 3986, section 5, says. */
#ifndef STEPWELL_JSON_SCHEMA_URI_H
#define STEPWELL_JSON_SCHEMA_URI_H

/* The reference against the base, its fragment kept. The base may be "" or relative: then
 * so may the result be. Caller frees. */
char *json_schema_uri_resolve(const char *base, const char *reference);
/* Cuts the fragment off the URI: returns it with its %XX resolved, but for %00; caller
 * frees. NULL if there was none. */
char *json_schema_uri_cut_fragment(char *uri);

#endif
