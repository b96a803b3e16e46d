"""What a step promises about its effect: keys that endpoints forget (47), at most once (50), and
orders and starts from outside, all at once (51)."""
import collections
import concurrent.futures
import json
import time

from catalogue import case
from harness import check, check_landed, http_steps, http_task, lines_of, records_of, wait_for
from judges import (Verdict, all_completed, delivered_once, healthy, journal_is_whole, judge_writers,
                    kills_that_hit, nothing_lost)
from rows_crash import NO_POISON, kill_at_random
from rows_events import check_nothing_left, listener
from sessions import SOON


# ---- Row 47: the key window ----

@case(47)
def key_window_passed(world):
    """Attempts whose worker died, or whose answer was lost, and nobody looks at them until the
    endpoint may have forgotten their keys: they are not sent again by themselves, others are."""
    db, recorder, count = world.db, world.recorder, world.size(5, 50, 500)
    policy = {"use": {"retries": {"slow": {"delay": {"seconds": 2}, "limit": {"attempt": {"count": 3}}}}}}
    for name, window in (("past", "PT1S"), ("within", "PT1H")):
        db.apply(name, [{"s": http_task(recorder.url, "/hold/gate/{run}/s?mode=nodedupe",
                                        metadata={"keyWindow": window})}])
        db.apply(name + "-lost", [{"s": http_task(
            recorder.url, "/drop_after_apply/{run}/s", metadata={"keyWindow": window, "retryPolicy": "slow"})}],
            **policy)
    wide = [*SOON, "--concurrency", str(4 * count)]
    first = world.worker(*wide)
    past, within = db.start("past", count), db.start("within", count)
    recorder.wait("/hold", 2 * count)
    lost, found = db.start("past-lost", count), db.start("within-lost", count)
    recorder.wait("/drop_after_apply", 2 * count)
    first.end()
    world.inject(4 * count)
    world.land(4 * count)
    time.sleep(1.5)
    world.worker(*wide)
    recorder.wait("/hold", 3 * count)
    recorder.release("gate")
    db.wait_idle(30)
    time.sleep(0.5)  # nothing may happen: there is nothing to wait for
    sent = {run: len(records) for (run, _), records in records_of(recorder).items()}
    status = {r["id"]: r["status"] for r in db.rows("select id, status from stepwell.runs")}
    for run in past + lost:
        check(sent[run] == 1, "I3: run %s was sent %d times, past its key window", run, sent[run])
        check(status[run] == "suspended", "I3: run %s is %s", run, status[run])
    for run in within + found:
        check(sent[run] == 2 and status[run] == "completed", "I1: run %s was sent %d times, is %s", run,
              sent[run], status[run])
    code, _, err = db.cli("retry", past[0])
    check(code == 5 and "force" in err, "I3: retry: exit %d: %s", code, err)
    db.cli("retry", past[0], "--force", expect=0)
    recorder.wait("/hold", 3 * count + 1)
    recorder.release("gate")
    db.wait_idle(20)
    journal_is_whole(db)
    world.check_workers()
    world.checked(sum(sent.values()))


# ---- Row 50: at most once ----

@case(50)
def on_uncertain(world):
    """With onUncertain fail or hold, no more than one delivery at an endpoint without keys."""
    db, recorder = world.db, world.recorder
    runs, kills = world.size(20, 300, 2000), world.size(6, 40, 300)
    for rule in ("fail", "hold"):
        for delay in (0, 150):
            name = "%s-%d" % (rule, delay)
            db.apply(name, [{"s%d" % i: http_task(
                recorder.url, "/nodedupe/{run}/s%d?delay=%d" % (i, delay),
                metadata={"onUncertain": rule})} for i in range(1, 4)])
            db.start(name, runs)
    with world.pool(3, "--concurrency", "6", *NO_POISON) as pool:
        # Each kill ends runs early: not all of the 12 * runs requests will come.
        kill_at_random(world, pool, kills, world.size(7, 9, 9) * runs, lambda: lines_of(recorder))
        db.wait_idle(120)
    healthy(pool.all())
    journal_is_whole(db)
    records = records_of(recorder)
    twice = {key: len(r) for key, r in records.items() if len(r) > 1}
    check(not twice, "I3: delivered more than once: %s", twice)
    wrong = db.rows("select r.id, name, r.status from stepwell.runs r where status not in "
                    "('completed', 'faulted', 'suspended') or status = 'faulted' and "
                    "name like 'hold%' or status = 'suspended' and name like 'fail%'")
    check(not wrong, "I3: other ends: %s", wrong[:5])
    missing = [(r["run_id"], r["name"]) for r in db.rows(
        "select run_id, name from stepwell.steps where status = 'completed'")
        if (r["run_id"], r["name"]) not in records]
    check(not missing, "I4: journaled as completed, never delivered: %s", missing[:5])
    _, hits = kills_that_hit(db, pool.killed)
    world.land(hits)
    world.checked(len(records))
    world.note("%d runs, %d kills; %s", 4 * runs, len(pool.killed), db.statuses())


