/* A list in the order of use. A compiled definition takes more than its text: tasks, some
 * hundred bytes for each member, and above all the programs of expressions. */
#include "worker/definitions.h"

#include "base/bounds.h"

#include <stdlib.h>

/* Measured. */
#define AT_LEAST ((size_t)64 << 10)
#define FOR_MEMBER 256u
#define FOR_PROGRAM ((size_t)10 << 10)

static void slot_destroy(struct definition_slot *s)
{
	definition_unref(s->definition);
	free(s);
}

void definitions_finish(struct definitions *d)
{
	while (d->head) {
		struct definition_slot *s = d->head;
		d->head = s->next;
		slot_destroy(s);
	}
	d->bytes = 0;
}

struct definition_slot *definitions_find(struct definitions *d, struct uuid id)
{
	struct definition_slot **p = &d->head, *s;
	while (*p && !uuid_equal((*p)->id, id))
		p = &(*p)->next;
	s = *p;
	if (!s || p == &d->head)
		return s;
	*p = s->next;
	s->next = d->head;
	d->head = s;
	return s;
}

static size_t estimate(const struct definition *d)
{
	size_t n = AT_LEAST + 2 * d->document.n + 2 * d->resources.n;
	n += FOR_PROGRAM * program_jq_count(d->program);
	for (size_t i = 0; i < d->document.n; i++)
		n += d->document.s[i] == ':' ? FOR_MEMBER : 0;
	return n;
}

void definitions_add(struct definitions *d, struct uuid id, const struct db_result *rows)
{
	struct definition_slot *s = xcalloc(1, sizeof *s);
	struct error err = {0};
	s->id = id;
	s->bytes = sizeof *s;
	if (db_rows(rows) == 0)
		fault_set(&s->fault, PROBLEM_CONFIGURATION,
			"its definition is not there any more");
	else if (db_is_null(rows, 0, 0))
		s->left = db_bool(rows, 0, 4) ? DEFINITION_PARKED : DEFINITION_ALONE;
	else if (!definition_create_with(
			 (struct json){db_text(rows, 0, 0), db_length(rows, 0, 0)},
			 db_is_null(rows, 0, 2) ? NULL : db_text(rows, 0, 2), NULL,
			 &s->definition, &err))
		fault_set(&s->fault, PROBLEM_CONFIGURATION,
			"this worker cannot read the definition: %.800s", err.text);
	else
		s->bytes = estimate(s->definition);
	d->bytes += s->bytes;
	s->next = d->head;
	d->head = s;
}

typedef bool (*is_awaited_function)(void *ctx, struct uuid id);

static bool is_used(
	const struct definition_slot *s, is_awaited_function is_awaited, void *ctx)
{
	return (s->definition && s->definition->refs > 1) || is_awaited(ctx, s->id);
}

static void forget_left(struct definitions *d, is_awaited_function is_awaited, void *ctx)
{
	for (struct definition_slot **p = &d->head, *s; (s = *p);) {
		if (!s->left || is_awaited(ctx, s->id)) {
			p = &s->next;
			continue;
		}
		*p = s->next;
		d->bytes -= s->bytes;
		slot_destroy(s);
	}
}

/* Of those that are not used, the first ones stay that there is room for. */
void definitions_trim(
	struct definitions *d, bool (*is_awaited)(void *ctx, struct uuid id), void *ctx)
{
	size_t kept = 0;
	forget_left(d, is_awaited, ctx);
	if (d->bytes <= BOUND_DEFINITIONS)
		return;
	for (const struct definition_slot *s = d->head; s; s = s->next)
		kept += is_used(s, is_awaited, ctx) ? s->bytes : 0;
	for (struct definition_slot **p = &d->head, *s; (s = *p);) {
		bool used = is_used(s, is_awaited, ctx);
		if (used || kept + s->bytes <= BOUND_DEFINITIONS) {
			kept += used ? 0 : s->bytes;
			p = &s->next;
			continue;
		}
		*p = s->next;
		d->bytes -= s->bytes;
		slot_destroy(s);
	}
}
