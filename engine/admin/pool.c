/* The pool as a whole: how many runs there are, and who works on them. */
#include "admin/admin.h"

#include "queries.h"

static bool count_due(struct db_client *c, struct admin_pool *pool, struct error *err)
{
	struct db_result *r;
	if (!db_client_query(c, sql_count_due, NULL, &r, err))
		return false;
	pool->due = db_int(r, 0, 0);
	pool->oldest_due = db_int(r, 0, 1);
	pool->now = db_int(r, 0, 2);
	db_result_destroy(r);
	return true;
}

bool admin_find_pool(struct db_client *c, struct admin_pool *ret, struct error *err)
{
	struct admin_pool pool = {0};
	struct db_result *r;
	if (!db_client_query(c, sql_count_runs, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		enum phase phase;
		if (phase_parse(db_text(r, row, 0), &phase) && phase < PHASE_SKIPPED)
			pool.counts[phase] += db_int(r, row, 1);
	}
	db_result_destroy(r);
	if (!count_due(c, &pool, err))
		return false;
	*ret = pool;
	return true;
}

bool admin_each_worker(struct db_client *c,
	void (*on_row)(void *ctx, const struct admin_worker *w), void *ctx,
	struct error *err)
{
	struct db_result *r;
	if (!db_client_query(c, sql_list_workers, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++) {
		struct admin_worker w = {
			.id = db_uuid(r, row, 0),
			.host = db_text(r, row, 1),
			.pid = db_int(r, row, 2),
			.version = db_text(r, row, 3),
			.started_at = db_int(r, row, 4),
			.seen_at = db_int(r, row, 5),
			.expires_at = db_int(r, row, 6),
			.now = db_int(r, row, 7),
			.draining = db_bool(r, row, 8),
			.runs = db_int(r, row, 9),
		};
		on_row(ctx, &w);
	}
	db_result_destroy(r);
	return true;
}

bool admin_each_need(struct db_client *c,
	void (*on_row)(void *ctx, const char *need, int64_t runs), void *ctx,
	struct error *err)
{
	struct db_result *r;
	if (!db_client_query(c, sql_list_needs, NULL, &r, err))
		return false;
	for (int row = 0; row < db_rows(r); row++)
		on_row(ctx, db_text(r, row, 0), db_int(r, row, 1));
	db_result_destroy(r);
	return true;
}