# ---- Row 51: races ----

@case(51)
def start_key_race(world):
    """N starts with one key are one run; another input is refused."""
    db, recorder = world.db, world.recorder
    db.apply("http", http_steps(recorder.url, 2, "/dedupe"))
    trials = world.size(1, 10, 100)
    for trial in range(trials):
        key = "k%d" % trial
        with concurrent.futures.ThreadPoolExecutor(40) as threads:
            results = list(threads.map(lambda _: db.cli(
                "start", "crash/http", "--key", key, "--input", '{"n": 1}'), range(40)))
        check(all(code == 0 for code, _, _ in results), "I8: exit codes: %s",
              collections.Counter((code, err) for code, _, err in results).most_common(3))
        check(len({out for _, out, _ in results}) == 1, "I2: several runs for one key")
        code, _, err = db.cli("start", "crash/http", "--key", key, "--input", '{"n": 2}')
        check(code == 5, "I2: the key with another input: exit %d %s", code, err)
        code, out, _ = db.cli("start", "crash/http", "--key", key, "--input", '{ "n":1 }')
        check(code == 0 and out == results[0][1], "I2: the key with an equal input: exit %d", code)
        check(db.count("stepwell.runs") == trial + 1, "I2: more runs than keys")
        world.inject(42)
        world.land(42)
    with world.pool(1):
        db.wait_idle(20)
    all_completed(db, trials)
    journal_is_whole(db)
    world.checked(2 * trials)


@case(51)
def order_races(world):
    """cancel, suspend, resume and retry of the same runs from many sides: documented exit codes,
    one end for each run, no effect twice, and nothing stuck."""
    db, recorder = world.db, world.recorder
    runs, orders = world.size(20, 150, 1000), world.size(60, 1500, 10000)
    db.apply("http", http_steps(recorder.url, 6, "/delay/%d" % world.size(600, 800, 800)))
    ids = db.start("http", runs)
    codes = collections.Counter()

    def order(plan):
        verb, run, pause = plan
        time.sleep(pause)
        code, _, err = db.cli(verb, run)
        codes[verb, code] += 1
        check(code in (0, 5), "I8: %s: exit %d %s", verb, code, err)

    verbs = 2 * ["suspend", "resume", "suspend", "resume", "retry"] + ["cancel"]
    plans = [(world.random.choice(verbs), world.random.choice(ids), world.random.uniform(0, 0.15))
             for _ in range(orders)]
    for verb, run, pause in plans:
        world.plan("%s run %d after %.3f s", verb, ids.index(run), pause)
    with world.pool(2, "--concurrency", "8", "--heartbeat", "200ms", "--lease", "2s") as pool:
        with concurrent.futures.ThreadPoolExecutor(6) as threads:
            list(threads.map(order, plans))
        end = time.monotonic() + 60
        while db.statuses().keys() - {"completed", "cancelled"}:
            check(time.monotonic() < end, "I5: stuck: %s", db.statuses())
            for row in db.rows("select id from stepwell.runs where status = 'suspended'"):
                db.cli("resume", row["id"])
            time.sleep(0.2)
        healthy(pool.all())
        # Orders for what has ended change nothing.
        for run in world.random.sample(ids, min(len(ids), 20)):
            for verb in ("cancel", "suspend", "resume"):
                code, _, err = db.cli(verb, run)
                check(code in (0, 5), "I8: %s of a run that has ended: exit %d %s", verb, code, err)
    journal_is_whole(db)
    records = records_of(recorder)
    twice = {key: r for key, r in records.items() if sum(x["applied"] for x in r) != 1
             or len({x["key"] for x in r}) != 1}
    check(not twice, "I2: applied more or less than once: %s", list(twice.items())[:3])
    check_landed(any(count for (verb, code), count in codes.items() if code == 5), "no order was late")
    world.inject(orders)
    world.land(sum(count for (verb, code), count in codes.items() if code == 0))
    world.checked(len(records))
    world.note("%s; %s", db.statuses(), json.dumps({"%s %d" % k: n for k, n in sorted(codes.items())}))


