/* A file is judged by the reader that a TLS session will use for it. */
#include "http/authorities.h"

#include <errno.h>
#include <openssl/err.h>
#include <openssl/x509_vfy.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *http_authorities(const char *given)
{
	const char *file = given ? given : getenv("SSL_CERT_FILE");
	return file && *file ? file : NULL;
}

static bool holds_certificate(const char *file)
{
	X509_STORE *store = X509_STORE_new();
	bool holds = store && X509_STORE_load_file(store, file) == 1;
	X509_STORE_free(store);
	ERR_clear_error();
	return holds;
}

bool http_authorities_check(const char *given, struct error *err)
{
	const char *file = http_authorities(given);
	const char *where = given ? "--ca-file" : "SSL_CERT_FILE";
	if (!file)
		return true;
	if (access(file, R_OK) != 0)
		return error_set(
			err, ERROR_INPUT, "%s: %s: %s", where, file, strerror(errno));
	return holds_certificate(file) ||
	       error_set(err, ERROR_INPUT,
		       "%s: %s holds no certificate in PEM, so nothing by https would "
		       "be trusted",
		       where, file);
}
