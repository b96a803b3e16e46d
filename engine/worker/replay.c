/*
 * A replay is a place in the rows: which row, which operation of it, or which frame of
 * the snapshot in it. Nothing is evaluated here.
 */
#include "worker/replay.h"

#include "base/clock.h"
#include "journal/op.h"

#include <stdlib.h>
#include <string.h>

#define PORTION 64 /* frames or operations between two looks at the clock */

enum stage {
	STAGE_ROW,    /* the next one is to be begun */
	STAGE_PLACES, /* of a snapshot: which entries it names */
	STAGE_FRAMES, /* its frames are restored */
	STAGE_OPS,
};

struct replay {
	struct run *run;
	const struct db_result *rows;
	int row, first, last;
	enum stage stage;
	struct places *places; /* read before: borrowed */
	struct places *named;  /* being collected */
	struct json ops;       /* of the row */
	struct json_iter left; /* of ops */
	unsigned number;       /* of the next operation */
	struct frames_restore *frames;
};

struct replay *replay_create(struct run *r, const struct db_result *rows, int first,
	int last, struct places *places)
{
	struct replay *p = xcalloc(1, sizeof *p);
	p->run = r;
	p->rows = rows;
	p->row = p->first = first;
	p->last = last;
	p->places = places;
	return p;
}

void replay_destroy(struct replay *p)
{
	if (!p)
		return;
	frames_restore_destroy(p->frames);
	places_destroy(p->named);
	run_destroy(p->run);
	free(p);
}

struct run *replay_take_run(struct replay *p)
{
	struct run *r = p->run;
	p->run = NULL;
	return r;
}

struct places *replay_take_places(struct replay *p)
{
	struct places *named = p->named;
	p->named = NULL;
	return named;
}

static bool is_snapshot(const struct replay *p)
{
	return strcmp(db_text(p->rows, p->row, 3), "frames") == 0;
}

/* Where it begins: it may be very long, and who reads it finds its end. */
static struct json snapshot_of(const struct replay *p)
{
	struct json_iter ops = json_iter(p->ops);
	struct json key;
	if (!json_has_element(&ops))
		return (struct json){0};
	struct json_iter op = json_go_into(&ops);
	while (json_next_key(&op, &key)) {
		if (json_string_is(key, "frames"))
			return (struct json){op.p, p->ops.n - (size_t)(op.p - p->ops.s)};
		(void)json_take(&op);
	}
	return (struct json){0};
}

static void restore_frames(struct replay *p)
{
	p->frames = frames_restore_begin(p->run, snapshot_of(p), places_fetch, p->places);
	p->stage = STAGE_FRAMES;
}

static bool begin_row(struct replay *p, struct error *err)
{
	const char *text = db_text(p->rows, p->row, 4);
	size_t length = db_length(p->rows, p->row, 4);
	p->run->at = db_int(p->rows, p->row, 2);
	if (!json_check(text, length, &entry_limits, &p->ops, NULL, err))
		return error_prefix(
			err, "journal entry %lld", (long long)db_int(p->rows, p->row, 1));
	p->left = (struct json_iter){0};
	if (!is_snapshot(p))
		p->left = json_iter(p->ops);
	p->number = 0;
	p->stage = STAGE_OPS;
	if (!is_snapshot(p) || p->row != p->first)
		return true;
	if (p->places) {
		restore_frames(p);
	} else {
		p->named = places_create(snapshot_of(p));
		p->stage = STAGE_PLACES;
	}
	return true;
}

static void end_row(struct replay *p)
{
	struct run *r = p->run;
	size_t length = db_length(p->rows, p->row, 4);
	int64_t seq = db_int(p->rows, p->row, 1);
	r->tail_bytes += length;
	if (is_snapshot(p)) {
		r->frames_seq = seq;
		r->frames_bytes = r->tail_bytes = length;
	}
	r->seq = r->durable_seq = seq;
	p->row++;
	p->stage = STAGE_ROW;
}

static bool replay_op(struct replay *p, struct json text, struct error *err)
{
	struct op op;
	if (!op_read(text, db_int(p->rows, p->row, 1), p->number++, &op, err))
		return false;
	bool ok = run_apply(p->run, &op, err);
	op_finish(&op);
	return ok;
}

static bool replay_ops(struct replay *p, struct error *err)
{
	struct json text;
	for (int i = 0; i < PORTION; i++) {
		if (!json_next_element(&p->left, &text)) {
			end_row(p);
			return true;
		}
		if (!replay_op(p, text, err))
			return false;
	}
	return true;
}

static bool replay_frames(struct replay *p, struct error *err)
{
	bool more;
	if (!frames_restore_some(p->frames, PORTION, &more, err))
		return false;
	if (more)
		return true;
	frames_restore_destroy(p->frames);
	p->frames = NULL;
	end_row(p);
	return true;
}

/* True: there are some, and they have to be read first. */
static bool collect_places(struct replay *p)
{
	if (places_collect(p->named, PORTION))
		return false;
	if (places_sort(p->named))
		return true;
	places_destroy(p->named);
	p->named = NULL;
	restore_frames(p);
	return false;
}

enum replay_progress replay_go_on(struct replay *p, int64_t until, struct error *err)
{
	bool ok = true;
	do {
		switch (p->stage) {
		case STAGE_ROW:
			if (p->row > p->last)
				return REPLAY_DONE;
			ok = begin_row(p, err);
			break;
		case STAGE_PLACES:
			if (collect_places(p))
				return REPLAY_PLACES;
			break;
		case STAGE_FRAMES: ok = replay_frames(p, err); break;
		case STAGE_OPS: ok = replay_ops(p, err); break;
		}
	} while (ok && clock_boottime() < until);
	return ok ? REPLAY_MORE : REPLAY_FAILED;
}
