/*
 * The inside of a worker, shared by worker.c (life, connections), poll.c (what there is
 * to do), claim.c (heartbeat, claims), takeover.c (runs of dead workers), suspects.c and
 * suspected.c (processes for suspects), load.c (from journal to run), routing.c, turn.c
 * (what a turn of the loop does) and
 * owned.c (the runs in memory and their effects).
 */
#ifndef STEPWELL_WORKER_INSIDE_H
#define STEPWELL_WORKER_INSIDE_H

#include "base/clock.h"
#include "db/db.h"
#include "journal/journal.h"
#include "run/advance.h"
#include "run/run.h"
#include "run/run_effect.h"
#include "run/stop.h"
#include "worker/definitions.h"
#include "worker/worker.h"

struct claim;
struct event_correlation;
struct suspects;

#define WATCH_USEC (500 * USEC_PER_MS)

enum owned_state {
	OWNED_LOADING, /* claimed; its journal is being read */
	OWNED_LIVE,
	OWNED_LEAVING, /* its last entry is on the way: ended, suspended or handed back */
	OWNED_DOUBT,   /* after a lost connection: to be claimed again and reloaded */
};

/* A run that this worker owns. */
struct owned_run {
	struct worker *worker;
	struct uuid id;
	enum owned_state state;
	struct outbox outbox;
	struct run *run;         /* NULL while loading */
	struct run_effect *kept; /* they survive a reload */
	unsigned need;           /* enum run_need, as of its last advance */
	int slots;               /* that its effects hold, or were granted */
	size_t event_bytes;      /* of what was offered to it and is not durable yet */
	bool asks, asking; /* which children have ended; the question is under way */
	bool woken, in_slot_queue, unstorable;
	uv_timer_t timer;
	struct owned_run *next_woken, *next_slot; /* queues */
	struct owned_run *hash_next;

	/* From the claim. */
	struct uuid definition_id;
	struct value *input;
	int64_t claimed_seq, created_at, started_at;
	int64_t leave_at;  /* the entry from which it is no suspect any more */
	uint32_t woken_by; /* the version of its lease that woke it last */
	enum run_request request;
	bool by_own_claim;   /* after a lost connection: nothing was lost */
	bool dropped_effect; /* one that was under way was stopped: it may have happened
			      */
	bool was_live;       /* this process has executed it before */
	bool carries;        /* what is in flight goes with an effect's transaction */
	bool alone;          /* and the entry that is made takes nothing else along */
	int refusals;        /* such transactions in a row that were not committed */
	bool rests;          /* in doubt, until its timer says so */
	bool stale; /* the table says otherwise; the answer to what is in flight is
		       awaited */
};

/* What of a load goes on in a later turn; go_on returns true when it is gone. */
struct load_part {
	struct load_part *next;
	bool (*go_on)(struct load_part *part, int64_t until);
};

#define OWNED_BUCKETS 8192

struct worker {
	struct worker_options options;
	uv_loop_t loop;
	int64_t turn_used; /* turn.c */
	struct uuid id;
	char id_text[UUID_TEXT];
	char *has[16]; /* what it can do: shell, sql, database:NAME; NULL-ended */

	struct db *beat, *control, *lanes[JOURNAL_LANES];
	struct db_pace pace; /* theirs, and that of `call: sql` here */
	struct journal *journal;
	struct host host;

	struct owned_run *buckets[OWNED_BUCKETS];
	size_t owned_count;
	struct owned_run *woken, **woken_tail;
	struct owned_run *slot_head, **slot_tail;
	int effects_running;

	struct definitions definitions;
	struct correlations *shapes; /* correlations, compiled: routing.c */
	bool asking, ask_wanted;     /* children.c */
	bool routing, has_routed, attending, attend_wanted;
	struct events_look *looks; /* under way */
	uint64_t attend_looks;     /* questions for arrivals so far */
	size_t event_bytes;        /* of its runs, together */
	int64_t pruned_at;

	uv_prepare_t prepare;
	uv_timer_t beat_timer, poll_timer, due_timer, watch_timer, drain_timer,
		limit_timer, again_timer;
	uv_signal_t sigterm, sigint;

	int64_t clock_offset; /* database's time minus CLOCK_BOOTTIME */
	bool clock_known;
	int64_t lease_until; /* CLOCK_BOOTTIME */
	int64_t beat_sent_at;
	int64_t beaten_at; /* when the last one that was answered was sent */
	bool lapsed;   /* the lease had run out: until memory and table are compared */
	bool beating;  /* a heartbeat is in flight */
	bool released; /* it has said that it lets its runs go, since its last heartbeat
			*/
	bool polling, claiming, listing, reclaiming; /* a statement is in flight */
	bool poll_again;                             /* a hint came while looking */
	bool claimed_nothing; /* the last claim, sent since the last look */
	size_t window;        /* of due runs that may be in memory: claim.c */
	int64_t due_since; /* database's time; nothing was due before at the last look */
	int claim_limit;   /* of the last claim of due runs */
	bool claimed_full; /* it got as many as it asked for */
	bool has_listed;   /* the leases in its name */
	int64_t listed_at, partitioned_at; /* CLOCK_BOOTTIME of the last time, 0: never */
	int takeover_limit; /* while a run of a dead worker is blocked; 0: none */
	int64_t takeover_after;
	struct uuid vanished[64]; /* seen without sessions once */
	int64_t vanished_at[64];
	size_t vanished_count;
	int loads; /* batches of load.c in flight, or being replayed */
	struct load_part *parts, **parts_tail; /* of those: a turn goes on with some */

