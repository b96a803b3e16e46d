/*
 * Group commit over two lanes. A lane takes its share of the outboxes that wait, sends
 * all their entries as one transaction, and answers each outbox. Ranges of a failed batch
 * are a stack of halves, tried one after the other.
 */
#include "journal/journal.h"

#include "base/bounds.h"
#include "base/clock.h"
#include "base/log.h"
#include "journal/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE 4 /* transient failures in a row before a batch is halved */
#define RENEWALS 3 /* failures in a row that count as a sign of life */
#define REST_USEC (200 * USEC_PER_MS)
#define REST_DOUBLED 4 /* times, while it goes on failing */

struct range {
	size_t from, count;
};

struct lane {
	struct journal *journal;
	struct db *db;
	struct outbox **outboxes; /* of the batch, and of the halves still to be tried */
	size_t log_count;
	struct range ranges[16]; /* a stack; the top is in flight */
	int range_count;
	bool in_flight;
	bool refused;   /* its last answer was that it cannot be written at all */
	bool pausing;   /* until pause fires: after a transient error */
	bool answering; /* outboxes are being told; nothing new is sent meanwhile */
	uv_timer_t pause;
};

struct journal {
	uv_loop_t *loop;
	struct outbox *head, **tail; /* outboxes with something to send */
	size_t queued;
	struct outbox
		*resting; /* single runs whose entries failed for a passing reason */
	uv_timer_t rest;
	struct lane lanes[JOURNAL_LANES];
	int open_handles;
	bool closing;
};

void journal_queue(struct journal *j, struct outbox *outbox)
{
	if (outbox->queued || outbox->sent || !outbox->head)
		return;
	outbox->queued = true;
	outbox->next = NULL;
	*j->tail = outbox;
	j->tail = &outbox->next;
	j->queued++;
}

static struct outbox *dequeue(struct journal *j)
{
	struct outbox *outbox = j->head;
	if (!outbox)
		return NULL;
	j->head = outbox->next;
	if (!j->head)
		j->tail = &j->head;
	outbox->queued = false;
	j->queued--;
	return outbox;
}

static void send_top(struct lane *lane);
static void fill(struct lane *lane);

static size_t count_entries(const struct entry *e)
{
	size_t n = 0;
	for (; e; e = e->next)
		n++;
	return n;
}

static void answer_range(struct lane *lane, enum outbox_end end, const struct error *err)
{
	struct range r = lane->ranges[--lane->range_count];
	lane->answering = true;
	for (size_t i = r.from; i < r.from + r.count; i++) {
		struct outbox *outbox = lane->outboxes[i];
		lane->outboxes[i] = NULL; /* it may be freed now */
		outbox_answer(outbox, end, err);
	}
	lane->answering = false;
}

static void halve(struct lane *lane)
{
	struct range *top = &lane->ranges[lane->range_count - 1];
	struct range first = {top->from, top->count / 2};
	top->from += first.count;
	top->count -= first.count;
	lane->ranges[lane->range_count++] = first;
}

static void on_pause_over(uv_timer_t *timer)
{
	struct lane *lane = timer->data;
	lane->pausing = false;
	send_top(lane);
}

static void pause_lane(struct lane *lane, int tries)
{
	unsigned limit = 10u << (tries < 8 ? tries : 8);
	lane->pausing = true;
	uv_timer_start(&lane->pause, on_pause_over, 5 + random_u64() % limit, 0);
}

static void on_rested(uv_timer_t *timer);

static void wake_at(struct journal *j, int64_t at)
{
	int64_t left = at - clock_boottime();
	uv_timer_start(&j->rest, on_rested,
		left > 0 ? (uint64_t)((left + 999) / USEC_PER_MS) : 0, 0);
}

static void on_rested(uv_timer_t *timer)
{
	struct journal *j = timer->data;
	int64_t now = clock_boottime(), next = INT64_MAX;
	for (struct outbox **p = &j->resting, *outbox; (outbox = *p);) {
		if (outbox->rests_until > now) {
			next = next < outbox->rests_until ? next : outbox->rests_until;
			p = &outbox->next;
			continue;
		}
		*p = outbox->next;
		outbox->queued = outbox->resting = false;
		journal_queue(j, outbox);
	}
	if (j->resting)
		wake_at(j, next);
	journal_flush(j);
}

