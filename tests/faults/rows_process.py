"""Workers that are told to stop, by polite and rude signals; runs that kill their worker; the
kernel's out-of-memory killer; processes that outlive their step."""
import json
import os
import pathlib
import signal
import time

from catalogue import case
from harness import (Cgroup, Missing, Worker, check, http_steps, http_task, preload, records_of, shim, some,
                     wait_for)
from judges import OPS, all_completed, effects_once, healthy, journal_is_whole
from rows_crash import NO_POISON, pick
from sessions import APPEND, JOURNAL, SOON
from terminal import open_terminal


# ---- Row 7: graceful stop ----

@case(7)
def drain(world):
    """SIGTERM under load: exit 0 in time, leases given back, nothing lost, nothing claimed after."""
    db, recorder = world.db, world.recorder
    drains, graces, stops = world.size(4, 60, 1000), [], {}
    db.apply("http", http_steps(recorder.url, 6, "/delay/%d" % world.size(300, 2000, 2000)))
    ids = []
    with world.pool(3, "--concurrency", "8") as pool:
        for _ in range(drains):
            pause, choice = world.random.uniform(0.1, 0.5), world.random.random()
            world.plan("after %.3f s drain owner %.3f", pause, choice)
            pool.wait_ready()
            if db.active() < 30:
                ids += db.start("http", 40, len(ids) + 1)
            time.sleep(pause)
            index = pick(wait_for(pool.owners, 20, "somebody owns something"), choice)
            worker = pool.workers[index]
            uuid = worker.id()
            world.inject()
            world.land(worker.owned() > 0)
            began, stops[uuid] = time.monotonic(), time.time()
            code = worker.end(signal.SIGTERM, 20)
            graces.append(time.monotonic() - began)
            check(code == 0, "I8: exit %d: %s", code, worker.output())
            check(worker.owned() == 0, "I1: %d leases were not given back", worker.owned())
            pool.replace(index)
        db.wait_idle(60)
        pool.drain()
    healthy(pool.all())
    check(max(graces) < world.within(10), "I8: the slowest drain took %.1f s", max(graces))
    all_completed(db, len(ids))
    journal_is_whole(db)
    again = effects_once(db, recorder, ids, ["s%d" % i for i in range(1, 7)])
    world.checked(6 * len(ids))
    claims = db.rows("select o ->> 'worker' as worker, (o ->> 'loss')::boolean as loss, extract(epoch from "
                     "j.at) as at from %s ops join stepwell.journal j using (run_id, seq) where op = "
                     "'claimed'" % OPS)
    late = [c for c in claims if c["at"] > stops.get(c["worker"], c["at"]) + world.size(2, 0.7, 0.7)]
    check(not late, "I8: claimed after SIGTERM: %s", some(late))
    lost = db.count("%s ops where op = 'lost'" % OPS) + sum(bool(c["loss"]) for c in claims)
    check(not lost and not again, "I3: %d losses, %d requests sent again", lost, again)
    world.figure("slowest", max(graces))
    world.note("%d drains, slowest %.2f s", drains, max(graces))


@case(7)
def drain_meets_lost_batch(world):
    """The flush with the outcomes of a worker that drains is cut before it is committed: the outcomes are not
    lost, and at most once stays so."""
    db, recorder = world.db, world.recorder
    db.apply("once", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1", metadata={"onUncertain": "fail"})},
                      {"s2": http_task(recorder.url, "/dedupe/{run}/s2")}])
    ids, count = [], 8
    for _ in range(world.size(1, 10, 100)):
        part = db.start("once", count)
        first = world.worker(*SOON, proxied=True)
        recorder.wait("/hold", len(ids) + count)
        rule = world.proxy.rule(JOURNAL, "before", sql=APPEND)
        first.send_signal(signal.SIGTERM)
        recorder.release("gate")
        check(first.wait(30) == 0, "I8: %s", first.output())
        world.inject()
        world.land(rule.hits)
        world.proxy.drop(rule)
        second = world.worker()
        db.wait_idle(30)
        check(second.end(signal.SIGTERM, 20) == 0, "I8: %s", second.output())
        ids += part
    all_completed(db, len(ids))
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2"])
    again = [len(r) for r in records_of(recorder).values() if len(r) > 1]
    check(not again, "I3: %d steps were sent more than once", len(again))
    world.checked(2 * len(ids))


