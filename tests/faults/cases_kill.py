"""Workers that are killed, frozen or drained while others go on."""
import pathlib
import signal
import subprocess
import time

from harness import Failure, Pool, Worker, check, http_steps, http_task, records_of, wait_for
from judges import (OPS, all_completed, effects_once, enough_hits, journal_is_whole,
                    kills_that_hit)

SOON = ["--lease", "2s", "--heartbeat", "500ms"]
# Kills in quick succession also hit the recovery from earlier ones; by chance one run's owner
# dies three times in a row, which the default rightly takes for poison.
NO_POISON = ["--poison-after", "0"]


def kill_at_random(world, pool, kills, work, progress):
    """Kills, mostly workers that own something, whenever progress() has come to the next one of
    as many random shares of the work."""
    for goal in sorted(world.random.uniform(0.02, 0.9) * work for _ in range(kills)):
        wait_for(lambda: progress() >= goal, 120, "the work goes on to %d of %d" % (goal, work), 0.02)
        for _ in range(20):  # one that is starting is no worker yet
            owners = {int(pid) for pid in pool.db.psql(
                "select pid from stepwell.worker w where exists (select from stepwell.lease l "
                "where l.owner = w.id)").split()}
            choice = [i for i, w in enumerate(pool.workers) if w.pid in owners]
            if not choice or world.random.random() < 0.2:
                choice = range(len(pool.workers))
            if pool.kill(world.random.choice(choice)):
                break


def lines_of(recorder):
    """How many requests have come."""
    with open(recorder.log, "rb") as log:
        return log.read().count(b"\n")


def kill_workers_http(world):
    db, recorder = world.database(), world.recorder()
    runs, kills = world.size(60, 1000), world.size(6, 40)
    db.apply("http", http_steps(recorder.url, 6))
    ids = db.start("http", runs)
    with Pool(db, 3, "--concurrency", str(world.size(8, 24)), *NO_POISON) as pool:
        kill_at_random(world, pool, kills, 6 * runs, lambda: lines_of(recorder))
        db.wait_idle(world.size(60, 300))
        pool.check_healthy()
    all_completed(db, runs)
    journal_is_whole(db)
    again = effects_once(db, recorder, ids, ["s%d" % i for i in range(1, 7)])
    taken, hits = kills_that_hit(db, pool.killed)
    world.note("%d runs, %d kills (%d with runs, %d in flight), %d requests sent again", runs,
               len(pool.killed), taken, hits, again)
    enough_hits(len(pool.killed), hits)


def kill_workers_fork(world):
    """Branches side by side, half done when their workers die: each step is applied once."""
    db, recorder = world.database(), world.recorder()
    runs, kills = world.size(40, 500), world.size(6, 40)
    steps = http_steps(recorder.url, 6)
    db.apply("fork", [{"both": {"fork": {"branches": [
        {"left": {"do": steps[:3]}}, {"right": {"do": steps[3:5]}}, steps[5]]}}}])
    ids = db.start("fork", runs)
    with Pool(db, 3, "--concurrency", str(world.size(8, 24)), *NO_POISON) as pool:
        kill_at_random(world, pool, kills, 6 * runs, lambda: lines_of(recorder))
        db.wait_idle(world.size(60, 300))
        pool.check_healthy()
    all_completed(db, runs)
    journal_is_whole(db)
    again = effects_once(db, recorder, ids, ["s1", "s2", "s3"], ["s4", "s5"], ["s6"])
    world.note("%d runs, %d kills, %d requests sent again", runs, len(pool.killed), again)


