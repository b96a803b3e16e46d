/* Lists of what happens to events. */
#include "journal/event.h"

#include <stdlib.h>

void arrivals_destroy(struct arrival *a)
{
	while (a) {
		struct arrival *next = a->next;
		free(a->path);
		value_unref(a->event);
		free(a);
		a = next;
	}
}

void emissions_destroy(struct emission *e)
{
	while (e) {
		struct emission *next = e->next;
		free(e->source);
		free(e->id);
		free(e->type);
		free(e->subject);
		value_unref(e->event);
		free(e);
		e = next;
	}
}

void takings_destroy(struct taking *t)
{
	while (t) {
		struct taking *next = t->next;
		free(t->reference);
		free(t->filters);
		free(t);
		t = next;
	}
}

void readings_destroy(struct reading *r)
{
	while (r) {
		struct reading *next = r->next;
		free(r->path);
		free(r);
		r = next;
	}
}

void waitings_destroy(struct waiting *w)
{
	while (w) {
		struct waiting *next = w->next;
		free(w->path);
		free(w->reference);
		value_unref(w->waits);
		free(w);
		w = next;
	}
}
