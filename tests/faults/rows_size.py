"""What is too large: refused with its place and at once, in little memory; and what is only long: a journal
of many steps, that another worker goes on with (row 57)."""
import json
import os
import pathlib
import subprocess
import time

from catalogue import case
from harness import check, http_task, records_of, wait_for
from judges import all_completed, journal_is_whole
from rows_crash import NO_POISON

MIB = 1 << 20


MEMORY = 256  # MiB of addresses, which is more than is resident


def measured(world, *arguments):
    """(exit code, what it said, seconds), with little memory."""
    limit = [] if world.sanitized else ["prlimit", "--as=%d" % (MEMORY * MIB)]
    began = time.monotonic()
    done = subprocess.run([*limit, world.wfctl, *arguments], stdin=subprocess.DEVNULL, capture_output=True, text=True,
                          errors="replace", timeout=300)
    return done.returncode, done.stdout + done.stderr, time.monotonic() - began


def holes(path, size, begin=b"", end=b""):
    """A file of that size that takes no room."""
    with open(path, "wb") as out:
        out.write(begin)
        out.truncate(size - len(end))
        out.seek(0, 2)
        out.write(end)
    return path


@case(57)
def oversize_files(world):
    """Definitions and inputs that are over the limit are refused without being read to their end."""
    db, folder = world.db, pathlib.Path(world.cluster.dir)
    db.apply("pass", [{"keep": {"set": "${ . }"}}])
    text = b'{"x":"' + b"y" * (17 * MIB) + b'"}'
    document = {"document": {"dsl": "1.0.3", "namespace": "crash", "name": "long", "version": "1.0.0"},
                "do": [{"a": {"set": {"v": "x" * 50000000}}}]}
    files = {"input of 17 MiB": ("input", text), "definition of 50 MB": ("definition", json.dumps(document).encode()),
             "input of 1.1 GB": ("input", 1100000000), "definition of 1.1 GB": ("definition", 1100000000)}
    for name, (kind, content) in files.items():
        path = folder / ("%s.%s.json" % (world.name, name.replace(" ", "-")))
        world.plan("a file: %s", name)
        if isinstance(content, int):
            holes(path, content, b'"', b'"')
        else:
            path.write_bytes(content)
        words = ["start", "crash/pass", "--input", "@%s" % path, "--db", db.conninfo] if kind == "input" else ["validate", str(path)]
        code, said, took = measured(world, *words)
        path.unlink()
        world.inject()
        world.land()
        check(code == 6, "I8: %s: exit %d: %s", name, code, said[-500:])
        check("MiB" in said or str(16 * MIB) in said, "I8: %s: the refusal names no limit: %s", name, said[-500:])
        check(took < world.within(5), "I10: %s: took %.1f s", name, took)
    check(db.count("stepwell.runs") == 0, "I1: a run of what was refused")
    world.checked(len(files))


@case(57)
def many_tasks(world):
    """A definition of very many tasks: checked, registered and run in bounds."""
    db, count = world.db, world.size(3000, 30000, 100000)
    document = {"document": {"dsl": "1.0.3", "namespace": "crash", "name": "many", "version": "1.0.0"},
                "do": [{"t%d" % n: {"set": {"n": "${ .n }"}}} for n in range(count)]}
    path = pathlib.Path(world.cluster.dir, world.name + ".json")
    path.write_text(json.dumps(document))
    code, said, took = measured(world, "apply", str(path), "--db", db.conninfo)
    check(code == 0, "I8: apply: exit %d: %s", code, said[-500:])
    run = db.start("many", 1)[0]
    began = time.monotonic()
    world.worker()
    db.wait_idle(world.size(60, 300, 900))
    ran = time.monotonic() - began
    all_completed(db, 1)
    journal_is_whole(db)
    done = db.count("stepwell.steps where run_id = '%s' and status = 'completed'" % run)
    check(done == count, "I1: %d of %d tasks are completed", done, count)
    world.check_workers()
    world.inject(count)
    world.land(count)
    world.checked(count)
    world.figure("apply seconds", took)
    world.note("%d tasks: apply %.1f s, run %.1f s", count, took, ran)


