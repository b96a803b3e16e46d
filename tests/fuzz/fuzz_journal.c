/*
 * The journal as something that may be damaged, or written by another program: operations
 * are read and applied to a run of a fixed definition, in any order, between entries that
 * the engine itself writes. What does not fit is refused; what is accepted leaves a run
 * that can be written as a snapshot, read back to the same, and run on.
 */
#include "drive.h"
#include "fuzz.h"
#include "run/snapshot.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS 24

static const char use[] = "{\"functions\":{\"f\":{\"do\":[{\"x\":{\"run\":{\"shell\":{"
			  "\"command\":\"A\"}}}}]}},"
			  "\"extensions\":[{\"g\":{\"extend\":\"run\",\"before\":[{\"p\":"
			  "{\"set\":{\"k\":1}}}],"
			  "\"after\":[{\"q\":{\"set\":{\"k\":2}}}]}}]}";

static const char tasks[] =
	"[{\"a\":{\"run\":{\"shell\":{\"command\":\"A\"}}}},"
	"{\"l\":{\"for\":{\"in\":\".list\",\"each\":\"e\"},\"do\":[{\"s\":{\"set\":{"
	"\"v\":\"${ $e "
	"}\"}}},{\"h\":{\"run\":{\"shell\":{\"command\":\"B\"}},\"metadata\":{"
	"\"onUncertain\":"
	"\"fail\"}}}]}},"
	"{\"t\":{\"try\":[{\"u\":{\"run\":{\"shell\":{\"command\":\"C\"}}}},{\"w\":{"
	"\"wait\":"
	"\"PT1H\"}}],\"timeout\":{\"after\":\"PT2H\"},\"catch\":{\"as\":\"err\","
	"\"retry\":{"
	"\"delay\":\"PT1S\",\"limit\":{\"attempt\":{\"count\":2,\"duration\":\"PT10S\"}}}"
	",\"do\":[{"
	"\"c\":{\"set\":{\"ok\":\"${ $err.status }\"}}}]}}},"
	"{\"k\":{\"fork\":{\"compete\":false,\"branches\":[{\"m\":{\"run\":{\"shell\":{"
	"\"command\":"
	"\"D\"}}}},{\"n\":{\"do\":[{\"o\":{\"set\":{\"z\":1}}}]}}]}}},"
	"{\"r\":{\"fork\":{\"compete\":true,\"branches\":[{\"m\":{\"wait\":\"PT1H\"}},{"
	"\"n\":{"
	"\"run\":{\"shell\":{\"command\":\"E\"}}}}]}}},"
	"{\"y\":{\"listen\":{\"to\":{\"any\":[{\"with\":{\"type\":\"t\"}}],\"until\":{"
	"\"one\":{"
	"\"with\":{\"type\":\"u\"}}}}},\"foreach\":{\"item\":\"ev\",\"do\":[{\"i\":{"
	"\"set\":{\"v\":"
	"\"${ $ev }\"}}}]}}},"
	"{\"j\":{\"call\":\"f\"}},"
	"{\"b\":{\"if\":\".no\",\"set\":{\"x\":1},\"then\":\"a\"}}]";

static const char *const paths[] = {"", "/do/0/a", "/do/0/a!", "/do/0/a!before/g",
	"/do/0/a!before/g/0/p", "/do/0/a!after/g", "/do/1/l", "/do/1/l[0]/do/0/s",
	"/do/1/l[0]/do/1/h", "/do/1/l[0]/do/1/h!", "/do/1/l[1]/do/0/s", "/do/2/t",
	"/do/2/t/try/0/u", "/do/2/t/try/0/u!", "/do/2/t/try/1/w", "/do/2/t/catch/do/0/c",
	"/do/2/t/try/0/u#2", "/do/3/k", "/do/3/k/fork/branches/0/m",
	"/do/3/k/fork/branches/1/n", "/do/3/k/fork/branches/1/n/do/0/o", "/do/4/r",
	"/do/4/r/fork/branches/0/m", "/do/4/r/fork/branches/1/n", "/do/5/y",
	"/do/5/y/foreach[0]/do/0/i", "/do/6/j", "/do/6/j!call", "/do/6/j!call/do/0/x",
	"/do/7/b", "/do/0/a#2", "/do/9/none"};