def kill_workers_sql(world):
    db = world.database()
    runs, kills = world.size(90, 300), world.size(5, 30)
    db.psql("create table effect (run_id text, step int, at timestamptz default clock_timestamp())")
    # Each statement takes a while, so that kills find transactions open.
    db.apply("sql", [{"s%d" % i: {"call": "sql", "with": {
        "statement": "with nap as (select pg_sleep(0.1)) "
                     "insert into effect (run_id, step) select $1, $2 from nap",
        "parameters": ["${ $workflow.id }", i], "output": "count"}}} for i in range(1, 6)])
    db.start("sql", runs)
    with Pool(db, 3, "--sql-connections", "2", "--concurrency", "8", *NO_POISON) as pool:
        kill_at_random(world, pool, kills, 5 * runs,
                       lambda: int(db.value("select count(*) from effect")))
        db.wait_idle(world.size(60, 300))
        pool.check_healthy()
    all_completed(db, runs)
    journal_is_whole(db)
    rows = db.rows("select run_id, step, count(*) as n from effect group by 1, 2")
    check(len(rows) == 5 * runs and all(r["n"] == 1 for r in rows),
          "%d steps have rows, %d expected; %s", len(rows), 5 * runs, [r for r in rows if r["n"] > 1])
    taken, _ = kills_that_hit(db, pool.killed)
    world.note("%d runs, %d kills, %d with runs", runs, len(pool.killed), taken)
    enough_hits(len(pool.killed), taken)


def frozen_worker(world):
    """Stopped beyond its lease with requests in flight, and continued when others own its runs."""
    db, recorder = world.database(), world.recorder()
    runs = world.size(12, 60)
    db.apply("http", http_steps(recorder.url, 6, "/delay/300"))
    for trial in range(world.size(1, 5)):
        recorder.reset()
        open(recorder.log, "w").close()
        ids = db.start("http", runs)
        frozen = Worker(db, SOON)
        other = None
        try:
            uuid = frozen.wait_registered()
            recorder.wait("/delay", runs)
            time.sleep(world.random.uniform(0, 0.3))
            frozen.send_signal(signal.SIGSTOP)
            other = Worker(db, SOON)
            wait_for(lambda: db.value("select count(*) from stepwell.lease where owner = '%s'"
                                      % uuid) == "0", 15, "another worker takes over")
            time.sleep(world.random.uniform(0, 0.6))
            frozen.send_signal(signal.SIGCONT)
            db.wait_idle(60)
            check(frozen.process.poll() is None, "the frozen worker ended with %s: %s",
                  frozen.process.poll(), frozen.output())
        finally:
            for worker in filter(None, [frozen, other]):
                worker.end()
        all_completed(db, runs * (trial + 1))
        journal_is_whole(db)
        effects_once(db, recorder, ids, ["s%d" % i for i in range(1, 7)])
        taken, hits = kills_that_hit(db, [uuid])
        check(taken and hits, "void: the frozen worker had nothing in flight")
        # The journal key lets nobody but the last claimant write: a late entry of the frozen
        # worker would have ended an attempt that its successor had declared lost.
        late = db.rows("select l.run_id, l.path from %s l join %s c on c.run_id = l.run_id and "
                       "c.path = l.path and c.seq > l.seq and c.op = 'completed' where l.op = 'lost' "
                       "and not exists (select from %s s where s.run_id = l.run_id and s.path = l.path "
                       "and s.op = 'started' and (s.seq, s.n) > (l.seq, l.n) and s.seq <= c.seq)"
                       % (OPS, OPS, OPS))
        check(not late, "attempts ended after they were lost: %s", late[:5])
    world.note("%d runs", runs)


