/* The end of an effect. */
#include "task.h"

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
