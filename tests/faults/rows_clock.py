"""Clocks: a worker's wall clock that is wrong, and answers of the database's clock that come late."""
import time

from catalogue import case
from harness import Worker, check, check_landed, http_task, preload, records_of, shim
from judges import all_completed, healthy, journal_is_whole
from rows_crash import NO_POISON, SOON, bound
from sessions import HEARTBEAT
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
