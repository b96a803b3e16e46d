/* The schema: which migrations the database has, and bringing it up to date. Migrations
 * are applied once, in order; the functions and views of sql/api are replaced whenever
 * their text has changed. A new migration is a file in sql/migrations and a line in the
 * table here. */
#include "admin/admin.h"

#include "queries.h"

#include <string.h>

static const struct migration {
	int number;
	const char *name, *sql;
} migrations[] = {
	{1, "base", sql_migration_0001_base},
	{2, "reuse", sql_migration_0002_reuse},
	{3, "events", sql_migration_0003_events},
	{4, "child", sql_migration_0004_child},
	{5, "start", sql_migration_0005_start},
	{6, "suspects", sql_migration_0006_suspects},
	{7, "place", sql_migration_0007_place},
	{8, "database", sql_migration_0008_database},
	{11, "children", sql_migration_0011_children},
	{12, "orders", sql_migration_0012_orders},
	{13, "poison", sql_migration_0013_poison},
	{14, "missed", sql_migration_0014_missed},
	{15, "compiling", sql_migration_0015_compiling},
	{16, "lean", sql_migration_0016_lean},
	{17, "filter", sql_migration_0017_filter},
	{23, "sql", sql_migration_0023_sql},
	{25, "children_by_time", sql_migration_0025_children_by_time},
};

#define MIGRATIONS (sizeof migrations / sizeof *migrations)

static const char *const api[] = {sql_api_functions, sql_api_events, sql_api_steps,
	sql_api_retention, sql_api_views};

#define API_PARTS (sizeof api / sizeof *api)

static void api_digest(char out[65])
{
	struct buf text = {0};
	uint8_t sum[32];
	for (size_t i = 0; i < API_PARTS; i++)
		buf_puts(&text, api[i]);
	digest_sha256(text.data, text.len, sum);
	digest_hex(sum, sizeof sum, out);
	buf_finish(&text);
}

/* The number of the last migration (-1: no schema), and whether the functions are ours.
 */
static bool find_migration(
	struct db_client *c, int64_t *ret_number, bool *ret_same_api, struct error *err)
{
	char digest[65];
	struct db_result *r;
	if (!db_client_query(c, sql_find_schema, NULL, &r, err))
		return false;
	bool utf8 = strcmp(db_text(r, 0, 0), "UTF8") == 0, exists = db_bool(r, 0, 1);
	if (!utf8)
		error_set(err, ERROR_DENIED,
			"the database's encoding is %s, but Stepwell needs UTF8: create "
			"it with "
			"createdb --template=template0 --encoding=UTF8",
			db_text(r, 0, 0));
	db_result_destroy(r);
	*ret_number = -1;
	*ret_same_api = false;
	if (!utf8 || !exists)
		return utf8;
	if (!db_client_query(c, sql_find_migration, NULL, &r, err))
		return false;
	api_digest(digest);
	*ret_number = db_int(r, 0, 0);
	*ret_same_api = strcmp(db_text(r, 0, 1), digest) == 0;
	db_result_destroy(r);
	return true;
}

bool admin_schema_state(struct db_client *c, enum schema_state *ret, struct error *err)
{
	int64_t number, ours = migrations[MIGRATIONS - 1].number;
	bool same_api;
	if (!find_migration(c, &number, &same_api, err))
		return false;
	if (number < 0)
		*ret = SCHEMA_MISSING;
	else if (number != ours)
		*ret = number < ours ? SCHEMA_OLD : SCHEMA_NEWER;
	else
		*ret = same_api ? SCHEMA_CURRENT : SCHEMA_STALE;
	return true;
}

static bool note_migration(struct db_client *c, int number, const char *name,
	const char *digest, struct error *err)
{
	struct db_params p = {0};
	db_add_int(&p, number);
	db_add_text(&p, name);
	db_add_text(&p, digest);
	bool ok = db_client_query(c, sql_add_migration, &p, NULL, err);
	db_params_finish(&p);
	return ok;
}

static void migration_digest(const struct migration *m, char out[65])
{
	uint8_t sum[32];
	digest_sha256(m->sql, strlen(m->sql), sum);
	digest_hex(sum, sizeof sum, out);
}

static bool apply_migration(
	struct db_client *c, const struct migration *m, struct error *err)
{
	char digest[65];
	migration_digest(m, digest);
	if (!db_client_script(c, m->sql, err))
		return error_prefix(err, "migration %04d_%s", m->number, m->name);
	return note_migration(c, m->number, m->name, digest, err);
}

static bool apply_api(struct db_client *c, struct error *err)
{
	char digest[65];
	for (size_t i = 0; i < API_PARTS; i++)
		if (!db_client_script(c, api[i], err))
			return error_prefix(err, "functions and views");
	api_digest(digest);
	return note_migration(c, 0, "api", digest, err);
}