@case(51)
def claim_race(world):
    """Idle workers that all want the same few runs: each run has one owner, and nothing happens twice."""
    db, recorder, verdict = world.db, world.recorder, Verdict()
    db.apply("plain", [{"p%d" % i: http_task(recorder.url, "/nodedupe/{run}/p%d" % i)} for i in (1, 2)])
    ids = []
    with world.pool(5, "--poll", "20ms") as pool:
        pool.wait_ready()
        for _ in range(world.size(20, 400, 4000)):
            pause, count = world.random.uniform(0, 0.1), world.random.randint(1, 12)
            world.plan("after %.3f s %d starts", pause, count)
            time.sleep(pause)
            ids += db.start("plain", count, len(ids) + 1)
            db.psql("notify stepwell")
            world.inject(count)
            world.land(count)
        db.wait_idle(30)
        pool.drain()
    all_completed(db, len(ids))
    journal_is_whole(db)
    delivered_once(db, recorder, ids, ["p1", "p2"])
    nothing_lost(db)
    judge_writers(verdict, db)
    verdict.end()
    world.checked(2 * len(ids))
    world.note("%d runs", len(ids))


def at_the_deadline(world, db, ids, first, after):
    """For each run an event, an order to cancel, or both, within milliseconds of its task's timeout."""
    asked = ("select run_id, extract(epoch from at) as at from stepwell.operation where op = 'started' and path like "
             "'%%/wait' and run_id = any ('{%s}')" % ",".join(ids))
    begun = wait_for(lambda: len(rows := db.rows(asked)) == len(ids) and {r["run_id"]: r["at"] for r in rows}, 30,
                     "all runs wait")
    plans = []
    for n, run in enumerate(ids, first):
        kinds = world.random.choice((["emit"], ["emit"], ["cancel"], ["emit", "cancel"]))
        for kind in kinds:
            # Both have to be seen by a worker: by its next poll, or its next heartbeat.
            shift = world.random.uniform(-0.12, 0.02) if kind == "emit" else world.random.uniform(-0.25, 0.02)
            plans.append((begun[run] + after + shift, kind, n, run))
            world.plan("%s run %d, %.3f s from its timeout", kind, n, shift)

    def act(plan):
        at, kind, n, run = plan
        time.sleep(max(0, at - time.time()))
        late = time.time() - at
        if kind == "emit":
            db.value("select stepwell.emit(json_build_object('id', 'e%d', 'source', '/race', 'type', 'race', 'data', "
                     "json_build_object('n', %d)))" % (n, n))
        else:
            code, _, err = db.cli("cancel", run)
            check(code in (0, 5), "I8: cancel: exit %d %s", code, err)
        return late
    with concurrent.futures.ThreadPoolExecutor(len(plans)) as threads:
        late = list(threads.map(act, sorted(plans)))
    world.inject(len(plans))
    world.land(sum(seconds < 0.25 for seconds in late))


@case(51)
def end_races(world):
    """An event, a timeout and an order to cancel at the same time: one of them it is, and the compensation of the
    timeout is sent once or never."""
    db, recorder, after = world.db, world.recorder, world.size(2.5, 1.0, 1.0)
    db.apply("race", [
        {"guard": {"try": [listener("race", timeout={"after": {"milliseconds": round(1000 * after)}})], "catch": {
            "errors": {"with": {"status": 408}}, "do": [{"undo": http_task(recorder.url, "/nodedupe/{run}/undo",
                                                                           output={"as": "${ [] }"})}]}}},
        {"done": http_task(recorder.url, "/nodedupe/{run}/done", output={"as": "${ $input | length }"})}])
    ids, ends = [], collections.Counter()
    with world.pool(2, "--heartbeat", "200ms", "--lease", "4s", "--poll", "50ms") as pool:
        pool.wait_ready()
        for _ in range(world.size(1, 25, 200)):
            new = db.start("race", world.size(16, 40, 40), len(ids) + 1)
            at_the_deadline(world, db, new, len(ids) + 1, after)
            ids += new
        db.wait_idle(30)
        healthy(pool.all())
    journal_is_whole(db)
    records = records_of(recorder)
    for row in db.rows("select id, status, output::text as output from stepwell.runs"):
        undone, done = (len(records.get((row["id"], label), [])) for label in ("undo", "done"))
        ends[row["status"], row["output"], undone] += 1
        check(row["status"] in ("completed", "cancelled"), "I7: run %s is %s", row["id"], row["status"])
        check(undone <= 1 and done <= 1, "I3: run %s: %d compensations, %d ends", row["id"], undone, done)
        if row["status"] == "completed":
            check(done == 1 and row["output"] == ("0" if undone else "1"),
                  "I4: run %s gave %s with %d compensations", row["id"], row["output"], undone)
    check(sum(ends.values()) == len(ids), "I1: %d runs, not %d", sum(ends.values()), len(ids))
    check_nothing_left(db)
    nothing_lost(db)
    check_landed(len(ends) >= world.size(2, 3, 3), "only %s", ends)
    world.checked(2 * len(ids))
    world.note("%s", ", ".join("%s %s, %d compensated: %d" % (*key, count) for key, count in sorted(ends.items(), key=str)))
