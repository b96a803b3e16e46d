"""Expressions that run away are stopped within documented bounds, and the rest of the pool goes on (row 54)."""
import json
import pathlib
import time

from catalogue import case
from harness import check, http_steps
from judges import all_completed, effects_once, journal_is_whole

RUNAWAYS = [
    "last(range(1e9))", "[range(1e9)]", "def f: f; f", "def f: 1 + f; f", "def f(g): [g | f(g)]; f(.)", "[repeat(1)]", "until(false; .)",
    "last(while(true; .))", "reduce range(1e9) as $i (\"x\"; . + .)", "reduce range(1e9) as $i ([1]; . + .)", "reduce range(1e9) as $i ([]; [.])",
    "reduce range(1e9) as $i ({}; .[$i | tostring] = $i)", "[recurse([., .])]", "[limit(1e9; repeat(\"x\"))] | add",
    "last(foreach range(1e9) as $i (0; . + $i))", "[range(1e9)] | sort", "first(range(1e9) | select(. < 0))", "try last(range(1e9)) catch 1",
    "[range(1e5)] | map(. as $x | [range(1e5)] | map(. + $x)) | length", "label $out | range(1e9) | if . < 0 then break $out else empty end",
    "[paths(last(range(1e9)))]", ".x |= last(range(1e9))", "any(range(1e9); false)", "isempty(range(1e9) | empty)",
    "[range(1e9) | tostring] | join(\"\")", "def f(n): if n == 0 then 0 else f(n - 1) + f(n - 1) end; f(60)"]
# Onig gives up by itself.
BACKTRACKING = ["([range(40)] | map(\"a\") | add) + \"!\" | test(\"^(a+)+$\")", "([range(3000)] | map(\"a\") | add) | test(\"(a*)*(a*)*b\")",
                "([range(60)] | map(\"ab\") | add) | test(\"^(a|b|ab)*c\")", "([range(30)] | map(\"x\") | add) | test(\"(x+x+)+y\")"]
MEMORY = 128  # MiB, as documented
SECONDS = 1.0


def applied(db, name, expression):
    db.apply(name, [{"calm": {"set": {"x": 1}}}, {"run": {"set": {"v": "${ %s }" % expression}}}])
    return name


@case(54)
def runaways(world):
    """One after the other: a fault of the run that did it, about a second after it began."""
    db, took, grown = world.db, [], []
    chosen = world.random.sample(RUNAWAYS, world.size(2, len(RUNAWAYS), len(RUNAWAYS)))
    names = [applied(db, "runaway%d" % n, text) for n, text in enumerate(chosen)]
    again = world.size(1, 1, 10)
    worker = world.worker("--poll", "100ms")
    for name, text in zip(names * again, chosen * again):
        world.plan("%s", text)
        before, began = worker.forget_peak(), time.monotonic()
        run = db.start(name, 1)[0]
        db.wait_idle(60)
        took.append((time.monotonic() - began, text))
        row = db.rows("select status, error ->> 'type' as type from stepwell.runs where id = '%s'" % run)[0]
        world.inject()
        world.land(row["status"] == "faulted")
        check(row["status"] == "faulted" and row["type"].endswith("/expression"), "I5: %s: %s", text, row)
        grown.append(worker.peak_mib() - before)
        # One operation is not interrupted: what is nearly too large may be doubled once.
        check(world.sanitized or grown[-1] <= 2.25 * MEMORY, "I10: %s: the worker grew by %.0f MiB", text, grown[-1])
    slowest, text = max(took)
    journal_is_whole(db)
    world.check_workers()
    check(worker.alive(), "I8: the worker has ended")
    world.checked(len(took))
    world.figure("slowest", slowest)
    world.figure("grown MiB", max(grown))
    world.note("slowest %.2f s: %s; grown by %.0f MiB at the most", slowest, text, max(grown))
    # Of processor time; the claim and the cases beside this one take some, and ASan as much again to free it all.
    check(slowest <= world.within(SECONDS + 4, SECONDS + 1, SECONDS + 1) + 20 * world.sanitized, "I5: %s was stopped after %.2f s", text, slowest)


