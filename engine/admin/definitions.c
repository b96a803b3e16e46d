/* Registered definitions. */
#include "admin/admin.h"

#include "queries.h"

#include <string.h>

static void read_workflow(const struct db_result *r, int row, struct admin_definition *w)
{
	w->id = db_uuid(r, row, 0);
	w->namespace = db_text(r, row, 1);
	w->name = db_text(r, row, 2);
	w->version = db_text(r, row, 3);
	w->digest = db_text(r, row, 4);
	w->document = db_text(r, row, 5);
	w->created_at = db_int(r, row, 6);
}

void admin_definition_finish(struct admin_definition *w)
{
	db_result_destroy(w->rows);
	*w = (struct admin_definition){0};
}

static bool add_definition(
	struct db_client *c, const struct definition *d, bool *ret_new, struct error *err)
{
	struct db_params p = {0};
	struct db_array needs;
	struct db_result *r;
	char digest[65];
	digest_hex(d->digest, sizeof d->digest, digest);
	db_array_init(&needs, DB_OID_TEXT);
	for (char **need = d->needs; *need; need++)
		db_array_text(&needs, *need, strlen(*need));
	db_add_uuid(&p, d->id);
	db_add_text(&p, d->namespace);
	db_add_text(&p, d->name);
	db_add_text(&p, d->version);
	db_add_text(&p, digest);
	db_add_text(&p, d->text);
	db_add_array(&p, &needs);
	db_add_text(&p, d->resources_text);
	bool ok = db_client_query(c, sql_add_definition, &p, &r, err);
	db_array_finish(&needs);
	db_params_finish(&p);
	if (!ok)
		return false;
	*ret_new = db_rows(r) > 0;
	db_result_destroy(r);
	return true;
}

/* The version is there: with this content? */
static bool check_version(
	struct db_client *c, const struct definition *d, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	char digest[65];
	digest_hex(d->digest, sizeof d->digest, digest);
	db_add_text(&p, d->namespace);
	db_add_text(&p, d->name);
	db_add_text(&p, d->version);
	bool ok = db_client_query(c, sql_find_version, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	bool same = db_rows(r) > 0 && strcmp(db_text(r, 0, 0), digest) == 0;
	db_result_destroy(r);
	if (!same)
		return error_set(err, ERROR_CONFLICT,
			"%s/%s:%s is registered with other content, and registered "
			"versions never "
			"change: give the document another version",
			d->namespace, d->name, d->version);
	return true;
}

bool admin_apply(
	struct db_client *c, const struct definition *d, bool *ret_new, struct error *err)
{
	if (d->missing_count)
		return error_set(
			err, ERROR_INPUT, "%.200s is not resolved", d->missing[0].name);
	if (!add_definition(c, d, ret_new, err))
		return false;
	return *ret_new || check_version(c, d, err);
}

bool admin_find_definition(struct db_client *c, const char *name,
	struct admin_definition *ret, struct error *err)
{
	struct db_params p = {0};
	struct admin_definition w = {0};
	db_add_text(&p, name);
	bool ok = db_client_query(c, sql_find_definition, &p, &w.rows, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	read_workflow(w.rows, 0, &w);
	w.resources = db_is_null(w.rows, 0, 7) ? NULL : db_text(w.rows, 0, 7);
	*ret = w;
	return true;
}

bool admin_load_definition(struct db_client *c, const struct admin_definition *w,
	struct definition **ret, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	db_add_uuid(&p, w->id);
	bool ok = db_client_query(c, sql_load_definition, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	if (db_rows(r) == 0)
		ok = error_set(
			err, ERROR_NOT_FOUND, "its definition is not there any more");
	else
		ok = definition_create_with(
			(struct json){db_text(r, 0, 0), db_length(r, 0, 0)},
			db_is_null(r, 0, 2) ? NULL : db_text(r, 0, 2), NULL, ret, err);
	db_result_destroy(r);
	return ok;
}

bool admin_each_definition(struct db_client *c,
	void (*on_row)(void *ctx, const struct admin_definition *w), void *ctx,
	struct error *err)
{
	struct db_result *r;
	if (!db_client_query(c, sql_list_definitions, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		struct admin_definition w = {.runs = db_int(r, row, 7)};
		read_workflow(r, row, &w);
		on_row(ctx, &w);
	}
	db_result_destroy(r);
	return true;
}