def run_killed(world):
    """`wfctl run` is killed in the middle; the pool sees its sessions vanish and takes over."""
    db, recorder = world.database(), world.recorder()
    path = db.apply("http", http_steps(recorder.url, 4))
    times = []
    with Pool(db, 1) as pool:
        pool.workers[0].wait_registered()
        for trial in range(world.size(3, 20)):
            recorder.reset()
            open(recorder.log, "w").close()
            runner = subprocess.Popen([db.wfctl, "run", path, "--input", '{"n": %d}' % trial, "--db",
                                       db.conninfo], stdin=subprocess.DEVNULL,
                                      stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            recorder.wait("/delay", world.random.randrange(1, 5))
            time.sleep(world.random.uniform(0, 0.15))
            runner.kill()
            killed_at = time.time()
            runner.wait()
            db.wait_idle(30)
            run = db.rows("select id from stepwell.runs order by id desc limit 1")[0]["id"]
            all_completed(db, trial + 1)
            effects_once(db, recorder, [run], ["s%d" % i for i in range(1, 5)])
            claimed = float(db.value("select max(extract(epoch from at)) from stepwell.journal "
                                     "where run_id = '%s' and kind = 'claimed'" % run))
            if claimed > killed_at:
                times.append(claimed - killed_at)
        pool.check_healthy()
    journal_is_whole(db)
    check(len(times) * 2 > trial, "void: only %d of %d runs were taken over", len(times), trial + 1)
    world.note("taken over after %.2f to %.2f s", min(times), max(times))
    check(max(times) < world.size(4, 2), "the takeover took %.2f s", max(times))


def drain(world):
    """SIGTERM under load: exit 0 in time, leases given back, nothing lost."""
    db, recorder = world.database(), world.recorder()
    runs, drains = world.size(40, 300), world.size(4, 20)
    db.apply("http", http_steps(recorder.url, 6))
    ids = db.start("http", runs)
    slowest = 0
    with Pool(db, 3, "--concurrency", "8") as pool:
        for worker in pool.workers:
            worker.wait_registered()
        for _ in range(drains):
            time.sleep(world.random.uniform(0.1, 0.5))
            index = world.random.randrange(3)
            worker = pool.workers[index]
            uuid = worker.wait_registered()
            wait_for(lambda: db.value("select count(*) >= 4 from stepwell.session where worker_id = "
                                      "'%s'" % uuid) == "t", 30, "a worker is ready")
            time.sleep(0.1)
            began = time.monotonic()
            code = worker.end(signal.SIGTERM, 20)
            slowest = max(slowest, time.monotonic() - began)
            check(code == 0, "exit %d: %s", code, worker.output())
            left = db.value("select count(*) from stepwell.lease where owner = '%s'" % uuid)
            check(left == "0", "%s leases were not given back", left)
            pool.replace(index)
        db.wait_idle(60)
        pool.check_healthy()
    check(slowest < 5, "the slowest drain took %.1f s", slowest)
    all_completed(db, runs)
    journal_is_whole(db)
    again = effects_once(db, recorder, ids, ["s%d" % i for i in range(1, 7)])
    lost = db.rows("select run_id, seq from %s ops where op = 'lost' or op = 'claimed' and "
                   "(o ->> 'loss')::boolean" % OPS)
    check(not lost and not again, "%d lost entries, %d requests sent again: %s", len(lost), again,
          lost[:5])
    world.note("%d drains, slowest %.2f s", drains, slowest)


def drain_timeout(world):
    """An effect that does not end: left to be resumed after --drain-timeout; and a second SIGTERM
    exits at once."""
    db, recorder = world.database(), world.recorder()
    db.apply("held", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")}])
    ids = db.start("held", 3)
    first = Worker(db, ["--drain-timeout", "1s"])
    second = third = None
    try:
        recorder.wait("/hold", 3)
        began = time.monotonic()
        check(first.end(signal.SIGTERM, 20) == 0, "exit code: %s", first.output())
        took = time.monotonic() - began
        check(0.9 < took < 4, "the drain took %.1f s", took)
        second = Worker(db)
        recorder.wait("/hold", 6)
        second.send_signal(signal.SIGTERM)
        time.sleep(0.3)
        check(second.process.poll() is None, "it did not wait for its effects: %s", second.output())
        began = time.monotonic()
        second.end(signal.SIGTERM, 20)
        check(time.monotonic() - began < 1, "the second SIGTERM took too long")
        third = Worker(db)
        recorder.wait("/hold", 9)
        recorder.release("gate")
        db.wait_idle(30)
    finally:
        for worker in filter(None, [first, second, third]):
            worker.end()
    all_completed(db, 3)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1"])


def poison(world):
    """A run whose shell kills its worker is suspended after three losses; others complete."""
    db, recorder = world.database(), world.recorder()
    db.apply("http", http_steps(recorder.url, 4, "/delay/100"))
    pid = pathlib.Path(db.cluster.dir, world.name + ".pid")
    db.apply("poison", [{"kill": {"run": {"shell": {
        "command": "until kill -9 $(cat %s); do sleep 0.05; done; sleep 5" % pid}}}}])
    ids = db.start("http", world.size(20, 100))
    bad = db.start("poison", 1)[0]
    losses = 0
    with Pool(db, 1, "--allow-run", "--concurrency", "8") as pool:
        end = time.monotonic() + 60
        while db.active():
            if time.monotonic() > end:
                raise Failure("not over: %s" % db.statuses())
            (new := pid.with_suffix(".new")).write_text("%d\n" % pool.workers[0].pid)
            new.replace(pid)
            codes = pool.replace_dead()
            check(all(code == -signal.SIGKILL for code in codes), "exit codes %s", codes)
            losses += len(codes)
            time.sleep(0.05)
        pool.check_healthy()
    row = db.rows("select status from stepwell.runs where id = '%s'" % bad)[0]
    check(row["status"] == "suspended", "the poison is %s", row["status"])
    check(db.statuses() == {"completed": len(ids), "suspended": 1}, "%s", db.statuses())
    check(losses == 3, "it took %d workers", losses)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])
    out = db.cli("status", bad)[1]
    world.note("%d workers lost", losses)
    check("retry" in out, "status names no next command: %s", out)


