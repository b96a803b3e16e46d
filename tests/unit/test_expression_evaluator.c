/*
 * Evaluators: what their death means, what they may take, and that nobody waits for them.
 * Some of it looks inside, to kill what has no name outside.
 */
#include "expression/evaluator_inside.h"
#include "expression/expression.h"
#include "suite.h"

#include <check.h>
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define DOT "{\"n\":-1,\"text\":\"abc\",\"list\":[3,1,2]}"
/* An assertion of libjq 1.6. */
#define KILLS ".text[(.n | sqrt):]"

/* Units of one evaluator. */
struct set {
	struct evaluator *evaluator;
	char *sources[8];
	struct jqscan scans[8];
	unsigned count;
};

static void set_add(struct set *s, const char *source)
{
	if (!s->evaluator)
		s->evaluator = evaluator_create(0, 1 << 20);
	char *copy = s->sources[s->count] = xstrdup(source);
	jqscan_read(&s->scans[s->count], copy, strlen(copy));
	ck_assert_str_eq(s->scans[s->count].fault, "");
	ck_assert_uint_eq(
		evaluator_add(s->evaluator, copy, &s->scans[s->count]), s->count);
	s->count++;
}

static void set_finish(struct set *s)
{
	evaluator_destroy(s->evaluator);
	for (unsigned i = 0; i < s->count; i++) {
		jqscan_finish(&s->scans[i]);
		free(s->sources[i]);
	}
}

static struct scope scope_of(const char *dot)
{
	return (struct scope){.dot = {dot, strlen(dot)}, .now = 1500000};
}

/* All units, once each, on the document. */
static void want(struct question *q, struct set *s, const char *dot)
{
	struct scope scope = scope_of(dot);
	for (unsigned i = 0; i < s->count; i++) {
		struct evaluation *e = question_look(q, s->evaluator, i, &scope, NULL);
		q->wanting |= e->state == EVALUATION_WANTED;
	}
}

static void check_value(const struct question *q, unsigned number, const char *value)
{
	ck_assert_msg(q->list[number].state == EVALUATION_VALUE, "%s",
		buf_text(&q->list[number].text));
	ck_assert_str_eq(buf_text(&q->list[number].text), value);
}

static void check_failed(const struct question *q, unsigned number, const char *text)
{
	ck_assert_int_eq(q->list[number].state, EVALUATION_FAILED);
	ck_assert_msg(strstr(buf_text(&q->list[number].text), text), "%s",
		buf_text(&q->list[number].text));
}

START_TEST(a_death_is_the_fault_of_what_dies_alone)
{
	struct set s = {0};
	struct question q = {0};
	set_add(&s, ".list | sort");
	set_add(&s, KILLS);
	set_add(&s, ".text | length");
	want(&q, &s, DOT);
	ck_assert(question_ask(&q));
	check_value(&q, 0, "[1,2,3]");
	check_failed(&q, 1, "it stopped libjq: signal 6");
	check_value(&q, 2, "3");
	pid_t template = s.evaluator->template.pid;
	ck_assert_int_gt(template, 0);
	question_clear(&q);
	want(&q, &s, DOT);
	ck_assert(question_ask(&q));
	check_value(&q, 2, "3");
	ck_assert_int_eq(s.evaluator->template.pid, template); /* compiled once */
	question_finish(&q);
	set_finish(&s);
}
END_TEST

static void on_alarm(uv_timer_t *timer)
{
	(void)timer;
}

static void ask_on_loop(uv_loop_t *loop, struct question *q)
{
	if (question_ask(q))
		return;
	while (q->asked)
		uv_run(loop, UV_RUN_ONCE);
}

static void on_asked(void *ctx)
{
	(void)ctx;
}

