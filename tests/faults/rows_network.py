"""Connections that are cut at any byte, that fall silent, or that are slow; the endpoints are well."""
import time

from catalogue import case
from harness import Worker, check, check_landed, http_steps, http_task, sql_task, wait_for
from judges import complete, delivered_once, effects_once, journal_is_whole, nothing_lost, rows_exact
from rows_journal import got_runs
from sessions import APPEND, CLAIM, CONTROL, HEARTBEAT, JOURNAL, LEASE, SOON, SQL


@case(34, void_below=0)
def cut_anywhere(world):
    """Many runs at once; connections are cut at random bytes, again and again."""
    db, url = world.db, world.recorder.url
    db.psql("create table effect (run_id text, step int)")
    tasks, goal = [], world.size(40, 1000, 10000)
    for i in range(1, 5):
        tasks += [{"s%d" % i: http_task(url, "/nodedupe/{run}/s%d?delay=60" % i)}, {"q%d" % i: sql_task(i)}]
    db.apply("many", tasks)
    worker = world.worker(*SOON, "--concurrency", "8", proxied=True)
    ids, cuts, end = [], 0, time.monotonic() + 60 + goal
    while cuts < goal or db.active():
        check(time.monotonic() < end, "I5: %d cuts, %d runs, and no progress: %s", cuts, len(ids),
              worker.output()[-1500:])
        if cuts < goal and db.active() < 20:
            ids += db.start("many", 20, len(ids) + 1)
        if cuts < goal:
            name, after = world.random.choice((JOURNAL, CONTROL, SQL)), world.random.randrange(20000)
            world.plan("cut %s after %d bytes", name, after)
            cuts += world.proxy.cut_after_bytes(name, after)
        time.sleep(0.1)
    complete(world, len(ids))
    rows_exact(db, ids, [1, 2, 3, 4])
    delivered_once(db, world.recorder, ids, ["s1", "s2", "s3", "s4"])
    nothing_lost(db)
    world.inject(cuts)
    world.land(cuts)
    world.checked(8 * len(ids))
    world.note("%d runs", len(ids))


def silence_before_effect(world, rule_name):
    """The intent of a step that announces itself is committed, its answer comes when the lease is
    over and another worker has decided: the step must not start any more."""
    db = world.db
    db.apply("once", [{"s1": http_task(world.recorder.url, "/nodedupe/{run}/s1",
                                       metadata={"onUncertain": rule_name})}])
    stale = world.worker(*SOON, proxied=True)
    rule = world.proxy.rule(JOURNAL, "silent", sql=APPEND, nth=2)
    db.start("once", 1)
    check_landed(rule.hit.wait(5), "no intent was held back")
    world.worker(*SOON)
    wait_for(lambda: stale.owned() == 0, 20, "another worker takes over")
    wait_for(lambda: not db.active(), 10, "the run ends")
    world.proxy.heal(JOURNAL)
    time.sleep(0.7)
    sent = world.recorder.records("/nodedupe")
    check(not sent, "I3: sent by a worker without a lease: %s\n%s", stale.output(), "".join(
        db.cli("history", r["id"])[1] for r in db.rows("select id from stepwell.runs")))
    check(set(db.statuses()) == {"faulted" if rule_name == "fail" else "suspended"}, "I3: %s",
          db.statuses())
    journal_is_whole(db)
    world.check_workers()
    world.inject()
    world.land()


@case(35)
def late_answer_to_intent(world):
    silence_before_effect(world, "fail")


@case(35)
def lapsed_and_renewed(world):
    """A lease that had run out is renewed; until the worker knows which runs are still its own, it
    starts nothing that waits in memory."""
    db = world.db
    db.apply("held", [{"s1": http_task(world.recorder.url, "/hold/gate/{run}/s1")}])
    stale = world.worker(*SOON, "--concurrency", "4", proxied=True)
    ids = db.start("held", 8)
    world.recorder.wait("/hold", 4)
    wait_for(lambda: db.count("stepwell.journal where kind = 'started'") == 8, 10,
             "four runs wait for a slot")
    for name in (HEARTBEAT, CONTROL):
        world.proxy.hole(name)
    # Behind a pooler nobody could end its sessions.
    db.psql("delete from stepwell.session where worker_id = '%s'" % stale.uuid)
    world.worker(*SOON)
    world.recorder.wait("/hold", 4 + 8)
    world.proxy.heal(HEARTBEAT)
    wait_for(lambda: db.value("select expires_at > now() from stepwell.worker where id = '%s'"
                              % stale.uuid) == "t", 10, "the lease is renewed")
    world.recorder.release("gate")
    db.wait_idle(20)
    time.sleep(0.7)  # nothing may happen: there is nothing to wait for
    check(len(world.recorder.records("/hold")) == 4 + 8, "I3: %d requests: the stale worker went on",
          len(world.recorder.records("/hold")))
    world.proxy.heal()
    complete(world, len(ids))
    effects_once(db, world.recorder, ids, ["s1"])
    world.inject()
    world.land()
    world.checked(len(ids))


