/* A table without lists: of two with the same place, the later one counts. */
#include "expression/verdicts.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

static unsigned place_of(const char *source)
{
	uint32_t h = 2166136261u;
	for (const char *p = source; *p; p++)
		h = (h ^ (unsigned char)*p) * 16777619u;
	return (h >> 8) % VERDICTS;
}

static void verdict_finish(struct verdict *v)
{
	free(v->source);
	free(v->fault);
	*v = (struct verdict){0};
}

void verdicts_finish(struct verdicts *v)
{
	for (unsigned i = 0; i < VERDICTS; i++)
		verdict_finish(&v->list[i]);
}

void verdicts_keep(struct verdicts *v, const char *source, const char *fault)
{
	if (strlen(source) > VERDICTS_BYTES || (fault && strlen(fault) > VERDICTS_BYTES))
		return;
	struct verdict *place = &v->list[place_of(source)];
	verdict_finish(place);
	place->source = xstrdup(source);
	place->fault = fault ? xstrdup(fault) : NULL;
}

const struct verdict *verdicts_find(const struct verdicts *v, const char *source)
{
	const struct verdict *place = &v->list[place_of(source)];
	return place->source && strcmp(place->source, source) == 0 ? place : NULL;
}
