"""(h) growth: whole lives and claims beside millions of finished runs; a hundred thousand timers
due in a minute."""
import time

import definitions
import history
import pool
from cases_latency import percentile
from cases_life import STEPS, overlapped
from cases_pool import claim_due
from processes import check, wait_for
from spent import first_id, wait_ended
from verify import verify_runs


def grow(session, db, level, there, skipped):
    """Fills up to `level` finished runs, or what the disk has room for. How many there are."""
    with db.session() as psql:
        sample = psql.value("select id from stepwell.run where status = 'completed' "
                            "order by id desc limit 1")
        level = history.fitting(psql, db.server.dir, level, there, sample)
    if level > there:
        session.report.say("bench: growth: filling up to %d finished runs" % level)
        history.fill(db, level - there, "old%d" % level, sample, skipped)
    return level


def measure(session, db, workflow, mark):
    size = session.size("growth")
    runs, rates, claimed = size["runs"], [], []
    for i in range(session.repeats):
        spent, since = overlapped(db, workflow, runs, size["batch"], 1, mark="%s%d" % (mark, i))
        with db.session() as psql:
            verify_runs(psql, since, runs, STEPS, "%s%d" % (mark, i), own_rows=STEPS)
        rates.append(runs * STEPS / spent.seconds)
    for i in range(session.repeats):
        claimed.append(claim_due(db, size["claims"], [], "%sclaim%d" % (mark, i))[0])
        with db.session() as psql:  # they wait for an hour: out of the way of the next
            psql.rows("delete from stepwell.lease")
    return rates, claimed


def growth(session):
    size, report = session.size("growth"), session.report
    first, there = None, 0
    with session.server.database() as db:
        workflow = pool.apply(db, definitions.sets("life", STEPS, True))
        overlapped(db, workflow, size["batch"], size["batch"], 1, mark="warm")
        for i, level in enumerate(size["finished"]):
            reached = grow(session, db, level, there, i * history.WEEKS)
            parameters = {"finished": reached, "runs": size["runs"]}
            if reached < level:
                report.say("bench: growth: the disk has room for %d finished runs, not %d"
                           % (reached, level))
                parameters["scaled_down_from"] = level
            there = reached
            rates, claimed = measure(session, db, workflow, "at%d-" % level)
            first = first or (rates, claimed)
            report.figure("growth", "steps_per_second", rates, "1/s",
                          [r / e for r, e in zip(rates, first[0])], "the same without history",
                          **parameters)
            report.figure("growth", "claimed_all", claimed, "ms",
                          [c / e for c, e in zip(claimed, first[1])], "the same without history",
                          finished=reached, runs=size["claims"])
            with db.session() as psql:
                report.figure("growth", "database_size", psql.count(
                    "select pg_database_size(current_database())") / 2**30, "GiB", **parameters)


# ---- Timers ----

TIMER = "json_build_object('for', 'PT' || greatest(0.001, round(extract(epoch from '{begin}'" \
        "::timestamptz + i * interval '{window} s' / {count} - clock_timestamp())::numeric, 3)) || 'S')"
# Of each timer: from when it was due to the commit of what came after it.
LATE = """
select (extract(epoch from pg_xact_commit_timestamp(done.xid)) * 1e6 - due.due) / 1e3 from (
	select run_id, seq, substring(data from '"due":([0-9]+)')::bigint as due from stepwell.entry
	where data like '%"op":"waiting"%' and run_id >= '{since}') due
cross join lateral (select xmin as xid from stepwell.entry e where e.run_id = due.run_id and e.seq > due.seq
	and e.kind <> 'claimed' order by seq limit 1) done
"""


def timers(session):
    """Runs that wait, until times spread over a window, all of them before the first is due."""
    size, report = session.size("timers"), session.report
    count, window = size["timers"], size["window"]
    with session.server.database() as db, db.session() as psql:
        workflow = pool.apply(db, definitions.wait("timer", "${ .for }"))
        workers = pool.start_workers(db, 1)
        since = first_id(psql)
        begin = psql.value("select clock_timestamp() + interval '%d s'" % size["lead"])
        began = time.monotonic()
        for first in range(1, count + 1, size["batch"]):
            last = min(first + size["batch"] - 1, count)
            psql.rows(pool.batch_statement(db, workflow, first, last, "'timer-' || i",
                                           TIMER.format(begin=begin, window=window, count=count)))
        wait_ended(psql, workers, size["lead"] + window + 600)
        took = time.monotonic() - began - size["lead"]
        set_last, due_first, due_last = map(float, psql.rows(
            "select extract(epoch from max(at)), min(due) / 1e6, max(due) / 1e6 from (select at, "
            "substring(data from '\"due\":([0-9]+)')::bigint as due from stepwell.entry "
            "where data like '%\"op\":\"waiting\"%') w")[0])
        check(set_last < due_first, "the last timer was set %.1f s after the first was due: "
              "raise timers.lead", set_last - due_first)
        verify_runs(psql, since, count, 2, "timer")
        late = [float(row[0]) for row in psql.rows(LATE.format(since=since))]
        check(len(late) == count, "%d of %d timers fired", len(late), count)
        check(min(late) >= 0, "a timer fired %.1f ms before it was due", -min(late))
        pool.end_workers(workers)
    parameters = {"timers": count, "window_s": round(due_last - due_first, 1)}
    report.figure("timers", "fired", count, "", **parameters)
    report.figure("timers", "time_to_last", took, "s", **parameters)
    for name, share in (("p50", 0.5), ("p99", 0.99), ("max", 1)):
        report.figure("timers", "late_" + name, percentile(late, share), "ms", **parameters)
