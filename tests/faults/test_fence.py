#!/usr/bin/env python3
"""The journal is its own fence: a case or more for each of its eight rules (design.md), black box,
with connections cut and silenced at exact points by pgproxy. Prints TAP lines.

    test_fence.py [--wfctl FILE] [--seed N] [--jobs N] [NAME...]
"""
import argparse
import concurrent.futures
import copy
import os
import random
import signal
import subprocess
import sys
import time
import traceback

from harness import (Cluster, Database, Failure, Recorder, ROOT, Worker, check, http_task, records_of,
                     wait_for)
from judges import OPS, all_completed, effects_once, journal_is_whole
from pgproxy import Proxy

LEASE = 2.0
SOON = ["--heartbeat", "500ms", "--lease", "2s", "--poll", "200ms"]
JOURNAL, CONTROL, HEARTBEAT, SQL = ("stepwell journal", "stepwell control", "stepwell heartbeat",
                                    "stepwell sql")
APPEND = "insert into stepwell.entry (run_id, seq, at, kind, path"
CLAIM = "insert into stepwell.entry (run_id, seq, at, kind, data)"


class World:
    def __init__(self, cluster, options, name):
        self.cluster, self.name = cluster, name.replace("-", "_")
        self.random = random.Random("%d %s" % (options.seed, name))
        self.notes, self.workers, self.others = [], [], []
        self.db = Database(cluster, self.name, options.wfctl)
        self.proxy = Proxy(cluster.dir + "/socket").__enter__()
        self.recorder = Recorder(bodies=False).start()

    def worker(self, *arguments, proxied=True):
        """Registered and ready; its database is behind the proxy."""
        db = copy.copy(self.db)
        if proxied:
            db.conninfo = self.proxy.conninfo("user=postgres dbname=" + self.db.name)
        worker = Worker(db, [*SOON, *arguments])
        worker.db = self.db
        self.workers.append(worker)
        worker.uuid = worker.wait_registered()
        wait_for(lambda: self.db.value(
            "select count(*) >= 4 from stepwell.session where worker_id = '%s'" % worker.uuid) == "t", 30,
            "a worker has its four sessions")
        return worker

    def holder(self, sql):
        """A psql with an open transaction that has run this."""
        psql = subprocess.Popen(
            [self.cluster.bin + "/psql", "-qXAt", "-v", "ON_ERROR_STOP=1", "-d", self.db.conninfo],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, bufsize=1)
        self.others.append(psql)
        psql.stdin.write("begin;\n%s\n\\g /dev/null\n\\echo held\n" % sql)
        check(psql.stdout.readline() == "held\n", "void: %s", sql)
        return psql

    def owned_by(self, worker):
        return int(self.db.value(
            "select count(*) from stepwell.lease where owner = '%s'" % worker.uuid))

    def server_said(self, text):
        with open(self.cluster.data + "/server.log", errors="replace") as lines:
            return [line for line in lines if " %s " % self.db.name in line and text in line]

    def note(self, text, *arguments):
        self.notes.append(text % arguments)

    def end(self):
        for worker in self.workers:
            if worker.process.poll() is None:
                worker.send_signal(signal.SIGCONT)
            worker.end()
        for psql in self.others:
            psql.kill()
            psql.wait()
        self.proxy.__exit__()
        self.recorder.stop()

    def check_workers(self):
        for worker in self.workers:
            text = worker.output()
            check(worker.process.poll() in (None, -signal.SIGKILL), "a worker ended with %s: %s",
                  worker.process.poll(), text[-3000:])
            check("Sanitizer" not in text and "runtime error:" not in text, "%s", text[-3000:])


def sql_task(step, statement="insert into effect values ($1, $2)"):
    return {"call": "sql", "with": {"statement": statement, "parameters": ["${ $workflow.id }", step],
                                    "output": "count"}}


def delivered_once(world, ids, steps, most=1):
    """At the endpoint that does not know keys: each step exactly once (or up to `most` times), under
    its stepId."""
    records = records_of(world.recorder)
    wrong = {k: len(v) for k, v in records.items() if len(v) > most}
    check(not wrong, "delivered more than %d times: %s", most, dict(list(wrong.items())[:5]))
    missing = [(i, s) for i in ids for s in steps if (i, s) not in records]
    check(not missing, "not delivered: %s", missing[:5])
    keys = {(r["run_id"], r["step_id"]) for r in world.db.rows(
        "select run_id, step_id from stepwell.steps")}
    wrong = [k for k, v in records.items() if any((k[0], r["key"]) not in keys for r in v)]
    check(not wrong, "not under their stepIds: %s", wrong[:5])


