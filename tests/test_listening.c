/* Listeners of one run: what one takes, and how far another pass may rely on it. */
#include "listening.h"

#include "run.h"
#include "suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define WAITS "[{\"pinned\":\"ab\",\"filter\":0}]"

/* A run whose branches listen: twice as one task, as iterations do that are open at once,
 * and once as another. A fourth one has not begun. */
struct world {
	struct run run;
	struct task root, tasks[4];
	struct task_list list;
	struct frame *passes[2], *other;
};

static const char *const paths[] = {"/fork/branches/0/a", "/fork/branches/1/a",
	"/fork/branches/2/b", "/fork/branches/3/a"};

static struct frame *listener(struct world *w, int branch)
{
	struct frame *f = frame_push(
		&w->run.agenda, w->run.root, &w->tasks[branch], xstrdup(paths[branch]));
	f->listening = xcalloc(1, sizeof *f->listening);
	f->listening->waits = value_create(JSON_LITERAL(WAITS));
	f->state = FRAME_LISTENING;
	agenda_touch(f);
	return f;
}

static void world_init(struct world *w)
{
	static const struct task_kind kind = {.name = "any"};
	*w = (struct world){.root = {.kind = &kind, .reference = ""},
		.list = {.key = "fork/branches", .concurrent = true, .count = 4}};
	for (int i = 0; i < 4; i++)
		w->tasks[i] =
			(struct task){.kind = &kind, .reference = i == 2 ? "/b" : "/a"};
	w->list.tasks = w->tasks;
	w->run.root = frame_push(&w->run.agenda, NULL, &w->root, xstrdup(""));
	frame_open_list(w->run.root, &w->list);
	w->passes[0] = listener(w, 0);
	w->passes[1] = listener(w, 1);
	w->other = listener(w, 2);
}

static void world_finish(struct world *w)
{
	frame_destroy(w->run.root);
	agenda_finish(&w->run.agenda);
	arrivals_destroy(w->run.inbox);
	takings_destroy(w->run.takings);
	free(w->run.waits);
}

static void offer(struct world *w, const struct frame *f, int64_t place)
{
	struct arrival *a = xcalloc(1, sizeof *a);
	a->path = xstrdup(f->path);
	a->place = place;
	a->event = value_create(JSON_LITERAL("{}"));
	listening_add(&w->run, a);
}

static int64_t pop(struct world *w, struct frame *f, bool takes, bool for_good)
{
	struct arrival *a = listening_pop(&w->run, f);
	int64_t place = a ? a->place : 0;
	if (a && takes)
		listening_took(&w->run, f, a);
	else if (a)
		listening_refused(f, a, for_good);
	arrivals_destroy(a);
	return place;
}

START_TEST(each_pass_is_offered_an_event_and_the_first_takes_it)
{
	struct world w;
	world_init(&w);
	for (int64_t place = 4; place < 6; place++) {
		offer(&w, w.passes[0], place);
		offer(&w, w.passes[1], place);
		offer(&w, w.other, place);
	}
	ck_assert_int_eq(pop(&w, w.passes[0], true, false), 4);
	ck_assert_int_eq(pop(&w, w.passes[1], true, false), 5); /* 4 is gone for it */
	ck_assert_int_eq(pop(&w, w.passes[0], true, false), 0);
	ck_assert_int_eq(pop(&w, w.other, true, false), 4); /* a task of its own */
	ck_assert_int_eq(pop(&w, w.other, true, false), 5);
	world_finish(&w);
}
END_TEST

START_TEST(an_event_that_was_only_refused_is_not_noted)
{
	struct world w;
	world_init(&w);
	offer(&w, w.passes[0], 4);
	offer(&w, w.passes[1], 4);
	ck_assert_int_eq(pop(&w, w.passes[0], false, true), 4);
	ck_assert_ptr_null(w.run.takings);
	ck_assert_int_eq(pop(&w, w.passes[1], true, false), 4);
	ck_assert_int_eq(w.run.takings->place, 4);
	ck_assert_str_eq(w.run.takings->reference, "/a");
	ck_assert_str_eq(w.run.takings->filters, "ab");
	world_finish(&w);
}
END_TEST

START_TEST(the_floor_stays_before_what_another_pass_may_take)
{
	struct world w;
	world_init(&w);
	for (int64_t place = 1; place <= 5; place++)
		offer(&w, w.passes[0], place);
	pop(&w, w.passes[0], false, true);  /* 1: nobody takes it */
	pop(&w, w.passes[0], true, false);  /* 2 */
	pop(&w, w.passes[0], false, false); /* 3: it has had one of the kind */
	pop(&w, w.passes[0], false, false); /* 4: likewise */
	pop(&w, w.passes[0], true, false);  /* 5 */
	ck_assert_int_eq(w.run.takings->floor, 2);
	ck_assert_int_eq(w.run.takings->next->place, 5);
	ck_assert_int_eq(w.run.takings->next->floor, 2);
	world_finish(&w);
}
END_TEST

START_TEST(only_what_changed_is_told)
{
	struct world w;
	struct buf before = {0}, after = {0};
	world_init(&w);
	listening_describe(&w.run, &before);
	offer(&w, w.passes[1], 4);
	offer(&w, w.other, 4);
	listening_lapse(w.passes[1]); /* ends */
	agenda_touch(w.passes[1]);
	struct frame *new = listener(&w, 3);
	listening_describe(&w.run, &after);
	struct waiting *list =
		listening_changes(&w.run, buf_text(&before), buf_text(&after));
	ck_assert_str_eq(list->path, new->path);
	ck_assert_ptr_nonnull(list->waits);
	ck_assert_str_eq(list->next->path, w.passes[1]->path);
	ck_assert_ptr_null(list->next->waits);
	ck_assert_ptr_null(list->next->next);
	ck_assert_int_eq(pop(&w, w.passes[1], true, false), 0); /* forgotten */
	ck_assert_int_eq(pop(&w, w.other, true, false), 4);
	waitings_destroy(list);
	buf_finish(&before);
	buf_finish(&after);
	world_finish(&w);
}
END_TEST

START_TEST(what_has_arrived_counts_as_read_when_it_is_decided)
{
	struct world w;
	world_init(&w);
	struct listening *l = w.passes[0]->listening;
	ck_assert_ptr_eq(listening_next(&w.run, NULL), w.passes[0]);
	l->place = l->stored = 1;
	l->upto = 2000;
	offer(&w, w.passes[0], 3);
	ck_assert_ptr_eq(listening_next(&w.run, NULL), w.passes[1]);
	pop(&w, w.passes[0], false, false);
	ck_assert_int_eq(listening_place(w.passes[0]), 2000);
	struct reading *r = listening_readings(&w.run);
	ck_assert_str_eq(r->path, w.passes[0]->path);
	ck_assert_int_eq(r->place, 2000);
	ck_assert_int_eq(r->passed, 3);
	ck_assert_ptr_null(r->next);
	readings_destroy(r);
	ck_assert_ptr_null(listening_readings(&w.run)); /* it is stored */
	world_finish(&w);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listening");
	TCase *t = tcase_create("listening");
	tcase_add_test(t, each_pass_is_offered_an_event_and_the_first_takes_it);
	tcase_add_test(t, an_event_that_was_only_refused_is_not_noted);
	tcase_add_test(t, the_floor_stays_before_what_another_pass_may_take);
	tcase_add_test(t, only_what_changed_is_told);
	tcase_add_test(t, what_has_arrived_counts_as_read_when_it_is_decided);
	suite_add_tcase(s, t);
	return suite_exit(s);
}
