/*
 * A run in memory, its replay, and its replay from a snapshot are the same. Each case
 * runs a definition to its end with scripted effects and a clock of its own, and keeps
 * every entry. Then, for every entry n, the run is rebuilt from entries 1..n, once by
 * replaying them and once from a snapshot taken there, and run on: it must write the very
 * same entries n+1, n+2, ...
 */
#include "replay_scenarios.h"
#include "run/advance.h"
#include "run/run_effect.h"
#include "run/snapshot.h"
#include "run/stop.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ENTRIES_MAX 400
#define T0 1795000000000000LL

struct trace {
	char *ops[ENTRIES_MAX];
	int64_t at[ENTRIES_MAX];
	int count;
};

static struct settings settings = {.allow_run = true};
static struct host host = {.settings = &settings};

static struct definition *compile(const struct scenario *s)
{
	struct definition *d;
	struct error err = {0};
	char *text = xasprintf(
		"{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"t\",\"name\":\"t\","
		"\"version\":\"1.0.0\"},\"use\":%s,\"do\":%s}",
		s->use ? s->use : "{}", s->tasks);
	if (!definition_create(text, strlen(text), NULL, &d, &err))
		ck_abort_msg("%s: %s", s->name, err.text);
	free(text);
	return d;
}

static struct run *fresh(struct definition *d, const char *input)
{
	struct uuid id = {{1, 2, 3}};
	struct value *v = value_create((struct json){input, strlen(input)});
	v->seq = 0;
	struct run *r = run_create(id, d, v, T0, T0);
	value_unref(v);
	r->seq = 2;
	return r;
}

/* Its worker dies with the attempt under way: nobody knows how that ended. */
static void lose(struct run *r, struct run_effect *e, int64_t now)
{
	run_effect_detach(r, e);
	run_effect_destroy(e);
	run_mark_lost(r, now);
}

/* A child has not ended when it is looked for first, and has the next time. */
static void look_for_child(const struct run *r, struct run_effect *e)
{
	e->done = e->effect.succeeded = true;
	e->effect.waits = run_find(r, e->path)->due != DUE_WOKEN;
	buf_puts(&e->effect.output, "\"child\"");
}

/* The scripted world: the command "fail N" fails until attempt N, "lose N" takes its
 * worker along until then, "X" gives "X". */
static void perform(struct run *r, struct run_effect *e, int64_t now)
{
	const struct json command =
		json_pointer(e->effect.task->node, "/run/shell/command");
	if (!command.s) {
		look_for_child(r, e);
		return;
	}
	char *text = json_strdup(command);
	unsigned until = 0;
	bool lost = sscanf(text, "lose %u", &until) == 1 && e->attempt <= until;
	e->done = true;
	if (lost) {
		lose(r, e, now);
	} else if (sscanf(text, "fail %u", &until) == 1 && e->attempt <= until) {
		fault_set(effect_fault(&e->effect), PROBLEM_COMMUNICATION, "scripted");
		effect_fault(&e->effect)->status = 503;
	} else {
		e->effect.succeeded = e->effect.sent = true;
		json_put_text(&e->effect.output, text);
	}
	free(text);
}

/* The event that comes next is told by how many were taken: {"n": 0}, {"n": 1}, ... */
static void arrive(struct run *r)
{
	const struct frame *f = r->root;
	while (f && f->state != FRAME_LISTENING)
		f = frame_after(f, r->root);
	struct arrival *a = xcalloc(1, sizeof *a);
	struct buf b = {0};
	long long n = (long long)f->listening->count;
	buf_printf(&b,
		"{\"id\":\"%lld\",\"source\":\"/s\",\"type\":\"t\",\"data\":{\"n\":%lld,"
		"\"room\":7}}",
		n, n);
	a->path = xstrdup(f->path);
	a->event = value_create((struct json){b.data, b.len});
	buf_finish(&b);
	listening_add(r, a);
}

/* Grants and performs one effect that waits; it is done when the run looks again. */
static void serve(struct run *r, int64_t now)
{
	struct frame *f = run_next_effect(r, true);
	if (!f)
		f = run_next_effect(r, false);
	if (f && f->state == FRAME_READY)
		perform(r, run_effect_create(r, f, &host, now), now);
	else if (f)
		frame_grant(f, true);
}

