#!/usr/bin/env python3
"""`wfctl doctor` against servers of its own that are made bad, one thing at a time: what it says, how
it grades it, and its exit code.

    test_doctor.py [NAME...]    only the cases with NAME in their name

Here: what is well, and the probe. The other cases are in doctor_*.py, one file for each thing that
can be bad. Finds the program in WFCTL. Prints TAP lines. Standard library only."""
import concurrent.futures
import json
import pathlib
import subprocess
import sys

import doctor_pool
import doctor_server
import doctor_storage
import doctor_way
from doctor_world import (MEMBERS, NAMES, NOTHING, PATIENCE, PROBES, SLEEP, TIMED, WFCTL, Report, World,
                          environment, make_cluster)
from harness import check, wait_for
import tap


# ---- What is well ----

def healthy(w):
    """a pool that is well has nothing but ok, in a fixed order, and exit 0"""
    w.worker()
    report = w.doctor().exits(0).all_well()
    check(list(report.checks) == NAMES, "the checks are %s", list(report.checks))
    check(list(report.object) == ["checks", "summary"], "members: %s", list(report.object))
    check(report.object["summary"] == {"ok": len(NAMES), "skipped": 0, "warnings": 0, "problems": 0},
          "summary: %s", report.object["summary"])
    for found in report.checks.values():
        check(list(found) == MEMBERS and found["found"] and found["why"] and found["advice"] is None,
              "a check is %s", found)
    report.expect("connection", "ok", w.cluster.dir + "/socket", "database " + w.name, "role postgres")
    report.expect("tls", "ok", "unix socket").expect("workers", "ok", "1 alive")


def text(w):
    """the text has a line for each check, and says why and what to do where it is not ok"""
    out = next(o for o in (w.wfctl("doctor").stdout for _ in range(20)) if "run workers near" not in o)
    for name in NAMES:
        check(name in out, "nothing of %s in %s", name, out)
    lines = out.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("warning"))
    check("why:" in lines[at + 1] and "do:" in lines[at + 2], "no why, or nothing to do: %s", out)
    check(lines[-1] == "%d ok, 1 warning, 0 problems" % (len(NAMES) - 1), "the summary: %s", lines[-1])
    check("\x1b" not in out, "colours without a terminal")


def usage(w):
    """wrong usage is exit 2; help tells the exit codes"""
    w.wfctl("doctor", "-o", "xml", expect=2)
    check(len(w.wfctl("doctor", "-o", "jsonl").stdout.splitlines()) == 1, "jsonl is a line")
    w.wfctl("doctor", "something", expect=2)
    done = subprocess.run([WFCTL, "help", "doctor"], capture_output=True, text=True, check=True)
    check("--probe" in done.stdout and "7 when" in done.stdout, "help: %s", done.stdout)


def private(w):
    """the private Postgres of a folder is examined and probed like any other"""
    refused = subprocess.run([WFCTL, "doctor", "-o", "json"], cwd=w.dir, env=environment(), capture_output=True,
                             text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    Report(refused.returncode, refused.stdout, refused.stderr).exits(7).expect("connection", "problem", "no database is "
                                                                               "configured")
    path = pathlib.Path(w.dir, "one.json")
    path.write_text(json.dumps({"document": {"dsl": "1.0.3", "namespace": "test", "name": "one", "version": "1.0.0"},
                                "do": NOTHING}))
    subprocess.run([WFCTL, "run", path], cwd=w.dir, env=environment(), capture_output=True, check=True,
                   timeout=PATIENCE, stdin=subprocess.DEVNULL)
    done = subprocess.run([WFCTL, "doctor", "--probe", "-o", "json"], cwd=w.dir, env=environment(),
                          capture_output=True, text=True, timeout=PATIENCE, stdin=subprocess.DEVNULL)
    subprocess.run([WFCTL, "dev", "--stop"], cwd=w.dir, env=environment(), capture_output=True,
                   timeout=PATIENCE, stdin=subprocess.DEVNULL)
    Report(done.returncode, done.stdout, done.stderr).exits(0).all_well(but=["workers", "disk", *TIMED])


# ---- The probe ----

def probe(w):
    """the probe works, and leaves nothing behind"""
    w.start("sleep", SLEEP)
    before = w.counts()
    report = w.doctor("--probe").exits(0)
    check(list(report.checks) == NAMES + PROBES, "the checks are %s", list(report.checks))
    report.expect("probe-commit", "ok", "20 commits").expect("probe-notify", "ok", "heard after")
    report.expect("probe-run", "ok", "completed, 2 steps")
    check(w.counts() == before, "it left something: %s, before %s", w.counts(), before)


def probe_cut_short(w):
    """what a probe left that was cut short is ended by a worker and removed by the next one"""
    before = w.counts()
    w.psql("create function stall() returns trigger language plpgsql as $$ begin perform pg_sleep(60); "
           "return old; end $$; create trigger stall before delete on stepwell.definition for each "
           "statement execute function stall()")
    doctor = w.background(WFCTL, "doctor", "--probe", "--db", w.conninfo, stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment())
    wait_for(lambda: w.psql("select count(*) from stepwell.runs where status = 'completed'") == "1",
             PATIENCE, "the probe's run ends")
    doctor.kill()
    doctor.wait()
    w.psql("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'wfctl' "
           "and datname = current_database()")
    w.psql("drop trigger stall on stepwell.definition")
    check(w.counts() != before, "the probe was not cut short")
    w.doctor("--probe").exits(0).expect("probe-run", "ok")
    check("definition 1" in w.counts(), "one of a minute ago is left alone: %s", w.counts())
    w.psql("update stepwell.definition set created_at = created_at - interval '11 minutes'; update "
           "stepwell.run set id = stepwell.first_id(created_at - interval '11 minutes' + interval '1 s')")
    w.psql("update stepwell.entry set run_id = (select id from stepwell.run)")
    w.doctor("--probe").exits(0).expect("probe-run", "ok")
    check(w.counts() == before, "it left something: %s, before %s", w.counts(), before)


def probe_that_fails(w):
    """a worker that cannot work is a problem of the probe"""
    w.psql("create function refuse() returns trigger language plpgsql as $$ begin raise exception "
           "'no steps today'; end $$; create trigger refuse before insert on stepwell.session for each "
           "row execute function refuse()")
    w.doctor("--probe").exits(1).expect("probe-run", "problem", "no steps today")
    check("definition 0" in w.counts(), "the definition was left: %s", w.counts())


CASES = ([healthy, text, usage, private, probe, probe_cut_short, probe_that_fails] + doctor_server.CASES
         + doctor_storage.CASES + doctor_pool.CASES + doctor_way.CASES)
# They change the whole server; what makes it old for ever comes last.
ALONE = doctor_server.ALONE + doctor_way.ALONE + doctor_storage.ALONE


def main():
    names = sys.argv[1:]
    failed = count = 0
    cluster = make_cluster()
    try:
        with concurrent.futures.ThreadPoolExecutor(3) as threads:
            for cases, run in ((CASES, threads.map), (ALONE, map)):
                cases = [c for c in cases if not names or any(n in c.__name__ for n in names)]
                for case, outcome in zip(cases, run(lambda c: tap.outcome(lambda name: World(cluster, name), c), cases)):
                    count += 1
                    failed += tap.say(count, case, *outcome)
        print("1..%d" % count)
    finally:
        cluster.destroy()
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
