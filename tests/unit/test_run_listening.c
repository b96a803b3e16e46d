/* Listeners of one run: what one takes, and how far another pass may rely on it. */
#include "run/listening.h"

#include "run/run.h"
#include "run/wait_reason.h"
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

/* Takes the path. */
static struct frame *begin_listening(struct run *run, struct task *task, char *path)
{
	struct frame *f = frame_push(&run->agenda, run->root, task, path);
	f->listening = xcalloc(1, sizeof *f->listening);
	f->listening->waits = value_create(JSON_LITERAL(WAITS));
	f->state = FRAME_LISTENING;
	agenda_touch(f);
	return f;
}

static struct frame *listener(struct world *w, int branch)
{
	return begin_listening(&w->run, &w->tasks[branch], xstrdup(paths[branch]));
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

/* What it listens to, as it is written and as it waits. */
static void listen_to(
	struct frame *f, struct task *task, const char *to, const char *waits)
{
	char *text = xasprintf("{\"listen\":{\"to\":%s}}", to);
	task->node = (struct json){text, strlen(text)};
	value_set(
		&f->listening->waits, value_create((struct json){waits, strlen(waits)}));
}

static void reason_is(struct world *w, const char *expected)
{
	struct buf b = {0};
	wait_reason_events(&w->run, &b);
	ck_assert_str_eq(buf_text(&b), expected);
	buf_finish(&b);
}

START_TEST(a_reason_names_what_has_not_come)
{
	struct world w;
	world_init(&w);
	listen_to(w.passes[0], &w.tasks[0],
		"{\"all\":[{\"with\":{\"type\":\"a\"}},{\"with\":{\"type\":\"b\"}}]}",
		"[{\"filter\":0,\"type\":\"a\"},{\"filter\":1,\"type\":\"b\"}]");
	w.passes[0]->listening->met = 1;
	listen_to(w.passes[1], &w.tasks[1],
		"{\"any\":[],\"until\":{\"all\":[{\"with\":{\"type\":\"c\"}},"
		"{\"with\":{\"type\":\"d\\\\.e+\"}}]}}",
		"[{\"filter\":0},{\"filter\":1000},{\"filter\":1001}]");
	w.passes[1]->listening->until_met = 1;
	listen_to(w.other, &w.tasks[2], "{\"one\":{\"with\":{\"source\":\"urn:x\"}}}",
		"[{\"pinned\":\"ab\",\"filter\":0}]");
	reason_is(&w, "waits for events: b, any, d\\.e+ and 1 more");
	listening_lapse(w.passes[0]);
	listening_lapse(w.passes[1]);
	reason_is(&w, "waits for an event: any from urn:x");
	for (int i = 0; i < 3; i++)
		free((char *)w.tasks[i].node.s);
	world_finish(&w);
}
END_TEST

enum { MANY = 10000 };

/* A run of so many branches, each of which waits for an event of a type of its own. */
START_TEST(a_reason_with_many_filters_is_short)
{
	static const struct task_kind kind = {.name = "any"};
	struct task root = {.kind = &kind, .reference = ""};
	struct task *tasks = xcalloc(MANY, sizeof *tasks);
	struct task_list list = {.concurrent = true, .count = MANY, .tasks = tasks};
	struct run run = {0};
	struct buf b = {0};
	run.root = frame_push(&run.agenda, NULL, &root, xstrdup(""));
	frame_open_list(run.root, &list);
	for (int i = 0; i < MANY; i++) {
		tasks[i] = (struct task){.kind = &kind, .reference = "/a"};
		char *to = xasprintf("{\"one\":{\"with\":{\"type\":\"%0200d\"}}}", i);
		struct frame *f = begin_listening(
			&run, &tasks[i], xasprintf("/fork/branches/%d/a", i));
		listen_to(f, &tasks[i], to, "[{\"filter\":0}]");
		free(to);
	}
	wait_reason_events(&run, &b);
	ck_assert_msg(b.len < 400 && strstr(b.data, "00..., 0") &&
			      strstr(b.data, "... and 9997 more"),
		"%s", b.data);
	buf_finish(&b);
	frame_destroy(run.root);
	agenda_finish(&run.agenda);
	for (int i = 0; i < MANY; i++)
		free((char *)tasks[i].node.s);
	free(tasks);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("listening");
	TCase *t = tcase_create("listening");
	tcase_set_timeout(t, 5);
	tcase_add_test(t, each_pass_is_offered_an_event_and_the_first_takes_it);
	tcase_add_test(t, an_event_that_was_only_refused_is_not_noted);
	tcase_add_test(t, the_floor_stays_before_what_another_pass_may_take);
	tcase_add_test(t, only_what_changed_is_told);
	tcase_add_test(t, what_has_arrived_counts_as_read_when_it_is_decided);
	tcase_add_test(t, a_reason_names_what_has_not_come);
	tcase_add_test(t, a_reason_with_many_filters_is_short);
	suite_add_tcase(s, t);
	return suite_exit(s);
}
