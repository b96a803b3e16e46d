"""What is bounded by bytes: values at the limit in many steps and in forks, an entry that takes longer than a lease,
journals that another worker reads, a slow line, a lock that somebody holds (row 67)."""
import json
import pathlib
import re
import time

from catalogue import case
from harness import check, http_task, wait_for
from judges import all_completed, journal_is_whole
from rows_crash import NO_POISON
from sessions import JOURNAL, LEASE, SOON

MIB = 1 << 20
RESIDENT = 256  # MiB
TURN = re.compile(r"a turn of the loop took (\d+) ms of the processor")
LONGEST = 60  # ms
CALM = ["--lease", "5s", "--heartbeat", "1s"]
PATIENT = [*NO_POISON, "--http-timeout", "10m"]


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
def beats_beside_flushes(world):
    """Heartbeats do not wait for what others write: their commits wait for no WAL, those of the journal do."""
    db = world.db
    db.psql("create table waits (relation text, how text); grant all on waits to public; "
            "create function note() returns trigger language plpgsql as $f$ begin insert into public.waits "
            "values (tg_table_name, current_setting('synchronous_commit')); return null; end $f$; "
            "create constraint trigger note after update on stepwell.worker initially deferred for each row "
            "when (old.seen_at is distinct from new.seen_at) execute function note(); "
            "create constraint trigger note after update on stepwell.lease initially deferred for each row execute function note()")
    db.apply("set", [{"a": {"set": {"x": 1}}}, {"w": {"wait": {"seconds": 3}}}])
    world.worker(*SOON)
    db.start("set", 3)
    db.wait_idle(30)
    wait_for(lambda: db.count("waits where relation = 'worker'") > 2, 30, "heartbeats")
    world.inject()
    world.land()
    how = {(row["relation"], row["how"]) for row in db.rows("select distinct relation, how from waits")}
    check(how == {("worker", "off"), ("lease", "on")}, "I5: commits wait so: %s", how)
    world.check_workers()
    world.checked(3)


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


@case(67)
def large_takeover(world):
    """Runs that hold little, and have journals of many MiB, lose their worker: another one takes all of them over in
    little memory. One has a large input, and values that its snapshot names."""
    db, count, pages = world.db, world.size(6, 12, 40), world.size(40, 100, 100)
    pages = 6 if world.sanitized else pages  # its memory is not judged
    answer = "/hex/\" + $workflow.id + \"/page?body=22*1,78*%d,22*1" % (MIB - 2)
    db.apply("pages", [
        {"each": {"for": {"each": "i", "in": "${ [range(%d)] }" % pages}, "do": [
            {"page": {"call": "http", "with": {"method": "get", "endpoint": "${ \"%s%s\" }" % (world.recorder.url, answer)}}}]}},
        {"stop": http_task(world.recorder.url, "/hold/gate/{run}/stop")},
        {"out": {"set": {"ok": True}}}])
    db.apply("big", [
        {"a": keeps()}, {"b": {"set": {"w": "${ $context.v }"}, "output": {"as": "${ .w }"}}},
        {"stop": http_task(world.recorder.url, "/hold/gate/{run}/stop")},
        {"out": {"set": "${ ($steps.b == $workflow.input.big) and ($context.v == $steps.b) }"}}])
    worker = world.worker("--body-limit", "1MiB", "--concurrency", "16", *PATIENT)
    db.start("pages", count)
    start_large(world, "big", 15 * MIB)
    count += 1
    world.recorder.wait("/hold", count, world.size(120, 600, 900))
    check_memory(world, worker, "%d runs at work" % count)
    read = db.value("select sum(length(data)) / 1048576 from stepwell.entry")
    worker.end()
    world.inject(count)
    worker = world.worker(*PATIENT)
    world.recorder.wait("/hold", 2 * count, 60)
    world.land(count)
    check_memory(world, worker, "takeover of %s MiB of journals" % read)
    world.recorder.release("gate")
    db.wait_idle(60)
    world.check_workers()
    all_completed(db, count)
    journal_is_whole(db)
    said = db.value("select output::text from stepwell.runs where name = 'big'")
    check(said == "true", "I4: a value is another after the takeover: %s", said[:200])
    world.checked(count)


def longest_turn(worker, after):
    return max([int(ms) for ms in TURN.findall(worker.output())][after:], default=0)