@case(57)
def oversize_answers(world):
    """Answers at the limit are stored; over it they are refused, whatever their size, and never asked for again."""
    db, limit = world.db, world.size(1, 16, 16) * MIB
    db.apply("ask", [{"send": {"call": "http", "with": {
        "method": "get", "endpoint": "${ \"%s/\" + $workflow.input.path + \"/\" + $workflow.id + \"/send?body=22*1,78*\" "
                                     "+ ($workflow.input.n | tostring) + \",22*1\" }" % world.recorder.url}}}])
    sizes = [limit - 1, limit, limit + 1] + [world.random.randint(limit + 2, 2 * limit) for _ in range(world.size(2, 5, 20))]
    sizes += world.size([8 * MIB], [256 * MIB], [256 * MIB, 1100 * 1000000])
    worker = world.worker("--body-limit", "%dMiB" % (limit // MIB), "--concurrency", "2", "--http-timeout", "5m")
    before, wanted = worker.forget_peak(), {}
    for size in sizes:
        world.plan("an answer of %d bytes", size)
        wanted[db.start_with("ask", [{"path": "hex", "n": size - 2}])[0]] = size
        db.wait_idle(300)
    grown = worker.peak_mib() - before
    world.check_workers()
    for row in db.rows("select id, status, octet_length(output::text) as size, error ->> 'detail' as detail from stepwell.runs"):
        size = wanted[row["id"]]
        if size <= limit:
            check(row["status"] == "completed" and row["size"] == size, "I4: %d bytes: %s", size, row)
        else:
            check(row["status"] == "faulted" and str(limit) in row["detail"], "I8: %d bytes: %s", size, row)
    records = records_of(world.recorder)
    check(all(len(found) == 1 for found in records.values()) and len(records) == len(sizes), "I3: asked for again")
    journal_is_whole(db)
    world.inject(len(sizes))
    world.land(len(sizes))
    world.checked(len(sizes))
    world.figure("grown MiB", grown)
    world.note("limit %d MiB, the worker grew by %.0f MiB", limit // MIB, grown)
    check(world.sanitized or grown < 32 + 10 * limit / MIB, "I10: the worker grew by %.0f MiB", grown)


@case(57, alone_in_full=True)
def long_journal(world):
    """A run of many steps loses its worker in the last one: another one goes on within 2 s of its claim."""
    db, count = world.db, world.size(1000, 10000, 100000)
    db.apply("long", [
        {"loop": {"for": {"each": "i", "in": "[range(%d)]" % count}, "do": [
            {"add": {"set": {"sum": "${ ($context.sum // 0) + $i }"}, "metadata": {"checkpoint": True},
                     "export": {"as": "${ { sum: .sum } }"}}}]}},
        {"held": http_task(world.recorder.url, "/hold/gate/{run}/held")},
        {"out": {"set": "${ $context.sum }"}}])
    took = []
    first = world.worker(*NO_POISON)
    run = db.start("long", 1)[0]
    began = time.monotonic()
    world.recorder.wait("/hold", 1, world.size(60, 300, 1800))
    ran = time.monotonic() - began
    for n in range(world.size(1, 3, 3)):
        first.end()
        first = world.worker(*NO_POISON)
        world.recorder.wait("/hold", n + 2, 60)
        sent = max(r["at"] for r in records_of(world.recorder)[run, "held"])
        took.append(sent - float(db.value("select extract(epoch from max(at)) from stepwell.journal where run_id = '%s' and "
                                          "kind = 'claimed'" % run)))
        world.inject()
        world.land()
    world.recorder.release("gate")
    db.wait_idle(60)
    all_completed(db, 1)
    journal_is_whole(db)
    output = db.value("select output::text from stepwell.runs")
    check(output == str(count * (count - 1) // 2), "I4: the sum of %d numbers is %s", count, output)
    began = time.monotonic()
    shown = len(db.cli("history", run, "-o", "jsonl", expect=0, timeout=300)[1].splitlines())
    entries = db.count("stepwell.journal")
    check(shown >= entries >= count, "I1: %d entries, %d are shown", entries, shown)
    world.checked(entries)
    world.figure("replay seconds", max(took))
    world.note("%d entries in %.1f s; replayed in %.3f s; history in %.1f s", entries, ran, max(took), time.monotonic() - began)
    check(max(took) <= world.within(2), "I5: it took %.1f s until a run of %d entries went on", max(took), entries)