def rows_exact(world, ids, steps):
    rows = {(r["run_id"], r["step"]): r["n"] for r in world.db.rows(
        "select run_id, step, count(*) as n from effect group by 1, 2")}
    expected = {(i, s): 1 for i in ids for s in steps}
    check(rows == expected, "rows of call: sql: %d, expected %d; differing: %s", len(rows),
          len(expected), [k for k in set(rows) | set(expected) if rows.get(k) != expected.get(k)][:5])


def nothing_lost(world):
    lost = world.db.rows("select run_id, seq, op from %s ops where op = 'lost'" % OPS)
    check(not lost, "the process lived, yet attempts were lost: %s", lost[:5])


def complete(world, count, timeout=30):
    try:
        world.db.wait_idle(timeout)
    except Failure as failure:
        stuck = world.db.rows("select id, status, l.owner, l.state, l.reason from stepwell.runs r join "
                              "stepwell.lease l on l.run_id = r.id limit 3")
        raise Failure("%s\n%s\n%s\n%s" % (
            failure, stuck, world.db.cli("history", stuck[0]["id"])[1][-2500:] if stuck else "",
            "\n---\n".join(w.output()[-1500:] for w in world.workers)))
    all_completed(world.db, count)
    journal_is_whole(world.db)
    world.check_workers()


def run_to_end(world, name, timeout=20):
    """Starts a run and returns its id and status when it has ended; one psql for both."""
    out = world.db.psql(
        "select stepwell.start('crash/%s', '{\"n\": 1}') as id \\gset\n"
        "select set_config('fence.run', :'id', false);\n"
        "do $$ begin for i in 1..%d loop\n"
        "  exit when exists (select from stepwell.run where id = current_setting('fence.run')::uuid "
        "and status is not null);\n"
        "  perform pg_sleep(0.02);\nend loop; end $$;\n"
        "select status from stepwell.runs where id = :'id';" % (name, timeout * 50))
    return out.split()


# ---- Rules 1 and 3: commits whose outcome is unknown ----

def ambiguity(world, action):
    """Every flush and every batch of a sql session of a fixed scenario is cut once."""
    url = world.recorder.url
    world.db.psql("create table effect (run_id text, step int)")
    world.db.apply("fixed", [
        {"s1": http_task(url, "/nodedupe/{run}/s1")},
        {"q1": sql_task(1)},
        {"loop": {"for": {"each": "item", "in": "${ [0, 1] }"}, "do": [
            {"h": {"call": "http", "with": {"method": "post", "endpoint":
             "${ \"%s/nodedupe/\" + $workflow.id + \"/h\" + ($item | tostring) }" % url}}},
            {"q": sql_task("${ 10 + $item }")}]}},
        {"s2": http_task(url, "/nodedupe/{run}/s2", metadata={"onUncertain": "hold"})},
        {"s3": http_task(url, "/nodedupe/{run}/s3", metadata={"onUncertain": "fail"})}])
    world.worker("--sql-connections", "1", "--poll", "50ms")
    ids, hits = [], {}
    for name, sql in ((JOURNAL, APPEND), (SQL, "")):
        for nth in range(1, 100):
            rule = world.proxy.rule(name, action, nth=nth, sql=sql, delay=0.2)
            run, status = run_to_end(world, "fixed")[-2:]
            world.proxy.drop(rule)
            ids.append(run)
            check(status == "completed", "%s, batch %d: %s\n%s\n%s", name, nth, status,
                  world.db.cli("history", run)[1], world.workers[0].output()[-2000:])
            if not rule.hits:
                break
            hits[name] = nth
    check(hits.get(JOURNAL, 0) >= 7 and hits.get(SQL, 0) >= 9, "void: only %s batches hit", hits)
    complete(world, len(ids))
    rows_exact(world, ids, [1, 10, 11])
    delivered_once(world, ids, ["s1", "h0", "h1", "s2", "s3"])
    nothing_lost(world)
    world.note("%s batches cut", "+".join(str(n) for n in hits.values()))


def cut_before_sync(world):
    ambiguity(world, "before")


def cut_with_statements_answered(world):
    """Durable means that the Sync was answered, not that a statement was."""
    ambiguity(world, "answered")


def cut_then_committed(world):
    ambiguity(world, "after")


def cut_and_committed_late(world):
    """The Sync lies in the server's buffer while the worker has reconnected."""
    ambiguity(world, "late")