/* Whether a wake has come, for whoever waits for one. */
static void set_looked(struct run *r, bool looked)
{
	for (struct frame *f = r->root; f; f = frame_after(f, r->root)) {
		f->asked = looked;
		agenda_touch(f);
	}
}

static bool waits_for_wake(const struct run *r)
{
	for (const struct frame *f = r->root; f; f = frame_after(f, r->root)) {
		if (f->state == FRAME_WAITING && f->due == DUE_WOKEN)
			return true;
	}
	return false;
}

/* What an operator does with a run that is held: he finds out that a step named "known"
 * was done; any other is sent again. */
static void settle(struct run *r, int64_t now)
{
	struct op op = op_make(OP_RETRIED, NULL);
	struct frame *f = r->root;
	while (f && (f->state != FRAME_HELD || strcmp(f->task->name, "known") != 0))
		f = frame_after(f, r->root);
	run_begin_entry(r, now);
	op.new_id = op.force = true;
	if (f) {
		op = op_make(OP_ANSWERED, f->path);
		op.by = "anna";
		op.values[OP_OUTPUT] = value_create(JSON_LITERAL("\"done\""));
	}
	run_record(r, &op);
}

/* One entry: advances until there is one; false when the run has ended. */
static bool next_entry(struct run *r, int64_t *now, char **ret_ops, int64_t *ret_at)
{
	r->durable_seq = r->seq;
	run_effects_forget(r);
	for (bool woken = false; r->op_count == 0;) {
		struct advance a = {.now = *now, .host = &host};
		serve(r, *now);
		set_looked(r, !woken);
		if (r->op_count)
			break; /* a worker was lost */
		unsigned need = run_advance(r, &a);
		ck_assert(agenda_is_right(&r->agenda, r->root));
		if (r->op_count)
			break;
		if (r->status == RUN_SUSPENDED)
			settle(r, *now);
		else if (need == NEED_NOTHING)
			return false;
		else if (need & NEED_EVENT)
			arrive(r);
		else if (need == NEED_TIMER && !(woken = waits_for_wake(r)))
			*now = run_due(r);
	}
	buf_putc(&r->ops, ']');
	*ret_ops = buf_take(&r->ops);
	*ret_at = r->at;
	r->op_count = 0;
	r->seq++;
	*now += 1000;
	return true;
}

static void run_out(struct run *r, int64_t now, struct trace *t)
{
	while (t->count < ENTRIES_MAX &&
		next_entry(r, &now, &t->ops[t->count], &t->at[t->count]))
		t->count++;
	ck_assert_int_lt(t->count, ENTRIES_MAX);
}

static void apply_entry(struct run *r, const struct trace *t, int n)
{
	struct json ops, text;
	struct error err = {0};
	ck_assert(json_check(t->ops[n], strlen(t->ops[n]), NULL, &ops, NULL, &err));
	struct json_iter it = json_iter(ops);
	r->at = t->at[n];
	for (unsigned i = 0; json_next_element(&it, &text); i++) {
		struct op op;
		if (!op_read(text, n + 3, i, &op, &err) || !run_apply(r, &op, &err))
			ck_abort_msg("entry %d, operation %u: %s", n, i, err.text);
		op_finish(&op);
	}
	r->seq++;
}

static struct json fetch(void *ctx, int64_t seq, unsigned op, const char *field)
{
	const struct trace *t = ctx;
	struct json ops;
	ck_assert_int_ge(seq, 3);
	ck_assert_int_lt(seq - 3, t->count);
	ck_assert(json_check(
		t->ops[seq - 3], strlen(t->ops[seq - 3]), NULL, &ops, NULL, NULL));
	return json_get(json_at(ops, op), field);
}

static struct run *from_snapshot(
	struct run *r, struct definition *d, const char *input, struct trace *t)
{
	struct buf b = {0};
	struct json snapshot;
	struct error err = {0};
	frames_write(r, &b);
	ck_assert(json_check(b.data, b.len, NULL, &snapshot, NULL, &err));
	struct run *copy = fresh(d, input);
	copy->seq = r->seq;
	if (!frames_restore(copy, snapshot, fetch, t, &err))
		ck_abort_msg("%s", err.text);
	buf_finish(&b);
	return copy;
}

