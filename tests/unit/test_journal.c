/*
 * The journal's lanes against a real Postgres: what leaves together, in which order, and
 * who is told what when a batch fails. Which rows were written by one transaction is read
 * from xmin, their order from ctid.
 */
#include "admin/admin.h"
#include "base/bounds.h"
#include "base/clock.h"
#include "journal/journal.h"
#include "suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define WRITERS_MAX 100

struct writer {
	struct outbox outbox;
	struct uuid id;
	int64_t seq, durable;
	int answers;
	enum outbox_end end;
	struct error err;
};

static uv_loop_t loop;
static struct journal *journal;
static struct db *lanes[JOURNAL_LANES];
static struct db_client *client;
static struct writer writers[WRITERS_MAX];
static int lanes_up;

/* ---- The database, seen from aside ---- */

static struct db_result *query(const char *sql)
{
	struct error err = {0};
	struct db_result *rows;
	ck_assert_msg(
		db_client_query(client, sql, NULL, &rows, &err), "%s: %s", sql, err.text);
	return rows;
}

static int64_t number(const char *sql)
{
	struct db_result *rows = query(sql);
	int64_t n = db_int(rows, 0, 0);
	db_result_destroy(rows);
	return n;
}

static void script(const char *sql)
{
	struct error err = {0};
	ck_assert_msg(db_client_script(client, sql, &err), "%s: %s", sql, err.text);
}

/* Every entry passes this body; `new` is the entry, bad names runs. */
static void set_trigger(const char *body)
{
	char *sql = xasprintf(
		"create function public.pass() returns trigger language plpgsql as $$ "
		"begin %s return new; end $$; create trigger pass before insert on "
		"stepwell.entry for each row execute function public.pass()",
		body);
	script(sql);
	free(sql);
}

static void set_bad(const struct writer *w)
{
	char id[UUID_TEXT], sql[100];
	uuid_format(w->id, id);
	snprintf(sql, sizeof sql, "insert into public.bad values ('%s')", id);
	script(sql);
}

/* ---- Writers ---- */

static void on_end(
	struct outbox *outbox, enum outbox_end end, int64_t seq, const struct error *err)
{
	struct writer *w = (struct writer *)outbox;
	w->answers++;
	w->end = end;
	if (end == OUTBOX_DURABLE) {
		w->durable = seq;
		journal_queue(journal, outbox);
	} else {
		w->err = *err;
	}
}

static void add(struct writer *w, int count)
{
	while (count-- > 0) {
		struct entry *e = entry_create(w->id, ++w->seq, 1795000000000000LL);
		e->kind = "completed";
		buf_puts(&e->data, "[]");
		outbox_add(&w->outbox, e);
	}
	journal_queue(journal, &w->outbox);
}

/* One entry with a text of its own of so many bytes. */
static void add_large(struct writer *w, size_t bytes)
{
	struct entry *e = entry_create(w->id, ++w->seq, 1795000000000000LL);
	e->kind = "completed";
	e->path = xstrdup("/do/0/a\\b\t");
	e->attempt = (unsigned)w->seq;
	buf_printf(&e->data, "[{\"op\":\"x\",\"n\":%d,\"output\":\"", (int)w->seq);
	buf_reserve(&e->data, bytes);
	char block[4096];
	for (size_t i = 0; i < sizeof block; i++)
		block[i] = (char)('a' + random_u64() % 26);
	while (e->data.len < bytes)
		buf_add(&e->data, block, sizeof block);
	buf_puts(&e->data, "\"}]");
	outbox_add(&w->outbox, e);
	journal_queue(journal, &w->outbox);
}

static void on_state(void *ctx, struct db *db, bool up, const struct error *err)
{
	int lane = db == lanes[1];
	(void)ctx;
	(void)err;
	lanes_up += up ? 1 : 0;
	journal_set_lane(journal, lane, up ? db : NULL);
}

