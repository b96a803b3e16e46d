/* The end of an effect. */
#include "definition/task.h"

#include <stdlib.h>

void effect_succeed(struct effect *effect)
{
	effect->succeeded = true;
	effect->on_done(effect);
}

void effect_fail(struct effect *effect)
{
	effect->succeeded = false;
	effect->on_done(effect);
}

struct fault *effect_fault(struct effect *effect)
{
	if (!effect->fault)
		effect->fault = xcalloc(1, sizeof *effect->fault);
	return effect->fault;
}

void effect_finish(struct effect *effect)
{
	buf_finish(&effect->output);
	buf_finish(&effect->authorization);
	free(effect->fault);
	free(effect->wait_reason);
	effect->wait_reason = NULL;
	effect->fault = NULL;
}
