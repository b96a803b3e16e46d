/* Events from outside. */
#include "admin/admin.h"

#include "queries.h"

bool admin_emit(struct db_client *c, const char *event, bool *ret_new, struct error *err)
{
	struct db_params p = {0};
	struct db_result *r;
	db_add_text(&p, event);
	bool ok = db_client_query(c, sql_emit_event, &p, &r, err);
	db_params_finish(&p);
	if (!ok)
		return false;
	*ret_new = db_bool(r, 0, 0);
	db_result_destroy(r);
	return true;
}