@case(7)
def drain_timeout(world):
    """An effect that does not end: left to be resumed after --drain-timeout; and a second SIGTERM
    exits at once."""
    db, recorder = world.db, world.recorder
    db.apply("held", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")}])
    ids = db.start("held", 3)
    first = world.worker("--drain-timeout", "1s")
    recorder.wait("/hold", 3)
    began = time.monotonic()
    check(first.end(signal.SIGTERM, 20) == 0, "I8: exit code: %s", first.output())
    took = time.monotonic() - began
    check(0.9 < took < world.within(4), "I8: the drain took %.1f s", took)
    second = world.worker()
    recorder.wait("/hold", 6)
    second.send_signal(signal.SIGTERM)
    time.sleep(0.3)
    check(second.alive(), "I8: it did not wait for its effects: %s", second.output())
    began = time.monotonic()
    second.end(signal.SIGTERM, 20)
    check(time.monotonic() - began < world.within(1), "I8: the second SIGTERM took too long")
    world.worker()
    recorder.wait("/hold", 9)
    recorder.release("gate")
    db.wait_idle(30)
    all_completed(db, 3)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1"])
    world.inject(2)
    world.land(2)
    world.checked(3)


# ---- Row 8: rude signals ----

def without_streams(world, db):
    """A worker that was started with all three streams closed."""
    return Worker(db, by=["sh", "-c", "exec \"$@\" <&- >&- 2>&-", "sh"])


def with_broken_pipe(world, db):
    """Nobody reads what it prints."""
    reader, writer = os.pipe()
    worker = Worker(db, output=writer)
    os.close(reader)
    os.close(writer)
    return worker


def on_terminal(world, db):
    """It has a terminal, which then goes away."""
    ours, theirs = open_terminal()
    worker = Worker(db, by=["setsid", "--ctty"], output=theirs, stdin=theirs)
    os.close(theirs)
    worker.terminal = ours
    return worker


def end_terminal(worker):
    os.close(worker.terminal)


def send(*numbers):
    def send_all(worker):
        for number in numbers:
            if worker.alive():
                worker.send_signal(number)
    return send_all


def complain(worker):
    """Makes it log: its sessions are cut, all of them."""
    worker.db.value("select count(pg_terminate_backend(pid)) from pg_stat_activity where datname = "
                    "current_database() and application_name like 'stepwell%'")


RUDE = [  # how it is started, what is done to it, how it may end (None: it lives)
    ("SIGHUP", lambda world, db: Worker(db), send(signal.SIGHUP), (-signal.SIGHUP, 0)),
    ("SIGPIPE", lambda world, db: Worker(db), send(signal.SIGPIPE), (None,)),
    ("SIGTERM, twice", lambda world, db: Worker(db), send(signal.SIGTERM, signal.SIGTERM), (0, 1)),
    ("SIGINT, SIGTERM, SIGINT", lambda world, db: Worker(db),
     send(signal.SIGINT, signal.SIGTERM, signal.SIGINT), (0, 1)),
    ("SIGUSR1", lambda world, db: Worker(db), send(signal.SIGUSR1), (-signal.SIGUSR1, None)),
    ("no streams", without_streams, complain, (None,)),
    ("broken pipe", with_broken_pipe, complain, (None,)),
    ("terminal gone", on_terminal, end_terminal, (-signal.SIGHUP, 0)),
]


@case(8)
def rude_signals(world):
    """Runs are under way in a worker that somebody is rude to; another one goes on where it ends."""
    db, recorder, ids = world.db, world.recorder, []
    db.apply("http", http_steps(recorder.url, 4, "/delay/100"))
    for _ in range(world.size(1, 10, 50)):
        for name, start, act, ends in world.random.sample(RUDE, world.size(5, 8, 8)):
            world.plan(name)
            seen = len(recorder.records())
            worker = world.keep(start(world, db))
            worker.wait_ready()
            ids += db.start("http", 4, len(ids) + 1)
            recorder.wait("/delay", seen + 4)
            world.inject()
            world.land(worker.owned() > 0)
            act(worker)
            if ends != (None,):
                wait_for(lambda: not worker.alive() or None in ends, 20, "I8: after %s it ends" % name)
            helper = world.worker()
            db.wait_idle(30)
            code = worker.process.poll()
            check(code in ends, "I8: %s: a worker ended with %s: %s", name, code, worker.output())
            healthy([helper])
            worker.end()
            helper.end()
    all_completed(db, len(ids))
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])
    world.checked(4 * len(ids))


