"""(e) claims of due runs and takeover of a killed worker's, (g) memory of runs in flight and of
waiting runs, (i) an idle pool."""
import time

import definitions
import pool
from processes import check, wait_for
from spent import first_id

MIB = 2**20
PAUSE = "PT1H"


def flags_for(runs):
    """So that one worker can hold all of them at once."""
    return ["--concurrency", str(runs), "--max-runs", str(2 * runs), "--http-timeout", "24h"]


# ---- Claims ----

def claim_due(db, runs, flags, mark="key"):
    """Runs that fall due at one instant, before an idle worker: milliseconds until the commit of the
    last claim, and until that of the last wait (the first task is a wait of an hour)."""
    workflow = pool.apply(db, definitions.wait("pause", PAUSE))
    with db.session() as session:
        since = first_id(session)
    pool.start_runs(db, workflow, runs, mark=mark)
    with db.session() as session:
        session.rows("update stepwell.lease set due = clock_timestamp() + interval '1 hour'")
        session.rows("vacuum analyze stepwell.lease")
        workers = pool.start_workers(db, 1, flags)
        due = session.value("with t as materialized (select clock_timestamp() + interval '2 s' as due), "
                            "u as (update stepwell.lease l set due = t.due from t returning 1) "
                            "select t.due from t, (select count(*) from u) c")
        wait_for(lambda: session.count("select count(*) from stepwell.lease where state = 'waiting' and "
                                       "owner is null") == runs, 300, "all runs wait", 0.1, workers)
        claimed, waiting, claims = session.rows(
            "select extract(epoch from max(at) filter (where kind = 'claimed') - '{0}') * 1000, "
            "extract(epoch from max(at) filter (where kind <> 'claimed') - '{0}') * 1000, "
            "count(*) filter (where kind = 'claimed') from (select kind, "
            "pg_xact_commit_timestamp(xmin) as at from stepwell.entry "
            "where kind <> 'created' and run_id >= '{1}') e".format(due, since))[0]
        check(int(claims) == runs, "%s claims of %d runs", claims, runs)
    pool.kill(workers)
    return float(claimed), float(waiting)


def claims(session):
    size, report = session.size("claims"), session.report
    for flags in size["flags"]:
        measured = []
        for _ in range(session.repeats):
            with session.server.database() as db:
                measured.append(claim_due(db, size["runs"], flags.split()))
        parameters = {"runs": size["runs"], "flags": flags}
        report.figure("claims", "claimed_all", [claimed for claimed, _ in measured], "ms", **parameters)
        report.figure("claims", "waiting_all", [waiting for _, waiting in measured], "ms", **parameters)
        report.figure("claims", "claims_per_second", [size["runs"] / c * 1000 for c, _ in measured],
                      "1/s", **parameters)


# ---- Runs in flight ----

def hold(db, stub, runs):
    """A worker that owns as many runs, each in the middle of a request: its intent is durable, and
    it was sent, or waits for a connection. With its memory before."""
    workflow = pool.apply(db, definitions.posts("hold", stub.url, 1))
    [worker] = pool.start_workers(db, 1, flags_for(runs))
    before = worker.rss()
    pool.start_runs(db, workflow, runs)
    with db.session() as session:
        wait_for(lambda: session.count("select count(*) from stepwell.entry where kind = 'started'")
                 == runs, 300, "all runs are in flight", 0.1, [worker, stub])
    wait_for(lambda: stub.stats()["held"], 60, "requests come", 0.1, [worker, stub])
    return worker, before


def take_over(db, worker, runs):
    """Kills the worker of these runs. Milliseconds from that to the commit by which another one has
    all of them, and from its first claim to that."""
    with db.session() as psql:
        [other] = pool.start_workers(db, 1, flags_for(runs))
        name = other.id(psql)
        killed = psql.value("select clock_timestamp()")
        worker.end(9)
        wait_for(lambda: psql.count("select count(*) from stepwell.lease where owner = '%s'" % name)
                 == runs, 300, "all runs are taken over", 0.1, [other])
        whole, claiming, claims = psql.rows(
            "select extract(epoch from max(done) - '%s') * 1000, extract(epoch from max(done) - min(at)) "
            "* 1000, count(*) from (select at, pg_xact_commit_timestamp(xmin) as done from "
            "stepwell.entry where kind = 'claimed' and data like '%%\"loss\":true%%') e" % killed)[0]
        check(int(claims) == runs, "%s losses of %d runs", claims, runs)
    pool.kill([other])
    return float(whole), float(claiming)


def takeover(session):
    size, report = session.size("takeover"), session.report
    measured = []
    for _ in range(session.repeats):
        stub = pool.Stub(session, delay=pool.HELD)
        with session.server.database() as db:
            worker, _ = hold(db, stub, size["runs"])
            measured.append(take_over(db, worker, size["runs"]))
        stub.end(9)
    report.figure("takeover", "claiming", [c for _, c in measured], "ms", runs=size["runs"])
    report.figure("takeover", "takeovers_per_second",
                  [size["runs"] / c * 1000 if c else 0 for _, c in measured], "1/s", runs=size["runs"])
    report.figure("takeover", "from_kill_to_last", [w for w, _ in measured], "ms", runs=size["runs"])