/* Turns the loop until that many writers have an answer. */
static void wait_answers(int count)
{
	for (int answered = 0; answered < count;) {
		uv_run(&loop, UV_RUN_ONCE);
		answered = 0;
		for (int i = 0; i < WRITERS_MAX; i++)
			answered += writers[i].answers > 0;
	}
}

static void wait_durable(const struct writer *w, int64_t seq)
{
	while (w->durable < seq)
		uv_run(&loop, UV_RUN_ONCE);
}

/* ---- Life ---- */

static void begin(void)
{
	struct error err = {0};
	int applied;
	const char *conninfo = getenv("DATABASE_URL");
	ck_assert_msg(conninfo, "DATABASE_URL is not set");
	ck_assert_msg(db_client_open(conninfo, "test", &client, &err), "%s", err.text);
	ck_assert_msg(admin_migrate(client, &applied, &err), "%s", err.text);
	script("drop function if exists public.pass cascade; drop table if exists "
	       "public.bad;"
	       "create table public.bad (run_id uuid); drop sequence if exists "
	       "public.tries;"
	       "create sequence public.tries; truncate stepwell.entry");
	struct db_result *rows =
		query("select stepwell.new_id(), stepwell.make_partitions() "
		      "from generate_series(1, 100)");
	for (int i = 0; i < WRITERS_MAX; i++) {
		writers[i].id = db_uuid(rows, i, 0);
		outbox_init(&writers[i].outbox, on_end);
	}
	db_result_destroy(rows);
	uv_loop_init(&loop);
	journal = journal_create(&loop);
	struct db_options o = {
		.conninfo = conninfo, .name = "stepwell journal", .on_state = on_state};
	for (int i = 0; i < JOURNAL_LANES; i++)
		lanes[i] = db_create(&loop, &o);
	while (lanes_up < JOURNAL_LANES)
		uv_run(&loop, UV_RUN_ONCE);
}

static void end(void)
{
	for (int i = 0; i < WRITERS_MAX; i++)
		outbox_finish(&writers[i].outbox);
	journal_destroy(journal);
	for (int i = 0; i < JOURNAL_LANES; i++)
		db_destroy(lanes[i]);
	uv_run(&loop, UV_RUN_DEFAULT);
	ck_assert_int_eq(uv_loop_close(&loop), 0);
	script("drop function if exists public.pass cascade");
	db_client_close(client);
}

/* Everybody but `other` is durable; it has ended like that, and nothing of it is stored.
 */
static void check_others_durable(
	int count, const struct writer *other, enum outbox_end its)
{
	for (int i = 0; i < count; i++) {
		const struct writer *w = &writers[i];
		ck_assert_int_eq(w->answers, 1);
		ck_assert_msg(w->end == (w == other ? its : OUTBOX_DURABLE), "%d: %d", i,
			w->end);
		ck_assert(outbox_is_clear(&w->outbox));
	}
}

/* ---- Cases ---- */

START_TEST(one_turn_leaves_in_a_batch_per_lane)
{
	for (int i = 0; i < 100; i++)
		add(&writers[i], 1);
	journal_flush(journal);
	wait_answers(100);
	ck_assert_int_eq(number("select count(*) from stepwell.entry"), 100);
	ck_assert_int_eq(number("select count(distinct xmin::text) from stepwell.entry"),
		JOURNAL_LANES);
	ck_assert_int_eq(
		number("select min(n) from (select count(*) as n from stepwell.entry "
		       "group by xmin::text) t"),
		50);
}
END_TEST

START_TEST(what_comes_while_lanes_are_busy_forms_the_next_batch)
{
	for (int i = 0; i < 2; i++)
		add(&writers[i], 1);
	journal_flush(journal);
	for (int i = 2; i < 100; i++) {
		add(&writers[i], 1);
		journal_flush(journal);
	}
	wait_answers(2);
	journal_flush(journal);
	wait_answers(100);
	ck_assert_int_le(
		number("select count(distinct xmin::text) from stepwell.entry"), 12);
}
END_TEST

