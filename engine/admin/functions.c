/* The default catalog. */
#include "admin/admin.h"

#include "queries.h"

#include <stdlib.h>
#include <string.h>

static void text_digest(struct json document, char out[65])
{
	struct buf canonical = {0};
	uint8_t sum[32];
	json_canonical(document, &canonical);
	digest_sha256(canonical.data, canonical.len, sum);
	digest_hex(sum, sizeof sum, out);
	buf_finish(&canonical);
}

bool admin_add_function(struct db_client *c, const struct admin_function *f,
	bool *ret_new, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	char digest[65];
	text_digest(f->document, digest);
	char *text = xstrndup(f->document.s, f->document.n);
	db_add_text(&p, f->name);
	db_add_text(&p, f->version);
	db_add_text(&p, digest);
	db_add_text(&p, text);
	bool ok = db_client_query(c, sql_add_function, &p, &r, err);
	db_params_finish(&p);
	free(text);
	if (!ok)
		return false;
	*ret_new = db_bool(r, 0, 0);
	bool same = strcmp(db_text(r, 0, 1), digest) == 0;
	db_result_destroy(r);
	if (!same)
		return error_set(err, ERROR_CONFLICT,
			"%s:%s@default is there with other content, and functions never "
			"change: give it another version",
			f->name, f->version);
	return true;
}

bool admin_find_function(struct db_client *c, const char *name, const char *version,
	char **ret, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	db_add_text(&p, name);
	db_add_text(&p, version);
	bool ok = db_client_query(c, sql_find_function, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	ok = db_rows(r) > 0;
	if (ok)
		*ret = xstrdup(db_text(r, 0, 0));
	else
		error_set(err, ERROR_INPUT,
			"the default catalog has no function %s:%s; add it with: wfctl "
			"apply "
			"--function %s:%s FILE",
			name, version, name, version);
	db_result_destroy(r);
	return ok;
}
