/*
 * What a run has to look at: a fork of many branches costs in proportion, also after it
 * was read back from a snapshot, and what comes first does.
 */
#include "run/advance.h"
#include "run/run_effect.h"
#include "run/snapshot.h"
#include "run/stop.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define T0 1795000000000000LL
#define BRANCHES 20000
#define CPU_SECONDS 15 /* with sanitizers; walking through all frames takes minutes */

static struct settings settings;
static struct host host = {.settings = &settings};

static struct definition *compile(const char *tasks)
{
	struct definition *d;
	struct error err = {0};
	char *text = xasprintf(
		"{\"document\":{\"dsl\":\"1.0.3\",\"namespace\":\"t\",\"name\":\"t\","
		"\"version\":\"1.0.0\"},\"do\":%s}",
		tasks);
	if (!definition_create(text, strlen(text), NULL, &d, &err))
		ck_abort_msg("%s", err.text);
	free(text);
	return d;
}

static struct run *create(struct definition *d)
{
	struct uuid id = {{1}};
	struct value *v = value_create(JSON_LITERAL("{\"n\":1}"));
	v->seq = 0;
	struct run *r = run_create(id, d, v, T0, T0);
	value_unref(v);
	r->seq = 2;
	return r;
}

/* Advances once at that time; the entry, if there is one, is durable. */
static unsigned advance(struct run *r, int64_t now)
{
	struct advance a = {.now = now, .host = &host};
	unsigned need = run_advance(r, &a);
	if (r->op_count)
		r->durable_seq = ++r->seq;
	r->op_count = 0;
	return need;
}

static struct json no_entry(void *ctx, int64_t seq, unsigned op, const char *field)
{
	(void)ctx;
	(void)seq;
	(void)op;
	(void)field;
	return JSON_LITERAL("{}");
}

/* The run as another worker would have it. */
static struct run *take_over(struct run *r, struct definition *d)
{
	struct buf b = {0};
	struct json snapshot;
	struct error err = {0};
	struct run *copy = create(d);
	frames_write(r, &b);
	ck_assert(json_check(b.data, b.len, NULL, &snapshot, NULL, NULL));
	if (!frames_restore(copy, snapshot, no_entry, NULL, &err))
		ck_abort_msg("%s", err.text);
	copy->seq = copy->durable_seq = r->seq;
	buf_finish(&b);
	run_destroy(r);
	return copy;
}

static struct definition *many_waits(int count)
{
	struct buf b = {0};
	buf_puts(&b, "[{\"f\":{\"fork\":{\"branches\":[");
	for (int i = 0; i < count; i++)
		buf_printf(&b, "%s{\"b%d\":{\"wait\":{\"milliseconds\":%d}}}",
			i ? "," : "", i, 1 + i * 7919 % count);
	buf_puts(&b, "]}}}]");
	struct definition *d = compile(buf_text(&b));
	buf_finish(&b);
	return d;
}

static int64_t cpu_seconds(void)
{
	struct timespec t;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec;
}

START_TEST(a_fork_of_many_branches_costs_in_proportion)
{
	struct definition *d = many_waits(BRANCHES);
	struct run *r = create(d);
	int64_t began = cpu_seconds(), now = T0 + 1;
	unsigned need;
	bool taken_over = false;
	while ((need = advance(r, now)) != NEED_NOTHING) {
		ck_assert_int_lt(cpu_seconds() - began, CPU_SECONDS);
		if (!(need & NEED_FLUSH) && !taken_over && now > T0 + 1000000) {
			r = take_over(r, d);
			taken_over = true;
		} else if (!(need & NEED_FLUSH)) {
			ck_assert_int_gt(run_due(r), now);
			now = run_due(r);
		}
	}
	ck_assert_int_eq(r->status, RUN_COMPLETED);
	ck_assert(taken_over);
	ck_assert_uint_eq(json_count(value_json(r->output)), BRANCHES);
	run_destroy(r);
	definition_unref(d);
}
END_TEST

START_TEST(the_nearest_time_comes_first)
{
	struct definition *d = many_waits(500);
	struct run *r = create(d);
	int64_t now = T0;
	int ends = 0;
	while (advance(r, now) & NEED_FLUSH)
		continue;
	for (; r->status == RUN_RUNNING; ends++) {
		int64_t due = 0;
		for (struct frame *f = r->root; f; f = frame_after(f, r->root)) {
			if (f->state == FRAME_WAITING && (!due || f->due < due))
				due = f->due;
		}
		ck_assert_int_eq(run_due(r), due);
		now = due;
		advance(r, now);
		ck_assert(agenda_is_right(&r->agenda, r->root));
	}
	ck_assert_int_eq(ends, 500);
	run_destroy(r);
	definition_unref(d);
}
END_TEST

/* At the same time the outer block's is over, whichever was entered first. */
START_TEST(of_equal_deadlines_the_outer_one_counts)
{
	struct definition *d = compile(
		"[{\"o\":{\"timeout\":{\"after\":\"PT1S\"},\"do\":[{\"f\":{\"fork\":{"
		"\"branches\":[{\"a\":{\"timeout\":{\"after\":\"PT1S\"},\"do\":[{\"w\":{"
		"\"wait\":\"PT1H\"}}]}},{\"b\":{\"timeout\":{\"after\":\"PT1S\"},"
		"\"wait\":"
		"\"PT1H\"}}]}}}]}}]");
	struct run *r = create(d);
	struct frame *late;
	while (advance(r, T0) & NEED_FLUSH)
		continue;
	ck_assert_int_eq(run_deadline(r, &late), T0 + 1000000);
	ck_assert_str_eq(late->path, "/do/0/o");
	run_destroy(r);
	definition_unref(d);
}
END_TEST

/* Marks are found in the order of the tree, however they were set. */
START_TEST(marks_are_found_in_the_order_of_the_tree)
{
	struct definition *d = many_waits(300);
	struct run *r = create(d);
	size_t found = 0;
	while (advance(r, T0) & NEED_FLUSH)
		continue;
	struct frame *fork = r->root->child, *last = NULL;
	for (struct frame *f = r->root; f; f = frame_after(f, r->root))
		agenda_calm(f);
	ck_assert_ptr_null(agenda_next(r->root, NULL, AGENDA_STIRRED));
	for (int i = 299; i >= 0; i -= 3)
		agenda_touch(fork->branches[i]);
	for (struct frame *f = NULL; (f = agenda_next(r->root, f, AGENDA_STIRRED));) {
		ck_assert(!last || frame_branch(f) > frame_branch(last));
		ck_assert_uint_eq(frame_branch(f) % 3, 2);
		last = f;
		found++;
	}
	ck_assert_uint_eq(found, 100);
	run_destroy(r);
	definition_unref(d);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("agenda");
	TCase *tc = tcase_create("agenda");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_fork_of_many_branches_costs_in_proportion);
	tcase_add_test(tc, the_nearest_time_comes_first);
	tcase_add_test(tc, of_equal_deadlines_the_outer_one_counts);
	tcase_add_test(tc, marks_are_found_in_the_order_of_the_tree);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