START_TEST(cap_never_splits_a_run)
{
	add(&writers[0], JOURNAL_BATCH + 100);
	add(&writers[1], JOURNAL_BATCH + 100);
	add(&writers[2], 1);
	journal_flush(journal);
	wait_answers(3);
	ck_assert_int_eq(
		number("select max(n) from (select count(distinct xmin::text) as n from "
		       "stepwell.entry group by run_id) t"),
		1);
}
END_TEST

START_TEST(entries_of_a_run_wait_for_its_earlier_ones)
{
	/* An entry sees the one before it; so it was committed, or is of the same batch.
	 */
	set_trigger("perform pg_sleep(0.05); if new.seq > 1 and not exists (select from "
		    "stepwell.entry e where e.run_id = new.run_id and e.seq = new.seq - "
		    "1) then "
		    "raise exception 'too early'; end if;");
	add(&writers[0], 1);
	journal_flush(journal);
	add(&writers[0], 2); /* the other lane is idle */
	journal_flush(journal);
	ck_assert(!writers[0].outbox.queued);
	wait_durable(&writers[0], 1);
	add(&writers[0], 1);
	journal_flush(journal);
	wait_durable(&writers[0], 4);
	ck_assert_int_eq(number("select count(*) from stepwell.entry"), 4);
	ck_assert_int_eq(
		number("select count(distinct xmin::text) from stepwell.entry where "
		       "seq in (2, 3)"),
		1);
}
END_TEST

START_TEST(a_batch_is_in_the_order_of_run_ids)
{
	/* Whoever locks several runs does it in this order: a takeover too. */
	for (int i = 99; i >= 0; i--)
		add(&writers[i], 2);
	journal_flush(journal);
	wait_answers(100);
	ck_assert_int_eq(
		number("select count(*) from (select run_id, seq, lag(run_id) over w as "
		       "run_before, lag(seq) over w as seq_before from stepwell.entry "
		       "window w "
		       "as (partition by tableoid, xmin::text order by ctid)) t where "
		       "run_before "
		       "> run_id or (run_before = run_id and seq_before <> seq - 1)"),
		0);
}
END_TEST

/* Takes the number of the writer's entry before its batch does. */
static void somebody_else_claims(int writer, int seq)
{
	char id[UUID_TEXT], sql[200];
	uuid_format(writers[writer].id, id);
	snprintf(sql, sizeof sql,
		"insert into stepwell.entry (run_id, seq, at, kind, data) "
		"values ('%s', %d, now(), 'claimed', '[]')",
		id, seq);
	script(sql);
}

START_TEST(conflict_is_answered_to_its_log_alone)
{
	somebody_else_claims(37, 2);
	for (int i = 0; i < 90; i++)
		add(&writers[i], 2);
	journal_flush(journal);
	wait_answers(90);
	check_others_durable(90, &writers[37], OUTBOX_CONFLICT);
	ck_assert_int_eq(number("select count(*) from stepwell.entry"), 89 * 2 + 1);
}
END_TEST

START_TEST(unstorable_is_answered_to_its_log_alone)
{
	set_trigger("if exists (select from public.bad b where b.run_id = new.run_id) "
		    "then raise "
		    "exception 'not this one'; end if;");
	set_bad(&writers[5]);
	for (int i = 0; i < 90; i++)
		add(&writers[i], 1);
	journal_flush(journal);
	wait_answers(90);
	check_others_durable(90, &writers[5], OUTBOX_UNSTORABLE);
	ck_assert_msg(
		strstr(writers[5].err.text, "not this one"), "%s", writers[5].err.text);
	ck_assert_int_eq(number("select count(*) from stepwell.entry"), 89);
}
END_TEST

START_TEST(transient_error_is_tried_again)
{
	set_trigger("if nextval('public.tries') < 3 then raise exception 'again' using "
		    "errcode = "
		    "'40001'; end if;");
	for (int i = 0; i < 50; i++)
		add(&writers[i], 1);
	journal_flush(journal);
	wait_answers(50);
	check_others_durable(50, NULL, OUTBOX_DURABLE);
}
END_TEST

