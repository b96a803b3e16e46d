#!/usr/bin/env python3
"""What a worker says: at its start, and of what needs a person.

    test_cli_worker.py [NAME...]    only the cases with NAME in their name

cli_world.py says what it needs."""
import json
import re
import signal
import subprocess
import sys

from cli_world import HERE, PATIENCE, UUID, WFCTL, main, post
from harness import check, wait_for

BOOM = {"raise": {"error": {"type": "https://example.com/boom", "status": 418, "title": "B\u202eoom"}}}


def log(w):
    """a worker says which build, database and abilities it has, what faults and what is suspended; never a password"""
    recorder = w.recorder()
    run = w.expect(0, "start", w.file("f", [{"boom": BOOM}])).id
    held = w.expect(0, "start", w.file("h", [{"call": post(
        recorder.url + "/drop_after_apply/x", metadata={"onUncertain": "hold"})}])).id
    secret = "s3cr3t-of-the-database"
    conninfo = "%s password=%s" % (w.conninfo, secret)
    done = w.expect(0, "worker", "--until-idle", "--poll", "50ms", "--allow-run", "--database", "stock=dbname=x password=" + secret,
                    "--concurrency", "7", "--db", conninfo, out="")
    build = w.expect(0, "version").out.split()[1]
    database = w.sql("select current_database()")
    for text in ("info: wfctl %s works on database %s at " % (build, database), " as postgres\n",
                 "info: 1 process of 7 effects at once; run of processes, no call: sql on this database, database stock, no secrets\n",
                 "warning: run %s: faulted: B\\u202eoom (418) at /do/0/boom\n" % run,
                 "warning: run %s: suspended: nobody knows whether the last attempt took effect\n" % held):
        check(text in done.err, "nothing about %r: %s", text, done.err)
    check(secret not in done.err and "\u202e" not in done.err, "%s", done.err)
    check(re.search(r"info: worker %s, process \d+, is ready\n" % UUID, done.err), "%s", done.err)


def log_forms(w):
    """--log-level leaves out what matters less, --log-format json prints objects with the run"""
    path = w.file("f", [{"boom": BOOM}])
    run = w.expect(0, "start", path).id
    quiet = w.work("--log-level", "warning").err
    check(run in quiet and "info:" not in quiet and "is ready" not in quiet, "%s", quiet)
    run = w.expect(0, "start", path).id
    check(w.work("--log-level", "error").err == "", "more than errors")
    run = w.expect(0, "start", path).id
    lines = [json.loads(line) for line in w.work("--log-format", "json").err.splitlines()]
    check(all(list(line) in (["at", "level", "message", "process"], ["at", "level", "message", "process", "run"])
              for line in lines), "%s", lines)
    check([(line["level"], line["message"]) for line in lines if line.get("run") == run] == [
        ("warning", "faulted: B\\u202eoom (418) at /do/0/boom")], "%s", lines)
    w.fails(2, "error|warning|info|debug", "worker", "--log-level", "loud")


def events_that_cost(w):
    """an event whose text makes a filter's expression run away is not taken, at once, and the log says which limit it met"""
    one = {"with": {"type": "t", "data": {"text": "(a+)+b|(x+x+)+y|good"}}}
    run = w.expect(0, "start", w.file("l", [{"l": {"listen": {"to": {"one": one}}}}])).id
    worker = w.worker("--log-level", "debug")
    w.wait_status(run, "waiting")
    for number, text in enumerate(["a" * 900, "x" * 60, "a" * 50 + "c", "good"]):
        w.expect(0, "emit", "--type", "t", "--data", json.dumps({"text": text}), "--id", "e%d" % number, "--source", "s")
    w.wait_status(run, "completed")
    said = w.end(worker, signal.SIGTERM).err
    for number in range(3):
        check("warning: run %s: /do/0/l does not take the event \"e%d\" of \"s\": its regular expressions take more than "
              "20000 steps on it\n" % (run, number) in said, "e%d: %s", number, said)
    check("\"e3\"" not in said, "%s", said)


def log_of_processes(w):
    """processes of one worker have one beginning, and a line each"""
    worker = w.worker("--processes", "2")
    run = w.expect(0, "start", w.file("s", [{"a": {"set": {"x": 1}}}])).id
    w.wait_status(run, "completed")
    done = w.end(worker, signal.SIGTERM)
    check(done.code == 0 and done.err.count("works on database") == 1 and "info: 2 processes of 64 effects" in done.err,
          "%s", done)


def draining(w):
    """a worker that leaves says so to the pool, also for the processes for suspects that it started; nothing is amiss"""
    recorder = w.recorder()
    run = w.expect(0, "start", w.file("d", [{"a": post(recorder.url + "/hold/gate/a")}])).id
    worker = w.worker()
    recorder.wait("/hold/gate", 1)
    for name, parent in ("child", "id"), ("other", "null"):
        w.sql("insert into stepwell.worker (id, host, pid, version, expires_at, postmaster_started_at, parent) "
              "select gen_random_uuid(), '%s', 0, version, expires_at, postmaster_started_at, %s from stepwell.worker where pid = %d"
              % (name, parent, worker.pid))
    worker.send_signal(signal.SIGTERM)
    shown = lambda: w.sql("select string_agg(draining || ' ' || released, ', ' order by pid desc, host) from stepwell.worker")
    wait_for(lambda: shown().startswith("true"), 30, "the pool does not know that the worker leaves")
    check(shown() == "true false, false true, false false", "draining, released: %s", shown())
    w.expect(0, "status", out=", draining")
    recorder.release("gate")
    done = w.end(worker, 0)
    check(done.code == 0 and "warning" not in done.err and "error" not in done.err, "%s", done)
    w.sql("delete from stepwell.worker")
    check(w.status(run) == "completed", "%s", w.status(run))


def unfit(w):
    """a worker where expressions cannot be evaluated executes what needs none; else it says so and ends, and its runs are others'"""
    plain = w.file("p", [{"a": {"set": {"x": "${ .n }"}}}])
    jq = w.file("q", [{"a": {"set": {"x": "${ .n | floor }"}}}])
    here = lambda *words: subprocess.run([sys.executable, str(HERE / "no_filters.py"), WFCTL, *words], env=w.environ(None),
                                         stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=PATIENCE)
    why = "expressions cannot be evaluated here: this system refuses the filter of system calls that evaluators need"
    run = w.expect(0, "start", plain, "--input", '{"n":1.5}').id
    done = here("worker", "--until-idle", "--poll", "50ms")
    check(done.returncode == 0 and w.status(run) == "completed", "%s: %s", w.status(run), done)
    run = w.expect(0, "start", jq, "--input", '{"n":1.5}').id
    done = here("worker", "--until-idle", "--poll", "50ms")
    check(done.returncode == 4 and done.stderr.endswith("wfctl: %s\n" % why), "%s", done)
    check(w.status(run) in ("pending", "running") and w.sql("select count(owner), count(*) from stepwell.lease") == "0|1",
          "%s: %s", w.status(run), done)
    done = here("run", jq, "--input", '{"n":2.5}')
    check(done.returncode == 4 and why in done.stderr, "%s", done)
    w.work()
    check(w.sql("select string_agg(status || ' ' || output, ', ' order by created_at) from stepwell.runs where id >= '%s'" % run) ==
          'completed {"x":1}, completed {"x":2}', "%s", w.status(run))


if __name__ == "__main__":
    main([log, log_forms, events_that_cost, log_of_processes, draining, unfit])
