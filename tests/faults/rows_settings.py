"""What somebody sets for the database or the role, and what sessions of workers inherit from it."""
import json
import os
import re
import signal
import subprocess
import time

from catalogue import case
from harness import check, check_landed, http_task, records_of, some, sql_task, wait_for
from judges import (all_completed, complete, delivered_once, effects_once, healthy, intents_are_there,
                    journal_is_whole, nothing_lost, rows_exact, starts_kept)
from rows_crash import NO_POISON
from rows_server import load


def doctor_says(db, name, conninfo=None):
    """The doctor's check of that name."""
    report = json.loads(db.cli("doctor", "-o", "json", conninfo=conninfo)[1])
    return next(c for c in report["checks"] if c["name"] == name)


# ---- Row 21: synchronous_commit ----

def lose_the_unflushed(cluster):
    """An immediate stop that loses each commit that nobody flushed: the process that would flush it
    later was frozen before."""
    postmaster, writer, other = cluster.postmaster(), cluster.process("walwriter"), cluster.process("checkpointer")
    os.kill(postmaster, signal.SIGQUIT)
    wait_for(lambda: not os.path.exists("/proc/%d" % other), 30, "the server's processes are told to quit", 0.01)
    os.kill(writer, signal.SIGCONT)  # its SIGQUIT waits for it
    wait_for(lambda: not os.path.exists("/proc/%d" % postmaster), 30, "the server stops", 0.01)
    cluster.start()


@case(21, own_server=True)
def commits_of_a_careless_role(world):
    """synchronous_commit = off by the database or the role, and the server stops at once: what the
    journal, `call: sql` and `wfctl start` had committed is there, a plain commit is not."""
    db, cluster, ids = world.db, world.cluster, []
    load(world, 0)
    db.psql("create table control (n int)")
    with world.pool(2, "--concurrency", "8", *NO_POISON) as pool:
        for number in range(world.size(2, 20, 200)):
            whose = world.random.choice(("database " + db.name, "role postgres"))
            pause = world.random.uniform(0.2, 0.6)
            world.plan("off by the %s; the server stops after %.3f s", whose, pause)
            db.psql("alter database %s reset synchronous_commit; alter role postgres reset synchronous_commit; "
                    "alter %s set synchronous_commit = off" % (db.name, whose))
            found = doctor_says(db, "synchronous_commit")
            check(found["status"] == "warning" and "off" in found["found"], "no warning: %s", found)
            db.value("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = "
                     "current_database() and pid <> pg_backend_pid()")
            os.kill(cluster.process("walwriter"), signal.SIGSTOP)
            ids += db.start("mixed", 40, len(ids) + 1)
            time.sleep(pause)
            world.inject()
            for worker in pool.workers:
                worker.send_signal(signal.SIGSTOP)
            counts = "select (select count(*) from stepwell.entry), (select count(*) from effect)"
            wait_for(lambda: db.count("pg_stat_activity where application_name like 'stepwell%' and state = "
                                      "'active' and wait_event_type is distinct from 'Client'") == 0, 10,
                     "their last commits are done")
            ids += db.cli("start", "crash/mixed", "--input", '{"n": 0}', expect=0)[1].split()
            records, before = records_of(world.recorder), db.value(counts)
            db.psql("insert into control values (%d)" % number)
            db.close()
            lose_the_unflushed(cluster)
            world.land(db.count("control where n = %d" % number) == 0)
            after = db.value(counts)
            check(after == before, "I4: entries and rows of call: sql: %s before, %s after", before, after)
            starts_kept(db, ids)
            world.checked(intents_are_there(db, records))
            for worker in pool.workers:
                worker.send_signal(signal.SIGCONT)
        db.wait_idle(60)
        check(not pool.replace_dead(), "I8: workers ended: %s", [w.output()[-500:] for w in pool.gone])
    healthy(pool.all())
    all_completed(db, len(ids))
    journal_is_whole(db)
    rows_exact(db, ids, [1, 2, 3, 4])
    effects_once(db, world.recorder, ids, ["s1", "s2", "s3", "s4"])
    world.checked(8 * len(ids))
    world.note("%d runs", len(ids))


# ---- Row 25: timeouts ----

def hasty_role(world, **timeouts):
    """A conninfo of a role whose sessions have these timeouts."""
    name = "hasty_" + world.db.name
    world.db.psql("create role %s superuser login;\n" % name + "".join(
        "alter role %s set %s = '%s';\n" % (name, key, value) for key, value in timeouts.items()))
    return world.db.conninfo.replace("user=postgres", "user=" + name)


def nothing_was_cut(world):
    """I5: of the sessions that were ended in a transaction the server's log, from the beginning."""
    cut = world.cluster.said("idle-in-transaction timeout", world.db.name)
    pids = set(re.findall(r"\[\d+\]", "".join(cut)))
    lines = [line for line in world.cluster.said("", world.db.name) if pids & set(re.findall(r"\[\d+\]", line))]
    check(not cut, "I5: transactions of ours were cut: %s\n%s", some(cut), "".join(lines[-40:]))