START_TEST(run_that_fails_for_now_rests_alone)
{
	set_trigger("if exists (select from public.bad b where b.run_id = new.run_id) "
		    "then raise "
		    "exception 'again' using errcode = '40P01'; end if;");
	set_bad(&writers[20]);
	for (int i = 0; i < 90; i++)
		add(&writers[i], 1);
	journal_flush(journal);
	wait_answers(89);
	ck_assert_int_eq(writers[20].answers, 0);
	ck_assert(!outbox_is_clear(&writers[20].outbox));
	add(&writers[20], 1); /* behind the first one */
	script("delete from public.bad");
	wait_durable(&writers[20], 2);
	writers[20].answers = 1; /* or two, if the first entry was under way just then */
	check_others_durable(90, NULL, OUTBOX_DURABLE);
}
END_TEST

START_TEST(lost_connection_leaves_its_batch_in_doubt)
{
	for (int i = 0; i < 10; i++)
		add(&writers[i], 1);
	journal_flush(journal);
	add(&writers[50], 1); /* still waiting */
	for (int i = 0; i < JOURNAL_LANES; i++)
		db_reset(lanes[i]);
	for (int i = 0; i < 10; i++) {
		ck_assert_int_eq(writers[i].end, OUTBOX_AMBIGUOUS);
		ck_assert(outbox_is_clear(&writers[i].outbox));
	}
	ck_assert_int_eq(writers[50].answers, 0);
	while (lanes_up < 2 * JOURNAL_LANES)
		uv_run(&loop, UV_RUN_ONCE);
	journal_flush(journal);
	wait_durable(&writers[50], 1);
	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(writers[i].answers, 1); /* nothing was sent again */
}
END_TEST

/* Bytes of the largest transaction. */
static int64_t largest_batch(void)
{
	return number("select max(n) from (select sum(length(data)) as n from "
		      "stepwell.entry group by tableoid, xmin::text) t");
}

START_TEST(large_entries_leave_a_few_at_a_time)
{
	for (int i = 0; i < 40; i++)
		add_large(&writers[i], BOUND_MIB - 100);
	journal_flush(journal);
	wait_answers(40);
	check_others_durable(40, NULL, OUTBOX_DURABLE);
	ck_assert_int_le(largest_batch(), BOUND_FLUSH);
	ck_assert_int_gt(largest_batch(), BOUND_FLUSH / 2);
	ck_assert_int_eq(number("select count(*) from stepwell.entry where path = "
				"E'/do/0/a\\\\b\\t' and attempt = seq and "
				"at = to_timestamp(1795000000) and data::json -> 0 ->> "
				"'n' = '1' and length(data) >= 1048476"),
		40);
}
END_TEST

START_TEST(entries_of_a_run_are_split_by_bytes)
{
	for (int i = 0; i < 20; i++)
		add_large(&writers[0], BOUND_MIB);
	add_large(&writers[0], BOUND_FLUSH + BOUND_MIB); /* alone, since it is larger */
	add(&writers[0], 1);
	journal_flush(journal);
	wait_durable(&writers[0], 22);
	ck_assert_int_ge(
		number("select count(distinct xmin::text) from stepwell.entry"), 4);
	ck_assert_int_eq(number("select count(*) from stepwell.entry e where seq = 21 "
				"and not exists (select from stepwell.entry o where "
				"o.xmin = e.xmin and o.seq <> 21)"),
		1);
	ck_assert_int_eq(
		number("select count(*) from stepwell.entry a join stepwell.entry b "
		       "on b.seq = a.seq + 1 where a.xmin::text::bigint > "
		       "b.xmin::text::bigint"),
		0);
}
END_TEST

START_TEST(large_conflict_is_answered_to_its_log_alone)
{
	somebody_else_claims(3, 1);
	for (int i = 0; i < 8; i++)
		add_large(&writers[i], BOUND_MIB);
	journal_flush(journal);
	wait_answers(8);
	check_others_durable(8, &writers[3], OUTBOX_CONFLICT);
	ck_assert_int_eq(number("select count(*) from stepwell.entry"), 8);
}
END_TEST

