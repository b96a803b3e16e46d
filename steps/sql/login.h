/*
 * Logins of authors who are not trusted: `call: sql` steps of a namespace on the
 * journal's database, in sessions that may do nothing for us but call
 * stepwell.append_step, with what the worker has signed. What such a session is, the
 * worker's own connection records, which reads the key as well.
 */
#ifndef STEPWELL_SQL_LOGIN_H
#define STEPWELL_SQL_LOGIN_H

#include "definition/task.h"
#include "journal/signature.h"
#include "journal/store.h"

/* What text means and a commit does, whatever the login has set for itself. */
extern const char sql_login_startup[];

/* The conninfo of a namespace's login; NULL: it has none. */
const char *sql_login_find(const struct settings *s, const char *namespace);

/* Whether its answer has a key. */
MUST_CHECK bool sql_login_read_key(const struct db_batch *registration,
	struct signature_key *ret, struct error *err);

/* Who signs in the transaction that prepare_step began. */
void sql_login_read_signer(
	const struct db_result *prepared, struct uuid worker, struct signer *ret);

#endif
