/*
 * What a retry of a run would do, and whether it may: which step it goes on from, which
 * steps are answered by the journal, which are sent again and with which stepId.
 */
#ifndef STEPWELL_RETRY_PLAN_H
#define STEPWELL_RETRY_PLAN_H

#include "admin/runs.h"
#include "output.h"
#include "json/json.h"

struct retry_plan {
	struct admin_run run;
	struct admin_steps steps;
	struct admin_definition workflow;
	struct json document;            /* of the workflow */
	const struct admin_step *target; /* what failed or is held; NULL: none is known */
};

MUST_CHECK bool retry_plan_create(
	struct db_client *c, struct uuid id, struct retry_plan *ret, struct error *err);
void retry_plan_finish(struct retry_plan *p);

/* The run's state, and the key window of what would be sent again: an attempt whose
 * outcome is unknown and whose key its receiver may have forgotten needs `force`. Of a
 * step inside a function or an extension the engine judges. ERROR_CONFLICT. */
MUST_CHECK bool retry_plan_check(
	const struct retry_plan *p, bool force, struct error *err);
void retry_plan_print(const struct retry_plan *p, bool new_id, struct output_list *l);

/* What a retry of a run that faulted would come to, for a person: "goes on from ...", or
 * why the same error would come of it again; ret_helps: whether it is worth it. Caller
 * frees; NULL where nothing can be told. */
char *retry_outlook(struct db_client *c, const struct admin_run *run,
	const struct admin_steps *steps, bool *ret_helps);

#endif
