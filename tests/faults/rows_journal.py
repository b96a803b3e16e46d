"""The journal when commits are in doubt (row 16), and when it has lost entries (row 19): connections
cut at exact points by pgproxy."""
import time

from catalogue import case
from harness import check, check_landed, http_task, records_of, sql_task, wait_for
from judges import complete, delivered_once, effects_once, nothing_lost, rows_exact
from sessions import APPEND, CLAIM, CONTROL, JOURNAL, LEASE, NAMES, SOON, SQL


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


def ambiguity(world, action):
    """Every flush and every batch of a sql session of a fixed scenario is cut once; short: every
    other one."""
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
    world.worker(*SOON, "--sql-connections", "1", "--poll", "50ms", proxied=True)
    ids, hits = [], {}
    step = world.size(2, 1, 1)
    for name, sql in ((JOURNAL, APPEND), (SQL, "")):
        for nth in range(world.random.randint(1, step), 100, step):
            world.plan("%s the %d. batch of %s", action, nth, name)
            rule = world.proxy.rule(name, action, nth=nth, sql=sql, delay=0.2)
            run, status = run_to_end(world, "fixed")[-2:]
            world.proxy.drop(rule)
            ids.append(run)
            check(status == "completed", "I1: %s, batch %d: %s\n%s\n%s", name, nth, status,
                  world.db.cli("history", run)[1], world.known["workers"][0].output()[-2000:])
            if not rule.hits:
                break
            hits[name] = hits.get(name, 0) + 1
    check_landed(hits.get(JOURNAL, 0) >= 7 // step and hits.get(SQL, 0) >= 9 // step, "only %s batches hit",
                 hits)
    complete(world, len(ids))
    rows_exact(world.db, ids, [1, 10, 11])
    delivered_once(world.db, world.recorder, ids, ["s1", "h0", "h1", "s2", "s3"])
    nothing_lost(world.db)
    world.inject(sum(hits.values()))
    world.land(sum(hits.values()))
    world.checked(8 * len(ids))
    world.note("%s batches cut", "+".join(str(n) for n in hits.values()))


@case(16)
def cut_before_sync(world):
    ambiguity(world, "before")


@case(16)
def cut_with_statements_answered(world):
    """Durable means that the Sync was answered, not that a statement was."""
    ambiguity(world, "answered")


@case(16)
def cut_then_committed(world):
    ambiguity(world, "after")


@case(16)
def cut_and_committed_late(world):
    """The Sync lies in the server's buffer while the worker has reconnected."""
    ambiguity(world, "late")


@case(16)
def cut_on_another_database(world):
    """There the commit is the effect: cut on its way it may have happened, and is not repeated where that
    is forbidden; cut before it, or refused for its result, it has not."""
    other = world.new_database()
    other.psql("create table effect (run_id text, step int)")
    world.worker(*SOON, "--sql-connections", "1", "--database",
                 "other=" + world.proxy.conninfo("user=postgres dbname=" + other.name))

    def task(step, expect=1, **metadata):
        made = sql_task(step)
        made["with"].update(database="other", expect=expect)
        return dict(made, metadata=metadata)

    again = {"retry": {"limit": {"attempt": {"count": 3}}}}
    world.db.apply("once", [{"guard": {"try": [{"q": task(1, onUncertain="fail")}], "catch": again}}])
    world.db.apply("again", [{"guard": {"try": [{"q": task(1)}], "catch": again}}])
    world.db.apply("refused", [{"guard": {"try": [{"q": task(1, expect=2, onUncertain="fail")}], "catch": again}}])
    # Before the Sync the server may have the COMMIT or not.
    ends = {("before", "once"): ("faulted", [0, 1]), ("after", "once"): ("faulted", [1]),
            ("late", "once"): ("faulted", [1]), ("before", "again"): ("completed", [1, 2]),
            ("after", "again"): ("completed", [2]), ("late", "again"): ("completed", [2])}
    cuts = 0
    for _ in range(world.size(1, 10, 50)):
        for (action, name), end in ends.items():
            for sql, wanted in (("commit", end), ("insert into effect", ("completed", [1]))):
                world.plan("%s: cut %s %s", name, action, sql)
                # What opens a transaction speaks of synchronous_commit.
                nth, act = (2, action) if sql == "commit" else (1, "before")
                rule = world.proxy.rule(SQL, act, nth=nth, sql=sql, delay=0.2)
                run, status = run_to_end(world, name)[-2:]
                world.proxy.drop(rule)
                rows = other.count("effect where run_id = '%s'" % run)
                check_landed(rule.hits == 1, "%s was not cut %s", sql, action)
                check(status == wanted[0] and rows in wanted[1], "I3: %s, %s cut %s: %s with %d rows, not %s", name,
                      sql, action, status, rows, wanted)
                cuts += 1
        run, status = run_to_end(world, "refused")[-2:]
        check(status == "faulted" and not other.count("effect where run_id = '%s'" % run),
              "I4: a refused result was kept: %s", world.db.cli("history", run)[1])
    world.inject(cuts)
    world.land(cuts)
    world.checked(cuts)


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
    worker = world.worker(*SOON, proxied=True)
    ids = world.db.start("gate", count)
    world.recorder.wait("/hold", count)
    return worker, ids