# ---- Row 9: poison ----

def owner_of(db, run):
    """The process id of the worker that owns it, "" where none does or it has not begun."""
    return db.value("select pid from stepwell.worker w join stepwell.lease l on l.owner = w.id where l.run_id = "
                    "'%s' and pid > 0" % run)


def check_suspended(db, run, deaths=3):
    """What is said of a run whose own process died."""
    row = db.rows("select l.state, l.reason, l.deaths from stepwell.lease l where run_id = '%s'" % run)[0]
    check(row["state"] == "suspended" and row["deaths"] == deaths, "I5: the poison is %s", row)
    found = db.count("%s ops where run_id = '%s' and (o ->> 'evidence')::boolean" % (OPS, run))
    check(found == deaths, "I4: the journal has %d deaths", found)
    out = db.cli("status", run)[1]
    check("next       wfctl resume " in out and "died %d times" % deaths in out, "I8: status: %s", out)
    return row["reason"]


def beside_poison(world, count, first, bad):
    """Runs beside so many poisons: their ids, the poisons', and how long all took together."""
    db, losses, began = world.db, 0, time.monotonic()
    pid = pathlib.Path(db.cluster.dir, world.name + ".pid")
    ids, poisoned = db.start("http", count, first), db.start("poison", bad)
    with world.pool(2, "--allow-run", "--concurrency", "4", *SOON) as pool:
        end = time.monotonic() + 120
        while db.active():
            check(time.monotonic() < end, "I5: not over: %s", db.statuses())
            if poisoned and (owner := owner_of(db, poisoned[0])):
                (new := pid.with_suffix(".new")).write_text(owner + "\n")
                new.replace(pid)
            codes = pool.replace_dead()
            check(all(code == -signal.SIGABRT for code in codes), "I8: exit codes %s", codes)
            losses += len(codes)
            check(losses <= 2 * bad, "I5: the poison took %d workers with it", losses)
            time.sleep(0.02)
        pool.drain()
    check(losses == 2 * bad, "I5: it took %d workers", losses)
    return ids, poisoned, time.monotonic() - began


@case(9, long=True)
def poison(world):
    """A run whose shell ends its process is executed in one of its own after two losses, and suspended after
    three deaths of that; others complete, and at nearly the rate that they have without it: of three trials one
    shows it, since the machine may do something else in the others."""
    db, recorder = world.db, world.recorder
    db.apply("http", http_steps(recorder.url, 4, "/delay/100"))
    db.apply("poison", [{"kill": {"run": {"shell": {"command": "until kill -ABRT $(cat %s/%s.pid); do sleep 0.05; done; "
                                                               "sleep 5" % (db.cluster.dir, world.name)}}}}])
    count, ids, poisons, rate = world.size(20, 400, 400), [], [], 0
    while rate < 0.8 and len(poisons) < 3:
        alone = None
        if world.size(False, True, True):
            more, _, alone = beside_poison(world, count, len(ids) + 1, 0)
            ids += more
        more, poisoned, took = beside_poison(world, count, len(ids) + 1, 1)
        ids, poisons = ids + more, poisons + poisoned
        rate = max(rate, alone / took if alone else 1)
    check(db.statuses() == {"completed": len(ids), "suspended": len(poisons)}, "I5: %s", db.statuses())
    for run in poisons:
        reason = check_suspended(db, run)
        check("SIGABRT in /do/0/kill" in reason, "I8: the reason is %s", reason)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])
    world.inject(5 * len(poisons))
    world.land(5 * len(poisons))
    world.checked(4 * len(ids))
    if world.size(False, True, True):
        world.figure("rate", rate)
        world.note("others ran at %.0f %% of their rate", 100 * rate)
    check(rate >= 0.8, "I5: others ran at %.0f %% of their rate", 100 * rate)