@case(25)
def timeouts_of_the_role(world):
    """Timeouts shorter than statements, waits for locks and pauses that are normal: runs go on as if
    there were none."""
    db, url, runs = world.db, world.recorder.url, world.size(12, 200, 2000)
    hasty = hasty_role(world, statement_timeout="50ms", lock_timeout="10ms", idle_session_timeout=world.size(
        "1s", "5s", "5s"), idle_in_transaction_session_timeout="1ms")
    db.psql("create table effect (run_id text, step int); create table held (n int); insert into held values (1)")
    db.apply("slow", [
        {"s1": http_task(url, "/nodedupe/{run}/s1")},
        {"q1": sql_task(1, "with nap as (select pg_sleep(0.2)) insert into effect select $1, $2 from nap")},
        {"q2": sql_task(2, "with one as (update held set n = n + 1 returning n) insert into effect select $1, "
                           "$2 from one")},
        {"nap": {"wait": {"milliseconds": world.size(1500, 5500, 5500)}}},
        {"q3": sql_task(3)}, {"s2": http_task(url, "/nodedupe/{run}/s2")}])
    plain = subprocess.run([world.cluster.bin + "/psql", "-qX", "-d", hasty, "-c", "select pg_sleep(0.5)"],
                           capture_output=True, text=True)
    check_landed("statement timeout" in plain.stderr, "the role has no timeouts: %s", plain.stderr)
    workers = [world.worker(conninfo=hasty) for _ in range(2)]
    holder = world.holder("select from held for update")
    ids = db.start("slow", runs)
    wait_for(lambda: db.count("pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' "
                              "and application_name = 'stepwell sql'"), 20, "a step waits for the row")
    time.sleep(0.1)  # ten times the role's lock_timeout
    holder.stdin.write("rollback;\n")
    holder.stdin.flush()
    complete(world, runs, 60 + runs / 2)
    delivered_once(db, world.recorder, ids, ["s1", "s2"])
    rows_exact(db, ids, [1, 2, 3])
    nothing_lost(db)
    nothing_was_cut(world)
    check(doctor_says(db, "timeouts", hasty)["status"] == "warning", "the doctor is content")
    for words in (["status"], ["list"], ["history", ids[0]], ["start", "crash/slow", "--input", '{"n": 0}']):
        code, _, err = db.cli(*words, conninfo=hasty)
        check(code == 0 or code == 7 and "timeout" in err, "I8: %s: exit %d: %s", words, code, err)
    world.inject(3 * runs)  # a slow statement, a wait for a lock, an idle session
    world.land(3 * runs)
    world.checked(5 * runs)
    check_landed(all(w.alive() for w in workers), "workers ended")


def let_go(holder):
    holder.stdin.write("rollback;\n")
    holder.stdin.flush()


@case(25)
def failures_of_a_hasty_role(world):
    """Sessions whose setup waits, whose statement fails while the worker is slow to roll back, and that take long to
    clean: the timeouts of the role end none of them, and nothing of one step is there in the next."""
    db = world.db
    hasty = hasty_role(world, statement_timeout="50ms", lock_timeout="10ms",
                       idle_in_transaction_session_timeout="1ms")
    db.psql("create table held (n int); insert into held values (1)")
    fails = "with h as materialized (select n from held for update) select 1 / (n - $2::int) from h where $1 <> ''"
    many = "do $$ begin for i in 1..1500 loop execute 'create temp table t' || i || '()'; end loop; end $$"
    count = "select count(*)::int from pg_class where relnamespace = pg_my_temp_schema()"
    db.apply("failing", [
        {"fails": {"try": [{"one": sql_task(1, fails)}],
                   "catch": {"do": [{"none": {"set": {"caught": True}}}]}}},
        {"many": {"call": "sql", "with": {"statement": many, "output": "count"}}},
        {"seen": {"call": "sql", "with": {"statement": count, "output": "value"}}}])
    worker = world.worker("--sql-connections", "1", conninfo=hasty)
    ours = "pg_stat_activity where datname = current_database() and application_name = 'stepwell sql' and "
    sessions, row = world.holder("lock stepwell.session in share mode"), world.holder("select from held for update")
    db.start("failing", 1)
    wait_for(lambda: db.count(ours + "wait_event_type = 'Lock' and query_start < clock_timestamp() - interval '0.2 s'"),
             10, "the session's setup waits longer than the role's timeouts")
    let_go(sessions)
    wait_for(lambda: db.count(ours + "query like '%from held%' and wait_event_type = 'Lock'"), 10, "the step waits")
    pid = db.value("select pid from " + ours + "true")
    worker.send_signal(signal.SIGSTOP)
    let_go(row)
    world.inject(3)
    wait_for(lambda: not db.count(ours + "wait_event_type = 'Lock'"), 10, "the statement fails")
    wait_for(lambda: not db.count(ours + "not (state = 'idle in transaction (aborted)' and state_change < "
                                         "clock_timestamp() - interval '0.1 s')"), 10, "the transaction stays so")
    same = db.value("select pid from " + ours + "true")
    worker.send_signal(signal.SIGCONT)
    check(same == pid, "I5: the session %s that failed became %s", pid, same)
    complete(world, 1)
    nothing_was_cut(world)
    errors = [line for line in world.cluster.said("ERROR", db.name) if "stepwell sql" in line]
    check(len([line for line in errors if "division by zero" in line]) == 1 and len(
        [line for line in errors if "statement timeout" not in line]) == 1, "I5: %s", errors)
    seen = db.value("select output from stepwell.runs")
    check(seen == "0", "I8: %s of the step before are there", seen)
    world.land(3)
    world.checked(4)
