/* Whose certificates are trusted besides those of the system's folder. */
#ifndef STEPWELL_HTTP_AUTHORITIES_H
#define STEPWELL_HTTP_AUTHORITIES_H

#include "base/error.h"

/* The file of them: what the settings say (or NULL), else SSL_CERT_FILE; NULL: none. */
const char *http_authorities(const char *given);
/* Whether the file that would be used can be read and holds a certificate: without one
 * each request by https would fail. ERROR_INPUT says where it was named. */
MUST_CHECK bool http_authorities_check(const char *given, struct error *err);

#endif
