"""What is bounded by bytes: values at the limit in many steps and in forks, an entry that takes longer than a lease,
journals that another worker reads, a slow line, a lock that somebody holds (row 67)."""
import json
import pathlib
import time

from catalogue import case
from harness import check, http_task, wait_for
from judges import all_completed, journal_is_whole
from sessions import JOURNAL, LEASE, SOON

MIB = 1 << 20
RESIDENT = 256  # MiB
CALM = ["--lease", "5s", "--heartbeat", "1s"]


def start_large(world, name, size):
    """A run whose input is {"big": TEXT}, `size` bytes in all."""
    path = pathlib.Path(world.cluster.dir, world.name + ".input.json")
    path.write_text('{"big":"%s"}' % ("x" * (size - 10)))
    code, said, _ = world.db.cli("start", "crash/" + name, "--input", "@%s" % path, timeout=120)
    path.unlink()
    check(code == 0, "I8: start: exit %d: %s", code, said)
    return said.strip()


def keeps(expression="${ $workflow.input.big }"):
    return {"set": {"v": expression}, "export": {"as": "${ . }"}}


def nobody_lost(world, runs):
    """Each run was claimed once: no worker was taken for dead."""
    claims = world.db.rows("select run_id, count(*) as n from stepwell.entry where kind = 'claimed' group by 1 having count(*) > 1")
    logs = [worker.output()[-1500:] for worker in world.known.get("workers", ())]
    check(not claims, "I5: runs of live workers were taken over: %s\n%s", claims, "\n".join(logs))
    world.check_workers()
    all_completed(world.db, runs)
    journal_is_whole(world.db)


def check_memory(world, worker, what):
    peak = worker.peak_mib()
    world.figure("resident MiB, " + what, peak)
    world.note("%s: %.0f MiB resident at most", what, peak)
    check(world.sanitized or peak < RESIDENT, "I10: %s: the worker took %.0f MiB", what, peak)


@case(67)
def large_values(world):
    """Values of 1, 15 and 16 MiB in eight steps, each of which keeps two of them, and in a fork."""
    db, steps = world.db, world.size(4, 8, 8)
    db.apply("steps", [{"s%d" % n: keeps()} for n in range(steps)] + [{"end": {"set": {"ok": True}, "export": {"as": "${ null }"}}}])
    db.apply("fork", [{"f": dict(fork={"branches": [{"b%d" % n: keeps()} for n in range(3)]}, output={"as": "${ [.[] | .v | length] }"})}])
    sizes = world.size([16], [1, 15, 16], [1, 15, 16])
    workers = [world.worker(), world.worker()]
    for size in sizes:
        world.plan("values of %d MiB", size)
        for name in ("steps", "fork"):
            start_large(world, name, size * MIB)
            db.wait_idle(world.size(90, 300, 300))
        world.inject(2)
        world.land(2)
    nobody_lost(world, 2 * len(sizes))
    largest = db.count("(select 1 from stepwell.entry where length(data) > %d) large" % (53 * MIB))
    check(largest == 0, "I10: %d entries are larger than a chain and a step", largest)
    world.checked(db.count("stepwell.entry"))
    for worker in workers:
        check_memory(world, worker, "values of %d MiB" % max(sizes))


@case(67)
def large_entry(world):
    """An entry of very many bytes: the server takes longer for it than a lease; the line may be slow."""
    db, branches = world.db, world.size(3, 24, 24)
    db.apply("join", [{"f": {"fork": {"branches": [{"b%d" % n: {"set": {"v": "${ $workflow.input.big }"}}} for n in range(branches)]}}},
                      {"end": {"set": {"ok": True}}}])
    start_large(world, "join", 15 * MIB)
    worker = world.worker(*CALM, proxied=True)
    speed = world.size(6, 12, 12) * MIB
    world.plan("%d MiB a second to the journal", speed // MIB)
    world.proxy.throttle(JOURNAL, speed)
    began = time.monotonic()
    world.worker(*CALM)
    db.wait_idle(world.size(90, 600, 600))
    took = time.monotonic() - began
    nobody_lost(world, 1)
    size = db.count("(select 1 from generate_series(1, (select max(length(data)) / 1048576 from stepwell.entry))) mib")
    check(size >= 15 * branches, "the entry has %d MiB", size)
    world.inject()
    world.land()
    world.checked(db.count("stepwell.entry"))
    world.note("an entry of %d MiB: %.1f s", size, took)
    world.figure("resident MiB, entry of %d MiB" % size, worker.peak_mib())


@case(67)
def slow_line(world):
    """Flushes that need several leases on a slow line, and small ones beside them."""
    db, proxy = world.db, world.proxy
    db.apply("big", [{"s": keeps()}, {"end": {"set": {"ok": True}, "export": {"as": "${ null }"}}}])
    db.apply("small", [{"a": {"wait": {"milliseconds": 300}}}, {"b": {"set": {"ok": True}}}])
    world.worker(*SOON, proxied=True)
    proxy.throttle(JOURNAL, world.size(2, 1, 1) * MIB)
    start_large(world, "big", world.size(4, 16, 16) * MIB)
    count = world.size(5, 50, 50)
    wait_for(lambda: db.count("stepwell.lease where owner is not null"), 30, "the large run is claimed")
    began = time.monotonic()
    other = world.worker(*SOON)
    db.start("small", count)
    db.wait_idle(world.size(60, 600, 600))
    took = time.monotonic() - began
    proxy.heal()
    nobody = db.rows("select run_id from stepwell.entry where kind = 'claimed' and data like '%\"loss\":true%'")
    check(not nobody, "I5: runs of live workers were taken over: %s", nobody)
    check(took > 1.5 * LEASE, "the line was not slow: %.1f s", took)
    world.check_workers()
    all_completed(db, 1 + count)
    journal_is_whole(db)
    world.inject(1 + count)
    world.land(1 + count)
    world.checked(1 + count)
    world.note("%.1f s; the other worker had %d", took, other.owned())


@case(67)
def held_event_id(world):
    """A caller's open transaction holds an event's id for several leases; a workflow emits it. Its worker is not
    taken for dead, and the others of its runs get on."""
    db = world.db
    emit = "select stepwell.emit('{\"id\":\"order-1\",\"source\":\"/shop\",\"type\":\"order\"}')"
    db.apply("emits", [{"e": {"emit": {"event": {"with": {"type": "order", "source": "/shop", "id": "order-1", "data": {"n": 1}}}}}}])
    db.apply("waits", [{"a": {"wait": {"milliseconds": 100}}}, {"s": http_task(world.recorder.url, "/nodedupe/{run}/s")}])
    holder = world.holder(emit)
    world.worker(*SOON)
    held = db.start("emits", 1)[0]
    wait_for(lambda: db.count("stepwell.lease where owner is not null"), 30, "the run is claimed")
    world.worker(*SOON)
    began, others = time.monotonic(), 0
    while time.monotonic() - began < world.size(3, 20, 60) * LEASE:
        others += len(db.start("waits", 2))
        wait_for(lambda: db.count("stepwell.runs where status = 'completed'") == others, 10, "others get on")
    check(db.count("stepwell.lease where run_id = '%s'" % held) == 1, "the event's id was not held")
    holder.stdin.write("commit;\n")
    holder.stdin.flush()
    db.wait_idle(30)
    nobody_lost(world, 1 + others)
    world.inject()
    world.land()
    world.checked(1 + others)