def cut_anywhere(world):
    """Many runs at once; connections are cut at random bytes, again and again."""
    url = world.recorder.url
    world.db.psql("create table effect (run_id text, step int)")
    tasks = []
    for i in range(1, 5):
        tasks += [{"s%d" % i: http_task(url, "/nodedupe/{run}/s%d?delay=60" % i)},
                  {"q%d" % i: sql_task(i)}]
    world.db.apply("many", tasks)
    world.worker("--concurrency", "8")
    ids, cuts, end = [], 0, time.monotonic() + 60
    while cuts < 40 or world.db.active():
        check(time.monotonic() < end, "%d cuts, %d runs, and no progress: %s", cuts, len(ids),
              world.workers[0].output()[-1500:])
        if cuts < 40 and world.db.active() < 20:
            ids += world.db.start("many", 20, len(ids) + 1)
        if cuts < 40:
            cuts += world.proxy.cut_after_bytes(
                world.random.choice((JOURNAL, CONTROL, SQL)), world.random.randrange(20000))
        time.sleep(0.1)
    complete(world, len(ids))
    rows_exact(world, ids, [1, 2, 3, 4])
    delivered_once(world, ids, ["s1", "s2", "s3", "s4"])
    nothing_lost(world)
    world.note("%d runs, %d cuts", len(ids), cuts)


# ---- Rule 2: the order of locks ----

def takeover_meets_uncommitted(world):
    """A stale owner (its heartbeat is silent, nobody can end its sessions) is in the middle of slow
    transactions when its runs are taken over."""
    world.db.psql(
        "create table slow (pid int);\n"
        "create function slow() returns trigger language plpgsql as $$ begin\n"
        "if exists (select from public.slow where pid = pg_backend_pid()) then perform pg_sleep(0.15); "
        "end if;\nreturn null; end $$;\n"
        "create trigger slow after insert on stepwell.entry for each row execute function slow();")
    gate = "${ \"%s/hold/gate\" + ($workflow.input.n %% 24 | tostring) + \"/\" + $workflow.id + "
    world.db.apply("slow", [
        {"s1": http_task(world.recorder.url, "/dedupe/{run}/s1")},
        {"s2": {"call": "http", "with": {"method": "post",
                                         "endpoint": gate % world.recorder.url + "\"/s2\" }"}}}])
    successor = world.worker("--poison-after", "0", proxied=False)
    successor.send_signal(signal.SIGSTOP)  # its turn comes later
    stale = world.worker("--poison-after", "0")
    ids = world.db.start("slow", 48)
    world.recorder.wait("/hold", 48)
    world.proxy.hole(HEARTBEAT)
    world.db.psql("insert into slow select pid from pg_stat_activity where datname = current_database() "
                  "and application_name = 'stepwell journal'; delete from stepwell.session where worker_id = '%s'" % stale.uuid)
    # Outcomes trickle in, so that a slow transaction is always open, until the takeover.
    began = time.monotonic()
    for i in range(24):
        time.sleep(max(0, began + 1 + i * 0.15 - time.monotonic()))
        world.recorder.release("gate%d" % i)
        if i == 3:
            successor.send_signal(signal.SIGCONT)
    wait_for(lambda: world.owned_by(successor), 15, "the other worker takes over")
    wait_for(lambda: [world.recorder.release("gate%d" % i) for i in range(24)] and not world.db.active(),
             40, "all runs end", 0.2)
    world.proxy.heal()
    complete(world, len(ids))
    once_each(world, ids, ["s1", "s2"])
    taken = world.db.value("select count(*) from stepwell.journal where kind = 'claimed' and seq > 2")
    deadlocks = world.server_said("deadlock detected")
    check(not deadlocks, "%d deadlocks: %s", len(deadlocks), deadlocks[:2])
    check(3 < int(taken) < len(ids), "void: %s runs were taken over", taken)
    world.note("%s of %d runs taken over", taken, len(ids))


# ---- Rule 4: a journal that has lost entries ----

NAMES = (JOURNAL, CONTROL, HEARTBEAT, SQL)


def disconnect(world):
    for name in NAMES:
        world.proxy.refuse(name)
    wait_for(lambda: world.proxy.connected() == 0, 10, "the worker is disconnected")


def lose_entries(world, ids, count):
    """The newest entries, as a standby that was promoted would not have them."""
    world.db.psql("".join(
        "delete from stepwell.entry where run_id = '%s' and seq > (select max(seq) - %d from "
        "stepwell.entry where run_id = '%s');" % (i, count, i) for i in ids))


def at_the_gate(world, count):
    """A worker whose runs all have one step behind them and wait in the next one."""
    world.db.apply("gate", [{"s1": http_task(world.recorder.url, "/dedupe/{run}/s1")},
                            {"s2": http_task(world.recorder.url, "/hold/gate/{run}/s2")},
                            {"s3": http_task(world.recorder.url, "/dedupe/{run}/s3")}])
    worker = world.worker()
    ids = world.db.start("gate", count)
    world.recorder.wait("/hold", count)
    return worker, ids


