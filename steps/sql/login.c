/* The parts of a step under a login of its own that need no session: session.c */
#include "sql/login.h"

#include <stdio.h>
#include <string.h>

const char sql_login_startup[] =
	"-c role=none "
	"-c standard_conforming_strings=on -c array_nulls=on "
	"-c transform_null_equals=off -c quote_all_identifiers=off -c TimeZone=UTC "
	"-c DateStyle=ISO,MDY -c IntervalStyle=postgres -c bytea_output=hex "
	"-c extra_float_digits=1 -c xmloption=content "
	"-c default_transaction_isolation=read\\ committed "
	"-c default_transaction_read_only=off -c default_transaction_deferrable=off "
	"-c synchronous_commit=on -c exit_on_error=off -c client_min_messages=warning "
	"-c statement_timeout=60000 -c lock_timeout=10000 "
	"-c idle_in_transaction_session_timeout=60000 -c idle_session_timeout=0 "
	"-c row_security=on -c jit=off";

const char *sql_login_find(const struct settings *s, const char *namespace)
{
	size_t n = strlen(namespace);
	for (char **login = s->sql_logins; login && *login; login++) {
		if (strncmp(*login, namespace, n) == 0 && (*login)[n] == '=')
			return *login + n + 1;
	}
	return NULL;
}

bool sql_login_read_key(
	const struct db_batch *registration, struct signature_key *ret, struct error *err)
{
	if (registration->err.kind != ERROR_NONE) {
		*err = registration->err;
		return false;
	}
	const struct db_result *r =
		registration->statements[registration->count - 1].result;
	if (db_rows(r) && signature_read_key(db_text(r, 0, 0), ret))
		return true;
	return error_set(
		err, ERROR_PERMANENT, "there is no key to sign with: run wfctl migrate");
}

/* Columns of prepare_step. */
enum { LOGIN = 1, TRANSACTION, PROCESS };

void sql_login_read_signer(
	const struct db_result *prepared, struct uuid worker, struct signer *ret)
{
	snprintf(ret->transaction, sizeof ret->transaction, "%s",
		db_text(prepared, 0, TRANSACTION));
	snprintf(ret->process, sizeof ret->process, "%s", db_text(prepared, 0, PROCESS));
	snprintf(ret->login, sizeof ret->login, "%s", db_text(prepared, 0, LOGIN));
	ret->worker = worker;
}
