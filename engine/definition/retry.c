/* When the next attempt is due. Backed off delays saturate at a day; jitter is added,
 * never taken off. */
#include "definition/retry.h"

#include "base/clock.h"

#define DELAY_MAX (86400 * USEC_PER_SEC)

static int64_t backed_off(const struct retry_policy *p, int64_t delay, int64_t retries)
{
	switch (p->backoff) {
	case BACKOFF_CONSTANT: return delay;
	case BACKOFF_LINEAR:
		if (delay <= DELAY_MAX / (retries + 1))
			return delay * (retries + 1);
		return delay > DELAY_MAX ? delay : DELAY_MAX;
	case BACKOFF_EXPONENTIAL:
		for (; retries > 0 && delay < DELAY_MAX; retries--)
			delay *= 2;
		return delay;
	}
	return delay;
}

bool retry_due(const struct retry_policy *p, const struct retry_terms *terms,
	int64_t retries, int64_t since, int64_t now, int64_t at_least, int64_t *ret_due)
{
	if (p->count >= 0 && retries >= p->count)
		return false;
	int64_t delay = backed_off(p, terms->delay, retries);
	int64_t spread = terms->jitter_to - terms->jitter_from;
	delay += terms->jitter_from;
	if (spread > 0)
		delay += (int64_t)(random_u64() % (uint64_t)(spread + 1));
	if (delay < at_least)
		delay = at_least;
	if (terms->duration >= 0 && now + delay - since >= terms->duration)
		return false;
	*ret_due = now + delay;
	return true;
}
