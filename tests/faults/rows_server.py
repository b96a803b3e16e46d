"""The server goes away, comes back, cuts sessions, refuses writes, or somebody holds locks in it."""
import signal
import subprocess
import time

from catalogue import case
from harness import check, check_landed, http_steps, http_task, sql_task, wait_for
from judges import (all_completed, complete, delivered_once, effects_once, files_bounded, files_of, healthy,
                    journal_is_whole, nothing_lost, rows_exact, sessions_bounded)
from rows_journal import at_the_gate
from rows_crash import NO_POISON
from sessions import LEASE, SOON


def load(world, runs):
    """Both kinds of effects: posts at the deduplicating recorder, and plain inserts; the runs."""
    world.db.psql("create table effect (run_id text, step int)")
    tasks = []
    for i, post in enumerate(http_steps(world.recorder.url, 4, "/delay/100"), 1):
        tasks += [post, {"q%d" % i: sql_task(i)}]
    world.db.apply("mixed", tasks)
    return world.db.start("mixed", runs)


def judge(world, pool, ids, files):
    """No worker has ended or kept descriptors of connections it has lost, nothing happened twice."""
    db = world.db
    check(not pool.replace_dead(), "I8: workers ended: %s", [w.output()[-500:] for w in pool.gone])
    healthy(pool.all())
    files_bounded(pool.workers, files, 16)
    sessions_bounded(db, len(pool.workers))
    all_completed(db, len(ids))
    journal_is_whole(db)
    rows_exact(db, ids, [1, 2, 3, 4])
    world.checked(8 * len(ids))
    again = effects_once(db, world.recorder, ids, ["s1", "s2", "s3", "s4"])
    world.note("%d runs, %d requests sent again", len(ids), again)


def under_faults(world, name, fault, count, runs):
    """Three workers whose server meets the fault again and again: fault() returns when it accepts
    sessions again."""
    db, slowest = world.db, 0
    ids = load(world, runs)
    with world.pool(3, "--concurrency", "8", *NO_POISON) as pool:
        pool.wait_ready()
        files = files_of(pool.workers)
        for _ in range(count):
            pause = world.random.uniform(0.2, 0.6)
            world.plan("after %.3f s: %s", pause, name)
            time.sleep(pause)
            world.inject()
            world.land(db.active() > 0)
            fault()
            began, accepted = time.monotonic(), time.time()
            wait_for(lambda: db.count("stepwell.journal where at > to_timestamp(%f)" % accepted) or not db.active(),
                     5 + world.size(5, 0, 0), "I5: the journal goes on", 0.02)
            slowest = max(slowest, time.monotonic() - began)
            if db.active() < 20:
                ids += db.start("mixed", runs, len(ids) + 1)
        db.wait_idle(120)
        judge(world, pool, ids, files)
    world.figure("slowest", slowest)
    world.note("%d runs, the journal went on within %.2f s", len(ids), slowest)


def under_restarts(world, mode, count, runs):
    under_faults(world, mode + " restart", lambda: world.cluster.restart(mode), count, runs)


@case(13, own_server=True)
def server_restart_immediate(world):
    under_restarts(world, "immediate", world.size(2, 30, 1000), world.size(60, 800, 800))


@case(13, own_server=True)
def server_restart_fast(world):
    under_restarts(world, "fast", world.size(1, 30, 100), world.size(60, 800, 800))


def cut(world, names, seconds, pause):
    """Terminates a random session of these application names, again and again; how many."""
    psql = subprocess.run(
        [world.cluster.bin + "/psql", "-qXAt", "-d", world.db.conninfo], text=True, capture_output=True,
        input="select setseed(%f);\n"
              "do $$ declare n int := 0; v int; begin\n"
              "for i in 1..%d loop\n"
              "  perform pg_stat_clear_snapshot();\n"
              "  select count(pg_terminate_backend(pid)) into v from (select pid from "
              "pg_stat_activity where datname = current_database() and application_name like "
              "'%s' order by random() limit 1) a;\n"
              "  n := n + v; perform pg_sleep(%f);\n"
              "end loop; raise notice 'cut %%', n; end $$;\n"
              % (world.random.random(), seconds / pause, names, pause))
    return int(psql.stderr.rpartition("cut ")[2])


