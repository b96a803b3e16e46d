/*
 * Which children have ended: a run that waits for some is woken when one ends, asks which
 * of them it was not told of, and looks at those alone. The answer is kept with the child
 * (run.untold) until its task has been left, so that it is asked for again after a crash,
 * and not otherwise.
 */
#include "worker/inside.h"

#include "base/log.h"
#include "journal/store.h"

#include <stdlib.h>
#include <string.h>

/* Columns of list_ended.sql. */
enum { PARENT, CHILD, PATH };

static bool waits_for_child(const struct frame *f)
{
	return f->state == FRAME_WAITING && f->due == DUE_WOKEN;
}

void children_ask(struct owned_run *o)
{
	o->asks = true;
	o->worker->ask_wanted = true;
}

void children_expect(struct owned_run *o)
{
	struct frame *root = o->run->root;
	for (struct frame *f = root; f; f = frame_after(f, root)) {
		if (!waits_for_child(f))
			continue;
		f->asked = true; /* only whose child has ended looks */
		if (!o->asks)
			children_ask(o);
	}
}

/* Whether the parent needs to be told no more. */
static bool tell(struct owned_run *o, struct uuid child, const char *path)
{
	char id[UUID_TEXT], ours[UUID_TEXT];
	struct frame *f = run_find(o->run, path);
	if (!f)
		return true;
	uuid_format(child, id);
	run_step_id(o->run, f, ours);
	if (strcmp(id, ours) != 0)
		return true; /* of another generation */
	if (waits_for_child(f)) {
		f->asked = false;
		agenda_touch(f);
	}
	return false;
}

static void on_told(struct db_batch *b)
{
	struct worker *w = b->ctx;
	w->loads--;
	db_batch_destroy(b); /* if it failed, they are listed again */
	worker_check_done(w);
}

static void tell_all(struct worker *w, const struct db_result *rows)
{
	size_t n = 0;
	struct uuid *told = xcalloc((size_t)db_rows(rows) + 1, sizeof *told);
	for (int row = 0; row < db_rows(rows); row++) {
		struct owned_run *o = owned_find(w, db_uuid(rows, row, PARENT));
		struct uuid child = db_uuid(rows, row, CHILD);
		if (!o || o->state != OWNED_LIVE)
			continue;
		/* That its task has been left must be durable first. */
		bool durable = outbox_is_clear(&o->outbox) && o->run->op_count == 0;
		if (tell(o, child, db_text(rows, row, PATH)) && durable)
			told[n++] = child;
	}
	if (n) {
		struct db_batch *b = db_batch_create(on_told, w);
		store_mark_told(b, told, n);
		w->loads++;
		db_send(w->control, b);
	}
	free(told);
}

static void on_ended(struct db_batch *b)
{
	struct worker *w = b->ctx;
	bool ok = b->err.kind == ERROR_NONE;
	w->asking = false;
	if (ok)
		tell_all(w, b->statements[0].result);
	else
		log_line(LOG_WARNING, "ended children: %s", b->err.text);
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (struct owned_run *o = w->buckets[i]; o; o = o->hash_next) {
			if (!o->asking)
				continue;
			o->asking = false;
			o->asks |= !ok;
			if (o->state == OWNED_LIVE)
				owned_wake(o);
		}
	}
	db_batch_destroy(b);
	worker_check_done(w);
}

void children_look(struct worker *w)
{
	size_t count = 0;
	if (w->asking || !w->ask_wanted || w->stopped || !db_is_up(w->control))
		return;
	struct uuid *ids = xcalloc(w->owned_count + 1, sizeof *ids);
	for (size_t i = 0; i < OWNED_BUCKETS; i++) {
		for (struct owned_run *o = w->buckets[i]; o; o = o->hash_next) {
			if (!o->asks || o->state != OWNED_LIVE)
				continue;
			o->asks = false;
			o->asking = true;
			ids[count++] = o->id;
		}
	}
	w->ask_wanted = false;
	if (count) {
		struct db_batch *b = db_batch_create(on_ended, w);
		store_list_ended(b, ids, count);
		w->asking = true;
		db_send(w->control, b);
	}
	free(ids);
}