/* Longer each time; from now on it goes alone. */
static int64_t rest_time(struct outbox *outbox)
{
	if (outbox->deferred < PATIENCE)
		outbox->deferred = PATIENCE;
	int doubled = outbox->deferred - PATIENCE;
	return REST_USEC << (doubled < REST_DOUBLED ? doubled : REST_DOUBLED);
}

/* The run on top waits by itself, so that the others of its lane need not. */
static void rest(struct lane *lane)
{
	struct journal *j = lane->journal;
	struct outbox *outbox = lane->outboxes[lane->ranges[--lane->range_count].from];
	struct entry *last = outbox->sent;
	while (last->next)
		last = last->next;
	last->next = outbox->head;
	if (!outbox->head)
		outbox->tail = &last->next;
	outbox->head = outbox->sent;
	outbox->sent = NULL;
	outbox->queued = outbox->resting = true;
	outbox->rests_until = clock_boottime() + rest_time(outbox);
	outbox->next = j->resting;
	j->resting = outbox;
	wake_at(j, clock_boottime()); /* which finds out when the next one is over */
}

static void on_partitions(struct db_batch *b)
{
	struct lane *lane = b->ctx;
	db_batch_destroy(b);
	lane->in_flight = false;
	send_top(lane);
}

/* What was in flight is in doubt; halves still to be tried again did not happen, but
 * their outboxes are answered alike: the same check finds that out. */
static void abandon(struct lane *lane, const struct error *err)
{
	while (lane->range_count > 0)
		answer_range(lane, OUTBOX_AMBIGUOUS, err);
}

/* Somebody holds a lock: whoever took the run over would wait for it just so. */
static bool is_lock(const struct error *err)
{
	return strcmp(err->sqlstate, "55P03") == 0 ||
	       strncmp(err->sqlstate, "40", 2) == 0;
}

/* The journal did answer, so its debt counts from now: always while somebody holds a
 * lock, else a few times only, since another worker may be answered better. */
static void renew(struct lane *lane, const struct error *err)
{
	int64_t now = clock_boottime();
	for (size_t i = 0; i < lane->log_count; i++) {
		struct outbox *outbox = lane->outboxes[i];
		if (outbox && (is_lock(err) || outbox->deferred <= RENEWALS))
			outbox->since = now;
	}
}

/* A passing failure of the range on top. A lock was waited for already. */
static void on_passing(struct lane *lane, const struct error *err)
{
	struct range top = lane->ranges[lane->range_count - 1];
	struct outbox *first = lane->outboxes[top.from];
	bool waited = strcmp(err->sqlstate, "55P03") == 0;
	first->deferred++;
	if (!waited && first->deferred <= PATIENCE)
		pause_lane(lane, first->deferred - 1);
	else if (top.count > 1)
		halve(lane);
	else
		rest(lane);
}

static void make_partitions(struct lane *lane)
{
	struct db_batch *make = db_batch_create(on_partitions, lane);
	store_make_partitions(make);
	lane->in_flight = true;
	db_send(lane->db, make);
}

static void on_failed(struct lane *lane, const struct db_batch *b)
{
	struct range top = lane->ranges[lane->range_count - 1];
	const struct error *err = &b->err;
	struct outbox *first = lane->outboxes[top.from];
	bool missing_partition = strcmp(err->sqlstate, "23514") == 0;
	lane->refused = db_error_is_drift(err);
	if (!b->ambiguous && !lane->refused)
		renew(lane, err);
	if (b->ambiguous) {
		abandon(lane, err);
	} else if (lane->refused) {
		log_line(LOG_WARNING, "the journal cannot be written: %s", err->text);
		pause_lane(lane, first->deferred++);
	} else if (missing_partition && first->deferred++ < 2) {
		make_partitions(lane);
	} else if (err->kind == ERROR_TRANSIENT) {
		on_passing(lane, err);
	} else if (top.count > 1) {
		halve(lane);
	} else {
		answer_range(lane,
			err->kind == ERROR_FENCED ? OUTBOX_CONFLICT : OUTBOX_UNSTORABLE,
			err);
	}
}