/* The next copy is made while nobody has looked yet how the one before ended. */
START_TEST(a_death_keeps_nobody_waiting)
{
	struct set s = {0};
	struct question q = {.on_answered = on_asked};
	uv_loop_t loop;
	uv_timer_t timer;
	siginfo_t info;
	uv_loop_init(&loop);
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_alarm, 20, 20);
	evaluators_begin(&loop);
	set_add(&s, ".list | sort");
	want(&q, &s, DOT);
	ask_on_loop(&loop, &q);
	check_value(&q, 0, "[1,2,3]");
	pid_t pid = s.evaluator->copies->process.pid;
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	question_clear(&q);
	want(&q, &s, DOT);
	ck_assert(!question_ask(&q));
	ck_assert_int_eq(s.evaluator->state, TEMPLATE_FORKS);
	ask_on_loop(&loop, &q);
	check_value(&q, 0, "[1,2,3]");
	question_finish(&q);
	set_finish(&s);
	evaluators_end();
	uv_close((uv_handle_t *)&timer, NULL);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
}
END_TEST

START_TEST(what_others_kill_is_tried_again)
{
	struct set s = {0};
	struct question q = {0};
	set_add(&s, ".list | add");
	for (int i = 0; i < 5; i++) {
		if (i == 1) /* the copy that would answer */
			ck_assert(kill(s.evaluator->copies->process.pid, SIGKILL) == 0);
		if (i == 3) /* and what it came from */
			ck_assert(kill(s.evaluator->template.pid, SIGKILL) == 0);
		if (i == 4)
			ck_assert(kill(s.evaluator->copies->process.pid, SIGKILL) == 0);
		question_clear(&q);
		want(&q, &s, DOT);
		ck_assert(question_ask(&q));
		check_value(&q, 0, "6");
	}
	question_finish(&q);
	set_finish(&s);
}
END_TEST

START_TEST(time_is_the_copys_own_and_shared)
{
	struct set s = {0};
	struct question q = {0};
	evaluators_set_timeout(200);
	set_add(&s, "last(range(1e9))");
	set_add(&s, ".text");
	set_add(&s, "[match(\"b\"; \"g\")] | length");
	struct buf dot = {0};
	buf_puts(&dot, "{\"text\":\"");
	for (int i = 0; i < 30; i++)
		buf_puts(&dot, "abc");
	buf_puts(&dot, "\"}");
	s.evaluator->timeout_ms = 0;
	want(&q, &s, buf_text(&dot));
	ck_assert(question_ask(&q));
	check_failed(&q, 0, "took longer than 200 ms");
	check_failed(&q, 2, "");
	question_finish(&q);
	set_finish(&s);
	buf_finish(&dot);
}
END_TEST

/* ~/.jq would define functions, and a time zone comes from a file. */
START_TEST(nothing_of_the_process_is_seen)
{
	char home[] = "/tmp/stepwell-jq.XXXXXX";
	ck_assert_ptr_nonnull(mkdtemp(home));
	char *file = xasprintf("%s/.jq", home);
	FILE *f = fopen(file, "we");
	ck_assert(f && fputs("def length: 42;\n", f) >= 0 && fclose(f) == 0);
	setenv("HOME", home, 1);
	setenv("TZ", "America/New_York", 1);
	struct set s = {0};
	struct question q = {0};
	set_add(&s, ".list | length");
	set_add(&s, "0 | strftime(\"%H %Z\")");
	set_add(&s, "0 | localtime | mktime");
	want(&q, &s, DOT);
	ck_assert(question_ask(&q));
	check_value(&q, 0, "3");
	check_value(&q, 1, "\"00 UTC\"");
	check_value(&q, 2, "0");
	ck_assert_uint_eq(evaluators_refused(), 0);
	question_finish(&q);
	set_finish(&s);
	unlink(file);
	rmdir(home);
	free(file);
}
END_TEST

static unsigned descriptors_of(pid_t pid)
{
	char *path = xasprintf("/proc/%d/fd", (int)pid);
	DIR *d = opendir(path);
	unsigned n = 0;
	free(path);
	if (!d)
		return 2; /* not dumpable, and we are not root */
	for (const struct dirent *e; (e = readdir(d));)
		n += *e->d_name != '.';
	closedir(d);
	return n;
}

START_TEST(a_copy_has_its_socket_and_a_pipe)
{
	struct set s = {0};
	struct question q = {0};
	set_add(&s, ".list | length");
	want(&q, &s, DOT);
	ck_assert(question_ask(&q));
	ck_assert_uint_eq(descriptors_of(s.evaluator->copies->process.pid), 2);
	question_finish(&q);
	set_finish(&s);
}
END_TEST

