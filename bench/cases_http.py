"""(f) HTTP steps a second against an endpoint on this machine, beside what wrk gets from it."""
import re

import definitions
import pool
from processes import check, finish
from spent import Spent, now, seconds_of, wait_ended
from verify import verify_runs

STEPS = 10
ALL = "00000000-0000-0000-0000-000000000000"  # below any id


def endpoint_limit(session, stub, connections, seconds):
    """Requests a second by wrk, with the body and the headers of a step."""
    before = stub.stats()["requests"]
    said = finish("wrk", ["wrk", "-t", "1", "-c", str(connections), "-d", "%ds" % seconds, "-s",
                          session.folder + "/post.lua", stub.url], session.server.file("wrk.log"), 600)
    check("Non-2xx" not in said and "Socket errors" not in said, "wrk: %s", said)
    counted = int(re.search(r"(\d+) requests in", said).group(1))
    check(stub.stats()["requests"] - before >= counted, "the stub counted fewer than wrk's %d", counted)
    return float(re.search(r"Requests/sec:\s*([\d.]+)", said).group(1))


def run_phase(session, stub, runs, workers, concurrency):
    """Runs that are there already: from the launch of the workers to the last run's end."""
    with session.server.database() as db:
        workflow = pool.apply(db, definitions.posts("posts", stub.url, STEPS))
        pool.start_runs(db, workflow, runs)
        before, spent = stub.stats()["requests"], Spent(db)
        with db.session() as psql:
            launch = now(psql)
            spent.start_clock()
            stub_cpu = stub.cpu_so_far()
            children = [pool.Worker(db, "--concurrency", str(concurrency)) for _ in range(workers)]
            wait_ended(psql, children)
            spent.stop_clock()
            spent.seconds = seconds_of(psql, ALL, launch)
            spent.stub_cpu = stub.cpu_so_far() - stub_cpu
        spent.worker_cpu = pool.end_workers(children)
        spent.count()
        sent = stub.stats()["requests"] - before
        check(sent == runs * STEPS, "%d requests for %d steps", sent, runs * STEPS)
        with db.session() as psql:
            verify_runs(psql, ALL, runs, STEPS, "key")
        return spent


def http(session):
    size, report = session.size("http"), session.report
    runs = size["runs"]
    stub = pool.Stub(session)
    limits = [endpoint_limit(session, stub, size["wrk_connections"], size["wrk_seconds"])
              for _ in range(session.repeats)]
    report.figure("http", "endpoint_limit", limits, "1/s", connections=size["wrk_connections"], by="wrk")
    for workers, concurrency in size["pools"]:
        all_spent = [run_phase(session, stub, runs, workers, concurrency)
                     for _ in range(session.repeats)]
        steps, parameters = runs * STEPS, {"runs": runs, "workers": workers, "concurrency": concurrency}
        rates = [steps / s.seconds for s in all_spent]
        report.figure("http", "steps_per_second", rates, "1/s", [r / l for r, l in zip(rates, limits)],
                      "the endpoint's limit", **parameters)
        for name, of in (("worker", "worker_cpu"), ("postgres", "postgres_cpu"), ("stub", "stub_cpu")):
            report.figure("http", name + "_cpu_per_step",
                          [getattr(s, of) / steps * 1e6 for s in all_spent], "us", **parameters)
        report.figure("http", "commits_per_step", [s.commits / steps for s in all_spent], "", **parameters)
        report.figure("http", "wal_per_step", [s.wal / steps for s in all_spent], "bytes", **parameters)
    stub.end(9)