static void on_flushed(struct db_batch *b)
{
	struct lane *lane = b->ctx;
	lane->in_flight = false;
	if (lane->journal->closing) {
		db_batch_destroy(b);
		return;
	}
	if (b->err.kind == ERROR_NONE) {
		lane->refused = false;
		answer_range(lane, OUTBOX_DURABLE, NULL);
	} else {
		on_failed(lane, b);
	}
	db_batch_destroy(b);
	send_top(lane);
}

static void send_range(struct lane *lane, struct range r)
{
	size_t count = 0, n = 0, bytes = 0;
	for (size_t i = 0; i < r.count; i++)
		count += count_entries(lane->outboxes[r.from + i]->sent);
	struct entry **entries = xcalloc(count, sizeof(struct entry *));
	for (size_t i = 0; i < r.count; i++) {
		for (struct entry *e = lane->outboxes[r.from + i]->sent; e; e = e->next) {
			entries[n++] = e;
			bytes += e->data.len;
		}
	}
	struct db_batch *b = db_batch_create(on_flushed, lane);
	if (bytes > BOUND_STREAM)
		store_append_large(b, entries, count);
	else
		store_append(b, entries, count);
	free(entries);
	lane->in_flight = true;
	db_send(lane->db, b);
}

static void send_top(struct lane *lane)
{
	if (lane->in_flight || lane->pausing || lane->answering || lane->journal->closing)
		return;
	if (lane->range_count == 0) {
		fill(lane);
		return;
	}
	if (!lane->db || !db_is_up(lane->db)) {
		struct error err;
		error_set(&err, ERROR_TRANSIENT, "the connection was lost");
		abandon(lane, &err);
		return;
	}
	send_range(lane, lane->ranges[lane->range_count - 1]);
}

static size_t lanes_up(const struct journal *j)
{
	size_t n = 0;
	for (int i = 0; i < JOURNAL_LANES; i++)
		n += j->lanes[i].db && db_is_up(j->lanes[i].db);
	return n ? n : 1;
}

static size_t logs_in_flight(const struct journal *j)
{
	size_t n = 0;
	for (int i = 0; i < JOURNAL_LANES; i++)
		n += j->lanes[i].in_flight ? j->lanes[i].log_count : 0;
	return n;
}

/* Whoever appends to several runs does so in the order of their ids, or they could
 * deadlock. */
static int compare_logs(const void *a, const void *b)
{
	const struct outbox *const *x = a, *const *y = b;
	return uuid_compare((*x)->sent->run_id, (*y)->sent->run_id);
}

/* Whether the outbox that waits longest goes along with `bytes` of others. */
static bool goes_along(const struct outbox *outbox, size_t bytes)
{
	return outbox && outbox->deferred < PATIENCE &&
	       bytes + entry_bytes(outbox->head) <= BOUND_FLUSH;
}

/* Takes the lane's share of what waits: (ready + in flight) / lanes, so that one lane
 * does not take all while the other one goes idle. What has failed often goes alone. */
static void fill(struct lane *lane)
{
	struct journal *j = lane->journal;
	if (lane->in_flight || lane->range_count || lane->pausing || lane->answering ||
		!j->head || !lane->db || !db_is_up(lane->db))
		return;
	size_t lanes = lanes_up(j), entries = 0, bytes = 0;
	size_t share = (j->queued + logs_in_flight(j) + lanes - 1) / lanes;
	struct outbox *outbox;
	lane->outboxes = xrealloc(lane->outboxes, share * sizeof(struct outbox *));
	lane->log_count = 0;
	do {
		outbox = dequeue(j);
		bytes += outbox_send(outbox, BOUND_FLUSH - bytes);
		entries += count_entries(outbox->sent);
		lane->outboxes[lane->log_count++] = outbox;
	} while (lane->log_count < share && entries < JOURNAL_BATCH &&
		 outbox->deferred < PATIENCE && goes_along(j->head, bytes));
	qsort(lane->outboxes, lane->log_count, sizeof(struct outbox *), compare_logs);
	lane->ranges[0] = (struct range){0, lane->log_count};
	lane->range_count = 1;
	send_top(lane);
}