static const char *const values[] = {"null", "{\"list\":[1,2]}", "[1,{\"filter\":0}]",
	"\"x\"", "[]", "{\"type\":\"https://x/e\",\"status\":503}", "7",
	"[{\"filter\":0,\"type\":\"t\",\"expect\":{}}]"};

struct source {
	const uint8_t *p, *end;
};

static unsigned next(struct source *in, unsigned limit)
{
	return in->p < in->end ? *in->p++ % limit : 0;
}

/* An operation of any kind and at any path, with any members. */
static struct op random_op(struct source *in, const struct run *r)
{
	static const int64_t nexts[] = {NEXT_FOLLOWING, NEXT_FOLLOWING, NEXT_EXIT,
		NEXT_END, 0, 1, 5, 7, 8, -3, INT64_MAX};
	static const int64_t indexes[] = {-1, 0, 1, 2, 3, 63, 64, 1000, 1001, INT64_MAX};
	unsigned path = next(in, 64), flags;
	struct op op = op_make((enum op_kind)next(in, OP_COLLECTED + 1), NULL);
	if (path < sizeof paths / sizeof *paths) {
		op.path = paths[path];
	} else if (r->root && path < 60) { /* of a frame that is open */
		struct frame *f = r->root, *g;
		for (unsigned i = path % 8; i && (g = frame_after(f, r->root)); i--)
			f = g;
		op.path = f->path;
	}
	op.attempt = next(in, 4);
	op.has_digest = next(in, 2);
	op.next = nexts[next(in, sizeof nexts / sizeof *nexts)];
	op.index = indexes[next(in, sizeof indexes / sizeof *indexes)];
	flags = next(in, 256);
	op.uncertain = flags & 1;
	op.again = flags & 2;
	op.raised = flags & 4;
	op.failed_entry = flags & 8;
	op.limit_hit = flags & 16;
	op.new_id = flags & 32;
	op.force = flags & 64;
	op.due = flags & 128 ? 1795000000009999LL : 0;
	flags = next(in, 256);
	for (int i = 0; i < OP_VALUES; i++) {
		const char *text = values[next(in, sizeof values / sizeof *values)];
		if (flags & 1 << i)
			op.values[i] = value_create((struct json){text, strlen(text)});
	}
	return op;
}

/* FUZZ_TRACE=1 shows what an input does. */
static void trace(const char *who, struct json text)
{
	if (getenv("FUZZ_TRACE"))
		fprintf(stderr, "%s: %.*s\n", who, (int)text.n, text.s);
}

static bool apply_text(struct run *r, struct json text)
{
	struct op op;
	struct error err = {0};
	trace("applied", text);
	if (!op_read(text, r->seq + 1, 0, &op, &err)) {
		must(err.kind == ERROR_PERMANENT && *err.text, "%s", err.text);
		return false;
	}
	bool ok = run_apply(r, &op, &err);
	must(ok || (err.kind == ERROR_PERMANENT && *err.text), "%s", err.text);
	op_finish(&op);
	return ok;
}

/* Written and read, as from the database. */
static bool apply_random(struct run *r, struct source *in)
{
	struct op op = random_op(in, r);
	struct buf text = {0};
	struct json v;
	struct error err = {0};
	char *path = op.path ? xstrdup(op.path) : NULL;
	op.path = path;
	op_write(&op, r->seq + 1, 0, &text);
	must(json_check(text.data, text.len, NULL, &v, NULL, &err), "%s: %s", err.text,
		text.data);
	for (int i = 0; i < OP_VALUES; i++)
		value_unref(op.values[i]);
	free(path);
	bool ok = apply_text(r, v);
	r->seq++;
	buf_finish(&text);
	return ok;
}