def under_cuts(world, names, runs, pause):
    db, seconds = world.db, world.size(3, 20, 500)
    ids = load(world, runs)
    with world.pool(3, "--concurrency", "8", *NO_POISON) as pool:
        pool.wait_ready()
        files = files_of(pool.workers)
        until, count = time.monotonic() + seconds, 0
        while time.monotonic() < until:
            count += cut(world, names, min(seconds, 4), pause)
            if db.active() < 20:
                ids += db.start("mixed", runs, len(ids) + 1)
        db.wait_idle(120)
        judge(world, pool, ids, files)
    world.inject(int(seconds / pause))
    world.land(count)
    world.note("%d sessions cut", count)


@case(15)
def cut_sessions(world):
    """One of the workers' sessions is terminated every 50 ms."""
    under_cuts(world, "stepwell%", world.size(60, 600, 600), 0.05)


@case(15)
def cut_sql_sessions(world):
    """Only those of `call: sql`: the step and its outcome commit together, or not at all."""
    under_cuts(world, "stepwell sql", world.size(100, 1000, 1000), 0.1)


@case(20, own_server=True)
def read_only_server(world):
    """A server that refuses writes for a while, as a demoted primary does."""
    db = world.db
    ids = load(world, world.size(60, 300, 300))
    with world.pool(2, "--concurrency", "8", "--lease", "4s", "--heartbeat", "1s", *NO_POISON) as pool:
        pool.wait_ready()
        files = files_of(pool.workers)
        for _ in range(world.size(1, 5, 20)):
            time.sleep(world.random.uniform(0.3, 0.8))
            if db.active() < 20:
                ids += db.start("mixed", 60, len(ids) + 1)
            world.inject()
            world.land(db.active() > 0)
            db.psql("alter system set default_transaction_read_only = on; select pg_reload_conf()")
            time.sleep(world.random.uniform(1, 2))
            db.psql("set transaction_read_only = off; select 1")
            db.psql("set default_transaction_read_only = off;\n"
                    "alter system reset default_transaction_read_only;\nselect pg_reload_conf()")
        db.wait_idle(60)
        judge(world, pool, ids, files)


# ---- Locks ----

def blocked_run_is_skipped(world, hold):
    """Somebody has a lock on one run of a dead worker: its other runs go on."""
    first, ids = at_the_gate(world, 8)
    first.send_signal(signal.SIGSTOP)
    # The lowest id, which a takeover meets first.
    holder = world.holder(hold % {"run": min(ids)})
    first.end()
    second = world.worker(*SOON)
    wait_for(lambda: world.recorder.release("gate") + 1 and world.db.statuses().get("completed") == 7, 20,
             "I5: seven runs go on while one is blocked", 0.2)
    check(second.owned() == 0, "I7: the blocked run was taken")
    holder.stdin.write("rollback;\n")
    holder.stdin.flush()
    wait_for(lambda: world.recorder.release("gate") + 1 and not world.db.active(), 20,
             "I5: all runs end", 0.2)
    complete(world, len(ids))
    effects_once(world.db, world.recorder, ids, ["s1", "s2", "s3"])
    world.inject()
    world.land()
    world.checked(3 * len(ids))


@case(24)
def run_with_locked_lease_is_skipped(world):
    blocked_run_is_skipped(world, "select from stepwell.lease where run_id = '%(run)s' for update")


@case(24)
def run_with_uncommitted_entry_is_skipped(world):
    blocked_run_is_skipped(world, "insert into stepwell.entry (run_id, seq, at, kind, data) select "
                           "'%(run)s', max(seq) + 1, now(), 'claimed', '[]' from stepwell.entry where "
                           "run_id = '%(run)s'")


# ---- Refused writes ----

def refusing_trigger(world, body):
    world.db.psql(
        "create table bad (run_id uuid primary key); create sequence refused;\n"
        "create function refuse() returns trigger language plpgsql as $$ begin\n"
        "if current_setting('application_name') = 'stepwell journal' and new.kind <> 'suspended' and "
        "exists (select from public.bad b where b.run_id = new.run_id) then\n%s\nend if; return new; end $$;\n"
        "create trigger refuse before insert on stepwell.entry for each row execute function refuse();"
        % body)


def open_gate(world, count):
    world.db.apply("gate", [{"s1": http_task(world.recorder.url, "/hold/gate/{run}/s1")},
                            {"s2": http_task(world.recorder.url, "/nodedupe/{run}/s2")}])
    world.worker(*SOON, "--concurrency", "64", proxied=True)
    ids = world.db.start("gate", count)
    world.recorder.wait("/hold", count)
    return ids