def once_each(world, ids, steps):
    """Each step applied once, under its stepId; it may have been offered again."""
    for run in ids:
        for step in steps:
            records = records_of(world.recorder).get((run, step), [])
            check(sum(r["applied"] for r in records) == 1, "%s %s was applied %d times", run, step,
                  sum(r["applied"] for r in records))
    delivered_once(world, ids, steps, most=3)


def lost_commits(world, released):
    _, ids = at_the_gate(world, 9)
    disconnect(world)
    lose_entries(world, ids[:3], 1)
    lose_entries(world, ids[3:6], 2)
    lose_entries(world, ids[6:8], 3)  # all but `created`: the claim too
    world.db.psql("update stepwell.lease set owner = null, state = 'pending' where run_id in "
                  "('%s', '%s')" % tuple(ids[6:8]))
    if released:  # outcomes wait in memory when the connection comes back
        check(world.recorder.release("gate") == 9, "void: not all were at the gate")
        time.sleep(0.3)
        world.proxy.heal()
        wait_for(lambda: world.recorder.release("gate") + 1 and not world.db.active(), 30,
                 "all runs end", 0.2)
    else:
        world.proxy.heal()
        wait_for(lambda: world.recorder.release("gate") + 1 and not world.db.active(), 30,
                 "all runs end", 0.2)
    complete(world, len(ids))
    once_each(world, ids, ["s1", "s2", "s3"])


def lost_entries_effects_under_way(world):
    lost_commits(world, False)


def lost_entries_outcomes_waiting(world):
    """The outcomes came while the worker was cut off, and wait to be appended."""
    lost_commits(world, True)


def lost_entries_sql_step(world):
    """The session of a sql step is back before the journal's: it must not append to what is not there."""
    world.db.psql("create table effect (run_id text, step int)")
    world.db.apply("locked", [
        {"s1": http_task(world.recorder.url, "/dedupe/{run}/s1")},
        {"q1": sql_task(1, "with l as (select pg_advisory_xact_lock(7)) insert into effect select $1, $2 "
                           "from l")},
        {"s2": http_task(world.recorder.url, "/dedupe/{run}/s2")}])
    world.worker("--sql-connections", "2")
    lock = world.holder("select pg_advisory_xact_lock(7)")
    ids = world.db.start("locked", 2)
    wait_for(lambda: world.db.value("select count(*) from pg_locks where locktype = 'advisory' and "
                                    "not granted") == "2", 20, "both runs are in their sql step")
    disconnect(world)
    wait_for(lambda: world.db.psql(
        "select pg_terminate_backend(pid) from pg_stat_activity where application_name = '%s';\n"
        "select count(*) from pg_stat_activity where application_name = '%s' and datname = '%s'"
        % (SQL, SQL, world.db.name)).split()[-1] == "0", 10, "the old sessions are gone", 0.2)
    lose_entries(world, ids, 1)
    lock.stdin.write("commit;\n")
    lock.stdin.flush()
    world.proxy.heal(SQL)
    wait_for(lambda: world.proxy.connected(SQL), 20, "the sql sessions are back")
    time.sleep(1)  # nothing may happen: there is nothing to wait for
    world.proxy.heal()
    complete(world, len(ids))
    rows_exact(world, ids, [1])
    once_each(world, ids, ["s1", "s2"])


def claimed_by_another(world):
    """While the worker is cut off, another one's `claimed` is appended."""
    first, ids = at_the_gate(world, 4)
    other = "00000000-0000-4000-8000-000000000001"
    disconnect(world)
    world.db.psql(
        "insert into stepwell.worker (id, host, pid, version, expires_at, postmaster_started_at) values "
        "('%s', 'x', 1, '0', now() + interval '1 hour', pg_postmaster_start_time());" % other +
        "insert into stepwell.entry (run_id, seq, at, kind, data) select run_id, max(seq) + 1, now(), "
        "'claimed', '[{\"op\":\"claimed\",\"worker\":\"%s\",\"loss\":true}]' from stepwell.entry "
        "group by 1; update stepwell.lease set owner = '%s'" % (other, other))
    world.proxy.heal()
    wait_for(lambda: world.proxy.connected(JOURNAL) == 2, 20, "the worker is back")
    world.recorder.release("gate")
    time.sleep(1)
    check(world.db.value("select count(*) from stepwell.lease where owner = '%s'" % other) == "4",
          "the first worker went on with runs that are not its own")
    check(world.db.value("select count(*) from stepwell.entry group by run_id order by 1 desc limit 1")
          == "5", "entries behind another worker's claim")
    check(len(world.recorder.records("/dedupe")) == 4, "the first worker started further steps")
    world.db.psql("update stepwell.worker set expires_at = now() - interval '1 second' where id = '%s'"
                  % other)
    wait_for(lambda: world.recorder.release("gate") + 1 and not world.db.active(), 30, "all runs end", 0.2)
    complete(world, 4)
    once_each(world, ids, ["s1", "s2", "s3"])