/* The first migration of a database: what it makes is its lock. */
static bool make_list(struct db_client *c, struct error *err)
{
	return db_client_query(c, sql_create_schema, NULL, NULL, err) &&
	       db_client_query(c, sql_create_migration, NULL, NULL, err);
}

/* Inside the transaction. */
static bool migrate(struct db_client *c, int *ret_applied, struct error *err)
{
	int64_t number;
	bool same_api;
	int applied = 0;
	if (!find_migration(c, &number, &same_api, err) || /* may refuse the database */
		(number < 0 && !make_list(c, err)) ||
		!db_client_query(c, sql_lock_schema, NULL, NULL, err) ||
		!find_migration(c, &number, &same_api, err))
		return false;
	if (number > migrations[MIGRATIONS - 1].number)
		return error_set(err, ERROR_DENIED,
			"the database's schema (%lld) is newer than this program (%d): "
			"use a newer "
			"wfctl",
			(long long)number, migrations[MIGRATIONS - 1].number);
	for (size_t i = 0; i < MIGRATIONS; i++) {
		if (migrations[i].number <= number)
			continue;
		if (!apply_migration(c, &migrations[i], err))
			return false;
		applied++;
	}
	*ret_applied = applied;
	return apply_api(c, err) &&
	       db_client_query(c, sql_rotate_secret, NULL, NULL, err) &&
	       db_client_query(c, sql_make_partitions, NULL, NULL, err);
}

bool admin_migrate(struct db_client *c, int *ret_applied, struct error *err)
{
	if (!admin_begin(c, err))
		return false;
	if (!migrate(c, ret_applied, err)) {
		admin_rollback(c);
		return false;
	}
	return admin_commit(c, err);
}

static void print_note(int number, const char *name, const char *digest, struct buf *out)
{
	buf_printf(out, "\nexecute note(%d, '%s', '%s');\n", number, name, digest);
}

void admin_schema_sql(struct buf *out)
{
	char digest[65];
	buf_printf(out, "begin;\n\n%s;\n\n%s;\n\nprepare note as\n%s;\n",
		sql_create_schema, sql_create_migration, sql_add_migration);
	for (size_t i = 0; i < MIGRATIONS; i++) {
		const struct migration *m = &migrations[i];
		buf_printf(
			out, "\n-- migration %04d_%s\n\n%s", m->number, m->name, m->sql);
		migration_digest(m, digest);
		print_note(m->number, m->name, digest, out);
	}
	for (size_t i = 0; i < API_PARTS; i++)
		buf_printf(out, "\n%s", api[i]);
	api_digest(digest);
	print_note(0, "api", digest, out);
	buf_printf(out, "\n%s;\n\n%s;\n\ndeallocate note;\ncommit;\n", sql_rotate_secret,
		sql_make_partitions);
}

bool admin_gc(struct db_client *c, int64_t older_than, bool dry_run, struct admin_gc *ret,
	struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	db_add_int(&p, older_than);
	db_add_bool(&p, dry_run);
	bool ok = db_client_query(c, sql_drop_history, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	*ret = (struct admin_gc){db_int(r, 0, 0), db_int(r, 0, 1), db_int(r, 0, 2)};
	db_result_destroy(r);
	return true;
}

/* ---- Rights ---- */

enum { GRANTS_NAMED = 3 };

/* A line of the list as what the owner of the schema says. */
static void put_grant(
	struct buf *out, const char *what, const char *right, const char *role)
{
	const char *name = strchr(what, ' ') + 1;
	bool schema = strncmp(what, "schema", 6) == 0;
	buf_printf(out, "grant %s on %s%s to %s", right,
		schema                              ? "schema "
		: strncmp(what, "function", 8) == 0 ? "function stepwell."
						    : "stepwell.",
		name, role);
}

bool admin_check_rights(struct db_client *c, struct error *err)
{
	struct db_result *r;
	struct db_peer peer;
	struct buf grants = {0};
	int missing = 0;
	if (!db_client_query(c, sql_list_missing_rights, NULL, &r, err))
		return false;
	db_client_peer(c, &peer);
	for (int row = 0; row < db_rows(r); row++) {
		if (!*db_text(r, row, 0) || !db_bool(r, row, 2) ||
			++missing > GRANTS_NAMED)
			continue;
		buf_puts(&grants, missing > 1 ? "; " : "");
		put_grant(&grants, db_text(r, row, 0), db_text(r, row, 1), peer.user);
	}
	if (missing > GRANTS_NAMED)
		buf_printf(&grants, "; and %d more, which wfctl doctor names",
			missing - GRANTS_NAMED);
	db_result_destroy(r);
	if (missing)
		error_set(err, ERROR_DENIED,
			"the role %s may not work on this database; the schema's owner "
			"has to say: %.800s",
			peer.user, grants.data);
	buf_finish(&grants);
	return missing == 0;
}
