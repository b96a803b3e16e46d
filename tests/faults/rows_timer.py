"""Very many timers that are due in the same second (row 42)."""
import time

from catalogue import case
from harness import check, check_landed, http_task, records_of, wait_for
from judges import OPS, all_completed, delivered_once, healthy, journal_is_whole

UNTIL = "${ { milliseconds: (($workflow.input.at - now) * 1000 | ceil) } }"
RSS = 96  # MiB; of it 4,096 runs in memory


def fired(db):
    """When the wait of each run was over, by the journal, and how often."""
    return db.rows("select ops.run_id, min(extract(epoch from j.at)) as at, count(*) as n from %s ops join "
                   "stepwell.journal j on j.run_id = ops.run_id and j.seq = ops.seq where ops.op = 'completed' and "
                   "ops.path = '/do/0/until' group by 1" % OPS)


@case(42, alone_in_full=True)
def timer_mass(world):
    """Runs that all wait for the same second; a part of them then sends something."""
    db, recorder = world.db, world.recorder
    count, lead = world.size(1500, 10000, 100000), int(world.within(5, 15, 90))
    senders = count // 20
    until = {"until": {"wait": UNTIL}}
    db.apply("silent", [until, {"done": {"set": {"x": 1}}}])
    db.apply("send", [until, {"send": http_task(recorder.url, "/nodedupe/{run}/send")}])
    workers = [world.worker() for _ in range(2)]
    second = int(time.time()) + lead
    due = {}
    for name, n in (("silent", count - senders), ("send", senders)):
        given = [{"n": i, "at": round(second + world.random.random(), 3)} for i in range(n)]
        due.update(zip(db.start_with(name, given), (g["at"] for g in given)))
    world.plan("%d timers are due between %d and %d", count, second, second + 1)
    wait_for(lambda: db.count("stepwell.lease where state = 'waiting' and due between to_timestamp(%d) and "
                              "to_timestamp(%d)" % (second, second + 2)) == count, lead, "all wait", 0.2)
    check_landed(time.time() < second, "they had no time to fall asleep")
    world.inject(count)
    wait_for(lambda: time.time() >= second, lead + 1, "it is time", 0.05)
    db.wait_idle(world.size(60, 90, 120))
    all_completed(db, count)
    journal_is_whole(db)
    times = fired(db)
    early = [(t["run_id"], t["at"] - due[t["run_id"]]) for t in times if t["at"] < due[t["run_id"]]]
    check(not early, "I6: %d timers fired early, such as %s", len(early), early[:3])
    check(len(times) == count and all(t["n"] == 1 for t in times), "I2: %d timers fired, some more than once",
          len(times))
    delivered_once(db, recorder, [run for run, steps in records_of(recorder)], ["send"])
    sent = records_of(recorder)
    early = [run for (run, _), found in sent.items() if found[0]["at"] < due[run]]
    check(len(sent) == senders and not early, "I6: %d sent, %d of them early", len(sent), len(early))
    healthy(workers)
    world.land(count)
    world.checked(len(times) + len(sent))
    late = sorted(t["at"] - due[t["run_id"]] for t in times)
    peak = max(worker.peak_mib() for worker in workers)
    world.figure("timers", {"count": count, "p50": late[count // 2], "latest": late[-1], "rss_mib": peak})
    world.note("%d timers, half fired within %.2f s, the last after %.2f s; %.0f MiB", count, late[count // 2],
               late[-1], peak)
    check(late[-1] <= world.within(20, 10, 60), "I5: the last timer fired %.1f s late", late[-1])
    check(world.sanitized or peak <= RSS, "I10: a worker took %.0f MiB", peak)