def swapped_entries(world):
    """The newest entry was lost and another worker's claim has its number: numbers alone fit."""
    _, ids = at_the_gate(world, 3)
    other = "00000000-0000-4000-8000-000000000002"
    disconnect(world)
    world.db.psql(
        "insert into stepwell.worker (id, host, pid, version, expires_at, postmaster_started_at) values "
        "('%s', 'x', 1, '0', now() + interval '1 hour', pg_postmaster_start_time());" % other)
    lose_entries(world, ids, 1)
    world.db.psql(
        "insert into stepwell.entry (run_id, seq, at, kind, data) select run_id, max(seq) + 1, now(), "
        "'claimed', '[{\"op\":\"claimed\",\"worker\":\"%s\",\"loss\":true}]' from stepwell.entry "
        "group by 1; update stepwell.lease set owner = '%s' where run_id <> '%s'" % (other, other, ids[0]))
    check(world.recorder.release("gate") == 3, "void: not all were at the gate")
    time.sleep(0.3)
    world.proxy.heal()
    wait_for(lambda: world.proxy.connected(JOURNAL) == 2, 20, "the worker is back")
    time.sleep(1)
    check(world.db.value("select max(seq) from stepwell.entry where run_id <> '%s'" % ids[0]) == "4",
          "the first worker appended behind another one's claim")
    # This one's lease row names the first worker still: it must claim it anew.
    kind = wait_for(lambda: world.db.value("select kind from stepwell.entry where run_id = '%s' and "
                                           "seq = 5" % ids[0]), 10, "the first worker looks at its run")
    check(kind == "claimed", "the first worker went on behind another one's claim: %s", kind)
    world.db.psql("update stepwell.worker set expires_at = now() - interval '1 second' where id = '%s'"
                  % other)
    wait_for(lambda: world.recorder.release("gate") + 1 and not world.db.active(), 30, "all runs end", 0.2)
    complete(world, 3)
    once_each(world, ids, ["s1", "s2", "s3"])


# ---- Rule 5: leases are known from the table ----

def got_runs(tags):
    return tags[0] != "SELECT 0"


def claim_answer_lost(world):
    world.db.apply("http", [{"s1": http_task(world.recorder.url, "/nodedupe/{run}/s1")}])
    world.worker()
    rule = world.proxy.rule(CONTROL, "after", sql=CLAIM, when=got_runs)
    ids = world.db.start("http", 8)
    check(rule.hit.wait(20), "void: no claim was cut")
    began = time.monotonic()
    world.db.wait_idle(30)
    took = time.monotonic() - began
    complete(world, len(ids))
    delivered_once(world, ids, ["s1"])
    check(took < 2 * LEASE + 3, "it took %.1f s", took)
    world.note("executed %.1f s later", took)


def takeover_answer_lost(world):
    world.db.apply("http", [{"s1": http_task(world.recorder.url, "/hold/gate/{run}/s1")}])
    first = world.worker(proxied=False)
    ids = world.db.start("http", 8)
    world.recorder.wait("/hold", 8)
    world.worker()
    rule = world.proxy.rule(CONTROL, "after", sql=CLAIM, when=lambda tags: tags[1] != "SELECT 0")
    first.end()
    check(rule.hit.wait(20), "void: no takeover was cut")
    world.recorder.wait("/hold", 16)
    world.recorder.release("gate")
    complete(world, len(ids))
    effects_once(world.db, world.recorder, ids, ["s1"])


# ---- Rule 6: a frozen worker blocks nobody ----

def frozen_in_transaction(world, name, sql, tasks, after):
    """Stopped with an open transaction: its successor ends its sessions."""
    world.db.psql("create table effect (run_id text, step int)")
    world.db.apply("mixed", tasks)
    frozen = world.worker()
    rule = world.proxy.rule(name, "hole", sql=sql, nth=2)
    ids = world.db.start("mixed", 12)
    check(rule.hit.wait(20), "void: no transaction was stopped")
    frozen.send_signal(signal.SIGSTOP)
    time.sleep(0.2)
    open_ones = int(world.db.value("select count(*) from pg_stat_activity where application_name = '%s' "
                                   "and datname = '%s' and backend_xid is not null"
                                   % (name, world.db.name)))
    check(open_ones > 0, "void: no transaction is open")
    began = time.monotonic()
    world.worker(proxied=False)
    world.db.wait_idle(30)
    took = time.monotonic() - began
    world.proxy.heal()
    frozen.send_signal(signal.SIGCONT)
    wait_for(lambda: world.owned_by(frozen) == 0, 5, "nothing is owned")
    complete(world, len(ids))
    after(ids)
    check(took < LEASE + 8, "the takeover took %.1f s", took)
    world.note("over %.1f s later", took)