def once_each(world, ids, steps):
    """Each step applied once, under its stepId; it may have been offered again."""
    for run in ids:
        for step in steps:
            records = records_of(world.recorder).get((run, step), [])
            check(sum(r["applied"] for r in records) == 1, "I2: %s %s was applied %d times", run, step,
                  sum(r["applied"] for r in records))
    delivered_once(world.db, world.recorder, ids, steps, most=3)


def through_the_gate(world, ids, faults):
    wait_for(lambda: world.recorder.release("gate") + 1 and not world.db.active(), 30,
             "I5: all runs end", 0.2)
    complete(world, len(ids))
    once_each(world, ids, ["s1", "s2", "s3"])
    world.inject(faults)
    world.land(faults)
    world.checked(3 * len(ids))


def lost_commits(world, released):
    _, ids = at_the_gate(world, 9)
    disconnect(world)
    lose_entries(world, ids[:3], 1)
    lose_entries(world, ids[3:6], 2)
    lose_entries(world, ids[6:8], 3)  # all but `created`: the claim too
    world.db.psql("update stepwell.lease set owner = null, state = 'pending' where run_id in "
                  "('%s', '%s')" % tuple(ids[6:8]))
    if released:  # outcomes wait in memory when the connection comes back
        check_landed(world.recorder.release("gate") == 9, "not all were at the gate")
        time.sleep(0.3)
    world.proxy.heal()
    through_the_gate(world, ids, 8)


@case(19)
def lost_entries_effects_under_way(world):
    lost_commits(world, False)


@case(19)
def lost_entries_outcomes_waiting(world):
    """The outcomes came while the worker was cut off, and wait to be appended."""
    lost_commits(world, True)


@case(19)
def lost_entries_sql_step(world):
    """The session of a sql step is back before the journal's: it must not append to what is not there."""
    world.db.psql("create table effect (run_id text, step int)")
    world.db.apply("locked", [
        {"s1": http_task(world.recorder.url, "/dedupe/{run}/s1")},
        {"q1": sql_task(1, "with l as (select pg_advisory_xact_lock(7)) insert into effect select $1, $2 "
                           "from l")},
        {"s2": http_task(world.recorder.url, "/dedupe/{run}/s2")}])
    world.worker(*SOON, "--sql-connections", "2", proxied=True)
    lock = world.holder("select pg_advisory_xact_lock(7)")
    ids = world.db.start("locked", 2)
    wait_for(lambda: world.db.count("pg_locks where locktype = 'advisory' and not granted") == 2, 20,
             "both runs are in their sql step")
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
    rows_exact(world.db, ids, [1])
    once_each(world, ids, ["s1", "s2"])
    world.inject(len(ids))
    world.land(len(ids))
    world.checked(3 * len(ids))


def register(db, other):
    """A worker that is alive, and of which there is no process."""
    db.psql("insert into stepwell.worker (id, host, pid, version, expires_at, postmaster_started_at) values "
            "('%s', 'x', 1, '0', now() + interval '1 hour', pg_postmaster_start_time())" % other)