@case(26)
def unstorable_entry(world):
    refusing_trigger(world, "raise exception 'not this one';")
    ids = open_gate(world, 40)
    bad = world.random.sample(ids, 2)
    world.db.psql("insert into bad values ('%s'), ('%s')" % tuple(bad))
    check_landed(world.recorder.release("gate") == 40, "not all were at the gate")
    world.db.wait_idle(20)
    check(world.db.statuses() == {"completed": 38, "suspended": 2}, "I5: %s\n%s", world.db.statuses(),
          world.known["workers"][0].output()[-2000:])
    rows = world.db.rows("select run_id, reason from stepwell.lease where state = 'suspended'")
    check({r["run_id"] for r in rows} == set(bad) and all(r["reason"] for r in rows), "I5: %s", rows)
    journal_is_whole(world.db)
    world.check_workers()
    delivered_once(world.db, world.recorder, [i for i in ids if i not in bad], ["s1", "s2"])
    world.inject(2)
    world.land(2)
    world.checked(2 * len(ids))


@case(26)
def transient_errors(world):
    """40001 a few times over: everything is tried again, nothing is sent twice."""
    refusing_trigger(world, "if nextval('public.refused') < 12 then raise exception 'again' using errcode = "
                     "'40001'; end if;")
    ids = open_gate(world, 40)
    world.db.psql("insert into bad values ('%s')" % world.random.choice(ids))
    check_landed(world.recorder.release("gate") == 40, "not all were at the gate")
    complete(world, len(ids), 20)
    delivered_once(world.db, world.recorder, ids, ["s1", "s2"])
    nothing_lost(world.db)
    check_landed(int(world.db.value("select last_value from refused")) >= 12, "nothing was refused")
    world.inject(12)
    world.land(12)
    world.checked(2 * len(ids))


@case(26)
def transient_error_of_one_run(world):
    """40001 for as long as it takes: the other runs of its batch do not wait for it."""
    refusing_trigger(world, "raise exception 'again' using errcode = '40001';")
    ids = open_gate(world, 40)
    bad = world.random.choice(ids)
    world.db.psql("insert into bad values ('%s')" % bad)
    check_landed(world.recorder.release("gate") == 40, "not all were at the gate")
    wait_for(lambda: world.db.statuses().get("completed") == 39, 20, "I5: the 39 others complete", 0.2)
    time.sleep(2 * LEASE)  # the worker stays alive and keeps its run
    check(world.known["workers"][0].owned() == 1, "I5: the run was let go: %s", world.db.statuses())
    world.db.psql("delete from bad")
    complete(world, len(ids), 20)
    delivered_once(world.db, world.recorder, ids, ["s1", "s2"])
    nothing_lost(world.db)
    world.inject()
    world.land()
    world.checked(2 * len(ids))


# ---- Wake-ups ----

@case(32, alone_in_full=True)
def lost_wake_ups(world):
    """Single starts, at a random moment, to a pool with nothing to do; by SQL, which tells nobody; some
    after the session that would be told was cut. Polling alone must be enough."""
    db, poll = world.db, 0.3
    db.apply("pure", [{"nothing": {"set": {"x": 1}}}])
    workers = [world.worker("--poll", "300ms") for _ in range(2)]
    for _ in range(world.size(12, 1000, 10000)):
        pause, cuts = world.random.uniform(0, 0.5), world.random.random() < 0.1
        world.plan("after %.3f s a start%s", pause, ", the listening sessions cut" if cuts else "")
        time.sleep(pause)
        if cuts:
            db.value("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = "
                     "current_database() and application_name = 'stepwell control'")
        db.start("pure", 1)
        world.inject()
        world.land()
        wait_for(lambda: not db.active(), 20, "I5: a run that was started while there was nothing to do", 0.02)
    late = [float(r["late"]) for r in db.rows(
        "select extract(epoch from (select min(j.at) from stepwell.journal j where j.run_id = r.id and "
        "j.kind = 'claimed') - r.created_at) as late from stepwell.runs r")]
    journal_is_whole(db)
    healthy(workers)
    world.checked(len(late))
    world.figure("latest", max(late))
    world.note("the latest claim came after %.3f s", max(late))
    # A cut session has to come back first.
    check(max(late) <= world.within(poll + 1.5, poll + 0.5, poll + 0.5), "I5: a run was claimed after %.3f s", max(late))