@case(35)
def overtaken_while_loading(world):
    """A worker claims runs, and hears of it when another one has taken them over. When it reads their
    journals, these have the other one's entries: it must not go on behind them."""
    db, recorder = world.db, world.recorder
    db.apply("held", [{"s1": http_task(recorder.url, "/dedupe/{run}/s1")},
                      {"nap": {"wait": {"milliseconds": 2500}}},
                      {"s2": http_task(recorder.url, "/hold/gate/{run}/s2")}])
    stale = world.worker(*SOON, proxied=True)
    ids = db.start("held", 4)
    wait_for(lambda: db.count("stepwell.lease where owner is null and state = 'waiting'") == 4, 20,
             "the runs have left memory")
    rule = world.proxy.rule(CONTROL, "held", sql=CLAIM, when=got_runs)
    check_landed(rule.hit.wait(20), "no answer to a claim was held back")
    world.proxy.hole(HEARTBEAT)
    # Behind a pooler nobody could end its sessions.
    db.psql("delete from stepwell.session where worker_id = '%s'" % stale.uuid)
    other = world.worker(*SOON)
    recorder.wait("/hold", 4)
    world.proxy.heal()
    time.sleep(1)  # nothing may happen: there is nothing to wait for
    check(len(recorder.records("/hold")) == 4, "I3: %d requests: it went on with runs of another worker",
          len(recorder.records("/hold")))
    check(other.owned() == 4, "I7: it has taken runs back: %s", stale.output())
    recorder.release("gate")
    complete(world, len(ids))
    effects_once(db, recorder, ids, ["s1", "s2"])
    world.inject(4)
    world.land(4)
    world.checked(8)


@case(35)
def journal_silent(world):
    """Heartbeats get through, the journal does not: the worker lets its runs go."""
    db, url = world.db, world.recorder.url
    db.apply("http", http_steps(url, 5, "/delay/100"))
    stale = world.worker(*SOON, proxied=True)
    ids = db.start("http", 8)
    world.recorder.wait("/delay", 10)
    world.proxy.hole(JOURNAL)
    began = time.monotonic()
    world.worker(*SOON)
    wait_for(lambda: stale.owned() == 0, 15, "another worker takes over")
    took = time.monotonic() - began
    db.wait_idle(20)
    check("no heartbeat" in stale.output(), "it did not say so: %s", stale.output())
    world.proxy.heal()
    complete(world, len(ids))
    effects_once(db, world.recorder, ids, ["s%d" % i for i in range(1, 6)])
    check(took < world.within(1.5 * LEASE + 5), "I5: the takeover took %.1f s", took)
    world.inject()
    world.land()
    world.checked(5 * len(ids))
    world.note("taken over after %.1f s", took)


@case(35)
def journal_connects_late(world):
    """An idle worker that is to end at once finds out that there is nothing to do before all its
    connections are up."""
    world.proxy.hole(JOURNAL)
    worker = world.keep(Worker(world.db, [*SOON, "--until-idle"], conninfo=world.proxy.conninfo(
        "user=postgres dbname=" + world.db.name)))
    wait_for(lambda: world.proxy.connected(CONTROL), 20, "it is connected")
    time.sleep(0.5)
    check_landed(worker.alive(), "it did not need its journal")
    world.proxy.heal()
    check(worker.process.wait(10) == 0, "I8: it ended with %s: %s", worker.process.returncode,
          worker.output())
    world.inject()
    world.land()


@case(37)
def database_silent(world):
    """The endpoint answers, the database does not: effects that wait for a slot do not start after
    the lease; results are kept and offered when it heals."""
    db = world.db
    db.apply("queue", [{"s1": {"call": "http", "with": {"method": "post", "endpoint":
        "${ \"%s/hold/gate\" + ($workflow.input.n %% 4 | tostring) + \"/\" + $workflow.id + "
        "\"/s1?mode=nodedupe\" }" % world.recorder.url}}}])
    world.worker(*SOON, "--concurrency", "8", proxied=True)
    ids = db.start("queue", 16)
    # Claims ask for twice as many runs as there are slots: half of them wait with a durable intent.
    wait_for(lambda: db.count("stepwell.journal where kind = 'started'") == 16, 10,
             "runs wait for slots with a durable intent")
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
    check(not late, "I3: %d effects started up to %.2f s after the silence began", len(late), max(times))
    check_landed(len(times) < 16, "nothing was left to start")
    world.inject(16)
    world.land(16 - sum(t <= 0 for t in times))
    world.proxy.heal()
    wait_for(lambda: [world.recorder.release("gate%d" % i) for i in range(4)] and not db.active(), 30,
             "all runs end", 0.2)
    complete(world, len(ids))
    delivered_once(db, world.recorder, ids, ["s1"])
    nothing_lost(db)
    world.checked(len(ids))
    world.note("%d effects started in the silence", sum(t > 0 for t in times))