START_TEST(lost_connection_leaves_a_large_entry_in_doubt)
{
	add_large(&writers[0], 4 * BOUND_MIB);
	journal_flush(journal);
	for (int i = 0; i < 3; i++)
		uv_run(&loop, UV_RUN_ONCE);
	for (int i = 0; i < JOURNAL_LANES; i++)
		db_reset(lanes[i]);
	ck_assert_int_eq(writers[0].end, OUTBOX_AMBIGUOUS);
	while (lanes_up < 2 * JOURNAL_LANES)
		uv_run(&loop, UV_RUN_ONCE);
	add_large(&writers[1], 4 * BOUND_MIB);
	add(&writers[2], 1);
	journal_flush(journal);
	wait_durable(&writers[1], 1);
	wait_durable(&writers[2], 1);
	ck_assert_int_eq(writers[0].answers, 1);
}
END_TEST

/* Whoever takes the run over would wait for that lock, too: it is no reason to be taken
 * for dead, nor to hold up others. */
START_TEST(lock_that_somebody_holds_is_no_silence)
{
	int64_t began = clock_boottime();
	set_trigger("if exists (select from public.bad b where b.run_id = new.run_id) "
		    "then perform pg_sleep(0.2); raise exception 'held' using errcode = "
		    "'55P03'; end if;");
	set_bad(&writers[20]);
	for (int i = 0; i < 90; i++)
		add(&writers[i], 1);
	journal_flush(journal);
	wait_answers(89);
	ck_assert_int_eq(writers[20].answers, 0);
	while (clock_boottime() - began < 4 * USEC_PER_SEC) {
		int64_t since = journal_stuck_since(journal);
		ck_assert(!since || clock_boottime() - since < USEC_PER_SEC);
		uv_run(&loop, UV_RUN_ONCE);
	}
	script("delete from public.bad");
	wait_durable(&writers[20], 1);
}
END_TEST

START_TEST(withdrawn_entries_are_not_sent)
{
	for (int i = 0; i < 10; i++)
		add(&writers[i], 1);
	journal_withdraw(journal, &writers[9].outbox); /* the last in the queue */
	journal_withdraw(journal, &writers[0].outbox); /* the first */
	add(&writers[10], 1);
	journal_flush(journal);
	wait_answers(9);
	ck_assert(outbox_is_clear(&writers[0].outbox) &&
		  outbox_is_clear(&writers[9].outbox));
	ck_assert_int_eq(number("select count(*) from stepwell.entry"), 9);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("journal");
	TCase *t = tcase_create("journal");
	tcase_add_checked_fixture(t, begin, end);
	tcase_add_test(t, one_turn_leaves_in_a_batch_per_lane);
	tcase_add_test(t, what_comes_while_lanes_are_busy_forms_the_next_batch);
	tcase_add_test(t, cap_never_splits_a_run);
	tcase_add_test(t, entries_of_a_run_wait_for_its_earlier_ones);
	tcase_add_test(t, a_batch_is_in_the_order_of_run_ids);
	tcase_add_test(t, conflict_is_answered_to_its_log_alone);
	tcase_add_test(t, unstorable_is_answered_to_its_log_alone);
	tcase_add_test(t, transient_error_is_tried_again);
	tcase_add_test(t, run_that_fails_for_now_rests_alone);
	tcase_add_test(t, lost_connection_leaves_its_batch_in_doubt);
	tcase_add_test(t, large_entries_leave_a_few_at_a_time);
	tcase_add_test(t, entries_of_a_run_are_split_by_bytes);
	tcase_add_test(t, large_conflict_is_answered_to_its_log_alone);
	tcase_add_test(t, lost_connection_leaves_a_large_entry_in_doubt);
	tcase_add_test(t, lock_that_somebody_holds_is_no_silence);
	tcase_add_test(t, withdrawn_entries_are_not_sent);
	suite_add_tcase(suite, t);
	return suite_exit(suite);
}