START_TEST(secrets_get_a_copy_of_their_own)
{
	struct set s = {0};
	struct question q = {0};
	struct scope scope = scope_of(DOT);
	set_add(&s, ".list | length");
	for (int i = 0; i < 3; i++) {
		question_clear(&q);
		scope.discreet = i == 1;
		question_look(&q, s.evaluator, 0, &scope, NULL);
		q.wanting = true;
		ck_assert(question_ask(&q));
		check_value(&q, 0, "3");
		const struct copy *c = s.evaluator->copies;
		if (i == 1 && !c) { /* it has ended, and is reaped */
			scope.discreet = false;
			continue;
		}
		ck_assert_uint_eq(c->evaluations, 1); /* never one that had others */
		ck_assert_int_eq(c->dying, i == 1);
		scope.discreet = false;
	}
	question_finish(&q);
	set_finish(&s);
}
END_TEST

START_TEST(what_libjq_said_of_a_source_is_remembered)
{
	struct set s = {0};
	struct error err;
	set_add(&s, ".list | sort");
	set_add(&s, ".list | nothing_like_that");
	ck_assert(evaluator_try(s.evaluator, 0, &err));
	ck_assert(!evaluator_try(s.evaluator, 1, &err));
	uint64_t asked = evaluator_pool.seq;
	set_add(&s, ".list | nothing_like_that");
	ck_assert(evaluator_try(s.evaluator, 0, &err));
	ck_assert(!evaluator_try(s.evaluator, 2, &err));
	ck_assert_msg(
		strstr(err.text, "nothing_like_that/0 is not defined"), "%s", err.text);
	ck_assert_uint_eq(evaluator_pool.seq, asked);
	set_add(&s, ".list | sort | sort");
	ck_assert(evaluator_try(s.evaluator, 3, &err));
	ck_assert_uint_gt(evaluator_pool.seq, asked);
	set_finish(&s);
	evaluators_end();
}
END_TEST

/* ---- On a loop ---- */

static unsigned ticks, answers;

static void on_tick(uv_timer_t *timer)
{
	(void)timer;
	ticks++;
}

static void on_answered(void *ctx)
{
	answers++;
	uv_stop(ctx);
}

START_TEST(the_loop_turns_while_it_evaluates)
{
	struct set s = {0};
	uv_loop_t loop;
	uv_timer_t timer;
	ck_assert(uv_loop_init(&loop) == 0);
	uv_timer_init(&loop, &timer);
	uv_timer_start(&timer, on_tick, 1, 1);
	evaluators_begin(&loop);
	evaluators_set_timeout(300);
	struct question q = {.on_answered = on_answered, .ctx = &loop};
	set_add(&s, ".list | sort");
	set_add(&s, "last(range(1e9))");
	want(&q, &s, DOT);
	ck_assert(!question_ask(&q));
	ck_assert(q.asked && !question_ask(&q));
	while (q.asked)
		uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_uint_eq(answers, 1);
	ck_assert_uint_gt(ticks, 20);
	check_value(&q, 0, "[1,2,3]");
	check_failed(&q, 1, "took longer");
	question_clear(&q);
	want(&q, &s, DOT);
	ck_assert(!question_ask(&q));
	question_finish(&q); /* nobody wants it any more */
	uv_close((uv_handle_t *)&timer, NULL);
	evaluators_end();
	set_finish(&s);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert(uv_loop_close(&loop) == 0);
}
END_TEST

/* ---- Who gets a place ---- */

/* One definition among others, which asks again and again. */
struct asker {
	struct set set;
	struct question q;
	uv_loop_t *loop;
	unsigned answers, failures;
	const char *value;
};

static void ask_again(struct asker *a)
{
	question_clear(&a->q);
	want(&a->q, &a->set, DOT);
	if (question_ask(&a->q)) {
		a->answers++;
		check_value(&a->q, 0, a->value);
	}
}

static void on_asker(void *ctx)
{
	struct asker *a = ctx;
	if (a->value && a->q.list[0].state == EVALUATION_VALUE) {
		a->answers++;
		check_value(&a->q, 0, a->value);
	} else {
		a->failures++;
	}
	uv_stop(a->loop);
}

static void asker_init(
	struct asker *a, uv_loop_t *loop, const char *source, const char *value)
{
	*a = (struct asker){.loop = loop, .value = value};
	a->q = (struct question){.on_answered = on_asker, .ctx = a};
	set_add(&a->set, source);
}

