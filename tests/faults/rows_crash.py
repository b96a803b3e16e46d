"""Workers that are killed: one at a time, in the middle of a takeover, all at once."""
import time

from catalogue import case
from harness import check, http_task, wait_for
from judges import (all_completed, effects_once, healthy, journal_is_whole, kills_that_hit, sessions_bounded,
                    takeovers)

LEASE = 4.0
SOON = ["--lease", "4s", "--heartbeat", "1s"]
# Kills in quick succession also hit the recovery from earlier ones; by chance one run's owner
# dies three times in a row, which the default rightly takes for poison.
NO_POISON = ["--poison-after", "0"]


def bound(world):
    """A takeover needs the lease to run out, a look every 500 ms, and what a busy machine is late."""
    return LEASE + 0.5 + world.size(6, 2, 2)


def draw_kills(world, kills, work):
    """When each kill is due, as a share of the work, and which of the busy workers it hits (0 to 1), or
    whether of all of them."""
    plan = [(world.random.uniform(0.02, 0.9) * work, world.random.random(), world.random.random() < 0.2)
            for _ in range(kills)]
    for goal, choice, anyone in sorted(plan):
        world.plan("at %d of %d: kill %s %.3f", goal, work, "worker" if anyone else "busy", choice)
        yield goal, choice, anyone


def pick(items, choice):
    return items[int(choice * len(items))]


def kill_one(pool, choice, anyone=False, victims=None):
    """Kills one of those that are busy (or of what victims() says), or anyone."""
    end = time.monotonic() + 2
    while not anyone and time.monotonic() < end:
        found = (victims or pool.busy)()
        if found and pool.kill(pick(found, choice)):
            return
        time.sleep(0.01)
    pool.kill(pick(range(len(pool.workers)), choice))


def kill_at_random(world, pool, kills, work, progress):
    """Kills, mostly workers that own something, whenever progress() has come to the next one of
    as many random shares of the work."""
    for goal, choice, anyone in list(draw_kills(world, kills, work)):
        wait_for(lambda: progress() >= goal, 120, "the work goes on to %d of %d" % (goal, work), 0.02)
        kill_one(pool, choice, anyone)
        world.inject()


def count_hits(world, db, pool):
    taken, hits = kills_that_hit(db, pool.killed)
    world.land(hits)
    return taken


@case(1)
def kill_mixed(world):
    """All kinds of definitions; every 0 to 200 ms one of three workers is killed, mostly one that has
    begun something. (Short: to 600 ms. A build with ASan would not come to work.)"""
    kills = world.size(12, 1000, 10000)
    mix = world.mix()
    with world.mixed_pool(mix, 3, *SOON, *NO_POISON) as pool:
        mix.start(world.size(40, 60, 60))
        for _ in range(kills):
            pause, choice, anyone = (world.random.uniform(0, world.size(0.6, 0.2, 0.2)), world.random.random(),
                                     world.random.random() < 0.2)
            world.plan("after %.3f s kill %s %.3f", pause, "worker" if anyone else "busy", choice)
            mix.top_up(world.size(30, 60, 60))
            time.sleep(pause)
            kill_one(pool, choice, anyone)
            world.inject()
        healed = time.time()
        mix.finish(world.size(90, 300, 600))
        sessions_bounded(mix.db, 3)
        pool.drain()
    count_hits(world, mix.db, pool)
    world.judge(mix, pool, hit=[w.pid for w in pool.gone], healed=healed, bound=bound(world))
    world.note("%d runs, %d kills", len(mix.runs), kills)


@case(3)
def kill_in_recovery(world):
    """The owner of all runs is killed; so is who takes them over, within 50 ms, three times."""
    mix = world.mix(["line", "nested", "sql", "nap", "sleep", "retry", "plain", "hold", "fail", "shell"])
    chains, killed, workers, hit = world.size(1, 60, 1000), [], [], set()
    for chain in range(chains + 3):
        if chain >= chains and len(hit) * 2 >= len(killed):
            break  # else the machine was so busy that the runs were over before the kills
        pauses = [world.random.uniform(0, 0.05) for _ in range(4)]
        world.plan("kill %s after a claim", ", ".join("%.3f s" % p for p in pauses))
        with world.mixed_pool(mix, 1, *SOON, *NO_POISON) as pool:
            mix.start(25)
            for depth, pause in enumerate(pauses):
                claimed = "stepwell.journal where kind = 'claimed' and data::text like '%%%s%%'%s" % (
                    pool.workers[0].wait_registered(),
                    " and data::text like '%\"loss\":true%'" if depth else "")
                wait_for(lambda: mix.db.count(claimed) or not mix.db.active(), 20, "I5: a takeover", 0.005)
                time.sleep(pause)
                pool.kill(0)
                world.inject()
            healed = time.time()
            mix.finish(60)
        killed += pool.killed
        workers += pool.all()
        if chain + 1 >= chains:
            hit = {t["owner"] for t in takeovers(mix.db)} & set(killed)
    world.land(len(hit))
    world.judge(mix, hit=[w.pid for w in workers], healed=healed, bound=bound(world))
    healthy(workers)
    world.note("%d kills, %d runs", len(killed), len(mix.runs))


@case(4)
def kill_all(world):
    """1,000 attempts under way in three workers, which are all killed."""
    db, recorder = world.db, world.recorder
    count, rounds = world.size(300, 1000, 1000), world.size(1, 10, 100)
    db.apply("held", [{"s1": http_task(recorder.url, "/hold/gate/{run}/s1")},
                      {"s2": http_task(recorder.url, "/dedupe/{run}/s2")}])
    flags = ["--concurrency", str(count), "--http-timeout", "5m", *SOON, *NO_POISON]
    slowest, ids = 0, []
    for trial in range(rounds):
        before = len(recorder.records("/hold"))
        with world.pool(3, *flags) as pool:
            pool.wait_ready()
            ids += db.start("held", count, trial * count + 1)
            recorder.wait("/hold", before + count, 60)
            pool.kill_all()
            began = time.time()
            recorder.wait("/hold", before + 2 * count, 60)
            recorder.release("gate")
            db.wait_idle(60)
        healthy(pool.all())
        found = [t for t in takeovers(db) if t["owner"] in pool.killed]
        world.inject(count)
        world.land(sum(t["lost"] for t in found))
        check(len(found) == count, "I1: %d of %d runs were taken over", len(found), count)
        slowest = max(slowest, max(t["at"] for t in found) - began)
        check(slowest <= world.within(LEASE + 3.5, LEASE + 1.5, LEASE + 1.5), "I5: resumed after %.1f s", slowest)
    all_completed(db, count * rounds)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2"])
    world.checked(2 * len(ids))
    world.figure("slowest", slowest)
    world.note("%d rounds of %d, all resumed within %.2f s", rounds, count, slowest)