struct journal *journal_create(uv_loop_t *loop)
{
	struct journal *j = xcalloc(1, sizeof *j);
	j->loop = loop;
	j->tail = &j->head;
	uv_timer_init(loop, &j->rest);
	j->rest.data = j;
	j->open_handles = 1;
	for (int i = 0; i < JOURNAL_LANES; i++) {
		j->lanes[i].journal = j;
		uv_timer_init(loop, &j->lanes[i].pause);
		j->lanes[i].pause.data = &j->lanes[i];
		j->open_handles++;
	}
	return j;
}

static void on_closed(struct journal *j)
{
	if (--j->open_handles == 0)
		free(j);
}

static void on_rest_closed(uv_handle_t *handle)
{
	on_closed(handle->data);
}

static void on_pause_closed(uv_handle_t *handle)
{
	struct lane *lane = handle->data;
	free(lane->outboxes);
	on_closed(lane->journal);
}

void journal_destroy(struct journal *j)
{
	if (!j)
		return;
	j->closing = true;
	uv_close((uv_handle_t *)&j->rest, on_rest_closed);
	for (int i = 0; i < JOURNAL_LANES; i++)
		uv_close((uv_handle_t *)&j->lanes[i].pause, on_pause_closed);
}

void journal_set_lane(struct journal *j, int lane, struct db *db)
{
	struct lane *l = &j->lanes[lane];
	struct error err;
	l->db = db;
	if (db || !l->pausing)
		return;
	/* What waited to be tried again must be compared with the journal first. */
	uv_timer_stop(&l->pause);
	l->pausing = false;
	error_set(&err, ERROR_TRANSIENT, "the connection was lost");
	abandon(l, &err);
}

void journal_withdraw(struct journal *j, struct outbox *outbox)
{
	struct outbox **p = outbox->resting ? &j->resting : &j->head;
	assert(!outbox->sent);
	while (outbox->queued && *p != outbox)
		p = &(*p)->next;
	if (outbox->queued) {
		*p = outbox->next;
		if (!outbox->resting && j->tail == &outbox->next)
			j->tail = p;
		j->queued -= !outbox->resting;
	}
	outbox->queued = outbox->resting = false;
	outbox_finish(outbox);
}

void journal_flush(struct journal *j)
{
	for (int i = 0; i < JOURNAL_LANES; i++)
		fill(&j->lanes[i]);
}

static void note_oldest(int64_t since, int64_t *oldest)
{
	if (since && (!*oldest || since < *oldest))
		*oldest = since;
}

/* Up to when the lane gets on, as far as one can see: 0 if it does not. */
static int64_t moves_until(const struct lane *lane)
{
	return lane->in_flight && !lane->refused && lane->db ? db_moves_until(lane->db)
							     : 0;
}

static int64_t later(int64_t since, int64_t until)
{
	return since && since < until ? until : since;
}

int64_t journal_stuck_since(const struct journal *j)
{
	int64_t oldest = 0, turn = 0; /* of what is queued */
	for (int l = 0; l < JOURNAL_LANES; l++) {
		const struct lane *lane = &j->lanes[l];
		int64_t until = moves_until(lane);
		turn = turn > until ? turn : until;
		for (size_t i = 0; lane->range_count && i < lane->log_count; i++) {
			if (lane->outboxes[i])
				note_oldest(
					later(lane->outboxes[i]->since, until), &oldest);
		}
	}
	for (const struct outbox *outbox = j->head; outbox; outbox = outbox->next)
		note_oldest(later(outbox->since, turn), &oldest);
	return oldest;
}