def frozen_in_journal_transaction(world):
    url = world.recorder.url
    frozen_in_transaction(world, JOURNAL, APPEND, [
        {"s%d" % i: http_task(url, "/delay/50/{run}/s%d" % i)} for i in (1, 2, 3)],
        lambda ids: effects_once(world.db, world.recorder, ids, ["s1", "s2", "s3"]))


def frozen_in_sql_step(world):
    frozen_in_transaction(world, SQL, "insert into effect", [{"q%d" % i: sql_task(i)} for i in (1, 2, 3)],
                          lambda ids: rows_exact(world, ids, [1, 2, 3]))


def blocked_run_is_skipped(world, hold):
    """Somebody has a lock on one run of a dead worker: its other runs go on."""
    first, ids = at_the_gate(world, 8)
    first.send_signal(signal.SIGSTOP)
    # The lowest id, which a takeover meets first.
    holder = world.holder(hold % {"run": min(ids)})
    first.end()
    second = world.worker(proxied=False)
    wait_for(lambda: world.recorder.release("gate") + 1 and world.db.statuses().get("completed") == 7, 20,
             "seven runs go on while one is blocked", 0.2)
    check(world.owned_by(second) == 0, "the blocked run was taken")
    holder.stdin.write("rollback;\n")
    holder.stdin.flush()
    wait_for(lambda: world.recorder.release("gate") + 1 and not world.db.active(), 20, "all runs end", 0.2)
    complete(world, len(ids))
    effects_once(world.db, world.recorder, ids, ["s1", "s2", "s3"])


def run_with_locked_lease_is_skipped(world):
    blocked_run_is_skipped(world, "select from stepwell.lease where run_id = '%(run)s' for update")


def run_with_uncommitted_entry_is_skipped(world):
    blocked_run_is_skipped(world, "insert into stepwell.entry (run_id, seq, at, kind, data) select "
                           "'%(run)s', max(seq) + 1, now(), 'claimed', '[]' from stepwell.entry where "
                           "run_id = '%(run)s'")


# ---- Rule 7: entries that cannot be stored ----

def refusing_trigger(world, body):
    world.db.psql(
        "create table bad (run_id uuid primary key); create sequence refused;\n"
        "create function refuse() returns trigger language plpgsql as $$ begin\n"
        "if current_setting('application_name') = 'stepwell journal' and new.kind <> 'suspended' and "
        "exists (select from public.bad b where b.run_id = new.run_id) then\n%s\nend if; return new; end $$;\n"
        "create trigger refuse before insert on stepwell.entry for each row execute function refuse();"
        % body)


def through_the_gate(world, count):
    world.db.apply("gate", [{"s1": http_task(world.recorder.url, "/hold/gate/{run}/s1")},
                            {"s2": http_task(world.recorder.url, "/nodedupe/{run}/s2")}])
    world.worker("--concurrency", "64")
    ids = world.db.start("gate", count)
    world.recorder.wait("/hold", count)
    return ids


def unstorable_entry(world):
    refusing_trigger(world, "raise exception 'not this one';")
    ids = through_the_gate(world, 40)
    bad = world.random.sample(ids, 2)
    world.db.psql("insert into bad values ('%s'), ('%s')" % tuple(bad))
    check(world.recorder.release("gate") == 40, "void: not all were at the gate")
    world.db.wait_idle(20)
    check(world.db.statuses() == {"completed": 38, "suspended": 2}, "%s\n%s", world.db.statuses(),
          world.workers[0].output()[-2000:])
    rows = world.db.rows("select run_id, reason from stepwell.lease where state = 'suspended'")
    check({r["run_id"] for r in rows} == set(bad) and all(r["reason"] for r in rows), "%s", rows)
    journal_is_whole(world.db)
    world.check_workers()
    delivered_once(world, [i for i in ids if i not in bad], ["s1", "s2"])


def transient_errors(world):
    """40001 a few times over: everything is tried again, nothing is sent twice."""
    refusing_trigger(world, "if nextval('public.refused') < 12 then raise exception 'again' using errcode = "
                     "'40001'; end if;")
    ids = through_the_gate(world, 40)
    world.db.psql("insert into bad values ('%s')" % world.random.choice(ids))
    check(world.recorder.release("gate") == 40, "void: not all were at the gate")
    complete(world, len(ids), 20)
    delivered_once(world, ids, ["s1", "s2"])
    nothing_lost(world)
    check(int(world.db.value("select last_value from refused")) >= 12, "void: nothing was refused")