static void finish(struct run *r)
{
	for (struct run_effect *e = run_effects_take(r), *next; e; e = next) {
		next = e->next;
		run_effect_destroy(e);
	}
	run_destroy(r);
}

static void compare(const char *name, const char *how, const struct trace *whole,
	int from, const struct trace *rest)
{
	for (int i = 0; i < rest->count; i++) {
		if (from + i >= whole->count ||
			strcmp(whole->ops[from + i], rest->ops[i]) != 0)
			ck_abort_msg("%s, %s of %d entries: entry %d is\n%s\nnot\n%s",
				name, how, from, from + i, rest->ops[i],
				from + i < whole->count ? whole->ops[from + i]
							: "(none)");
	}
	ck_assert_msg(from + rest->count == whole->count,
		"%s, %s of %d entries: %d follow", name, how, from, rest->count);
}

static void trace_finish(struct trace *t)
{
	for (int i = 0; i < t->count; i++)
		free(t->ops[i]);
}

static void go_on(const struct scenario *s, const char *how, struct run *r, int64_t now,
	const struct trace *whole, int n)
{
	struct trace rest = {0};
	run_out(r, now, &rest);
	compare(s->name, how, whole, n, &rest);
	trace_finish(&rest);
	finish(r);
}

/* STEPWELL_KEEP=FILE appends what this version writes, to be kept for those to come: of
 * each scenario its entries, and every third snapshot. */
static void keep(const struct scenario *s, struct definition *d, const struct trace *t)
{
	struct buf b = {0};
	FILE *file = fopen(getenv("STEPWELL_KEEP"), "a");
	struct run *r = fresh(d, s->input);
	ck_assert_ptr_nonnull(file);
	buf_printf(&b, "{\"name\":\"%s\",\"use\":%s,\"do\":%s,\"input\":%s,\"entries\":[",
		s->name, s->use ? s->use : "{}", s->tasks, s->input);
	for (int i = 0; i < t->count; i++)
		buf_printf(&b, "%s{\"at\":%lld,\"ops\":%s}", i ? "," : "",
			(long long)t->at[i], t->ops[i]);
	buf_puts(&b, "],\"snapshots\":{");
	for (int n = 0; n < t->count; n++) {
		if (n % 3 == 1) {
			buf_printf(&b, "%s\"%d\":", n > 1 ? "," : "", n);
			frames_write(r, &b);
		}
		apply_entry(r, t, n);
	}
	buf_puts(&b, "}}\n");
	fputs(buf_text(&b), file);
	fclose(file);
	buf_finish(&b);
	finish(r);
}

static void check_scenario(const struct scenario *s)
{
	struct definition *d = compile(s);
	struct trace whole = {0};
	struct run *r = fresh(d, s->input);
	run_out(r, T0 + 1000, &whole);
	if (r->status == RUN_COMPLETED)
		ck_assert_msg(strcmp(value_json(r->output).s, s->expect) == 0,
			"%s gives %s", s->name, value_json(r->output).s);
	else
		ck_assert_msg(!*s->expect, "%s: status %d, error %s", s->name,
			(int)r->status, value_json(r->error).s);
	finish(r);
	if (getenv("STEPWELL_KEEP"))
		keep(s, d, &whole);
	for (int n = 0; n <= whole.count; n++) {
		struct run *replayed = fresh(d, s->input);
		for (int i = 0; i < n; i++)
			apply_entry(replayed, &whole, i);
		int64_t now = n ? whole.at[n - 1] + 1000 : T0 + 1000;
		if (replayed->status == RUN_RUNNING || replayed->status == RUN_SUSPENDED)
			go_on(s, "snapshot", from_snapshot(replayed, d, s->input, &whole),
				now, &whole, n);
		go_on(s, "replay", replayed, now, &whole, n);
	}
	trace_finish(&whole);
	definition_unref(d);
}

START_TEST(replay_and_snapshot_go_on_like_the_live_run)
{
	check_scenario(&scenarios[_i]);
}
END_TEST

