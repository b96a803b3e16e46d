"""Clocks: a worker's wall clock that is wrong, and answers of the database's clock that come late."""
import time

from catalogue import case
from harness import Worker, check, check_landed, http_task, preload, records_of, shim, wait_for
from judges import OPS, all_completed, delivered_once, healthy, journal_is_whole, takeovers
from rows_crash import NO_POISON, SOON, bound
from rows_takeover import Freezers
from sessions import HEARTBEAT, LEASE
from sessions import SOON as VERY_SOON
from workload import FLAGS

HOUR, YEAR = 3600, 365 * 86400
WRONG = [(HOUR, 1), (-HOUR, 1), (10 * YEAR, 1), (-10 * YEAR, 1), (0, 2)]  # offset, rate


@case(39)
def worker_clock_wrong(world):
    """Workers whose clocks are wrong by hours and years, or run too fast; one after the other is
    killed, so that all of them also take over."""
    mix = world.mix()
    library = "%s:%s" % (shim(world.cluster, "wrong_clock"), shim(world.cluster, "who"))
    workers = [world.keep(Worker(mix.db, [*FLAGS, *SOON, *NO_POISON], env=preload(
        library, CLOCK_OFFSET=str(offset), CLOCK_RATE=str(rate)))) for offset, rate in WRONG]
    for worker in workers:
        worker.wait_ready()
    order = world.random.sample(range(len(workers)), len(workers) - 1)
    for index in order:
        world.plan("kill the worker whose clock is %d s off and %d times as fast", *WRONG[index])
        mix.start(world.size(12, 100, 500))
        time.sleep(world.random.uniform(0.5, 1))
        workers[index].end()
        world.inject()
        world.land()
    healed = time.time()
    mix.finish(60)
    world.judge(mix, hit=[w.pid for w in workers], healed=healed, bound=bound(world))
    healthy(workers)
    world.note("%d runs", len(mix.runs))


@case(40)
def clock_answers_late(world):
    """The answers to heartbeats, by which a worker learns the database's time, come up to a second
    late; no wait becomes shorter by that."""
    db, recorder, pause = world.db, world.recorder, 2.3  # so long that a run leaves memory
    db.apply("waits", [
        {"before": http_task(recorder.url, "/dedupe/{run}/before")}, {"nap": {"wait": {"milliseconds": 2300}}},
        {"after": http_task(recorder.url, "/dedupe/{run}/after")}])
    world.worker("--heartbeat", "500ms", "--lease", "6s", "--poll", "50ms", proxied=True)
    ids = []
    for _ in range(world.size(2, 60, 600)):
        silence = world.random.uniform(0.3, 1)
        world.plan("an answer to a heartbeat comes %.2f s late", silence)
        rule = world.proxy.rule(HEARTBEAT, "silent", sql="update stepwell.worker")
        check_landed(rule.hit.wait(10), "no heartbeat was held back")
        time.sleep(silence)
        world.proxy.heal()
        world.proxy.drop(rule)
        for _ in range(16):  # until after the next one, which comes in time
            ids += db.start("waits", 2)
            time.sleep(0.05)
        world.inject()
        world.land()
    db.wait_idle(30)
    all_completed(db, len(ids))
    journal_is_whole(db)
    world.check_workers()
    records = records_of(recorder)
    for run in ids:
        took = records[run, "after"][0]["at"] - records[run, "before"][0]["since"]
        check(took >= pause, "I6: run %s: the wait took %.3f s", run, took)
    world.checked(len(ids))
    world.note("%d waits", len(ids))


def timers_of(db, worker):
    """When the timers of the runs that it has in memory are due."""
    return [int(due) / 1e6 for due in db.value(
        "select o ->> 'due' from %s ops join stepwell.lease l on l.run_id = ops.run_id where op = 'waiting' "
        "and owner = '%s'" % (OPS, worker.uuid)).split()]


@case(40)
def suspended_across_waits(world):
    """A worker stands still from before its timers are due until after: for less than its lease, or so
    long that others have taken over by then."""
    db, recorder, freezers = world.db, world.recorder, Freezers(world)
    pauses = {"short": 1, "middle": 1.6, "long": 2.4}  # the last one's runs leave memory
    for name, pause in pauses.items():
        db.apply(name, [{"before": http_task(recorder.url, "/nodedupe/{run}/before")},
                        {"nap": {"wait": {"milliseconds": int(pause * 1000)}}},
                        {"after": http_task(recorder.url, "/nodedupe/{run}/after")}])
    workers, naps = [world.worker(*VERY_SOON, *NO_POISON) for _ in range(2)], {}
    for trial in range(world.size(2, 40, 300)):
        leases = world.random.uniform(0.6, 0.9) if trial % 2 else world.random.uniform(1.5, world.size(1.8, 5, 5))
        by_group = world.random.random() < 0.5
        world.plan("freeze for %.2f leases by %s", leases, "cgroup" if by_group else "signal")
        ids = {}
        for name in pauses:
            ids.update(dict.fromkeys(db.start(name, 8), name))
        wait_for(lambda: db.count("%s ops where op = 'waiting' and path = '/do/1/nap' and run_id = any "
                                  "('{%s}')" % (OPS, ",".join(ids))) == len(ids), 10, "all are asleep", 0.02)
        worker = max(workers, key=lambda w: len(timers_of(db, w)))
        freezers.freeze(worker, by_group)
        due, end = timers_of(db, worker), time.time() + leases * LEASE
        time.sleep(leases * LEASE)
        freezers.thaw(worker)
        naps.update(ids)
        world.inject(len(due))
        world.land(sum(when < end for when in due))
        db.wait_idle(30)
    check_landed(world.result.landed, "no timer was due while its worker stood still")
    all_completed(db, len(naps))
    journal_is_whole(db)
    healthy(workers)
    taken = takeovers(db)
    hit = {t["run_id"] for t in taken if t["lost"]}  # its timer had fired before the worker stood still
    delivered_once(db, recorder, sorted(naps), ["before", "after"], but=hit)
    records = records_of(recorder)
    for run, name in naps.items():
        took = records[run, "after"][0]["at"] - records[run, "before"][0]["since"]
        check(took >= pauses[name], "I6: run %s: the wait of %.1f s took %.3f s", run, pauses[name], took)
    again = db.rows("select run_id from %s ops where op = 'completed' and path = '/do/1/nap' group by 1 having "
                    "count(*) <> 1" % OPS)
    check(not again, "I2: timers that fired twice: %s", again)
    world.checked(3 * len(naps))
    world.note("%d waits, %d runs taken over meanwhile", len(naps), len(taken))