def transient_error_of_one_run(world):
    """40001 for as long as it takes: the other runs of its batch do not wait for it."""
    refusing_trigger(world, "raise exception 'again' using errcode = '40001';")
    ids = through_the_gate(world, 40)
    bad = world.random.choice(ids)
    world.db.psql("insert into bad values ('%s')" % bad)
    check(world.recorder.release("gate") == 40, "void: not all were at the gate")
    wait_for(lambda: world.db.statuses().get("completed") == 39, 20, "the 39 others complete", 0.2)
    time.sleep(2 * LEASE)  # the worker stays alive and keeps its run
    check(world.owned_by(world.workers[0]) == 1, "the run was let go: %s", world.db.statuses())
    world.db.psql("delete from bad")
    complete(world, len(ids), 20)
    delivered_once(world, ids, ["s1", "s2"])
    nothing_lost(world)


# ---- Rule 8: no effect without a lease ----

def database_silent(world):
    """The endpoint answers, the database does not: effects that wait for a slot do not start after
    the lease; results are kept and offered when it heals."""
    world.db.apply("queue", [{"s1": {"call": "http", "with": {"method": "post", "endpoint":
        "${ \"%s/hold/gate\" + ($workflow.input.n %% 4 | tostring) + \"/\" + $workflow.id + "
        "\"/s1?mode=nodedupe\" }" % world.recorder.url}}}])
    world.worker("--concurrency", "8")
    ids = world.db.start("queue", 16)
    # Claims ask for twice as many runs as there are slots: half of them wait with a durable intent.
    wait_for(lambda: world.db.value("select count(*) from stepwell.journal where kind = 'started'") == "16",
             10, "runs wait for slots with a durable intent")
    world.recorder.wait("/hold", 8)
    began = time.monotonic()
    world.proxy.hole()
    world.recorder.release("gate0")
    world.recorder.wait("/hold", 9)
    time.sleep(max(0, began + LEASE + 0.2 - time.monotonic()))
    for gate in ("gate1", "gate2", "gate3"):
        world.recorder.release(gate)
    time.sleep(0.6)  # nothing may happen: there is nothing to wait for
    times = [r["t"] - began for r in world.recorder.records("/hold")]
    late = [t for t in times if t > LEASE]
    check(not late, "%d effects started up to %.2f s after the silence began", len(late), max(times))
    check(len(times) < 16, "void: nothing was left to start")
    world.proxy.heal()
    wait_for(lambda: [world.recorder.release("gate%d" % i) for i in range(4)] and not world.db.active(),
             30, "all runs end", 0.2)
    complete(world, len(ids))
    delivered_once(world, ids, ["s1"])
    nothing_lost(world)
    world.note("%d effects started in the silence", sum(t > 0 for t in times))


def silence_before_effect(world, rule_name):
    """The intent of a step that announces itself is committed, its answer comes when the lease is
    over and another worker has decided: the step must not start any more."""
    world.db.apply("once", [{"s1": http_task(world.recorder.url, "/nodedupe/{run}/s1",
                                             metadata={"onUncertain": rule_name})}])
    stale = world.worker()
    rule = world.proxy.rule(JOURNAL, "silent", sql=APPEND, nth=2)
    world.db.start("once", 1)
    if not rule.hit.wait(5):
        raise Failure("void: no intent was held back")
    world.worker(proxied=False)
    wait_for(lambda: world.owned_by(stale) == 0, 20, "another worker takes over")
    wait_for(lambda: not world.db.active(), 10, "the run ends")
    world.proxy.heal(JOURNAL)
    time.sleep(0.7)
    sent = world.recorder.records("/nodedupe")
    check(not sent, "sent by a worker without a lease: %s\n%s", stale.output(), "".join(
        world.db.cli("history", r["id"])[1] for r in world.db.rows("select id from stepwell.runs")))
    check(set(world.db.statuses()) == {"faulted" if rule_name == "fail" else "suspended"}, "%s",
          world.db.statuses())
    journal_is_whole(world.db)
    world.check_workers()


def late_answer_to_intent(world):
    silence_before_effect(world, "fail")


