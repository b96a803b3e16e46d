/*
 * Transactions of effects that were to take a run's entry along and were not committed,
 * as far as is known: the run looks at its journal again, each time a little later.
 */
#include "base/clock.h"
#include "base/log.h"
#include "worker/inside.h"

#define QUIET 5

bool owned_is_refused(const struct owned_run *o)
{
	return o->refusals > QUIET;
}

int64_t owned_refusal_usec(const struct owned_run *o)
{
	int64_t usec = 100 * USEC_PER_MS;
	for (int i = 1; i < o->refusals && usec < o->worker->options.lease; i++)
		usec *= 2;
	return usec < o->worker->options.lease ? usec : o->worker->options.lease;
}

void owned_refused(struct owned_run *o, const struct error *err)
{
	char id[UUID_TEXT];
	o->refusals++;
	o->rests = true;
	if (!owned_is_refused(o))
		return;
	uuid_format(o->id, id);
	log_line(LOG_WARNING,
		"run %s: its step's transaction was not committed %d times: %s", id,
		o->refusals, err->text);
}
