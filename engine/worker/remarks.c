/* What the log is told of a run. */
#include "worker/inside.h"

#include "base/log.h"

#include <stdlib.h>

void owned_say_remark(const struct owned_run *o)
{
	struct run *r = o->run;
	if (!r->remark)
		return;
	log_run(LOG_WARNING, r->id, "%s", r->remark);
	free(r->remark);
	r->remark = NULL;
}

/* What needs a person. (Who waits for a run alone says it himself.) */
void owned_say_stopped(const struct owned_run *o)
{
	const struct run *r = o->run;
	if (!worker_has_pool(o->worker))
		return;
	if (r->status == RUN_SUSPENDED)
		log_run(LOG_WARNING, o->id, "suspended: %s",
			r->reason ? r->reason : "it was asked for");
	if (r->status != RUN_FAULTED || !r->error)
		return;
	struct json error = value_json(r->error);
	char *title = json_strdup(json_get(error, "title"));
	char *instance = json_strdup(json_get(error, "instance"));
	log_run(LOG_WARNING, o->id, "faulted: %s (%lld)%s%s", title ? title : "error",
		(long long)run_error_status(r), instance && *instance ? " at " : "",
		instance ? instance : "");
	free(title);
	free(instance);
}