static void asker_finish(struct asker *a)
{
	question_finish(&a->q);
	set_finish(&a->set);
}

static uv_timer_t alive; /* what evaluators have on a loop does not keep it */

static void loop_init(uv_loop_t *loop)
{
	ck_assert(uv_loop_init(loop) == 0);
	uv_timer_init(loop, &alive);
	uv_timer_start(&alive, on_tick, 1, 1);
	evaluators_begin(loop);
}

static void loop_finish(uv_loop_t *loop)
{
	evaluators_end();
	uv_close((uv_handle_t *)&alive, NULL);
	uv_run(loop, UV_RUN_DEFAULT);
	ck_assert(uv_loop_close(loop) == 0);
}

static int64_t until_answered(struct asker *a, unsigned count)
{
	int64_t began = clock_boottime();
	for (unsigned end = a->answers + count; a->answers < end;) {
		if (!a->q.asked)
			ask_again(a);
		if (a->answers < end)
			uv_run(a->loop, UV_RUN_ONCE);
	}
	return clock_boottime() - began;
}

#define ENDLESS 40

static bool all_are_slow(const struct set *sets, unsigned count)
{
	unsigned n = 0;
	while (n < count && evaluator_is_slow(sets[n].evaluator))
		n++;
	return n == count;
}

/* More than there are copies, of more definitions than have one each. */
START_TEST(who_takes_long_keeps_nobody_waiting)
{
	uv_loop_t loop;
	static struct asker endless[ENDLESS];
	struct asker other;
	loop_init(&loop);
	evaluators_set_timeout(20000);
	struct set shared[5] = {0};
	for (int i = 0; i < 5; i++)
		set_add(&shared[i], "last(range(1e10))");
	for (int i = 0; i < ENDLESS; i++) {
		struct asker *a = &endless[i];
		*a = (struct asker){.loop = &loop};
		a->q = (struct question){.on_answered = on_asker, .ctx = a};
		want(&a->q, &shared[i % 5], DOT);
		ck_assert(!question_ask(&a->q));
	}
	/* All places are taken, and what has them is known to take long. */
	for (int64_t end = clock_boottime() + 20 * USEC_PER_SEC;
		!all_are_slow(shared, 5) && clock_boottime() < end;)
		uv_run(&loop, UV_RUN_ONCE);
	ck_assert(all_are_slow(shared, 5));
	ck_assert_uint_eq(evaluator_pool.copies, COPIES_MAX);
	asker_init(&other, &loop, ".list | length", "3");
	int64_t took = until_answered(&other, 20);
	ck_assert_msg(took < 10 * USEC_PER_SEC, "%lld us", (long long)took);
	ck_assert(!evaluator_is_slow(other.set.evaluator));
	ck_assert_uint_eq(other.failures, 0);
	unsigned slow = 0, failed = 0;
	for (int i = 0; i < 5; i++) {
		for (const struct copy *c = shared[i].evaluator->copies; c; c = c->next)
			slow += c->was_slow;
	}
	ck_assert_uint_le(slow, SLOW_MAX);
	for (int i = 0; i < ENDLESS; i++) {
		failed += endless[i].failures;
		question_finish(&endless[i].q);
	}
	ck_assert_uint_eq(failed, 0); /* who gave its place to others has not failed */
	asker_finish(&other);
	evaluators_end();
	for (int i = 0; i < 5; i++)
		set_finish(&shared[i]);
	loop_finish(&loop);
}
END_TEST

/* Killed before it is ready, while it compiles, and while it makes a copy. */
START_TEST(what_a_template_leaves_behind_is_ended)
{
	uv_loop_t loop;
	struct asker a;
	int kills[TEMPLATE_FORKS + 1] = {0};
	loop_init(&loop);
	asker_init(&a, &loop, ".list | length", "3");
	ask_again(&a);
	const struct evaluator *e = a.set.evaluator;
	while (a.q.asked) {
		if (e->state != TEMPLATE_NONE && !e->template_dying && !kills[e->state]++)
			ck_assert(kill(e->template.pid, SIGKILL) == 0);
		uv_run(&loop, UV_RUN_ONCE);
	}
	ck_assert_int_gt(kills[TEMPLATE_FORKS], 0);
	ck_assert_uint_eq(a.answers, 1);
	check_value(&a.q, 0, "3");
	asker_finish(&a);
	loop_finish(&loop);
	ck_assert(waitpid(-1, NULL, WNOHANG) == -1); /* nor is anything left to reap */
	ck_assert_int_eq(errno, ECHILD);
}
END_TEST