@case(9, long=True)
def poison_sql(world):
    """Processes die while a `call: sql` step is under way, which leaves no lost attempt behind: by SIGKILL, which
    is nobody's fault, then by what is."""
    db, kills = world.db, [signal.SIGKILL] * 4 + [signal.SIGABRT] * 3
    db.apply("poison", [{"nap": {"call": "sql", "with": {
        "statement": "select pg_sleep(20), 'poison'"}}}])
    bad, seen = db.start("poison", 1)[0], set()

    def napping():
        """The process id of an owner whose statement runs, and which has not been killed."""
        owner = owner_of(db, bad)
        pids = db.value("select string_agg(a.pid::text, ' ') from pg_stat_activity a join stepwell.session s on "
                        "s.pid = a.pid join stepwell.worker w on w.id = s.worker_id where a.query like "
                        "'%%pg_sleep(20), %%' and w.pid = %s" % (owner or 0))
        return int(owner) if pids and int(owner) not in seen else None
    with world.pool(1, *SOON) as pool:
        for kill in kills:
            wait_for(lambda: pool.replace_dead() or napping(), 30, "I5: the run goes on: %s" % db.cli("history", bad)[1])
            pid = wait_for(napping, 30, "I5: the run goes on")
            os.kill(pid, kill)
            seen.add(pid)
            world.inject()
            world.land()
        wait_for(lambda: db.statuses() == {"suspended": 1}, 30, "I5: the run is suspended")
        check(len(pool.gone) == 2, "I5: %d workers died", len(pool.gone))
        pool.drain()
    check_suspended(db, bad)
    journal_is_whole(db)


@case(9, long=True)
def poison_in_company(world):
    """A poison among suspects, all of which lost their workers twice: their processes are halved until it is
    alone; nobody else is blamed."""
    db, recorder, count = world.db, world.recorder, world.size(12, 60, 200)
    db.apply("held", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")},
                      {"s2": http_task(recorder.url, "/dedupe/{run}/s2")}])
    pid = pathlib.Path(db.cluster.dir, world.name + ".pid")
    db.apply("poison", [{"kill": {"run": {"shell": {
        "command": "until kill -ABRT $(cat %s); do sleep 0.05; done; sleep 5" % pid}}}}])
    ids, bad = db.start("held", count), db.start("poison", 1)[0]
    flags = ["--allow-run", "--concurrency", str(count + 1), "--poll", "100ms", "--lease", "1s", "--heartbeat", "200ms"]
    with world.pool(1, *flags) as pool:
        for again in (1, 2):
            recorder.wait("/hold", again * count, 60)
            pool.kill(0)
            world.inject()
            world.land()
        end = time.monotonic() + 120
        while db.count("stepwell.lease where run_id = '%s' and state = 'suspended'" % bad) == 0:
            check(time.monotonic() < end, "I5: not over: %s", db.cli("history", bad)[1])
            if owner := owner_of(db, bad):
                (new := pid.with_suffix(".new")).write_text(owner + "\n")
                new.replace(pid)
            codes = pool.replace_dead()
            check(not codes, "I5: the poison took a worker with it: %s", codes)
            time.sleep(0.02)
        recorder.release("gate")
        wait_for(lambda: db.statuses() == {"completed": count, "suspended": 1}, 60, "I5: the others complete")
        pool.drain()
    check_suspended(db, bad)
    blamed = db.count("stepwell.lease where deaths > 0 and run_id <> '%s'" % bad)
    check(not blamed, "I5: %d others are blamed", blamed)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2"])
    world.checked(2 * count)