@case(54)
def backtracking(world):
    """Regular expressions that would take for ever: an answer or a fault, in bounded time."""
    db = world.db
    names = [applied(db, "regex%d" % n, text) for n, text in enumerate(BACKTRACKING)]
    worker, ends = world.worker("--poll", "100ms"), []
    for name, text in zip(names, BACKTRACKING):
        world.plan("%s", text)
        began = time.monotonic()
        run = db.start(name, 1)[0]
        db.wait_idle(60)
        ends.append((time.monotonic() - began, text, db.value("select status from stepwell.runs where id = '%s'" % run)))
        world.inject()
        world.land()
    journal_is_whole(db)
    check(worker.alive(), "I8: the worker has ended")
    world.check_workers()
    check(all(status in ("completed", "faulted") for _, _, status in ends), "I5: %s", ends)
    world.checked(len(ends))
    world.figure("slowest", max(ends)[0])
    world.note("slowest %.2f s: %s, %s", *max(ends))
    check(max(ends)[0] <= world.within(SECONDS + 10, SECONDS + 3, SECONDS + 3), "I5: %s took %.2f s", max(ends)[1], max(ends)[0])


@case(54, alone_in_full=True)
def others_go_on(world):
    """The rate of the other runs, with one that runs away every ten seconds or so and without."""
    db, recorder = world.db, world.recorder
    db.apply("http", http_steps(recorder.url, 4, "/delay/50"))
    applied(db, "runaway", world.random.choice(RUNAWAYS[:4]))
    count, bad, took, ids = world.size(40, 2000, 8000), world.size(1, 5, 20), [], []
    with world.pool(2, "--concurrency", "4") as pool:
        pool.wait_ready()
        for runaway in (False, True):
            began = time.monotonic()
            for _ in range(bad):  # in parts, so that they are spread
                ids += db.start("http", count // bad, len(ids) + 1)
                if runaway:
                    world.plan("a runaway beside %d runs", count // bad)
                    db.start("runaway", 1)
                    world.inject()
                db.wait_idle(120)
            took.append(time.monotonic() - began)
        check(not pool.replace_dead(), "I8: workers ended")
    ends = {(r["name"], r["status"]): r["n"] for r in db.rows("select name, status, count(*) as n from stepwell.runs group by 1, 2")}
    check(ends == {("http", "completed"): len(ids), ("runaway", "faulted"): bad}, "I5: %s", ends)
    world.land(bad)
    journal_is_whole(db)
    effects_once(db, recorder, ids, ["s1", "s2", "s3", "s4"])
    world.checked(4 * len(ids))
    ratio = took[0] / took[1]
    world.figure("rate", ratio)
    world.note("others ran at %.0f %% of their rate", 100 * ratio)
    check(world.size(True, ratio >= 0.9, ratio >= 0.9), "I5: others ran at %.0f %% of their rate", 100 * ratio)


@case(54)
def many_expressions(world):
    """Each of them of the kind that libjq must compile."""
    db, count = world.db, world.size(300, 10000, 100000)
    # One after the other, and after the first the rest in one object: a definition of that many tasks is row 57.
    document = {"document": {"dsl": "1.0.3", "namespace": "crash", "name": "many", "version": "1.0.0"},
                "do": [{"sum": {"set": {"k%d" % n: "${ .n + %d | tostring | length }" % n for n in range(count)}}}]}
    path = pathlib.Path(world.cluster.dir, world.name + ".json")
    path.write_text(json.dumps(document))
    began = time.monotonic()
    db.cli("apply", str(path), expect=0, timeout=600)
    took = time.monotonic() - began
    db.start("many", 1)
    worker = world.worker()
    began = time.monotonic()
    db.wait_idle(600)
    ran = time.monotonic() - began
    all_completed(db, 1)
    journal_is_whole(db)
    output = json.loads(db.value("select output::text from stepwell.runs"))
    bad = [k for k, v in output.items() if v != len(str(1 + int(k[1:])))]
    check(not bad and len(output) == count, "I4: %d values, wrong: %s", len(output), bad[:5])
    world.check_workers()
    world.inject(count)
    world.land(count)
    world.checked(count)
    world.figure("seconds", ran)
    world.note("%d expressions: apply %.1f s, run %.1f s, %.0f MiB", count, took, ran, worker.peak_mib())
