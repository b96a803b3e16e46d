/* The pace of connecting: doubled with each failure up to a limit, and kept for the first
 * connections that succeed, or all workers of a pool would be back in the same moment. */
#include "db/pace.h"

#include "base/clock.h"

#define PACE_FIRST_MS 25u
#define PACE_MAX_MS 1200u
#define PACE_BACK 4 /* connections that are made slowly when the server is back */

int64_t db_pace_left(const struct db_pace *p)
{
	return p->next - clock_boottime();
}

/* From half of the base to one and a half. */
void db_pace_begin(struct db_pace *p)
{
	unsigned base = PACE_FIRST_MS << (p->failures < 6 ? p->failures : 6);
	base = base > PACE_MAX_MS ? PACE_MAX_MS : base;
	p->next = clock_boottime();
	if (p->failures)
		p->next += (int64_t)(base / 2 + random_u64() % base) * USEC_PER_MS;
}

void db_pace_failed(struct db_pace *p)
{
	p->failures++;
	p->successes = 0;
	db_pace_begin(p);
}

void db_pace_succeeded(struct db_pace *p)
{
	if (p->failures && ++p->successes >= PACE_BACK)
		p->failures = p->successes = 0;
	db_pace_begin(p);
}