@case(9, long=True)
def poison_event(world):
    """An event that ends whoever evaluates a correlation on it: after two losses it is routed by a process of its
    own, after three deaths of that not any more; other events are, and the pool lives on. The way to have it
    routed again works."""
    db, count = world.db, world.size(10, 100, 400)
    db.apply("one", [{"wait": {"listen": {"to": {"any": [{
        "with": {"type": "one"},
        "correlate": {"n": {"from": "${ .data.n | tostring }", "expect": "${ $workflow.input.n | tostring }"}}}]}}}}])
    db.start("one", count)
    emit = ("select stepwell.emit(json_build_object('id', n::text, 'source', '/s', 'type', 'one', 'data', "
            "json_build_object('n', n))) from generate_series(%d, %d) n")
    with world.pool(2, *SOON, env=preload(shim(world.cluster, "die_of"), DIE_OF="\"poison\"")) as pool:
        wait_for(lambda: db.count("stepwell.subscription") == count, 30, "they listen")
        db.psql(emit % (1, count // 2))
        db.psql("""select stepwell.emit('{"id": "bad", "source": "/s", "type": "one", "data": {"n": "poison"}}')""")
        db.psql(emit % (count // 2 + 1, count))
        end = time.monotonic() + 90
        while db.active() or db.count("stepwell.event where tries < 5 and not routed"):
            check(time.monotonic() < end, "I5: not over: %s", db.rows("select id, tries from stepwell.event "
                                                                      "where not routed"))
            codes = pool.replace_dead()
            check(all(code == -signal.SIGABRT for code in codes), "I8: exit codes %s", codes)
            time.sleep(0.02)
        check(db.value("select id || tries from stepwell.event where not routed") == "bad5", "I5: it is put aside")
        check(2 <= len(pool.gone) <= 6, "I5: it took %d workers", len(pool.gone))
        out = db.cli("doctor")[1]
        check("1 event not routed any more" in out and "bad of /s" in out, "I8: doctor: %s", out)
        log = "".join(worker.output() for worker in pool.all())
        check("event bad of /s is not routed any more" in log, "I8: %s", log[-2000:])
        losses = len(pool.gone)
        pool.drain()
    with world.pool(1, *SOON) as pool:
        db.psql("update stepwell.event set tries = 0 where not routed and tries >= 5")
        wait_for(lambda: db.count("stepwell.event where not routed") == 0, 30, "I5: it is routed after all")
        healthy(pool.all())
    check(db.count("stepwell.runs where status = 'completed'") == count, "I1: %s", db.statuses())
    rows = db.rows("select j.run_id, count(*) as n from stepwell.journal j cross join lateral "
                   "json_array_elements(j.data) o where o.value ->> 'op' = 'received' group by 1")
    check(len(rows) == count and all(r["n"] == 1 for r in rows), "I2: %d of %d took an event", len(rows), count)
    journal_is_whole(db)
    world.inject(losses + 3)
    world.land(losses + 3)
    world.checked(count)


@case(9, long=True)
def poison_definition(world):
    """A definition that ends whoever compiles it: after two losses a process of its own does, after three deaths of
    that nobody; its runs are suspended one and all, without a death more for each, and others complete."""
    db, recorder = world.db, world.recorder
    db.apply("good", http_steps(recorder.url, 3, "/delay/50"))
    db.apply("bad", [{"a": {"set": {"x": "${ \"poison\" + ($workflow.id | tostring) }"}}}])
    ids, bad = db.start("good", world.size(20, 100, 400)), world.size(30, 200, 1000)
    db.start("bad", bad)
    with world.pool(2, *SOON, "--concurrency", "4", env=preload(shim(world.cluster, "die_of"), DIE_OF="poison")) as pool:
        end = time.monotonic() + world.size(60, 120, 240)
        while db.statuses() != {"completed": len(ids), "suspended": bad}:
            check(time.monotonic() < end, "I5: not over: %s", db.statuses())
            codes = pool.replace_dead()
            check(all(code == -signal.SIGABRT for code in codes), "I8: exit codes %s", codes)
            time.sleep(0.02)
        losses = len(pool.gone)
        check(2 <= losses <= bad / 2, "I5: it took %d workers", losses)  # those that load it before the first losses are known
        more = db.start("bad", 1)[0]
        wait_for(lambda: db.value("select state from stepwell.lease where run_id = '%s'" % more) == "suspended", 20,
                 "I5: the next one is suspended")
        check(not pool.replace_dead(), "I5: a worker died of it")
        out = db.cli("status", more)[1]
        check("processes that compiled its definition" in out and "wfctl resume" in out, "I8: status: %s", out)
        check("processes that compiled its definition" in db.cli("doctor")[1], "I8: doctor")
        log = "".join(worker.output() for worker in pool.all())
        check("is not compiled any more" in log, "I8: %s", log[-2000:])
        pool.drain()
    check(db.count("stepwell.lease where deaths > 0") == 0, "I5: runs are blamed")
    with world.pool(1, *SOON) as pool:
        check(db.cli("resume", more)[0] == 0, "I8: resume")
        wait_for(lambda: db.statuses().get("completed") == len(ids) + 1, 20, "I5: it goes on: %s" % db.cli(
            "history", more)[1])
        healthy(pool.all())
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2", "s3"])
    world.inject(losses + 3)
    world.land(losses + 3)
    world.checked(3 * len(ids))


@case(9)
def outputs_over_the_limit(world):
    """Answers, expressions and shells that give more than is allowed fault their run, and nothing
    else."""
    db, url = world.db, world.recorder.url
    db.apply("good", http_steps(url, 2, "/delay/50"))
    db.apply("answer", [{"big": {"call": "http", "with": {"method": "get", "endpoint": url + "/big/3000000"}}}])
    db.apply("bomb", [{"big": {"call": "http", "with": {"method": "get",
                                                        "endpoint": url + "/gzip_bomb/300000000"}}}])
    db.apply("double", [{"grow": {"for": {"in": "[range(64)]"}, "do": [
        {"more": {"set": {"x": "${ $context.x + $context.x }"}, "export": {"as": "${ . }"}}}]}}],
        input={"from": "${ { x: \"0123456789\" } }"})
    db.apply("shell", [{"yes": {"run": {"shell": {"command": "yes"}}}}])
    ids, bad = [], ["answer", "bomb", "shell"] + ["double"] * (not world.sanitized)  # it would take minutes
    with world.pool(2, "--allow-run", "--concurrency", "4", "--body-limit", "1MiB") as pool:
        pool.wait_ready()
        for _ in range(world.size(1, 10, 50)):
            ids += db.start("good", 20, len(ids) + 1)
            for name in bad:
                db.start(name, 1)
                world.inject()
        db.wait_idle(world.size(60, 300, 600))
        check(not pool.replace_dead(), "I8: workers ended: %s", [w.output()[-500:] for w in pool.gone])
        healthy(pool.all())
    ends = {(r["name"], r["status"]): r["n"] for r in db.rows(
        "select name, status, count(*) as n from stepwell.runs group by 1, 2")}
    trials = world.result.injected // len(bad)
    check(ends == {("good", "completed"): len(ids), **{(name, "faulted"): trials for name in bad}},
          "I10: %s: %s", ends, db.rows("select left(error::text, 300) as error, count(*) as n from stepwell.runs where "
                                       "name = 'good' and status <> 'completed' group by 1"))
    world.land(world.result.injected)
    journal_is_whole(db)
    world.checked(len(ids))


# ---- Row 10: memory ----

@case(10)
def out_of_memory(world):
    """Workers with little memory, and answers that are too large for it: the kernel kills two workers; then the
    run fails in a process of its own, by its own bound, and is suspended."""
    db, recorder = world.db, world.recorder
    limit = 64  # MiB
    if world.sanitized:
        raise Missing("a build with ASan needs more memory than that for itself")
    group = Cgroup("memory")
    world.ends.insert(0, group.destroy)  # when its processes are gone
    group.limit(limit << 20)
    db.apply("good", http_steps(recorder.url, 4, "/delay/100"))
    db.apply("growing", [{"b%d" % i: {"call": "http", "with": {
        "method": "get", "endpoint": "%s/big/%d" % (recorder.url, (limit << 20) * i // 4)}}} for i in (1, 2, 3, 4)])
    ids = db.start("good", world.size(20, 100, 400))
    bad = db.start("growing", world.size(1, 3, 10))
    deaths = 0
    with world.pool(1, "--concurrency", "4", "--body-limit", "%dMiB" % (2 * limit), *SOON) as pool:
        end = time.monotonic() + world.size(90, 300, 900)
        while db.active():
            check(time.monotonic() < end, "I5: not over after %d deaths: %s", deaths, db.statuses())
            codes = pool.replace_dead()
            check(all(code == -signal.SIGKILL for code in codes), "I8: exit codes %s: %s", codes,
                  [w.output()[-500:] for w in pool.gone])
            deaths += len(codes)
            for worker in pool.workers:
                group.add(worker.pid)
            time.sleep(0.02)
        healthy(pool.all())
    check(db.statuses() == {"completed": len(ids), "suspended": len(bad)}, "I1: %s: %s", db.statuses(),
          db.value("select string_agg(reason, '; ') from stepwell.lease"))
    journal_is_whole(db)
    effects_once(db, recorder_without(recorder, "/big"), ids, ["s1", "s2", "s3", "s4"])
    for run in bad:
        world.note("%s", check_suspended(db, run))
    check(2 <= deaths <= 2 * len(bad), "I5: it took %d workers", deaths)
    world.inject(5 * len(bad))
    world.land(deaths + 3 * len(bad))
    world.checked(4 * len(ids))
    world.note("%d workers killed at %d MiB", deaths, limit)


class recorder_without:
    """The records of a recorder but for some paths."""

    def __init__(self, recorder, prefix):
        self.log = recorder.log + ".rest"
        with open(recorder.log) as lines, open(self.log, "w") as out:
            out.writelines(line for line in lines if not json.loads(line)["path"].startswith(prefix))


@case(10)
def memory_of_1000_steps(world):
    """A thousand steps under way, and what the worker needs for that."""
    db, recorder = world.db, world.recorder
    if world.sanitized:
        raise Missing("the memory of a build with ASan says nothing")
    db.apply("held", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")}])
    worker = world.worker("--concurrency", "1000", "--http-timeout", "5m")
    db.start("held", 1000)
    recorder.wait("/hold", 1000, 60)
    peak = worker.peak_mib()
    recorder.release("gate")
    db.wait_idle(30)
    all_completed(db, 1000)
    world.check_workers()
    world.checked(1000)
    world.figure("mib", peak)
    world.note("%.1f MiB at the most", peak)
    check(peak <= 64, "I10: %.1f MiB", peak)


# ---- Row 11: orphans ----

ORPHANS = r"""
cd "$1" && date +%s >>tries
for pid in $(cat pids 2>/dev/null); do kill -0 $pid 2>/dev/null && echo $pid >>survivors; done
[ $(wc -l <tries) -gt "$2" ] && exit 0
echo $$ >>pids
(trap '' HUP TERM; setsid sh -c 'echo $$ >>pids; exec sleep 600') &
setsid nohup sh -c 'echo $$ >>pids; sh -c "echo \$\$ >>pids; exec sleep 600"' >/dev/null 2>&1 &
exec sleep 600
"""


@case(11)
def orphans(world):
    """Steps that leave daemons behind; their workers are killed. When the next attempt begins,
    nothing of the one before lives."""
    db, root = world.db, pathlib.Path(world.cluster.dir, world.name)
    root.mkdir()
    kills, count = 2, world.size(6, 40, 200)
    db.apply("fork", [{"x": {"run": {"shell": {
        "command": ORPHANS, "arguments": ["${ \"%s/\" + ($workflow.input.n | tostring) }" % root, str(kills)]}}}}])
    folders = [root / str(n) for n in range(1, count + 1)]
    for folder in folders:
        folder.mkdir()

    def running(tries):
        return all((f / "pids").exists() and len((f / "pids").read_text().split()) >= 4 * tries
                   for f in folders)
    with world.pool(1, "--allow-run", "--concurrency", str(count), *NO_POISON) as pool:
        db.start("fork", count)
        for kill in range(1, kills + 1):
            wait_for(lambda: running(kill), 60, "all processes of attempt %d run" % kill)
            pause = world.random.uniform(0, 0.2)
            world.plan("kill %.3f s after all processes have begun", pause)
            time.sleep(pause)
            pool.kill(0)
            world.inject(4 * count)
            world.land(4 * count)
        db.wait_idle(60)
        healthy(pool.all())
    survivors = [f.name for f in folders if (f / "survivors").exists()]
    check(not survivors, "I3: processes outlived their attempt in %s", some(survivors))
    pids = [int(pid) for f in folders for pid in (f / "pids").read_text().split()]
    left = [pid for pid in pids if os.path.exists("/proc/%d" % pid)]
    check(not left, "I8: processes are left: %s", some(left))
    tries = {len((f / "tries").read_text().split()) for f in folders}
    check(tries == {kills + 1}, "I3: attempts: %s", tries)
    all_completed(db, count)
    journal_is_whole(db)
    world.checked(count)
    world.note("%d runs, %d processes", count, len(pids))


@case(8)
def frozen_past_a_timeout(world):
    """A worker that sleeps over the time of its requests: those that were answered in time complete, the other one
    was not."""
    db, recorder = world.db, world.recorder
    for name in ("answered", "silent"):
        db.apply(name, [{"s1": http_task(recorder.url, "/hold/%s/{run}/s1" % name)}])
    worker = world.worker("--http-timeout", "4s")
    answered, silent = db.start("answered", 4), db.start("silent", 1)
    recorder.wait("/hold", 5)
    worker.send_signal(signal.SIGSTOP)
    world.inject(5)
    recorder.release("answered")
    time.sleep(4.2)  # the time passes
    worker.send_signal(signal.SIGCONT)
    world.land(5)
    db.wait_idle(30)
    status = {r["id"]: r["status"] for r in db.rows("select id, status from stepwell.runs")}
    check([status[run] for run in answered + silent] == ["completed"] * 4 + ["faulted"], "I5: %s", status)
    recorder.release("silent")
    world.checked(5)