/* ---- Snapshots that an earlier version wrote ---- */

static const char *const kept[] = {"tests/unit/snapshots/numbers.jsonl"};

/* What a run did in the world, and how it ended. */
static void sum_up(const struct trace *t, int from, struct buf *out)
{
	for (int i = from; i < t->count; i++) {
		struct json ops, text;
		ck_assert(
			json_check(t->ops[i], strlen(t->ops[i]), NULL, &ops, NULL, NULL));
		struct json_iter it = json_iter(ops);
		while (json_next_element(&it, &text)) {
			struct json path = json_get(text, "path");
			struct json digest = json_get(text, "digest");
			struct json output = json_get(text, "output");
			if (digest.s || json_is(path, "\"\""))
				buf_printf(out, "%.*s %.*s %.*s\n", (int)path.n, path.s,
					(int)digest.n, digest.s ? digest.s : "",
					(int)output.n, output.s ? output.s : "");
		}
	}
}

static void go_on_as_kept(const char *name, struct run *r, int n, const struct trace *t)
{
	struct trace rest = {0};
	struct buf then = {0}, now = {0};
	run_out(r, t->at[n - 1] + 1000, &rest);
	sum_up(t, n, &then);
	sum_up(&rest, 0, &now);
	ck_assert_msg(strcmp(buf_text(&then), buf_text(&now)) == 0,
		"%s, snapshot of %d entries: did\n%snot\n%s", name, n, buf_text(&now),
		buf_text(&then));
	buf_finish(&then);
	buf_finish(&now);
	trace_finish(&rest);
	finish(r);
}

/* One line of such a file; returns how many snapshots it holds. */
static int check_kept(struct json line)
{
	struct trace t = {0};
	struct json key, v, entries = json_get(line, "entries");
	char *name = json_strdup(json_get(line, "name"));
	struct scenario s = {.name = name};
	struct json use = json_get(line, "use"), tasks = json_get(line, "do");
	char *use_text = xstrndup(use.s, use.n), *tasks_text = xstrndup(tasks.s, tasks.n);
	char *input = xstrndup(json_get(line, "input").s, json_get(line, "input").n);
	s.use = use_text;
	s.tasks = tasks_text;
	struct definition *d = compile(&s);
	int n = 0, count = 0;
	for (struct json_iter it = json_iter(entries); json_next_element(&it, &v);
		t.count++) {
		struct json ops = json_get(v, "ops");
		t.ops[t.count] = xstrndup(ops.s, ops.n);
		ck_assert(json_int(json_get(v, "at"), &t.at[t.count]));
	}
	struct json_iter it = json_iter(json_get(line, "snapshots"));
	for (; json_next_member(&it, &key, &v); count++) {
		struct run *r = fresh(d, input);
		struct error err = {0};
		ck_assert_int_eq(sscanf(key.s, "\"%d", &n), 1);
		r->seq += n;
		if (!frames_restore(r, v, fetch, &t, &err))
			ck_abort_msg("%s, snapshot of %d entries: %s", name, n, err.text);
		go_on_as_kept(name, r, n, &t);
	}
	definition_unref(d);
	trace_finish(&t);
	free(name);
	free(use_text);
	free(tasks_text);
	free(input);
	return count;
}

START_TEST(kept_snapshots_mean_what_they_meant)
{
	FILE *file = fopen(kept[_i], "r");
	char *text = NULL;
	size_t size = 0;
	ssize_t n;
	int count = 0;
	ck_assert_msg(file, "%s cannot be read", kept[_i]);
	while ((n = getline(&text, &size, file)) > 0) {
		struct json line;
		ck_assert(json_check(text, (size_t)n, NULL, &line, NULL, NULL));
		count += check_kept(line);
	}
	ck_assert_int_gt(count, 50);
	free(text);
	fclose(file);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *tc = tcase_create("replay");
	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, replay_and_snapshot_go_on_like_the_live_run, 0,
		(int)(sizeof scenarios / sizeof *scenarios));
	tcase_add_loop_test(tc, kept_snapshots_mean_what_they_meant, 0,
		(int)(sizeof kept / sizeof *kept));
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
