/*
 * What a worker signs that appends by a session which is not trusted: the function
 * stepwell.append_step (sql/api/steps.sql) makes the same message of what it was given,
 * and holds the same key.
 */
#ifndef STEPWELL_JOURNAL_SIGNATURE_H
#define STEPWELL_JOURNAL_SIGNATURE_H

#include "journal/entry.h"

struct signature_key {
	char bytes[64];
	size_t n;
};

/* Whose transaction it is: texts as the server gives them. */
struct signer {
	char transaction[24], process[16], login[64];
	struct uuid worker;
};

/* key from hexadecimal text; false where it is none. */
MUST_CHECK bool signature_read_key(const char *hex, struct signature_key *ret);
/* sha256(key || sha256(key || message)) over entries of one run, as hexadecimal bytea
 * text ("\x..."). */
#define SIGNATURE_TEXT (2 + 64 + 1)
void signature_make(const struct signature_key *key, const struct signer *signer,
	struct entry *const *entries, size_t count, char ret[SIGNATURE_TEXT]);

#endif