@case(67)
def large_fork(world):
    """Very many branches wait; another worker takes the run over, suspends it, resumes it, cancels it: no turn of its loop
    is so long that its other runs, or its heartbeat, would wait for it."""
    db, count = world.db, world.size(10000, 50000, 100000)
    db.apply("fork", [{"f": {"if": "${ $workflow.input }", "fork": {"branches": [
        {"b%d" % n: {"wait": {"seconds": 36000}}} for n in range(count)]}}}])
    first = world.worker()
    run = db.start_with("fork", [True])[0]
    state = "stepwell.lease where run_id = '%s' and state = '%%s'" % run
    wait_for(lambda: db.count(state % "waiting") == 1, 60, "all branches wait")
    first.end()
    worker = world.worker("--log-level", "debug")
    small = db.start_with("fork", [False])[0]  # which has the definition compiled
    wait_for(lambda: db.count("stepwell.lease where run_id = '%s'" % small) == 0, 60, "the definition is there")
    before = len(TURN.findall(worker.output()))
    for order, then in (("suspend", "suspended"), ("resume", "waiting")):
        db.cli(order, run, timeout=60)
        wait_for(lambda: db.count(state % then) == 1, 60, order)
        world.inject()
        world.land()
    db.cli("cancel", run, timeout=60)
    db.wait_idle(60)
    longest = longest_turn(worker, before)
    world.figure("longest turn ms, %d branches" % count, longest)
    world.note("%d branches: longest turn %d ms", count, longest)
    check(longest <= LONGEST * (10 if world.sanitized else 1), "I10: a turn of %d ms", longest)
    world.check_workers()
    journal_is_whole(db)
    world.checked(count)


@case(67)
def many_definitions(world):
    """A worker that has met very many definitions keeps some of them: runs of all of them complete, twice."""
    db, count = world.db, world.size(10, 600, 2000)
    text = "x" * (world.size(4 * MIB, 1000, 1000) if not world.sanitized else 1000)
    for n in range(count):
        db.apply("d%d" % n, [{"a": {"set": {"x": "${ [range(5)] | map(. * %d) | add }" % n, "y": text}}},
                             {"b": {"set": {"z": "${ .x + 1 }"}}}])
    worker = world.worker()
    for _ in range(2):
        db.psql("select count(stepwell.start('crash/d' || n)) from generate_series(0, %d) n" % (count - 1))
        db.wait_idle(world.size(60, 300, 900))
    all_completed(db, 2 * count)
    wrong = db.count("stepwell.runs where (output ->> 'z')::int <> 10 * substr(name, 2)::int + 1")
    check(wrong == 0, "I4: %d runs were executed by another definition", wrong)
    check_memory(world, worker, "%d definitions" % count)
    world.check_workers()
    world.inject(2 * count)
    world.land(2 * count)
    world.checked(2 * count)


@case(67)
def silent_journal(world):
    """A worker whose journal is silent lets its runs go, and says so: another takes them over and counts no loss. When
    the journal is back it takes that back."""
    db, proxy = world.db, world.proxy
    db.apply("waits", [{"s": http_task(world.recorder.url, "/hold/gate/{run}/s")}])
    worker = world.worker(*CALM, proxied=True)
    run = db.start("waits", 1)[0]
    world.recorder.wait("/hold", 1, 30)
    said = "stepwell.worker where id = '%s' and %%s" % worker.id()
    proxy.hole(JOURNAL)
    world.recorder.release("gate")  # the outcome goes to the journal, and there is no answer
    wait_for(lambda: db.count(said % "released") == 1, 30, "a worker says that it lets its runs go")
    check("the journal has not answered" in worker.output(), "the log does not say why: %s", worker.output()[-500:])
    check(db.count("stepwell.lease where run_id = '%s'" % run) == 1, "the run has ended without a journal")
    world.worker(*CALM)
    wait_for(lambda: db.count("stepwell.entry where kind = 'claimed'") == 2, 30, "another worker takes the run over")
    lost = db.count("stepwell.entry where kind = 'claimed' and data like '%\"loss\":true%'")
    check(lost == 0, "I1: what was let go counts as lost")
    world.recorder.wait("/hold", 2, 30)
    world.recorder.release("gate")
    proxy.heal()
    wait_for(lambda: db.count(said % "not released") == 1, 30, "a worker that goes on takes that back")
    db.wait_idle(60)
    world.check_workers()
    all_completed(db, 1)
    journal_is_whole(db)
    world.inject()
    world.land()
    world.checked(1)