def poison_sql(world):
    """The same for a `call: sql` step, which leaves no lost attempt behind."""
    db = world.database()
    db.apply("poison", [{"nap": {"call": "sql", "with": {
        "statement": "select pg_sleep(20), 'poison'"}}}])
    bad = db.start("poison", 1)[0]
    losses = 0
    with Pool(db, 1) as pool:
        end = time.monotonic() + 120
        while db.active():
            check(time.monotonic() < end and losses < 6, "%d losses: %s", losses,
                  db.cli("history", bad)[1])
            if db.value("select count(*) from pg_stat_activity where state = 'active' and query like "
                        "'%pg_sleep(20), ''poison''%' and pid <> pg_backend_pid()") != "0":
                losses += pool.kill(0) is not None
                wait_for(lambda: db.value(
                    "select count(*) from stepwell.journal where kind = 'claimed'") > str(losses)
                    or not db.active(), 15, "the run is taken over")
            time.sleep(0.05)
    check(db.statuses() == {"suspended": 1} and losses == 3, "%d losses: %s", losses, db.statuses())
    journal_is_whole(db)


def on_uncertain(world):
    """With onUncertain fail or hold, no more than one delivery at an endpoint without keys."""
    db, recorder = world.database(), world.recorder()
    runs, kills = world.size(20, 200), world.size(6, 40)
    for rule in ("fail", "hold"):
        for delay in (0, 150):
            name = "%s-%d" % (rule, delay)
            db.apply(name, [{"s%d" % i: http_task(
                recorder.url, "/nodedupe/{run}/s%d?delay=%d" % (i, delay),
                metadata={"onUncertain": rule})} for i in range(1, 4)])
            db.start(name, runs)
    with Pool(db, 3, "--concurrency", "6", *NO_POISON) as pool:
        kill_at_random(world, pool, kills, 11 * runs, lambda: lines_of(recorder))
        db.wait_idle(120)
        pool.check_healthy()
    journal_is_whole(db)
    records = records_of(recorder)
    twice = {key: len(r) for key, r in records.items() if len(r) > 1}
    check(not twice, "delivered more than once: %s", twice)
    wrong = db.rows("select r.id, name, r.status from stepwell.runs r where status not in "
                    "('completed', 'faulted', 'suspended') or status = 'faulted' and "
                    "name like 'hold%' or status = 'suspended' and name like 'fail%'")
    check(not wrong, "other ends: %s", wrong[:5])
    missing = [(r["run_id"], r["name"]) for r in db.rows(
        "select run_id, name from stepwell.steps where status = 'completed'")
        if (r["run_id"], r["name"]) not in records]
    check(not missing, "journaled as completed, never delivered: %s", missing[:5])
    _, hits = kills_that_hit(db, pool.killed)
    world.note("%d runs, %d kills, %d in flight; %s", 4 * runs, len(pool.killed), hits, db.statuses())
    enough_hits(len(pool.killed), hits)


CASES = [kill_workers_http, kill_workers_fork, kill_workers_sql, frozen_worker, run_killed, drain, drain_timeout, poison,
         poison_sql, on_uncertain]