/* ---- The snapshot ---- */

static struct json no_entry(void *ctx, int64_t seq, unsigned op, const char *field)
{
	(void)ctx;
	(void)seq;
	(void)op;
	(void)field;
	return JSON_LITERAL("[1]");
}

static void check_snapshot(struct run *r, struct definition *d)
{
	struct buf once = {0};
	struct json snapshot;
	struct error err = {0};
	frames_write(r, &once);
	must(json_check(once.data, once.len, NULL, &snapshot, NULL, &err), "%s: %s",
		err.text, once.data);
	struct run *copy = drive_create(d, JSON_LITERAL("{\"list\":[1,2]}"));
	if (!frames_restore(copy, snapshot, no_entry, NULL, &err))
		must(err.kind == ERROR_PERMANENT && *err.text, "%s", err.text);
	run_destroy(copy);
	buf_finish(&once);
}

static void check_foreign_snapshot(struct definition *d, struct json snapshot)
{
	struct error err = {0};
	struct run *r = drive_create(d, JSON_LITERAL("{\"list\":[1,2]}"));
	if (!frames_restore(r, snapshot, no_entry, NULL, &err))
		must(*err.text, "no reason");
	run_destroy(r);
}

/* ---- The targets ---- */

static bool engine_entry(struct run *r, struct drive *drive)
{
	char *ops = drive_entry(r, drive);
	emissions_destroy(r->emitted);
	takings_destroy(r->takings);
	r->emitted = NULL;
	r->takings = NULL;
	if (ops)
		trace("decided", (struct json){ops, strlen(ops)});
	free(ops);
	return ops != NULL;
}

/* A new owner goes on with what the journal said. */
static void go_on(struct run *r, struct drive *drive)
{
	drive->waits = 0;
	run_mark_lost(r, drive->now);
	for (int i = 0; i < STEPS && engine_entry(r, drive); i++)
		;
}

static void run_steps(struct definition *d, struct source *in)
{
	struct run *r = drive_create(d, JSON_LITERAL("{\"list\":[1,2]}"));
	struct drive drive = {.now = 1795000000001000LL,
		.event = JSON_LITERAL("{\"id\":\"1\",\"source\":\"/s\",\"type\":\"t\"}")};
	bool ok = true;
	drive.outcomes = next(in, 256) << 8 | next(in, 256);
	for (int i = 0; ok && i < STEPS && in->p < in->end; i++) {
		unsigned what = next(in, 8);
		r->at = drive.now;
		if (what < 5)
			(void)engine_entry(r, &drive);
		else if (what == 5)
			check_snapshot(r, d);
		else if (!r->op_count && !run_is_busy(r))
			ok = apply_random(r, in);
	}
	if (ok) {
		check_snapshot(r, d);
		go_on(r, &drive);
	}
	drive_destroy(r);
}

static void run_entry(struct definition *d, struct json ops)
{
	struct run *r = drive_create(d, JSON_LITERAL("{\"list\":[1,2]}"));
	struct drive drive = {.now = 1795000000001000LL};
	struct json_iter it = json_iter(ops);
	struct json text;
	bool ok = true;
	while (ok && json_next_element(&it, &text))
		ok = apply_text(r, text);
	if (ok) {
		r->seq++;
		check_snapshot(r, d);
		go_on(r, &drive);
	}
	drive_destroy(r);
}

/* JSON is an entry or a snapshot; other bytes say what to do. */
void fuzz_journal(const char *data, size_t n)
{
	static struct definition *d;
	struct source in = {(const uint8_t *)data, (const uint8_t *)data + n};
	struct json v;
	if (!d)
		d = drive_compile(tasks, use);
	must(d, "the definition is refused");
	if (!json_check(data, n, NULL, &v, NULL, NULL)) {
		run_steps(d, &in);
		return;
	}
	if (json_type(v) == JSON_OBJECT)
		check_foreign_snapshot(d, v);
	if (json_type(v) == JSON_ARRAY)
		run_entry(d, v);
}