def lapsed_and_renewed(world):
    """A lease that had run out is renewed; until the worker knows which runs are still its own, it
    starts nothing that waits in memory."""
    world.db.apply("held", [{"s1": http_task(world.recorder.url, "/hold/gate/{run}/s1")}])
    stale = world.worker("--concurrency", "4")
    ids = world.db.start("held", 8)
    world.recorder.wait("/hold", 4)
    wait_for(lambda: world.db.value("select count(*) from stepwell.journal where kind = 'started'") == "8",
             10, "four runs wait for a slot")
    for name in (HEARTBEAT, CONTROL):
        world.proxy.hole(name)
    # Behind a pooler nobody could end its sessions.
    world.db.psql("delete from stepwell.session where worker_id = '%s'" % stale.uuid)
    world.worker(proxied=False)
    world.recorder.wait("/hold", 4 + 8)
    world.proxy.heal(HEARTBEAT)
    wait_for(lambda: world.db.value("select expires_at > now() from stepwell.worker where id = '%s'"
                                    % stale.uuid) == "t", 10, "the lease is renewed")
    world.recorder.release("gate")
    world.db.wait_idle(20)
    time.sleep(0.7)  # nothing may happen: there is nothing to wait for
    check(len(world.recorder.records("/hold")) == 4 + 8, "%d requests: the stale worker went on",
          len(world.recorder.records("/hold")))
    world.proxy.heal()
    complete(world, len(ids))
    effects_once(world.db, world.recorder, ids, ["s1"])


def journal_silent(world):
    """Heartbeats get through, the journal does not: the worker lets its runs go."""
    url = world.recorder.url
    world.db.apply("http", [{"s%d" % i: http_task(url, "/delay/100/{run}/s%d" % i)} for i in range(1, 6)])
    stale = world.worker()
    ids = world.db.start("http", 8)
    world.recorder.wait("/delay", 10)
    world.proxy.hole(JOURNAL)
    began = time.monotonic()
    world.worker(proxied=False)
    wait_for(lambda: world.owned_by(stale) == 0, 15, "another worker takes over")
    took = time.monotonic() - began
    world.db.wait_idle(20)
    check("no heartbeat" in stale.output(), "it did not say so: %s", stale.output())
    world.proxy.heal()
    complete(world, len(ids))
    effects_once(world.db, world.recorder, ids, ["s%d" % i for i in range(1, 6)])
    check(took < 1.5 * LEASE + 5, "the takeover took %.1f s", took)
    world.note("taken over after %.1f s", took)


CASES = [cut_before_sync, cut_with_statements_answered, cut_then_committed, cut_and_committed_late,
         cut_anywhere, takeover_meets_uncommitted, lost_entries_effects_under_way,
         lost_entries_outcomes_waiting, lost_entries_sql_step, claimed_by_another, swapped_entries,
         claim_answer_lost, takeover_answer_lost, frozen_in_journal_transaction, frozen_in_sql_step,
         run_with_locked_lease_is_skipped, run_with_uncommitted_entry_is_skipped, unstorable_entry,
         transient_errors, transient_error_of_one_run, database_silent, late_answer_to_intent,
         lapsed_and_renewed, journal_silent]


def run_case(case, cluster, options):
    name = case.__name__.replace("_", "-")
    began = time.monotonic()
    world, problem = None, None
    try:
        world = World(cluster, options, name)
        case(world)
    except Failure as failure:
        problem = str(failure)
    except Exception:  # a broken test is a failed test
        problem = traceback.format_exc()
    finally:
        if world:
            world.end()
    remark = "; ".join(["%.1f s" % (time.monotonic() - began)] + (world.notes if world else []))
    return name, problem, remark


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--wfctl", default=os.environ.get("WFCTL", str(ROOT / "build" / "wfctl")))
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 31))
    parser.add_argument("--jobs", type=int, default=5, help="cases at a time")
    parser.add_argument("names", nargs="*", help="only these (parts of names)")
    options = parser.parse_args()
    options.wfctl = os.path.abspath(options.wfctl)
    chosen = [case for case in CASES if not options.names or any(
        part in case.__name__.replace("_", "-") for part in options.names)]
    print("# test_fence.py --seed %d" % options.seed, flush=True)
    failed = 0
    cluster = Cluster()
    try:
        cluster.tool("psql", "-qX", "-h", cluster.dir + "/socket", "-d", "postgres", "-c",
                     "alter system set log_line_prefix = '%m [%p] %d '", "-c",
                     "alter system set deadlock_timeout = '100ms'", "-c", "select pg_reload_conf()")
        with concurrent.futures.ThreadPoolExecutor(options.jobs) as threads:
            futures = [threads.submit(run_case, case, cluster, options) for case in chosen]
            for number, future in enumerate(futures, 1):
                name, problem, remark = future.result()
                failed += problem is not None
                print("%s %d - %s # %s" % ("not ok" if problem else "ok", number, name, remark))
                for line in (problem or "").splitlines():
                    print("#   " + line)
                sys.stdout.flush()
    finally:
        cluster.destroy()
    print("1..%d" % len(chosen))
    sys.exit(1 if failed or not chosen else 0)


if __name__ == "__main__":
    main()