# ---- Memory ----

def memory_in_flight(session, runs):
    rss, each = [], []
    for _ in range(session.repeats):
        stub = pool.Stub(session, delay=pool.HELD)
        with session.server.database() as db:
            worker, before = hold(db, stub, runs)
            rss.append(worker.rss() / MIB)
            each.append((worker.rss() - before) / runs)
            held = stub.stats()["held"]
            pool.kill([worker])
        stub.end(9)
    parameters = {"runs": runs, "at_the_endpoint": held}
    session.report.figure("memory", "worker_rss", rss, "MiB", **parameters)
    session.report.figure("memory", "worker_bytes_per_run", each, "bytes", **parameters)


def memory_waiting(session, runs):
    """Memory is what stays: of the worker after as many runs came by as will, of Postgres the rows
    that are read again (the leases with their indexes), and what lies on disk."""
    lease, worker_each, disk = [], [], []
    for _ in range(session.repeats):
        with session.server.database() as db, db.session() as psql:
            workflow = pool.apply(db, definitions.wait("pause", PAUSE))
            sizes = "select {} from pg_class c join pg_namespace n on n.oid = relnamespace where " \
                    "nspname = 'stepwell' and relkind = 'r'"
            disk_size = sizes.format("sum(pg_total_relation_size(c.oid))")
            empty = psql.count(disk_size)
            workers = pool.start_workers(db, 1)
            rss = []
            for part in range(2):
                pool.start_runs(db, workflow, runs, mark="part%d" % part)
                wait_for(lambda: psql.count(
                    "select count(*) from stepwell.lease where state = 'waiting' and owner is null")
                    == runs * (part + 1), 600, "all runs wait", 0.1, workers)
                rss.append(workers[0].rss())
            worker_each.append(max(0, rss[1] - rss[0]) / runs)
            psql.rows("vacuum full stepwell.lease")
            lease.append(psql.count("select pg_total_relation_size('stepwell.lease')") / runs / 2)
            disk.append((psql.count(disk_size) - empty) / runs / 2)
            pool.kill(workers)
    report, parameters = session.report, {"runs": runs}
    report.figure("memory", "worker_bytes_per_waiting_run", worker_each, "bytes", **parameters)
    report.figure("memory", "bytes_per_waiting_run", [a + b for a, b in zip(lease, worker_each)], "bytes",
                  **parameters)
    report.figure("memory", "disk_per_waiting_run", disk, "bytes", **parameters)


def memory(session):
    size = session.size("memory")
    memory_in_flight(session, size["in_flight"])
    memory_waiting(session, size["waiting"])


# ---- An idle pool ----

COUNT_CALLS = "select coalesce(sum(calls), 0) from pg_stat_statements s join pg_database d " \
              "on d.oid = dbid where datname = '%s'"


def rest(session, db, workers, seconds):
    """What an idle stretch takes: statements a worker and second, CPU of the workers and of Postgres
    in percent of one core."""
    control = session.server.control
    def calls():
        return control.count(COUNT_CALLS % db.name) if session.server.statements else db.commits()
    before, cpu = calls(), sum(w.cpu_so_far() for w in workers)
    postgres, began = session.server.cpu(), time.monotonic()
    time.sleep(seconds)
    took = time.monotonic() - began
    cpu = sum(w.cpu_so_far() for w in workers) - cpu
    postgres = session.server.cpu() - postgres
    made = calls() - before
    return made / took / max(1, len(workers)), cpu / took * 100, postgres / took * 100


def idle(session):
    size, report, control = session.size("idle"), session.report, session.server.control
    bare, measured = [], []
    counted = "pg_stat_statements" if session.server.statements else "transactions"
    with session.server.database() as db:
        if session.server.statements:
            control.rows("create extension if not exists pg_stat_statements")
            control.rows("alter system set pg_stat_statements.track = 'top'")
            control.rows("select pg_reload_conf()")
        for _ in range(session.repeats):
            bare.append(rest(session, db, [], size["seconds"]))
            workers = pool.start_workers(db, size["workers"])
            time.sleep(size["settle"])
            measured.append(rest(session, db, workers, size["seconds"]))
            pool.end_workers(workers)
        if session.server.statements:
            control.rows("alter system reset pg_stat_statements.track")
            control.rows("select pg_reload_conf()")
    parameters = {"workers": size["workers"], "seconds": size["seconds"], "counted_by": counted}
    report.figure("idle", "statements_per_worker", [m[0] for m in measured], "1/s", **parameters)
    report.figure("idle", "worker_cpu", [m[1] for m in measured], "%", **parameters)
    report.figure("idle", "worker_cpu_each", [m[1] / size["workers"] for m in measured], "%",
                  **parameters)
    report.figure("idle", "postgres_cpu", [m[2] for m in measured], "%", **parameters)
    report.figure("idle", "postgres_cpu_without_workers", [b[2] for b in bare], "%", **parameters)
    report.figure("idle", "cpu", [m[1] + m[2] - b[2] for m, b in zip(measured, bare)], "%", **parameters)