def claim_all(db, other, but=None):
    """It takes over all runs, or their entries say so; but: whose lease it does not get."""
    db.psql("insert into stepwell.entry (run_id, seq, at, kind, data) select run_id, max(seq) + 1, now(), "
            "'claimed', '[{\"op\":\"claimed\",\"worker\":\"%s\",\"loss\":true}]' from stepwell.entry "
            "group by 1; update stepwell.lease set owner = '%s'%s"
            % (other, other, " where run_id <> '%s'" % but if but else ""))


@case(19)
def claimed_by_another(world):
    """While the worker is cut off, another one's `claimed` is appended."""
    first, ids = at_the_gate(world, 4)
    other = "00000000-0000-4000-8000-000000000001"
    disconnect(world)
    register(world.db, other)
    claim_all(world.db, other)
    world.proxy.heal()
    wait_for(lambda: world.proxy.connected(JOURNAL) == 2, 20, "the worker is back")
    world.recorder.release("gate")
    time.sleep(1)
    check(world.db.count("stepwell.lease where owner = '%s'" % other) == 4,
          "I7: the first worker went on with runs that are not its own")
    check(world.db.value("select count(*) from stepwell.entry group by run_id order by 1 desc limit 1")
          == "5", "I7: entries behind another worker's claim")
    check(len(world.recorder.records("/dedupe")) == 4, "I3: the first worker started further steps")
    world.db.psql("update stepwell.worker set expires_at = now() - interval '1 second' where id = '%s'"
                  % other)
    through_the_gate(world, ids, 4)


@case(19)
def swapped_entries(world):
    """The newest entry was lost and another worker's claim has its number: numbers alone fit."""
    _, ids = at_the_gate(world, 3)
    other = "00000000-0000-4000-8000-000000000002"
    disconnect(world)
    register(world.db, other)
    lose_entries(world, ids, 1)
    claim_all(world.db, other, but=ids[0])
    check_landed(world.recorder.release("gate") == 3, "not all were at the gate")
    time.sleep(0.3)
    world.proxy.heal()
    wait_for(lambda: world.proxy.connected(JOURNAL) == 2, 20, "the worker is back")
    time.sleep(1)
    check(world.db.value("select max(seq) from stepwell.entry where run_id <> '%s'" % ids[0]) == "4",
          "I7: the first worker appended behind another one's claim")
    # This one's lease row names the first worker still: it must claim it anew.
    kind = wait_for(lambda: world.db.value("select kind from stepwell.entry where run_id = '%s' and "
                                           "seq = 5" % ids[0]), 10, "the first worker looks at its run")
    check(kind == "claimed", "I7: the first worker went on behind another one's claim: %s", kind)
    world.db.psql("update stepwell.worker set expires_at = now() - interval '1 second' where id = '%s'"
                  % other)
    through_the_gate(world, ids, 3)


def got_runs(tags):
    return tags[0] != "SELECT 0"


@case(16)
def claim_answer_lost(world):
    world.db.apply("http", [{"s1": http_task(world.recorder.url, "/nodedupe/{run}/s1")}])
    world.worker(*SOON, proxied=True)
    rule = world.proxy.rule(CONTROL, "after", sql=CLAIM, when=got_runs)
    ids = world.db.start("http", 8)
    check_landed(rule.hit.wait(20), "no claim was cut")
    began = time.monotonic()
    world.db.wait_idle(30)
    took = time.monotonic() - began
    complete(world, len(ids))
    delivered_once(world.db, world.recorder, ids, ["s1"])
    check(took < world.within(2 * LEASE + 3), "I5: it took %.1f s", took)
    world.inject()
    world.land()
    world.checked(len(ids))
    world.note("executed %.1f s later", took)


@case(16)
def takeover_answer_lost(world):
    world.db.apply("http", [{"s1": http_task(world.recorder.url, "/hold/gate/{run}/s1")}])
    first = world.worker(*SOON)
    ids = world.db.start("http", 8)
    world.recorder.wait("/hold", 8)
    world.worker(*SOON, proxied=True)
    rule = world.proxy.rule(CONTROL, "after", sql=CLAIM, when=lambda tags: tags[1] != "SELECT 0")
    first.end()
    check_landed(rule.hit.wait(20), "no takeover was cut")
    world.recorder.wait("/hold", 16)
    world.recorder.release("gate")
    complete(world, len(ids))
    effects_once(world.db, world.recorder, ids, ["s1"])
    world.inject()
    world.land()
    world.checked(len(ids))