#define CROWD 60

/* Each has a turn, and never are there more processes than there may be. */
START_TEST(templates_are_bounded_while_all_ask)
{
	uv_loop_t loop;
	static struct asker crowd[CROWD];
	unsigned most = 0, copies = 0, answered = 0;
	loop_init(&loop);
	for (int i = 0; i < CROWD; i++) {
		asker_init(&crowd[i], &loop, ".list | length", "3");
		ask_again(&crowd[i]);
	}
	while (answered < CROWD) {
		uv_run(&loop, UV_RUN_ONCE);
		most = evaluator_pool.templates > most ? evaluator_pool.templates : most;
		copies = evaluator_pool.copies > copies ? evaluator_pool.copies : copies;
		answered = 0;
		for (int i = 0; i < CROWD; i++) {
			ck_assert_uint_eq(crowd[i].failures, 0);
			answered += crowd[i].answers > 0;
			if (!crowd[i].q.asked && answered < CROWD)
				ask_again(&crowd[i]); /* it never leaves by itself */
		}
	}
	ck_assert_uint_le(most, TEMPLATES_MAX);
	ck_assert_uint_le(copies, COPIES_MAX);
	for (int i = 0; i < CROWD; i++)
		question_finish(&crowd[i].q);
	for (int i = 0; i < CROWD; i++)
		asker_finish(&crowd[i]);
	loop_finish(&loop);
}
END_TEST

#define LARGE 16
#define VALUES 7 /* of each, of some 2 MB, and all different */

static void large_init(struct set *s)
{
	s->evaluator = evaluator_create(0, 16 << 20);
	for (int i = 0; i < VALUES; i++) {
		char *source = xasprintf("\"abc\" * %d * 1000", 700 + i);
		set_add(s, source);
		free(source);
	}
}

/* Those that have all: their owner takes some time to take it. */
static unsigned take_large(struct asker *large)
{
	unsigned done = 0;
	for (int i = 0; i < LARGE; i++) {
		for (int k = 0; large[i].failures && k < VALUES; k++)
			ck_assert_int_eq(large[i].q.list[k].state, EVALUATION_VALUE);
		if (large[i].failures)
			question_clear(&large[i].q);
		done += large[i].failures;
		large[i].failures = 0;
	}
	return done;
}

/* What is not read yet waits in the processes; who is small passes. */
START_TEST(answers_are_read_while_there_is_room)
{
	uv_loop_t loop;
	static struct asker large[LARGE];
	struct set sets[4] = {0};
	struct asker small;
	size_t most = 0;
	loop_init(&loop);
	evaluators_set_timeout(20000);
	for (int i = 0; i < 4; i++)
		large_init(&sets[i]);
	asker_init(&small, &loop, ".list | length", "3");
	for (int i = 0; i < LARGE; i++) {
		struct asker *a = &large[i];
		*a = (struct asker){.loop = &loop};
		a->q = (struct question){.on_answered = on_asker, .ctx = a};
		want(&a->q, &sets[i % 4], DOT);
		ck_assert(!question_ask(&a->q));
	}
	for (unsigned done = 0; done < LARGE; done += take_large(large)) {
		if (!small.q.asked)
			ask_again(&small);
		uv_run(&loop, UV_RUN_ONCE);
		most = evaluators_bytes() > most ? evaluators_bytes() : most;
	}
	ck_assert_msg(most < ANSWERS_MAX + (40 << 20), "%zu bytes", most);
	ck_assert_uint_gt(small.answers, 0);
	asker_finish(&small);
	for (int i = 0; i < LARGE; i++)
		question_finish(&large[i].q);
	ck_assert_uint_eq(evaluators_bytes(), 0);
	for (int i = 0; i < 4; i++)
		set_finish(&sets[i]);
	loop_finish(&loop);
}
END_TEST

