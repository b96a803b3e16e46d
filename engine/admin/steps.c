/* A run's steps, and its journal entry by entry. */
#include "admin/runs.h"

#include "queries.h"

#include <stdlib.h>

static void read_step(const struct db_result *r, int row, struct admin_step *s)
{
	s->path = db_text(r, row, 0);
	s->reference = db_text(r, row, 1);
	s->name = db_text(r, row, 2);
	s->step_id = db_uuid(r, row, 3);
	if (!phase_parse(db_text(r, row, 4), &s->phase))
		s->phase = PHASE_RUNNING;
	s->attempts = db_int(r, row, 5);
	s->started_at = db_int(r, row, 6);
	s->ended_at = db_int(r, row, 7);
	s->output = db_is_null(r, row, 8) ? NULL : db_text(r, row, 8);
	s->error = db_is_null(r, row, 9) ? NULL : db_text(r, row, 9);
	s->uncertain = db_bool(r, row, 10);
	s->reason = db_is_null(r, row, 11) ? NULL : db_text(r, row, 11);
	s->ended_by = db_is_null(r, row, 12) ? NULL : db_text(r, row, 12);
	s->goes_on = db_bool(r, row, 13);
}

void admin_steps_finish(struct admin_steps *s)
{
	db_result_destroy(s->rows);
	free(s->items);
	*s = (struct admin_steps){0};
}

bool admin_find_steps(
	struct db_client *c, struct uuid run, struct admin_steps *ret, struct error *err)
{
	struct db_params p = {0};
	struct admin_steps steps = {0};
	db_add_uuid(&p, run);
	bool ok = db_client_query(c, sql_list_steps, &p, &steps.rows, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	steps.count = (size_t)db_rows(steps.rows);
	steps.items = xcalloc(steps.count + 1, sizeof *steps.items);
	for (size_t i = 0; i < steps.count; i++)
		read_step(steps.rows, (int)i, &steps.items[i]);
	*ret = steps;
	return true;
}

const struct admin_step *admin_held_step(const struct admin_steps *s)
{
	for (size_t i = s->count; i-- > 0;)
		if (s->items[i].phase == PHASE_SUSPENDED)
			return &s->items[i];
	return NULL;
}

bool admin_each_entry(struct db_client *c, struct uuid run, int64_t last,
	void (*on_row)(void *ctx, const struct admin_entry *e), void *ctx,
	struct error *err)
{
	for (int rows = 1; rows > 0;) {
		struct db_params p = {0};
		struct db_result *r;
		db_add_uuid(&p, run);
		db_add_int(&p, last);
		bool ok = db_client_query(c, sql_list_entries, &p, &r, err);
		db_params_finish(&p);
		if (!ok)
			return false;
		rows = db_rows(r);
		for (int row = 0; row < rows; row++) {
			struct admin_entry e = {
				.seq = db_int(r, row, 0),
				.at = db_int(r, row, 1),
				.kind = db_text(r, row, 2),
				.data = db_is_null(r, row, 3) ? NULL : db_text(r, row, 3),
			};
			on_row(ctx, &e);
			last = e.seq;
		}
		db_result_destroy(r);
	}
	return true;
}