	struct suspects *suspects; /* in processes of their own, which are ours */
	uv_timer_t turn_timer;     /* in such a process */
	uv_poll_t lifeline;

	bool draining, stopped;
	bool ready; /* all connections were up once */
	bool lane_was_up[JOURNAL_LANES];
	struct uuid adopted;
	bool has_adopted;
	enum worker_end end;
	struct error failure; /* WORKER_FAILED */
	struct error end_error;
};

/* worker.c */
int64_t worker_now(const struct worker *w);              /* the database's time */
void worker_stop(struct worker *w, enum worker_end end); /* at once */
/* Gives everything back, forgets itself in the database, then stops. */
void worker_leave(struct worker *w, enum worker_end end);
void worker_check_done(struct worker *w);
bool worker_lease_holds(const struct worker *w);
/* Whether runs that wait leave for the pool; else they stay, as nobody else is there. */
bool worker_has_pool(const struct worker *w);
void worker_renew_lease(
	struct worker *w, int64_t database_now); /* a heartbeat was answered */

/* owned.c */
struct owned_run *owned_find(struct worker *w, struct uuid id);
struct owned_run *owned_create(struct worker *w, struct uuid id);
void owned_wake(struct owned_run *o);
void owned_drop(struct owned_run *o); /* stops its effect and forgets it */
void owned_hand_back(struct owned_run *o);
void owned_live(struct owned_run *o, struct run *run); /* loaded: takes the run */
void owned_refuse(
	struct owned_run *o, const struct fault *f); /* cannot be run: faults it */
void owned_suspend(struct owned_run *o, const char *reason); /* cannot be replayed */
void owned_cancel(struct owned_run *o); /* the same, and an operator asked for it */
/* A run that it waits for may have ended. */
void owned_look_again(struct owned_run *o);
void owned_doubt(struct owned_run *o);   /* forget what is in memory but the effect */
void owned_advance(struct owned_run *o); /* it was woken */
void owned_start_effects(struct worker *w);
/* Calls f for each; f may drop it. */
void owned_each(struct worker *w, void (*f)(struct owned_run *));

/* claim.c */
void claim_on_beat(uv_timer_t *timer);
void claim_on_watch(uv_timer_t *timer);
void claim_due(struct worker *w); /* until nothing is due, or there is no room */
void claim_on_due(uv_timer_t *timer);
struct claim claim_make(struct worker *w, const char *from); /* journal/store.h */
void claim_doubted(struct worker *w);
/* Compares memory with the journal over a lane that came up anew; only then the lane is
 * used (docs/design/fence.md, rule 4). */
void claim_verify(struct worker *w, int lane);

/* poll.c */
void poll_now(struct worker *w);

/* takeover.c */
void takeover(struct worker *w, struct uuid dead);
/* A worker that is gone; one that has only vanished must have been seen so before. */
void takeover_seen(struct worker *w, struct uuid id, bool expired);
/* Those that had vanished and are not listed any more came back. */
void takeover_forget_others(
	struct worker *w, bool (*is_listed)(const void *, struct uuid), const void *list);

/* suspects.c */
void suspects_seen(struct worker *w);  /* some wait for a process of their own */
void suspects_route(struct worker *w); /* events wait for one */
/* A process that the database has as this worker's own. */
void suspects_compare(struct worker *w, struct uuid process);
void suspects_watch(struct worker *w);
void suspects_drain(struct worker *w);
void suspects_finish(struct worker *w);

/* turn.c */
void turn_on_prepare(uv_prepare_t *prepare);

/* suspected.c: where this process is one for suspects; elsewhere they do nothing. */
void suspected_init(struct worker *w);
void suspected_finish(struct worker *w);
void suspected_turn(struct worker *w);
void suspected_note(struct worker *w, const char *step); /* what is begun now */
void suspected_compiles(struct worker *w, const struct uuid *definition); /* NULL: none */
void suspected_check(struct worker *w);           /* is there anything left? */
bool suspected_leaves(const struct owned_run *o); /* it is no suspect any more */
bool suspected_routes(const struct worker *w);    /* events that others died of, alone */
void suspected_routed(struct worker *w);          /* none is left */

/* routing.c: routes what was stored. */
void events_poll(struct worker *w);
void events_route(struct worker *w);
void events_finish(struct worker *w);
void events_abandon(struct worker *w); /* what is looked at is not any more */
/* What the correlations of events come to: rows of source, id, event, shape, base; the
 * event is null where it is that of the row before. on_looked is called at once or later;
 * the rows must stay until then, and all texts are borrowed from them. */
void events_look(struct worker *w, const struct db_result *rows,
	void (*on_looked)(void *ctx, struct event_correlation *shapes, size_t count),
	void *ctx);

/* attendance.c: sees what is there for runs in memory that listen. */
void attend(struct worker *w); /* those that wait for it, if it is wanted */
/* What was offered to the run is durable, or nobody's any more. */
void attend_forget(struct owned_run *o);

/* children.c: a run that waits for children asks which have ended. */
void children_ask(struct owned_run *o);
void children_expect(struct owned_run *o); /* it was loaded */
void children_look(struct worker *w);      /* asks for those that want to know */

/* load.c: what a claim returned goes on to become runs. */
void load_claimed(struct worker *w, const struct db_result *rows, bool own);
/* Replays what was read, until that time (clock_boottime); whether some is left. */
bool load_go_on(struct worker *w, int64_t until);

/* refused.c: a transaction that was to take its entry along was not committed. */
void owned_refused(struct owned_run *o, const struct error *err);
int64_t owned_refusal_usec(const struct owned_run *o); /* until it looks again */
bool owned_is_refused(const struct owned_run *o); /* so often that others are to know */

#endif
