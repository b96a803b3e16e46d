"""(c) a lone run, step by step, beside a bare one-row commit; (h) a long run: its last steps beside
its first, and how soon another worker goes on with it."""
import statistics

import definitions
import pool
from processes import Child, check, wait_for
from spent import first_id, wait_ended
from verify import verify_runs

BARE = """
create schema bare;
create table bare.entry (like stepwell.entry, primary key (run_id, seq))
"""
ONE_ROW = """\\set n :n + 1
insert into bare.entry values ('01a21055-bdb9-7e28-a76e-14683a2418b6', :n::int, clock_timestamp(),
 'started', '/do/1/step1', null, '[{"op":"started","path":"/do/1/step1"},{"op":"completed","path":"/do/1/step1","output":{"n":1,"step":1}}]');
"""
# A request may take as long as the bench, and a worker be killed as often as it likes.
FLAGS = ["--http-timeout", "24h", "--poison-after", "0"]
# Between consecutive entries that hold a step, in order.
GAPS = """
select extract(epoch from at - before) * 1e6 from (
	select seq, at, lag(at) over (order by seq) as before from stepwell.entry
	where run_id = '%s' and kind not in ('created', 'claimed', 'frames')) e
where before is not null order by seq
"""


def percentile(values, share):
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * share))]


def bare_commits(db, count, first):
    """Latencies of one client that commits one row at a time, microseconds."""
    number = Child.count_next()
    script, log = db.server.file("row.%d.sql" % number), db.server.file("row.%d" % number)
    with open(script, "w") as out:
        out.write(ONE_ROW)
    child = Child("pgbench", [db.server.bin + "/pgbench", "-n", "-M", "prepared", "-c", "1", "-t",
                              str(count), "-D", "n=%d" % first, "-f", script, "-l", "--log-prefix=" + log,
                              db.conninfo], log + ".log")
    check(child.wait(600) == 0, "pgbench: %s", child.said())
    with open("%s.%d" % (log, child.pid)) as lines:
        latencies = [int(line.split()[2]) for line in lines]
    check(len(latencies) == count, "pgbench wrote %d latencies of %d", len(latencies), count)
    return latencies


def lone_run(db, steps):
    """A run on a worker that has nothing else to do: its gaps and its time a step, microseconds."""
    workflow = pool.apply(db, definitions.sets("lone", steps, True))
    workers = pool.start_workers(db, 1)
    with db.session() as session:
        since = first_id(session)
        run = session.value("select stepwell.start('%s', '{\"n\": 1}', 'lone')" % workflow)
        wait_ended(session, workers)
        gaps = [float(row[0]) for row in session.rows(GAPS % run)]
        took = session.number("select extract(epoch from ended_at - started_at) * 1e6 "
                              "from stepwell.run where id = '%s'" % run)
        verify_runs(session, since, 1, steps, own_rows=steps)
    pool.end_workers(workers)
    return gaps, took / steps


def latency(session):
    size, report = session.size("latency"), session.report
    runs, commits = [], []
    for _ in range(session.repeats):
        with session.server.database() as db:
            with db.session() as psql:
                psql.rows(BARE)
            bare = bare_commits(db, size["commits"], 0)
            runs.append(lone_run(db, size["steps"]))
            commits.append(bare + bare_commits(db, size["commits"], size["commits"]))
    for name, share in (("p50", 0.5), ("p99", 0.99)):
        steps = [percentile(gaps, share) for gaps, _ in runs]
        bare = [percentile(c, share) for c in commits]
        report.figure("latency", "bare_commit_" + name, bare, "us", commits=2 * size["commits"])
        report.figure("latency", "step_" + name, steps, "us", [a / b for a, b in zip(steps, bare)],
                      "bare one-row commit", steps=size["steps"])
    report.figure("latency", "run_time_per_step", [each for _, each in runs], "us",
                  [each / statistics.median(c) for (_, each), c in zip(runs, commits)],
                  "bare one-row commit", steps=size["steps"])


def resume(db, session, stub, run):
    """A worker takes the run over, whose last one is gone: it, and milliseconds from its claim to the
    commit of the run's next entry."""
    asked = stub.stats()["requests"]
    [worker] = pool.start_workers(db, 1, FLAGS)
    wait_for(lambda: stub.stats()["requests"] > asked, 120, "the run goes on", 0.05, [worker])
    at, following = session.rows(
        "select extract(epoch from at), (select extract(epoch from pg_xact_commit_timestamp(n.xmin)) "
        "from stepwell.entry n where n.run_id = e.run_id and n.seq = e.seq + 1) from stepwell.entry e "
        "where run_id = '%s' and kind = 'claimed' order by seq desc limit 1" % run)[0]
    return worker, (float(following) - float(at)) * 1000


def long(session):
    """One run of many steps, then of a request that is not answered: there its workers are killed."""
    size, report = session.size("long"), session.report
    steps, window, resumed = size["steps"], size["window"], []
    stub = pool.Stub(session, delay=pool.HELD)
    with session.server.database() as db, db.session() as psql:
        workflow = pool.apply(db, definitions.loop("long", stub.url))
        [worker] = pool.start_workers(db, 1, FLAGS)
        since = first_id(psql)
        run = psql.value("select stepwell.start('%s', '{\"n\": %d}', 'long')" % (workflow, steps))
        wait_for(lambda: stub.stats()["requests"], 3600, "the steps are done", 0.1, [worker])
        for _ in range(session.repeats):
            pool.kill([worker])
            worker, took = resume(db, psql, stub, run)
            resumed.append(took)
        stub.release()
        wait_ended(psql, [worker])
        verify_runs(psql, since, 1, steps + 2)  # and the loop, and the request
        gaps = [float(row[0]) for row in psql.rows(GAPS % run)]
        pool.end_workers([worker])
    stub.end()
    first, last = gaps[:window], gaps[steps - 1 - window:steps - 1]
    parameters = {"steps": steps, "window": window}
    report.figure("long", "first_steps", statistics.median(first), "us", **parameters)
    report.figure("long", "last_steps", statistics.median(last), "us",
                  [statistics.median(last) / statistics.median(first)], "its first steps", **parameters)
    report.figure("long", "last_steps_time", sum(last) / 1000, "ms", [sum(last) / sum(first)],
                  "its first steps", **parameters)
    report.figure("long", "resume", resumed, "ms", steps=steps)
