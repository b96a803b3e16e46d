"""Lines that forget idle connections (row 36), or let little through at a time (row 38)."""
import os
import time

from catalogue import case
from harness import check, check_landed, http_steps, sql_task
from judges import complete, delivered_once, nothing_lost, rows_exact
from sessions import CONTROL, JOURNAL, SQL

LEASE = 1.0
QUICKLY = ["--lease", "1s", "--heartbeat", "250ms", "--poll", "100ms", "--sql-connections", "1"]
# Each of two journal connections is given up after two and a half leases, that of sql after 3 s.
BOUND = 2 * 2.5 * LEASE + 3 + 1


@case(36)
def idle_forgotten(world):
    """What was idle is silent from then on; nothing waits for it for longer than a deadline."""
    db, proxy, slowest = world.db, world.proxy, 0
    db.psql("create table effect (run_id text, step int)")
    db.apply("mixed", [*http_steps(world.recorder.url, 1, "/dedupe"), {"q1": sql_task(1)}])
    world.worker(*QUICKLY, proxied=True)
    ids = db.start("mixed", 4)
    db.wait_idle(20)
    proxy.forget(2)
    for _ in range(world.size(1, 20, 200)):
        pause = world.random.uniform(2.05, 2.4)
        world.plan("nothing for %.2f s", pause)
        time.sleep(pause)
        began, before = time.monotonic(), proxy.forgotten
        ids += db.start("mixed", 4)
        world.inject(3)  # the connections that were idle
        db.wait_idle(60)
        world.land(min(proxy.forgotten - before, 3))
        slowest = max(slowest, time.monotonic() - began)
    proxy.forget(None)
    complete(world, len(ids))
    rows_exact(db, ids, [1])
    world.checked(2 * len(ids))
    world.figure("slowest", slowest)
    world.note("%d runs, done within %.2f s", len(ids), slowest)
    check(slowest <= world.within(BOUND + 4, BOUND, BOUND), "I5: it took %.1f s", slowest)


def cpu_seconds(pid):
    """What a process has used so far."""
    with open("/proc/%d/stat" % pid) as line:
        fields = line.read().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@case(38)
def slow_trickle(world):
    """What the database says comes in small pieces, with pauses; one connection is throttled. The results
    are the same, and the worker does not spin meanwhile."""
    db, proxy = world.db, world.proxy
    db.psql("create table effect (run_id text, step int)")
    db.apply("mixed", [*http_steps(world.recorder.url, 2, "/nodedupe"), {"q1": sql_task(1)}])
    worker = world.worker("--lease", "20s", "--heartbeat", "1s", "--poll", "200ms", proxied=True)
    ids = db.start("mixed", 4)
    db.wait_idle(20)
    size, pause = world.random.randrange(16, 64), world.random.uniform(0.02, 0.04)
    world.plan("pieces of %d bytes every %.3f s", size, pause)
    proxy.trickle(JOURNAL, size, pause)
    proxy.trickle(SQL, size, pause)
    proxy.throttle(CONTROL, 8000)
    rounds = world.size(1, 20, 200)
    began, before, batches = time.monotonic(), cpu_seconds(worker.pid), proxy.batches
    for _ in range(rounds):
        ids += db.start("mixed", 2)
        db.wait_idle(60)
    took, used = time.monotonic() - began, cpu_seconds(worker.pid) - before
    world.inject(proxy.batches - batches)
    world.land(proxy.batches - batches)
    proxy.heal()
    complete(world, len(ids))
    rows_exact(db, ids, [1])
    delivered_once(db, world.recorder, ids, ["s1", "s2"])
    nothing_lost(db)
    world.checked(3 * len(ids))
    share = used / took
    world.figure("cpu", share)
    world.note("%d runs in %.1f s, CPU %.1f %%", len(ids), took, 100 * share)
    check_landed(took > rounds, "%d rounds took %.1f s: nothing was slow", rounds, took)
    check(share <= (0.5 if world.sanitized else 0.05), "I8: the worker used %.0f %% of a core", 100 * share)