/* As an object of many fields would be put together. */
START_TEST(what_a_question_gives_is_bounded_together)
{
	struct set s = {0};
	struct question q = {0};
	s.evaluator = evaluator_create(0, 1000);
	set_add(&s, "[range(400)] | map(1)");
	for (int i = 0; i < 7; i++) {
		char *source = xasprintf("[range(400)] | map(%d)", i + 2);
		set_add(&s, source);
		free(source);
	}
	want(&q, &s, DOT);
	ck_assert(question_ask(&q));
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(q.list[i].state, EVALUATION_VALUE);
	for (int i = 4; i < 8; i++)
		check_failed(&q, (unsigned)i, "more than 4000 bytes together");
	question_finish(&q);
	set_finish(&s);
}
END_TEST

START_TEST(what_is_wrong_on_the_wire_is_a_death)
{
	static const char *const lies[] = {"", "\1", "\377\377\377\377\6", "\4\0\0\0\7"};
	struct jqwire_header h;
	struct jqwire_reader r;
	for (size_t i = 0; i < sizeof lies / sizeof *lies; i++) {
		int pair[2];
		struct error err;
		struct channel c;
		bool bad = false;
		char bytes[64] = "";
		ck_assert(evaluator_process_pair(pair, &err));
		channel_init(&c, pair[0], NULL, NULL, NULL);
		memcpy(bytes, lies[i], i == 3 ? 5 : strlen(lies[i]));
		ck_assert(write(pair[1], bytes, i == 1 ? 3 : JQWIRE_HEADER) > 0);
		close(pair[1]);
		ck_assert(channel_move(&c, 4096));
		ck_assert(!channel_move(&c, 4096)); /* the other end is gone */
		ck_assert(!channel_take(&c, &h, &r, &bad));
		ck_assert_int_eq(bad, i == 0 || i == 2);
		channel_finish(&c);
	}
}
END_TEST

static void note_unfit(void *ctx, const struct error *err)
{
	*(struct error *)ctx = *err;
}

START_TEST(nothing_is_answered_where_evaluators_cannot_be)
{
	struct set s = {0};
	struct question q = {0};
	struct rlimit limit, none;
	struct error told = {0};
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	none = limit;
	none.rlim_cur = 3;
	evaluators_watch(note_unfit, &told);
	set_add(&s, ".n | floor");
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	want(&q, &s, DOT);
	ck_assert(question_ask(&q)); /* no loop: it does not wait for ever */
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	ck_assert_int_eq(q.list[0].state, EVALUATION_FAILED);
	ck_assert_ptr_nonnull(strstr(
		buf_text(&q.list[0].text), "expressions cannot be evaluated here"));
	ck_assert_str_eq(told.text, buf_text(&q.list[0].text));
	question_finish(&q);
	set_finish(&s);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("evaluator");
	TCase *tc = tcase_create("evaluator");
	tcase_set_timeout(tc, 120);
	tcase_add_test(tc, a_death_is_the_fault_of_what_dies_alone);
	tcase_add_test(tc, what_others_kill_is_tried_again);
	tcase_add_test(tc, time_is_the_copys_own_and_shared);
	tcase_add_test(tc, nothing_of_the_process_is_seen);
	tcase_add_test(tc, a_copy_has_its_socket_and_a_pipe);
	tcase_add_test(tc, secrets_get_a_copy_of_their_own);
	tcase_add_test(tc, a_death_keeps_nobody_waiting);
	tcase_add_test(tc, what_libjq_said_of_a_source_is_remembered);
	tcase_add_test(tc, the_loop_turns_while_it_evaluates);
	tcase_add_test(tc, who_takes_long_keeps_nobody_waiting);
	tcase_add_test(tc, what_a_template_leaves_behind_is_ended);
	tcase_add_test(tc, templates_are_bounded_while_all_ask);
	tcase_add_test(tc, answers_are_read_while_there_is_room);
	tcase_add_test(tc, what_a_question_gives_is_bounded_together);
	tcase_add_test(tc, what_is_wrong_on_the_wire_is_a_death);
	tcase_add_test(tc, nothing_is_answered_where_evaluators_cannot_be);
	suite_add_tcase(suite, tc);
	return suite_exit(suite);
}
